"""Which Keras backend the tests of the native engine run on, and what they need of its library.

TensorFlow by default; `BERTBENCH_TEST_BACKEND=jax` or `torch` runs the same tests there, where TensorFlow need not be.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

BACKENDS = ("tensorflow", "jax", "torch")
BACKEND: Any = os.environ.get("BERTBENCH_TEST_BACKEND", "tensorflow")
OTHER_BACKENDS = [name for name in BACKENDS if name != BACKEND]

#: For what is TensorFlow's own: its graphs, its rows of gradients.
tensorflow_only = pytest.mark.skipif(BACKEND != "tensorflow", reason="is about TensorFlow itself")
#: For what follows from one program for each shape.
jax_only = pytest.mark.skipif(BACKEND != "jax", reason="is about JAX' fixed shapes")


def tensor(values: Any) -> Any:
    """float32 values on the device."""
    from keras import ops

    return ops.convert_to_tensor(np.asarray(values, np.float32))


def host(value: Any) -> NDArray[Any]:
    """A tensor's value."""
    from bertbench.engines.native.operations import on_host

    return on_host(value)


def value_and_gradients(
    function: Callable[..., Any], arguments: Sequence[Any], weights: Callable[[Any], Any]
) -> list[NDArray[Any]]:
    """The value of *function*, and the gradient of its weighted sum by each argument, as the library derives it.

    Args:
        function: Of tensors.
        arguments: float32 tensors.
        weights: From the shape of the value to the weights of the sum.
    """
    from keras import ops

    def total(*given: Any) -> tuple[Any, Any]:
        value = function(*given)
        return ops.sum(ops.multiply(value, weights(tuple(value.shape)))), value

    return {"tensorflow": _by_tensorflow, "jax": _by_jax, "torch": _by_torch}[BACKEND](total, arguments)


def _by_tensorflow(total: Callable[..., Any], arguments: Sequence[Any]) -> list[NDArray[Any]]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(arguments)
        summed, value = total(*arguments)
    gradients = tape.gradient(summed, list(arguments))
    return [host(value), *(host(tf.convert_to_tensor(gradient)) for gradient in gradients)]


def _by_jax(total: Callable[..., Any], arguments: Sequence[Any]) -> list[NDArray[Any]]:
    import jax

    by_all = tuple(range(len(arguments)))
    (_, value), gradients = jax.value_and_grad(total, argnums=by_all, has_aux=True)(*arguments)
    return [host(value), *map(host, gradients)]


def _by_torch(total: Callable[..., Any], arguments: Sequence[Any]) -> list[NDArray[Any]]:
    watched = [argument.detach().clone().requires_grad_() for argument in arguments]
    summed, value = total(*watched)
    summed.backward()
    return [host(value), *(host(argument.grad) for argument in watched)]
