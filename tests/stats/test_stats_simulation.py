"""The gate simulated with known truth: its level, its power, its mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as second_opinion

from bertbench.errors import VerdictError
from bertbench.stats import (
    FailedSeedRule,
    GateRates,
    GateScenario,
    QualityRule,
    draw_runs,
    measured_scenario,
    simulate_banks,
    simulate_gate,
    simulate_runs,
)
from bertbench.stats.many_comparisons import WORDS
from bertbench.stats.simulation import draw_accuracies, draw_hits

RULE = QualityRule(alpha=0.0025)


def rates(scenario: GateScenario, trials: int) -> GateRates:
    return simulate_gate(scenario, trials=trials, generator=np.random.default_rng(53))


def at_most(limit: float, trials: int) -> float:
    """Share that a true rate of *limit* exceeds once in a thousand simulations."""
    return float(second_opinion.binom.ppf(0.999, trials, limit)) / trials


# What is drawn


@pytest.mark.parametrize("skewness", [0.0, -0.8, -2.0])
def test_seeds_have_the_mean_spread_and_tail_asked_for(skewness: float) -> None:
    scenario = GateScenario(
        RULE, spread_points=0.5, rows=10**6, drop_points=1.0, mean_points=80, skewness=skewness, spread_ratio=2
    )
    base, cand = draw_accuracies(scenario, 5_000, np.random.default_rng(1))
    assert (base.shape, cand.shape) == ((5_000, 20), (5_000, 20))
    assert 100 * base.mean() == pytest.approx(80, abs=0.01)
    assert 100 * cand.mean() == pytest.approx(79, abs=0.02)
    assert (100 * base.std(), 100 * cand.std()) == pytest.approx((0.5, 1.0), rel=0.02)
    assert second_opinion.skew(base.ravel()) == pytest.approx(skewness, abs=0.1)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_the_same_seeds_correlate_as_asked(correlation: float) -> None:
    scenario = GateScenario(RULE, spread_points=0.5, rows=10**6, correlation=correlation)
    base, cand = draw_accuracies(scenario, 3_000, np.random.default_rng(1))
    assert np.corrcoef(base.ravel(), cand.ravel())[0, 1] == pytest.approx(correlation, abs=0.02)


def test_accuracies_are_whole_rows_and_stay_possible() -> None:
    base, _ = draw_accuracies(
        GateScenario(RULE, spread_points=3, rows=49, mean_points=99), 50, np.random.default_rng(1)
    )
    assert np.array_equal(np.rint(base * 49) / 49, base)
    assert base.max() == 1.0


MEASURED = (293, 293, 294, 295, 295, 295, 298)


def test_measured_seeds_are_drawn_as_they_are() -> None:
    scenario = measured_scenario(RULE, MEASURED, rows=300)
    base, cand = draw_hits(scenario, 2_000, np.random.default_rng(1))
    assert set(base.ravel().tolist()) == set(cand.ravel().tolist()) == set(MEASURED)
    assert (base == 298).mean() == pytest.approx(1 / 7, abs=0.01)
    assert scenario.spread_points == pytest.approx(100 * np.std(MEASURED, ddof=1) / 300)
    assert scenario.mean_points == pytest.approx(100 * np.mean(MEASURED) / 300)


@pytest.mark.parametrize("drop_points", [1.0, 0.5])
def test_a_drop_of_measured_seeds_has_the_mean_asked_for(drop_points: float) -> None:
    """Half a point of 300 rows is a row and a half."""
    scenario = measured_scenario(RULE, MEASURED, rows=300, drop_points=drop_points)
    base, cand = draw_hits(scenario, 2_000, np.random.default_rng(1))
    assert base.mean() - cand.mean() == pytest.approx(3 * drop_points, abs=0.05)
    if drop_points == 1.0:
        assert set(cand.ravel().tolist()) == {value - 3 for value in MEASURED}


def test_measured_seeds_may_spread_and_correlate_otherwise() -> None:
    below = [value - 20 for value in MEASURED]  # far from the ceiling, which would clip
    scenario = measured_scenario(RULE, below, rows=300, spread_ratio=2.0, correlation=0.9)
    base, cand = draw_hits(scenario, 3_000, np.random.default_rng(1))
    assert cand.std() / base.std() == pytest.approx(2.0, abs=0.1)
    assert np.corrcoef(base.ravel(), cand.ravel())[0, 1] > 0.85


@pytest.mark.parametrize("hits", [(), (293,), (293, 301)])
def test_measured_seeds_that_can_be_none_are_refused(hits: tuple[int, ...]) -> None:
    with pytest.raises(VerdictError, match="measured"):
        measured_scenario(RULE, hits, rows=300)


def test_the_generator_alone_decides() -> None:
    scenario = GateScenario(RULE, spread_points=0.8)
    assert rates(scenario, 50) == rates(scenario, 50)


# What the rule does with them


@pytest.mark.parametrize("skewness", [0.0, -1.5])
def test_nothing_changed(skewness: float) -> None:
    """A level of 5 % so that a few hundred trials can tell: at most that many fail, and nearly all pass."""
    seen = rates(GateScenario(QualityRule(0.05), spread_points=0.8, bank_seeds=40, skewness=skewness), 400)
    assert seen.fail.rate <= at_most(0.05, 400)
    assert seen.passed.rate >= 0.9
    assert seen.fail.count + seen.passed.count + seen.undecided.count == 400


def test_a_drop_of_the_margin_fails_and_hardly_ever_passes() -> None:
    seen = rates(GateScenario(RULE, spread_points=0.5, drop_points=1.0), 400)
    assert seen.passed.rate <= at_most(0.05, 400)
    assert seen.fail.rate >= 0.9
    assert 4 < seen.mean_seeds <= 10


def test_a_spread_that_is_too_large_ends_undecided() -> None:
    seen = rates(GateScenario(RULE, spread_points=2.5), 60)
    assert seen.undecided.rate > 0.5
    assert seen.fail.count == 0


def test_seeds_without_spread_pass_at_the_first_look() -> None:
    seen = rates(GateScenario(RULE, spread_points=0.0), 20)
    assert (seen.passed.rate, seen.mean_seeds) == (1.0, 4.0)


def test_a_run_fails_if_any_check_does_and_passes_if_all_do() -> None:
    fine, worse, wild = (
        GateScenario(RULE, spread_points=0.0),
        GateScenario(RULE, spread_points=0.1, drop_points=3.0),
        GateScenario(RULE, spread_points=4.0, drop_points=-1.0),
    )
    generator = np.random.default_rng(3)
    assert simulate_runs([fine, fine], trials=10, generator=generator).passed.rate == 1.0
    assert simulate_runs([fine, worse], trials=10, generator=generator).fail.rate == 1.0
    assert simulate_runs([fine, wild], trials=10, generator=generator).undecided.rate > 0.5
    assert simulate_runs([wild, worse], trials=10, generator=generator).fail.rate == 1.0


def test_a_candidate_is_held_against_each_of_its_baselines() -> None:
    """All must pass, at the look of the latest; two banks accuse more often than one, not twice as often."""
    alone, both = (rates(GateScenario(QualityRule(0.2), 0.6, baselines=baselines), 2_000) for baselines in (1, 2))
    assert alone.fail.rate < both.fail.rate < 2 * alone.fail.rate
    assert both.passed.rate < alone.passed.rate
    assert both.mean_seeds > alone.mean_seeds


def test_words_of_runs_are_given_one_by_one() -> None:
    fine, worse = GateScenario(RULE, spread_points=0.0), GateScenario(RULE, spread_points=0.1, drop_points=3.0)
    runs = draw_runs([fine, worse], trials=5, generator=np.random.default_rng(3))
    assert [WORDS[word] for word in runs.words] == ["fail"] * 5
    assert runs.looks.tolist() == [8] * 5, "four seeds of each"


def test_failed_seeds_fail_or_keep_from_passing() -> None:
    """At a rate of 30 % two of four fail in 35 %; of the rest many pass at the look of 8, with one failed."""
    rule = FailedSeedRule(0.001)
    half = rates(GateScenario(RULE, 0.1, failed_rate=0.3, failed_rule=rule), 300)
    assert 0.5 < half.fail.rate < 0.7
    assert half.passed.rate < 0.5
    assert rates(GateScenario(RULE, 0.1, failed_rate=0.3), 100).passed.rate == 1.0


def test_each_bank_has_a_rate_of_its_own() -> None:
    scenario = GateScenario(QualityRule(0.2), 0.9, bank_seeds=20)
    seen = simulate_banks([scenario], banks=40, trials=400, generator=np.random.default_rng(5))
    assert seen.rates.shape == (40,)
    assert seen.quantile(0.0) == seen.rates[0] < seen.rates[-1] == seen.quantile(1.0)
    assert seen.above(seen.quantile(1.0)).count == 0
    assert seen.above(-1.0).count == 40
    everybody = rates(scenario, 2_000)
    assert seen.mean == pytest.approx(everybody.fail.rate, abs=0.06)


def test_a_fixed_bank_and_correlated_seeds_are_refused() -> None:
    with pytest.raises(VerdictError, match="correlation"):
        simulate_banks(
            [GateScenario(RULE, 0.5, correlation=0.5)], banks=2, trials=2, generator=np.random.default_rng(0)
        )


def test_intervals_are_exact() -> None:
    seen = rates(GateScenario(RULE, spread_points=0.0), 300)
    assert seen.fail.high == pytest.approx(1 - 0.025 ** (1 / 300))
    assert seen.fail.low == 0.0


@pytest.mark.parametrize(
    "fields",
    [
        {"spread_points": -1},
        {"rows": 0},
        {"skewness": 1.0},
        {"correlation": 1.0},
        {"spread_ratio": float("nan")},
        {"failed_rate": 1.0},
        {"distinct_rows": 301},
        {"distinct_rows": 0},
    ],
)
def test_what_cannot_be_drawn_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(VerdictError, match="scenario"):
        GateScenario(**({"rule": RULE, "spread_points": 0.5} | fields))


def test_no_trials_and_no_checks_are_refused() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(VerdictError, match="0 trials"):
        simulate_gate(GateScenario(RULE, spread_points=0.5), trials=0, generator=generator)
    with pytest.raises(VerdictError, match="0 checks"):
        simulate_runs([], trials=5, generator=generator)


def test_a_fixed_bank_is_one_baseline() -> None:
    several = GateScenario(RULE, spread_points=0.5, baselines=2)
    with pytest.raises(VerdictError, match="several baselines"):
        simulate_banks([several], banks=2, trials=5, generator=np.random.default_rng(0))
    with pytest.raises(VerdictError, match="0 baselines were given"):
        GateScenario(RULE, spread_points=0.5, baselines=0)


# The documented operating points, in full


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "fail", "passed"),
    [
        (GateScenario(RULE, 0.3, drop_points=1.0), 0.98, 0.02),
        (GateScenario(RULE, 0.5, drop_points=1.0), 0.96, 0.04),
        (GateScenario(RULE, 0.5, drop_points=1.0, skewness=-1.5), 0.96, 0.03),
        (GateScenario(RULE, 0.5, rows=3_000, drop_points=1.0), 0.96, 0.04),
        (GateScenario(RULE, 0.8, bank_seeds=40, drop_points=1.0), 0.87, 0.05),
        (GateScenario(QualityRule(0.0025, margin_points=100 / 49), 1.0, rows=49, drop_points=100 / 49), 0.93, 0.05),
    ],
    ids=["0.3", "0.5", "0.5 left tail", "0.5 on 3,000 rows", "0.8 with a bank of 40", "one of 49 rows"],
)
def test_a_drop_of_the_margin_at_the_documented_spreads(scenario: GateScenario, fail: float, passed: float) -> None:
    seen = rates(scenario, 2_000)
    assert seen.fail.rate >= fail
    assert seen.passed.rate <= at_most(passed, 2_000)


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario",
    [
        GateScenario(RULE, 0.3),
        GateScenario(RULE, 0.5),
        GateScenario(RULE, 0.5, skewness=-1.5),
        GateScenario(RULE, 0.5, skewness=-1.5, mean_points=99),
        GateScenario(RULE, 0.8),
        GateScenario(RULE, 0.8, bank_seeds=40),
        GateScenario(RULE, 0.5, correlation=0.9),
        GateScenario(QualityRule(0.0025, margin_points=100 / 49), 1.0, rows=49),
    ],
    ids=["0.3", "0.5", "0.5 left tail", "0.5 left tail at 99 %", "0.8", "0.8 bank 40", "0.5 correlated", "49 rows"],
)
def test_nothing_changed_at_the_documented_spreads(scenario: GateScenario) -> None:
    seen = rates(scenario, 4_000)
    assert seen.fail.rate <= at_most(0.0025, 4_000)
    assert seen.passed.rate >= 0.95
