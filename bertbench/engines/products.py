"""A matrix product to time, in the library that computes. A library is loaded when it is first asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def matmul_seconds(size: int, library: str, *, device: str = "") -> float:
    """Seconds of one float32 product size x size x size; nothing is copied to or from the host meanwhile.

    Args:
        size: Rows, columns and depth.
        library: `tensorflow`, `tf-keras`, `torch` or `jax`.
        device: Of PyTorch, such as `cuda`; if empty, a GPU if there is one. The others place their arrays themselves.
    """
    arithmetic, left, right = _prepared(size, library, device)
    arithmetic.wait(left)
    began = time.perf_counter()
    arithmetic.wait(arithmetic.multiply(left, right))
    return time.perf_counter() - began


@dataclass(frozen=True)
class _Arithmetic:
    """What one library needs for a product.

    Attributes:
        put: Makes an array of its own, on the device.
        multiply: Begins a product; the device may still be at it when this returns.
        wait: Returns when the device has computed an array.
    """

    put: Callable[[NDArray[np.float32]], Any]
    multiply: Callable[[Any, Any], Any]
    wait: Callable[[Any], object]


@lru_cache(maxsize=2)
def _prepared(size: int, library: str, device: str) -> tuple[_Arithmetic, Any, Any]:
    """The library's arithmetic, and two fixed matrices, made once."""
    arithmetic = _of_torch(device) if library == "torch" else _of_jax() if library == "jax" else _of_tensorflow()
    generator = np.random.default_rng(0)
    left, right = (arithmetic.put(generator.standard_normal((size, size), np.float32)) for _ in range(2))
    return arithmetic, left, right


def _of_tensorflow() -> _Arithmetic:
    import tensorflow as tf

    return _Arithmetic(tf.constant, tf.linalg.matmul, lambda _: tf.test.experimental.sync_devices())


def _of_torch(device: str) -> _Arithmetic:
    import torch

    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))

    def wait(_: Any) -> None:
        if place.type == "cuda":
            torch.cuda.synchronize(place)

    return _Arithmetic(lambda values: torch.from_numpy(values).to(place), torch.matmul, wait)


def _of_jax() -> _Arithmetic:
    import jax.numpy as jnp

    return _Arithmetic(jnp.asarray, jnp.matmul, lambda array: array.block_until_ready())
