"""Promises of a whole run, of its mean or of the bound below it: against scipy, simulation, and a run of one seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats as second_opinion

from bertbench.errors import VerdictError
from bertbench.stats import (
    FreshRun,
    audit_threshold,
    distance_of_chance,
    exact_lower_bound,
    exact_upper_bound,
    predictive_miss_chance,
    predictive_run_miss_chance,
    rounding_spread,
    tolerance_factor,
)
from bertbench.stats.fresh_run import BOUND_CONFIDENCE, Over, chance_of_distance
from bertbench.stats.threshold_audit import ThresholdAudit, needed_rows
from bertbench.stats.tolerance import factor_of_distance, seeds_for_shortfall
from bertbench.verdict import thresholds

#: Of the promises of a whole run.
OF_A_RUN: tuple[Over, ...] = ("mean", "lower_bound")
_SAMPLES = 20_000


def misses(over: Over, seeds: NDArray[np.float64], bar: float = 0.0, floor: float = 0.0) -> NDArray[np.bool_]:
    """Of runs, one a line, whether each misses a bar from below."""
    if over == "mean":
        return np.asarray(~(seeds.mean(axis=1) >= bar - 1e-12))
    spread = np.maximum(seeds.std(axis=1, ddof=1), floor)
    half = second_opinion.t.ppf(0.95, seeds.shape[1] - 1) * spread / math.sqrt(seeds.shape[1])
    return np.asarray(~(seeds.mean(axis=1) - half >= bar))


def bank(mean: float, spread: float, seeds: int = 20) -> list[float]:
    """Numbers with just this mean and standard deviation."""
    pattern = np.tile([-1.0, 1.0], seeds // 2)
    return list(mean + spread * pattern / pattern.std(ddof=1))


def audited(values: list[float], bar: float, over: Over, run_seeds: int, *, rows: int) -> ThresholdAudit:
    """On runs of the values in their order."""
    runs = np.array(values[: len(values) // run_seeds * run_seeds]).reshape(-1, run_seeds)
    missed = [] if over == "every_seed" else misses(over, runs, bar, rounding_spread(rows)).tolist()
    return audit_threshold(values, bar, rows=rows, fresh_run=FreshRun(run_seeds, over, missed))


# The distance at which a fresh run misses with a given chance


def test_the_confidence_is_that_of_the_promise() -> None:
    assert BOUND_CONFIDENCE == thresholds.CONFIDENCE


@pytest.mark.parametrize("chance", [0.01, 0.9])
@pytest.mark.parametrize(("over", "seeds"), [("mean", 1), ("mean", 5), ("lower_bound", 2), ("lower_bound", 5)])
def test_a_run_at_that_distance_misses_with_that_chance(over: Over, seeds: int, chance: float) -> None:
    true = distance_of_chance(over, seeds, chance)
    runs = np.random.default_rng(41).normal(true, 1.0, (100_000, seeds))
    assert misses(over, runs).mean() == pytest.approx(chance, abs=4 * math.sqrt(chance * (1 - chance) / 100_000))
    assert chance_of_distance(over, seeds, true) == pytest.approx(chance)


def test_a_seed_in_a_run_of_every_seed_misses_so_that_one_or_more_do() -> None:
    each = second_opinion.norm.sf(distance_of_chance("every_seed", 5, 0.9))
    assert 1 - (1 - each) ** 5 == pytest.approx(0.9)


@given(st.integers(2, 40), st.floats(0.001, 0.4), st.sampled_from(OF_A_RUN))
@settings(max_examples=30, deadline=None)
def test_more_seeds_and_more_chance_need_less_distance(seeds: int, chance: float, over: Over) -> None:
    here = distance_of_chance(over, seeds, chance)
    assert distance_of_chance(over, seeds + 1, chance) < here
    assert distance_of_chance(over, seeds, 2 * chance) < here


@pytest.mark.parametrize(("over", "seeds"), [("every_seed", 0), ("mean", 0), ("lower_bound", 1)])
def test_a_run_of_too_few_seeds_is_refused(over: Over, seeds: int) -> None:
    with pytest.raises(VerdictError, match=f"fresh_seeds: {seeds} were given"):
        FreshRun(seeds, over)
    with pytest.raises(VerdictError, match="fresh_seeds"):
        distance_of_chance(over, seeds, 0.01)


# Factors


def test_the_factor_of_one_seed_is_the_known_one_and_of_more_that_of_a_noncentral_t() -> None:
    assert factor_of_distance(distance_of_chance("mean", 1, 0.01), 20) == pytest.approx(tolerance_factor(20))
    noncentrality = second_opinion.norm.ppf(0.99) * math.sqrt(20 / 5)
    known = second_opinion.nct.ppf(0.95, 19, noncentrality) / math.sqrt(20)
    assert factor_of_distance(distance_of_chance("mean", 5, 0.01), 20) == pytest.approx(known)


@pytest.mark.parametrize("seen", [5, 20])
def test_both_factors_of_a_mean_are_wrong_in_5_percent(seen: int) -> None:
    """At a true chance of 1 %, stable is claimed in 5 % of samples, and so is flaky."""
    true = distance_of_chance("mean", 5, 0.01)
    samples = np.random.default_rng(43).normal(true, 1.0, (_SAMPLES, seen))
    distance = samples.mean(axis=1) / samples.std(axis=1, ddof=1)
    assert (distance >= factor_of_distance(true, seen)).mean() == pytest.approx(0.05, abs=0.007)
    assert (distance < factor_of_distance(true, seen, confidence=0.05)).mean() == pytest.approx(0.05, abs=0.007)


# Predictive chances


@pytest.mark.parametrize(("over", "seeds"), [("every_seed", 5), ("mean", 1)])
def test_the_predictive_chance_of_one_seed_is_the_known_one(over: Over, seeds: int) -> None:
    assert predictive_run_miss_chance(over, 2.0, 1.0, 20, seeds) == predictive_miss_chance(2.0, 1.0, 20)


@pytest.mark.parametrize("over", OF_A_RUN)
@pytest.mark.parametrize(("distance", "seen", "fresh"), [(1.0, 20, 5), (2.0, 20, 5), (0.7, 5, 20), (6.0, 8, 2)])
def test_the_predictive_chance_is_that_of_all_truths_that_may_be_behind_what_was_seen(
    over: Over, distance: float, seen: int, fresh: int
) -> None:
    rng = np.random.default_rng(47)
    spread = np.sqrt((seen - 1) / rng.chisquare(seen - 1, _SAMPLES))
    mean = distance + spread * rng.standard_normal(_SAMPLES) / math.sqrt(seen)
    runs = mean[:, None] + spread[:, None] * rng.standard_normal((_SAMPLES, fresh))
    simulated = misses(over, runs).mean()
    chance = predictive_run_miss_chance(over, distance, 1.0, seen, fresh)
    assert chance == pytest.approx(simulated, abs=0.001 + 4 * math.sqrt(simulated * (1 - simulated) / _SAMPLES))


# The bar


def test_the_bar_of_a_mean_is_half_a_row_of_all_rows_of_all_seeds() -> None:
    """0.94 of 49 rows of five seeds: 231 of 245 keep it, 230 do not."""
    audit = audited([46 / 49, 47 / 49] * 10, 0.94, "mean", 5, rows=49)
    assert audit.effective_bar == pytest.approx(230.5 / 245)
    assert audit.margin_rows == pytest.approx(46.5 - 231 / 5)
    clean = FreshRun(5, "mean", [False] * 4)
    mirror = audit_threshold([3 / 49, 2 / 49] * 10, 0.06, rows=49, better="lower", fresh_run=clean)
    assert mirror.effective_bar == pytest.approx(14.5 / 245)
    assert mirror.margin_rows == pytest.approx(audit.margin_rows)


def test_the_bar_of_a_bound_is_the_bar() -> None:
    audit = audited([46 / 49, 47 / 49] * 10, 0.94, "lower_bound", 5, rows=49)
    assert audit.effective_bar == 0.94
    assert audit.margin_rows == pytest.approx(46.5 - 0.94 * 49)


@pytest.mark.parametrize("bar", [0.94, 0.9425, 0.945])
def test_with_that_half_row_a_normal_mean_misses_as_often_as_one_of_whole_rows(bar: float) -> None:
    """Seeds of 0.77 rows of 49, as seed_card's; without the half row the chance is up to a quarter off."""
    hits = np.rint(np.random.default_rng(53).normal(46.6, 0.77, (400_000, 5)))
    simulated = (hits.sum(axis=1) < needed_rows(bar, 245)).mean()
    spread = hits.std() / 49 / math.sqrt(5)
    shifted, plain = (
        float(second_opinion.norm.cdf((one - hits.mean() / 49) / spread))
        for one in ((needed_rows(bar, 245) - 0.5) / 245, needed_rows(bar, 245) / 245)
    )
    assert shifted == pytest.approx(simulated, rel=0.03, abs=0.0005)
    assert plain > 1.2 * simulated


