"""How often does the quality gate say which word? Simulated with known truth, by the very rule that decides.

What it shows is the arithmetic: seeds are drawn as assumed here, not as BERT draws them. So measure the spread, the
tail and the correlation first and simulate with those, or draw from the measured seeds themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.errors import VerdictError
from bertbench.stats.clopper_pearson import ExactRate, exact_rate
from bertbench.stats.many_comparisons import FAIL, PASS, UNDECIDED, FailedSeedRule, ManyDecisions, decide_many
from bertbench.stats.samples import distinct_of
from bertbench.stats.sequential import QualityRule

_POINTS = 100.0
_FEWEST_MEASURED = 2


@dataclass(frozen=True)
class GateScenario:
    """One gated check as it might be: seeds, rows, truth, rule.

    Attributes:
        rule: What decides, with its alpha.
        spread_points: Standard deviation over seeds before rounding to whole rows, at least 0.
        rows: All rows, that accuracies are of.
        bank_seeds: Seeds of the baseline.
        drop_points: True drop of the candidate's mean; 0 is 'nothing changed', negative is better.
        mean_points: The baseline's true mean accuracy; what falls outside 0 to 100 is clipped.
        skewness: Of the seeds' distribution, at most 0: 0 is normal, below 0 a left tail (a gamma turned round; -2 is
            an exponential, one seed in a hundred 3.6 spreads below the mean).
        spread_ratio: The candidate's spread as a multiple of the baseline's.
        correlation: Between the same seeds of both sides, from 0 to below 1.
        measured_hits: Rows right of seeds that were measured: seeds are drawn from them with replacement, tail and all,
            in place of *spread_points*, *mean_points* and *skewness*; see `measured_scenario`.
        failed_rate: Chance of a candidate's seed to fail; the bank was accepted without failed seeds.
        failed_rule: What decides about failed seeds; None leaves them out of the means and judges nothing.
        distinct_rows: How many of the rows differ; all if None. Seeds are drawn in whole rows all the same.
        baselines: Banks that one candidate is held against, each drawn afresh from the same distribution, as a rolling
            baseline and a reference are; the rule's alpha is that of each, and the worst word counts.
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
    measured_hits: tuple[int, ...] = ()
    failed_rate: float = 0.0
    failed_rule: FailedSeedRule | None = None
    distinct_rows: int | None = None
    baselines: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn.

        Raises:
            VerdictError: If a field is outside its range.
        """
        if not (self.spread_points >= 0 and self.spread_ratio >= 0 and self.rows >= 1 and self.skewness <= 0):
            raise VerdictError(f"scenario: {self} was given; spreads of at least 0, rows, skewness <= 0 were expected")
        distinct_of("scenario", self.distinct_rows, self.rows)
        if not 0 <= self.correlation < 1 or not 0 <= self.failed_rate < 1:
            raise VerdictError(
                f"scenario: correlation {self.correlation} and failed_rate {self.failed_rate} were given, 0 to below 1 "
                "was expected"
            )
        if self.baselines < 1:
            raise VerdictError(f"scenario: {self.baselines} baselines were given, one or more is needed")
        if self.measured_hits and not all(0 <= hits <= self.rows for hits in self.measured_hits):
            raise VerdictError(f"scenario: measured hits {self.measured_hits} were given, 0 to {self.rows} expected")


def measured_scenario(rule: QualityRule, hits: Sequence[int], *, rows: int, **more: Any) -> GateScenario:
    """A scenario that draws from measured seeds; mean and spread are theirs.

    Args:
        rule: What decides.
        hits: Rows right, one number for each measured seed, two or more.
        rows: Rows that they are of.
        more: Fields of `GateScenario`.

    Raises:
        VerdictError: If there are too few, or a number is impossible.
    """
    if len(hits) < _FEWEST_MEASURED:
        raise VerdictError(f"scenario: {len(hits)} measured seeds were given, two or more are needed")
    points = _POINTS * np.asarray(hits) / rows
    return GateScenario(
        rule,
        spread_points=float(points.std(ddof=1)),
        rows=rows,
        mean_points=float(points.mean()),
        measured_hits=tuple(hits),
        **more,
    )


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


@dataclass(frozen=True)
class BankRates:
    """How the rate of fails differs from one accepted baseline to the next.

    Attributes:
        rates: float64 (banks,): each bank's own share of failing runs, rising.
        trials: Candidates of each bank.
    """

    rates: NDArray[np.float64]
    trials: int

    @property
    def mean(self) -> float:
        """Over banks: what the level promises."""
        return float(self.rates.mean())

    def quantile(self, share: float) -> float:
        """The rate that so large a share of banks does not exceed."""
        return float(np.quantile(self.rates, share))

    def above(self, limit: float) -> ExactRate:
        """Share of banks whose own rate exceeds *limit*."""
        return exact_rate(int((self.rates > limit).sum()), len(self.rates))


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
        generator: Source of all seeds.

    Raises:
        VerdictError: If there are no trials or no checks.
    """
    runs = draw_runs(scenarios, trials=trials, generator=generator)
    return rates_of_words(runs.words, mean_seeds=float(runs.looks.mean()) / len(scenarios))


