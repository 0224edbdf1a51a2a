"""How much worse may the candidate be? The difference of two means, with its bounds by Student's t."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy import stats

from bertbench.errors import VerdictError
from bertbench.stats.samples import finite, in_order, probability

#: Above this ratio of variances they are not pooled: spreads in the ratio 1.5.
WELCH_ABOVE_VARIANCE_RATIO = 2.25


@dataclass(frozen=True)
class DifferenceOfMeans:
    """D = mean(baseline) - mean(candidate), estimated; positive means that the candidate is worse.

    Attributes:
        estimate: Difference of the sample means, in the values' unit.
        standard_error: Of the estimate, same unit; 0 if no spread was seen and none is assumed.
        degrees_of_freedom: Of its t distribution; not whole with Welch.
        baseline_spread: Standard deviation over seeds (ddof 1), as seen.
        candidate_spread: Likewise.
        spread: The one that the standard error rests on: pooled, floored.
        welch: Whether the variances were taken apart instead of pooled.
    """

    estimate: float
    standard_error: float
    degrees_of_freedom: float
    baseline_spread: float
    candidate_spread: float
    spread: float
    welch: bool

    def upper_bound(self, confidence: float) -> float:
        """One-sided upper bound of D: estimate + t(confidence, df) * standard error.

        The candidate is *not inferior* by more than a margin if this lies below the margin; a bound above it shows
        nothing. Infinite if no spread is known: samples without spread prove nothing about fresh seeds.
        """
        return self._bound(probability("confidence", confidence))

    def interval(self, confidence: float = 0.99) -> tuple[float, float]:
        """Two-sided interval of D, for display; mirrors when the sides are swapped."""
        half = self._bound(1 - (1 - probability("confidence", confidence)) / 2) - self.estimate
        return self.estimate - half, self.estimate + half

    def _bound(self, confidence: float) -> float:
        if self.standard_error <= 0:
            return math.inf
        return self.estimate + float(stats.t.ppf(confidence, self.degrees_of_freedom)) * self.standard_error


def difference_of_means(baseline: ArrayLike, candidate: ArrayLike, *, least_spread: float = 0.0) -> DifferenceOfMeans:
    """Estimate how much lower the candidate's mean is, and how precisely that is known.

    Pooled: s_p^2 = ((B-1) s_b^2 + (S-1) s_c^2) / (B+S-2), standard error s_p sqrt(1/B + 1/S), B+S-2 degrees of
    freedom (Student). Welch (1947, Biometrika 34:28): standard error sqrt(s_b^2/B + s_c^2/S), degrees of freedom by
    Satterthwaite. Welch is used where pooling would promise too much: if the variance of the smaller sample (of either,
    where they are of one size) exceeds 2.25 times the other's. The bank is the larger, so that is a candidate with a
    larger spread. The rule knows no sides beyond their size, so swapping them mirrors everything.

    Assumption: means of seeds are roughly normal. With a left tail the *upper* bound of D holds well enough (the gate's
    simulation shows by how much), but p values of t do not: the verdict's fail never rests on this. And spreads are
    alike: where the candidate's is 1.5 to 2 times the bank's, four of its seeds often do not show it, and the 99 %
    interval of 20 against 4 then covers 97.5 to 95 % (8: 98; 20: 98.5). A spread that grew is a finding of its own.

    Args:
        baseline: Values of the baseline's seeds, two or more; larger is better.
        candidate: Values of the candidate's seeds, two or more.
        least_spread: Floor of each side's spread, at least 0; `rounding_spread` for shares of rows.

    Raises:
        VerdictError: If a side has fewer than two values, or one that is not finite.
    """
    if not (least_spread >= 0 and math.isfinite(least_spread)):
        raise VerdictError(f"least_spread: {least_spread!r} was given, a number of at least 0 was expected")
    base = in_order(finite("baseline", baseline, at_least=2))
    cand = in_order(finite("candidate", candidate, at_least=2))
    seen = statistics.stdev(base), statistics.stdev(cand)  # exact for equal values: 0, not 1e-17
    variances = tuple(max(spread, least_spread) ** 2 for spread in seen)
    error, freedom, welch = _standard_error(variances, (len(base), len(cand)))
    return DifferenceOfMeans(
        estimate=statistics.fmean(base) - statistics.fmean(cand),
        standard_error=error,
        degrees_of_freedom=freedom,
        baseline_spread=seen[0],
        candidate_spread=seen[1],
        spread=_pooled(variances, (len(base), len(cand))),
        welch=welch,
    )


def _pooled(variances: tuple[float, ...], sizes: tuple[int, int]) -> float:
    weighted = sum((size - 1) * variance for size, variance in zip(sizes, variances, strict=True))
    return math.sqrt(weighted / (sum(sizes) - 2))


def _standard_error(variances: tuple[float, ...], sizes: tuple[int, int]) -> tuple[float, float, bool]:
    """Standard error, degrees of freedom, and whether they are Welch's."""
    if not _pooling_promises_too_much(variances, sizes):
        return _pooled(variances, sizes) * math.sqrt(sum(1 / size for size in sizes)), sum(sizes) - 2, False
    parts = [variance / size for variance, size in zip(variances, sizes, strict=True)]
    freedom = sum(parts) ** 2 / sum(part**2 / (size - 1) for part, size in zip(parts, sizes, strict=True))
    return math.sqrt(sum(parts)), freedom, True


def _pooling_promises_too_much(variances: tuple[float, ...], sizes: tuple[int, int]) -> bool:
    def exceeds(one: int, other: int) -> bool:
        return sizes[one] <= sizes[other] and variances[one] > WELCH_ABOVE_VARIANCE_RATIO * variances[other]

    return exceeds(0, 1) or exceeds(1, 0)
