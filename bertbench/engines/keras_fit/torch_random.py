"""PyTorch's own streams of random numbers, from which layers of Keras draw that were given no seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PROCESSOR, _GPU = NAMES = ("random/torch", "random/torch_cuda")


def save() -> dict[str, NDArray[Any]]:
    """Their states, by name."""
    import torch

    states = {_PROCESSOR: torch.get_rng_state()}
    if torch.cuda.is_available():
        states[_GPU] = torch.cuda.get_rng_state()
    return {name: np.array(state.numpy()) for name, state in states.items()}


def load(state: Mapping[str, NDArray[Any]]) -> None:
    """Put back what `save` gave."""
    import torch

    if _PROCESSOR in state:
        torch.set_rng_state(torch.from_numpy(state[_PROCESSOR].copy()))
    if _GPU in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(torch.from_numpy(state[_GPU].copy()))
