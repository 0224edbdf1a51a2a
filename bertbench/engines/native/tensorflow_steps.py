"""Training and inference on TensorFlow: one graph each, traced once, for batches of every shape and for every seed.

Keras' own training step is not used. It hands embedding gradients to Adam as rows with repeats, and Adam squares them
before adding repeats up, so that every repeated word is updated wrongly; clipping makes the same mistake. Here every
gradient is dense before anybody looks at it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bertbench.engines.native.bert import Bert
from bertbench.engines.native.layout import GROUPS, INPUT_NAMES, OF_LOSS, Layout
from bertbench.engines.native.steps import AnyShape, predictions, weighted_loss
from bertbench.engines.products import matmul_seconds
from bertbench.engines.protocol import StepResult

#: Inputs of the graphs: flat arrays of any length, but for the rectangles, whose number is fixed.
_SIGNATURE = {
    name: tf.TensorSpec(
        [2 * GROUPS if name == "rectangles" else None],
        tf.float32 if name == "row_weights" else tf.int32,
        name=name,
    )
    for name in INPUT_NAMES
}


class TensorFlowSteps(AnyShape):
    """Implements `steps.Steps`."""

    def __init__(self, bert: Bert, optimizer: Any) -> None:
        """Prepare the graphs; they are traced at their first call.

        Args:
            bert: The network.
            optimizer: Built on the network's variables, in their order.
        """
        self._bert = bert
        self._optimizer = optimizer
        self._variables = list(bert.variables.values())
        self.traces = {"train": 0, "logits": 0}
        rate = tf.TensorSpec([], tf.float32, name="learning_rate")
        inputs = {name: spec for name, spec in _SIGNATURE.items() if name not in OF_LOSS}
        self._train = _graph(self._train_step, rate, _SIGNATURE)
        self._gradients = _graph(self._dense_gradients, _SIGNATURE)
        self._logits = _graph(self._inference, inputs)

    def train(self, layout: Layout, learning_rate: float) -> StepResult:
        """One update; returns when the device is done."""
        loss, norm, classes, rate = self._train(tf.constant(learning_rate, tf.float32), _tensors(layout))
        return StepResult(
            loss=float(loss.numpy()),
            gradient_norm=float(norm.numpy()),
            predictions=classes.numpy()[layout.place_of_row],
            learning_rate=float(rate.numpy()),
        )

    def logits(self, layout: Layout) -> NDArray[np.float32]:
        """float32 (rows, labels), dropout off; returns when the device is done."""
        given = {name: tensor for name, tensor in _tensors(layout).items() if name not in OF_LOSS}
        values: NDArray[np.float32] = self._logits(given).numpy()
        return values[layout.place_of_row]

    def gradients(self, layout: Layout) -> dict[str, NDArray[np.float32]]:
        """Dense gradients of the loss by parameter, dropout as in training, nothing updated."""
        _, scale, _, gradients = self._gradients(_tensors(layout))
        return {
            name: (gradient / scale).numpy() for name, gradient in zip(self._bert.variables, gradients, strict=True)
        }

    def matmul_seconds(self, size: int) -> float:
        """Seconds of one float32 product size x size x size."""
        return matmul_seconds(size, "tensorflow")

    def _train_step(self, learning_rate: tf.Tensor, given: dict[str, tf.Tensor]) -> tuple[tf.Tensor, ...]:
        """Loss, gradient norm, predicted classes, and the rate that was applied."""
        self.traces["train"] += 1  # runs while tracing only
        self._optimizer.learning_rate.assign(learning_rate)
        loss, scale, classes, gradients = self._dense_gradients(given)
        norm = tf.sqrt(2.0 * tf.add_n([tf.nn.l2_loss(gradient) for gradient in gradients])) / scale
        self._optimizer.apply(gradients, self._variables)
        return loss, norm, classes, tf.identity(self._optimizer.learning_rate.value)

    def _inference(self, given: dict[str, tf.Tensor]) -> tf.Tensor:
        self.traces["logits"] += 1
        return self._bert.logits(**_scalars(given), training=False)

    def _dense_gradients(self, given: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """Loss, its scale, predicted classes, and the gradients of the scaled loss with repeated rows added up."""
        inputs = {name: tensor for name, tensor in given.items() if name not in OF_LOSS}
        scale = self._optimizer.scale_loss(tf.constant(1.0))
        with tf.GradientTape() as tape:
            logits = self._bert.logits(**_scalars(inputs), training=True)
            loss = weighted_loss(logits, given["labels"], given["row_weights"])
            scaled = self._optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [variable.value for variable in self._variables])
        return loss, scale, predictions(logits), [tf.convert_to_tensor(gradient) for gradient in gradients]


def _graph(function: Any, *signature: Any) -> Any:
    return tf.function(function, input_signature=signature, jit_compile=False, autograph=False)


def _scalars(given: dict[str, tf.Tensor]) -> dict[str, Any]:
    """*given* with the sizes of rectangles one by one."""
    return given | {"rectangles": tf.unstack(given["rectangles"])}


def _tensors(layout: Layout) -> dict[str, tf.Tensor]:
    return {name: tf.constant(getattr(layout.inputs, name)) for name in _SIGNATURE}