# Words


@given(st.lists(st.integers(40, 49), min_size=2, max_size=8), st.integers(36, 49))
@settings(max_examples=40, deadline=None)
def test_a_mean_of_one_seed_is_a_promise_of_every_seed(hits: list[int], needed: int) -> None:
    values, bar = [k / 49 for k in hits], needed / 49
    every = audit_threshold(values, bar, rows=49, fresh_run=FreshRun(1))
    mean = audit_threshold(
        values, bar, rows=49, fresh_run=FreshRun(1, "mean", [value < bar for value in sorted(values)])
    )
    names = ["word", "trials", "missed", "effective_bar", "factor", "miss_chance", "miss_upper_bound", "margin_rows"]
    names += ["seeds_to_settle", "rows_to_settle", "smallest_drop_seen"]
    assert [getattr(mean, name) for name in names] == pytest.approx([getattr(every, name) for name in names])


def test_the_words_of_a_mean_begin_at_the_factors() -> None:
    true = distance_of_chance("mean", 5, 0.01)
    stable, flaky = factor_of_distance(true, 20), factor_of_distance(true, 20, confidence=0.05)
    clean = FreshRun(5, "mean", [False] * 4)
    words = {
        distance: audit_threshold(bank(distance, 1.0), 0.0, fresh_run=clean).word
        for distance in (stable + 0.01, stable - 0.01, flaky + 0.01, flaky - 0.01)
    }
    assert list(words.values()) == ["shown stable", "not known", "not known", "shown flaky"]
    below = {audit_threshold(bank(-one, 1.0), 0.0, better="lower", fresh_run=clean).word: one for one in words}
    assert set(below) == set(words.values())


