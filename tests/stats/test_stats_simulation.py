"""The gate simulated with known truth: its level, its power, its mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as second_opinion

from bertbench.errors import VerdictError
from bertbench.stats import GateRates, GateScenario, QualityRule, simulate_gate, simulate_runs
from bertbench.stats.simulation import draw_accuracies

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


def test_intervals_are_exact() -> None:
    seen = rates(GateScenario(RULE, spread_points=0.0), 300)
    assert seen.fail.high == pytest.approx(1 - 0.025 ** (1 / 300))
    assert seen.fail.low == 0.0


@pytest.mark.parametrize(
    "fields",
    [{"spread_points": -1}, {"rows": 0}, {"skewness": 1.0}, {"correlation": 1.0}, {"spread_ratio": float("nan")}],
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
