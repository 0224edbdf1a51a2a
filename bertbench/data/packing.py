"""Rows in the order of an epoch, cut into packed batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bertbench.data.batches import PackedBatch, TokenizedSplit
from bertbench.data.draws import raw_draws
from bertbench.errors import DataError

#: Rows per validation batch, at least; larger batches waste fewer calls and change no decision.
VALIDATION_BATCH_ROWS = 32


def row_order(seed: int, epoch: int, rows: int, *, shuffle: bool) -> NDArray[np.int64]:
    """The order in which an epoch takes its rows: each once, by the seed alone.

    Each row draws a 64-bit number (`draws.raw_draws` for "row order"), and rows are sorted by it, the first first where
    two are equal. Any order is as likely as any other, but for 2**-64.

    Args:
        seed: Seed of the run.
        epoch: Epoch, from 0.
        rows: Number of rows.
        shuffle: Whether to draw an order; else the order of the file.

    Returns:
        int64 (rows,), row numbers.
    """
    if not shuffle:
        return np.arange(rows, dtype=np.int64)
    return np.argsort(raw_draws(seed, "row order", epoch, rows), kind="stable").astype(np.int64)


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Number of batches; the last may be smaller and is never dropped."""
    return -(-rows // batch_size)


def validation_batch_size(batch_size: int) -> int:
    """Rows of a validation batch, given those of a training batch."""
    return max(batch_size, VALIDATION_BATCH_ROWS)


def epoch_batches(
    split: TokenizedSplit,
    order: NDArray[np.int64],
    batch_size: int,
    *,
    row_weights: NDArray[np.float32] | None = None,
) -> Iterator[PackedBatch]:
    """Pack rows into batches.

    Args:
        split: The rows.
        order: int64 (n,), row numbers in the order in which they are taken.
        batch_size: Rows per batch; the last may be smaller.
        row_weights: float32 (split.rows,), weight of each row of *split* in the loss; ones if not given.
    """
    weights = np.ones(split.rows, dtype=np.float32) if row_weights is None else row_weights
    for start in range(0, len(order), batch_size):
        yield _packed(split, order[start : start + batch_size], weights)


def _packed(split: TokenizedSplit, rows: NDArray[np.int64], weights: NDArray[np.float32]) -> PackedBatch:
    starts, lengths = split.offsets[rows], split.lengths[rows]  # (rows,)
    offsets = np.concatenate(([0], np.cumsum(lengths)))  # (rows + 1,)
    positions = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)  # (tokens,)
    source = positions + np.repeat(starts, lengths)  # (tokens,), places in the split's stream
    return PackedBatch(
        token_ids=split.token_ids[source],
        segment_ids=split.segment_ids[source],
        positions=positions.astype(np.int32),
        offsets=offsets.astype(np.int32),
        labels=split.labels[rows],
        row_weights=weights[rows],
        rows=rows,
    )


def class_weights(
    labels: NDArray[np.int32],
    label_names: Sequence[str],
    weights: Literal["balanced"] | Mapping[str, float] | None,
) -> NDArray[np.float32]:
    """Weight of each row in the loss, by its class.

    Args:
        labels: int32 (rows,), class numbers.
        label_names: Class names in the order of their numbers.
        weights: Weight of each class by name; `balanced` is rows / (classes x rows of the class), which makes classes
            equally heavy and the mean weight 1; None weighs all rows 1.

    Returns:
        float32 (rows,).

    Raises:
        DataError: If *weights* names other classes than there are.
    """
    if weights is None:
        return np.ones(len(labels), dtype=np.float32)
    if weights == "balanced":
        counts = np.bincount(labels, minlength=len(label_names))
        by_class = len(labels) / (len(label_names) * np.maximum(counts, 1))
    else:
        _refuse_other_classes(weights, label_names)
        by_class = np.array([weights[name] for name in label_names])
    return by_class.astype(np.float32)[labels]


def _refuse_other_classes(weights: Mapping[str, float], label_names: Sequence[str]) -> None:
    missing, unknown = set(label_names) - set(weights), set(weights) - set(label_names)
    if missing or unknown:
        wrong = [f"no weight for {name!r}" for name in sorted(missing)]
        wrong += [f"no class {name!r}" for name in sorted(unknown)]
        raise DataError(
            f"training.class_weights: {', '.join(wrong)}",
            remedy=f"give one weight to each of {', '.join(map(repr, label_names))}",
        )
