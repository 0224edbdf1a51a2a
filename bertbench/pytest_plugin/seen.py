"""What one pytest process saw of the session; under xdist, the controller is told by its workers what they saw.

The controller of xdist collects nothing and runs nothing: it learns what the items came to from their reports, and
nothing of what was collected or deselected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

#: Every spec item carries it.
SPEC_MARKER = "bertbench_spec"
#: The worker's part of what xdist brings home.
_WORKER_OUTPUT = "bertbench_seen"


class Seen:
    """Counts spec items as they pass by.

    Attributes:
        collected: Spec items.
        deselected: Of these, how many will not run.
        folders: That were searched for tests and specs, those above the arguments included.
        undecided: What to do next, by the name of each item that is a comparison and was undecided, or whose fixture
            asked for a spec that was skipped in place of being compared.
    """

    def __init__(self) -> None:
        self.collected = 0
        self.deselected = 0
        self.folders: set[Path] = set()
        self.undecided: dict[str, str] = {}

    def pytest_collect_directory(self, path: Path) -> None:
        """Remember where specs may have been."""
        self.folders.add(path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Count what was collected, before anybody deselects."""
        self.collected = sum(is_spec_item(item) for item in items)

    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        """Count what will not run."""
        self.deselected += sum(is_spec_item(item) for item in items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note comparisons that could not decide; they are skipped, and a skip alone is green."""
        noted = dict(report.user_properties)
        if report.when != "teardown" and (noted.get("bertbench_kind"), noted.get("bertbench_outcome")) == (
            "comparison",
            "undecided",
        ):
            self.undecided[report.nodeid] = str(noted["bertbench_next_step"])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the controller, if there is one."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_WORKER_OUTPUT] = {
                "collected": self.collected,
                "deselected": self.deselected,
                "folders": sorted(map(str, self.folders)),
            }

    def take_in(self, worker_output: Mapping[str, Any]) -> None:
        """What a worker saw. Each collects all items, so that the numbers of several are not added up."""
        told = worker_output.get(_WORKER_OUTPUT)
        if told is not None:
            self.collected = max(self.collected, told["collected"])
            self.deselected = max(self.deselected, told["deselected"])
            self.folders.update(map(Path, told["folders"]))


def is_spec_item(item: pytest.Item) -> bool:
    """Whether an item is a promise of a spec file."""
    return item.get_closest_marker(SPEC_MARKER) is not None
