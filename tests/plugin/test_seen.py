"""What workers saw reaches the controller, which saw nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bertbench.pytest_plugin.seen import SPEC_MARKER, Seen


def items(ours: int, others: int = 0) -> Any:
    """Items of spec files, and of others."""
    markers = [SPEC_MARKER] * ours + ["slow"] * others
    return [SimpleNamespace(get_closest_marker=lambda name, own=own: own if own == name else None) for own in markers]


def worker(collected: Any, deselected: Any) -> dict[str, Any]:
    """What xdist brings home of a worker that collected and deselected this."""
    seen = Seen()
    seen.pytest_collect_directory(Path("specs"))
    seen.pytest_collection_modifyitems(collected)
    seen.pytest_deselected(deselected)
    config = SimpleNamespace(workeroutput={"exitstatus": 0})
    seen.pytest_sessionfinish(SimpleNamespace(config=config))  # type: ignore[arg-type]
    return config.workeroutput


@pytest.mark.parametrize("workers", [1, 3])
def test_the_controller_knows_what_each_worker_saw(workers: int) -> None:
    """All workers collect the same."""
    controller = Seen()
    for _ in range(workers):
        controller.take_in(worker(items(5, others=2), items(3, others=2)))
    assert (controller.collected, controller.deselected) == (5, 3)
    assert controller.folders == {Path("specs")}


def test_a_worker_that_crashed_tells_nothing() -> None:
    controller = Seen()
    controller.take_in(worker(items(5), items(0)))
    controller.take_in({})
    assert (controller.collected, controller.deselected) == (5, 0)


@pytest.mark.parametrize(
    ("when", "kind", "outcome", "noted"),
    [
        ("call", "comparison", "undecided", {"card.toml::quality": "run more"}),
        ("setup", "comparison", "undecided", {"card.toml::quality": "run more"}),  # a fixture asked for it
        ("teardown", "comparison", "undecided", {}),  # the same item again
        ("call", "comparison", "pass", {}),
        ("call", "budget", "undecided", {}),  # test workers shared the machine
    ],
)
def test_undecided_comparisons_are_known_by_their_reports(when: Any, kind: str, outcome: str, noted: Any) -> None:
    """Which reach the controller of xdist, too."""
    properties = [("bertbench_kind", kind), ("bertbench_outcome", outcome), ("bertbench_next_step", "run more")]
    seen = Seen()
    for user_properties in (properties, []):
        seen.pytest_runtest_logreport(
            pytest.TestReport(
                "card.toml::quality", ("", 0, ""), {}, "skipped", None, when, user_properties=user_properties
            )
        )
    assert seen.undecided == noted


def test_without_workers_there_is_nobody_to_tell() -> None:
    session: Any = SimpleNamespace(config=SimpleNamespace())
    Seen().pytest_sessionfinish(session)
    assert not hasattr(session.config, "workeroutput")
