"""What is computed on measured tensors of PyTorch; see `watching.TensorLibrary`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from keras import ops


def norm(gradients: Sequence[torch.Tensor]) -> torch.Tensor:
    """Euclidean norm over all gradients, which are dense here."""
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(gradient.float()) for gradient in gradients]))


def scalar(value: Any) -> torch.Tensor:
    """*value* as it is now: a variable is read, and copied."""
    return ops.convert_to_tensor(value).detach().float().reshape(()).clone()


def pack(numbers: Sequence[torch.Tensor], logits: torch.Tensor) -> torch.Tensor:
    """float32 holds every class number below 2**24 exactly."""
    classes = logits.detach().argmax(dim=-1).float()
    return torch.cat([torch.stack([number.to(classes.device) for number in numbers]), classes])
