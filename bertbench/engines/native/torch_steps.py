"""Training and inference on Keras' PyTorch backend: the same network and optimizers, stepped eagerly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from keras.src.backend.torch.core import get_device  # where Keras puts its variables; it has no public name
from numpy.typing import NDArray

from bertbench.engines.native.bert import Bert
from bertbench.engines.native.layout import INPUT_NAMES, OF_LOSS, Layout
from bertbench.engines.native.steps import AnyShape, predictions, weighted_loss
from bertbench.engines.products import matmul_seconds
from bertbench.engines.protocol import StepResult


class TorchSteps(AnyShape):
    """Implements `steps.Steps`."""

    def __init__(self, bert: Bert, optimizer: Any) -> None:
        """Nothing is compiled.

        Args:
            bert: The network.
            optimizer: Built on the network's variables, in their order.
        """
        self._bert = bert
        self._optimizer = optimizer
        self._variables = list(bert.variables.values())
        self.traces: Mapping[str, int] = {"train": 0, "logits": 0}

    def train(self, layout: Layout, learning_rate: float) -> StepResult:
        """One update; returns when the device is done."""
        self._optimizer.learning_rate.assign(learning_rate)
        loss, scale, classes, gradients = self._scaled_gradients(layout)
        with torch.no_grad():
            norms = torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients])
            norm = torch.linalg.vector_norm(norms) / scale
            self._optimizer.apply(gradients, self._variables)
        return StepResult(
            loss=float(loss),
            gradient_norm=float(norm),
            predictions=classes.cpu().numpy()[layout.place_of_row],
            learning_rate=float(self._optimizer.learning_rate),
        )

    def logits(self, layout: Layout) -> NDArray[np.float32]:
        """float32 (rows, labels), dropout off; returns when the device is done."""
        with torch.no_grad():
            values: NDArray[np.float32] = self._bert.logits(**_inputs(layout), training=False).cpu().numpy()
        return values[layout.place_of_row]

    def gradients(self, layout: Layout) -> dict[str, NDArray[np.float32]]:
        """Gradients of the loss by parameter, dropout as in training, nothing updated."""
        _, scale, _, gradients = self._scaled_gradients(layout)
        return {
            name: (gradient / scale).cpu().numpy()
            for name, gradient in zip(self._bert.variables, gradients, strict=True)
        }

    def matmul_seconds(self, size: int) -> float:
        """Seconds of one float32 product size x size x size."""
        return matmul_seconds(size, "torch", device=get_device())

    def _scaled_gradients(self, layout: Layout) -> tuple[Any, Any, Any, list[Any]]:
        """Loss, its scale, predicted classes, and the gradients of the scaled loss."""
        for variable in self._variables:
            variable.value.grad = None
        logits = self._bert.logits(**_inputs(layout), training=True)
        labels, weights = (torch.as_tensor(getattr(layout.inputs, name), device=get_device()) for name in OF_LOSS)
        loss = weighted_loss(logits, labels, weights)
        self._optimizer.scale_loss(loss).backward()
        scale = self._optimizer.scale_loss(torch.ones((), device=get_device()))
        return loss.detach(), scale, predictions(logits.detach()), [v.value.grad for v in self._variables]


def _inputs(layout: Layout) -> dict[str, Any]:
    """What the network reads; the sizes of rectangles stay on the host."""
    arrays = {name: getattr(layout.inputs, name) for name in INPUT_NAMES if name not in OF_LOSS}
    return {
        name: array.tolist() if name == "rectangles" else torch.as_tensor(array, device=get_device())
        for name, array in arrays.items()
    }
