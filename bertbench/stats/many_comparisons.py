"""The quality rule applied to thousands of comparisons at once: the same words as one by one, a hundred times faster.

A simulation needs only the word and the look at which it fell. The upper bound is computed for all comparisons
together, and the permutation test only for those that could fail; it counts all splits, as the one test does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from bertbench.errors import VerdictError
from bertbench.stats.failed_seeds import ALLOWED_RATE, judge_failed_seeds
from bertbench.stats.noninferiority import WELCH_ABOVE_VARIANCE_RATIO
from bertbench.stats.permutation import smallest_possible_p
from bertbench.stats.samples import distinct_of, rounding_spread
from bertbench.stats.sequential import ROUNDING_POINTS, QualityRule

#: Words by their number, in the order of precedence: of several checks the least number is the verdict.
WORDS = ("fail", "undecided", "pass")
FAIL, UNDECIDED, PASS = range(3)

_POINTS = 100.0
_FEWEST_FOR_SPREAD = 2
#: Cells of one table of counts, all comparisons of a block together: some 30 MB.
_BLOCK_CELLS = 4_000_000


@dataclass(frozen=True)
class FailedSeedRule:
    """How failed seeds are judged beside the means.

    Attributes:
        alpha: Chance of a fail at the allowed rate, over all looks.
        allowed_rate: Share of seeds that may fail.
    """

    alpha: float
    allowed_rate: float = ALLOWED_RATE


@dataclass(frozen=True)
class ManyDecisions:
    """Result of `decide_many`.

    Attributes:
        words: int64 (comparisons,): `FAIL`, `UNDECIDED` or `PASS`.
        looks: int64 (comparisons,): candidate seeds that the deciding look prescribes.
    """

    words: NDArray[np.int64]
    looks: NDArray[np.int64]


def decide_many(
    bank: NDArray[np.int64],
    candidate: NDArray[np.int64],
    *,
    rows: int,
    rule: QualityRule,
    distinct_rows: int | None = None,
    failed: NDArray[np.bool_] | None = None,
    failed_rule: FailedSeedRule | None = None,
    same_seeds: bool = True,
) -> ManyDecisions:
    """Take the looks of every comparison until it is decided, as `decide_in_turn` does for one.

    At each look failed seeds are judged first: a count that the allowed
    rate does not explain fails or keeps the look from passing; means are taken over the others.

    Args:
        bank: int64 (comparisons, bank seeds) or (1, bank seeds): rows right.
        candidate: int64 (comparisons, seeds of the last look): rows right; of failed seeds any number.
        rows: All rows, that hits are of.
        rule: What decides about means.
        distinct_rows: How many of these differ; all if None.
        failed: bool (comparisons, seeds of the last look): candidate seeds that failed; none if not given.
        failed_rule: What decides about failed seeds; they are left out and not judged if not given.
        same_seeds: Whether seed k of the candidate is seed k of the bank; if not, no seed is on both sides.

    Raises:
        VerdictError: If shapes do not fit, or numbers are no rows right or no distinct ones.
    """
    distinct = distinct_of("comparisons", distinct_rows, rows)
    _refuse_what_does_not_fit(bank, candidate, rows, rule)
    good = np.ones(candidate.shape, bool) if failed is None else ~failed
    words = np.full(len(candidate), UNDECIDED)
    looks = np.full(len(candidate), rule.looks[-1])
    still_open = np.arange(len(candidate))
    for number, look in enumerate(rule.looks):
        base = bank if len(bank) == 1 else bank[still_open]
        seen = _Look(
            base,
            candidate[still_open, :look],
            good[still_open, :look],
            rows=(rows, distinct),
            rule=rule,
            share=rule.shares[number],
            shared=min(bank.shape[1], look) if same_seeds else 0,
        )
        broken, unexplained = _failed_seeds(look - good[still_open, :look].sum(axis=1), look, rule, failed_rule)
        fails = broken | seen.fails()
        passes = ~fails & ~unexplained & seen.passes()
        words[still_open[fails]], words[still_open[passes]] = FAIL, PASS
        looks[still_open[fails | passes]] = look
        still_open = still_open[~(fails | passes)]
    return ManyDecisions(words, looks)


def lower_tail_p_values(bank: NDArray[np.int64], candidate: NDArray[np.int64]) -> NDArray[np.float64]:
    """Permutation test of each row, its p value: the share of splits whose candidate mean is as low, or lower.

    Rows of one level of hits are alike, so subsets are counted level by level: taking j of the m values at a level can
    be done in C(m, j) ways. Counts are exact up to 2^53 splits (20 of 40 have 1.4e11, 20 of 60 have 4.2e15), and beyond
    that right to about 13 digits.

    Args:
        bank: int64 (tests, bank seeds).
        candidate: int64 (tests, candidate seeds).

    Returns:
        float64 (tests,).
    """
    size = candidate.shape[1]
    pooled = np.concatenate([bank, candidate], axis=1)
    low = pooled.min(axis=1, keepdims=True)
    values, sums = pooled - low, (candidate - low).sum(axis=1)
    p_values = np.empty(len(pooled))
    in_order = np.argsort(sums, kind="stable")  # so that the tables of a block are hardly larger than each needs
    for block in _blocks(sums[in_order], size):
        chosen = in_order[block]
        counts = _counts_by_sum(values[chosen], size, int(sums[chosen].max()))  # (tests, sums)
        within = np.arange(counts.shape[1]) <= sums[chosen][:, None]
        p_values[chosen] = (counts * within).sum(axis=1)
    result: NDArray[np.float64] = np.minimum(p_values / math.comb(pooled.shape[1], size), 1.0)
    return result


class _Look:
    """All comparisons that are still open, at one look; *rows* are all of them, then the distinct ones."""

    def __init__(
        self,
        bank: NDArray[np.int64],
        candidate: NDArray[np.int64],
        good: NDArray[np.bool_],
        *,
        rows: tuple[int, int],
        rule: QualityRule,
        share: float,
        shared: int,
    ) -> None:
        self._bank, self._candidate, self._good = bank, candidate, good
        (self._rows, self._distinct), self._rule, self._share, self._shared = rows, rule, share, shared
        self._seeds = good.sum(axis=1)  # (comparisons,)
        banked, total = bank.shape[1], (candidate * good).sum(axis=1)
        self._fail_level = rule.alpha * share
        by_seeds = [_can_decide(banked, seeds, self._fail_level) for seeds in range(candidate.shape[1] + 1)]
        self._can_decide = np.array(by_seeds)[self._seeds]
        seeds = np.maximum(self._seeds, 1)
        # One rounding, as for a single comparison: values that are meant to be equal are.
        self._drop = _POINTS * (bank.sum(axis=1) * seeds - total * banked) / (banked * seeds * self._rows)

    def fails(self) -> NDArray[np.bool_]:
        """Effect floor and shared seeds first: few comparisons are left for the test, which costs most."""
        shared = self._shared
        lost = ((self._bank[:, :shared] - self._candidate[:, :shared]) * self._good[:, :shared]).sum(axis=1)
        nothing_shared = ~self._good[:, :shared].any(axis=1)
        could = (self._drop >= self._rule.floor - ROUNDING_POINTS) & ((lost > 0) | nothing_shared)
        could &= self._can_decide
        fails = np.zeros(len(could), bool)
        for seeds in np.unique(self._seeds[could]):
            chosen = np.flatnonzero(could & (self._seeds == seeds))
            values = self._candidate[chosen][self._good[chosen]].reshape(len(chosen), int(seeds))
            bank = np.broadcast_to(self._bank, (len(could), self._bank.shape[1]))[chosen]
            fails[chosen] = lower_tail_p_values(bank, values) <= self._fail_level
        return fails

    def passes(self) -> NDArray[np.bool_]:
        """The upper bound of `difference_of_means`, below the margin."""
        least = (_POINTS * rounding_spread(self._distinct)) ** 2
        scale = (_POINTS / self._rows) ** 2
        everyone = np.ones(self._bank.shape, bool)
        of_bank = np.maximum(_variance(self._bank, everyone) * scale, least)
        of_candidate = np.maximum(_variance(self._candidate, self._good) * scale, least)
        banked, seeds = self._bank.shape[1], np.maximum(self._seeds, _FEWEST_FOR_SPREAD)
        freedom: NDArray[np.float64] = (banked + seeds - 2).astype(np.float64)
        pooled = ((banked - 1) * of_bank + (seeds - 1) * of_candidate) / freedom
        error = np.sqrt(pooled * (1 / banked + 1 / seeds))
        parts = of_bank / banked, of_candidate / seeds
        welch = (seeds <= banked) & (of_candidate > WELCH_ABOVE_VARIANCE_RATIO * of_bank)
        welch |= (banked <= seeds) & (of_bank > WELCH_ABOVE_VARIANCE_RATIO * of_candidate)
        welch_freedom = (parts[0] + parts[1]) ** 2 / (parts[0] ** 2 / (banked - 1) + parts[1] ** 2 / (seeds - 1))
        error = np.where(welch, np.sqrt(parts[0] + parts[1]), error)
        freedom = np.where(welch, welch_freedom, freedom)
        quantile = stats.t.ppf(1 - self._rule.pass_alpha * self._share, freedom)
        below: NDArray[np.bool_] = self._can_decide & (self._drop + quantile * error < self._rule.margin_points)
        return below


def _can_decide(bank_seeds: int, seeds: int, fail_level: float) -> bool:
    """Whether so few seeds have a spread, and could fail at all: a look that cannot does not pass either."""
    return seeds >= _FEWEST_FOR_SPREAD and smallest_possible_p(bank_seeds, seeds) <= fail_level


def _variance(hits: NDArray[np.int64], good: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Over the good seeds of each row (ddof 1), in rows squared, from whole numbers: equal hits have none."""
    seeds = np.maximum(good.sum(axis=1), _FEWEST_FOR_SPREAD)
    sums, squares = (hits * good).sum(axis=1), (hits**2 * good).sum(axis=1)
    variance: NDArray[np.float64] = (seeds * squares - sums**2) / (seeds * (seeds - 1))
    return variance


