"""A matrix product to time, in the library that computes."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import numpy as np


def matmul_seconds(size: int, library: str) -> float:
    """Seconds of one float32 product size x size x size.

    Args:
        size: Rows, columns and depth.
        library: `torch`; anything else is TensorFlow.
    """
    left, right = _matrices(size, library)
    if library == "torch":
        import torch

        multiply, wait = torch.matmul, torch.cuda.synchronize if torch.cuda.is_available() else _nothing
    else:
        import tensorflow as tf

        multiply, wait = tf.linalg.matmul, tf.test.experimental.sync_devices
    wait()
    began = time.perf_counter()
    multiply(left, right)
    wait()
    return time.perf_counter() - began


def _nothing() -> None:
    """A processor is done when the call returns."""


@lru_cache(maxsize=2)
def _matrices(size: int, library: str) -> tuple[Any, Any]:
    """Two fixed matrices, made once."""
    generator = np.random.default_rng(0)
    left, right = (generator.standard_normal((size, size), np.float32) for _ in range(2))
    if library == "torch":
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        return torch.from_numpy(left).to(device), torch.from_numpy(right).to(device)
    import tensorflow as tf

    return tf.constant(left), tf.constant(right)
