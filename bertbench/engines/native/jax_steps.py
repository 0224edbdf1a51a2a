"""Training and inference on JAX: programs without side effects, one compiled for each shape of batches.

Everything that changes goes in and comes out: parameters, the optimizer's variables, and the state of every dropout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from numpy.typing import NDArray

from bertbench.engines.native.bert import Bert
from bertbench.engines.native.layout import INPUT_NAMES, OF_LOSS, Layout
from bertbench.engines.native.shapes import Shape, ShapeTable
from bertbench.engines.native.steps import predictions, weighted_loss
from bertbench.engines.products import matmul_seconds
from bertbench.engines.protocol import StepResult

Arrays = list[jax.Array]
Given = dict[str, jax.Array]


class JaxSteps:
    """Implements `steps.Steps`."""

    def __init__(self, bert: Bert, optimizer: Any, shapes: ShapeTable) -> None:
        """Nothing is compiled yet.

        Args:
            bert: The network.
            optimizer: Built on the network's variables, in their order.
            shapes: That batches will have.
        """
        self._bert = bert
        self._optimizer = optimizer
        self.shapes = shapes
        self.traces = {"train": 0, "logits": 0}
        self._parameters = list(bert.variables.values())
        self._of_optimizer = list(optimizer.variables)
        self._random = [dropout.generator.state for dropout in bert.dropouts.values()]
        self._rate = _place(self._of_optimizer, optimizer.learning_rate)
        self._programs: dict[tuple[str, Shape], Any] = {}
        self._functions: dict[str, Callable[..., Any]] = {
            "train": self._train_step,
            "logits": self._inference,
            "gradients": self._dense_gradients,
        }
        _watch_cache()

    def compile(self) -> None:
        """Compile for every shape of the table, or fetch what was compiled before from the cache on disk."""
        for shape in self.shapes.train:
            self._program("train", shape)
        for shape in self.shapes.validation:
            self._program("logits", shape)

    def facts(self) -> dict[str, Any]:
        """Shapes that batches are padded to, and how many programs came from the cache on disk."""
        return {
            "shapes": {
                "train": [shape.as_json() for shape in self.shapes.train],
                "validation": [shape.as_json() for shape in self.shapes.validation],
            },
            "programs": {"compiled": len(self._programs), "from_disk": _from_disk["programs"]},
        }

    def train(self, layout: Layout, learning_rate: float) -> StepResult:
        """One update; returns when the device is done."""
        rate = np.float32(learning_rate)
        seen, *changed = self._program("train", _shape(layout))(*self._state(), rate, _inputs(layout, INPUT_NAMES))
        for variables, values in zip((self._parameters, self._of_optimizer, self._random), changed, strict=True):
            _assign(variables, values)
        loss, norm, classes, applied = jax.device_get(seen)
        return StepResult(
            loss=float(loss),
            gradient_norm=float(norm),
            predictions=classes[layout.place_of_row],
            learning_rate=float(applied),
        )

    def logits(self, layout: Layout) -> NDArray[np.float32]:
        """float32 (rows, labels), dropout off; returns when the device is done."""
        names = [name for name in INPUT_NAMES if name not in OF_LOSS]
        program = self._program("logits", _shape(layout))
        values: NDArray[np.float32] = jax.device_get(program(_values(self._parameters), _inputs(layout, names)))
        return values[layout.place_of_row]

    def gradients(self, layout: Layout) -> dict[str, NDArray[np.float32]]:
        """Dense gradients of the loss by parameter, dropout as in training, nothing updated."""
        scale, _, gradients = self._program("gradients", _shape(layout))(*self._state(), _inputs(layout, INPUT_NAMES))
        return {
            name: np.array(gradient / scale) for name, gradient in zip(self._bert.variables, gradients, strict=True)
        }

    def matmul_seconds(self, size: int) -> float:
        """Seconds of one float32 product size x size x size."""
        return matmul_seconds(size, "jax")

    # Programs

    def _program(self, name: str, shape: Shape) -> Any:
        """Compiled on first use; training gives its old state's memory to the new one."""
        if (name, shape) not in self._programs:
            donated = (0, 1, 2) if name == "train" else ()
            function = jax.jit(partial(self._functions[name], shape), donate_argnums=donated)
            self._programs[name, shape] = function.lower(*self._arguments(name, shape)).compile()
        return self._programs[name, shape]

    def _arguments(self, name: str, shape: Shape) -> tuple[Any, ...]:
        """Shapes and types of a program's arguments."""
        parameters, of_optimizer, random = ([_like(v) for v in _values(kind)] for kind in self._variables())
        sizes = {"tokens": shape.tokens, "rows": shape.rows, "cells": shape.cells}
        heads = self._bert.config.num_attention_heads
        given = {
            "words": sizes["tokens"],
            "segments": sizes["tokens"],
            "positions": sizes["tokens"],
            "first_tokens": sizes["rows"],
            "cell_of_piece": sizes["tokens"] * heads,
            "piece_of_cell": sizes["cells"] * heads,
            "labels": sizes["rows"],
            "row_weights": sizes["rows"],
        }
        inputs = {
            key: jax.ShapeDtypeStruct((size,), np.float32 if key == "row_weights" else np.int32)
            for key, size in given.items()
        }
        if name == "logits":
            return parameters, {key: like for key, like in inputs.items() if key not in OF_LOSS}
        rate = (jax.ShapeDtypeStruct((), np.float32),) if name == "train" else ()
        return parameters, of_optimizer, random, *rate, inputs

    def _train_step(
        self, shape: Shape, parameters: Arrays, of_optimizer: Arrays, random: Arrays, rate: jax.Array, given: Given
    ) -> tuple[tuple[jax.Array, ...], Arrays, Arrays, Arrays]:
        """Loss, gradient norm, predicted classes and the rate that was applied; then everything as it is afterwards."""
        self.traces["train"] += 1  # runs while tracing only
        of_optimizer = [*of_optimizer[: self._rate], rate, *of_optimizer[self._rate + 1 :]]
        scale, (loss, classes, random), gradients = self._dense_gradients(
            shape, parameters, of_optimizer, random, given
        )
        norm = jnp.sqrt(sum(jnp.vdot(gradient, gradient) for gradient in gradients)) / scale
        parameters, of_optimizer = self._optimizer.stateless_apply(of_optimizer, gradients, parameters)
        return (loss, norm, classes, of_optimizer[self._rate]), parameters, of_optimizer, random

    def _dense_gradients(
        self, shape: Shape, parameters: Arrays, of_optimizer: Arrays, random: Arrays, given: Given
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array, Arrays], Arrays]:
        """Scale of the loss; loss, predicted classes, dropout state afterwards; gradients of the scaled loss."""
        inputs = {name: array for name, array in given.items() if name not in OF_LOSS}

        def scaled(parameters: Arrays) -> tuple[jax.Array, Any]:
            known = zip(
                (*self._parameters, *self._of_optimizer, *self._random),
                (*parameters, *of_optimizer, *random),
                strict=True,
            )
            with keras.StatelessScope(state_mapping=list(known)) as scope:
                logits = self._bert.logits(**inputs, rectangles=_flat(shape), training=True)
                loss = weighted_loss(logits, given["labels"], given["row_weights"])
                scale = self._optimizer.scale_loss(jnp.ones((), jnp.float32))
                scaled_loss = self._optimizer.scale_loss(loss)
                afterwards = [scope.get_current_value(variable) for variable in self._random]
            return scaled_loss, (scale, (loss, predictions(logits), afterwards))

        (_, (scale, seen)), gradients = jax.value_and_grad(scaled, has_aux=True)(parameters)
        return scale, seen, gradients

    def _inference(self, shape: Shape, parameters: Arrays, given: Given) -> jax.Array:
        self.traces["logits"] += 1
        with keras.StatelessScope(state_mapping=list(zip(self._parameters, parameters, strict=True))):
            logits: jax.Array = self._bert.logits(**given, rectangles=_flat(shape), training=False)
        return logits

    def _variables(self) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        return self._parameters, self._of_optimizer, self._random

    def _state(self) -> tuple[Arrays, Arrays, Arrays]:
        parameters, of_optimizer, random = (_values(kind) for kind in self._variables())
        return parameters, of_optimizer, random


def _place(variables: Sequence[Any], wanted: Any) -> int:
    """Where *wanted* itself stands among *variables*."""
    return next(place for place, variable in enumerate(variables) if variable is wanted)


def _values(variables: Sequence[Any]) -> Arrays:
    return [variable.value for variable in variables]


def _assign(variables: Sequence[Any], values: Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _like(array: jax.Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def _shape(layout: Layout) -> Shape:
    if layout.shape is None:
        raise ValueError("a layout for JAX has a shape")
    return layout.shape


def _flat(shape: Shape) -> list[int]:
    """Rows and longest row of each group, one after another."""
    return [size for rectangle in shape.rectangles for size in rectangle]


def _inputs(layout: Layout, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    return {name: getattr(layout.inputs, name) for name in names if name != "rectangles"}


#: Programs that this process found in the cache on disk.
_from_disk = {"programs": 0}


@lru_cache(maxsize=1)
def _watch_cache() -> None:
    """Count from now on what the cache on disk had."""

    def count(event: str, **_: Any) -> None:
        if event == "/jax/compilation_cache/cache_hits":
            _from_disk["programs"] += 1

    jax.monitoring.register_event_listener(count)
