"""What an engine is fed: packed batches without padding.

A batch is one stream of WordPiece ids, row after row, with offsets that say where each row begins. Nothing is padded;
an engine that needs a rectangle makes it from the offsets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TokenizedSplit:
    """All rows of one split as WordPieces.

    Attributes:
        token_ids: int32 (tokens,), ids of the checkpoint's full vocabulary, [CLS] and [SEP] included.
        segment_ids: int32 (tokens,), 0 for the first sentence, 1 for the second.
        offsets: int64 (rows + 1,), row i is tokens[offsets[i]:offsets[i + 1]].
        labels: int32 (rows,), class numbers.
    """

    token_ids: NDArray[np.int32]
    segment_ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int32]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.labels)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """int64 (rows,), tokens of each row."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class PackedBatch:
    """Some rows, one after another.

    Attributes:
        token_ids: int32 (tokens,), ids of the checkpoint's full vocabulary.
        segment_ids: int32 (tokens,).
        positions: int32 (tokens,), place of each token within its row, from 0.
        offsets: int32 (rows + 1,), where each row begins.
        labels: int32 (rows,).
        row_weights: float32 (rows,), weight of each row in the loss (class weights), else ones.
        rows: int64 (rows,), which rows of the split these are.
    """

    token_ids: NDArray[np.int32]
    segment_ids: NDArray[np.int32]
    positions: NDArray[np.int32]
    offsets: NDArray[np.int32]
    labels: NDArray[np.int32]
    row_weights: NDArray[np.float32]
    rows: NDArray[np.int64]

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return len(self.labels)

    @property
    def token_count(self) -> int:
        """Number of tokens; nothing among them is padding."""
        return len(self.token_ids)
