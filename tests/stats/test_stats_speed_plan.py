"""Pairs planned from sizes: the table of the plan, and what a plan must not see."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from bertbench.errors import VerdictError
from bertbench.stats.speed_plan import (
    SpeedQuestion,
    _power,
    pairs_needed,
    process_spread,
    spread_if_changed,
    spread_if_unchanged,
    widest_spread,
)

SIZES = st.lists(st.floats(0.0, 0.2), min_size=2, max_size=12)


def question(level: float = 0.005, **changes: float) -> SpeedQuestion:
    fields = {"margin": math.log(1.05), "level": level, "power": 0.95, "fewest": math.ceil(-math.log2(level))}
    return SpeedQuestion(**(fields | {"most": 500} | changes))


@pytest.mark.parametrize(
    ("level", "pairs"),
    [(0.01, (7, 10, 16, 38)), (0.005, (8, 11, 18, 44)), (0.0017, (10, 13, 23, 52))],
)
def test_pairs_that_see_five_percent_in_ninety_five(level: float, pairs: tuple[int, ...]) -> None:
    """At process spreads of 1, 2, 3 and 5 %: the paired t plan divided by 0.95, never below the smallest possible."""
    spreads = [share * math.sqrt(2) for share in (0.01, 0.02, 0.03, 0.05)]
    assert tuple(pairs_needed(spread, question(level)) for spread in spreads) == pairs


@pytest.mark.parametrize("pairs", [10, 20, 46])
@pytest.mark.parametrize("process_spread_share", [0.01, 0.02, 0.03, 0.05, 0.1])
@pytest.mark.parametrize("level", [0.01, 0.0025, 0.0001])
def test_the_chance_to_see_a_change_is_statsmodels_power(pairs: int, process_spread_share: float, level: float) -> None:
    """Of the one-sided paired t test, which is that of one sample."""
    asked, spread = question(level), math.sqrt(2) * process_spread_share
    theirs = TTestPower().power(asked.margin / spread, nobs=pairs, alpha=level, alternative="larger")
    assert _power(pairs, spread, asked) == pytest.approx(float(theirs), rel=1e-6, abs=1e-9)


def test_no_spread_needs_the_fewest_and_too_much_is_no_plan() -> None:
    assert pairs_needed(0.0, question()) == question().fewest
    assert pairs_needed(1.0, question()) is None


@given(st.floats(0.001, 0.1), st.floats(1.0, 3.0))
def test_a_wider_spread_never_needs_fewer_pairs(spread: float, factor: float) -> None:
    narrow, wide = (pairs_needed(one, question(most=5_000)) or math.inf for one in (spread, spread * factor))
    assert narrow <= wide


@given(st.integers(8, 120))
def test_the_widest_spread_is_the_one_at_which_these_pairs_are_enough(pairs: int) -> None:
    widest = widest_spread(pairs, question())
    assert widest is not None
    assert (pairs_needed(widest * 0.999, question()) or math.inf) <= pairs
    assert (pairs_needed(widest * 1.01, question()) or math.inf) > pairs


def test_pairs_that_decide_nothing_decide_nothing_at_any_spread() -> None:
    assert widest_spread(question().fewest - 1, question()) is None


def test_both_spreads_of_known_sizes() -> None:
    assert spread_if_changed([0.01, 0.03]) == pytest.approx(0.01 * math.sqrt(2))
    assert spread_if_unchanged([0.03, 0.04]) == pytest.approx(math.sqrt((9 + 16) / 2) / 100)
    assert process_spread(0.02 * math.sqrt(2)) == pytest.approx(0.02)


def test_each_spread_is_right_where_it_is_said_to_be() -> None:
    noise = np.random.default_rng(7).normal(0.0, 0.02, 20_000)
    assert spread_if_unchanged(np.abs(noise)) == pytest.approx(0.02, rel=0.02)
    assert spread_if_changed(np.abs(noise)) == pytest.approx(0.02 * math.sqrt(1 - 2 / math.pi), rel=0.02)
    assert spread_if_changed(np.abs(noise + 0.2)) == pytest.approx(0.02, rel=0.02)


@given(SIZES, st.lists(st.booleans(), min_size=12, max_size=12))
def test_signs_are_not_seen(sizes: list[float], flips: list[bool]) -> None:
    signed = [-size if flip else size for size, flip in zip(sizes, flips, strict=False)]
    assert spread_if_changed(signed) == spread_if_changed(sizes)
    assert spread_if_unchanged(signed) == spread_if_unchanged(sizes)


@pytest.mark.parametrize("sizes", [[], [0.1], [0.1, math.nan], [0.1, math.inf]])
def test_too_few_and_not_finite_are_refused(sizes: list[float]) -> None:
    for spread in (spread_if_changed, spread_if_unchanged):
        with pytest.raises(VerdictError, match="sizes of differences"):
            spread(sizes)
