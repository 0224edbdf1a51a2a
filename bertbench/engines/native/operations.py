"""The operations that BERT is made of, in Keras operations, with gradients written out where that saves passes.

A gradient that a library derives by itself keeps every intermediate value and walks them one by one. The formulas
here are the same mathematics with fewer walks through memory. Any of them may have a faster form on some backend, a
function of the same name in a module of its own; tests hold each against the plain formula and its derived gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from bertbench.checkpoints.config import Activation

Tensor = Any


class Operations(Protocol):
    """What a module of operations has."""

    def gather(self, values: Tensor, index: Tensor, back: Tensor, *, some_unused: bool = False) -> Tensor:
        """See `gather`."""

    def split(self, values: Tensor, sizes: Sequence[Tensor]) -> list[Tensor]:
        """See `split`."""

    def inner_products(self, left: Tensor, right: Tensor) -> Tensor:
        """See `inner_products`."""

    def dropout(self, values: Tensor, rate: float, generator: keras.random.SeedGenerator) -> Tensor:
        """See `dropout`."""


def gather(values: Tensor, index: Tensor, back: Tensor, *, some_unused: bool = False) -> Tensor:
    """Rows *index* of *values*, with a gradient that is a gather again: no scatter, no order of additions to fix.

    Args:
        values: (n, width).
        index: int32, any shape. Where it names a row twice, only the place named by *back* may get a gradient.
        back: int32, n numbers in any shape: the place in the flattened result that the gradient of each row of
            *values* comes from.
        some_unused: Whether *back* holds the number of places as well, for rows of *values* that are not in the
            result and have gradient zero.

    Returns:
        (*index.shape, width).
    """
    width = values.shape[-1]

    def forward(rows: Tensor) -> tuple[Tensor, Callable[..., Tensor]]:
        def backward(*args: Tensor, upstream: Tensor = None) -> Tensor:
            gradient = ops.reshape(_upstream(args, upstream), (-1, width))
            if some_unused:
                gradient = ops.concatenate([gradient, ops.zeros((1, width), gradient.dtype)])
            return ops.reshape(ops.take(gradient, back, axis=0), (-1, width))

        return ops.take(rows, index, axis=0), backward

    return ops.custom_gradient(forward)(values)


def split(values: Tensor, sizes: Sequence[Tensor]) -> list[Tensor]:
    """Cut *values* along the first axis into pieces of the given *sizes*, which are all there is."""
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    return [values[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def inner_products(left: Tensor, right: Tensor) -> Tensor:
    """Of every line of *left* (..., n, size) with every line of *right* (..., m, size): (..., n, m)."""
    return ops.matmul(left, ops.swapaxes(right, -1, -2))


def dropout(values: Tensor, rate: float, generator: keras.random.SeedGenerator) -> Tensor:
    """Set elements to zero with chance *rate* and divide the others by `1 - rate`, so that the expectation stays."""
    return keras.random.dropout(values, rate, seed=generator)


def layer_normalization(values: Tensor, scale: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    """Normalize each row to mean 0 and variance 1, then scale and shift each column.

    Args:
        values: (n, width), any float dtype; computed in float32, as transformers does under mixed precision.
        scale: float32 (width,).
        shift: float32 (width,).
        epsilon: Added to the variance.
    """

    def forward(x: Tensor, gamma: Tensor, beta: Tensor) -> tuple[Tensor, Callable[..., tuple[Tensor, ...]]]:
        centred = ops.subtract(x, ops.mean(x, axis=-1, keepdims=True))
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        inverse = ops.rsqrt(ops.add(variance, epsilon))  # (n, 1)
        normal = ops.multiply(centred, inverse)

        def backward(*args: Tensor, upstream: Tensor = None) -> tuple[Tensor, ...]:
            gradient = _upstream(args, upstream)
            weighted = ops.multiply(gradient, normal)
            column = ops.reshape(gamma, (-1, 1)) / gamma.shape[0]
            mean_gradient = ops.matmul(gradient, column)  # (n, 1)
            mean_weighted = ops.matmul(weighted, column)  # (n, 1)
            inner = ops.subtract(ops.multiply(gradient, gamma), ops.multiply(normal, mean_weighted))
            values_gradient = ops.multiply(ops.subtract(inner, mean_gradient), inverse)
            return values_gradient, ops.sum(weighted, axis=0), ops.sum(gradient, axis=0)

        return ops.add(ops.multiply(normal, gamma), beta), backward

    normalized = ops.custom_gradient(forward)(ops.cast(values, "float32"), scale, shift)
    return ops.cast(normalized, values.dtype)


def gelu(values: Tensor) -> Tensor:
    """`x * P(N(0, 1) <= x)`, by erf."""

    def forward(x: Tensor) -> tuple[Tensor, Callable[..., Tensor]]:
        share = ops.add(ops.multiply(ops.erf(ops.multiply(x, math.sqrt(0.5))), 0.5), 0.5)

        def backward(*args: Tensor, upstream: Tensor = None) -> Tensor:
            gradient = _upstream(args, upstream)
            density = ops.multiply(ops.exp(ops.multiply(ops.square(x), -0.5)), 1.0 / math.sqrt(2.0 * math.pi))
            return ops.multiply(gradient, ops.add(share, ops.multiply(x, density)))

        return ops.multiply(x, share), backward

    return ops.custom_gradient(forward)(values)


#: What each `hidden_act` computes.
ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "gelu": gelu,
    "gelu_tanh": lambda values: keras.activations.gelu(values, approximate=True),
    "relu": ops.relu,
    "silu": ops.silu,
    "tanh": ops.tanh,
}


def on_host(tensor: Tensor) -> NDArray[Any]:
    """A copy of a tensor's value that later steps do not change."""
    if hasattr(tensor, "detach"):  # PyTorch keeps values on their device and in the gradient's graph
        tensor = tensor.detach().cpu()
    if hasattr(tensor, "numpy"):  # an array of JAX is copied by NumPy itself
        tensor = tensor.numpy()
    return np.array(tensor)


def _upstream(args: tuple[Tensor, ...], upstream: Tensor) -> Tensor:
    """The incoming gradient: PyTorch passes it by name after the arguments, TensorFlow and JAX alone."""
    return args[0] if upstream is None else upstream
