"""An engine around another one, for faults that act at its surface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.data import PackedBatch
from bertbench.engines import Engine, StepResult


class WrappedEngine:
    """Implements `Engine` by passing everything on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def name(self) -> str:
        """Of the engine within."""
        return self._engine.name

    def prepare(self, seed: int) -> None:
        """See `Engine.prepare`."""
        self._engine.prepare(seed)

    def trace(self, train: PackedBatch, validation: PackedBatch) -> None:
        """See `Engine.trace`."""
        self._engine.trace(train, validation)

    def train_step(self, batch: PackedBatch) -> StepResult:
        """See `Engine.train_step`."""
        return self._engine.train_step(batch)

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        """See `Engine.logits`."""
        return self._engine.logits(batch)

    def recipe(self) -> Mapping[str, Any]:
        """See `Engine.recipe`."""
        return self._engine.recipe()

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """See `Engine.weights`."""
        return self._engine.weights()

    def state(self) -> dict[str, NDArray[Any]]:
        """See `Engine.state`."""
        return self._engine.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See `Engine.restore`."""
        self._engine.restore(state)

    def matmul_seconds(self, size: int) -> float:
        """See `Engine.matmul_seconds`."""
        return self._engine.matmul_seconds(size)

    def flops(self, batch: PackedBatch) -> float:
        """See `Engine.flops`."""
        return self._engine.flops(batch)

    def save(self, folder: Path) -> None:
        """See `Engine.save`."""
        self._engine.save(folder)
