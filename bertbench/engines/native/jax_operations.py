"""Faster forms of some operations on JAX; all others are those of `operations`."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import keras

# Those that have no faster form here.
from bertbench.engines.native.operations import inner_products, split

__all__ = ["dropout", "gather", "inner_products", "split"]

#: Dropout compares random numbers of this many bits, two out of each number of 32 that the generator makes.
_BITS = 16


def gather(values: jax.Array, index: jax.Array, back: jax.Array, *, some_unused: bool = False) -> jax.Array:
    """As `operations.gather`, without a look whether indices are in bounds."""
    width = values.shape[-1]

    @jax.custom_gradient  # type: ignore[untyped-decorator]  # JAX' types are not read
    def taken(rows: jax.Array) -> tuple[jax.Array, Callable[[jax.Array], tuple[jax.Array]]]:
        def backward(upstream: jax.Array) -> tuple[jax.Array]:
            gradient = jnp.reshape(upstream, (-1, width))
            if some_unused:
                gradient = jnp.concatenate([gradient, jnp.zeros((1, width), gradient.dtype)])
            return (jnp.reshape(_rows(gradient, back), (-1, width)),)

        return _rows(rows, index), backward

    result: jax.Array = taken(values)
    return result


def dropout(values: jax.Array, rate: float, generator: keras.random.SeedGenerator) -> jax.Array:
    """As `operations.dropout`, with random numbers of 16 bits: a rate of 0.1 is 6554/65536 = 0.100006.

    The scale is that of the rate really applied, so that the expectation stays exactly. The generator's state, seed and
    number of the draw, is the key: no two draws share one.
    """
    highest = 2**_BITS
    dropped = min(max(round(rate * highest), 1), highest - 1)
    numbers = jax.random.bits(generator.next(), values.shape, jnp.uint16)
    kept = numbers >= jnp.uint16(dropped)
    return jnp.where(
        kept, values * jnp.asarray(highest / (highest - dropped), values.dtype), jnp.zeros((), values.dtype)
    )


def _rows(values: jax.Array, index: jax.Array) -> jax.Array:
    rows: jax.Array = values.at[index].get(mode="promise_in_bounds")
    return rows
