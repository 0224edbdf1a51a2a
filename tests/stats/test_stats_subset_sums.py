"""Counting subsets by their sum, against listing them."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bertbench.stats.subset_sums import counts_of_any_size, counts_of_size

VALUES = st.lists(st.integers(0, 9), min_size=1, max_size=9)


@given(VALUES, st.data())
def test_counts_of_one_size_are_those_of_a_list_of_all_subsets(values: list[int], data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(values)))
    largest = data.draw(st.integers(0, sum(values)))
    listed = np.zeros(largest + 1)
    for subset in itertools.combinations(values, size):
        if sum(subset) <= largest:
            listed[sum(subset)] += 1
    np.testing.assert_array_equal(counts_of_size(np.array(values), size, largest), listed)


@given(VALUES)
def test_counts_of_any_size_are_those_of_a_list_of_all_subsets(values: list[int]) -> None:
    listed = np.zeros(sum(values) + 1)
    for chosen in itertools.product((0, 1), repeat=len(values)):
        listed[sum(v for v, c in zip(values, chosen, strict=True) if c)] += 1
    np.testing.assert_array_equal(counts_of_any_size(np.array(values)), listed)


def test_a_count_too_large_to_list_is_exact() -> None:
    """All 137,846,528,820 splits of 40 values, none lost to rounding."""
    counts = counts_of_size(np.arange(40), 20, sum(range(40)))
    assert counts.sum() == math.comb(40, 20)