def _failed_seeds(
    counts: NDArray[np.int64], look: int, rule: QualityRule, failed_rule: FailedSeedRule | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Comparisons that fail by their failed seeds, and those in which they are not explained."""
    if failed_rule is None:
        return np.zeros(len(counts), bool), np.zeros(len(counts), bool)
    words = np.array(
        [
            judge_failed_seeds(
                count, look, looks=rule.looks, allowed_rate=failed_rule.allowed_rate, alpha=failed_rule.alpha
            ).word
            for count in range(int(counts.max(initial=0)) + 1)
        ]
    )
    return words[counts] == "fail", words[counts] == "unexplained"


def _blocks(sums: NDArray[np.int64], size: int) -> list[slice]:
    """Slices of rising sums whose tables stay within `_BLOCK_CELLS`."""
    blocks, start = [], 0
    while start < len(sums):
        # The largest sum of a block sets the width of its tables.
        widest = np.arange(1, len(sums) - start + 1) * (size + 1) * (sums[start:] + 1)
        end = start + max(1, int(np.searchsorted(widest, _BLOCK_CELLS, side="right")))
        blocks.append(slice(start, end))
        start = end
    return blocks


def _counts_by_sum(values: NDArray[np.int64], size: int, largest_sum: int) -> NDArray[np.float64]:
    """Number of subsets of one size, by their sum: float64 (tests, largest_sum + 1).

    Args:
        values: int64 (tests, values), none negative, the smallest of each row 0.
        size: Values in a subset.
        largest_sum: Sums above this are not counted.
    """
    counts = np.zeros((len(values), size + 1, largest_sum + 1))  # (tests, taken, sum)
    counts[:, 0, 0] = 1
    for level in range(min(int(values.max()), largest_sum) + 1):
        at_level = (values == level).sum(axis=1)  # (tests,)
        most = min(int(at_level.max()), size, largest_sum // level if level else size)
        if not most:
            continue
        before = counts.copy()
        for taken in range(1, most + 1):
            moved = taken * level
            ways = np.rint(special.comb(at_level, taken))[:, None, None]
            counts[:, taken:, moved:] += ways * before[:, : size + 1 - taken, : largest_sum + 1 - moved]
    of_size: NDArray[np.float64] = counts[:, size]
    return of_size


def _refuse_what_does_not_fit(
    bank: NDArray[np.int64], candidate: NDArray[np.int64], rows: int, rule: QualityRule
) -> None:
    if bank.ndim != 2 or candidate.ndim != 2 or len(bank) not in (1, len(candidate)):  # noqa: PLR2004 - tables
        raise VerdictError(
            f"comparisons: a bank of shape {bank.shape} and candidates of shape {candidate.shape} were given, "
            "(comparisons, seeds) twice was expected"
        )
    if candidate.shape[1] != rule.looks[-1] or bank.shape[1] < rule.smallest_bank:
        raise VerdictError(
            f"comparisons: {bank.shape[1]} bank seeds and {candidate.shape[1]} candidate seeds were given, at least "
            f"{rule.smallest_bank} and just {rule.looks[-1]} were expected"
        )
    for side in (bank, candidate):
        if side.size and not (side.min() >= 0 and side.max() <= rows):
            raise VerdictError(
                f"comparisons: hits from {side.min()} to {side.max()} were given, 0 to {rows} were expected"
            )
