"""Where tokens stand when attention looks at them: rectangles of rows times longest row, one for each group of rows.

Everything else in the network works on packed tokens. The way into the rectangles and the way back are gathers of
pieces (one head of one token) that move to their place in one go, without a transposition.
"""

from __future__ import annotations

from collections.abc import Sequence

from keras import ops

from bertbench.engines.native.operations import Operations, Tensor

#: Added to the score of an empty cell; its probability is then exactly zero.
_NEVER = -1e9


class Rectangles:
    """The ways between packed tokens (tokens, parts * heads * size) and cells, worked out once a step for all layers.

    The cells of a group are (rows, heads, longest, size).
    """

    def __init__(
        self, do: Operations, *, cell_of_piece: Tensor, piece_of_cell: Tensor, rectangles: Sequence[Tensor], heads: int
    ) -> None:
        """Keep what `layout.Inputs` describes, as tensors of the graph.

        Args:
            do: The backend's operations.
            cell_of_piece: int32 (tokens * heads,).
            piece_of_cell: int32 (cells * heads,).
            rectangles: Rows and longest row of each group, scalars.
            heads: Attention heads.
        """
        self._do = do
        self._heads = heads
        self._cell_of_piece = cell_of_piece
        self._piece_of_cell = piece_of_cell
        self._pieces = ops.shape(cell_of_piece)[0]
        self._cells = ops.shape(piece_of_cell)[0]
        self.rows, self._longest = rectangles[0::2], rectangles[1::2]
        self._sizes = [rows * heads * longest for rows, longest in zip(self.rows, self._longest, strict=True)]
        self._ways_in: dict[int, tuple[Tensor, Tensor]] = {}
        self.key_biases = [self._key_bias(index) for index in range(len(self.rows))]

    def spread(self, packed: Tensor, parts: int) -> list[list[Tensor]]:
        """From tokens to cells; empty cells hold a copy of some token.

        Args:
            packed: (tokens, parts * heads * size), products side by side.
            parts: How many products.

        Returns:
            For each part, each group's (rows, heads, longest, size). The gradient of an empty cell must be zero, and
            is not read.
        """
        size = packed.shape[-1] // (parts * self._heads)
        pieces = ops.reshape(packed, (-1, size))
        cells = self._do.gather(pieces, *self._way_in(parts))
        split = self._do.split(cells, self._sizes * parts)
        groups = len(self.rows)
        return [[self._shaped(split[part * groups + g], g, size) for g in range(groups)] for part in range(parts)]

    def collect(self, groups: Sequence[Tensor]) -> Tensor:
        """From cells to tokens (tokens, heads * size); empty cells are left behind, and their gradient is zero."""
        size = groups[0].shape[-1]
        cells = ops.concatenate([ops.reshape(group, (-1, size)) for group in groups])
        pieces = self._do.gather(cells, self._cell_of_piece, self._piece_of_cell, some_unused=True)
        return ops.reshape(pieces, (-1, self._heads * size))

    def _way_in(self, parts: int) -> tuple[Tensor, Tensor]:
        """Which of the pieces of all parts stands in each cell of all parts, and the way back."""
        if parts not in self._ways_in:
            part = ops.arange(parts, dtype="int32")
            piece = ops.minimum(self._piece_of_cell, self._pieces - 1)
            token, head = ops.floor_divide(piece, self._heads), ops.mod(piece, self._heads)
            index = (token * parts + ops.expand_dims(part, 1)) * self._heads + head  # (parts, cells)
            cells = ops.reshape(self._cell_of_piece, (-1, 1, self._heads))
            back = cells + ops.reshape(part, (1, parts, 1)) * self._cells  # (tokens, parts, heads)
            self._ways_in[parts] = ops.reshape(index, (-1,)), ops.reshape(back, (-1,))
        return self._ways_in[parts]

    def _key_bias(self, group: int) -> Tensor:
        """float32 (rows, 1, 1, longest): 0 for tokens, so low in empty cells that nobody attends to them."""
        pieces = self._do.split(self._piece_of_cell, self._sizes)[group]
        first_head = ops.reshape(pieces, (self.rows[group], self._heads, 1, self._longest[group]))[:, :1]
        return ops.multiply(ops.cast(ops.equal(first_head, self._pieces), "float32"), _NEVER)

    def _shaped(self, cells: Tensor, group: int, size: int) -> Tensor:
        return ops.reshape(cells, (self.rows[group], self._heads, self._longest[group], size))
