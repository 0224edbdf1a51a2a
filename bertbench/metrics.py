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
    rows = float(counts.sum())
    truth, predicted = counts.sum(axis=1).astype(float), counts.sum(axis=0).astype(float)
    covariance = float(np.trace(counts)) * rows - float(truth @ predicted)
    spread = math.sqrt(max(rows**2 - float(predicted @ predicted), 0.0)) * math.sqrt(
        max(rows**2 - float(truth @ truth), 0.0)
    )
    return covariance / spread if spread > 0 else 0.0


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
        Nats; NaN if a logit is NaN.
    """
    wide = logits.astype(np.float64)
    shifted = wide - wide.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    surprise = log_sum - shifted[np.arange(len(labels)), labels]
    return float(np.mean(row_weights * surprise))
