"""Are differences of pairs larger than zero? Wilcoxon's signed ranks: test, estimate and interval that agree.

Sources: Wilcoxon 1945; Hodges & Lehmann 1963 (Ann Math Stat 34:598); Hollander & Wolfe, Nonparametric Statistical
Methods, 3.1 to 3.3; Pratt 1959 (JASA 54:655) on zeros.

Rules for zeros and ties. A difference of zero is ranked with the others and then left out of the sum (Pratt), and the
null distribution flips the signs of the others only. Equal sizes share the mean of their ranks, and the distribution
is counted with these very ranks: exact given the sizes, not the textbook's for 1 to n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bertbench.stats.samples import finite, probability
from bertbench.stats.subset_sums import counts_of_any_size


@dataclass(frozen=True)
class SignedRankTest:
    """Result of `signed_rank_test`.

    Attributes:
        estimate: Hodges-Lehmann: the median of all Walsh averages, in the differences' unit.
        p_value: One-sided; small speaks for differences above zero.
        pairs: All pairs.
        zeros: Pairs without a difference.
        smallest_possible_p: 2^-(pairs that differ): 0.0078 for 7. A level below this cannot be reached.
    """

    estimate: float
    p_value: float
    pairs: int
    zeros: int
    smallest_possible_p: float


def signed_rank_test(differences: ArrayLike) -> SignedRankTest:
    """Exact one-sided test that differences lie above zero, with the estimate that belongs to it.

    T = sum of the ranks of |d| over the positive d; p = P(T or more) when every sign is a fair coin.

    Assumption: under 'nothing changed' d and -d are equally likely, which the recorded coin for the order of each pair
    gives by construction; the estimate is of the pseudo-median. A large p does not show that nothing changed: the
    interval says what is not excluded.

    Args:
        differences: One per pair, larger is worse (for times log(candidate / baseline)).

    Raises:
        VerdictError: If there are none, or one is not finite.
    """
    sample = finite("differences", differences)
    changed = sample != 0
    # Twice the mean rank is a whole number, so sums can be counted and compared without rounding.
    doubled = np.rint(2 * stats.rankdata(np.abs(sample))).astype(np.int64)[changed]
    observed = int(doubled[sample[changed] > 0].sum())
    as_high = float(counts_of_any_size(doubled)[observed:].sum())
    smallest = 0.5 ** int(changed.sum())
    return SignedRankTest(
        estimate=float(np.median(walsh_averages(sample))),
        p_value=min(as_high * smallest, 1.0),
        pairs=int(sample.size),
        zeros=int(sample.size - changed.sum()),
        smallest_possible_p=smallest,
    )


def signed_rank_interval(differences: ArrayLike, *, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided interval of the pseudo-median: all shifts that the test, at half of 1 - confidence, does not reject.

    The ends are the k-th smallest and k-th largest Walsh average, k the largest with P(T <= k - 1) <= (1-confidence)/2.

    Assumption: differences are symmetric about their pseudo-median. The interval is closed, so with ties it covers at
    least as often as it says (Noether 1967). With too few pairs it is (-inf, inf): nothing is excluded.

    Raises:
        VerdictError: If there are no differences, or one is not finite.
    """
    open_end = (1 - probability("confidence", confidence)) / 2
    averages = walsh_averages(finite("differences", differences))
    return _ends(averages, _depth(np.size(differences), open_end))


def signed_rank_upper_bound(differences: ArrayLike, *, confidence: float = 0.95) -> float:
    """One-sided upper bound of the pseudo-median, by the same inversion; infinite with too few pairs.

    A bound below a margin shows that the change is smaller than the margin; above it, nothing is shown.

    Raises:
        VerdictError: If there are no differences, or one is not finite.
    """
    averages = walsh_averages(finite("differences", differences))
    return _ends(averages, _depth(np.size(differences), 1 - probability("confidence", confidence)))[1]


def walsh_averages(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    """All (d_i + d_j) / 2 with i <= j, sorted: float64 (n (n + 1) / 2,)."""
    first, second = np.triu_indices(sample.size)
    ordered = np.sort(sample)
    return np.sort((ordered[first] + ordered[second]) / 2)


def _depth(pairs: int, open_end: float) -> int:
    """How many Walsh averages may be cut off at one end: the largest k with P(T <= k - 1) <= *open_end*."""
    at_most = np.cumsum(counts_of_any_size(np.arange(1, pairs + 1))) * 0.5**pairs
    # The level is a decimal, the chance a sum of powers of two; where they are meant to be equal they may differ by
    # rounding, and such a k is allowed.
    return int(np.searchsorted(at_most, open_end * (1 + 1e-12), side="right"))


def _ends(averages: NDArray[np.float64], depth: int) -> tuple[float, float]:
    if depth == 0:
        return -math.inf, math.inf
    return float(averages[depth - 1]), float(averages[-depth])
