"""Wilcoxon's signed ranks, against scipy, a listing of all signs, and Hollander & Wolfe's example."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats as second_opinion

from bertbench.errors import VerdictError
from bertbench.stats import signed_rank_interval, signed_rank_test, signed_rank_upper_bound

#: Untied and without zeros: sizes 1 to 1,000, all different.
CLEAN = st.lists(
    st.tuples(st.integers(1, 1_000), st.booleans()), min_size=1, max_size=14, unique_by=lambda d: d[0]
).map(lambda ds: [size if up else -size for size, up in ds])
ANY = st.lists(st.integers(-5, 5), min_size=1, max_size=9)


# Known answers

FIRST = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
SECOND = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]


def test_hollander_and_wolfes_depression_scores() -> None:
    """Nine patients before and after a tranquilizer: p 0.0195 = 10/512, estimate 0.46, 96 % interval 0.010 to 0.786."""
    fall = np.subtract(FIRST, SECOND)
    result = signed_rank_test(fall)
    assert result.p_value == 10 / 512
    assert result.estimate == pytest.approx(0.46)
    assert signed_rank_interval(fall, confidence=0.96) == pytest.approx((0.010, 0.786))


@pytest.mark.parametrize(("pairs", "smallest"), [(3, 0.125), (5, 0.03125), (7, 0.0078125), (10, 2**-10)])
def test_the_smallest_p_is_a_half_for_each_pair(pairs: int, smallest: float) -> None:
    """3 and 5 pairs can fail nothing at 1 %; 7 can."""
    result = signed_rank_test(np.arange(1.0, pairs + 1))
    assert result.p_value == result.smallest_possible_p == smallest


@given(CLEAN)
def test_exact_p_is_scipys(differences: list[int]) -> None:
    theirs = second_opinion.wilcoxon(differences, alternative="greater", method="exact")
    assert signed_rank_test(differences).p_value == pytest.approx(theirs.pvalue, rel=1e-12)


@given(ANY)
@settings(max_examples=60)
def test_with_ties_and_zeros_p_is_that_of_all_signs_listed(differences: list[int]) -> None:
    ranks = second_opinion.rankdata(np.abs(differences))
    seen = sum(rank for rank, d in zip(ranks, differences, strict=True) if d > 0)
    movable = [rank for rank, d in zip(ranks, differences, strict=True) if d != 0]
    sums = [
        sum(r for r, up in zip(movable, ups, strict=True) if up)
        for ups in itertools.product((0, 1), repeat=len(movable))
    ]
    assert signed_rank_test(differences).p_value == sum(s >= seen - 1e-9 for s in sums) / len(sums)


@given(ANY)
def test_the_estimate_is_the_median_of_all_averages_of_two(differences: list[int]) -> None:
    averages = [(a + b) / 2 for i, a in enumerate(differences) for b in differences[i:]]
    assert signed_rank_test(differences).estimate == pytest.approx(float(np.median(averages)))


# What has to hold


@given(CLEAN, st.sampled_from([0.8, 0.95, 0.99]))
def test_test_and_bound_agree(differences: list[int], confidence: float) -> None:
    """Zero lies below the lower end exactly where the test rejects it: the interval is the test, inverted."""
    p_value = signed_rank_test(differences).p_value
    assume(abs(p_value - (1 - confidence)) > 1e-12)
    lower = -signed_rank_upper_bound([-d for d in differences], confidence=confidence)
    assert (lower > 0) == (p_value < 1 - confidence)


@given(ANY, st.sampled_from([0.5, 0.8, 0.95]))
def test_swapping_sides_mirrors(differences: list[int], confidence: float) -> None:
    turned = [-d for d in differences]
    low, high = signed_rank_interval(differences, confidence=confidence)
    assert signed_rank_interval(turned, confidence=confidence) == (-high, -low)
    assert signed_rank_test(turned).estimate == -signed_rank_test(differences).estimate


@given(ANY, st.randoms(use_true_random=False))
def test_the_order_of_pairs_changes_nothing(differences: list[int], order) -> None:
    before = signed_rank_test(differences), signed_rank_interval(differences, confidence=0.8)
    order.shuffle(differences)
    assert before == (signed_rank_test(differences), signed_rank_interval(differences, confidence=0.8))


@given(ANY)
def test_ties_and_zeros_never_give_less_than_the_smallest_p(differences: list[int]) -> None:
    result = signed_rank_test(differences)
    assert result.smallest_possible_p <= result.p_value <= 1
    assert result.smallest_possible_p == 0.5 ** sum(d != 0 for d in differences)
    assert result.zeros == differences.count(0)


def test_pairs_without_a_difference_say_nothing() -> None:
    result = signed_rank_test([0.0] * 12)
    assert (result.p_value, result.estimate, result.zeros) == (1.0, 0.0, 12)


@pytest.mark.parametrize(("pairs", "finite_at_95"), [(1, False), (5, False), (6, True)])
def test_too_few_pairs_exclude_nothing(pairs: int, finite_at_95: bool) -> None:
    """2 x 2^-5 is above 5 %, 2 x 2^-6 below: before the sixth pair the interval is all numbers."""
    low, high = signed_rank_interval(np.linspace(0.01, 0.02, pairs))
    assert (math.isfinite(low), math.isfinite(high)) == (finite_at_95, finite_at_95)
    assert math.isfinite(signed_rank_upper_bound(np.linspace(0.01, 0.02, pairs))) == (pairs >= 5)


def test_a_level_that_is_met_exactly_is_met() -> None:
    """Three pairs, 75 %: each end may hold an eighth, which is just what the outermost average has."""
    assert signed_rank_interval([1.0, 2.0, 3.0], confidence=0.75) == (1.0, 3.0)
    assert signed_rank_upper_bound([1.0, 2.0, 3.0], confidence=1 - 0.125) == 3.0


@pytest.mark.parametrize("differences", [[], [1.0, math.nan], [math.inf]])
def test_empty_and_not_finite_are_refused(differences: list[float]) -> None:
    for ask in (signed_rank_test, signed_rank_interval, signed_rank_upper_bound):
        with pytest.raises(VerdictError, match="differences"):
            ask(differences)


@pytest.mark.parametrize("pairs", [7, 13])
@pytest.mark.parametrize("tail", ["normal", "t3", "rounded"])
def test_the_interval_covers_at_least_as_often_as_it_says(pairs: int, tail: str) -> None:
    rng = np.random.default_rng(23)
    held = 0
    for _ in range(1_000):
        noise = rng.standard_t(3, pairs) if tail == "t3" else rng.standard_normal(pairs)
        low, high = signed_rank_interval(np.rint(noise) if tail == "rounded" else noise)
        held += low <= 0 <= high
    assert held >= second_opinion.binom.ppf(0.001, 1_000, 0.95)
