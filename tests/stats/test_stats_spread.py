"""Spread, tail and correlation, each with what it does not exclude."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as second_opinion

from bertbench.errors import VerdictError
from bertbench.stats import correlation_interval, exact_rate, lower_tail, spread_interval
from bertbench.stats.spread import FEWEST_FOR_TAIL, TAIL_SPREADS

FEW = [1.0, 2.0, 3.0, 4.0, 9.0]
NUMBERS = st.floats(-100, 100, allow_nan=False, width=32)


def test_a_spread_computed_by_hand() -> None:
    """Of five values the trim 1/(2 sqrt 1) is a half at each end, so the middle value alone is left."""
    seen = spread_interval(FEW)
    squares = sum((value - 3.8) ** 2 for value in FEW)
    kurtosis = 5 * sum((value - 3.0) ** 4 for value in FEW) / squares**2
    z = 1.959964
    c = 5 / (5 - z)
    half = z * c * math.sqrt((kurtosis - 2 / 5) / 4)
    assert seen.estimate == pytest.approx(math.sqrt(squares / 4))
    assert seen.low == pytest.approx(math.sqrt(c * squares / 4 * math.exp(-half)), rel=1e-5)
    assert seen.high == pytest.approx(math.sqrt(c * squares / 4 * math.exp(half)), rel=1e-5)
    assert (seen.samples, seen.confidence) == (5, 0.95)


#: Skewed, with ties and an outlier; the first n of them are of another shape for each n.
SKEWED = [20, 3, 9, 5, 8, 2, 11, 6, 7, 4, 8, 1, 30, 5, 9, 6, 2, 7, 8, 4]


@pytest.mark.parametrize(("size", "cut"), [(7, 2), (8, 2), (13, 2), (20, 2), (40, 3)])
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_a_spread_is_that_of_bonetts_formula_in_exact_arithmetic(size: int, cut: int, confidence: float) -> None:
    """Bonett 2006, equation 4, with whole numbers until the last line. The trim leaves more than the median.

    Of each end a share of 1 / (2 sqrt(n - 4)) is trimmed, in whole values: of 7 two (2.02), of 8 two (2 sharp), of 13
    two (2.17), of 20 two (2.5), of 40 three (3.33).
    """
    values = (SKEWED + [value + 1 for value in SKEWED])[:size]
    inner = sorted(values)[cut : size - cut]
    mean, trimmed_mean = Fraction(sum(values), size), Fraction(sum(inner), len(inner))
    squares = sum((value - mean) ** 2 for value in values)
    kurtosis = size * sum((value - trimmed_mean) ** 4 for value in values) / squares**2
    variance, under_the_root = squares / (size - 1), (kurtosis - Fraction(size - 3, size)) / (size - 1)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    c = size / (size - z)
    ends = [math.sqrt(math.exp(math.log(c * variance) + sign * z * c * math.sqrt(under_the_root))) for sign in (-1, 1)]
    seen = spread_interval(values, confidence=confidence)
    assert seen.estimate == pytest.approx(math.sqrt(variance), rel=1e-12)
    assert [seen.low, seen.high] == pytest.approx(ends, rel=1e-9)


@given(st.lists(NUMBERS, min_size=5, max_size=30), st.floats(0.1, 50), NUMBERS)
def test_a_spread_follows_scale_and_ignores_shift_and_order(values: list[float], scale: float, shift: float) -> None:
    seen = spread_interval(values)
    moved = spread_interval([shift + scale * value for value in reversed(values)])
    if seen.estimate > 1e-3:
        assert moved.estimate == pytest.approx(scale * seen.estimate, rel=1e-3)
        assert (moved.low, moved.high) == pytest.approx((scale * seen.low, scale * seen.high), rel=1e-2)
        assert 0 < seen.low < seen.high


def test_values_without_spread_exclude_nothing() -> None:
    seen = spread_interval([0.9] * 8)
    assert (seen.estimate, seen.low, seen.high) == (0.0, 0.0, math.inf)


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0, math.nan]])
def test_a_spread_of_too_few_or_of_nan_is_refused(values: list[float]) -> None:
    with pytest.raises(VerdictError, match="values"):
        spread_interval(values)


def test_many_values_come_near_the_usual_interval() -> None:
    """Of normal values chi-squared is right, and Bonett's interval is nearly as short."""
    values = np.random.default_rng(0).normal(0, 2, 2_000)
    seen, variance = spread_interval(values), values.var(ddof=1)
    usual = [math.sqrt(1_999 * variance / second_opinion.chi2.ppf(q, 1_999)) for q in (0.975, 0.025)]
    assert (seen.low, seen.high) == pytest.approx(usual, rel=0.01)


