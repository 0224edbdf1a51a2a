"""How much do seeds or processes differ, and do the same seeds differ alike? Estimates with intervals."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bertbench.errors import VerdictError
from bertbench.stats.clopper_pearson import ExactRate, exact_rate
from bertbench.stats.samples import finite, in_order, probability

#: Fewer give no kurtosis, and Bonett's trimming is not defined.
FEWEST_FOR_INTERVAL = 5
#: With four pairs of values of few levels Fisher's interval covers 91 % where it says 95.
FEWEST_PAIRS = 5
#: No distribution has more than a fifth of its mass two spreads below its mean (Cantelli: 1 / (1 + 2^2)), and the exact
#: interval of 0 of 16 reaches further: fewer seeds exclude nothing that is possible.
FEWEST_FOR_TAIL = 17
#: A seed this many spreads below the mean is in the tail; of normal seeds 2.3 % are.
TAIL_SPREADS = 2.0
#: How far from 1 rounding may leave the correlation of pairs on one line.
_ON_ONE_LINE = 1e-9


@dataclass(frozen=True)
class Interval:
    """An estimate and what is not excluded.

    Attributes:
        estimate: In the values' unit.
        low: Lower end of a two-sided interval.
        high: Upper end; infinite if nothing is excluded.
        samples: Values, or pairs, that it rests on.
        confidence: Of the interval.
    """

    estimate: float
    low: float
    high: float
    samples: int
    confidence: float


def spread_interval(values: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Standard deviation (ddof 1) with an interval that allows for heavy tails.

    Bonett 2006 (Computational Statistics & Data Analysis 50:775): ln(c s^2) +- z se with c = n / (n - z), se = c
    sqrt((k - (n - 3) / n) / (n - 1)), k the kurtosis about a mean trimmed by 1 / (2 sqrt(n - 4)) at each end. The usual
    interval by chi-squared covers far less than it says where seeds have a left tail.

    Assumption: independent values of one distribution with a fourth moment; approximate, closest for normal values
    (benchmarks/interval_coverage.py has the coverage). Values without spread exclude nothing: (0, infinity).

    Args:
        values: Five or more, in any unit.
        confidence: Two-sided, between 0 and 1.

    Raises:
        VerdictError: If there are too few, or one is not finite.
    """
    sample = np.asarray(in_order(finite("values", values, at_least=FEWEST_FOR_INTERVAL)))
    spread, size = statistics.stdev(sample.tolist()), sample.size
    quantile = float(stats.norm.ppf((1 + probability("confidence", confidence)) / 2))
    if spread == 0 or size <= quantile:
        return Interval(spread, 0.0, math.inf, size, confidence)
    correction = size / (size - quantile)
    excess = _kurtosis(sample) - (size - 3) / size
    half = quantile * correction * math.sqrt(max(excess, 0.0) / (size - 1))
    low, high = (math.sqrt(correction * spread**2 * math.exp(sign * half)) for sign in (-1, 1))
    return Interval(spread, low, high, size, confidence)


def _kurtosis(sample: NDArray[np.float64]) -> float:
    """Of sorted values that are not all equal: n sum (x - trimmed mean)^4 / (sum (x - mean)^2)^2."""
    cut = min(int(sample.size / (2 * math.sqrt(sample.size - 4))), (sample.size - 1) // 2)  # at each end
    inner = sample[cut : sample.size - cut]
    fourth, second = ((sample - inner.mean()) ** 4).sum(), ((sample - sample.mean()) ** 2).sum()
    return float(sample.size * fourth / second**2)


def lower_tail(values: ArrayLike, *, spreads: float = TAIL_SPREADS, confidence: float = 0.95) -> ExactRate:
    """Share of values more than two spreads below their mean, with its exact interval; of normal values 2.3 %.

    Mean and spread come from the same values, which hides a little of a tail: with n values none can lie more than
    (n - 1) / sqrt(n) spreads from the mean.

    Args:
        values: Seventeen or more, larger is better.
        spreads: How far below.
        confidence: Two-sided.

    Raises:
        VerdictError: If there are too few, or one is not finite.
    """
    sample = finite("values", values, at_least=FEWEST_FOR_TAIL)
    spread = statistics.stdev(sample.tolist())
    below = int((sample < sample.mean() - spreads * spread).sum()) if spread else 0
    return exact_rate(below, sample.size, confidence=confidence)


def correlation_interval(one: ArrayLike, other: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Pearson's correlation of pairs with Fisher's interval: tanh(atanh(r) +- z / sqrt(n - 3)).

    Assumption: pairs are roughly bivariate normal; with values of few levels approximate, with a left tail too narrow
    (benchmarks/interval_coverage.py has the coverage). Pairs on one line exclude nothing, (-1, 1): Fisher's formula
    would claim certainty for five pairs of two levels that happen to agree.

    Args:
        one: One side, five values or more.
        other: The other, in the same order.
        confidence: Two-sided, between 0 and 1.

    Raises:
        VerdictError: If lengths differ, there are too few, a value is not finite, or a side has no spread.
    """
    left, right = (
        finite(name, side, at_least=FEWEST_PAIRS) for name, side in (("one side", one), ("the other side", other))
    )
    if left.size != right.size:
        raise VerdictError(f"correlation: {left.size} and {right.size} values were given, pairs were expected")
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        raise VerdictError("correlation: all values of a side are equal, so none is defined", remedy="run more seeds")
    estimate = float(np.clip(np.corrcoef(left, right)[0, 1], -1.0, 1.0))
    half = float(stats.norm.ppf((1 + probability("confidence", confidence)) / 2)) / math.sqrt(left.size - 3)
    if abs(estimate) > 1 - _ON_ONE_LINE:
        return Interval(estimate, -1.0, 1.0, int(left.size), confidence)
    centre = math.atanh(estimate)
    return Interval(estimate, math.tanh(centre - half), math.tanh(centre + half), int(left.size), confidence)
