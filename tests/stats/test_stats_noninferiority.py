"""The difference of means and its bounds, against statsmodels and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats as second_opinion
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW, ttost_ind

from bertbench.errors import VerdictError
from bertbench.stats import difference_of_means, rounding_spread

NUMBERS = st.lists(st.integers(0, 300), min_size=2, max_size=12)
ENOUGH = st.lists(st.integers(0, 300), min_size=4, max_size=12)


def spread_out(values: list[int]) -> bool:
    return len(set(values)) > 1


@given(ENOUGH, ENOUGH, st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_is_the_wider_of_both_of_statsmodels(
    baseline: list[int], candidate: list[int], confidence: float
) -> None:
    """So it holds either of them."""
    assume(spread_out(baseline) and spread_out(candidate))
    theirs = CompareMeans(DescrStatsW(np.array(baseline, float)), DescrStatsW(np.array(candidate, float)))
    both = [theirs.tconfint_diff(alpha=1 - confidence, usevar=usevar) for usevar in ("pooled", "unequal")]
    low, high = (end(side) for end, side in zip((min, max), zip(*both, strict=True), strict=True))
    ours = difference_of_means(baseline, candidate).interval(confidence)
    assert ours == pytest.approx((low, high), rel=1e-9, abs=1e-9)


@given(ENOUGH, ENOUGH, st.sampled_from([0.9, 0.99]))
def test_the_interval_reaches_as_far_as_the_bound_of_a_pass(
    baseline: list[int], candidate: list[int], confidence: float
) -> None:
    seen = difference_of_means(baseline, candidate, least_spread=0.3)
    assert seen.interval(confidence)[1] >= seen.upper_bound((1 + confidence) / 2)


@pytest.mark.parametrize("sizes", [(20, 3), (3, 20), (2, 2)])
def test_too_few_seeds_have_a_bound_and_no_interval(sizes: tuple[int, int]) -> None:
    """Two or three seeds show too little of a spread that may have grown; the pass rule stays as it is."""
    seen = difference_of_means(np.arange(sizes[0]), np.arange(sizes[1]))
    assert seen.interval(0.99) == (-math.inf, math.inf)
    assert math.isfinite(seen.upper_bound(0.99))
    assert math.isfinite(difference_of_means(np.arange(4), np.arange(4)).interval(0.99)[0])


@given(NUMBERS, NUMBERS, st.floats(-50, 50))
def test_bound_below_margin_is_the_test_of_non_inferiority(
    baseline: list[int], candidate: list[int], margin: float
) -> None:
    """The upper bound lies below the margin exactly where the one-sided test of 'D >= margin' has p < 5 %."""
    assume(spread_out(baseline) and spread_out(candidate))
    ours = difference_of_means(baseline, candidate)
    usevar = "unequal" if ours.welch else "pooled"
    _, _, (_, p_value, _) = ttost_ind(
        np.array(baseline, float), np.array(candidate, float), -1e6, margin, usevar=usevar
    )
    assume(abs(p_value - 0.05) > 1e-9)
    assert (ours.upper_bound(0.95) < margin) == (p_value < 0.05)


def test_a_worked_example() -> None:
    """Student's sleep data (1908), as in many textbooks: mean difference 1.58, t 1.8608, df 18 pooled, 17.776 Welch."""
    one = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    two = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    ours = difference_of_means(one, two)
    assert ours.estimate == pytest.approx(1.58)
    assert ours.estimate / ours.standard_error == pytest.approx(1.8608, abs=5e-5)
    assert (ours.degrees_of_freedom, ours.welch) == (18, False)
    assert ours.interval(0.95) == pytest.approx((-0.205483, 3.365483), abs=1e-6)  # Welch's, the wider
    half = ours.upper_bound(0.975) - ours.estimate
    assert half == pytest.approx(1.783874, abs=1e-6)  # Student's


@pytest.mark.parametrize(
    ("factor", "welch"), [(1.49, False), (1.51, True)], ids=["variance ratio 2.22", "variance ratio 2.28"]
)
def test_variances_are_taken_apart_above_two_and_a_quarter(factor: float, welch: bool) -> None:
    pattern = np.array([-1.0, 1.0, -1.0, 1.0])
    bank = np.tile(pattern, 5) * np.std(pattern, ddof=1) / np.std(np.tile(pattern, 5), ddof=1)
    assert difference_of_means(bank, factor * pattern).welch is welch


