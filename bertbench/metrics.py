"""Quality of predictions, from a confusion matrix alone.

Pure functions on numbers. Definitions agree with scikit-learn's, which the tests hold them against.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bertbench.record import Quality


def confusion(labels: NDArray[np.int32], predictions: NDArray[np.int32], classes: int) -> NDArray[np.int64]:
    """Counts of (truth, prediction).

    Args:
        labels: int32 (rows,), from 0 to classes - 1.
        predictions: int32 (rows,), likewise.
        classes: Number of classes.

    Returns:
        int64 (classes, classes), rows: truth, columns: prediction.
    """
    pairs = labels.astype(np.int64) * classes + predictions
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def accuracy(counts: NDArray[np.int64]) -> float:
    """Share of rows on the diagonal; NaN without rows."""
    rows = int(counts.sum())
    return float(np.trace(counts) / rows) if rows else math.nan


def macro_f1(counts: NDArray[np.int64]) -> float:
    """Mean F1 over the classes that occur in truth or prediction; NaN without rows."""
    hits = np.diag(counts)
    either = counts.sum(axis=0) + counts.sum(axis=1)
    present = either > 0
    return float(np.mean(2 * hits[present] / either[present])) if present.any() else math.nan


def matthews_correlation(counts: NDArray[np.int64]) -> float:
    """Multi-class Matthews correlation (Gorodkin 2004, R_K); 0 where truth or prediction has one class only."""
    # Whole numbers until the root, and no further than 1: a perfect prediction must not be an impossible value.
    rows, hits = int(counts.sum()), int(np.trace(counts))
    truth, predicted = [int(n) for n in counts.sum(axis=1)], [int(n) for n in counts.sum(axis=0)]
    covariance = hits * rows - sum(t * p for t, p in zip(truth, predicted, strict=True))
    spread = math.sqrt((rows**2 - sum(p * p for p in predicted)) * (rows**2 - sum(t * t for t in truth)))
    return min(max(covariance / spread, -1.0), 1.0) if spread else 0.0


def quality(counts: NDArray[np.int64], loss: float) -> Quality:
    """All measures of one epoch on one split.

    Args:
        counts: int64 (classes, classes), as from `confusion`.
        loss: Mean over rows, in nats.
    """
    return Quality(
        loss=loss,
        accuracy=accuracy(counts),
        macro_f1=macro_f1(counts),
        matthews_correlation=matthews_correlation(counts),
    )


def mean_cross_entropy(
    logits: NDArray[np.float32], labels: NDArray[np.int32], row_weights: NDArray[np.float32]
) -> float:
    """Sum over rows of weight times cross-entropy, divided by the number of rows, in double precision.

    Args:
        logits: float32 (rows, classes).
        labels: int32 (rows,).
        row_weights: float32 (rows,).

    Returns:
        Nats; NaN if a logit is NaN or plus infinity, or without rows.
    """
    if not len(labels):
        return math.nan
    wide = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinity minus infinity is NaN, and the caller stops on it
        shifted = wide - wide.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    surprise = log_sum - shifted[np.arange(len(labels)), labels]
    return float(np.mean(row_weights * surprise))
