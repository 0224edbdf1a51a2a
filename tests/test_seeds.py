"""Seeds of random operations: the same numbers for ever, and far enough apart."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.errors import SetupError
from bertbench.seeds import SEED_BITS, operation_seed, operation_seeds

NAMES = st.text(max_size=40)
SEEDS = st.integers(0, 2**31 - 1)


@pytest.mark.parametrize(
    ("seed", "name", "expected"),
    [
        (0, "classifier.kernel", 1_351_685_313),
        (0, "classifier.dropout", 1_611_263_316),
        (1, "classifier.dropout", 1_170_875_885),
        (7, "encoder.layer_0.attention.probabilities.dropout", 1_775_984_745),
    ],
)
def test_numbers_of_published_runs_stay(seed: int, name: str, expected: int) -> None:
    """Another number here would be other dropout masks and another head in every record there is."""
    assert operation_seed(seed, name) == expected


@given(SEEDS, NAMES)
def test_first_31_bits_of_sha_256(seed: int, name: str) -> None:
    bits = "".join(f"{byte:08b}" for byte in hashlib.sha256(f"{seed}/{name}".encode()).digest())
    assert operation_seed(seed, name) == int(bits[:31], 2)
    assert 0 <= operation_seed(seed, name) < 2**SEED_BITS


@given(SEEDS, st.sets(NAMES, max_size=5), NAMES)
def test_one_operation_more_leaves_the_others_alone(seed: int, names: set[str], another: str) -> None:
    before = operation_seeds(seed, names, draws=0)
    after = operation_seeds(seed, names | {another}, draws=0)
    assert {name: after[name] for name in names} == before


def test_two_seeds_closer_than_the_draws_are_refused() -> None:
    one, other = "one", "other"
    gap = abs(operation_seed(3, one) - operation_seed(3, other))
    assert operation_seeds(3, [one, other], draws=gap) == {name: operation_seed(3, name) for name in (one, other)}
    with pytest.raises(SetupError, match="could repeat each other's numbers") as refusal:
        operation_seeds(3, [one, other], draws=gap + 1)
    assert all(word in refusal.value.message for word in ("seed 3", one, other, str(gap), str(gap + 1)))
    assert refusal.value.remedy


def test_neighbours_among_many_are_found() -> None:
    """Not only the first two, and whatever order the names come in."""
    names = [f"operation {number}" for number in range(40)]
    seeds = sorted(operation_seed(0, name) for name in names)
    closest = min(later - earlier for earlier, later in zip(seeds, seeds[1:], strict=False))
    operation_seeds(0, names, draws=closest)
    for order in (names, names[::-1]):
        with pytest.raises(SetupError):
            operation_seeds(0, order, draws=closest + 1)


def test_no_operation_no_refusal() -> None:
    assert operation_seeds(0, [], draws=10**6) == {}
