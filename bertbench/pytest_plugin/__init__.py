"""bertbench in pytest: spec files are collected, every promise is a test item of its own.

Thin on purpose: imports nothing heavy until a spec is asked for, and decides nothing that `bertbench.suite` does not.

::

    __init__.py   options, marker, which files are collected
    options.py    what was asked for, read or refused
    items.py      a spec file and its promises as pytest sees them
    fixtures.py   for tests of one's own
    seen.py       what passed by: items collected, deselected, undecided; told by xdist's workers
    state.py      what one pytest process knows; the session's end
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bertbench.pytest_plugin.fixtures import bertbench, bertbench_record
from bertbench.pytest_plugin.items import SpecFile
from bertbench.pytest_plugin.seen import Seen
from bertbench.pytest_plugin.state import STATE, PluginState, XdistHooks

__all__ = [
    "bertbench",
    "bertbench_record",
    "pytest_addoption",
    "pytest_collect_file",
    "pytest_configure",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the group 'bertbench'."""
    group = parser.getgroup("bertbench", "fine-tunes as tests")
    group.addoption(
        "--bertbench-specs",
        action="append",
        default=[],
        metavar="NAME|PATTERN",
        help="run only these specs: names, or patterns of paths such as 'specs/*.toml'; commas or repetition for more",
    )
    group.addoption("--bertbench-seeds", metavar="N[,N...]", help="seeds in place of each spec's own: 0,1,2 or 0-4")
    group.addoption("--bertbench-engine", metavar="NAME", help="engine in place of each spec's own: keras-hub, ...")
    group.addoption(
        "--bertbench-backend",
        choices=("tensorflow", "jax", "torch"),
        help="Keras backend in place of each spec's own",
    )
    group.addoption("--bertbench-store", metavar="FOLDER", default=None, help="where records go (default .bertbench)")
    group.addoption("--bertbench-logdir", metavar="FOLDER", default=None, help="write TensorBoard logs here")
    group.addoption("--bertbench-json", metavar="FILE", default=None, help="write all results here, as JSON")
    group.addoption("--bertbench-strict", action="store_true", help="undecided promises fail instead of being skipped")
    group.addoption(
        "--bertbench-compare",
        nargs="?",
        const="",
        default=None,
        metavar="NAME[,NAME...]",
        help="compare every run with these baselines: those of bertbench_baselines, else 'rolling', and 'reference' "
        "where there is one, if no name is given; further seeds are run as far as the verdict needs them",
    )
    group.addoption(
        "--bertbench-speed-base",
        metavar="SIDE",
        default=None,
        help="with --bertbench-compare: git:REV or path/to/python that the training step of every spec is held "
        "against, in place of bertbench_speed_base; none leaves speed undecided today",
    )
    group.addoption(
        "--bertbench-speed-budget",
        metavar="TIME",
        default=None,
        help="time for the pairs of processes of one spec, in place of bertbench_speed_budget: 90s, 20m",
    )
    parser.addini(
        "bertbench_baselines",
        "names of baselines that the project keeps, such as 'rolling,reference': a missing one is no_baseline, and "
        "they share one error rate",
        default="",
    )
    parser.addini(
        "bertbench_gated_specs",
        "specs whose quality and speed the project gates: they share one error rate",
        default="1",
    )
    parser.addini(
        "bertbench_speed_base",
        "git:REV or path/to/python that the training step of every spec is held against by --bertbench-compare; speed "
        "is not gated if empty",
        default="",
    )
    parser.addini("bertbench_speed_budget", "time for the pairs of processes of one spec: 90s, 20m", default="10m")
    parser.addini(
        "bertbench_audit",
        "at the end, say of each threshold on every seed whether the seeds of the store show it stable or flaky",
        type="bool",
        default=True,
    )
    parser.addini("bertbench_store", "where records go", default=".bertbench")
    parser.addini("bertbench_logdir", "write TensorBoard logs here; not written if empty", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and the part that has state."""
    config.addinivalue_line(
        "markers", "bertbench(spec, seeds=None): the spec file whose record the fixture bertbench_record gives"
    )
    config.addinivalue_line("markers", "bertbench_spec: carried by every item of a collected spec file; select with -m")
    seen = Seen()
    state = PluginState(config, seen)
    config.stash[STATE] = state
    config.pluginmanager.register(seen, "bertbench_seen")
    config.pluginmanager.register(state, "bertbench_state")
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(XdistHooks(state, seen), "bertbench_xdist")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SpecFile | None:
    """TOML files in a folder `specs`, those named on the command line, and those `--bertbench-specs` names by path.

    A file whose name begins with an underscore is a base for others and no benchmark.
    """
    if file_path.suffix != ".toml" or not parent.config.stash[STATE].wants(file_path, parent):
        return None
    return SpecFile.from_parent(parent, path=file_path)
