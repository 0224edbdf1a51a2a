"""Names of engines, as a spec says them; `bertbench.engines.catalogue` knows what each one is."""

from __future__ import annotations

import re

from bertbench.spec.nearest import did_you_mean

ENGINES = ("native", "keras-hub", "transformers-torch", "transformers-tf")
#: A factory of the user's own.
OWN_MODEL = "python"
_FACTORY = re.compile(r"python:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
#: Engines that compute with a library of their own, whatever Keras is set to, and that library's name.
OWN_LIBRARY = {"transformers-torch": "torch", "transformers-tf": "tensorflow"}


def known_engine(value: str) -> str:
    """The name of an engine as it is.

    Raises:
        ValueError: If it is none.
    """
    if value in ENGINES or _FACTORY.fullmatch(value):
        return value
    if ":" in value:
        raise ValueError("expected python:<package.module>:<factory>, such as python:train:build_model")
    names = ", ".join(ENGINES)
    raise ValueError(
        f"unknown engine{did_you_mean(value, ENGINES)}; known: {names}, and python:<package.module>:<factory>"
    )
