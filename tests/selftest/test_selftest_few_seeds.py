"""What a self-test says of few seeds: an interval only where it covers what it says."""

from __future__ import annotations

import pytest

from bertbench.selftest.measuring import drop_interval, effect_facts
from bertbench.selftest.record import ClassFacts, EffectFacts
from bertbench.selftest.runs import SeedOutcome

ROWS = 300


def hits(seeds: int, shift: int = 0) -> dict[int, int]:
    return {seed: 290 + shift + seed % 3 for seed in range(seeds)}


def effect(seeds: int, *, equal: bool) -> EffectFacts:
    own, other = hits(seeds), hits(seeds, shift=0 if equal else -1)
    sides = {"own": own, "threads": other}
    bits = {
        name: {
            seed: SeedOutcome(hits=of, failed=False, digests=("x" if equal else name,), numbers="")
            for seed, of in side.items()
        }
        for name, side in sides.items()
    }
    classes = [ClassFacts(name=name, changed="", numerics_fingerprint="", hits=side) for name, side in sides.items()]
    return effect_facts(classes[0], classes[1], bits, rows=ROWS)


@pytest.mark.parametrize(("own", "other"), [(40, 4), (4, 40), (4, 4)])
def test_a_drop_of_four_seeds_a_side_has_no_interval(own: int, other: int) -> None:
    assert drop_interval(hits(own), hits(other), rows=ROWS) is None
    seen = drop_interval(hits(max(own, 5)), hits(max(other, 5), shift=-6), rows=ROWS)
    assert seen is not None
    assert seen.low < 2 < seen.high


@pytest.mark.parametrize("seeds", [4, 20])
def test_same_seeds_of_equal_bits_correlate_for_certain(seeds: int) -> None:
    seen = effect(seeds, equal=True).correlation
    assert seen is not None
    assert (seen.estimate, seen.low, seen.high) == (1.0, 1.0, 1.0)


def test_same_hits_of_other_bits_are_no_certainty() -> None:
    seen = effect(5, equal=False).correlation
    assert seen is not None
    assert (seen.estimate, seen.low, seen.high) == (pytest.approx(1.0), -1.0, 1.0)
    assert effect(4, equal=False).note == "fewer than 5 seeds ran in both"
