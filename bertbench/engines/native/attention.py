"""Where tokens stand when attention looks at them: a rectangle of rows times longest row, with some cells empty.

Everything else in the network works on packed tokens. The way into the rectangle and the way back are gathers of
pieces (one head of one token) that move to their place in one go, without a transposition.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from keras import ops

from bertbench.engines.native.operations import Tensor, gather

#: Added to the score of an empty cell; its probability is then exactly zero.
_NEVER = -1e9


@dataclass(frozen=True)
class Rectangle:
    """Where tokens stand, as tensors of the graph.

    Attributes:
        token_of_cell: int32 (rows, longest); the number of tokens in empty cells.
        cell_of_token: int32 (tokens,).
        first_tokens: int32 (rows,).
    """

    token_of_cell: Tensor
    cell_of_token: Tensor
    first_tokens: Tensor

    @cached_property
    def shape(self) -> tuple[Tensor, Tensor]:
        """Rows and longest row."""
        rows, longest = ops.shape(self.token_of_cell)
        return rows, longest

    @cached_property
    def tokens(self) -> Tensor:
        """Number of tokens."""
        return ops.shape(self.cell_of_token)[0]

    @cached_property
    def key_bias(self) -> Tensor:
        """float32 (rows, 1, 1, longest): 0 for tokens, so low in empty cells that nobody attends to them."""
        is_empty = ops.cast(ops.equal(self.token_of_cell, self.tokens), "float32")
        return ops.expand_dims(ops.multiply(is_empty, _NEVER), (1, 2))

    def first_of(self, hidden: Tensor) -> Tensor:
        """The [CLS] tokens of *hidden* (tokens, width) as (rows, width)."""
        rows, longest = self.shape
        row, place = ops.floor_divide(self.cell_of_token, longest), ops.mod(self.cell_of_token, longest)
        return gather(hidden, self.first_tokens, ops.where(ops.equal(place, 0), row, rows), some_unused=True)


class Pieces:
    """The ways between packed tokens (tokens, parts * heads * size) and cells (parts, rows, heads, longest, size)."""

    def __init__(self, rectangle: Rectangle, *, parts: int, heads: int) -> None:
        """Work out both ways, once a step for all layers.

        Args:
            rectangle: Where tokens stand.
            parts: Products that stand side by side: 3 for query, key and value.
            heads: Attention heads.
        """
        rows, longest = rectangle.shape
        self._columns = parts * heads
        part = ops.arange(parts, dtype="int32")
        head = ops.arange(heads, dtype="int32")

        token = ops.expand_dims(rectangle.token_of_cell, (0, 2))  # (1, rows, 1, longest)
        column = ops.reshape(ops.expand_dims(part, 1) * heads + head, (parts, 1, heads, 1))
        self._piece_of_cell = ops.minimum(token, rectangle.tokens - 1) * self._columns + column
        self._piece_or_none = ops.minimum(token * self._columns + column, rectangle.tokens * self._columns)

        row = ops.expand_dims(ops.floor_divide(rectangle.cell_of_token, longest), (1, 2))  # (tokens, 1, 1)
        place = ops.expand_dims(ops.mod(rectangle.cell_of_token, longest), (1, 2))
        stripe = (ops.reshape(part, (1, parts, 1)) * rows + row) * heads + head  # (tokens, parts, heads)
        self._cell_of_piece = stripe * longest + place

    def spread(self, packed: Tensor) -> Tensor:
        """From tokens to cells. Empty cells hold a copy of some token; their gradient must be zero, and is not read."""
        pieces = ops.reshape(packed, (-1, packed.shape[-1] // self._columns))
        return gather(pieces, self._piece_of_cell, self._cell_of_piece)

    def collect(self, spread: Tensor) -> Tensor:
        """From cells to tokens. Empty cells are left behind; their gradient is zero."""
        size = spread.shape[-1]
        pieces = gather(ops.reshape(spread, (-1, size)), self._cell_of_piece, self._piece_or_none, some_unused=True)
        return ops.reshape(pieces, (-1, self._columns * size))
