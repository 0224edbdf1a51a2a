"""Pairs of processes: which run, in which order, which again, and what ends them. The processes are not real."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from fake_sides import BUSY, QUIET, FakeMachine, crash
from record_maker import make_record, make_seed, make_steps

from bertbench.ab.fields import SideName, counted
from bertbench.ab.measuring import Measuring, values_of
from bertbench.record import RunRecord
from bertbench.stats.speed_rule import SpeedRule

RULE = SpeedRule(alpha=0.005)
DAY = 86_400.0


def measure(machine: FakeMachine, *, budget_seconds: float = DAY, coin_seed: int = 1, **changes: Any) -> Measuring:
    """A comparison, not yet run."""
    fields: dict[str, Any] = {
        "sampler": machine,
        "rule": RULE,
        "generator": np.random.default_rng(coin_seed),
        "budget_seconds": budget_seconds,
        "check_ground": lambda _records: "",
        "progress": lambda _done, _planned: None,
        "clock": machine.clock,
    }
    return Measuring(**(fields | changes))


def jittered(side: SideName, number: int) -> float:
    """0.1 s, give or take a billionth: nothing changed, and no two times are equal."""
    return 0.1 * (1 + 1e-9 * number * (1 if side == "cand" else -1) * (-1) ** number)


# Pairs


def test_the_first_pair_is_discarded_by_rule_and_kept_for_all_to_see() -> None:
    machine = FakeMachine(steps=lambda side, number: 5.0 if number == 0 else jittered(side, number))
    measuring = measure(machine)
    series = measuring.run()
    assert series is not None
    assert (series.word, series.pairs, len(measuring.pairs)) == ("pass", 9, 10)
    assert [pair.counted for pair in measuring.pairs] == [False] + [True] * 9
    assert measuring.pairs[0].measured.base.values["step_seconds"] == 5.0


def test_equal_times_are_measured_to_the_end_and_stay_undecided() -> None:
    measuring = measure(FakeMachine(steps=lambda _side, _number: 0.1))
    series = measuring.run()
    assert series is not None
    assert (series.word, series.pairs, series.looks[-1].zeros) == ("undecided", 24, 24)


def test_each_pair_is_a_process_of_each_side_in_the_order_of_its_coin() -> None:
    machine = FakeMachine()
    measuring = measure(machine)
    measuring.run()
    firsts = [pair.measured.first for pair in measuring.pairs]
    assert machine.asked == [side for first in firsts for side in (first, "cand" if first == "base" else "base")]
    assert set(firsts) == {"base", "cand"}


def test_the_coins_come_from_the_seed() -> None:
    def firsts(coin_seed: int) -> list[str]:
        measuring = measure(FakeMachine(), coin_seed=coin_seed)
        measuring.run()
        return [pair.measured.first for pair in measuring.pairs]

    assert firsts(1) == firsts(1)
    assert firsts(1) != firsts(2)


def test_a_process_is_one_sample_its_median_step() -> None:
    """Anchors, row 9: rounds of one process are not samples."""
    steps = make_steps(3).model_copy(update={"seconds": (9.0, 0.5, 0.25)})
    record = make_record(seeds=(make_seed(0, epochs=1, steps_per_epoch=3, steps=steps),))
    assert values_of(record) == {
        "step_seconds": 0.5,
        "validation_seconds": 0.0625,
        "tokenize_seconds": 0.25,
        "import_seconds": 3.0,
        "total_seconds": 40.0,
        "peak_memory_mebibytes": 1024.0,
    }


@pytest.mark.parametrize(("slowdown", "word"), [(0.06, "fail"), (0.0, "pass"), (-0.1, "pass")])
def test_what_the_pairs_say(slowdown: float, word: str) -> None:
    series = measure(FakeMachine(slowdown=slowdown)).run()
    assert series is not None
    assert series.word == word
    assert series.looks[-1].slowdown == pytest.approx(slowdown, abs=0.004)


def test_progress_is_told_with_the_plan() -> None:
    told: list[tuple[int, int]] = []
    measure(FakeMachine(), progress=lambda done, planned: told.append((done, planned))).run()
    assert told == [(done, 9) for done in range(10)]


# A machine that is not quiet


def test_a_disturbed_pair_is_measured_again_whole_and_both_measurements_are_kept() -> None:
    machine = FakeMachine(disturbed={("cand", 3)}, slower_when_disturbed=0.5)
    measuring = measure(machine)
    series = measuring.run()
    (pair,) = [pair for pair in measuring.pairs if pair.again is not None]
    assert (pair.measured.base.run_id, pair.measured.cand.run_id) == ("base-3", "cand-3")
    assert pair.again is not None
    assert (pair.again.base.run_id, pair.again.cand.run_id) == ("base-4", "cand-4")
    assert pair.measured.cand.disturbed == ("other processes took 50% of the cores",)
    assert series is not None
    assert (series.word, series.agrees, [look.pairs for look in series.looks]) == ("pass", True, [9, 14])
    assert series.without_repeats is not None
    assert series.without_repeats.slowdown != series.looks[-1].slowdown


def test_only_the_machine_can_disturb_a_pair() -> None:
    """Repeating what looks slow costs a tenth of the power; dropping extremes makes four times the false alarms."""
    machine = FakeMachine(steps=lambda side, number: 0.9 if (side, number) == ("cand", 3) else 0.1)
    measuring = measure(machine)
    measuring.run()
    assert not any(pair.again for pair in measuring.pairs)
    assert machine.asked.count("cand") == len(measuring.pairs)


def test_a_pair_is_repeated_once_and_a_fifth_of_the_pairs_at_most() -> None:
    everything = {(side, number) for side in ("base", "cand") for number in range(100)}
    measuring = measure(FakeMachine(disturbed=everything))
    series = measuring.run()
    pairs = counted(tuple(measuring.pairs))
    assert sum(pair.again is not None for pair in pairs) == 1  # of nine
    assert all(pair.measured.disturbed for pair in pairs)
    assert series is not None
    assert (series.word, series.pairs) == ("pass", 9)
    quietness = measuring.quietness
    assert (quietness.both, quietness.repeated, quietness.pairs) == (9, 1, 9)


def test_the_discarded_pair_is_not_repeated() -> None:
    measuring = measure(FakeMachine(disturbed={("base", 0)}))
    measuring.run()
    assert measuring.pairs[0].measured.disturbed
    assert measuring.pairs[0].again is None


def test_disturbed_processes_are_counted_by_side() -> None:
    measuring = measure(FakeMachine(disturbed={("cand", 2), ("cand", 4), ("base", 6)}))
    measuring.run()
    quietness = measuring.quietness
    assert (quietness.base_only, quietness.cand_only, quietness.both) == (1, 2, 0)


# What ends it


@pytest.mark.parametrize("side", ["base", "cand"])
@pytest.mark.parametrize("number", [0, 4])
def test_a_crash_ends_it_with_the_pair_it_happened_in(side: str, number: int) -> None:
    """Anchors, row 12. The other side of the pair runs all the same, so that the coin does not decide who is blamed."""
    machine = FakeMachine(failures={(side, number): crash()})
    measuring = measure(machine)
    measuring.run()
    assert [(one.side, one.run_id, one.failure.kind) for one in measuring.crashes] == [
        (side, f"{side}-{number}", "ProcessDied")
    ]
    assert len(measuring.pairs) == number
    assert machine.asked.count("base") == machine.asked.count("cand") == number + 1


def test_a_crash_while_a_pair_is_repeated_keeps_its_first_measurement() -> None:
    measuring = measure(FakeMachine(disturbed={("base", 2)}, failures={("cand", 3): crash()}))
    measuring.run()
    assert [one.side for one in measuring.crashes] == ["cand"]
    assert len(measuring.pairs) == 3
    assert measuring.pairs[-1].again is None


@pytest.mark.parametrize("seconds", [0.0, math.nan, math.inf])
def test_a_step_time_that_cannot_be_is_a_fault_of_its_process(seconds: float) -> None:
    """Anchors, rows 11 and 20: it is not dropped, and it passes nothing."""
    machine = FakeMachine(steps=lambda side, number: seconds if (side, number) == ("cand", 2) else 0.1)
    measuring = measure(machine)
    measuring.run()
    assert [(one.side, one.failure.kind) for one in measuring.crashes] == [("cand", "ImpossibleTime")]


def test_sides_that_do_other_work_end_it_after_the_first_pair() -> None:
    asked: list[tuple[RunRecord, RunRecord]] = []

    def check(records: tuple[RunRecord, RunRecord]) -> str:
        asked.append(records)
        return "data: a against b"

    machine = FakeMachine()
    measuring = measure(machine, check_ground=check)
    assert measuring.run() is None
    assert measuring.not_comparable == "data: a against b"
    assert len(machine.asked) == 2
    assert [record.run_id for record in asked[0]] == ["base-0", "cand-0"]


# Time


def test_no_pair_is_started_that_would_end_after_the_budget() -> None:
    """Pairs of two seconds: 21 seconds have time for the discarded one and nine."""
    machine = FakeMachine(spread=0.05)
    measuring = measure(machine, budget_seconds=29.0)
    series = measuring.run()
    assert machine.now <= 29.0
    assert series is not None
    assert (measuring.affordable_pairs, series.pairs) == (13, 13)
    assert series.planned_pairs[-1] is not None
    assert series.planned_pairs[-1] > 13


def test_a_budget_that_fits_fewer_pairs_than_can_decide_is_refused_after_the_first_counted_one() -> None:
    machine = FakeMachine()
    measuring = measure(machine, budget_seconds=19.0)
    series = measuring.run()
    assert (measuring.affordable_pairs, len(measuring.pairs)) == (8, 2)
    assert series is not None
    assert (series.word, series.looks) == ("undecided", ())


def test_the_discarded_pair_is_no_guide_to_the_time_of_the_others() -> None:
    """It reads libraries from a cold disk: ten times as long."""
    machine = FakeMachine(seconds=10.0)

    def steps(side: SideName, number: int) -> float:
        machine.seconds = 10.0 if number == 0 and len(machine.asked) < 2 else 1.0
        return jittered(side, number)

    machine.steps = steps
    measuring = measure(machine, budget_seconds=45.0)
    series = measuring.run()
    assert series is not None
    assert (series.word, measuring.affordable_pairs) == ("pass", None)


def test_a_budget_for_one_pair_counts_none() -> None:
    measuring = measure(FakeMachine(), budget_seconds=2.5)
    series = measuring.run()
    assert series is None
    assert (measuring.affordable_pairs, len(measuring.pairs)) == (0, 1)


def test_the_second_process_is_not_started_if_the_first_has_used_the_time_up() -> None:
    machine = FakeMachine(seconds=100.0)
    measuring = measure(machine, budget_seconds=5.0)
    assert measuring.run() is None
    assert (len(machine.asked), measuring.pairs, measuring.records) == (1, [], None)
    assert (measuring.affordable_pairs, measuring.one_side_only, measuring.pair_seconds) == (0, True, 200.0)


@pytest.mark.parametrize(("budget_seconds", "processes"), [(9.9, 1), (10.0, 2)])
def test_a_process_is_not_started_that_would_end_after_the_budget(budget_seconds: float, processes: int) -> None:
    """Five seconds each: half of ten is left for the second, or less."""
    machine = FakeMachine(seconds=5.0)
    measure(machine, budget_seconds=budget_seconds).run()
    assert len(machine.asked) == processes


@pytest.mark.parametrize("budget_seconds", [0.0, -1.0, math.nan])
def test_without_any_time_nothing_is_started(budget_seconds: float) -> None:
    machine = FakeMachine()
    measuring = measure(machine, budget_seconds=budget_seconds)
    assert measuring.run() is None
    assert (machine.asked, measuring.affordable_pairs, measuring.pair_seconds) == ([], 0, None)


def test_a_pair_whose_first_process_uses_the_time_up_is_not_counted() -> None:
    """Two seconds a pair until one process takes 60."""
    machine = FakeMachine()

    def steps(side: SideName, number: int) -> float:
        machine.seconds = 60.0 if len(machine.asked) == 20 else 1.0
        return jittered(side, number) * (1.05 if number % 2 else 1.0) ** (1 if side == "cand" else -1)

    machine.steps = steps
    measuring = measure(machine, budget_seconds=70.0)
    series = measuring.run()
    assert series is not None
    assert (series.pairs, measuring.affordable_pairs, len(machine.asked)) == (9, 9, 21)
    assert (measuring.one_side_only, measuring.pair_seconds) == (True, 2.0)


def test_a_repeat_that_the_time_ends_leaves_the_first_measurement() -> None:
    machine = FakeMachine(disturbed={("cand", 2)})

    def steps(side: SideName, number: int) -> float:
        machine.seconds = 60.0 if len(machine.asked) == 6 else 1.0
        return jittered(side, number)

    machine.steps = steps
    measuring = measure(machine, budget_seconds=60.0)
    measuring.run()
    assert (len(machine.asked), len(measuring.pairs), measuring.pairs[-1].again) == (7, 3, None)
    assert (measuring.affordable_pairs, measuring.one_side_only) == (2, True)


@pytest.mark.parametrize("side", ["base", "cand"])
def test_a_crash_of_the_only_process_there_was_time_for_is_kept(side: SideName) -> None:
    machine = FakeMachine(seconds=100.0, failures={(side, 0): crash()})
    firsts = [seed for seed in range(20) if (np.random.default_rng(seed).integers(2) == 0) == (side == "base")]
    measuring = measure(machine, budget_seconds=5.0, coin_seed=firsts[0])
    assert measuring.run() is None
    assert machine.asked == [side]
    assert [one.side for one in measuring.crashes] == [side]
    assert measuring.one_side_only


def test_time_is_not_spent_on_a_repeat_that_does_not_fit() -> None:
    machine = FakeMachine(disturbed={("cand", 9)}, spread=1e-9)
    measuring = measure(machine, budget_seconds=21.0)
    measuring.run()
    assert measuring.pairs[-1].measured.disturbed
    assert measuring.pairs[-1].again is None
    assert machine.now <= 21.0


def test_what_the_fakes_say_is_what_they_are_for() -> None:
    assert (QUIET.others_share or 0) < (BUSY.others_share or 0)
