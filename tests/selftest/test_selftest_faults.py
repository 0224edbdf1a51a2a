"""Which faults a self-test puts in, on which seeds, and which of them pairs of processes are asked about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_machine import FakeFault, FakeMachine, slower_steps, small_spec

from bertbench.errors import FaultError
from bertbench.report.selftest_report import selftest_markdown
from bertbench.selftest import session, speed_pairs
from bertbench.selftest.fault_choice import chosen, slowest_first
from bertbench.selftest.record import SelfTest
from bertbench.selftest.session import self_test
from bertbench.selftest.settings import Settings
from bertbench.spec import Spec
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


# Some faults only


def test_faults_are_chosen_by_name_each_once_and_in_that_order() -> None:
    faults = (LEAK, slower_steps(5), FakeFault("other"))
    assert chosen(faults, None) == faults
    assert chosen(faults, ("other", "memory-leak", "other")) == (faults[2], LEAK)


@pytest.mark.parametrize("wrong", ["memory-leek", "", "zzz"])
def test_a_fault_that_there_is_not_is_refused(wrong: str) -> None:
    with pytest.raises(FaultError, match=f"no fault '{wrong}'") as caught:
        chosen((LEAK, slower_steps(5)), ("memory-leak", wrong))
    guess = "did you mean memory-leak? " if wrong == "memory-leek" else ""
    assert caught.value.remedy == f"{guess}bertbench run --list-faults lists them"


def test_only_the_faults_that_were_asked_for_are_put_in(tmp_path: Path) -> None:
    machine = FakeMachine(faults=(LEAK, slower_steps(10), FakeFault("one"), FakeFault("two")))
    found = run_on(machine, tmp_path, parts=("faults", "speed"), faults=("two", "memory-leak"), fault_seeds=2)
    assert {request.fault for request in machine.requests} == {None, "two", "memory-leak"}
    assert [row.name for row in found.faults] == ["two", "memory-leak"]
    assert found.faults_asked == ("two", "memory-leak")
    assert found.outcome == "pass"


# Seeds


def seeds_of(machine: FakeMachine) -> set[int]:
    return {seed for request in machine.requests for seed in request.spec.training.seeds}


def test_no_seed_is_smaller_than_the_first_that_was_asked_for(tmp_path: Path) -> None:
    """In every part; and the largest is told, so that the next self-test can begin after it."""
    machine = FakeMachine(faults=(FakeFault("one"), slower_steps(10)))
    found = run_on(machine, tmp_path, first_seed=1_001, most_trials=2, fault_seeds=44)
    assert all(part.done for part in found.parts)
    assert (min(seeds_of(machine)), max(seeds_of(machine))) == (found.first_seed, found.last_seed)
    assert found.first_seed == 1_001
    assert found.processes is not None
    assert found.processes.seed == 1_001
    assert found.trials is not None
    assert found.trials.counted[0].bank_seeds == tuple(range(1_041, 1_061))
    assert found.faults[0].seeds == 44
    assert f"seeds 1001 to {found.last_seed}; others begin" in selftest_markdown(found)


def test_a_self_test_that_begins_after_another_shares_no_seed_with_it(tmp_path: Path) -> None:
    one, other = FakeMachine(), FakeMachine()
    before = run_on(one, tmp_path / "one", parts=("seeds", "trials"), most_trials=2)
    assert before.last_seed is not None
    run_on(other, tmp_path / "other", parts=("seeds", "trials"), most_trials=2, first_seed=before.last_seed + 1)
    assert not seeds_of(one) & seeds_of(other)


def test_seeds_of_a_process_that_was_interrupted_count_as_used(tmp_path: Path) -> None:
    """Nobody knows what it came to, so the next self-test leaves them alone."""
    found = run_on(FakeMachine(stop_after=1), tmp_path, parts=("seeds",))
    assert (found.interrupted, found.classes, found.last_seed) == (True, (), 40)


def test_without_a_pool_faults_take_the_first_seeds(tmp_path: Path) -> None:
    machine = FakeMachine(faults=(FakeFault("one"),))
    run_on(machine, tmp_path, parts=("faults",), first_seed=7, fault_seeds=4)
    assert machine.requests[-1].spec.training.seeds == (7, 8, 9, 10)


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
    assert speed.planned == "2 faults and clean processes, 660 s"  # ten pairs of each, 11 s a process
    assert (speed.done, speed.left_out) == ("clean processes, 2 of 2 faults", "")


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
    faults = [
        LEAK,
        *map(slower_steps, (2, 5, 10)),
        FakeFault("other", changes_numbers=False, median_step_slower_by=0.5),
    ]
    ordered = slowest_first(faults[::-1] if turned else faults)
    assert [fault.name for fault in ordered] == [
        "steps-10-percent-slower",
        "steps-5-percent-slower",
        "steps-2-percent-slower",
        "other",
        "memory-leak",
    ]


# Whether pairs clear clean processes


def test_clean_processes_are_compared_before_any_with_a_fault(tmp_path: Path) -> None:
    machine = FakeMachine(faults=(slower_steps(10),))
    found = run_on(machine, tmp_path, parts=("speed",))
    (unchanged,) = found.unchanged_speed
    assert (unchanged.word, unchanged.could_fail) == ("pass", True)
    before = next(number for number, request in enumerate(machine.requests) if request.fault)
    assert before >= 1 + 2 * unchanged.pairs
    assert {one.about: one.standing for one in found.promises} == {
        "pairs of clean processes": "consistent",
        "steps 5 % slower or more, where pairs decided": "consistent",
    }
    assert found.outcome == "pass"
    assert "| nothing changed | Clean processes on both sides of the pairs. | - | - | - | - | pass |" in (
        selftest_markdown(found)
    )


def test_pairs_that_fail_clean_processes_are_asked_of_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def biased(fault: str | None, *args: Any, **more: Any) -> speed_pairs.PairsSaid:
        said = speed_pairs.pairs_said(fault, *args, **more)
        assert said.check is not None
        return replace(said, check=replace(said.check, outcome="fail", reason="Slower."))

    monkeypatch.setattr(session, "pairs_said", biased)
    machine = FakeMachine(faults=(slower_steps(10), slower_steps(5)))
    found = run_on(machine, tmp_path, parts=("speed",))
    assert {request.fault for request in machine.requests} == {None}
    assert {(row.speed, row.caught_by) for row in found.faults} == {("", "")}
    speed = next(part for part in found.parts if part.name == "speed")
    assert speed.left_out == "all faults: clean processes failed against clean ones, so pairs convict nobody"
    (promise,) = found.promises
    assert (promise.about, promise.promise, promise.standing) == ("pairs of clean processes", "fail <= 1 %", "violated")
    assert found.outcome == "fail"
    assert "Without a fault pairs of processes fail: Slower. What does not clear" in selftest_markdown(found)


def test_a_clean_process_that_was_killed_ends_the_part(tmp_path: Path) -> None:
    machine = FakeMachine(faults=(slower_steps(10),), dies_after=5)
    found = run_on(machine, tmp_path, parts=("speed",))
    speed = next(part for part in found.parts if part.name == "speed")
    assert "it broke off: self-test: a process without a fault did not complete: ProcessDied" in speed.left_out
    assert (found.unchanged_speed, found.outcome) == ((), "undecided")


def test_a_fault_that_pairs_pass_is_nothing_to_be_green_by(tmp_path: Path) -> None:
    """It says 10 % and slows nothing: one contradicts no rate of 95 %, two do."""
    idle = slower_steps(10, really=0.0)
    found = run_on(FakeMachine(faults=(idle,)), tmp_path / "one", parts=("speed",))
    assert (found.faults[0].speed, found.outcome) == ("pass", "undecided")
    two = run_on(FakeMachine(faults=(idle, slower_steps(5, really=0.0))), tmp_path / "two", parts=("speed",))
    assert ([row.speed for row in two.faults], two.outcome) == (["pass", "pass"], "fail")


def test_without_time_for_pairs_speed_has_seen_nothing_and_says_what_would_do(tmp_path: Path) -> None:
    found = run_on(FakeMachine(faults=(slower_steps(10),)), tmp_path, seconds=300, parts=("processes", "speed"))
    assert (found.faults[0].speed, found.outcome) == ("", "undecided")
    assert found.enough_minutes is not None
    again = run_on(
        FakeMachine(faults=(slower_steps(10),)),
        tmp_path / "again",
        seconds=60 * found.enough_minutes,
        parts=("processes", "speed"),
    )
    assert again.outcome == "pass"


def test_pairs_that_time_left_undecided_name_a_longer_budget(tmp_path: Path) -> None:
    """Ten pairs of processes that spread by 6 %: nothing of 5 % is seen."""
    machine = FakeMachine(faults=(slower_steps(5),), noise=0.06)
    found = run_on(machine, tmp_path, seconds=480, parts=("speed",))
    assert (found.faults[0].speed, found.outcome) == ("undecided", "undecided")
    assert found.enough_minutes is not None
    assert found.enough_minutes >= 12
    speed = next(part for part in found.parts if part.name == "speed")
    assert speed.left_out == "planned, and then too late: more pairs with steps-5-percent-slower"


# What a fault costs


@pytest.mark.parametrize(("seeds", "is_said"), [(4, False), (5, True)])
def test_what_a_fault_costs_is_said_from_five_seeds_on(tmp_path: Path, seeds: int, is_said: bool) -> None:
    machine = FakeMachine(faults=(FakeFault("one", drop_rows=6),))
    found = run_on(machine, tmp_path, parts=("seeds", "faults"), fault_seeds=seeds)
    assert (found.faults[0].drop_points is not None) == is_said
    assert (f"| {seeds} | - |  |" in selftest_markdown(found)) == (not is_said)


COLLAPSED = FakeFault("collapsed", drop_rows=60)


def test_copies_of_one_seed_are_one_seed(tmp_path: Path) -> None:
    """Forty of them would show any luck of that one to be what the fault costs."""
    machine = FakeMachine(faults=(FakeFault("all-the-same", copies=True), FakeFault("other")))
    found = run_on(machine, tmp_path, parts=("seeds", "faults"), fault_seeds=40)
    copies, other = found.faults
    assert (copies.seeds, copies.drop_points, copies.harm_points, copies.harm_failed) == (40, None, None, None)
    assert other.drop_points is not None
    assert other.harm_points is not None


def test_where_no_bit_and_no_number_changed_the_drop_is_nothing_for_certain(tmp_path: Path) -> None:
    found = run_on(FakeMachine(faults=(LEAK,)), tmp_path, parts=("seeds", "faults"), fault_seeds=8)
    (row,) = found.faults
    assert row.drop_points is not None
    assert (row.drop_points.estimate, row.drop_points.low, row.drop_points.high) == (0.0, 0.0, 0.0)
    assert row.harm_points is None


def test_a_fault_after_which_every_seed_fails_is_shown_to_be_harmful(tmp_path: Path) -> None:
    """The worst that there is has no drop: no seed is left to take a mean of."""
    found = run_on(FakeMachine(faults=(COLLAPSED,)), tmp_path, parts=("seeds", "faults"), fault_seeds=40)
    (row,) = found.faults
    assert (row.drop_points, row.harm_points, row.failed_seeds, row.quality) == (None, None, 40, "fail")
    assert row.harm_failed is not None
    assert (row.harm_failed.count, row.harm_failed.trials, row.fails_too_often) == (20, 20, True)
    promise = next(promise for promise in found.promises if "cost the margin" in promise.about)
    assert (promise.seen.count, promise.seen.trials) == (1, 1)
    text = selftest_markdown(found)
    assert "| 40 | 40 of 40 seeds failed |" in text
    assert "collapsed (20 of 20 of these seeds failed). Quality failed 1 of 1" in text


def test_with_fewer_than_ten_seeds_apart_failing_shows_nothing(tmp_path: Path) -> None:
    found = run_on(FakeMachine(faults=(COLLAPSED,)), tmp_path, parts=("seeds", "faults"), fault_seeds=29)
    (row,) = found.faults
    assert (row.failed_seeds, row.harm_failed, row.fails_too_often) == (29, None, False)
    assert not any("cost the margin" in promise.about for promise in found.promises)


def test_seeds_that_fail_without_the_fault_too_are_no_harm_of_it(tmp_path: Path) -> None:
    """Half a point above always the largest class, about a fifth fails on its own."""
    machine = FakeMachine(faults=(FakeFault("other-bits"),), mean_hits=52, spread_hits=1.0)
    found = run_on(machine, tmp_path, parts=("seeds", "faults"), fault_seeds=60)
    (row,) = found.faults
    assert row.harm_failed is not None
    assert row.harm_failed.count >= 4
    assert row.fails_too_often is False


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


NEVER = FakeFault("never", fits_no_spec="never: probe leaves no room")


def test_what_the_spec_shows_by_itself_is_refused_without_a_process(tmp_path: Path) -> None:
    machine = FakeMachine(faults=(NEVER, FakeFault("other")))
    found = run_on(machine, tmp_path, parts=("faults",), fault_seeds=2)
    assert {request.fault for request in machine.requests} == {None, "other"}
    assert {row.name: row.is_refused for row in found.faults} == {"never": True, "other": False}
    assert found.faults[0].reason == "never: probe leaves no room"
    faults_part = next(part for part in found.parts if part.name == "faults")
    assert faults_part.planned.startswith("1 with 2 seeds each")
    assert (faults_part.done, faults_part.left_out) == ("1 with 2 seeds each; 1 refused", "")
    assert found.outcome == "pass"


@pytest.mark.parametrize("parts", [("faults",), ("speed",), ("faults", "speed")])
def test_where_no_fault_is_left_and_nothing_else_is_asked_for_nothing_runs(
    tmp_path: Path, parts: tuple[str, ...]
) -> None:
    machine = FakeMachine(faults=(NEVER,))
    with pytest.raises(FaultError, match="never: probe leaves no room"):
        run_on(machine, tmp_path, parts=parts)
    assert machine.requests == []


def test_where_no_fault_is_left_the_other_parts_go_on_and_decide(tmp_path: Path) -> None:
    machine = FakeMachine(faults=(NEVER,))
    found = run_on(machine, tmp_path, parts=("processes", "faults", "speed"))
    assert {request.fault for request in machine.requests} == {None}
    assert next(part for part in found.parts if part.name == "faults").done == "0 with 40 seeds each; 1 refused"
    assert found.outcome == "pass"


def test_the_spec_is_asked_with_the_seeds_that_would_run(tmp_path: Path) -> None:
    """Its own may be 0 alone, to which 'everything from seed 0' would do nothing."""
    asked: list[Spec] = []

    class Asking(FakeFault):
        def check_spec(self, spec: Spec) -> None:
            asked.append(spec)

    run_on(FakeMachine(faults=(Asking("one"),)), tmp_path, parts=("faults",), first_seed=7, fault_seeds=1)
    assert [spec.training.seeds for spec in asked] == [(7,)]
