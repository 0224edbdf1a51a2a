"""The verdict about speed, in words: who is slower, by how much, how sure, and what to do next."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bertbench.errors import VerdictError
from bertbench.record import Failure
from bertbench.stats.speed_plan import pairs_needed
from bertbench.stats.speed_rule import PairedDifferences, SpeedSeries, look_at, looks_in_turn
from bertbench.verdict import SPEED_NAME, Check, overall
from bertbench.verdict.speed_comparison import Quietness, SpeedEvidence, judge_speed, speed_rule, told

RULE = speed_rule()
ALL_QUIET = Quietness(0, 0, 0, 0, 9)
KILLED = Failure(kind="ProcessDied", message="signal\n  SIGKILL", phase="steps")


def around(slowdown: float, pairs: int = 60, spread: float = 0.01) -> list[float]:
    return (math.log1p(slowdown) + spread * np.random.default_rng(2).standard_normal(pairs)).tolist()


def series_of(in_force: list[float], first_time: list[float] | None = None) -> SpeedSeries:
    first = first_time or in_force
    return looks_in_turn(lambda pairs: PairedDifferences(tuple(in_force[:pairs]), tuple(first[:pairs])), RULE)


def judged(log_ratios: list[float] | None, **changes: Any) -> Check:
    """The check on these pairs; of None, where none was counted."""
    series = series_of(log_ratios) if log_ratios is not None else None
    so_far = look_at(log_ratios[: series.pairs], RULE) if series and log_ratios else None
    fields: dict[str, Any] = {"rule": RULE, "series": series, "so_far": so_far, "quietness": ALL_QUIET}
    return judge_speed(SpeedEvidence(**(fields | changes)))


# The words


def test_a_slower_step_fails_and_says_by_how_much_and_how_sure() -> None:
    check = judged(around(0.07))
    assert (check.name, check.kind, check.outcome) == (SPEED_NAME, "comparison", "fail")
    assert check.observed.startswith("+")
    assert check.promised == "< +5.0%"
    assert check.observed_value == pytest.approx(0.07, abs=0.01)
    assert "A training step of the candidate takes " in check.reason
    assert " longer (99 % interval " in check.reason
    assert "and 0.0025 or less is a fail" in check.reason
    assert check.next_step


def test_an_unchanged_step_passes_with_its_bound() -> None:
    check = judged(around(0.0), context="Same bits.")
    assert check.outcome == "pass"
    assert "97.5 % upper bound" in check.reason
    assert ", below the margin" in check.reason
    assert check.reason.endswith("Same bits")
    assert check.next_step == ""


def test_a_faster_step_passes_in_words_of_its_own() -> None:
    reason = judged(around(-0.2)).reason
    assert "takes 20" in reason or "takes 19" in reason
    assert " less time (99 % interval 1" in reason
    assert "takes as long" not in reason


def test_a_small_slowdown_is_called_one() -> None:
    check = judged(around(0.03, spread=0.001))
    assert check.outcome == "fail"
    assert "A small slowdown: between floor and margin either verdict may come" in check.reason


def test_fishing_for_a_pass_with_repeats_is_told() -> None:
    fine, disturbed = around(0.0), around(0.06)
    series = series_of(fine, disturbed)
    check = judged(fine, series=series)
    assert check.outcome == "undecided"
    assert "With the pairs that were measured again the word is 'pass', with their first measurements" in check.reason
    assert check.next_step.startswith("make the machine quieter, so that no pair is measured again (process spread ")


# Too little to decide


def test_pairs_that_cannot_fail_say_so_and_how_many_could() -> None:
    """Anchors, row 10."""
    slow = around(9.0, pairs=7)
    check = judged(slow, affordable_pairs=7, pair_seconds=20.0)
    assert check.outcome == "undecided"
    smallest = "the smallest possible p is 0.0078, and 0.0025 or less is needed"
    assert f"These pairs can neither fail nor pass: {smallest}" in check.reason
    assert check.next_step.startswith(
        "a longer --budget: 9 pairs and the one that is discarded are needed: about 4 min"
    )
    assert "and 7 fit" in check.next_step


def test_equal_times_are_undecided_and_say_why_and_what_to_do() -> None:
    check = judged([0.0] * 60)
    assert check.outcome == "undecided"
    assert "takes as long as the baseline's" in check.reason
    assert "97.5 % upper bound 0.0%, below the margin" in check.reason
    assert (
        "These pairs can neither fail nor pass: in all 24 pairs both times are equal to the last digit, which speaks "
        "for neither side; the smallest possible p is 1, and 0.0025 or less is needed" in check.reason
    )
    assert check.next_step == (
        "times are too coarse, in all 24 pairs both times are equal to the last digit: make a step longer than the "
        "tick of its clock (a larger batch, longer messages); then compare again"
    )
    tiny = judged([1e-9 * (-1) ** pair for pair in range(60)])
    assert (tiny.outcome, tiny.next_step) == ("pass", "")


def test_some_equal_times_are_counted_where_they_keep_a_look_from_deciding() -> None:
    some = [0.0, 0.0, *around(0.0, pairs=7)]
    check = judged(some, affordable_pairs=9, pair_seconds=20.0)
    assert check.outcome == "undecided"
    assert "in 2 of 9 pairs both times are equal to the last digit" in check.reason
    assert check.next_step.startswith("times are too coarse, in 2 of 9 pairs")
    assert "a longer --budget: 11 pairs and the one that is discarded are needed" in check.next_step
    enough = judged([0.0, 0.0, *around(0.0)])
    assert enough.outcome == "pass"
    assert "equal to the last digit" not in enough.reason


def test_a_budget_that_ended_it_says_which_spread_would_have_been_enough() -> None:
    check = judged(around(0.02, pairs=12, spread=0.06), affordable_pairs=12, pair_seconds=3.0)
    assert check.outcome == "undecided"
    assert "; or a process spread of 2.0% or less, at which 12 would do (now " in check.next_step


def test_looks_that_left_it_open_say_which_spread_would_have_been_enough() -> None:
    """Enough for the change that was seen, not for one of the whole margin: for that these pairs were planned."""
    pairs = around(0.025, pairs=56, spread=0.08)
    check = judged(pairs)
    assert check.outcome == "undecided"
    assert check.next_step == (
        "make the machine quieter: at a process spread of 3.6% or less, 56 pairs with a change like the one that was "
        "seen would do (now 5.9%); then compare again"
    )
    change = math.log1p(look_at(pairs, RULE).slowdown)
    quieter = [change + 3.6 / 5.9 * (pair - change) for pair in pairs]
    assert look_at(quieter, RULE).word == "fail"


def test_no_pair_at_all_is_undecided() -> None:
    check = judged(None, affordable_pairs=0, pair_seconds=30.0)
    assert (check.outcome, check.observed, check.observed_value) == ("undecided", "not measured", None)
    assert "0 pairs measured, and fewer than 9 can decide nothing" in check.reason
    assert "about 5 min, and 0 fit" in check.next_step


def test_a_candidate_that_crashed_alone_for_lack_of_time_is_not_accused() -> None:
    """The baseline's process might have ended the same way: nobody knows, since the coin had it second."""
    late = {"affordable_pairs": 0, "pair_seconds": 200.0, "one_side_only": True}
    check = judged(None, cand_failure=KILLED, **late)
    assert check.outcome == "undecided"
    assert "signal SIGKILL; and there was no time to see whether the baseline's would" in check.reason
    assert "; or a longer --budget: 9 pairs and the one that is discarded are needed: about 34 min" in check.next_step
    assert judged(None, base_failure=KILLED, **late).outcome == "no_baseline"
    assert judged(None, cand_failure=KILLED).outcome == "fail"


