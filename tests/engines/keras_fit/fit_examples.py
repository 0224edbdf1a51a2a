"""Small models with an embedding, for steps of `fit`, and the same steps by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CLASSES, WORDS = 3, 11
LENGTHS = (5, 3, 7, 4)


def batches(*, weighted: bool = False) -> list[tuple[Any, ...]]:
    """Four batches of rows of ids, each of another shape; ids stand several times."""
    generator = np.random.default_rng(0)
    made = []
    for rows, length in zip((4, 6, 2, 1), LENGTHS, strict=True):
        ids = generator.integers(0, WORDS, (rows, length)).astype(np.int32)
        labels = generator.integers(0, CLASSES, rows).astype(np.int32)
        weights = generator.uniform(0.5, 2.0, rows).astype(np.float32)
        made.append(({"ids": ids}, labels, weights) if weighted else ({"ids": ids}, labels))
    return made


def make_model(
    keras: Any, optimizer: Any = None, *, rate: float = 0.0, cls: type | None = None, **compiled: Any
) -> Any:
    """Embedding, mean, dropout, scores.

    Args:
        keras: `keras` or `tf_keras`.
        optimizer: Adam with a large rate if not given.
        rate: Of dropout.
        cls: A class of model of its own.
        compiled: Arguments of `compile`.
    """
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), dtype="int32", name="ids")
    hidden = keras.layers.Embedding(WORDS, 6, name="table")(ids)
    hidden = keras.layers.GlobalAveragePooling1D()(hidden)
    hidden = keras.layers.Dropout(rate, seed=3)(hidden)
    scores = keras.layers.Dense(CLASSES, name="scores")(hidden)
    model = (cls or keras.Model)({"ids": ids}, scores)
    model.compile(
        optimizer=optimizer or keras.optimizers.Adam(0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **compiled,
    )
    return model


def expected_step(model: Any, batch: tuple[Any, ...]) -> tuple[float, float, NDArray[np.int32]]:
    """Loss, norm of dense gradients, and predictions of a step on *batch*, without taking it."""
    import tensorflow as tf

    inputs, labels, weights = (*batch, np.ones(len(batch[1]), np.float32))[:3]
    with tf.GradientTape() as tape:
        scores = model(inputs, training=False)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
        loss = tf.reduce_sum(losses * weights) / len(labels)
    gradients = tape.gradient(loss, _tensors_of(model))
    dense = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
    norm = float(np.sqrt(sum(np.sum(np.square(gradient, dtype=np.float64)) for gradient in dense)))
    return float(loss), norm, scores.numpy().argmax(axis=1).astype(np.int32)


def _tensors_of(model: Any) -> list[Any]:
    """Variables as TensorFlow has them: those of Keras 3 are wrapped."""
    return [v if callable(v.value) else v.value for v in model.trainable_variables]


def own_step(keras: Any) -> type:
    """A model whose training step is the user's: it does not call compute_loss."""
    import tensorflow as tf

    class OwnStep(keras.Model):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.tracker = keras.metrics.Mean(name="loss")

        def train_step(self, data: Any) -> dict[str, Any]:
            inputs, labels = data
            with tf.GradientTape() as tape:
                scores = self(inputs, training=True)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores))
            weights = self.trainable_weights
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            self.tracker.update_state(loss)
            return {"loss": self.tracker.result()}

    return OwnStep


def blind_step(keras: Any) -> type:
    """A model whose training step does nothing that can be watched."""

    class Blind(keras.Model):
        def train_step(self, _data: Any) -> dict[str, Any]:
            return {"nothing": keras.ops.convert_to_tensor(0.0)}

    return Blind
