"""Everything that changes while training: put to its beginning, taken away, brought back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bertbench.engines.limits import refuse_other_state
from bertbench.engines.native.operations import on_host

_STEPS_DONE = "engine/steps_done"


class Drops(Protocol):
    """A place of dropout, as far as its state goes.

    Attributes:
        name: Of the random operation.
        generator: Keras' own.
    """

    name: str

    @property
    def generator(self) -> Any:
        """Keras' own."""

    def reseed(self, seed: int) -> None:
        """Begin the stream of *seed*: no draw made."""


class LiveState:
    """The variables of network, optimizer and dropout, under one set of names.

    Attributes:
        steps_done: Training steps since the beginning; the learning-rate schedule reads it.
    """

    def __init__(
        self,
        variables: Mapping[str, Any],
        dropouts: Mapping[str, Drops],
        optimizer: Any,
        *,
        engine: str = "native",
    ) -> None:
        """Remember how the optimizer begins.

        Args:
            variables: Parameters of the network, by name.
            dropouts: Its places of dropout, by name.
            optimizer: Built, not yet used.
            engine: Whose they are, for messages.
        """
        self.steps_done = 0
        self._engine = engine
        self._parameters = dict(variables)
        self._dropouts = dict(dropouts)
        self._optimizer = {variable.path: variable for variable in optimizer.variables}
        # Nearly all begin as zeros, which need not be kept.
        self._not_zero = {
            path: values for path, variable in self._optimizer.items() if (values := numpy_of(variable)).any()
        }

    def begin(self, parameters: Mapping[str, NDArray[np.float32]], seeds: Mapping[str, int]) -> None:
        """Put everything to its beginning.

        Args:
            parameters: Values of every parameter, by name.
            seeds: Seed of every dropout, by name.
        """
        for name, variable in self._parameters.items():
            variable.assign(parameters[name])
        for path, variable in self._optimizer.items():
            variable.assign(
                self._not_zero[path] if path in self._not_zero else np.zeros(variable.shape, variable.dtype)
            )
        for dropout in self._dropouts.values():
            dropout.reseed(seeds[dropout.name])
        self.steps_done = 0

    def parameters(self) -> dict[str, NDArray[np.float32]]:
        """Values of every parameter, by name."""
        return {name: numpy_of(variable) for name, variable in self._parameters.items()}

    def save(self) -> dict[str, NDArray[Any]]:
        """Copies of everything, by name."""
        values = {name: numpy_of(variable) for name, variable in self._all().items()}
        return values | {_STEPS_DONE: np.array(self.steps_done, np.int64)}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Bring everything back.

        Raises:
            EngineError: If *state* was saved by another network or optimizer; nothing is changed then.
        """
        variables = self._all()
        shapes = {name: tuple(variable.shape) for name, variable in variables.items()} | {_STEPS_DONE: ()}
        refuse_other_state(state, shapes, engine=self._engine)
        for name, variable in variables.items():
            variable.assign(state[name])
        self.steps_done = int(state[_STEPS_DONE])

    def _all(self) -> dict[str, Any]:
        return {
            **{f"model/{name}": variable for name, variable in self._parameters.items()},
            **{f"optimizer/{path}": variable for path, variable in self._optimizer.items()},
            **{f"random/{name}": dropout.generator.state for name, dropout in self._dropouts.items()},
        }


def numpy_of(variable: Any) -> NDArray[Any]:
    """Value of a Keras variable on the host, as a copy that later steps do not change."""
    return on_host(variable.value)
