"""Letters of equal bits."""

from __future__ import annotations

from itertools import combinations

from baseline_examples import digests
from hypothesis import given
from hypothesis import strategies as st

from bertbench.matrix.bit_groups import all_compared, bit_groups, compared_groups


def letters(*environments: dict[int, int]) -> str:
    found = bit_groups([{seed: digests(value) for seed, value in bits.items()} for bits in environments])
    return " ".join(letter or "-" for letter in found)


def test_equal_bits_are_one_letter() -> None:
    assert letters({0: 1, 1: 2}, {0: 1, 1: 2}, {0: 3, 1: 2}, {0: 1}) == "A A B A"


def test_no_seed_is_no_letter_and_no_common_seed_is_one_of_its_own() -> None:
    assert letters({0: 1}, {}, {5: 1}, {5: 1}) == "A - B B"


def test_what_a_later_one_ran_more_counts_for_the_group() -> None:
    assert letters({0: 1}, {0: 1, 1: 2}, {1: 3}) == "A A B"


def test_one_that_shares_seeds_with_two_makes_one_group_of_them() -> None:
    assert letters({0: 1}, {1: 2}, {0: 1, 1: 2}) == "A A A"
    assert letters({0: 1}, {0: 5}, {1: 2}, {0: 1, 1: 2}) == "A B A A"
    assert letters({0: 1, 2: 1}, {1: 2, 2: 5}, {0: 1, 1: 2}) == "A B A"  # of two that contradict each other, the first


def test_there_are_more_letters_than_the_alphabet() -> None:
    assert letters(*({0: number} for number in range(28))).split()[25:] == ["Z", "A2", "B2"]


@given(st.lists(st.dictionaries(st.integers(0, 2), st.integers(1, 3), min_size=1), min_size=1, max_size=6))
def test_nobody_is_in_a_group_that_contradicts_it(environments: list[dict[int, int]]) -> None:
    found = letters(*environments).split()
    for one, letter in zip(environments, found, strict=True):
        for other, its in zip(environments, found, strict=True):
            contradicts = any(one[seed] != other[seed] for seed in one.keys() & other.keys())
            assert not (letter == its and contradicts)


ENVIRONMENTS = st.lists(st.dictionaries(st.integers(0, 3), st.integers(1, 2)), min_size=1, max_size=6)


@given(ENVIRONMENTS)
def test_groups_that_are_compared_are_known_to_differ_and_others_share_no_seed(
    environments: list[dict[int, int]],
) -> None:
    bits = [{seed: digests(value) for seed, value in ran.items()} for ran in environments]
    letters = bit_groups(bits)
    compared = compared_groups(bits, letters)
    for one, other in combinations({letter for letter in letters if letter}, 2):
        mine, theirs = (
            {
                seed: value
                for ran, letter in zip(environments, letters, strict=True)
                if letter == group
                for seed, value in ran.items()
            }
            for group in (one, other)
        )
        shared = mine.keys() & theirs.keys()
        assert (frozenset((one, other)) in compared) == bool(shared)
        assert not shared or any(mine[seed] != theirs[seed] for seed in shared)


@given(ENVIRONMENTS)
def test_lists_have_every_letter_once_and_no_two_that_were_not_compared(environments: list[dict[int, int]]) -> None:
    bits = [{seed: digests(value) for seed, value in ran.items()} for ran in environments]
    letters = bit_groups(bits)
    compared = compared_groups(bits, letters)
    known = [letter for letter in letters if letter]
    lists = all_compared(known, compared)
    assert sorted(letter for found in lists for letter in found) == sorted(set(known))
    assert all(frozenset(pair) in compared for found in lists for pair in combinations(found, 2))
