"""What is computed on measured tensors of TensorFlow; see `watching.TensorLibrary`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def norm(gradients: Sequence[Any]) -> tf.Tensor:
    """Euclidean norm over all gradients; a table of embeddings has a few rows, some of them several times."""
    return tf.sqrt(2.0 * tf.add_n([tf.nn.l2_loss(tf.cast(_added_up(gradient), tf.float32)) for gradient in gradients]))


def scalar(value: Any) -> tf.Tensor:
    """*value* as it is now: a variable is read."""
    return tf.reshape(tf.cast(tf.convert_to_tensor(value), tf.float32), [])


def pack(numbers: Sequence[tf.Tensor], logits: tf.Tensor) -> tf.Tensor:
    """float32 holds every class number below 2**24 exactly."""
    classes = tf.cast(tf.argmax(logits, axis=-1), tf.float32)
    return tf.concat([tf.stack([tf.cast(number, tf.float32) for number in numbers]), classes], axis=0)


def _added_up(gradient: Any) -> tf.Tensor:
    """Rows of the same index added up; much less than the whole table, of which most rows are zero."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    distinct, place = tf.unique(gradient.indices)
    return tf.math.unsorted_segment_sum(gradient.values, place, tf.size(distinct))
