"""What every backend's training step has in common: its interface and the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from keras import ops
from numpy.typing import NDArray

from bertbench.engines.native.layout import Layout
from bertbench.engines.native.operations import Tensor
from bertbench.engines.native.shapes import ShapeTable
from bertbench.engines.protocol import StepResult


class Steps(Protocol):
    """Training and inference on one backend."""

    @property
    def traces(self) -> Mapping[str, int]:
        """How often `train` and `logits` were traced in this process."""

    @property
    def shapes(self) -> ShapeTable | None:
        """What batches must be padded to; None where batches of every shape will do."""

    def compile(self) -> None:
        """Compile what depends on shapes that are known beforehand; elsewhere nothing."""

    def facts(self) -> dict[str, Any]:
        """For the live recipe, as JSON: what this backend alone has to tell."""

    def train(self, layout: Layout, learning_rate: float) -> StepResult:
        """One update; returns when the device is done."""

    def logits(self, layout: Layout) -> NDArray[np.float32]:
        """float32 (rows, labels), dropout off; returns when the device is done."""

    def gradients(self, layout: Layout) -> dict[str, NDArray[np.float32]]:
        """Dense gradients of the loss by parameter, dropout as in training, nothing updated."""

    def matmul_seconds(self, size: int) -> float:
        """Seconds of one float32 product size x size x size."""


class AnyShape:
    """What a backend has that takes batches of every shape as they come."""

    shapes: ShapeTable | None = None

    def compile(self) -> None:
        """Nothing to do: what is compiled serves every shape."""

    def facts(self) -> dict[str, Any]:
        """Nothing to tell."""
        return {}


def weighted_loss(logits: Tensor, labels: Tensor, row_weights: Tensor) -> Tensor:
    """Sum over rows of row weight times cross-entropy, divided by the number of rows; float32 scalar, in nats."""
    losses = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return ops.mean(ops.multiply(losses, row_weights))


def predictions(logits: Tensor) -> Tensor:
    """int32 (rows,), the most likely class of each row."""
    return ops.cast(ops.argmax(logits, axis=-1), "int32")
