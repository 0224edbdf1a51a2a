"""The multi-bootstrap, against its own definition written out and variances worked out by hand."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as second_opinion

from bertbench.errors import VerdictError
from bertbench.stats import multi_bootstrap

module = importlib.import_module("bertbench.stats.multi_bootstrap")  # the package has the function by that name


def fresh() -> np.random.Generator:
    return np.random.default_rng(7)


def predictions(seeds: int, rows: int, *, flipped: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(41)
    baseline = rng.random((seeds, rows)) < 0.9
    return baseline, baseline ^ (rng.random((seeds, rows)) < flipped)


def written_out(baseline: np.ndarray, candidate: np.ndarray, resamples: int) -> np.ndarray:
    """One weight for each row and seed, one resample at a time, no short cuts."""
    rng = np.random.default_rng(43)
    drops = baseline.astype(float) - candidate
    means = []
    for _ in range(resamples):
        rows = rng.poisson(1.0, drops.shape[1])
        seeds = np.bincount(rng.integers(0, len(drops), len(drops)), minlength=len(drops))
        means.append((seeds[:, None] * rows * drops).sum() / (seeds.sum() * rows.sum()))
    return np.array(means)


def test_rows_that_differ_alike_may_share_a_weight() -> None:
    """The short cut has the distribution of the long way round; its ends are moved out as the module says."""
    baseline, candidate = predictions(4, 200)
    by_seed = (baseline.astype(float) - candidate).mean(axis=1)
    unseen = second_opinion.norm.ppf(0.95) * math.sqrt(2) / 200
    student = second_opinion.t.ppf(0.95, 3) * by_seed.std(ddof=1) / 2
    ours = multi_bootstrap(baseline, candidate, generator=fresh(), resamples=20_000, confidence=0.9)
    low, high = np.quantile(written_out(baseline, candidate, 20_000), [0.05, 0.95])
    width, mean = high - low, by_seed.mean()
    assert ours.low == pytest.approx(mean - max(math.hypot(mean - low, unseen), student), abs=0.03 * width)
    assert ours.high == pytest.approx(mean + max(math.hypot(high - mean, unseen), student), abs=0.03 * width)


def test_the_estimate_is_the_difference_of_the_means() -> None:
    baseline, candidate = predictions(5, 300)
    result = multi_bootstrap(baseline, candidate, generator=fresh(), resamples=100)
    assert result.estimate == pytest.approx(baseline.mean() - candidate.mean(), abs=1e-12)
    assert result.low < result.estimate < result.high
    assert result.rows_that_differ == (baseline != candidate).any(axis=0).sum()
    assert result.approximate


def test_where_all_seeds_agree_it_is_the_spread_of_rows_alone() -> None:
    """4 % of 1,000 rows lost by every seed: standard error sqrt(0.04 x 0.96 / 1,000), and two unseen rows."""
    baseline, candidate = np.ones((6, 1_000)), np.ones((6, 1_000))
    candidate[:, :40] = 0
    result = multi_bootstrap(baseline, candidate, generator=fresh(), resamples=20_000, confidence=0.6827)
    assert (result.high - result.low) / 2 == pytest.approx(math.sqrt(0.04 * 0.96 / 1_000 + 2 / 1_000**2), rel=0.04)


@pytest.mark.parametrize("differing", [0, 4])
def test_hardly_any_row_that_differs_has_no_interval(differing: int) -> None:
    """Equal predictions on these rows do not show that others are equal: not '0 to 0'."""
    baseline = np.ones((4, 100))
    candidate = baseline.copy()
    candidate[0, :differing] = 0
    with pytest.raises(VerdictError, match=f"{differing} rows differ, 5 are needed"):
        multi_bootstrap(baseline, candidate, generator=fresh())
    candidate[3, 50:55] = 0
    assert multi_bootstrap(baseline, candidate, generator=fresh(), resamples=100).rows_that_differ == differing + 5


@given(st.permutations(range(60)))
@settings(max_examples=10)
def test_the_naming_of_rows_changes_nothing(order: list[int]) -> None:
    baseline, candidate = predictions(4, 60)
    there = multi_bootstrap(baseline, candidate, generator=fresh(), resamples=200)
    assert there == multi_bootstrap(baseline[:, order], candidate[:, order], generator=fresh(), resamples=200)


def test_swapping_sides_mirrors_but_for_the_draws() -> None:
    baseline, candidate = predictions(5, 300)
    there = multi_bootstrap(baseline, candidate, generator=fresh())
    back = multi_bootstrap(candidate, baseline, generator=fresh())
    assert there.estimate == -back.estimate
    width = there.high - there.low
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=0.1 * width)


def test_the_generator_alone_decides_the_draws() -> None:
    baseline, candidate = predictions(5, 300)
    first, again, other = (
        multi_bootstrap(baseline, candidate, generator=np.random.default_rng(seed), resamples=999) for seed in (1, 1, 2)
    )
    assert first == again
    assert (first.low, first.high) != (other.low, other.high)


def test_losses_per_row_may_be_compared_too() -> None:
    rng = np.random.default_rng(3)
    losses = rng.exponential(size=(4, 50))
    result = multi_bootstrap(-losses, -losses - 0.1, generator=fresh())
    unseen = 2.5758 * math.sqrt(2) * 0.1 / 50  # one more row either way, as large as the largest seen
    assert (result.estimate, result.low, result.high) == pytest.approx((0.1, 0.1 - unseen, 0.1 + unseen), abs=1e-6)


def test_the_interval_reaches_at_least_as_far_as_students_over_seeds() -> None:
    """Two seeds that lose 20 rows and two that win 20: percentiles end at what was seen, t knows that four are few."""
    baseline = np.zeros((4, 5_000))
    candidate = baseline.copy()
    baseline[:2, :20] = candidate[2:, 20:40] = 1
    result = multi_bootstrap(baseline, candidate, generator=fresh())
    theirs = second_opinion.ttest_1samp((baseline - candidate).mean(axis=1), 0.0).confidence_interval(0.99)
    assert (result.low, result.high) == pytest.approx((theirs.low, theirs.high))
    assert result.high > 0.004  # more than any seed lost


@given(st.integers(4, 6), st.floats(0.1, 0.5))
@settings(max_examples=10)
def test_the_percentiles_lie_within(seeds: int, flipped: float) -> None:
    baseline, candidate = predictions(seeds, 100, flipped=flipped)
    result = multi_bootstrap(baseline, candidate, generator=fresh(), resamples=400)
    drops = baseline.astype(float) - candidate
    patterns, counts = np.unique(drops.T, axis=0, return_counts=True)
    low, high = np.quantile(module._resampled_means(patterns, counts, 400, fresh()), [0.005, 0.995])
    assert result.low < low < high < result.high


@pytest.mark.parametrize("shapes", [((3, 50), (3, 51)), ((3, 50), (2, 50)), ((50,), (50,))])
def test_what_cannot_be_paired_is_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(VerdictError, match="shapes"):
        multi_bootstrap(np.zeros(shapes[0]), np.zeros(shapes[1]), generator=fresh())


@pytest.mark.parametrize("shape", [(1, 50), (3, 50), (4, 9), (0, 50), (4, 0)])
def test_too_little_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(VerdictError, match="are needed"):
        multi_bootstrap(np.zeros(shape), np.zeros(shape), generator=fresh())


def test_not_finite_and_impossible_arguments_are_refused() -> None:
    baseline = np.zeros((4, 50))
    broken = baseline.copy()
    broken[1, 7] = math.nan
    with pytest.raises(VerdictError, match="1 scores are not finite"):
        multi_bootstrap(baseline, broken, generator=fresh())
    with pytest.raises(VerdictError, match="confidence"):
        multi_bootstrap(baseline, baseline, generator=fresh(), confidence=99)
    with pytest.raises(VerdictError, match="99 resamples"):
        multi_bootstrap(baseline, baseline, generator=fresh(), resamples=99)
