"""Each operation with a gradient of its own, against the plain formula and the gradient that TensorFlow derives."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest


def both(*names: str) -> list[Any]:
    """The plain operations and TensorFlow's."""
    from bertbench.engines.native import operations, tensorflow_operations

    return [getattr(module, name) for name in names for module in (operations, tensorflow_operations)]


def random(*shape: int, seed: int = 0) -> Any:
    import tensorflow as tf

    return tf.constant(np.random.default_rng(seed).standard_normal(shape), tf.float32)


def value_and_gradients(function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """The value, and the gradient of a sum with random weights by each argument."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(arguments)
        value = function(*arguments)
        total = tf.reduce_sum(value * random(*value.shape, seed=9))
    return [value, *(tf.convert_to_tensor(gradient) for gradient in tape.gradient(total, list(arguments)))]


def assert_same(found: list[Any], expected: list[Any], tolerance: float = 1e-5) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=tolerance, atol=tolerance)


def test_gelu() -> None:
    import tensorflow as tf

    from bertbench.engines.native.operations import gelu

    values = tf.concat([random(40), tf.constant([0.0, -0.0, 6.0, -6.0, 30.0, -30.0])], axis=0)
    plain = value_and_gradients(lambda x: 0.5 * x * (1.0 + tf.math.erf(x / math.sqrt(2.0))), values)
    assert_same(value_and_gradients(gelu, values), plain)


@pytest.mark.parametrize(("rows", "epsilon"), [(1, 1e-12), (7, 1e-12), (7, 0.5)])
def test_layer_normalization(rows: int, epsilon: float) -> None:
    import tensorflow as tf

    from bertbench.engines.native.operations import layer_normalization

    def plain(x: Any, scale: Any, shift: Any) -> Any:
        mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
        return (x - mean) / tf.sqrt(variance + epsilon) * scale + shift

    arguments = random(rows, 8) * 3.0 + 1.0, random(8, seed=1), random(8, seed=2)
    found = value_and_gradients(lambda x, scale, shift: layer_normalization(x, scale, shift, epsilon), *arguments)
    assert_same(found, value_and_gradients(plain, *arguments), 2e-5)


def test_gather_of_every_row_once() -> None:
    import tensorflow as tf

    index = np.array([3, 0, 4, 1, 2], np.int32)
    back = np.argsort(index).astype(np.int32)
    expected = value_and_gradients(lambda values: tf.gather(values, index), random(5, 3))
    for gather in both("gather"):
        assert_same(value_and_gradients(lambda values, g=gather: g(values, index, back), random(5, 3)), expected)


def test_gather_of_some_rows() -> None:
    import tensorflow as tf

    index, back = np.array([4, 1], np.int32), np.array([2, 1, 2, 2, 0], np.int32)
    expected = value_and_gradients(lambda values: tf.gather(values, index), random(5, 3))
    assert not expected[1].numpy()[[0, 2, 3]].any()
    for gather in both("gather"):
        found = value_and_gradients(lambda values, g=gather: g(values, index, back, some_unused=True), random(5, 3))
        assert_same(found, expected)


def test_split_is_undone_by_concatenation() -> None:
    import tensorflow as tf

    sizes = [tf.constant(2), tf.constant(0), tf.constant(3)]
    for split in both("split"):
        pieces = split(random(5, 3), sizes)
        assert [piece.shape[0] for piece in pieces] == [2, 0, 3]
        assert np.array_equal(tf.concat(pieces, axis=0).numpy(), random(5, 3).numpy())


def test_scores_are_inner_products() -> None:
    import tensorflow as tf

    queries, keys = random(2, 3, 4, 5), random(2, 3, 6, 5, seed=1)
    expected = value_and_gradients(lambda q, k: tf.einsum("rhqd,rhkd->rhqk", q, k), queries, keys)
    for scores in both("inner_products"):
        assert_same(value_and_gradients(scores, queries, keys), expected)


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.5, 0.999])
def test_dropout_drops_as_often_as_it_says_and_keeps_the_expectation(rate: float) -> None:
    import keras
    import tensorflow as tf

    shape, count = (100, 997), 99_700
    for dropout in both("dropout"):
        generator = keras.random.SeedGenerator(17)
        draws = [dropout(tf.ones(shape), rate, generator).numpy() for _ in range(4)]
        values = np.stack(draws)
        deviation = math.sqrt(rate * (1 - rate) / values.size)
        assert abs((values == 0).mean() - rate) < 5 * deviation + 2**-17  # 2**-17: half a step of 16 bits
        kept = np.unique(values[values != 0])
        assert len(kept) == 1
        assert kept[0] == pytest.approx(1 / (1 - rate), rel=2**-16 / (1 - rate))
        # No two draws share a mask: each agrees with the next no more often than chance.
        chance = rate**2 + (1 - rate) ** 2
        spread = math.sqrt(max(chance * (1 - chance), 1e-6) / count)
        for one, other in pairwise(draws):
            assert abs(((one == 0) == (other == 0)).mean() - chance) < 6 * spread + 1e-4
        again = keras.random.SeedGenerator(17)
        assert np.array_equal(dropout(tf.ones(shape), rate, again).numpy(), draws[0])
        other_seed = keras.random.SeedGenerator(18)
        assert not np.array_equal(dropout(tf.ones(shape), rate, other_seed).numpy(), draws[0])


def test_dropout_masks_neighbouring_elements_independently() -> None:
    """Four decisions are cut from each random number; none of the four repeats another."""
    import keras
    import tensorflow as tf

    from bertbench.engines.native.tensorflow_operations import dropout

    dropped = dropout(tf.ones(400_001), 0.5, keras.random.SeedGenerator(5)).numpy() == 0
    for lag in range(1, 9):
        agreement = (dropped[lag:] == dropped[:-lag]).mean()
        assert abs(agreement - 0.5) < 6 * 0.5 / math.sqrt(400_000)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 9])
def test_dropout_of_few_elements(size: int) -> None:
    import keras
    import tensorflow as tf

    from bertbench.engines.native.tensorflow_operations import dropout

    generator = keras.random.SeedGenerator(5)
    values = np.stack([dropout(tf.ones(size), 0.5, generator).numpy() for _ in range(64)])
    assert values.shape == (64, size)
    assert ((values == 0).any(axis=0) & (values == 2).any(axis=0)).all()


def test_dropout_gradient_passes_through_the_same_mask() -> None:
    import keras
    import tensorflow as tf

    for dropout in both("dropout"):
        generator = keras.random.SeedGenerator(5)
        values = tf.ones((50, 40))
        with tf.GradientTape() as tape:
            tape.watch(values)
            dropped = dropout(values, 0.3, generator)
        np.testing.assert_allclose(tape.gradient(dropped, values).numpy(), dropped.numpy(), rtol=1e-6)