@pytest.mark.parametrize("distance", [-50.0, 0.0, 1.0, 50.0])
def test_the_words_of_a_bound_rest_on_exact_bounds_alone(distance: float) -> None:
    """However far its mean: with a left tail, or few levels, a factor of normal seeds would be wrong too often."""
    values = bank(distance, 1.0, 598)
    words = {
        runs: audit_threshold(values[: 2 * runs], 0.0, fresh_run=FreshRun(2, "lower_bound", [False] * runs)).word
        for runs in (20, 298, 299)
    }
    assert words == {20: "not known", 298: "not known", 299: "shown stable"}
    missed = audit_threshold(values[:4], 0.0, fresh_run=FreshRun(2, "lower_bound", [True, False]))
    assert (missed.word, missed.factor) == ("shown flaky", None)


@pytest.mark.parametrize("over", OF_A_RUN)
def test_a_run_that_missed_forbids_stable_and_one_of_five_shows_flaky_without_assumption(over: Over) -> None:
    far = bank(50.0, 1.0, 40)
    assert audit_threshold(far, 0.0, fresh_run=FreshRun(5, "mean", [False] * 8)).word == "shown stable"
    one = audit_threshold(far, 0.0, fresh_run=FreshRun(5, over, [True] + [False] * 7))
    assert (one.word, one.trials, one.missed) == ("not known", 8, 1)
    assert (one.miss_lower_bound, one.miss_upper_bound) == (exact_lower_bound(1, 8), exact_upper_bound(1, 8))
    assert audit_threshold(far, 0.0, fresh_run=FreshRun(8, over, [True] + [False] * 4)).word == "shown flaky"


@pytest.mark.parametrize("over", OF_A_RUN)
def test_a_seed_that_is_not_finite_forbids_stable_in_no_run_and_misses_in_its_own(over: Over) -> None:
    far = bank(50.0, 1.0, 20)
    left_over = audit_threshold(far, 0.0, not_finite=1, fresh_run=FreshRun(5, over, [False] * 4))
    assert (left_over.word, left_over.seeds, left_over.not_finite) == ("not known", 21, 1)
    assert left_over.seeds_to_settle == 25  # one in 21 seeds is one in five runs; in four it should have been seen
    counted = audit_threshold(far, 0.0, not_finite=5, fresh_run=FreshRun(5, over, [False] * 4 + [True]))
    assert counted.word == "shown flaky"


