"""How often does the quality gate say which word? Simulated with known truth, by the very rule that decides.

What it shows is the arithmetic: seeds are drawn as assumed here, not as BERT draws them. So measure the spread, the
tail and the correlation first and simulate with those.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertbench.errors import VerdictError
from bertbench.stats.clopper_pearson import ExactRate, exact_rate
from bertbench.stats.sequential import LookDecision, QualityRule, QualitySamples, decide_in_turn

_POINTS = 100.0


@dataclass(frozen=True)
class GateScenario:
    """One gated check as it might be: seeds, rows, truth, rule.

    Attributes:
        rule: What decides, with its alpha.
        spread_points: Standard deviation over seeds before rounding to whole rows, at least 0.
        rows: Rows that accuracies are of.
        bank_seeds: Seeds of the baseline.
        drop_points: True drop of the candidate's mean; 0 is 'nothing changed', negative is better.
        mean_points: The baseline's true mean accuracy; what falls outside 0 to 100 is clipped.
        skewness: Of the seeds' distribution, at most 0: 0 is normal, below 0 a left tail (a gamma turned round; -2 is
            an exponential, one seed in a hundred 3.6 spreads below the mean).
        spread_ratio: The candidate's spread as a multiple of the baseline's.
        correlation: Between the same seeds of both sides, from 0 to below 1.
    """

    rule: QualityRule
    spread_points: float
    rows: int = 300
    bank_seeds: int = 20
    drop_points: float = 0.0
    mean_points: float = 90.0
    skewness: float = 0.0
    spread_ratio: float = 1.0
    correlation: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn.

        Raises:
            VerdictError: If a field is outside its range.
        """
        if not (self.spread_points >= 0 and self.spread_ratio >= 0 and self.rows >= 1 and self.skewness <= 0):
            raise VerdictError(f"scenario: {self} was given; spreads of at least 0, rows, skewness <= 0 were expected")
        if not 0 <= self.correlation < 1:
            raise VerdictError(f"scenario: correlation {self.correlation} was given, 0 to below 1 was expected")


@dataclass(frozen=True)
class GateRates:
    """How often each word came, with exact 95 % intervals.

    Attributes:
        fail: Share of trials.
        passed: Likewise.
        undecided: Likewise.
        mean_seeds: Candidate seeds run, mean over trials and checks.
    """

    fail: ExactRate
    passed: ExactRate
    undecided: ExactRate
    mean_seeds: float


def simulate_gate(scenario: GateScenario, *, trials: int, generator: np.random.Generator) -> GateRates:
    """Trials of one check, each with a fresh baseline and a fresh candidate: rates are averages over baselines.

    Raises:
        VerdictError: If there are no trials.
    """
    return simulate_runs([scenario], trials=trials, generator=generator)


def simulate_runs(scenarios: Sequence[GateScenario], *, trials: int, generator: np.random.Generator) -> GateRates:
    """Trials of whole runs of several independent checks, one verdict a run: fail before undecided before pass.

    Args:
        scenarios: The gated checks of a run; the rule of each holds its share of alpha.
        trials: Runs to simulate.
        generator: Source of all seeds and, where needed, drawn splits.

    Raises:
        VerdictError: If there are no trials or no checks.
    """
    if trials < 1 or not scenarios:
        raise VerdictError(
            f"simulation: {trials} trials of {len(scenarios)} checks were asked for, one of each is needed"
        )
    counts = dict.fromkeys(("fail", "undecided", "pass"), 0)
    seeds_run = 0
    for drawn in zip(*(_draw(scenario, trials, generator) for scenario in scenarios), strict=True):
        last = [
            _last_look(scenario, base, cand, generator) for scenario, (base, cand) in zip(scenarios, drawn, strict=True)
        ]
        words = {look.word for look in last}
        counts[next(word for word in counts if word in words)] += 1
        seeds_run += sum(look.look for look in last)
    rates = {word: exact_rate(count, trials) for word, count in counts.items()}
    return GateRates(rates["fail"], rates["pass"], rates["undecided"], seeds_run / (trials * len(scenarios)))


def draw_accuracies(
    scenario: GateScenario, trials: int, generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Accuracies of fresh banks and candidates, rounded to whole rows.

    The candidate's seed k shares a part sqrt(correlation) of its deviation with seed k of the bank; with a left tail
    and a correlation the sum has a little less of the tail.

    Returns:
        Shares, (trials, bank seeds) and (trials, candidate seeds of the last look).
    """
    seeds = scenario.rule.looks[-1]
    width = max(scenario.bank_seeds, seeds)
    own, other, common = (_deviations(scenario.skewness, (trials, width), generator) for _ in range(3))
    joint, apart = math.sqrt(scenario.correlation), math.sqrt(1 - scenario.correlation)
    base = scenario.mean_points + scenario.spread_points * (joint * common + apart * own)
    mean, spread = scenario.mean_points - scenario.drop_points, scenario.spread_points * scenario.spread_ratio
    cand = mean + spread * (joint * common + apart * other)
    return _whole(base[:, : scenario.bank_seeds], scenario.rows), _whole(cand[:, :seeds], scenario.rows)


def _draw(
    scenario: GateScenario, trials: int, generator: np.random.Generator
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    return list(zip(*draw_accuracies(scenario, trials, generator), strict=True))


def _last_look(
    scenario: GateScenario,
    base: NDArray[np.float64],
    cand: NDArray[np.float64],
    generator: np.random.Generator,
) -> LookDecision:
    """The look that decided one comparison."""
    samples = QualitySamples(dict(enumerate(base.tolist())), dict(enumerate(cand.tolist())), scenario.rows)
    return decide_in_turn(samples, seeds=range(cand.size), rule=scenario.rule, generator=generator)[-1]


def _deviations(skewness: float, shape: tuple[int, int], generator: np.random.Generator) -> NDArray[np.float64]:
    """Numbers of mean 0, variance 1 and this skewness: normal, or a gamma of shape 4 / skewness^2 turned round."""
    if skewness == 0:
        return generator.standard_normal(shape)
    gamma_shape = 4 / skewness**2
    return (gamma_shape - generator.standard_gamma(gamma_shape, shape)) / math.sqrt(gamma_shape)


def _whole(points: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.clip(np.rint(points / _POINTS * rows), 0, rows) / rows
    return shares
