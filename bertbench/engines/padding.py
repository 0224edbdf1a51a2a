"""Packed rows as rectangles, for libraries that want them: padded to the longest row of the batch, no further."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertbench.data.batches import PackedBatch


@dataclass(frozen=True)
class PaddedBatch:
    """A batch as transformers' default collator makes it.

    Attributes:
        input_ids: int64 (rows, longest), WordPiece ids; 0, BERT's [PAD], behind the end of a row.
        token_type_ids: int64 (rows, longest), segments; 0 behind the end of a row.
        attention_mask: int64 (rows, longest), 1 for tokens and 0 behind the end of a row.
    """

    input_ids: NDArray[np.int64]
    token_type_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]


def pad(batch: PackedBatch) -> PaddedBatch:
    """*batch* as rectangles."""
    lengths = np.diff(batch.offsets)
    mask = np.arange(lengths.max()) < lengths[:, None]  # (rows, longest)
    words, segments = np.zeros((2, *mask.shape), np.int64)
    words[mask], segments[mask] = batch.token_ids, batch.segment_ids
    return PaddedBatch(words, segments, mask.astype(np.int64))
