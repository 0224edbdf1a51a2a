"""Everything that changes while training: put to its beginning, taken away, brought back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bertbench.engines.limits import refuse_other_state
from bertbench.engines.transformers_torch.updates import Parameters

_STEPS_DONE, _RANDOM = "engine/steps_done", "random/generator"


class LiveState:
    """Parameters, the optimizer's moments and the random numbers' state, under one set of names.

    Attributes:
        steps_done: Training steps since the beginning; the learning-rate schedule reads it.
    """

    def __init__(self, parameters: Parameters, optimizer: torch.optim.Optimizer, generator: torch.Generator) -> None:
        """Nothing is changed yet.

        Args:
            parameters: Of the network, by name.
            optimizer: On these parameters.
            generator: From which the network draws.
        """
        self.steps_done = 0
        self._parameters = parameters
        self._optimizer = optimizer
        self._generator = generator

    def begin(self, values: Mapping[str, torch.Tensor], *, seed: int) -> None:
        """Put everything to its beginning.

        Args:
            values: Of every parameter, by name.
            seed: Of all random numbers.
        """
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(values[name])
        self._optimizer.zero_grad()
        self._optimizer.state.clear()
        torch.manual_seed(seed)
        self.steps_done = 0

    @property
    def draws(self) -> tuple[int, int]:
        """Seed of the random numbers, and 0 if none was drawn since."""
        seed = self._generator.initial_seed()
        fresh = torch.Generator(self._generator.device).manual_seed(seed)
        return seed, int(not torch.equal(fresh.get_state(), self._generator.get_state()))

    def save(self) -> dict[str, NDArray[Any]]:
        """Copies of everything, by name."""
        return {
            **{f"model/{name}": copy_of(parameter) for name, parameter in self._parameters.items()},
            **{name: copy_of(value) for name, value in self._moments().items()},
            _RANDOM: copy_of(self._generator.get_state()),
            _STEPS_DONE: np.array(self.steps_done, np.int64),
        }

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Bring everything back.

        Raises:
            EngineError: If *state* was saved by another network or optimizer; nothing is changed then.
        """
        self._refuse_other(state)
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(torch.from_numpy(state[f"model/{name}"].copy()))
        self._optimizer.state.clear()
        for name, parameter in self._parameters.items():
            prefix = f"optimizer/{name}/"
            moments = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            if moments:
                self._optimizer.state[parameter] = {
                    key: torch.from_numpy(value.copy()).to(parameter.device) for key, value in moments.items()
                }
        self._generator.set_state(torch.from_numpy(state[_RANDOM].copy()))
        self.steps_done = int(state[_STEPS_DONE])

    def _moments(self) -> dict[str, torch.Tensor]:
        """What the optimizer keeps of each parameter, by name."""
        return {
            f"optimizer/{name}/{key}": value
            for name, parameter in self._parameters.items()
            for key, value in self._optimizer.state.get(parameter, {}).items()
            if isinstance(value, torch.Tensor)
        }

    def _refuse_other(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Raise if anything is missing, has another shape, or is none of ours."""
        wanted: dict[str, tuple[int, ...]] = {
            f"model/{name}": tuple(parameter.shape) for name, parameter in self._parameters.items()
        }
        wanted |= {_STEPS_DONE: (), _RANDOM: tuple(self._generator.get_state().shape)}
        if np.any(state.get(_STEPS_DONE, 0)):  # before the first step the optimizer keeps nothing
            wanted |= self._shapes_of_moments()
        refuse_other_state(state, wanted, engine="transformers-torch")

    def _shapes_of_moments(self) -> dict[str, tuple[int, ...]]:
        """Of all that the optimizer keeps once it has made a step, by name."""
        names = {id(parameter): name for name, parameter in self._parameters.items()}
        return {
            f"optimizer/{names[id(parameter)]}/{key}": () if key == "step" else tuple(parameter.shape)
            for group in self._optimizer.param_groups
            for parameter in group["params"]
            if parameter.requires_grad
            for key in _kept(group)
        }


def _kept(group: Mapping[str, Any]) -> tuple[str, ...]:
    """What Adam and AdamW, or SGD, keep of each parameter of a group."""
    if "betas" in group:
        return ("step", "exp_avg", "exp_avg_sq", *(("max_exp_avg_sq",) if group["amsgrad"] else ()))
    return ("momentum_buffer",) if group["momentum"] else ()


def copy_of(tensor: torch.Tensor) -> NDArray[Any]:
    """Value on the host that later steps do not change."""
    return np.array(tensor.detach().cpu().numpy())