def test_fewer_seeds_than_a_run_takes_have_no_exact_bound_and_may_still_show_something() -> None:
    """The mean of twenty from ten that are far enough from the bar."""
    audit = audit_threshold(bank(3.0, 1.0, 10), 0.0, fresh_run=FreshRun(20, "mean"))
    assert (audit.word, audit.trials, audit.miss_lower_bound, audit.miss_upper_bound) == ("shown stable", 0, 0.0, 1.0)


def test_rounding_alone_shows_nobody_flaky() -> None:
    """Twenty seeds with 48 of 49 each: by the floor of the spread alone a mean of five would often have 239 of 245."""
    bar = 239.6 / 245
    audit = audited([48 / 49] * 20, bar, "mean", 5, rows=49)
    assert audit.distance_spreads < factor_of_distance(distance_of_chance("mean", 5, 0.01), 20, confidence=0.05)
    assert audit.word == "not known"
    assert audited([48 / 49] * 18 + [47 / 49] * 2, bar, "mean", 5, rows=49).word == "shown flaky"


@pytest.mark.parametrize("over", OF_A_RUN)
@pytest.mark.parametrize("rows", [49, 300])
def test_words_are_wrong_in_few_samples_where_the_chance_is_just_1_percent(over: Over, rows: int) -> None:
    """Stable in 5 % or less; the two ways to flaky together in little more."""
    spread, samples, rng = 0.77 / 49, 300, np.random.default_rng(59)
    # Rounding widens the spread of what is seen.
    true = math.hypot(spread, rounding_spread(rows)) * distance_of_chance(over, 5, 0.01)
    words = []
    for _ in range(samples):
        bar = 0.9 + rng.uniform(0, 1 / (5 * rows))  # anywhere between two numbers of rows
        effective = (needed_rows(bar, 5 * rows) - 0.5) / (5 * rows) if over == "mean" else bar
        values = np.rint(rng.normal(effective + true, spread, 20) * rows) / rows
        words.append(audited(values.tolist(), bar, over, 5, rows=rows).word)
    assert words.count("shown stable") <= second_opinion.binom.ppf(0.999, samples, 0.05)
    assert words.count("shown flaky") <= second_opinion.binom.ppf(0.999, samples, 0.08)


# Plans


def test_the_seeds_that_would_settle_a_mean_are_those_whose_factor_fits() -> None:
    true, run = distance_of_chance("mean", 5, 0.01), FreshRun(5, "mean", [False] * 2)
    above = audit_threshold(bank(true * 1.2, 1.0, 10), 0.0, fresh_run=run)
    assert above.seeds_to_settle is not None
    assert factor_of_distance(true, above.seeds_to_settle) <= above.distance_spreads
    assert factor_of_distance(true, above.seeds_to_settle - 1) > above.distance_spreads
    below = audit_threshold(bank(true * 0.8, 1.0, 10), 0.0, fresh_run=run)
    assert (above.word, below.word) == ("not known", "not known")
    assert below.seeds_to_settle is not None
    assert factor_of_distance(true, below.seeds_to_settle, confidence=0.05) >= below.distance_spreads
    assert factor_of_distance(true, below.seeds_to_settle - 1, confidence=0.05) < below.distance_spreads


def test_the_seeds_that_would_settle_a_bound_are_those_of_so_many_runs_as_the_exact_bounds_need() -> None:
    far = audit_threshold(bank(50.0, 1.0, 10), 0.0, fresh_run=FreshRun(2, "lower_bound", [False] * 5))
    assert far.seeds_to_settle == 2 * 299
    five = audit_threshold(bank(50.0, 1.0, 10), 0.0, fresh_run=FreshRun(5, "lower_bound", [False] * 2))
    assert five.seeds_to_settle is None
    near = audit_threshold(bank(1.5, 1.0, 10), 0.0, fresh_run=FreshRun(5, "lower_bound", [False] * 2))
    runs, chance = (near.seeds_to_settle or 0) // 5, chance_of_distance("lower_bound", 5, near.distance_spreads)
    assert exact_lower_bound(round(chance * runs), runs) > 0.01
    assert exact_lower_bound(round(chance * (runs - 1)), runs - 1) <= 0.01