def draw_runs(scenarios: Sequence[GateScenario], *, trials: int, generator: np.random.Generator) -> ManyDecisions:
    """The word of each of many whole runs, for whoever adds the words of other checks to them.

    Args:
        scenarios: The gated checks of a run; the rule of each holds its share of alpha.
        trials: Runs to simulate.
        generator: Source of all seeds.

    Returns:
        int64 (trials,): the worst word of each run; int64 (trials,): candidate seeds that all its checks ran together.

    Raises:
        VerdictError: If there are no trials or no checks.
    """
    _refuse_nothing(trials, scenarios)
    decided = [_against_all_baselines(scenario, trials, generator) for scenario in scenarios]
    words = np.min([decisions.words for decisions in decided], axis=0)  # least is the verdict
    return ManyDecisions(words, np.sum([decisions.looks for decisions in decided], axis=0))


def rates_of_words(words: NDArray[np.int64], *, mean_seeds: float) -> GateRates:
    """Of the words of runs, by their number."""
    fail, passed, undecided = (exact_rate(int((words == word).sum()), len(words)) for word in (FAIL, PASS, UNDECIDED))
    return GateRates(fail, passed, undecided, mean_seeds)


def simulate_banks(
    scenarios: Sequence[GateScenario], *, banks: int, trials: int, generator: np.random.Generator
) -> BankRates:
    """The share of failing runs of each of many baselines, which the average over baselines hides.

    A rate found with *trials* candidates is itself uncertain: 1 % of 4,000 by 0.16 points (standard deviation), which
    widens the distribution a little.

    Args:
        scenarios: The gated checks of a run, without correlation: the bank is fixed, the seeds' luck is not; one
            baseline each.
        banks: Baselines of each check.
        trials: Runs against each.
        generator: Source of all seeds.

    Raises:
        VerdictError: If there is nothing to simulate, same seeds correlate, or a check has several baselines.
    """
    _refuse_nothing(min(trials, banks), scenarios)
    if any(scenario.baselines != 1 for scenario in scenarios):
        raise VerdictError("simulation: fixed banks were asked for with several baselines a check, one was expected")
    if any(scenario.correlation for scenario in scenarios):
        raise VerdictError("simulation: fixed banks were asked for with a correlation of same seeds, none was expected")
    fixed = [draw_hits(scenario, banks, generator)[0] for scenario in scenarios]
    rates = np.empty(banks)
    for number in range(banks):
        words = [
            _against(scenario, bank[number : number + 1], trials, generator)
            for scenario, bank in zip(scenarios, fixed, strict=True)
        ]
        rates[number] = (np.min(words, axis=0) == FAIL).mean()
    return BankRates(np.sort(rates), trials)


