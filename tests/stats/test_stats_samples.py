"""What may enter a statistic, and what is refused with the reason."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.errors import VerdictError
from bertbench.stats.samples import distinct_of, finite, probability, rounding_spread, rows_told, whole_rows


@given(st.integers(1, 2_000_000), st.data())
def test_every_share_of_any_number_of_rows_comes_back_as_its_rows(rows: int, data: st.DataObject) -> None:
    hits = data.draw(st.lists(st.integers(0, rows), min_size=1, max_size=20))
    assert whole_rows("x", [k / rows for k in hits], rows).tolist() == hits


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_named_and_never_dropped(broken: float) -> None:
    with pytest.raises(VerdictError, match=r"candidate: 1 of 3 values are not finite .* at 1"):
        finite("candidate", [0.5, broken, 0.7])


@pytest.mark.parametrize(("given", "at_least"), [([], 1), ([1.0], 2)])
def test_too_few_values_are_refused_with_both_numbers(given: list[float], at_least: int) -> None:
    with pytest.raises(VerdictError, match=f"{len(given)} values were given, at least {at_least} are needed"):
        finite("x", given, at_least=at_least)


def test_a_table_is_no_list_of_numbers() -> None:
    with pytest.raises(VerdictError, match=r"shape \(2, 2\)"):
        finite("x", np.zeros((2, 2)))


@pytest.mark.parametrize("value", [0.9801, -1 / 49, 50 / 49, 97.9592])
def test_what_is_no_share_of_these_rows_is_refused(value: float) -> None:
    """Points instead of shares, or another number of rows, would give a wrong test in silence."""
    with pytest.raises(VerdictError, match="is no share of 49 rows"):
        whole_rows("x", [48 / 49, value], 49)


@pytest.mark.parametrize("rows", [0, -1])
def test_no_rows_are_refused(rows: int) -> None:
    with pytest.raises(VerdictError, match="at least one"):
        whole_rows("x", [0.5], rows)
    with pytest.raises(VerdictError, match="at least one"):
        rounding_spread(rows)


def test_rounding_spread_is_that_of_a_uniform_row() -> None:
    """A third of a row, about: 0.29 rows, which is 0.59 points of 49 rows."""
    assert rounding_spread(1) == pytest.approx(0.288675, abs=1e-6)
    errors = np.random.default_rng(0).uniform(-0.5, 0.5, 200_000) / 49
    assert rounding_spread(49) == pytest.approx(float(errors.std()), rel=0.01)


def test_rows_are_told_with_the_distinct_ones_where_they_differ() -> None:
    assert rows_told(300, 290) == "300 rows, 290 of them distinct"
    assert rows_told(300, 300) == "300 rows"


def test_all_rows_are_taken_for_distinct_where_nobody_counted() -> None:
    assert (distinct_of("x", None, 300), distinct_of("x", 290, 300), distinct_of("x", 1, 1)) == (300, 290, 1)


@pytest.mark.parametrize(("distinct", "rows"), [(0, 300), (301, 300), (-1, 300), (None, 0), (1, 0)])
def test_impossible_numbers_of_distinct_rows_are_refused(distinct: int | None, rows: int) -> None:
    with pytest.raises(VerdictError, match=f"x: .* distinct rows of {rows} were given"):
        distinct_of("x", distinct, rows)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, math.nan])
def test_a_probability_lies_strictly_between_0_and_1(value: float) -> None:
    with pytest.raises(VerdictError, match="alpha"):
        probability("alpha", value)
