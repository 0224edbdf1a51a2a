"""A user's compiled model with its optimizer: variables by name, whichever of the two Keras it is of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.errors import EngineError

Values = dict[str, NDArray[Any]]


class LiveModel:
    """Reads and writes everything that changes while a model is trained.

    Attributes:
        model: The user's.
        optimizer: The one that knows its numbers; within a loss-scaling one, if there is one around it.
        weight_variables: Of the model, by name.
        everything: Weights, random state and the optimizer's variables, by name.
    """

    def __init__(self, model: Any, *, like: LiveModel | None = None) -> None:
        """Give every variable a name; the model has all of its own by now.

        Args:
            model: Compiled, and built.
            like: An earlier one of the same factory, whose names it takes on: libraries number them on.
        """
        self.model = model
        outer = model.optimizer
        self.optimizer = getattr(outer, "inner_optimizer", outer)
        if hasattr(outer, "build"):
            outer.build(model.trainable_variables)
        self.weight_variables = _named(model.weights)
        others = [variable for variable in model.variables if id(variable) not in set(map(id, model.weights))]
        self.everything = {
            **{f"model/{name}": variable for name, variable in self.weight_variables.items()},
            **{f"random/{name}": variable for name, variable in _named(others).items()},
            **{f"optimizer/{name}": variable for name, variable in _named(_optimizer_variables(outer)).items()},
        }
        if like is not None and like.fits(self):
            self.weight_variables = dict(zip(like.weight_variables, self.weight_variables.values(), strict=True))
            self.everything = dict(zip(like.everything, self.everything.values(), strict=True))

    def weights(self) -> Values:
        """Of the model alone, by the model's own names for them."""
        return {name: value_of(variable) for name, variable in self.weight_variables.items()}

    def values(self) -> Values:
        """Copies of everything."""
        return {name: value_of(variable) for name, variable in self.everything.items()}

    def fits(self, other: LiveModel) -> bool:
        """Whether the other model has the same variables, so that its values can be put in here."""
        mine, theirs = (_shapes(model.everything.values()) for model in (self, other))
        return mine == theirs and len(self.weight_variables) == len(other.weight_variables)

    def take_over(self, values: Iterable[NDArray[Any]]) -> None:
        """Put in *values* of every variable, in their order: names of two models of one factory may be numbered on."""
        for variable, value in zip(self.everything.values(), values, strict=True):
            variable.assign(value)

    def load(self, values: Mapping[str, NDArray[Any]], *, engine: str) -> None:
        """Put back what `values` gave.

        Raises:
            EngineError: If it is of another model; nothing is changed then.
        """
        shapes = {name: tuple(variable.shape) for name, variable in self.everything.items()}
        given = {name: array.shape for name, array in values.items()}
        if different := sorted(name for name in shapes.keys() | given if shapes.get(name) != given.get(name)):
            name = different[0]
            raise EngineError(
                f"engine {engine}: cannot continue from this state: {name} has shape {given.get(name, 'none')}, "
                f"expected {shapes.get(name, 'none')} ({len(different)} of {len(shapes)} differ)",
                remedy="Continue with the factory that the state was saved under.",
            )
        for name, variable in self.everything.items():
            variable.assign(values[name])


def value_of(variable: Any) -> NDArray[Any]:
    """On the host, as a copy that later steps do not change."""
    tensor = variable.value if hasattr(variable, "value") and not callable(variable.value) else variable
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
    return np.array(tensor.numpy())


def named(things: Iterable[Any], name_of: Callable[[Any], str]) -> dict[str, Any]:
    """*things* by name; the second of a name is numbered."""
    by_name: dict[str, Any] = {}
    for thing in things:
        name = base = name_of(thing)
        number = 2
        while name in by_name:
            name, number = f"{base}_{number}", number + 1
        by_name[name] = thing
    return by_name


def _named(variables: Iterable[Any]) -> dict[str, Any]:
    """By path (Keras 3) or name (tf-keras)."""
    return named(variables, lambda variable: str(getattr(variable, "path", variable.name)).removesuffix(":0"))


def _optimizer_variables(optimizer: Any) -> list[Any]:
    variables = optimizer.variables
    return list(variables() if callable(variables) else variables)


def _shapes(variables: Iterable[Any]) -> list[tuple[tuple[int, ...], str]]:
    return [(tuple(variable.shape), str(variable.dtype)) for variable in variables]
