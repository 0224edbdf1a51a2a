"""Is the candidate's mean lower than chance explains? A permutation test that assumes no distribution.

If nothing changed, each of the B + S values could as well have come from the other side, so all C(B+S, S) ways of
choosing which S are the candidate's are equally likely. p is the share of them whose candidate mean is as low as the
one seen, or lower.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertbench.errors import VerdictError
from bertbench.stats.samples import finite, whole_rows
from bertbench.stats.subset_sums import counts_of_size

#: Up to this many splits are listed one by one; 20 + 4 have 10,626, 40 + 4 have 135,751, 10 + 10 have 184,756.
MOST_LISTED_SPLITS = 200_000
#: Up to this much work (values times cells of the table) splits of whole rows are counted: a tenth of a second or so.
MOST_COUNTING_WORK = 50_000_000
#: Doubles count no further: some 500 seeds against 500.
_MOST_COUNTED_SPLITS = 10**300


@dataclass(frozen=True)
class PermutationTest:
    """Result of `permutation_test`.

    Attributes:
        p_value: One-sided; small speaks for a candidate that is worse.
        exact: Whether all splits are in it; if not, they were drawn at random.
        splits: Splits it rests on: C(B+S, S), or the number drawn.
        smallest_possible_p: What p would be, had every candidate value been below every baseline value. A level below
            this cannot be reached, whatever is seen. Ties do not enter: only the numbers of values do.
    """

    p_value: float
    exact: bool
    splits: int
    smallest_possible_p: float


def permutation_test(
    baseline: ArrayLike,
    candidate: ArrayLike,
    *,
    generator: np.random.Generator,
    rows: int | None = None,
    max_splits: int = 99_999,
) -> PermutationTest:
    """One-sided test that the candidate's mean is lower than the baseline's (larger values are better).

    p = (splits with candidate mean <= the one seen) / (all splits). Shares of whole rows are counted exactly, up
    to 50 million steps. Other values are listed split by split up to 200,000; above, m splits are drawn and p is
    (b + 1) / (m + 1), which is never too small (Phipson & Smyth 2010, Stat Appl Genet Mol Biol 9:39).

    Assumption: exchangeability, which holds if nothing changed and seeds were not chosen by result. The same seeds on
    both sides with positive correlation make it conservative, with a negative one it rejects too often. A large p does
    not show that nothing changed: that question is `difference_of_means`'s. Values are sorted first, so the order of
    seeds changes nothing.

    Args:
        baseline: Values of the baseline's seeds, larger is better (negate losses).
        candidate: Values of the candidate's seeds.
        generator: Source of drawn splits; untouched where p is exact.
        rows: If the values are shares of so many rows, their number.
        max_splits: Splits to draw where not all can be taken; at least 1.

    Raises:
        VerdictError: If a side is empty or not finite, or values are no shares of *rows*.
    """
    if max_splits < 1:
        raise VerdictError(f"permutation test: max_splits {max_splits} was given, at least 1 was expected")
    if rows is None:
        return _listed_or_drawn(finite("baseline", baseline), finite("candidate", candidate), generator, max_splits)
    base, cand = whole_rows("baseline", baseline, rows), whole_rows("candidate", candidate, rows)
    values, size, observed = _smaller_side(base, cand)
    splits = math.comb(values.size, size)
    if values.size * (size + 1) * (observed + 1) > MOST_COUNTING_WORK or splits > _MOST_COUNTED_SPLITS:
        return _listed_or_drawn(base.astype(np.float64), cand.astype(np.float64), generator, max_splits)
    as_low = float(counts_of_size(values, size, observed).sum())
    return PermutationTest(min(as_low / splits, 1.0), True, splits, smallest_possible_p(base.size, cand.size))


def smallest_possible_p(baseline_values: int, candidate_values: int) -> float:
    """What p of all splits is if every candidate value lies below every baseline value: 1 / C(B+S, S).

    Args:
        baseline_values: B, at least 1.
        candidate_values: S, at least 1. Swapping the two changes nothing.
    """
    return 1 / math.comb(baseline_values + candidate_values, candidate_values)


def _smaller_side(baseline: NDArray[np.int64], candidate: NDArray[np.int64]) -> tuple[NDArray[np.int64], int, int]:
    """The question as 'which subsets of this size have a sum as small as this?', asked of the smaller side.

    A candidate sum is low exactly where the baseline's is high, so either side will do; the smaller has less to count.

    Returns:
        All values, none negative, the smallest 0; the size of a subset; the largest sum that counts.
    """
    pooled = np.concatenate([baseline, candidate])
    if candidate.size <= baseline.size:
        low = pooled.min()
        return pooled - low, candidate.size, int((candidate - low).sum())
    high = pooled.max()
    return high - pooled, baseline.size, int((high - baseline).sum())


def _listed_or_drawn(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64], generator: np.random.Generator, max_splits: int
) -> PermutationTest:
    # Sorted, so that the order of seeds cannot choose the draws, nor which side a value came from.
    pooled = np.sort(np.concatenate([baseline, candidate]))
    splits = math.comb(pooled.size, candidate.size)
    # Equal means are as extreme, and sums of N doubles in another order differ by up to N times their rounding, N eps
    # sum|v|: so 'lower or equal' allows four times that. It is far below any difference that the values can mean
    # (1e-13 for 40 accuracies), and can only raise p.
    slack = 4 * pooled.size * np.finfo(np.float64).eps * float(np.abs(pooled).sum())
    limit = math.fsum(candidate) + slack
    if splits <= MOST_LISTED_SPLITS:
        as_low = int(np.count_nonzero(_all_sums(pooled, candidate.size) <= limit))
        return PermutationTest(as_low / splits, True, splits, 1 / splits)
    as_low = int(np.count_nonzero(_drawn_sums(pooled, candidate.size, max_splits, generator) <= limit))
    smallest = 1 / (max_splits + 1)
    return PermutationTest((as_low + 1) * smallest, False, max_splits, smallest)


def _all_sums(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Sums of all subsets of one size: float64 (splits,)."""
    count = math.comb(values.size, size)
    chosen = itertools.chain.from_iterable(itertools.combinations(range(values.size), size))
    index = np.fromiter(chosen, np.intp, count * size).reshape(count, size)
    sums: NDArray[np.float64] = values[index].sum(axis=1)
    return sums


def _drawn_sums(
    values: NDArray[np.float64], size: int, draws: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Sums of random subsets of one size, all equally likely: float64 (draws,).

    Selection sampling (Knuth, The Art of Computer Programming 2, algorithm 3.4.2 S), for all draws at once: the next
    value is taken with probability (still needed) / (still left).
    """
    sums, needed = np.zeros(draws), np.full(draws, size)
    for left, value in zip(range(values.size, 0, -1), values, strict=True):
        taken = generator.random(draws) * left < needed
        sums += value * taken
        needed -= taken
    return sums
