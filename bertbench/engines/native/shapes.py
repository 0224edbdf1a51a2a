"""Shapes for a backend that compiles a program for each one: few, known before the first step, and padded to.

The shapes depend on the lengths of all rows, the batch size and the checkpoint's heads, and on no seed: a seed of a run
meets the same ones alone as among others, and so draws the same dropout masks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Training batches that are drawn to see how many tokens batches have; the largest of so many is rarely exceeded.
DRAWN_BATCHES = 4096
#: Seed of these draws; no run's.
_DRAW_SEED = 20_260_101
#: Of full training batches, the tokens of this share fit into each shape; the last shape holds whatever can come.
_TRAINING_QUANTILES = (1 / 3, 2 / 3, 1.0)
#: Validation batches are known one by one: nothing exceeds the largest.
_VALIDATION_QUANTILES = (1 / 2, 1.0)
#: Above the largest batch drawn, so that a batch of the run that is larger still is a rarity.
_MARGIN = 1.03
#: Tokens are rounded up to a multiple of this.
_STEP = 8
#: Where nothing is known of the rows, tokens and longest rows are rounded up to powers of two, at least these.
_LEAST_TOKENS, _LEAST_LONGEST = 64, 16

Rectangle = tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """What a batch is padded to. Rows are never padded.

    Attributes:
        tokens: Tokens of the batch, those of padding included.
        rectangles: Rows and longest row of each group for attention, the group of the shortest rows first.
    """

    tokens: int
    rectangles: tuple[Rectangle, ...]

    @property
    def rows(self) -> int:
        """Rows of the batch."""
        return sum(rows for rows, _ in self.rectangles)

    @property
    def cells(self) -> int:
        """Places for tokens in all rectangles."""
        return sum(rows * longest for rows, longest in self.rectangles)

    def holds(self, lengths: NDArray[np.int64]) -> bool:
        """Whether a batch fits.

        Args:
            lengths: int64 (rows,), tokens of each row, ascending.
        """
        if len(lengths) != self.rows or int(lengths.sum()) > self.tokens:
            return False
        ends = np.cumsum([rows for rows, _ in self.rectangles])
        return all(lengths[end - 1] <= longest for end, (_, longest) in zip(ends, self.rectangles, strict=True))

    def as_json(self) -> list[object]:
        """For the record: tokens, then rows and longest row of each group."""
        return [self.tokens, *(list(rectangle) for rectangle in self.rectangles)]


@dataclass(frozen=True)
class ShapeTable:
    """All shapes of a run, those with fewest tokens first.

    Attributes:
        train: Of training batches.
        validation: Of validation batches.
    """

    train: tuple[Shape, ...] = ()
    validation: tuple[Shape, ...] = ()

    def shape_of(self, lengths: NDArray[np.int64], *, training: bool) -> Shape:
        """The smallest shape that holds a batch; one made for it where the table has none.

        Args:
            lengths: int64 (rows,), tokens of each row in any order.
            training: Whether it is a training batch.
        """
        ordered = np.sort(lengths)
        known = self.train if training else self.validation
        return next((shape for shape in known if shape.holds(ordered)), None) or _rounded(ordered)


def shape_table(
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    *,
    batch_sizes: tuple[int, int],
    shuffle: bool,
    head_size: int,
) -> ShapeTable:
    """The shapes of a run: at most four for full training batches, one for the last batch of an epoch.

    Three are quantiles of the tokens of drawn batches, the fourth holds the longest rows all at once. Validation
    batches are always the same: two shapes for full ones, one for the last.

    Args:
        train: int64 (rows,), tokens of each training row; empty if not known.
        validation: Likewise.
        batch_sizes: Rows of a training and of a validation batch.
        shuffle: Whether training rows come in an order of their own in every epoch; else in that of the file.
        head_size: Width of one attention head.
    """
    trained, validated = batch_sizes
    shapes: list[Shape] = []
    for batches in _batches(train, trained, drawn=shuffle):
        is_full = batches.shape[1] == trained
        quantiles = _TRAINING_QUANTILES if is_full else (1.0,)
        margin = _MARGIN if shuffle else 1.0
        whole = _for_whatever_comes(train, batches.shape[1])
        shapes += _fitting(batches, quantiles, head_size, whole=whole, margin=margin)
        if is_full and shuffle:
            shapes.append(whole)
    known = [
        shape
        for batches in _batches(validation, validated, drawn=False)
        for shape in _fitting(
            batches,
            _VALIDATION_QUANTILES if batches.shape[1] == validated else (1.0,),
            head_size,
            whole=_for_whatever_comes(batches.ravel(), batches.shape[1]),
            margin=1.0,
        )
    ]
    return ShapeTable(_ordered(shapes), _ordered(known))


def _ordered(shapes: Iterable[Shape]) -> tuple[Shape, ...]:
    """Each once, fewest tokens first."""
    return tuple(sorted(set(shapes), key=lambda shape: (shape.rows, shape.tokens, shape.cells)))


def _batches(lengths: NDArray[np.int64], size: int, *, drawn: bool) -> Iterable[NDArray[np.int64]]:
    """Full batches and last ones, each int64 (batches, rows) with rows ascending; as they stand, or drawn."""
    count, rest = divmod(len(lengths), size)
    for rows in [size] * bool(count) + [rest] * bool(rest):
        if not drawn:
            batches = lengths[: count * size].reshape(-1, size) if rows == size else lengths[count * size :][None]
        else:
            orders = np.tile(lengths, (-(-DRAWN_BATCHES // max(count, 1)), 1))
            drawn_orders = np.random.default_rng(_DRAW_SEED).permuted(orders, axis=1)
            batches = drawn_orders[:, : len(lengths) // rows * rows].reshape(-1, rows)
        yield np.sort(batches, axis=1)


def _fitting(
    batches: NDArray[np.int64], quantiles: Sequence[float], head_size: int, *, whole: Shape, margin: float
) -> list[Shape]:
    """A shape for each of the *quantiles* of the tokens of *batches*, all with the same rectangles.

    Args:
        batches: int64 (batches, rows), tokens of each row, ascending.
        quantiles: Shares of batches.
        head_size: Width of one attention head.
        whole: Holds whatever can come; none has more tokens, or longer rows.
        margin: Factor on the last quantile's tokens.
    """
    ((_, longest),) = whole.rectangles
    rectangles = _cheapest_rectangles(batches.max(axis=0), longest, head_size)
    cells = sum(rows * long for rows, long in rectangles)
    tokens = [int(np.ceil(np.quantile(batches.sum(axis=1), quantile))) for quantile in quantiles]
    tokens[-1] = int(np.ceil(tokens[-1] * margin))
    # Padding tokens stand in empty cells: there must not be more tokens than cells.
    most = min(cells, whole.tokens)
    return [Shape(min(-(-number // _STEP) * _STEP, most), rectangles) for number in tokens]


def _cheapest_rectangles(at_most: NDArray[np.int64], longest: int, head_size: int) -> tuple[Rectangle, ...]:
    """Two rectangles, or one, of least cost: rows * longest * (longest + head size), as in `grouping`.

    Args:
        at_most: int64 (rows,), the longest that the shortest row gets, the second shortest, and so on.
        longest: Longest row that can come.
        head_size: Width of one attention head.
    """

    def price(long: int) -> int:
        return long * (long + head_size)

    count = len(at_most)
    costs = [first * price(int(at_most[first - 1])) + (count - first) * price(longest) for first in range(1, count)]
    if not costs or min(costs) >= count * price(longest):
        return ((count, longest),)
    first = int(np.argmin(costs)) + 1
    return (first, int(at_most[first - 1])), (count - first, longest)


def _for_whatever_comes(lengths: NDArray[np.int64], rows: int) -> Shape:
    """Holds even the longest rows together."""
    return Shape(int(np.sort(lengths)[-rows:].sum()), ((rows, int(lengths.max())),))


def _rounded(lengths: NDArray[np.int64]) -> Shape:
    """A shape for one batch, rounded up so that others fit too."""
    rows = len(lengths)
    first = rows // 2
    ends = [first, rows] if first else [rows]
    sizes = np.diff([0, *ends])
    rectangles = tuple(
        (int(size), _power_of_two(int(lengths[end - 1]), _LEAST_LONGEST)) for size, end in zip(sizes, ends, strict=True)
    )
    cells = sum(size * longest for size, longest in rectangles)
    return Shape(min(_power_of_two(int(lengths.sum()), _LEAST_TOKENS), cells), rectangles)


def _power_of_two(number: int, least: int) -> int:
    """The next one from *number* on, *least* or more."""
    return max(least, 1 << (number - 1).bit_length())
