"""Which training step belongs to which Keras backend."""

from __future__ import annotations

from typing import Any

import keras

from bertbench.data.packing import validation_batch_size
from bertbench.engines.native.bert import Bert
from bertbench.engines.native.operations import Operations
from bertbench.engines.native.shapes import ShapeTable, shape_table
from bertbench.engines.native.steps import Steps
from bertbench.engines.protocol import Task
from bertbench.errors import EngineError


def require_backend(wanted: str) -> None:
    """Refuse to compute on another backend than the spec's.

    Raises:
        EngineError: If Keras was loaded with another backend.
    """
    if (loaded := keras.backend.backend()) != wanted:
        raise EngineError(
            f"runtime.backend: the spec asks for {wanted}, and Keras was loaded with {loaded}",
            remedy=f"Set KERAS_BACKEND={wanted} before anything imports keras.",
        )


def operations() -> Operations:
    """The operations of the backend that Keras was loaded with."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from bertbench.engines.native import tensorflow_operations

        return tensorflow_operations
    if backend == "jax":
        from bertbench.engines.native import jax_operations

        return jax_operations
    from bertbench.engines.native import operations as plain

    return plain


def create_steps(bert: Bert, optimizer: Any, task: Task) -> Steps:
    """Training and inference on the backend that Keras was loaded with.

    Args:
        bert: The network.
        optimizer: Built on its variables.
        task: Says how long rows are, where that decides what is compiled.

    Raises:
        EngineError: If there is none for it.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from bertbench.engines.native.tensorflow_steps import TensorFlowSteps

        return TensorFlowSteps(bert, optimizer)
    if backend == "torch":
        from bertbench.engines.native.torch_steps import TorchSteps

        return TorchSteps(bert, optimizer)
    if backend == "jax":
        from bertbench.engines.native.jax_steps import JaxSteps

        return JaxSteps(bert, optimizer, _shapes(bert, task))
    raise EngineError(
        f"runtime.backend: the native engine has no training step for {backend}",
        remedy="Use runtime.backend = 'tensorflow', 'jax' or 'torch'.",
    )


def _shapes(bert: Bert, task: Task) -> ShapeTable:
    """That the batches of *task* are padded to."""
    training = task.spec.training
    return shape_table(
        task.train_lengths,
        task.validation_lengths,
        batch_sizes=(training.batch_size, validation_batch_size(training.batch_size)),
        shuffle=training.shuffle,
        head_size=bert.config.head_size,
    )
