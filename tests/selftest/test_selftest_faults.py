"""Which faults a self-test puts in, on which seeds, and which of them pairs of processes are asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_machine import FakeFault, FakeMachine, slower_steps, small_spec

from bertbench.selftest.fault_matrix import slowest_first
from bertbench.selftest.record import SelfTest
from bertbench.selftest.session import self_test
from bertbench.selftest.settings import Settings
from bertbench.suite import Benchmark

LEAK = FakeFault("memory-leak", place="machine", changes_numbers=False, new_bits=False)


def run_on(machine: FakeMachine, folder: Path, seconds: float = 4_000, **settings: Any) -> SelfTest:
    """Few simulated runs: what they come to is tested elsewhere."""
    quick: dict[str, Any] = {"simulated_runs": 400, "simulated_speed_runs": 50}
    found, _ = self_test(
        Benchmark(small_spec(), folder),
        folder / "out",
        Settings(seconds, **(quick | settings)),
        faults=machine.faults,
        runner=machine,
        clock=machine.clock,
    )
    return found


# Pairs of processes


def test_only_what_slows_the_median_step_is_given_pairs(tmp_path: Path) -> None:
    """What leaks or is slow now and then is not in the median step, so no pair can see it."""
    machine = FakeMachine(faults=(LEAK, slower_steps(10)))
    found = run_on(machine, tmp_path, parts=("speed",))
    assert {request.fault for request in machine.requests} == {None, "steps-10-percent-slower"}
    assert {row.name: (row.speed, row.caught_by, row.slows_median_step) for row in found.faults} == {
        "steps-10-percent-slower": ("fail", "speed", True),
        "memory-leak": ("", "", False),
    }


def test_the_plan_counts_no_pairs_of_what_they_cannot_see(tmp_path: Path) -> None:
    found = run_on(FakeMachine(faults=(LEAK, slower_steps(5), slower_steps(10))), tmp_path, parts=("speed",))
    speed = next(part for part in found.parts if part.name == "speed")
    assert speed.planned.startswith("2 faults, ")
    assert (speed.done, speed.left_out) == ("2 faults", "")


def test_bits_are_asked_of_every_fault_of_time_and_memory(tmp_path: Path) -> None:
    found = run_on(FakeMachine(faults=(LEAK, slower_steps(10))), tmp_path, parts=("faults",))
    assert {row.name: row.identity for row in found.faults} == {
        "steps-10-percent-slower": "equal",
        "memory-leak": "equal",
    }
    (promise,) = found.promises
    assert (promise.about, promise.seen.trials) == ("faults of time and memory alone", 2)


def test_where_no_fault_slows_the_median_step_that_is_said(tmp_path: Path) -> None:
    machine = FakeMachine(faults=(LEAK,))
    found = run_on(machine, tmp_path, parts=("speed",))
    assert len(machine.requests) == 1
    speed = next(part for part in found.parts if part.name == "speed")
    assert speed.done == "none of the faults slows the median step"


@pytest.mark.parametrize("turned", [False, True])
def test_the_slowest_is_asked_first_and_what_pairs_cannot_see_last(turned: bool) -> None:
    faults = [LEAK, *map(slower_steps, (2, 5, 10)), FakeFault("other", changes_numbers=False, slows_median_step=True)]
    ordered = slowest_first(faults[::-1] if turned else faults)
    assert [fault.name for fault in ordered] == [
        "steps-10-percent-slower",
        "steps-5-percent-slower",
        "steps-2-percent-slower",
        "other",
        "memory-leak",
    ]


# What a spec refuses


def test_faults_that_the_spec_refuses_are_none_that_ran(tmp_path: Path) -> None:
    faults = (FakeFault("one", refused=True), FakeFault("two", refused=True), FakeFault("three"))
    found = run_on(FakeMachine(faults=faults), tmp_path, parts=("faults",), fault_seeds=2)
    assert {row.name: row.is_refused for row in found.faults} == {"one": True, "two": True, "three": False}
    faults_part = next(part for part in found.parts if part.name == "faults")
    assert (faults_part.done, faults_part.left_out) == ("1 with 2 seeds each; 2 refused", "")
    assert found.outcome == "pass"


def test_refused_faults_alone_leave_the_outcome_to_the_other_parts(tmp_path: Path) -> None:
    machine = FakeMachine(faults=(FakeFault("one", refused=True),))
    assert run_on(machine, tmp_path / "both", parts=("processes", "faults")).outcome == "pass"
    assert run_on(machine, tmp_path / "alone", parts=("faults",)).outcome == "undecided"
