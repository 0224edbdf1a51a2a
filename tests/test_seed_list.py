"""Seeds as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.seed_list import parse_seeds


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("7", (7,)),
        ("0,1,2", (0, 1, 2)),
        ("0-4", (0, 1, 2, 3, 4)),
        ("3-3", (3,)),
        (" 0 , 4-5,2 ", (0, 4, 5, 2)),
        ("2,0,1", (2, 0, 1)),
        ("007", (7,)),
    ],
)
def test_numbers_and_ranges(text: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", " ", ",", "1,", ",1", "a", "1;2", "1 2", "-1", "1-", "1-2-3", "1.0", "0x1", "+1", "1e3", "0..4", "²"]
)
def test_what_is_no_list_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="expected numbers and ranges such as") as caught:
        parse_seeds(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["4-0", "1,4-0", "4-0,1"])
def test_range_that_runs_backwards_is_refused_wherever_it_stands(text: str) -> None:
    """It holds no seed: leaving it out in silence would run fewer seeds than somebody asked for."""
    with pytest.raises(ValueError, match="a range goes from low to high"):
        parse_seeds(text)


@pytest.mark.parametrize("text", ["0-99999999999", "0-5000,6000-11000", "9" * 5000])
def test_more_seeds_than_anybody_can_run_are_refused_before_they_fill_the_memory(text: str) -> None:
    with pytest.raises(ValueError, match=r"seeds"):
        parse_seeds(text)


@given(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=20))
def test_every_list_of_seeds_can_be_typed(seeds: list[int]) -> None:
    assert parse_seeds(",".join(map(str, seeds))) == tuple(seeds)


@given(st.integers(0, 10**6), st.integers(0, 500))
def test_every_range_can_be_typed(low: int, more: int) -> None:
    assert parse_seeds(f"{low}-{low + more}") == tuple(range(low, low + more + 1))
