"""What is said of few seeds, and from how many on."""

from __future__ import annotations

import pytest

from bertbench.selftest.measuring import FEWEST_FOR_DROP, drop_interval

HITS = dict.fromkeys(range(1, 21), 96) | {1: 95, 2: 97, 3: 94}


def first(seeds: int, *, fewer: int = 0) -> dict[int, int]:
    return {seed: hits - fewer for seed, hits in HITS.items() if seed <= seeds}


@pytest.mark.parametrize(("own", "other"), [(0, 20), (4, 20), (20, 4), (4, 4), (1, 1)])
def test_of_fewer_than_five_seeds_a_side_no_drop_is_said(own: int, other: int) -> None:
    assert FEWEST_FOR_DROP == 5
    assert drop_interval(first(own), first(other, fewer=3), rows=100, distinct_rows=100) is None


@pytest.mark.parametrize(("own", "other"), [(5, 5), (5, 20), (20, 20)])
def test_from_five_seeds_a_side_on_a_drop_has_its_interval(own: int, other: int) -> None:
    drop = drop_interval(first(own), first(other, fewer=3), rows=100, distinct_rows=100)
    assert drop is not None
    assert drop.low < 3.0 < drop.high
    assert drop.samples == own + other
