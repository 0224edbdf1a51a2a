"""Makes an engine of what a factory of the user's own returns: a compiled Keras model, or an engine."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from bertbench.engines.keras_fit import LibraryThread
from bertbench.engines.own_model.compiled import CompiledModelEngine, as_made, is_keras_model, make
from bertbench.engines.own_model.factory import Factory, find_factory
from bertbench.engines.protocol import Engine, Task
from bertbench.errors import EngineError

#: What an object must be able to do to be an engine.
_METHODS = tuple(name for name, _ in inspect.getmembers(Engine, inspect.isfunction) if not name.startswith("_"))
#: Having one of these, it is meant as an engine, and what is missing is named.
_TELLING = ("train_step", "logits", "prepare")


def create(task: Task) -> Engine:
    """The engine that `engine = "python:package.module:factory"` asks for.

    The factory is called under a seed that is derived from that of the run; see `compiled.CompiledModelEngine` and, for
    what is expected of it, docs/your-own-model.md.

    Raises:
        EngineError: If there is no such factory, if it raises, or returns something else.
    """
    name = task.spec.engine
    # Keras keeps its global settings by thread: what the factory sets must hold where the model is trained.
    thread = LibraryThread("bertbench own model")

    def found_and_called() -> tuple[Factory, Any]:
        factory = find_factory(name, task.base_folder)
        return factory, make(factory, task, task.spec.training.seeds[0])

    factory, returned = thread.call(found_and_called)
    made = as_made(returned)
    if is_keras_model(made.model):
        return CompiledModelEngine(task, factory, made, thread)
    _refuse_no_engine(returned, name)
    return _Named(returned, factory)


def _refuse_no_engine(thing: Any, name: str) -> None:
    """Raise if *thing* lacks a method of the protocol.

    Raises:
        EngineError: With what is missing.
    """
    missing = [method for method in _METHODS if not callable(getattr(thing, method, None))]
    if not missing:
        return
    kind = f"{type(thing).__module__}.{type(thing).__qualname__}"
    if not any(hasattr(thing, method) for method in _TELLING):
        raise EngineError(
            f"engine {name}: the factory returned {kind}, expected a compiled model of Keras 3 or tf-keras, that and "
            "what its inputs are, or an engine",
            remedy="docs/your-own-model.md shows each of them.",
        )
    raise EngineError(
        f"engine {name}: {kind} lacks {', '.join(missing)}",
        remedy="bertbench/engines/protocol.py says what each method of an engine does.",
    )


class _Named:
    """An engine of the user's own under the name that the spec has for it."""

    def __init__(self, engine: Any, factory: Factory) -> None:
        self._engine = engine
        self._factory = factory
        self.name = factory.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def recipe(self) -> Mapping[str, Any]:
        """What the engine shows, which engine it is, and the digest of the file that made it."""
        return {**self._engine.recipe(), "engine": self.name, "factory": self._factory.facts()}
