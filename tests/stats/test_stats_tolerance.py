"""Tolerance factors and the threshold audit, against scipy, tables and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as second_opinion

from bertbench.errors import VerdictError
from bertbench.stats import (
    FreshRun,
    audit_threshold,
    exact_lower_bound,
    exact_upper_bound,
    predictive_miss_chance,
    rounding_spread,
    tolerance_factor,
)
from bertbench.stats.threshold_audit import needed_rows
from bertbench.stats.tolerance import seeds_for_distance

#: Spreads from bar to mean at which one seed in a hundred misses.
Z = float(second_opinion.norm.ppf(0.99))

# Factors


@pytest.mark.parametrize(("seeds", "factor"), [(5, 5.74), (8, 4.35), (10, 3.98), (20, 3.30), (40, 2.94)])
def test_the_factors_of_the_method(seeds: int, factor: float) -> None:
    assert tolerance_factor(seeds) == pytest.approx(factor, abs=0.005)


@pytest.mark.parametrize(
    ("seeds", "coverage", "confidence", "factor"),
    [(10, 0.90, 0.95, 2.355), (10, 0.95, 0.95, 2.911), (10, 0.99, 0.95, 3.981), (43, 0.90, 0.99, 1.8752)],
)
def test_factors_of_published_tables(seeds: int, coverage: float, confidence: float, factor: float) -> None:
    """Tables of one-sided factors for 10; for 43 the NIST/SEMATECH handbook, 7.2.6.3."""
    assert tolerance_factor(seeds, coverage=coverage, confidence=confidence) == pytest.approx(factor, abs=0.0015)


def test_the_factor_falls_towards_the_normal_quantile() -> None:
    factors = [tolerance_factor(seeds) for seeds in (2, 3, 5, 10, 100, 1_000)]
    assert factors == sorted(factors, reverse=True)
    assert second_opinion.norm.ppf(0.99) < factors[-1] < 2.45


@given(st.floats(2.36, 80))
@settings(max_examples=40)
def test_the_fewest_seeds_for_a_distance_are_those_whose_factor_fits(distance: float) -> None:
    seeds = seeds_for_distance(distance, true_spreads=Z)
    if seeds is None:
        assert tolerance_factor(1_000) > distance
    else:
        assert tolerance_factor(seeds) <= distance * (1 + 1e-9)
        assert seeds == 2 or tolerance_factor(seeds - 1) > distance * (1 - 1e-9)


def test_a_distance_below_the_normal_quantile_takes_more_seeds_than_there_are() -> None:
    assert seeds_for_distance(2.32, true_spreads=Z) is None
    assert seeds_for_distance(-1.0, true_spreads=Z) is None


@pytest.mark.parametrize("seeds", [5, 20])
def test_the_bound_holds_in_95_percent(seeds: int) -> None:
    """The bound mean - k s lies below the true 1 % quantile in 95 % of samples of normal seeds."""
    samples = np.random.default_rng(29).standard_normal((20_000, seeds))
    bounds = samples.mean(axis=1) - tolerance_factor(seeds) * samples.std(axis=1, ddof=1)
    assert (bounds <= second_opinion.norm.ppf(0.01)).mean() == pytest.approx(0.95, abs=0.007)


@given(st.floats(-3, 3), st.floats(0.5, 3), st.integers(2, 40))
def test_the_miss_chance_is_where_the_prediction_interval_ends(distance: float, spread: float, seeds: int) -> None:
    """A one-sided prediction bound mean - t(1-q) s sqrt(1 + 1/S) that just touches the bar leaves q below it."""
    chance = predictive_miss_chance(distance, spread, seeds)
    bound = distance - second_opinion.t.isf(chance, seeds - 1) * spread * math.sqrt(1 + 1 / seeds)
    assert bound == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("arguments", [(0.1, 0.0, 5), (0.1, math.nan, 5), (0.1, 1.0, 1), (math.nan, 1.0, 5)])
def test_a_miss_chance_of_nothing_is_refused(arguments: tuple[float, float, int]) -> None:
    with pytest.raises(VerdictError, match="miss chance"):
        predictive_miss_chance(*arguments)


@pytest.mark.parametrize(
    ("seeds", "change"), [(1, {}), (5, {"coverage": 1.0}), (5, {"confidence": 0.0}), (5, {"coverage": math.nan})]
)
def test_a_factor_of_nothing_is_refused(seeds: int, change: dict[str, float]) -> None:
    with pytest.raises(VerdictError, match=r"tolerance|coverage|confidence"):
        tolerance_factor(seeds, **change)


# Bar and rows


@pytest.mark.parametrize(
    ("bar", "rows", "needed"),
    [(0.97, 49, 48), (0.07, 100, 7), (0.98, 50, 49), (0.0, 10, 0), (1.0, 10, 10), (0.5, 3, 2)],
)
def test_rows_that_keep_a_bar(bar: float, rows: int, needed: int) -> None:
    """0.07 * 100 is 7.000000000000001 in doubles, and 7 of 100 keep 0.07 all the same."""
    assert needed_rows(bar, rows) == needed


@given(st.floats(0, 1), st.integers(1, 5_000))
def test_needed_rows_are_those_of_the_comparison_itself(bar: float, rows: int) -> None:
    up, down = needed_rows(bar, rows), needed_rows(bar, rows, "lower")
    assert up / rows >= bar > (up - 1) / rows
    assert down / rows <= bar < (down + 1) / rows


# Audit


def test_five_clean_seeds_show_nothing() -> None:
    """48 of 49 five times, bar 0.97: at most 45 % is all that is shown, and 5 seeds could never show more."""
    audit = audit_threshold([48 / 49] * 5, 0.97, rows=49)
    assert (audit.word, audit.missed, audit.margin_rows) == ("not known", 0, 0.0)
    assert audit.miss_upper_bound == pytest.approx(1 - 0.05 ** (1 / 5))
    assert audit.effective_bar == pytest.approx(47.5 / 49)
    assert audit.spread == rounding_spread(49)


def test_on_49_rows_the_mean_can_lie_a_row_and_a_half_above_the_bar() -> None:
    """Even 49 of 49 every time: 1.5 rows are 5.2 spreads of rounding, and 5 seeds need 5.74."""
    best = audit_threshold([1.0] * 5, 0.97, rows=49)
    assert best.distance * 49 == pytest.approx(1.5)
    assert best.word == "not known"
    assert best.seeds_to_settle is not None
    assert audit_threshold([1.0] * best.seeds_to_settle, 0.97, rows=49).word == "shown stable"
    assert audit_threshold([1.0] * (best.seeds_to_settle - 1), 0.97, rows=49).word == "not known"


def bank(mean: float, spread: float, seeds: int = 20) -> list[float]:
    """Numbers with just this mean and standard deviation."""
    pattern = np.tile([-1.0, 1.0], seeds // 2)
    return list(mean + spread * pattern / pattern.std(ddof=1))


@pytest.mark.parametrize(("spreads_above", "word"), [(3.31, "shown stable"), (3.28, "not known")])
def test_twenty_seeds_need_three_and_a_third_spreads(spreads_above: float, word: str) -> None:
    assert audit_threshold(bank(spreads_above, 1.0), 0.0).word == word


@pytest.mark.parametrize(("spreads_below", "word"), [(3.31, "shown stable"), (3.28, "not known")])
def test_a_bar_from_above_is_the_mirror_image(spreads_below: float, word: str) -> None:
    audit = audit_threshold(bank(-spreads_below, 1.0), 0.0, better="lower")
    mirror = audit_threshold(bank(spreads_below, 1.0), 0.0)
    assert audit.word == word == mirror.word
    assert (audit.distance, audit.miss_chance) == pytest.approx((mirror.distance, mirror.miss_chance))


@given(st.lists(st.integers(0, 49), min_size=2, max_size=8), st.integers(1, 48))
@settings(max_examples=40)
def test_shares_from_above_mirror_too(hits: list[int], needed: int) -> None:
    """Right rows against a bar from below are wrong rows against a bar from above."""
    right = audit_threshold([k / 49 for k in hits], needed / 49, rows=49)
    wrong = audit_threshold([(49 - k) / 49 for k in hits], (49 - needed) / 49, rows=49, better="lower")
    assert (right.word, right.missed) == (wrong.word, wrong.missed)
    assert right.margin_rows == pytest.approx(wrong.margin_rows)
    assert right.distance == pytest.approx(wrong.distance, abs=1e-12)


@pytest.mark.parametrize(
    ("missed", "seeds", "word"), [(1, 5, "shown flaky"), (1, 6, "not known"), (2, 20, "shown flaky")]
)
def test_flaky_is_shown_by_the_exact_lower_bound_alone(missed: int, seeds: int, word: str) -> None:
    audit = audit_threshold([0.0] * missed + [1.0] * (seeds - missed), 0.5, rows=1_000)
    assert audit.word == word
    assert audit.miss_lower_bound == exact_lower_bound(missed, seeds)
    assert (exact_lower_bound(missed, seeds) > 0.01) == (word == "shown flaky")


def test_a_seed_that_missed_forbids_stable_however_far_the_mean() -> None:
    values = [0.89] + [0.99 + 0.0001 * k for k in range(99)]
    audit = audit_threshold(values, 0.9)
    assert audit.missed == 1
    assert audit.distance_spreads > audit.factor
    assert audit.word == "not known"


def test_299_clean_seeds_need_no_assumption() -> None:
    """Half of them at the bar itself: far from normal, and yet 'below 1 %' is shown."""
    values = [0.5, 0.6] * 150
    assert audit_threshold(values[:298], 0.5).word == "not known"
    by_counts = audit_threshold(values[:299], 0.5)
    assert (by_counts.word, by_counts.assumes_normal) == ("shown stable", False)
    assert exact_upper_bound(0, 299) <= 0.01 < exact_upper_bound(0, 298)


def test_the_seeds_that_would_settle_it() -> None:
    near, nearer, below = (audit_threshold(bank(distance, 1.0, 10), 0.0) for distance in (3.0, 2.3, 1.05))
    assert near.word == nearer.word == below.word == "not known"
    assert tolerance_factor(near.seeds_to_settle) <= near.distance_spreads < tolerance_factor(near.seeds_to_settle - 1)
    assert nearer.seeds_to_settle is None  # a chance of 1.07 %: a thousand seeds tell it from 1 % no more than ten
    assert exact_lower_bound(round(0.147 * below.seeds_to_settle), below.seeds_to_settle) > 0.01


def test_the_smallest_drop_seen_makes_a_seed_miss_in_nine_of_ten() -> None:
    audit = audit_threshold(bank(4.0, 1.0, 4), 0.0)
    fresh = np.random.default_rng(31).normal(4.0 - audit.smallest_drop_seen, 1.0, (40_000, 4))
    assert (fresh < 0).any(axis=1).mean() == pytest.approx(0.9, abs=0.01)
    assert audit_threshold(bank(-5.0, 1.0, 4), 0.0).smallest_drop_seen == 0.0


@pytest.mark.parametrize("fresh_seeds", [1, 5, 20])
def test_the_smallest_drop_is_that_of_a_fresh_run_of_the_seeds_that_are_prescribed(fresh_seeds: int) -> None:
    """However many were seen."""
    audit = audit_threshold(bank(4.0, 1.0, 40), 0.0, fresh_run=FreshRun(fresh_seeds))
    assert audit.fresh_seeds == fresh_seeds
    each = second_opinion.norm.cdf(audit.smallest_drop_seen - audit.distance, scale=audit.spread)
    assert 1 - (1 - each) ** fresh_seeds == pytest.approx(0.9)


def test_the_smallest_drop_of_equal_seeds_is_that_of_rounding_and_the_mirror_is_the_same() -> None:
    audit = audit_threshold([48 / 49] * 20, 0.97, rows=49, fresh_run=FreshRun(1))
    assert audit.smallest_drop_seen == pytest.approx(0.5 / 49 + second_opinion.norm.ppf(0.9) * rounding_spread(49))
    lower = audit_threshold([1 / 49] * 20, 1 / 49, rows=49, better="lower", fresh_run=FreshRun(1))
    assert lower.smallest_drop_seen == pytest.approx(audit.smallest_drop_seen)


def test_a_fresh_run_without_seeds_is_refused() -> None:
    with pytest.raises(VerdictError, match="fresh_seeds: 0 were given"):
        FreshRun(0)


@given(st.lists(st.integers(40, 49), min_size=2, max_size=8), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_order_of_seeds_changes_nothing(hits: list[int], order) -> None:
    before = audit_threshold([k / 49 for k in hits], 0.9, rows=49)
    order.shuffle(hits)
    assert before == audit_threshold([k / 49 for k in hits], 0.9, rows=49)


@given(st.integers(2, 5), st.integers(0, 300))
@settings(max_examples=30)
def test_of_seeds_that_are_all_right_as_many_are_shown_stable_as_a_plan_says(seeds: int, needed: int) -> None:
    audit = audit_threshold([1.0] * seeds, needed / 300, rows=300)
    plan = audit_threshold([1.0] * 2, needed / 300, rows=300).seeds_to_settle
    assert (audit.word == "shown stable") == (plan is not None and seeds >= plan)


@given(st.lists(st.integers(0, 49), min_size=2, max_size=8), st.integers(1, 30))
@settings(max_examples=30)
def test_what_is_not_finite_missed_and_moves_no_mean(hits: list[int], not_finite: int) -> None:
    values = [k / 49 for k in hits]
    without = audit_threshold(values, 0.9, rows=49)
    audit = audit_threshold(values, 0.9, rows=49, not_finite=not_finite)
    assert (audit.seeds, audit.missed) == (without.seeds + not_finite, without.missed + not_finite)
    same = ("mean", "spread", "distance_spreads", "factor", "miss_chance", "margin_rows")
    assert [getattr(audit, name) for name in same] == [getattr(without, name) for name in same]
    assert audit.miss_lower_bound == exact_lower_bound(audit.missed, audit.seeds)
    assert audit.word != "shown stable"


@pytest.mark.parametrize(("values", "rows"), [([], 49), ([1.0], 49), ([], None), ([0.3], None), ([0.3, 0.3], None)])
def test_beside_what_is_not_finite_values_need_no_spread(values: list[float], rows: int | None) -> None:
    audit = audit_threshold(values, 0.5, rows=rows, not_finite=3)
    assert audit.word == "shown flaky"
    assert math.isnan(audit.distance_spreads)
    assert audit.miss_upper_bound == exact_upper_bound(audit.missed, len(values) + 3)


def test_one_seed_that_is_not_finite_is_one_seed() -> None:
    with pytest.raises(VerdictError, match="at least 1"):
        audit_threshold([], 0.5, not_finite=1)


@pytest.mark.parametrize("values", [[], [0.9], [0.9, math.nan], [0.9, math.inf]])
def test_too_few_and_not_finite_are_refused(values: list[float]) -> None:
    with pytest.raises(VerdictError, match="values"):
        audit_threshold(values, 0.5)


def test_no_spread_without_rows_is_refused() -> None:
    with pytest.raises(VerdictError, match="nothing is known of fresh seeds"):
        audit_threshold([0.3, 0.3, 0.3], 0.5, better="lower")


@pytest.mark.parametrize(("bar", "limit"), [(math.nan, 0.01), (0.5, 0.0), (0.5, math.nan)])
def test_impossible_bars_and_limits_are_refused(bar: float, limit: float) -> None:
    with pytest.raises(VerdictError, match=r"bar|limit"):
        audit_threshold([0.1, 0.2], bar, limit=limit)


def test_stable_is_said_in_5_percent_at_most_of_specs_that_are_not() -> None:
    """A true miss chance of 1 %, 300 rows, 20 seeds: the word 'shown stable' is wrong, and rare."""
    spread = 0.006
    mean = 0.95 + second_opinion.norm.ppf(0.99) * spread - 0.5 / 300
    rng = np.random.default_rng(37)
    words = [
        audit_threshold(np.rint(rng.normal(mean, spread, 20) * 300) / 300, 0.95, rows=300).word for _ in range(300)
    ]
    assert words.count("shown stable") <= second_opinion.binom.ppf(0.999, 300, 0.05)
    assert words.count("shown flaky") <= second_opinion.binom.ppf(0.999, 300, 0.05)
