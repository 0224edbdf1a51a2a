"""The speed gate simulated with known truth: level, power, and what a slowdown of the margin passes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as second_opinion

from bertbench.errors import VerdictError
from bertbench.stats.many_comparisons import WORDS
from bertbench.stats.speed_rule import SpeedRule
from bertbench.stats.speed_simulation import (
    SpeedRates,
    SpeedScenario,
    draw_log_ratios,
    draw_speed_runs,
    simulate_speed,
    simulate_speed_runs,
)

RULE = SpeedRule(alpha=0.005)
#: Processes that differ by no more than their last digits: pairs still have a sign.
NO_SPREAD = 1e-9


def rates(scenario: SpeedScenario, trials: int) -> SpeedRates:
    return simulate_speed(scenario, trials=trials, generator=np.random.default_rng(31))


def at_most(limit: float, trials: int) -> float:
    """Share that a true rate of *limit* exceeds once in a thousand simulations."""
    return float(second_opinion.binom.ppf(0.999, trials, limit)) / trials


# What is drawn


def test_differences_have_the_change_and_the_spread_asked_for() -> None:
    rule = SpeedRule(alpha=0.005, most_pairs=20_000)
    drawn = draw_log_ratios(SpeedScenario(rule, 0.02, slowdown=0.05, affordable_pairs=20_000), np.random.default_rng(1))
    assert drawn.shape == (20_000,)
    assert drawn.mean() == pytest.approx(math.log(1.05), abs=0.001)
    assert drawn.std() == pytest.approx(0.02 * math.sqrt(2), rel=0.02)


def test_disturbed_processes_are_as_many_and_as_slow_as_asked() -> None:
    rule = SpeedRule(alpha=0.005, most_pairs=20_000)
    scenario = SpeedScenario(rule, 0.0, disturbed_share=0.1, disturbed_by=0.5, affordable_pairs=20_000)
    drawn = draw_log_ratios(scenario, np.random.default_rng(1))
    assert (np.abs(drawn) > 0.3).mean() == pytest.approx(2 * 0.1 * 0.9, abs=0.01)
    assert np.abs(drawn).max() == pytest.approx(math.log(1.5))


def test_the_generator_alone_decides() -> None:
    assert rates(SpeedScenario(RULE, 0.02), 20) == rates(SpeedScenario(RULE, 0.02), 20)


# What the rule does with them


def test_nothing_changed() -> None:
    """A level of 10 % so that a few hundred trials can tell: at most that many fail, and nearly all pass."""
    seen = rates(SpeedScenario(SpeedRule(alpha=0.1, floor=1e-6), 0.02), 300)
    assert seen.fail.rate <= at_most(0.1, 300)
    assert rates(SpeedScenario(RULE, 0.02), 200).passed.rate >= 0.95


def test_a_slowdown_of_the_margin_fails_and_hardly_ever_passes() -> None:
    seen = rates(SpeedScenario(RULE, 0.02, slowdown=0.05), 200)
    assert seen.fail.rate >= 0.95
    assert seen.passed.rate <= at_most(0.05, 200)
    assert 9 <= seen.mean_pairs <= 20
    assert seen.fail.count + seen.passed.count + seen.undecided.count == 200


def test_too_little_time_ends_undecided_and_never_otherwise() -> None:
    seen = rates(SpeedScenario(RULE, 0.02, slowdown=0.5, affordable_pairs=8), 20)
    assert seen.undecided.rate == 1.0
    assert rates(SpeedScenario(RULE, 0.0, affordable_pairs=3), 5).covered is None


def test_processes_without_spread_decide_at_once() -> None:
    seen = rates(SpeedScenario(RULE, NO_SPREAD), 5)
    assert (seen.passed.rate, seen.mean_pairs) == (1.0, 9.0)
    assert rates(SpeedScenario(RULE, 0.0, slowdown=0.03), 5).fail.rate == 1.0


def test_equal_times_are_undecided_in_a_simulation_too() -> None:
    """No spread at all and no change: no pair has a sign."""
    seen = rates(SpeedScenario(RULE, 0.0), 5)
    assert (seen.undecided.rate, seen.mean_pairs) == (1.0, 24.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"process_spread": -1.0},
        {"process_spread": math.nan},
        {"slowdown": -1.0},
        {"disturbed_share": 1.0},
        {"disturbed_by": -0.1},
        {"affordable_pairs": 0},
    ],
)
def test_what_cannot_be_drawn_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(VerdictError):
        SpeedScenario(**({"rule": RULE, "process_spread": 0.02} | fields))


def test_no_trials_are_refused() -> None:
    with pytest.raises(VerdictError, match="0 trials"):
        rates(SpeedScenario(RULE, 0.02), 0)
    with pytest.raises(VerdictError, match="5 trials of 0 checks"):
        simulate_speed_runs([], trials=5, generator=np.random.default_rng(31))


# Whole runs


def test_the_worst_word_of_its_checks_is_that_of_a_run() -> None:
    same, slower = SpeedScenario(RULE, NO_SPREAD), SpeedScenario(RULE, 0.0, slowdown=0.05)
    late = SpeedScenario(RULE, 0.0, affordable_pairs=3)

    def word(*scenarios: SpeedScenario) -> tuple[float, float, float]:
        seen = simulate_speed_runs(scenarios, trials=3, generator=np.random.default_rng(31))
        return seen.fail.rate, seen.passed.rate, seen.undecided.rate

    assert word(same, same) == (0, 1, 0)
    assert word(same, late) == (0, 0, 1)
    assert word(late, slower, same) == (1, 0, 0)


def test_words_of_runs_are_given_one_by_one() -> None:
    slower = SpeedScenario(RULE, 0.0, slowdown=0.05)
    words, pairs = draw_speed_runs([slower, slower], trials=3, generator=np.random.default_rng(31))
    assert [WORDS[word] for word in words] == ["fail"] * 3
    assert pairs.tolist() == [2 * RULE.smallest_pairs] * 3


def test_a_run_of_one_check_is_that_check() -> None:
    scenario, generator = SpeedScenario(RULE, 0.03), np.random.default_rng(31)
    run = simulate_speed_runs([scenario], trials=50, generator=generator)
    one = rates(scenario, 50)
    assert (run.fail, run.passed, run.undecided, run.mean_seeds) == (
        one.fail,
        one.passed,
        one.undecided,
        one.mean_pairs,
    )


# The documented operating points, in full


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.01, 0.02, 0.03, 0.05])
@pytest.mark.parametrize("disturbed", [0.0, 0.08])
def test_level_and_passes_when_nothing_changed(spread: float, disturbed: float) -> None:
    seen = rates(SpeedScenario(RULE, spread, disturbed_share=disturbed), 4_000)
    assert seen.fail.rate <= at_most(0.005, 4_000)
    assert seen.passed.rate >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.01, 0.02, 0.03])
@pytest.mark.parametrize("specs", [1, 3])
def test_a_slowdown_of_the_margin_fails_in_ninety_five_percent(spread: float, specs: int) -> None:
    seen = rates(SpeedScenario(SpeedRule(alpha=0.005 / specs), spread, slowdown=0.05), 3_000)
    assert seen.fail.rate >= 0.95
    assert seen.passed.rate <= at_most(0.05, 3_000)


@pytest.mark.slow
def test_the_exact_level_is_kept_without_a_floor() -> None:
    """The floor hides most false alarms at a small spread; without it, what is left is the test and the plan."""
    rule = SpeedRule(alpha=0.05, floor=1e-9)
    assert rates(SpeedScenario(rule, 0.05, disturbed_share=0.08), 6_000).fail.rate <= at_most(0.05, 6_000)


@pytest.mark.slow
@pytest.mark.parametrize("slowdown", [0.0, 0.02, 0.05])
def test_the_interval_that_is_shown_covers_as_often_as_it_says(slowdown: float) -> None:
    """To within a point, although the number of pairs depends on what was seen."""
    seen = rates(SpeedScenario(RULE, 0.02, slowdown=slowdown), 4_000)
    assert seen.covered is not None
    assert seen.covered.rate >= 0.98
