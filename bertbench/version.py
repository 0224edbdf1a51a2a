"""Which bertbench this is."""

from importlib.metadata import version

VERSION = version("bertbench")