def test_a_few_pairs_are_shown_without_a_vote() -> None:
    reason = judged(around(0.1, pairs=3), affordable_pairs=3).reason
    assert "3 pairs measured" in reason
    assert "99 % interval: nothing is excluded, 3 pairs" in reason


def test_a_spread_that_no_plan_overcomes_is_told() -> None:
    check = judged(around(0.0, spread=0.5))
    assert check.outcome == "undecided"
    assert "More than 200 pairs would be needed at a process spread of " in check.reason
    enough = "at a process spread of 10.5% or less, 200 pairs, the most that are planned, would do"
    assert check.next_step.startswith(f"make the machine quieter: {enough} (now ")
    assert pairs_needed(0.105 * math.sqrt(2), RULE.question) is not None
    assert pairs_needed(0.106 * math.sqrt(2), RULE.question) is None


# What cannot be compared


def test_a_candidate_that_crashes_fails_and_a_baseline_that_does_is_none() -> None:
    """Anchors, row 12: a crash is a crash, also after pairs that were fine."""
    fine = around(0.0)
    check = judged(fine, cand_failure=KILLED)
    assert check.outcome == "fail"
    assert "a process of the candidate did not complete: ProcessDied in phase steps: signal SIGKILL" in check.reason
    assert judged(fine, base_failure=KILLED).outcome == "no_baseline"
    assert judged(fine, base_failure=KILLED, cand_failure=KILLED).outcome == "no_baseline"


def test_sides_that_do_other_work_have_no_verdict() -> None:
    """Anchors, row 5: another machine, or another recipe, is no baseline; nothing is compared with a warning."""
    check = judged(None, not_comparable="data: aaaa against bbbb")
    assert check.outcome == "no_baseline"
    assert "data: aaaa against bbbb" in check.reason
    assert overall([check]) == "no_baseline"


# The machine


def test_a_quiet_machine_needs_no_words() -> None:
    assert told(ALL_QUIET) == ""


def test_disturbed_pairs_are_counted_by_side() -> None:
    assert told(Quietness(base_only=1, cand_only=2, both=1, repeated=2, pairs=20)) == (
        "Disturbed: 4 of 20 pairs (baseline 2, candidate 3); 2 measured again."
    )


@pytest.mark.parametrize(
    ("base_only", "cand_only", "noticed"), [(0, 4, False), (0, 5, True), (2, 6, False), (5, 0, False)]
)
def test_a_candidate_that_is_disturbed_too_often_is_a_finding(base_only: int, cand_only: int, noticed: bool) -> None:
    """0 of 5 has a chance of 3 %; 2 of 8 one of 14 %."""
    said = told(Quietness(base_only, cand_only, both=3, repeated=0, pairs=20))
    assert ("more often than chance explains" in said) == noticed


def test_the_verdict_tells_of_the_machine() -> None:
    assert "Disturbed: 1 of 9 pairs" in judged(around(0.0), quietness=Quietness(1, 0, 0, 0, 9)).reason


# Error rates


def test_the_error_rate_is_shared_among_the_specs_that_are_gated() -> None:
    assert speed_rule().alpha == 0.005
    assert speed_rule(gated_specs=5).alpha == pytest.approx(0.001)


@pytest.mark.parametrize("gated_specs", [0, -1])
def test_no_gated_specs_leave_no_rate(gated_specs: int) -> None:
    with pytest.raises(VerdictError, match="alpha"):
        speed_rule(gated_specs=gated_specs)