def draw_hits(
    scenario: GateScenario, trials: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows right of fresh banks and candidates.

    Normal or skewed seeds: the candidate's seed k shares a part sqrt(correlation) of its deviation with seed k of the
    bank; with a left tail and a correlation the sum has a little less of the tail. Measured seeds: it is the bank's own
    with a chance of *correlation*. A drop that is no whole number of measured rows falls on either side by chance, with
    the right mean.

    Returns:
        int64 (trials, bank seeds) and (trials, candidate seeds of the last look).
    """
    seeds = scenario.rule.looks[-1]
    shape = (trials, max(scenario.bank_seeds, seeds))
    base, cand = (_measured if scenario.measured_hits else _imagined)(scenario, shape, generator)
    return _clipped(base[:, : scenario.bank_seeds], scenario.rows), _clipped(cand[:, :seeds], scenario.rows)


def draw_accuracies(
    scenario: GateScenario, trials: int, generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same as shares of the rows: float64 (trials, bank seeds) and (trials, candidate seeds of the last look)."""
    base, cand = draw_hits(scenario, trials, generator)
    return base / scenario.rows, cand / scenario.rows


def _against(
    scenario: GateScenario, bank: NDArray[np.int64], trials: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Words of fresh candidates against one bank."""
    candidate = draw_hits(scenario, trials, generator)[1]
    return _decide(scenario, bank, candidate, _failed(scenario, candidate, generator)).words


def _against_all_baselines(scenario: GateScenario, trials: int, generator: np.random.Generator) -> ManyDecisions:
    """One candidate against each of its baselines: seeds are run until all have decided, and the worst word counts."""
    bank, candidate = draw_hits(scenario, trials, generator)
    failed = _failed(scenario, candidate, generator)
    others = [draw_hits(scenario, trials, generator)[0] for _ in range(scenario.baselines - 1)]
    decided = [_decide(scenario, one, candidate, failed) for one in (bank, *others)]
    words = np.min([decisions.words for decisions in decided], axis=0)
    return ManyDecisions(words, np.max([decisions.looks for decisions in decided], axis=0))


def _failed(
    scenario: GateScenario, candidate: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.bool_] | None:
    return generator.random(candidate.shape) < scenario.failed_rate if scenario.failed_rate else None


def _decide(
    scenario: GateScenario, bank: NDArray[np.int64], candidate: NDArray[np.int64], failed: NDArray[np.bool_] | None
) -> ManyDecisions:
    return decide_many(
        bank,
        candidate,
        rows=scenario.rows,
        rule=scenario.rule,
        distinct_rows=scenario.distinct_rows,
        failed=failed,
        failed_rule=scenario.failed_rule,
    )


def _imagined(
    scenario: GateScenario, shape: tuple[int, int], generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hits of both sides by the scenario's mean, spread and skewness, rounded to whole rows."""
    own, other, common = (_deviations(scenario.skewness, shape, generator) for _ in range(3))
    joint, apart = math.sqrt(scenario.correlation), math.sqrt(1 - scenario.correlation)
    base = scenario.mean_points + scenario.spread_points * (joint * common + apart * own)
    mean, spread = scenario.mean_points - scenario.drop_points, scenario.spread_points * scenario.spread_ratio
    cand = mean + spread * (joint * common + apart * other)
    rows = scenario.rows
    return np.rint(base / _POINTS * rows), np.rint(cand / _POINTS * rows)


def _measured(
    scenario: GateScenario, shape: tuple[int, int], generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hits of both sides, drawn from the measured seeds."""
    pool = np.asarray(scenario.measured_hits, np.float64)
    base, other = generator.choice(pool, shape), generator.choice(pool, shape)
    same = generator.random(shape) < scenario.correlation
    spread = pool.mean() + scenario.spread_ratio * (np.where(same, base, other) - pool.mean())
    wanted = spread - scenario.drop_points / _POINTS * scenario.rows
    # Sums of decimals: what is meant to be whole is made whole before a chance decides about the rest.
    wanted = np.where(np.abs(wanted - np.rint(wanted)) < 1e-6, np.rint(wanted), wanted)  # noqa: PLR2004 - of a row
    below = np.floor(wanted)
    return base, below + (generator.random(shape) < wanted - below)


def _deviations(skewness: float, shape: tuple[int, int], generator: np.random.Generator) -> NDArray[np.float64]:
    """Numbers of mean 0, variance 1 and this skewness: normal, or a gamma of shape 4 / skewness^2 turned round."""
    if skewness == 0:
        return generator.standard_normal(shape)
    gamma_shape = 4 / skewness**2
    return (gamma_shape - generator.standard_gamma(gamma_shape, shape)) / math.sqrt(gamma_shape)


def _clipped(hits: NDArray[np.float64], rows: int) -> NDArray[np.int64]:
    return np.clip(hits, 0, rows).astype(np.int64)


def _refuse_nothing(trials: int, scenarios: Sequence[GateScenario]) -> None:
    if trials < 1 or not scenarios:
        raise VerdictError(
            f"simulation: {trials} trials of {len(scenarios)} checks were asked for, one of each is needed"
        )
