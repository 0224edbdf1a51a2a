"""What may enter a statistic: finite numbers, enough of them, and shares that are whole rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bertbench.errors import VerdictError

#: How far, in rows, a share times the number of rows may lie from a whole number: rounding of doubles is 1e-10 rows at
#: a million rows, and anything that is no share of these rows is hardly ever this close.
_WHOLE_ROW_TOLERANCE = 1e-6


def finite(name: str, values: ArrayLike, *, at_least: int = 1) -> NDArray[np.float64]:
    """*values* as doubles, refused if a statistic of them would mean nothing.

    Args:
        name: What they are, for the message.
        values: Numbers, one dimension.
        at_least: The smallest sample the caller can use.

    Returns:
        float64 (samples,).

    Raises:
        VerdictError: If there are too few, or one of them is NaN or infinite; none is ever dropped in silence.
    """
    sample = np.asarray(values, np.float64)
    if sample.ndim != 1:
        raise VerdictError(f"{name}: a list of numbers was expected, an array of shape {sample.shape} was given")
    if sample.size < at_least:
        raise VerdictError(
            f"{name}: {sample.size} values were given, at least {at_least} are needed", remedy="run more seeds or pairs"
        )
    broken = [index for index, value in enumerate(sample) if not math.isfinite(value)]
    if broken:
        shown = ", ".join(f"{sample[index]} at {index}" for index in broken[:5])
        raise VerdictError(
            f"{name}: {len(broken)} of {sample.size} values are not finite ({shown})",
            remedy="a run that ends in NaN is a failed seed: count it as one, apart from the means",
        )
    return sample


def whole_rows(name: str, shares: ArrayLike, rows: int, *, at_least: int = 1) -> NDArray[np.int64]:
    """Shares of *rows* rows as whole rows, so that equal sums are equal.

    Args:
        name: What they are, for the message.
        shares: Numbers from 0 to 1, each k/rows.
        rows: Number of rows that each share is of, at least 1.
        at_least: The smallest sample the caller can use.

    Returns:
        int64 (samples,), from 0 to rows.

    Raises:
        VerdictError: If a value is not finite, outside 0 to 1, or no multiple of 1/rows.
    """
    if rows < 1:
        raise VerdictError(f"{name}: shares of {rows} rows were given, at least one row is needed")
    sample = finite(name, shares, at_least=at_least)
    exact = sample * rows
    whole = np.rint(exact)
    wrong = (np.abs(exact - whole) > _WHOLE_ROW_TOLERANCE) | (whole < 0) | (whole > rows)
    if wrong.any():
        raise VerdictError(
            f"{name}: {sample[wrong][0]!r} is no share of {rows} rows (a multiple of 1/{rows} from 0 to 1)",
            remedy="give the number of rows the values were measured on, and shares, not points",
        )
    return whole.astype(np.int64)


def rows_told(rows: int, distinct: int) -> str:
    """'300 rows, 290 of them distinct'; '300 rows' where all are."""
    return f"{rows} rows" if distinct == rows else f"{rows} rows, {distinct} of them distinct"


def distinct_of(what: str, distinct: int | None, rows: int) -> int:
    """*distinct*, or all *rows* where it is None, refused unless it lies from 1 to *rows*.

    Raises:
        VerdictError: If it does not, or there are no rows.
    """
    known = rows if distinct is None else distinct
    if not 1 <= known <= rows:
        raise VerdictError(f"{what}: {known} distinct rows of {rows} were given, 1 or more, at most all, were expected")
    return known


def rounding_spread(rows: int) -> float:
    """Standard deviation of a share that comes from rounding to whole rows alone: 1 / (rows sqrt 12).

    Assumption: the rounding error is uniform over one row. A spread below this is luck, not knowledge, so no bound
    may rest on a smaller one. *rows* are the distinct ones: a row written twice adds no resolution.
    """
    if rows < 1:
        raise VerdictError(f"{rows} rows were given, at least one is needed")
    return 1 / (rows * math.sqrt(12))


def probability(name: str, value: float) -> float:
    """*value*, refused unless it lies strictly between 0 and 1.

    Raises:
        VerdictError: If it does not; NaN does not.
    """
    if not 0 < value < 1:
        raise VerdictError(f"{name}: {value!r} was given, a number between 0 and 1 was expected")
    return value


def in_order(values: Sequence[float] | NDArray[np.float64]) -> list[float]:
    """*values* as plain floats, sorted: what follows cannot depend on the order of seeds, not even by rounding."""
    return sorted(float(value) for value in values)
