"""Exact bounds of a chance, against scipy, statsmodels and known numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as second_opinion
from statsmodels.stats.proportion import proportion_confint

from bertbench.errors import VerdictError
from bertbench.stats import exact_lower_bound, exact_rate, exact_upper_bound

COUNTS = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("count", "trials", "bound"),
    [(0, 5, 0.451), (0, 20, 0.139), (0, 299, 0.00997), (0, 300, 0.00994), (1, 300, 0.0157), (3, 300, 0.0256)],
)
def test_upper_bounds_that_are_known(count: int, trials: int, bound: float) -> None:
    """0 of 300 shows 0.99 %, 1 of 300 1.57 %, 3 of 300 2.56 %; 0 of 5 45 %, 0 of 20 13.9 %."""
    assert exact_upper_bound(count, trials) == pytest.approx(bound, abs=0.0005 if bound > 0.1 else 0.00005)


@given(st.integers(1, 1_000))
def test_without_a_count_the_bound_is_the_root_of_what_is_left_open(trials: int) -> None:
    assert exact_upper_bound(0, trials) == pytest.approx(1 - 0.05 ** (1 / trials), rel=1e-9)
    assert exact_lower_bound(trials, trials) == pytest.approx(0.05 ** (1 / trials), rel=1e-9)


@given(COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_interval_is_that_of_statsmodels_and_scipy(count_of_trials: tuple[int, int], confidence: float) -> None:
    count, trials = count_of_trials
    ours = exact_rate(count, trials, confidence=confidence)
    low, high = proportion_confint(count, trials, alpha=1 - confidence, method="beta")
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-9)
    theirs = second_opinion.binomtest(count, trials).proportion_ci(confidence, method="exact")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert ours.low <= ours.rate <= ours.high


@given(COUNTS)
def test_the_other_count_has_the_other_bound(count_of_trials: tuple[int, int]) -> None:
    count, trials = count_of_trials
    assert exact_lower_bound(count, trials) == pytest.approx(1 - exact_upper_bound(trials - count, trials), abs=1e-9)


@given(COUNTS)
def test_the_bound_is_where_the_binomial_leaves_five_percent(count_of_trials: tuple[int, int]) -> None:
    count, trials = count_of_trials
    if count < trials:
        left = second_opinion.binom.cdf(count, trials, exact_upper_bound(count, trials))
        assert left == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize(("count", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(count: int, trials: int) -> None:
    for bound in (exact_upper_bound, exact_lower_bound, exact_rate):
        with pytest.raises(VerdictError, match=str(count)):
            bound(count, trials)


def test_an_impossible_confidence_is_refused() -> None:
    for confidence in (0.0, 1.0, math.nan):
        with pytest.raises(VerdictError, match="confidence"):
            exact_rate(1, 5, confidence=confidence)