def test_the_tail_counts_values_far_below_the_mean() -> None:
    values = [10.0] * 19 + [0.0]
    seen = lower_tail(values)
    assert (seen.count, seen.trials) == (1, 20)
    assert (seen.low, seen.high) == pytest.approx(tuple(second_opinion.binomtest(1, 20).proportion_ci()), rel=1e-6)
    assert lower_tail([-value for value in values]).count == 0
    assert lower_tail([3.0] * 17).count == 0


def test_a_share_in_the_tail_takes_as_many_seeds_as_exclude_something() -> None:
    """By Cantelli's inequality at most a fifth of anything lies two spreads below its mean."""
    assert exact_rate(0, FEWEST_FOR_TAIL).high < 1 / (1 + TAIL_SPREADS**2) < exact_rate(0, FEWEST_FOR_TAIL - 1).high
    with pytest.raises(VerdictError, match="16 values were given, at least 17 are needed"):
        lower_tail(range(16))


def test_a_correlation_and_its_interval_are_those_of_scipy() -> None:
    one, other = [1.0, 2.0, 3.0, 5.0, 8.0], [2.0, 1.0, 4.0, 3.0, 9.0]
    theirs = second_opinion.pearsonr(one, other)
    seen = correlation_interval(one, other)
    assert seen.estimate == pytest.approx(theirs.statistic)
    assert (seen.low, seen.high) == pytest.approx(tuple(theirs.confidence_interval()))
    assert correlation_interval(other, one) == seen


@pytest.mark.parametrize("sign", [1, -1])
def test_pairs_on_one_line_exclude_nothing(sign: int) -> None:
    """Five pairs of two levels that agree are luck: Fisher's formula would say 1.00 to 1.00."""
    seen = correlation_interval(FEW, [sign * 0.1 * value for value in FEW])
    assert (seen.estimate, seen.low, seen.high) == (pytest.approx(sign), -1.0, 1.0)
    nearly = correlation_interval(FEW, [*FEW[:4], 1.1 * FEW[4]])
    assert 0 < nearly.low < nearly.high < 1


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (FEW, FEW[:4], "pairs"),
        (FEW[:4], FEW[:4], "at least 5"),
        (FEW, [1.0] * 5, "no.* defined"),
        (FEW, [*FEW[:4], math.inf], "not finite"),
    ],
)
def test_a_correlation_that_is_none_is_refused(one: list[float], other: list[float], said: str) -> None:
    with pytest.raises(VerdictError, match=said):
        correlation_interval(one, other)


# Coverage: docs/method.md has the table, at ten thousand cases


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "skewed", "least"), [(5, False, 0.94), (5, True, 0.94), (8, False, 0.94), (8, True, 0.925)]
)
def test_the_interval_of_a_spread_covers_at_the_smallest_sample_it_is_printed_for(
    size: int, skewed: bool, least: float
) -> None:
    """A tail costs a point or two."""
    generator = np.random.default_rng(7)
    shape = 16 / 9  # a gamma turned round: skewness -1.5

    def draw() -> np.ndarray:
        return -generator.standard_gamma(shape, size) / math.sqrt(shape) if skewed else generator.standard_normal(size)

    seen = (spread_interval(draw()) for _ in range(3_000))
    assert sum(interval.low <= 1 <= interval.high for interval in seen) / 3_000 >= least


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_the_interval_of_a_correlation_covers_at_the_smallest_sample_it_is_printed_for(correlation: float) -> None:
    generator = np.random.default_rng(8)
    covariance = [[1, correlation], [correlation, 1]]
    seen = (correlation_interval(*generator.multivariate_normal([0, 0], covariance, 5).T) for _ in range(3_000))
    covered = sum(interval.low <= correlation <= interval.high for interval in seen) / 3_000
    assert covered == pytest.approx(0.95, abs=0.015)
