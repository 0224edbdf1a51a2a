"""How much worse may the candidate be? The difference of two means, with its bounds by Student's t."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy import special

from bertbench.errors import VerdictError
from bertbench.stats.samples import finite, in_order, probability

#: Above this ratio of variances they are not pooled: spreads in the ratio 1.5.
WELCH_ABOVE_VARIANCE_RATIO = 2.25
#: Fewer seeds on a side show too little of its spread for a two-sided interval (benchmarks/interval_coverage.py).
FEWEST_FOR_INTERVAL = 4


@dataclass(frozen=True)
class StandardError:
    """How precisely a difference is known.

    Attributes:
        size: In the values' unit; 0 if no spread was seen and none is assumed.
        degrees_of_freedom: Of its t distribution; not whole with Welch.
    """

    size: float
    degrees_of_freedom: float

    def half_width(self, confidence: float) -> float:
        """t(confidence, df) * standard error; infinite without a spread: that proves nothing about fresh seeds."""
        if self.size <= 0:
            return math.inf
        return float(special.stdtrit(self.degrees_of_freedom, confidence)) * self.size


@dataclass(frozen=True)
class DifferenceOfMeans:
    """D = mean(baseline) - mean(candidate), estimated; positive means that the candidate is worse.

    Attributes:
        estimate: Difference of the sample means, in the values' unit.
        pooled: Standard error by Student, spreads taken for one.
        apart: Standard error by Welch, each side with its own spread.
        seeds: Of the side that has fewer.
        baseline_spread: Standard deviation over seeds (ddof 1), as seen.
        candidate_spread: Likewise.
        spread: The one that the standard error rests on: pooled, floored.
        welch: Whether the one-sided bound takes the variances apart instead of pooling them.
    """

    estimate: float
    pooled: StandardError
    apart: StandardError
    seeds: int
    baseline_spread: float
    candidate_spread: float
    spread: float
    welch: bool

    @property
    def standard_error(self) -> float:
        """That the one-sided bound rests on, in the values' unit."""
        return self._chosen.size

    @property
    def degrees_of_freedom(self) -> float:
        """Of the t distribution of the one-sided bound."""
        return self._chosen.degrees_of_freedom

    def upper_bound(self, confidence: float) -> float:
        """One-sided upper bound of D: estimate + t(confidence, df) * standard error.

        The candidate is *not inferior* by more than a margin if this lies below the margin; a bound above it shows
        nothing. Infinite if no spread is known: samples without spread prove nothing about fresh seeds.
        """
        return self.estimate + self._chosen.half_width(probability("confidence", confidence))

    def interval(self, confidence: float = 0.99) -> tuple[float, float]:
        """Two-sided interval of D, for display: the wider of Student's and Welch's; mirrors when sides are swapped.

        The choice between the two that suits a bound comes too late for an interval: four seeds of a spread that
        doubled often look like one that did not, and an interval that pools them then covers 95.7 % where it says 99.
        The wider of both covers 98.7 %. Infinite if a side has fewer than four seeds, or no spread is known.
        """
        quantile = 1 - (1 - probability("confidence", confidence)) / 2
        if self.seeds < FEWEST_FOR_INTERVAL:
            return -math.inf, math.inf
        half = max(error.half_width(quantile) for error in (self.pooled, self.apart))
        return self.estimate - half, self.estimate + half

    @property
    def _chosen(self) -> StandardError:
        return self.apart if self.welch else self.pooled


def difference_of_means(baseline: ArrayLike, candidate: ArrayLike, *, least_spread: float = 0.0) -> DifferenceOfMeans:
    """Estimate how much lower the candidate's mean is, and how precisely that is known.

    Pooled: s_p^2 = ((B-1) s_b^2 + (S-1) s_c^2) / (B+S-2), standard error s_p sqrt(1/B + 1/S), B+S-2 degrees of
    freedom (Student). Welch (1947, Biometrika 34:28): standard error sqrt(s_b^2/B + s_c^2/S), degrees of freedom by
    Satterthwaite. Welch is used where pooling would promise too much: if the variance of the smaller sample (of either,
    where they are of one size) exceeds 2.25 times the other's. The bank is the larger, so that is a candidate with a
    larger spread. The rule knows no sides beyond their size, so swapping them mirrors everything.

    Assumption: means of seeds are roughly normal. With a left tail the *upper* bound of D holds well enough (the gate's
    simulation shows by how much), but p values of t do not: the verdict's fail never rests on this. And spreads are
    alike: where the candidate's is twice the bank's, four of its seeds often do not show it. Two-sided intervals allow
    for that (`DifferenceOfMeans.interval`), the upper bound does not. A spread that grew is a finding of its own.

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
    sizes = len(base), len(cand)
    return DifferenceOfMeans(
        estimate=statistics.fmean(base) - statistics.fmean(cand),
        pooled=StandardError(_pooled(variances, sizes) * math.sqrt(sum(1 / size for size in sizes)), sum(sizes) - 2),
        apart=_apart(variances, sizes),
        seeds=min(sizes),
        baseline_spread=seen[0],
        candidate_spread=seen[1],
        spread=_pooled(variances, sizes),
        welch=_pooling_promises_too_much(variances, sizes),
    )


def _pooled(variances: tuple[float, ...], sizes: tuple[int, int]) -> float:
    weighted = sum((size - 1) * variance for size, variance in zip(sizes, variances, strict=True))
    return math.sqrt(weighted / (sum(sizes) - 2))


def _apart(variances: tuple[float, ...], sizes: tuple[int, int]) -> StandardError:
    """Welch's standard error, with Satterthwaite's degrees of freedom; none of either without a spread."""
    parts = [variance / size for variance, size in zip(variances, sizes, strict=True)]
    error = math.sqrt(math.fsum(parts))
    if error == 0:
        return StandardError(0.0, sum(sizes) - 2)
    # Shares of the whole, so that no square of a tiny variance vanishes.
    shares = [part / math.fsum(parts) for part in parts]
    return StandardError(error, 1 / sum(share**2 / (size - 1) for share, size in zip(shares, sizes, strict=True)))


def _pooling_promises_too_much(variances: tuple[float, ...], sizes: tuple[int, int]) -> bool:
    def exceeds(one: int, other: int) -> bool:
        return sizes[one] <= sizes[other] and variances[one] > WELCH_ABOVE_VARIANCE_RATIO * variances[other]

    return exceeds(0, 1) or exceeds(1, 0)
