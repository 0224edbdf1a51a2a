"""How often does the speed gate say which word? Simulated with known truth, by the very rule that decides.

What it shows is the arithmetic: process times are drawn as assumed here, not as a machine draws them. So measure the
spread over processes first, and simulate with that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertbench.errors import VerdictError
from bertbench.stats.clopper_pearson import ExactRate, exact_rate
from bertbench.stats.many_comparisons import WORDS
from bertbench.stats.samples import probability
from bertbench.stats.simulation import GateRates, rates_of_words
from bertbench.stats.speed_rule import PairedDifferences, SpeedRule, SpeedSeries, looks_in_turn


@dataclass(frozen=True)
class SpeedScenario:
    """One gated check as it might be: processes, truth, rule.

    Attributes:
        rule: What decides, with its alpha.
        process_spread: Standard deviation of a process's log time, about its relative spread, at least 0. At 0 times
            that nothing changed are equal, which is undecided.
        slowdown: The candidate's true one, as a share above -1; 0 is 'nothing changed'.
        disturbed_share: Processes that something disturbed without being seen, from 0 to below 1; of both sides alike.
        disturbed_by: How much slower those are, as a share, at least 0.
        affordable_pairs: Time for more there is not.
    """

    rule: SpeedRule
    process_spread: float
    slowdown: float = 0.0
    disturbed_share: float = 0.0
    disturbed_by: float = 0.1
    affordable_pairs: int = 200

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn.

        Raises:
            VerdictError: If a field is outside its range.
        """
        if not (self.process_spread >= 0 and self.slowdown > -1 and self.disturbed_by >= 0):
            raise VerdictError(f"scenario: {self} was given; a spread of at least 0 and a slowdown above -1 are needed")
        if self.disturbed_share != 0:
            probability("disturbed_share", self.disturbed_share)
        if self.affordable_pairs < 1:
            raise VerdictError(f"scenario: {self.affordable_pairs} affordable pairs were given, one or more is needed")


@dataclass(frozen=True)
class SpeedRates:
    """How often each word came, with exact 95 % intervals.

    Attributes:
        fail: Share of trials.
        passed: Likewise.
        undecided: Likewise.
        covered: Share of trials, of those with a look, whose last 99 % interval has the true slowdown in it.
        mean_pairs: Counted pairs measured, mean over trials.
    """

    fail: ExactRate
    passed: ExactRate
    undecided: ExactRate
    covered: ExactRate | None
    mean_pairs: float


def simulate_speed(scenario: SpeedScenario, *, trials: int, generator: np.random.Generator) -> SpeedRates:
    """Whole comparisons, from the first counted pair to the word.

    Raises:
        VerdictError: If there are no trials.
    """
    if trials < 1:
        raise VerdictError(f"simulation: {trials} trials were asked for, at least one is needed")
    series = [_one(scenario, generator) for _ in range(trials)]
    fail, passed, undecided = _rates([one.word for one in series])
    last = [one.looks[-1].interval for one in series if one.looks]
    held = sum(low <= scenario.slowdown <= high for low, high in last)
    covered = exact_rate(held, len(last)) if last else None
    return SpeedRates(fail, passed, undecided, covered, sum(one.pairs for one in series) / trials)


def simulate_speed_runs(
    scenarios: Sequence[SpeedScenario], *, trials: int, generator: np.random.Generator
) -> GateRates:
    """Trials of whole runs of several independent comparisons, one verdict a run: fail before undecided before pass.

    Args:
        scenarios: The gated comparisons of a run; the rule of each holds its share of alpha.
        trials: Runs to simulate.
        generator: Source of all times.

    Returns:
        Rates of runs; `mean_seeds` is the counted pairs of a comparison.

    Raises:
        VerdictError: If there are no trials or no comparisons.
    """
    words, pairs = draw_speed_runs(scenarios, trials=trials, generator=generator)
    return rates_of_words(words, mean_seeds=float(pairs.mean()) / len(scenarios))


def draw_speed_runs(
    scenarios: Sequence[SpeedScenario], *, trials: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The word of each of many whole runs, for whoever adds the words of other checks to them.

    Args:
        scenarios: The gated comparisons of a run; the rule of each holds its share of alpha.
        trials: Runs to simulate.
        generator: Source of all times.

    Returns:
        int64 (trials,): the worst word of each run, by its number in `many_comparisons.WORDS`; int64 (trials,): counted
        pairs that all its comparisons measured together.

    Raises:
        VerdictError: If there are no trials or no comparisons.
    """
    if trials < 1 or not scenarios:
        raise VerdictError(
            f"simulation: {trials} trials of {len(scenarios)} checks were asked for, one of each is needed"
        )
    runs = [[_one(scenario, generator) for scenario in scenarios] for _ in range(trials)]
    words = np.array([min(WORDS.index(one.word) for one in run) for run in runs])
    return words, np.array([sum(one.pairs for one in run) for run in runs])


def draw_log_ratios(scenario: SpeedScenario, generator: np.random.Generator) -> NDArray[np.float64]:
    """log(candidate / baseline) of as many pairs as there could be: float64 (affordable pairs,)."""
    sides = (2, min(scenario.affordable_pairs, scenario.rule.most_pairs))
    times = generator.normal(0.0, scenario.process_spread, sides)
    times += math.log1p(scenario.disturbed_by) * (generator.random(sides) < scenario.disturbed_share)
    ratios: NDArray[np.float64] = times[1] - times[0] + math.log1p(scenario.slowdown)
    return ratios


def _rates(words: Sequence[str]) -> tuple[ExactRate, ExactRate, ExactRate]:
    """Of fail, pass, undecided."""
    fail, passed, undecided = (exact_rate(words.count(word), len(words)) for word in ("fail", "pass", "undecided"))
    return fail, passed, undecided


def _one(scenario: SpeedScenario, generator: np.random.Generator) -> SpeedSeries:
    drawn = tuple(draw_log_ratios(scenario, generator).tolist())
    return looks_in_turn(lambda pairs: PairedDifferences(drawn[:pairs], drawn[:pairs]), scenario.rule)
