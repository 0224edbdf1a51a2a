"""Everything that changes while training: put to its beginning, taken away, brought back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bertbench.engines.limits import refuse_other_state
from bertbench.engines.transformers_tf.network import Tensor, generator_of

_STEPS_DONE = "engine/steps_done"


class LiveState:
    """The variables of network, optimizer and dropout, under one set of names.

    Attributes:
        steps_done: Training steps since the beginning; the learning-rate schedule reads it.
    """

    def __init__(self, tensors: Mapping[str, Tensor], dropouts: Mapping[str, Any], optimizer: Any) -> None:
        """Remember how the optimizer begins.

        Args:
            tensors: Of the network, by name.
            dropouts: Layers, by operation.
            optimizer: Built, not yet used.
        """
        self.steps_done = 0
        self._tensors = tensors
        self._generators = {name: generator_of(dropout) for name, dropout in dropouts.items()}
        # Of some optimizers two variables have the same name.
        self._optimizer = {
            f"{number:03}/{variable.name}": variable for number, variable in enumerate(optimizer.variables)
        }
        # Nearly all begin as zeros, which need not be kept.
        self._not_zero = {name: values for name, v in self._optimizer.items() if (values := _copy_of(v)).any()}

    def begin(self, values: Mapping[str, NDArray[np.float32]], seeds: Mapping[str, int]) -> None:
        """Put everything to its beginning.

        Args:
            values: Of every tensor, by name.
            seeds: Of every dropout, by operation.
        """
        for name, tensor in self._tensors.items():
            tensor.assign(values[name])
        for name, variable in self._optimizer.items():
            zeros = np.zeros(variable.shape, variable.dtype.as_numpy_dtype)
            variable.assign(self._not_zero.get(name, zeros))
        self.reseed(seeds)
        self.steps_done = 0

    def reseed(self, seeds: Mapping[str, int]) -> None:
        """Begin the stream of each dropout anew.

        The seed is the generator's key. TensorFlow's own way from a seed makes it the counter instead, under one key
        for all, so that streams of near seeds are the same numbers a few draws apart.
        """
        for name, generator in self._generators.items():
            generator.reset_from_key_counter(seeds[name], [0, 0])

    def dropout_states(self) -> dict[str, list[int]]:
        """Seed of each dropout, and the number of blocks of random numbers drawn since."""
        return {name: _seed_and_draws(generator) for name, generator in self._generators.items()}

    def save(self) -> dict[str, NDArray[Any]]:
        """Copies of everything, by name."""
        return {name: _copy_of(variable) for name, variable in self._all().items()} | {
            _STEPS_DONE: np.array(self.steps_done, np.int64)
        }

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Bring everything back.

        Raises:
            EngineError: If *state* was saved by another network or optimizer; nothing is changed then.
        """
        variables = self._all()
        shapes = {name: tuple(variable.shape) for name, variable in variables.items()} | {_STEPS_DONE: ()}
        refuse_other_state(state, shapes, engine="transformers-tf")
        for name, variable in variables.items():
            variable.assign(state[name])
        self.steps_done = int(state[_STEPS_DONE])

    def _all(self) -> dict[str, Any]:
        return {
            **{f"model/{name}": tensor.variable for name, tensor in self._tensors.items()},
            **{f"optimizer/{name}": variable for name, variable in self._optimizer.items()},
            **{f"random/{name}": generator.state for name, generator in self._generators.items()},
        }


def _seed_and_draws(generator: tf.random.Generator) -> list[int]:
    """Of a Philox generator: its state is a counter of two numbers and the key, which is the seed."""
    low, high, key = (int(number) for number in generator.state.numpy())
    return [key, low + (high << 64)]


def _copy_of(variable: Any) -> NDArray[Any]:
    return np.array(variable.numpy())
