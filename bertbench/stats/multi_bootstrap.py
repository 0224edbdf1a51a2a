"""What might the change be on other messages like these? An approximate answer, shown, that decides nothing.

The multi-bootstrap (Sellam et al. 2022, arXiv 2106.16163): seeds and rows are both resampled, the same seeds and rows
on both sides. Rows get Poisson(1) weights instead of being drawn (Owen & Eckles 2012, Ann Appl Stat 6:895). Sums of
Poisson weights are Poisson, so rows on which all seeds differ alike share one weight, Poisson(their number); the rows
on which nothing differs, nearly all of them, are one such group.

No bootstrap of a crossed table is exact (McCullagh 2000; Owen 2007): on few rows its percentiles lie too far apart,
with few seeds on thousands of rows too close, and a row that no sample showed never comes up. Two things widen it, both
found necessary by simulation (benchmarks/interval_coverage.py):

- *Few seeds.* S resampled seeds vary by (S - 1) / S of what seeds do and know nothing of t. So the interval reaches at
  least as far as Student's t over the seeds' own drops, which is right where seeds are all that varies.
- *Unseen rows.* Of 300 rows none may be one of the 1 % that are lost. So each end is moved out, in quadrature, as if
  one more row could be lost and one more won: two Poisson(1) numbers, standard deviation sqrt(2) rows.

'Approximate' wherever it is printed, and no vote.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bertbench.errors import VerdictError
from bertbench.stats.samples import probability

#: Resamples whose row weights are held in memory at once.
_BLOCK = 500
#: Fewer seeds, or rows on which anything differs, are too few for an interval (benchmarks/interval_coverage.py).
FEWEST_SEEDS = 4
FEWEST_ROWS_THAT_DIFFER = 5
_FEWEST_ROWS = 10


@dataclass(frozen=True)
class MultiBootstrap:
    """Result of `multi_bootstrap`: *approximate*.

    Attributes:
        estimate: Mean over seeds and rows of baseline minus candidate; positive where the candidate is worse.
        low: Lower end: the percentiles' with room for unseen rows, or Student's over seeds, whichever lies further out.
        high: Upper end, likewise.
        confidence: Nominal; the true coverage differs.
        resamples: How many it rests on.
        rows: All rows.
        rows_that_differ: Rows on which any seed differs.
        approximate: Always true: to be printed with the interval.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    resamples: int
    rows: int
    rows_that_differ: int
    approximate: bool = True


def multi_bootstrap(
    baseline: ArrayLike,
    candidate: ArrayLike,
    *,
    generator: np.random.Generator,
    resamples: int = 10_000,
    confidence: float = 0.99,
) -> MultiBootstrap:
    """Interval of the mean difference over fresh seeds *and* fresh rows, by resampling both.

    Args:
        baseline: (seeds, rows): 1 where a row is right, 0 where not, or any score of which larger is better.
        candidate: (seeds, rows): the same seeds on the same rows, in the same order.
        generator: Source of the resamples.
        resamples: At least 100.
        confidence: Two-sided, between 0 and 1.

    Raises:
        VerdictError: If shapes differ, there are fewer than 4 seeds, 10 rows or 5 rows that differ, or a value is not
            finite.
    """
    probability("confidence", confidence)
    if resamples < 100:  # noqa: PLR2004 - fewer have no tails
        raise VerdictError(f"multi-bootstrap: {resamples} resamples were asked for, at least 100 are needed")
    drops = _drops(np.asarray(baseline, np.float64), np.asarray(candidate, np.float64))
    seeds, rows = drops.shape
    patterns, counts = np.unique(drops.T, axis=0, return_counts=True)  # (patterns, seeds), (patterns,)
    blocks = [min(_BLOCK, resamples - start) for start in range(0, resamples, _BLOCK)]
    means = np.concatenate([_resampled_means(patterns, counts, block, generator) for block in blocks])
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    estimate = math.fsum(drops.ravel()) / (seeds * rows)
    unseen, over_seeds = _half_width_of_unseen_rows(drops, confidence), _half_width_over_seeds(drops, confidence)
    return MultiBootstrap(
        estimate=estimate,
        low=estimate - max(math.hypot(estimate - low, unseen), over_seeds),
        high=estimate + max(math.hypot(high - estimate, unseen), over_seeds),
        confidence=confidence,
        resamples=resamples,
        rows=rows,
        rows_that_differ=int(drops.any(axis=0).sum()),
    )


def _drops(baseline: NDArray[np.float64], candidate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Baseline minus candidate, (seeds, rows), after refusing what cannot be paired."""
    if baseline.shape != candidate.shape or baseline.ndim != 2:  # noqa: PLR2004 - seeds and rows
        raise VerdictError(
            f"multi-bootstrap: shapes {baseline.shape} and {candidate.shape} were given, the same (seeds, rows) twice "
            "was expected",
            remedy="pair the seeds that both sides ran, on the same rows",
        )
    seeds, rows = baseline.shape
    if seeds < FEWEST_SEEDS or rows < _FEWEST_ROWS:
        raise VerdictError(
            f"multi-bootstrap: {seeds} seeds and {rows} rows were given, {FEWEST_SEEDS} and {_FEWEST_ROWS} are needed"
        )
    drops: NDArray[np.float64] = baseline - candidate
    if not np.isfinite(drops).all():
        raise VerdictError(f"multi-bootstrap: {int((~np.isfinite(drops)).sum())} scores are not finite")
    differing = int(drops.any(axis=0).sum())
    if differing < FEWEST_ROWS_THAT_DIFFER:
        raise VerdictError(
            f"multi-bootstrap: {differing} rows differ, {FEWEST_ROWS_THAT_DIFFER} are needed",
            remedy="run more seeds, or validate on more rows",
        )
    return drops


def _half_width_over_seeds(drops: NDArray[np.float64], confidence: float) -> float:
    """Student's, of the mean over seeds of each seed's drop: t((1 + confidence) / 2, S - 1) s / sqrt(S)."""
    means = [math.fsum(of_seed) / len(of_seed) for of_seed in drops]
    error = statistics.stdev(means) / math.sqrt(len(means))
    return float(stats.t.ppf((1 + confidence) / 2, len(means) - 1)) * error


def _half_width_of_unseen_rows(drops: NDArray[np.float64], confidence: float) -> float:
    """Normal, of one more row lost and one more won, each Poisson(1), a row counting as the largest drop seen."""
    of_a_row: float = float(np.abs(drops).max()) / drops.shape[1]
    return float(stats.norm.ppf((1 + confidence) / 2)) * math.sqrt(2) * of_a_row


def _resampled_means(
    patterns: NDArray[np.float64], counts: NDArray[np.intp], resamples: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Weighted means of some resamples; one in which no row came up has none and is left out.

    Args:
        patterns: (patterns, seeds), differences of the rows of one kind.
        counts: (patterns,), rows of each kind.
        resamples: How many.
        generator: Source.

    Returns:
        float64 (resamples,), or fewer.
    """
    seeds = patterns.shape[1]
    seed_weights = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples)  # (resamples, seeds)
    row_weights = generator.poisson(counts, size=(resamples, counts.size)).astype(np.float64)  # (resamples, patterns)
    sums = ((row_weights @ patterns) * seed_weights).sum(axis=1)  # (resamples,)
    row_sums = row_weights.sum(axis=1)
    some = row_sums > 0
    means: NDArray[np.float64] = sums[some] / (seeds * row_sums[some])
    return means
