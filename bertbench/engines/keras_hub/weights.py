"""From transformers' tensors to KerasHub's variables, and back: kernels lie the other way round, and by heads."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]


def to_variable(name: str, tensor: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
    """The value of a variable of *shape*.

    Args:
        name: Of the tensor, in transformers' BertForSequenceClassification.
        tensor: Matrices as (outputs, inputs).
        shape: Kernels as (inputs, outputs), inputs or outputs split into (heads, head size) in attention.
    """
    return np.ascontiguousarray((tensor.T if _is_kernel(name) else tensor).reshape(shape))


def to_tensor(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The reverse of `to_variable`."""
    if not _is_kernel(name):
        return values.reshape(-1) if name.endswith(".bias") else values
    splits_outputs = ".attention.self." in name
    inputs = values.shape[0] if splits_outputs else math.prod(values.shape[:-1])
    return np.ascontiguousarray(values.reshape(inputs, -1).T)


def _is_kernel(name: str) -> bool:
    return name.endswith(".weight") and "LayerNorm" not in name and "_embeddings" not in name
