"""The smallest sets of packages whose versions decide the group: known answers, and what holds of any environments."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.matrix.separating import inseparable, smallest_sets, varied

KERAS = [{"keras": "3.12", "python": "3.10"}, {"keras": "3.15", "python": "3.10"}, {"keras": "3.15", "python": "3.11"}]


@pytest.mark.parametrize(
    ("environments", "groups", "sets"),
    [
        (KERAS, "ABB", (("keras",),)),
        (KERAS, "AAB", (("python",),)),
        (KERAS, "AAA", ((),)),
        (KERAS, "ABC", (("keras", "python"),)),
        (KERAS[:2], "AB", (("keras",),)),
        (KERAS[::2], "AB", (("keras",), ("python",))),
        ([KERAS[0], KERAS[0]], "AB", ()),
        ([{"jax": None}, {"jax": "0.10"}], "AB", (("jax",),)),
        ([{}, {"jax": "0.10"}], "AB", (("jax",),)),
        ([KERAS[0]], "A", ((),)),
    ],
)
def test_smallest_sets(environments: list[dict[str, str]], groups: str, sets: tuple[tuple[str, ...], ...]) -> None:
    assert smallest_sets(environments, groups) == sets


def test_exclusive_or_needs_both() -> None:
    environments = [{"a": a, "b": b} for a in "01" for b in "01"]
    assert smallest_sets(environments, "ABBA") == (("a", "b"),)


def test_two_that_agree_in_every_package_are_named() -> None:
    assert inseparable([*KERAS, KERAS[1]], "ABBC") == (1, 3)
    assert inseparable(KERAS, "ABC") is None


def test_what_is_everywhere_the_same_is_not_looked_at() -> None:
    assert varied([{"a": "1", "b": "1"}, {"a": "1", "b": "2"}, {"a": "1", "c": None}]) == ("b",)


ENVIRONMENTS = st.lists(
    st.tuples(
        st.fixed_dictionaries({name: st.sampled_from(["1", "2", None]) for name in "abcd"}), st.sampled_from("AB")
    ),
    min_size=1,
    max_size=7,
)


def decides(packages: tuple[str, ...], environments: list[dict[str, str]], groups: list[str]) -> bool:
    """Whether equal versions of these packages always mean an equal group: another way to say 'separates'."""
    known: dict[tuple[str | None, ...], str] = {}
    return all(
        known.setdefault(tuple(versions.get(name) for name in packages), group) == group
        for versions, group in zip(environments, groups, strict=True)
    )


@given(ENVIRONMENTS)
def test_each_set_decides_the_group_and_no_smaller_one_does(ran: list[tuple[dict[str, str], str]]) -> None:
    environments, groups = [versions for versions, _ in ran], [group for _, group in ran]
    sets = smallest_sets(environments, groups)
    brute = [
        [chosen for chosen in combinations("abcd", size) if decides(chosen, environments, groups)] for size in range(5)
    ]
    smallest = next((found for found in brute if found), [])
    assert set(map(frozenset, sets)) == set(map(frozenset, smallest))
    assert (not sets) == (inseparable(environments, groups) is not None)


@given(ENVIRONMENTS, st.randoms())
def test_order_and_letters_make_no_difference(ran: list[tuple[dict[str, str], str]], random: object) -> None:
    shuffled = list(ran)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    swapped = [(versions, {"A": "B", "B": "A"}[group]) for versions, group in shuffled]
    one, other = (
        set(map(frozenset, smallest_sets([v for v, _ in pairs], [g for _, g in pairs]))) for pairs in (ran, swapped)
    )
    assert one == other
