"""How rows are grouped for attention, so that little of what attention looks at is empty.

Attention needs rectangles, rows times longest row. In one rectangle for the whole batch, one long row makes all
others pay for its square; sorted by length and cut in the right places, a few rectangles come close to no empty cell.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def group_by_length(
    lengths: NDArray[np.int64], *, groups: int, head_size: int
) -> tuple[tuple[NDArray[np.int64], int], ...]:
    """Cut rows, sorted by length, into *groups* groups of least cost.

    The cost of a group is rows * longest * (longest + head size): scores are longest squared, queries, keys and
    values longest times head size.

    Args:
        lengths: int64 (rows,), tokens of each row, each 1 or more.
        groups: How many; where fewer are as good, the others are empty.
        head_size: Width of one attention head.

    Returns:
        For each group the numbers of its rows, shortest first, and its longest length (0 if it is empty).
    """
    order = np.argsort(lengths, kind="stable")
    longest, counts = np.unique(lengths, return_counts=True)
    ends = np.cumsum(counts)
    cuts = _cheapest_cuts(longest, ends, groups=groups, head_size=head_size)
    bounds = [0, *(int(ends[cut]) for cut in cuts)]
    return tuple(
        (rows := order[begin:end], int(lengths[rows[-1]]) if end > begin else 0) for begin, end in pairwise(bounds)
    )


def _cheapest_cuts(longest: NDArray[np.int64], ends: NDArray[np.int64], *, groups: int, head_size: int) -> list[int]:
    """Index of the last length in each group, ascending; a group that repeats its predecessor's is empty.

    Dynamic programming over different lengths: the best cost up to each length with one group more.
    """
    begins = np.concatenate([[0], ends[:-1]])
    price = longest * (longest + head_size)  # of a row
    # cost[i, j]: one group from length i to length j.
    cost = np.where(begins[:, None] < ends[None, :], (ends[None, :] - begins[:, None]) * price[None, :], np.inf)
    best = cost[0]
    choices: list[NDArray[np.int64]] = []
    for _ in range(groups - 1):
        # Up to j: the last group starts after i, or is empty.
        extended = np.vstack([best[None, :], best[:-1, None] + cost[1:]])
        choice = extended.argmin(axis=0)
        choices.append(choice)
        best = extended[choice, np.arange(len(ends))]
    cuts = [len(ends) - 1]
    for choice in reversed(choices):
        start = int(choice[cuts[-1]])
        cuts.append(cuts[-1] if start == 0 else start - 1)
    return cuts[::-1]
