"""The classifier without dropout, which `fit` takes no part in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
