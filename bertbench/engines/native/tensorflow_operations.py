"""Faster forms of some operations on TensorFlow; all others are those of `operations`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

#: Dropout compares random numbers of this many bits, four out of each number of 64 that the generator makes.
_BITS = 16


def gather(values: tf.Tensor, index: tf.Tensor, back: tf.Tensor, *, some_unused: bool = False) -> tf.Tensor:
    """As `operations.gather`, without Keras' provision for negative indices."""
    width = values.shape[-1]

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def taken(rows: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def backward(upstream: tf.Tensor) -> tf.Tensor:
            gradient = tf.reshape(upstream, (-1, width))
            if some_unused:
                gradient = tf.concat([gradient, tf.zeros((1, width), gradient.dtype)], axis=0)
            return tf.gather(gradient, back)

        return tf.gather(rows, index), backward

    return taken(values)


def split(values: tf.Tensor, sizes: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """As `operations.split`; TensorFlow shares the memory of the whole."""
    pieces: list[tf.Tensor] = tf.split(values, tf.stack(sizes), num=len(sizes))
    return pieces


def inner_products(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """As `operations.inner_products`, without a transposition."""
    return tf.matmul(left, right, transpose_b=True)


def dropout(values: tf.Tensor, rate: float, generator: keras.random.SeedGenerator) -> tf.Tensor:
    """As `operations.dropout`, with random numbers of 16 bits: a rate of 0.1 is 6554/65536 = 0.100006.

    Philox makes 64 random bits for the price of four decisions instead of two, and the scale is that of the rate really
    applied, so that the expectation stays exactly. The seed is Philox' key and the number of the draw the upper half of
    its counter: no two draws overlap.
    """
    highest = 2**_BITS
    dropped = min(max(round(rate * highest), 1), highest - 1)
    state = tf.cast(generator.next(), tf.uint64)  # (seed, draws made)
    size = tf.size(values)
    words = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[(size + 3) // 4],
        key=state[:1],
        counter=tf.stack([tf.constant(0, tf.uint64), state[1]]),
        alg=1,  # Philox
        dtype=tf.uint64,
    )
    numbers = tf.reshape(tf.bitcast(words, tf.int16), [-1])[:size]  # from -2^15 to 2^15 - 1
    is_kept = tf.greater_equal(tf.reshape(numbers, tf.shape(values)), tf.constant(dropped - highest // 2, tf.int16))
    kept = tf.cast(is_kept, values.dtype)
    return tf.multiply(values, tf.multiply(kept, highest / (highest - dropped)))
