"""What the network reads of a batch: flat arrays, so that one graph serves batches of every shape.

Tokens of all rows stand one after another, rows sorted by length. Attention alone needs rectangles, one for each group
of rows; what stands in a rectangle is called a cell, and one head's share of a token or cell a piece.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from bertbench.data.batches import PackedBatch
from bertbench.engines.native.grouping import group_by_length
from bertbench.engines.native.shapes import Rectangle, Shape

#: Numbers of rows and longest row of each group, the shortest rows first.
Groups = tuple[tuple[NDArray[np.int64], int], ...]

#: Rectangles for each batch. On SNIPS, batches of 32, attention computes 3.2, 1.6, 1.3 and 1.2 times the cells it needs
#: with 1, 2, 3 and 4 rectangles; on SMS Spam 6.1, 2.1, 1.5 and 1.3 times.
GROUPS = 2


@dataclass(frozen=True)
class Inputs:
    """What the graphs are given, all one-dimensional; rows are sorted by length.

    Attributes:
        words: int32 (tokens,), row of the table of word embeddings of each token.
        segments: int32 (tokens,).
        positions: int32 (tokens,), from 0 in each row.
        first_tokens: int32 (rows,), where each row's [CLS] stands.
        cell_of_piece: int32 (tokens * heads,), where each token's pieces go: group by group, in each (rows, heads,
            longest).
        piece_of_cell: int32 (cells * heads,), the way back; tokens * heads in empty cells.
        rectangles: int32 (2 * groups,), number of rows and longest row of each group, 0 and 0 for an empty group.
        labels: int32 (rows,), class numbers.
        row_weights: float32 (rows,), weight of each row in the loss.
    """

    words: NDArray[np.int32]
    segments: NDArray[np.int32]
    positions: NDArray[np.int32]
    first_tokens: NDArray[np.int32]
    cell_of_piece: NDArray[np.int32]
    piece_of_cell: NDArray[np.int32]
    rectangles: NDArray[np.int32]
    labels: NDArray[np.int32]
    row_weights: NDArray[np.float32]


#: Names of the inputs that the network itself does not read.
OF_LOSS = ("labels", "row_weights")
INPUT_NAMES = tuple(field.name for field in fields(Inputs))


@dataclass(frozen=True)
class Layout:
    """A batch as the network reads it.

    Attributes:
        inputs: What the graphs are given.
        place_of_row: int64 (rows,), where each row of the batch stands in the network's results.
        shape: What it was padded to; None if it is as long as its tokens.
    """

    inputs: Inputs
    place_of_row: NDArray[np.int64]
    shape: Shape | None = None


#: A padding token: it stands in no row, and no place but the first of a row has position 0.
_PADDING = {"words": 0, "segments": 0, "positions": 1}


def lay_out(
    batch: PackedBatch, words: NDArray[np.int32], *, heads: int, head_size: int, shape: Shape | None = None
) -> Layout:
    """Sort the rows of *batch* by length and work out where their pieces stand in attention.

    Args:
        batch: The rows.
        words: int32 (tokens,), row of the table of word embeddings of each token.
        heads: Attention heads.
        head_size: Width of one.
        shape: What to pad the batch to, which must hold it; None pads nothing, and groups rows as is cheapest.
    """
    lengths = np.diff(batch.offsets).astype(np.int64)
    groups = (
        group_by_length(lengths, groups=GROUPS, head_size=head_size)
        if shape is None
        else _groups_of(lengths, shape.rectangles)
    )
    order = np.concatenate([rows for rows, _ in groups])
    sorted_lengths = lengths[order]
    first_tokens = np.cumsum(sorted_lengths) - sorted_lengths
    tokens = np.arange(batch.token_count) + np.repeat(batch.offsets[order] - first_tokens, sorted_lengths)

    padding = 0 if shape is None else shape.tokens - batch.token_count
    cell_of_piece, piece_of_cell = _pieces_and_cells(
        groups, sorted_lengths, batch.positions[tokens], heads, padding=padding
    )
    padded = {
        name: np.concatenate([values, np.full(padding, _PADDING[name], np.int32)])
        for name, values in (
            ("words", words[tokens]),
            ("segments", batch.segment_ids[tokens]),
            ("positions", batch.positions[tokens]),
        )
    }
    inputs = Inputs(
        **padded,
        first_tokens=first_tokens.astype(np.int32),
        cell_of_piece=cell_of_piece,
        piece_of_cell=piece_of_cell,
        rectangles=np.array([(len(rows), longest) for rows, longest in groups], np.int32).ravel(),
        labels=batch.labels[order],
        row_weights=batch.row_weights[order],
    )
    return Layout(inputs, place_of_row=np.argsort(order), shape=shape)


def _groups_of(lengths: NDArray[np.int64], rectangles: tuple[Rectangle, ...]) -> Groups:
    """Rows, sorted by length, cut as the *rectangles* are."""
    order = np.argsort(lengths, kind="stable")
    ends = np.cumsum([rows for rows, _ in rectangles])
    cut = np.split(order, ends[:-1])
    return tuple((rows, longest) for rows, (_, longest) in zip(cut, rectangles, strict=True))


def _pieces_and_cells(
    groups: Groups, lengths: NDArray[np.int64], positions: NDArray[np.int32], heads: int, *, padding: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """`Inputs.cell_of_piece` and `Inputs.piece_of_cell`.

    The pieces of padding tokens look at an empty cell: what is there goes nowhere, and the gradient that comes back
    from it is zero, so that padding adds exactly nothing to any gradient.
    """
    real, cells = _cells(groups, lengths, positions, heads)
    pieces = len(real) + padding * heads
    piece_of_cell = np.full(cells, pieces, np.int32)
    piece_of_cell[real] = np.arange(len(real), dtype=np.int32)
    if not padding:
        return real, piece_of_cell
    empty = int(np.argmax(piece_of_cell == pieces))
    return np.concatenate([real, np.full(padding * heads, empty, np.int32)]), piece_of_cell


def _cells(
    groups: Groups,
    lengths: NDArray[np.int64],
    positions: NDArray[np.int32],
    heads: int,
) -> tuple[NDArray[np.int32], int]:
    """`Inputs.cell_of_piece`, and the number of cells of all groups times heads."""
    rows = np.array([len(rows) for rows, _ in groups])
    longest = np.array([longest for _, longest in groups])
    sizes = rows * longest * heads
    group_begins = np.cumsum(sizes) - sizes
    row_in_group = np.concatenate([np.arange(count) for count in rows])
    row_begins = np.repeat(group_begins, rows) + row_in_group * heads * np.repeat(longest, rows)
    cell = np.repeat(row_begins, lengths) + positions  # (tokens,), of the first head
    stride = np.repeat(np.repeat(longest, rows), lengths)  # (tokens,), from head to head
    cells = cell[:, None] + stride[:, None] * np.arange(heads)  # (tokens, heads)
    return cells.ravel().astype(np.int32), int(sizes.sum())
