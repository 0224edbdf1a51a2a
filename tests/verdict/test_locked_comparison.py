"""A comparison passes only if every run that is counted ran as specified."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from baseline_examples import run_of
from record_maker import make_failed_seed

from bertbench.record import RunRecord
from bertbench.verdict import Check, Outcome, hold_recipes, locks_of

DRIFT = "seed 5: optimizer iterations before the first step: 0 by the spec, 7 live"


def check(name: str, outcome: Outcome, observed: str = "fell by 0.10 points") -> Check:
    return Check(
        name=name,
        kind="comparison",
        outcome=outcome,
        observed=observed,
        promised="no worse",
        reason="as seen",
        next_step="go on",
        observed_value=0.1,
        numbers={"look_seeds": 4, "attempt": 2},
        seeds_wanted=(6, 7),
    )


def pair(outcome: Outcome) -> tuple[Check, Check]:
    return check("bits", outcome), check("quality", outcome)


def ran(seed: int, **live: Any) -> RunRecord:
    """A run of one seed, called after it, that did what its spec says but for *live*."""
    record = run_of({seed: 290}, run_id=f"run-{seed}")
    (run,) = record.seeds
    return record.model_copy(update={"seeds": (run.model_copy(update={"live_recipe": {**run.live_recipe, **live}}),)})


@pytest.mark.parametrize("outcome", ["pass", "fail", "undecided", "no_baseline"])
def test_runs_that_did_what_their_spec_says_change_nothing(outcome: Outcome) -> None:
    assert hold_recipes(*pair(outcome), locks_of([ran(4), ran(5)])) == pair(outcome)


@pytest.mark.parametrize("outcome", ["pass", "undecided"])
def test_a_drift_of_any_run_fails_and_is_named_with_the_run(outcome: Outcome) -> None:
    identity, quality = hold_recipes(*pair(outcome), locks_of([ran(4), ran(5, iterations=7)]))
    assert (identity.outcome, quality.outcome) == ("fail", "fail")
    assert quality.reason == f"the recipe drifted: run-5: {DRIFT}. By itself: as seen"
    assert (quality.observed, quality.observed_value, quality.numbers, quality.seeds_wanted) == (
        "recipe drifted",
        None,
        {"attempt": 2},
        (),
    )
    assert (identity.observed, identity.next_step) == ("recipe drifted", "see quality")
    assert identity.reason == "the recipe drifted in run-5. By itself: as seen"


def test_equal_bits_of_a_run_that_drifted_fail_too() -> None:
    bits = check("bits", "pass", "equal bits")
    identity, _ = hold_recipes(bits, check("quality", "pass", "unchanged"), locks_of([ran(5, iterations=7)]))
    assert identity.outcome == "fail"


def test_a_fail_keeps_its_numbers_and_names_the_drift() -> None:
    failed = check("quality", "fail")
    _, quality = hold_recipes(check("bits", "undecided"), failed, locks_of([ran(5, iterations=7)]))
    assert quality == replace(
        failed, reason=f"as seen. And the recipe drifted: run-5: {DRIFT}", next_step=quality.next_step
    )
    assert quality.next_step.startswith("compare library versions")


def test_without_a_baseline_there_is_no_comparison_to_fail() -> None:
    assert hold_recipes(*pair("no_baseline"), locks_of([ran(5, iterations=7)])) == pair("no_baseline")


def test_a_record_that_does_not_show_its_recipe_passes_nothing_and_accuses_nobody() -> None:
    locks = locks_of([ran(4), ran(5, network=None)])
    identity, quality = hold_recipes(*pair("pass"), locks)
    assert (identity.outcome, quality.outcome) == ("undecided", "undecided")
    told = "run-5: the record lacks what an older version did not write: architecture"
    assert quality.reason == f"nothing shows that the recipe of the spec ran: {told}. By itself: as seen"
    assert (quality.numbers, quality.next_step) == ({"attempt": 2}, "run the spec again")
    for outcome in ("fail", "undecided"):
        assert hold_recipes(*pair(outcome), locks) == pair(outcome)
    drifted = locks_of([ran(4, network=None), ran(5, iterations=7)])
    assert hold_recipes(*pair("pass"), drifted)[1].outcome == "fail"


def test_of_a_run_that_a_seed_ended_the_completed_seeds_are_held() -> None:
    """Further seeds may end in NaN: that is counted, and the seeds before it are too."""
    for drifts, outcome in ((False, "pass"), (True, "fail")):
        record = ran(5, iterations=7) if drifts else ran(5)
        ended = record.model_copy(update={"outcome": "failed", "seeds": (*record.seeds, make_failed_seed(6))})
        assert hold_recipes(*pair("pass"), locks_of([ran(4), ended]))[1].outcome == outcome


def test_of_many_runs_all_drifts_are_kept() -> None:
    _, quality = hold_recipes(*pair("pass"), locks_of([ran(seed, iterations=7) for seed in range(5)]))
    assert "; run-2: seed 2: optimizer iterations" in quality.reason
    assert "; and run-3, run-4. By itself: as seen" in quality.reason
    assert [line.partition(": ")[0] for line in quality.details] == [f"run-{seed}" for seed in range(5)]
    assert quality.details[4] == "run-4: seed 4: optimizer iterations before the first step: 0 by the spec, 7 live"
