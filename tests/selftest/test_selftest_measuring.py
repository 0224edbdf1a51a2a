"""What is said of few seeds, and from how many on."""

from __future__ import annotations

import pytest

from bertbench.record import Digests
from bertbench.selftest.measuring import FEWEST_FOR_DROP, drop_interval, effect_facts
from bertbench.selftest.record import ClassFacts, EffectFacts
from bertbench.selftest.runs import SeedOutcome

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


def effect(seeds: int, *, equal: bool) -> EffectFacts:
    """Of two classes, the second with the same hits and bits or one hit fewer in each seed."""
    sides = {"own": first(seeds), "threads": first(seeds, fewer=0 if equal else 1)}
    bits = {
        name: {
            seed: SeedOutcome(
                hits=hits,
                failed=False,
                digests=Digests(weights="w" if equal else name, losses="l", predictions="p"),
                numbers="",
            )
            for seed, hits in side.items()
        }
        for name, side in sides.items()
    }
    own, other = (ClassFacts(name=name, changed="", numerics_fingerprint="", hits=side) for name, side in sides.items())
    return effect_facts(own, other, bits, rows=100, distinct_rows=100)


@pytest.mark.parametrize("seeds", [4, 20])
def test_same_seeds_of_equal_bits_correlate_for_certain(seeds: int) -> None:
    seen = effect(seeds, equal=True).correlation
    assert seen is not None
    assert (seen.estimate, seen.low, seen.high) == (1.0, 1.0, 1.0)


def test_pairs_on_one_line_of_other_bits_are_no_certainty() -> None:
    seen = effect(5, equal=False).correlation
    assert seen is not None
    assert seen.estimate == pytest.approx(1.0)
    assert (seen.low, seen.high) == (-1.0, 1.0)
    assert effect(4, equal=False).note == "fewer than 5 seeds ran in both"
