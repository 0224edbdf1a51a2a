"""How `fit` gets its batches one at a time, with nothing fetched ahead and nothing traced again for another shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

#: (inputs, labels) or (inputs, labels, row weights), arrays of one batch.
Batch = tuple[Any, ...]


def tensorflow_feed(first: Batch, next_batch: Callable[[], Batch]) -> Any:
    """A `tf.data.Dataset` that never ends; every dimension of every array may change from batch to batch.

    Args:
        first: Tells ranks and dtypes.
        next_batch: Called once for each batch, when `fit` asks for it.
    """
    import tensorflow as tf

    def batches() -> Iterator[Batch]:
        while True:
            yield next_batch()

    signature = tf.nest.map_structure(lambda array: tf.TensorSpec([None] * array.ndim, array.dtype), first)
    options = tf.data.Options()
    # A batch that is fetched ahead would be waited for, by a thread that TensorFlow needs for other things meanwhile.
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    options.experimental_optimization.inject_prefetch = False
    return tf.data.Dataset.from_generator(batches, output_signature=signature).with_options(options)


def python_feed(first: Batch, next_batch: Callable[[], Batch], *, batches: int) -> Any:
    """A `keras.utils.PyDataset`, for the backends that read batches in Python.

    Args:
        first: The first batch, which Keras may look at more than once.
        next_batch: Called once for each further batch, in order.
        batches: How many there will be.
    """
    import keras

    class Feed(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
        def __len__(self) -> int:
            return batches

        def __getitem__(self, index: int) -> Batch:
            return first if index == 0 else next_batch()

    return Feed()
