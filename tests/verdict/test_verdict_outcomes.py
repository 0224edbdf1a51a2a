"""Doubt never passes: the order of outcomes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.verdict import PRECEDENCE, Check, Outcome, overall


def check(outcome: Outcome) -> Check:
    return Check(name="x", kind="threshold", outcome=outcome, observed="", promised="", reason="")


def test_order_of_outcomes() -> None:
    assert PRECEDENCE == ("fail", "no_baseline", "undecided", "pass")


@pytest.mark.parametrize(("first", "second"), [*itertools.product(PRECEDENCE, repeat=2)])
def test_worse_of_two_outcomes_is_the_outcome_of_both(first: Outcome, second: Outcome) -> None:
    worse = PRECEDENCE[min(PRECEDENCE.index(first), PRECEDENCE.index(second))]
    assert overall([check(first), check(second)]) == worse


def test_no_checks_at_all_are_undecided() -> None:
    """pytest-benchmark passes where nothing was compared."""
    assert overall([]) == "undecided"


@given(st.lists(st.sampled_from(PRECEDENCE), min_size=1))
def test_pass_needs_every_check(outcomes: list[Outcome]) -> None:
    assert (overall(map(check, outcomes)) == "pass") == (set(outcomes) == {"pass"})


@given(st.lists(st.sampled_from(PRECEDENCE)), st.sampled_from(PRECEDENCE))
def test_one_more_check_never_makes_it_better(outcomes: list[Outcome], more: Outcome) -> None:
    """Except the first: before it, nothing was measured."""
    before, after = overall(map(check, outcomes)), overall(map(check, [*outcomes, more]))
    assert not outcomes or PRECEDENCE.index(after) <= PRECEDENCE.index(before)