def test_no_seeds_settle_what_lies_where_the_limit_is_just_kept() -> None:
    true = distance_of_chance("mean", 5, 0.01)
    assert audit_threshold(bank(true, 1.0), 0.0, fresh_run=FreshRun(5, "mean", [False] * 4)).seeds_to_settle is None
    assert seeds_for_shortfall(true, true_spreads=true) is None


def test_after_a_miss_far_from_the_bar_seeds_settle_it_by_the_share_of_runs_that_miss() -> None:
    audit = audit_threshold(bank(50.0, 1.0, 40), 0.0, fresh_run=FreshRun(5, "mean", [True] + [False] * 7))
    runs = (audit.seeds_to_settle or 0) // 5
    assert exact_lower_bound(round(runs / 8), runs) > 0.01
    assert exact_lower_bound(round((runs - 1) / 8), runs - 1) <= 0.01


#: Twenty seeds of 300 rows, 294 in the mean, with spreads of 1.17 and 1.21 rows.
WIDE = [292, *[293] * 9, *[295] * 9, 296]
WIDER = [*[292] * 2, *[293] * 6, *[294] * 4, *[295] * 6, *[296] * 2]


@pytest.mark.parametrize(
    ("over", "seeds", "hits", "rows", "bar"),
    [
        # by the floor of the spread
        ("every_seed", 1, [48] * 20, 49, 0.97),
        ("mean", 5, [48] * 20, 49, 0.978),
        # by half a row
        ("every_seed", 1, WIDE, 300, 290.05 / 300),
        ("mean", 5, WIDER, 300, 292.02 / 300),
    ],
)
def test_rows_that_would_settle_it_are_enough_wherever_the_bar_lies_between_two_numbers_of_them(
    over: Over, seeds: int, hits: list[int], rows: int, bar: float
) -> None:
    """And one row fewer is not, where it lies worst."""
    audit = audited([hit / rows for hit in hits], bar, over, seeds, rows=rows)
    assert audit.word == "not known"
    assert audit.rows_to_settle is not None
    assert audit.rows_to_settle > rows
    deviation, half = float(np.std(np.array(hits) / rows, ddof=1)), 0.5 / seeds

    def is_enough(rows: int) -> bool:
        assert audit.factor is not None
        return bool(audit.mean - bar - half / rows >= audit.factor * max(deviation, rounding_spread(rows)))

    assert is_enough(audit.rows_to_settle)
    assert not is_enough(audit.rows_to_settle - 1)


def test_on_as_many_rows_as_it_says_the_same_share_is_shown_stable() -> None:
    """48 of 49 on each of twenty seeds, where 48 are promised; of 147 rows 144."""
    audit = audit_threshold([48 / 49] * 20, 0.97, rows=49)
    assert (audit.word, audit.rows_to_settle) == ("not known", 152)
    words = [audit_threshold([48 / 49] * 20, 0.97, rows=49 * times).word for times in (2, 4, 5, 20)]
    assert words == ["not known", "shown stable", "shown stable", "shown stable"]


@pytest.mark.parametrize(
    ("hits", "bar"),
    [
        ([48, 49] * 10, 0.972),  # the spread: 2.3 spreads on however many rows, and 3.3 are needed
        ([48] * 20, 48 / 49),  # the mean: on the bar itself
        ([47] + [49] * 19, 0.96),  # a seed that missed
    ],
)
def test_no_rows_help_where_mean_or_spread_is_the_limit_or_something_missed(hits: list[int], bar: float) -> None:
    audit = audit_threshold([hit / 49 for hit in hits], bar, rows=49)
    assert audit.word != "shown stable"
    assert audit.rows_to_settle is None


def test_of_rows_for_a_bound_nothing_is_known() -> None:
    audit = audit_threshold([0.98] * 20, 0.9, rows=50, fresh_run=FreshRun(5, "lower_bound", [False] * 4))
    assert (audit.word, audit.rows_to_settle) == ("not known", None)


def test_more_rows_than_anybody_has_are_no_plan() -> None:
    audit = audit_threshold([0.98] * 20, 0.98 - 1e-7, rows=50)
    assert audit.rows_to_settle is None
