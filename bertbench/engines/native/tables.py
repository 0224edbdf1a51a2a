"""Which rows of the embedding tables take part in training.

A WordPiece that occurs in no split has gradient zero in every step, and moments zero: Adam and SGD leave its row as it
was, so the row can stay outside. Weight decay would move it, so under weight decay the whole table takes part.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.engines.limits import refuse_unknown_words
from bertbench.errors import EngineError


class WordTable:
    """The rows of the word embeddings that take part, and the way from WordPiece ids to them.

    Attributes:
        ids: int32 (rows,), WordPiece id of each row, ascending.
    """

    def __init__(self, vocabulary_in_use: NDArray[np.int32], *, vocabulary_size: int, whole: bool) -> None:
        """Number the rows.

        Args:
            vocabulary_in_use: int32 (n,), sorted ids.
            vocabulary_size: Rows of the checkpoint's table.
            whole: Whether all of them take part.

        Raises:
            EngineError: If an id is not in the checkpoint's table.
        """
        refuse_unknown_words(vocabulary_in_use, vocabulary_size=vocabulary_size, engine="native")
        self._in_use = vocabulary_in_use
        self.ids = np.arange(vocabulary_size, dtype=np.int32) if whole else vocabulary_in_use
        self._row_of_id = np.full(vocabulary_size + 1, -1, np.int32)  # the last stands for ids out of range
        self._row_of_id[self.ids] = np.arange(len(self.ids), dtype=np.int32)

    def rows_of(self, token_ids: NDArray[np.int32]) -> NDArray[np.int32]:
        """Row of each WordPiece.

        Raises:
            EngineError: If one takes no part; training on it would change a row that is not there.
        """
        rows = self._row_of_id[np.minimum(token_ids.view(np.uint32), len(self._row_of_id) - 1)]
        if rows.min() < 0:
            raise EngineError(
                f"native engine: WordPiece id {token_ids[rows < 0][0]} is not among the {len(self.ids)} in use",
                remedy="Give the ids of every split, and of the special tokens, in Task.vocabulary_in_use.",
            )
        return rows

    def in_use(self, table: NDArray[Any]) -> NDArray[Any]:
        """Of a *table* (rows, width), what belongs to WordPieces in use, in their order."""
        return table[self._row_of_id[self._in_use]]