def test_a_calm_candidate_does_not_make_the_bank_look_wild() -> None:
    """Four seeds that happen to agree are luck: pooling them with 20 is cautious, so they stay pooled."""
    assert not difference_of_means(np.arange(20), [9.5, 9.6, 9.5, 9.4]).welch


@given(NUMBERS, NUMBERS, st.floats(0, 2))
def test_swapping_sides_mirrors_estimate_and_interval(baseline: list[int], candidate: list[int], least: float) -> None:
    there = difference_of_means(baseline, candidate, least_spread=least)
    back = difference_of_means(candidate, baseline, least_spread=least)
    assert there.estimate == -back.estimate
    low, high = back.interval(0.99)
    assert there.interval(0.99) == pytest.approx((-high, -low), rel=1e-12, abs=1e-12)


@given(NUMBERS, NUMBERS, st.randoms(use_true_random=False))
def test_the_order_of_seeds_changes_nothing(baseline: list[int], candidate: list[int], order) -> None:
    before = difference_of_means([b / 300 for b in baseline], [c / 300 for c in candidate])
    order.shuffle(baseline)
    order.shuffle(candidate)
    assert before == difference_of_means([b / 300 for b in baseline], [c / 300 for c in candidate])


def test_no_spread_and_no_floor_prove_nothing() -> None:
    """Equal values have standard error 0, and any t test would then 'prove' whatever it is asked."""
    flat = difference_of_means([0.9] * 20, [0.9] * 4)
    assert flat.upper_bound(0.95) == math.inf
    assert flat.interval(0.99) == (-math.inf, math.inf)


def test_equal_values_are_as_wide_as_rounding() -> None:
    floored = difference_of_means([0.9] * 20, [0.9] * 4, least_spread=rounding_spread(300))
    assert (floored.baseline_spread, floored.candidate_spread) == (0.0, 0.0)
    half = second_opinion.t.ppf(0.99, 22) / (300 * math.sqrt(12)) * math.sqrt(1 / 20 + 1 / 4)
    assert floored.upper_bound(0.99) == pytest.approx(half)


@pytest.mark.parametrize(
    "sides",
    [([1.0], [1.0, 2.0]), ([1.0, 2.0], [1.0]), ([], []), ([1.0, math.nan], [1.0, 2.0]), ([1, 2], [1, math.inf])],
)
def test_one_seed_and_not_finite_are_refused(sides: tuple[list[float], list[float]]) -> None:
    with pytest.raises(VerdictError, match=r"baseline|candidate"):
        difference_of_means(*sides)


@pytest.mark.parametrize("least", [-1.0, math.nan, math.inf])
def test_an_impossible_floor_is_refused(least: float) -> None:
    with pytest.raises(VerdictError, match="least_spread"):
        difference_of_means([1.0, 2.0], [1.0, 2.0], least_spread=least)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 99, math.nan])
def test_an_impossible_confidence_is_refused(confidence: float) -> None:
    difference = difference_of_means([1.0, 2.0], [1.0, 2.0])
    for ask in (difference.upper_bound, difference.interval):
        with pytest.raises(VerdictError, match="confidence"):
            ask(confidence)


def coverage(seeds: int, cases: int, *, rows: int, spread: float, ratio: float = 1.0) -> float:
    rng = np.random.default_rng(17)
    held = 0
    for _ in range(cases):
        sides = [
            np.rint((0.9 + wider * spread * rng.standard_normal(n)) * rows) / rows
            for n, wider in ((20, 1.0), (seeds, ratio))
        ]
        low, high = difference_of_means(*sides, least_spread=rounding_spread(rows)).interval(0.99)
        held += low <= 0 <= high
    return held / cases


def test_the_interval_covers_at_the_smallest_sample_it_is_printed_for() -> None:
    assert coverage(4, 2_000, rows=300, spread=0.005) == pytest.approx(0.99, abs=0.01)


def test_the_interval_covers_where_the_candidates_spread_doubled() -> None:
    """Student's or Welch's by what four seeds show: 95.7 %."""
    assert coverage(4, 2_000, rows=300, spread=0.005, ratio=2.0) >= 0.98


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "spread"), [(49, 0.01), (300, 0.003), (300, 0.008), (3_000, 0.005)])
def test_the_interval_covers_within_a_point_in_ten_thousand_cases(rows: int, spread: float) -> None:
    assert coverage(4, 10_000, rows=rows, spread=spread) == pytest.approx(0.99, abs=0.01)
