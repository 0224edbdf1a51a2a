"""The classifier without dropout, and a product to time: what `fit` takes no part in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from bertbench.engines.native.operations import on_host

#: Inputs by the names that KerasHub has for them, int32 (rows, longest).
Inputs = Mapping[str, NDArray[np.int32]]


def inference_of(classifier: Any) -> Callable[[Inputs], NDArray[np.float32]]:
    """A function from inputs to logits, float32 (rows, classes); on TensorFlow one graph for every shape."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        signature = {name: tf.TensorSpec([None, None], tf.int32, name=name) for name in classifier.input}

        @tf.function(input_signature=[signature], jit_compile=False, autograph=False)  # type: ignore[untyped-decorator]
        def graph(inputs: Any) -> Any:
            return tf.cast(classifier(inputs, training=False), tf.float32)

        def logits(inputs: Inputs) -> NDArray[np.float32]:
            return on_host(graph({name: tf.constant(values) for name, values in inputs.items()}))

        return logits

    import torch

    def eager(inputs: Inputs) -> NDArray[np.float32]:
        with torch.no_grad():
            return on_host(classifier(dict(inputs), training=False).float())

    return eager


def matmul_seconds(size: int) -> float:
    """Seconds of one float32 product size x size x size."""
    left, right = _matrices(size)
    _wait()
    began = time.perf_counter()
    keras.ops.matmul(left, right)
    _wait()
    return time.perf_counter() - began


def _wait() -> None:
    """Until the device is done."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.test.experimental.sync_devices()
        return
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


@lru_cache(maxsize=2)
def _matrices(size: int) -> tuple[Any, Any]:
    """Two fixed matrices, made once."""
    generator = np.random.default_rng(0)
    left, right = (keras.ops.convert_to_tensor(generator.standard_normal((size, size), np.float32)) for _ in range(2))
    return left, right
