"""What the network reads of a batch: flat arrays, and the two index arrays that lead into attention and back.

Tokens of all rows stand one after another. Attention alone needs a rectangle of rows times longest row; its places
are called cells. Everything here is one-dimensional, so that one graph serves batches of every shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertbench.data.batches import PackedBatch


@dataclass(frozen=True)
class Layout:
    """A batch as the network reads it; the order of fields is the order of the graph's inputs.

    Attributes:
        words: int32 (tokens,), row of the embedding table of each token.
        segments: int32 (tokens,).
        positions: int32 (tokens,), from 0 in each row.
        token_of_cell: int32 (rows * longest,), which token stands in each cell; the number of tokens in empty cells.
        cell_of_token: int32 (tokens,), the way back.
        first_tokens: int32 (rows,), where each row's [CLS] stands.
        labels: int32 (rows,), class numbers.
        row_weights: float32 (rows,), weight of each row in the loss.
    """

    words: NDArray[np.int32]
    segments: NDArray[np.int32]
    positions: NDArray[np.int32]
    token_of_cell: NDArray[np.int32]
    cell_of_token: NDArray[np.int32]
    first_tokens: NDArray[np.int32]
    labels: NDArray[np.int32]
    row_weights: NDArray[np.float32]


def lay_out(batch: PackedBatch, words: NDArray[np.int32]) -> Layout:
    """Work out the index arrays of *batch*.

    Args:
        batch: The rows.
        words: int32 (tokens,), row of the embedding table of each token.
    """
    lengths = np.diff(batch.offsets)
    longest = int(lengths.max())
    rows = np.repeat(np.arange(batch.row_count, dtype=np.int32), lengths)
    cell_of_token = rows * longest + batch.positions
    token_of_cell = np.full(batch.row_count * longest, batch.token_count, np.int32)
    token_of_cell[cell_of_token] = np.arange(batch.token_count, dtype=np.int32)
    return Layout(
        words=words,
        segments=batch.segment_ids,
        positions=batch.positions,
        token_of_cell=token_of_cell,
        cell_of_token=cell_of_token.astype(np.int32, copy=False),
        first_tokens=batch.offsets[:-1],
        labels=batch.labels,
        row_weights=batch.row_weights,
    )
