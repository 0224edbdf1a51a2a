"""Each operation with a gradient of its own, against the plain formula and the gradient that the library derives."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import engine_backends
import numpy as np
import pytest
from engine_backends import BACKEND, host, tensor
from numpy.typing import NDArray


def both(*names: str) -> list[Any]:
    """The plain operations and the backend's own."""
    from bertbench.engines.native import operations
    from bertbench.engines.native.backends import operations as of_backend

    modules = dict.fromkeys((operations, of_backend()))
    return [getattr(module, name) for name in names for module in modules]


def random(*shape: int, seed: int = 0) -> Any:
    return tensor(np.random.default_rng(seed).standard_normal(shape))


def indices(values: list[int]) -> Any:
    from keras import ops

    return ops.convert_to_tensor(np.array(values, np.int32))


def value_and_gradients(function: Callable[..., Any], *arguments: Any) -> list[NDArray[Any]]:
    """The value, and the gradient of a sum with random weights by each argument."""
    return engine_backends.value_and_gradients(function, arguments, lambda shape: random(*shape, seed=9))


def assert_same(found: list[Any], expected: list[Any], tolerance: float = 1e-5) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def test_gelu() -> None:
    from keras import ops

    from bertbench.engines.native.operations import gelu

    values = ops.concatenate([random(40), tensor([0.0, -0.0, 6.0, -6.0, 30.0, -30.0])])
    plain = value_and_gradients(lambda x: 0.5 * x * (1.0 + ops.erf(x / math.sqrt(2.0))), values)
    assert_same(value_and_gradients(gelu, values), plain)


@pytest.mark.parametrize(("rows", "epsilon"), [(1, 1e-12), (7, 1e-12), (7, 0.5)])
def test_layer_normalization(rows: int, epsilon: float) -> None:
    from keras import ops

    from bertbench.engines.native.operations import layer_normalization

    def plain(x: Any, scale: Any, shift: Any) -> Any:
        mean, variance = ops.moments(x, axes=[-1], keepdims=True)
        return (x - mean) / ops.sqrt(variance + epsilon) * scale + shift

    arguments = random(rows, 8) * 3.0 + 1.0, random(8, seed=1), random(8, seed=2)
    found = value_and_gradients(lambda x, scale, shift: layer_normalization(x, scale, shift, epsilon), *arguments)
    assert_same(found, value_and_gradients(plain, *arguments), 2e-5)


def plain_gather(index: Any) -> Callable[[Any], Any]:
    from keras import ops

    return lambda values: ops.take(values, index, axis=0)


def test_gather_of_every_row_once() -> None:
    index, back = indices([3, 0, 4, 1, 2]), indices([1, 3, 4, 0, 2])
    expected = value_and_gradients(plain_gather(index), random(5, 3))
    for gather in both("gather"):
        assert_same(value_and_gradients(lambda values, g=gather: g(values, index, back), random(5, 3)), expected)


def test_gather_of_some_rows() -> None:
    index, back = indices([4, 1]), indices([2, 1, 2, 2, 0])
    expected = value_and_gradients(plain_gather(index), random(5, 3))
    assert not expected[1][[0, 2, 3]].any()
    for gather in both("gather"):
        found = value_and_gradients(lambda values, g=gather: g(values, index, back, some_unused=True), random(5, 3))
        assert_same(found, expected)


def test_split_is_undone_by_concatenation() -> None:
    from keras import ops

    sizes = [2, 0, 3]
    if BACKEND == "tensorflow":
        sizes = [ops.convert_to_tensor(size) for size in sizes]  # as in its graph, where they are not known
    for split in both("split"):
        pieces = split(random(5, 3), sizes)
        assert [piece.shape[0] for piece in pieces] == [2, 0, 3]
        assert np.array_equal(host(ops.concatenate(pieces)), host(random(5, 3)))


def test_scores_are_inner_products() -> None:
    from keras import ops

    queries, keys = random(2, 3, 4, 5), random(2, 3, 6, 5, seed=1)
    expected = value_and_gradients(lambda q, k: ops.einsum("rhqd,rhkd->rhqk", q, k), queries, keys)
    for scores in both("inner_products"):
        assert_same(value_and_gradients(scores, queries, keys), expected)


def dropped(dropout: Callable[..., Any], shape: tuple[int, ...], rate: float, generator: Any) -> NDArray[Any]:
    """Ones after *dropout*."""
    return host(dropout(tensor(np.ones(shape)), rate, generator))


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.5, 0.999])
def test_dropout_drops_as_often_as_it_says_and_keeps_the_expectation(rate: float) -> None:
    import keras

    shape, count = (100, 997), 99_700
    for dropout in both("dropout"):
        generator = keras.random.SeedGenerator(17)
        draws = [dropped(dropout, shape, rate, generator) for _ in range(4)]
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
        assert np.array_equal(dropped(dropout, shape, rate, keras.random.SeedGenerator(17)), draws[0])
        assert not np.array_equal(dropped(dropout, shape, rate, keras.random.SeedGenerator(18)), draws[0])


def test_dropout_masks_neighbouring_elements_independently() -> None:
    """Several decisions are cut from each random number; none of them repeats another."""
    import keras

    for dropout in both("dropout"):
        is_dropped = dropped(dropout, (400_001,), 0.5, keras.random.SeedGenerator(5)) == 0
        for lag in range(1, 9):
            agreement = (is_dropped[lag:] == is_dropped[:-lag]).mean()
            assert abs(agreement - 0.5) < 6 * 0.5 / math.sqrt(400_000)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 9])
def test_dropout_of_few_elements(size: int) -> None:
    import keras

    for dropout in both("dropout"):
        generator = keras.random.SeedGenerator(5)
        values = np.stack([dropped(dropout, (size,), 0.5, generator) for _ in range(64)])
        assert values.shape == (64, size)
        assert ((values == 0).any(axis=0) & (values == 2).any(axis=0)).all()


def test_dropout_gradient_passes_through_the_same_mask() -> None:
    import keras

    for dropout in both("dropout"):
        found = engine_backends.value_and_gradients(
            lambda values, d=dropout: d(values, 0.3, keras.random.SeedGenerator(5)),
            [tensor(np.ones((50, 40)))],
            lambda shape: tensor(np.ones(shape)),
        )
        np.testing.assert_allclose(found[1], found[0], rtol=1e-6)
