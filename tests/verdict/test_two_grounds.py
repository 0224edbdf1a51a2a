"""Runs of two grounds: nothing passes, nothing is accused, and what is certain stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from baseline_examples import made_by, run_of

from bertbench.errors import VerdictError
from bertbench.verdict import Check, Outcome, doubt_two_grounds

RAN = (made_by(run_of({0: 290}), "f" * 64), made_by(run_of({1: 290}, run_id="run-2"), "e" * 64))
TOLD = "run-1 and run-2 are not one candidate: they differ in factory, so something was changed between them"


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
        numbers={"look_seeds": 4},
        seeds_wanted=(4, 5),
    )


@pytest.mark.parametrize("outcome", ["pass", "undecided"])
def test_what_did_not_fail_is_undecided_and_wants_no_seeds(outcome: Outcome) -> None:
    identity, quality = doubt_two_grounds(check("bits", outcome), check("quality", outcome), RAN)
    assert (identity.outcome, quality.outcome) == ("undecided", "undecided")
    assert quality.reason == f"{TOLD}. Of run-1 alone: as seen"
    assert quality.next_step == "run again, and change nothing until it has ended"
    assert (quality.observed, quality.observed_value, quality.numbers, quality.seeds_wanted) == (
        "runs of two grounds",
        None,
        {},
        (),
    )


def test_a_fail_of_the_runs_on_the_first_ground_stays_one() -> None:
    bits, failed = check("bits", "undecided"), check("quality", "fail")
    assert doubt_two_grounds(bits, failed, RAN) == (
        bits,
        replace(failed, reason=f"as seen. {TOLD}; counted was run-1 alone"),
    )


def test_equal_bits_are_certain_and_pass_no_quality() -> None:
    bits = check("bits", "pass", "equal bits")
    identity, quality = doubt_two_grounds(bits, check("quality", "pass", "unchanged"), RAN)
    assert identity == bits
    assert quality.outcome == "undecided"


def test_without_a_baseline_nothing_is_undecided() -> None:
    checks = check("bits", "no_baseline"), check("quality", "no_baseline")
    assert doubt_two_grounds(*checks, RAN) == checks


def test_two_further_runs_that_contradict_each_other_are_named() -> None:
    first = made_by(run_of({5: 290}, run_id="run-0"), None)
    _, quality = doubt_two_grounds(check("bits", "pass"), check("quality", "pass"), (first, *RAN))
    assert quality.reason == f"{TOLD}. Of run-0 alone: as seen"


def test_runs_of_one_ground_are_no_doubt() -> None:
    with pytest.raises(VerdictError, match="run-1: runs of two grounds were expected, and all agree"):
        doubt_two_grounds(check("bits", "pass"), check("quality", "pass"), RAN[:1])
