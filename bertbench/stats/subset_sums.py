"""How many subsets of some whole numbers have which sum: the exact null distribution of sums, without listing subsets.

The shift algorithm (Pagano & Tritchler 1983, JASA 78:435; Streitberg & Roehmel 1986): adding one number to the set
turns every subset counted so far into two, itself and itself with the number. Work grows with the range of the sums,
not with the number of subsets: C(40, 20) = 137,846,528,820 splits of 40 accuracies take milliseconds.

Counts are doubles: exact up to 2^53, and beyond that sums of positive numbers, so right to about 13 digits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def counts_of_size(values: NDArray[np.int64], size: int, largest_sum: int) -> NDArray[np.float64]:
    """Number of subsets of one size, by their sum.

    Args:
        values: int64 (values,), none negative.
        size: Number of values in a subset, from 0 to all.
        largest_sum: Sums above this are not counted; at least 0.

    Returns:
        float64 (largest_sum + 1,): entry s is the number of subsets of *size* values with sum s.
    """
    counts: NDArray[np.float64] = np.zeros((size + 1, largest_sum + 1))
    counts[0, 0] = 1
    for value in values:
        if value <= largest_sum:
            # The right side is read before the left is written (numpy copies overlapping memory), so no value is
            # taken twice.
            counts[1:, value:] += counts[:-1, : largest_sum + 1 - value]
    of_size: NDArray[np.float64] = counts[size]
    return of_size


def counts_of_any_size(values: NDArray[np.int64]) -> NDArray[np.float64]:
    """Number of subsets of whatever size, the empty one included, by their sum.

    Args:
        values: int64 (values,), none negative.

    Returns:
        float64 (sum of all values + 1,): entry s is the number of subsets with sum s; together 2^values.
    """
    total = int(values.sum())
    counts = np.zeros(total + 1)
    counts[0] = 1
    for value in values:
        counts[value:] += counts[: total + 1 - value].copy()
    return counts
