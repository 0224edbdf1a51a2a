"""An engine of a few lines of numpy: a linear bag of WordPieces under plain gradient descent. No backend is loaded.

It keeps every batch it is given, so that a test can compute again what the harness made of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.data import PackedBatch
from bertbench.engines.protocol import Engine, StepResult, Task


class FakeEngine:
    """Implements `Engine`: logits of a row are the sum of its WordPieces' columns.

    Attributes:
        trained: Every batch of `train_step`, since the engine was made.
        calls: Names of the methods called, in order, but for those that only look.
    """

    name = "fake"

    def __init__(self, *, classes: int, vocabulary_size: int = 50, learning_rate: float = 0.1) -> None:
        self._shape = (vocabulary_size, classes)
        self._rate = learning_rate
        self._weights = np.zeros(self._shape)
        self.trained: list[PackedBatch] = []
        self.calls: list[str] = []

    @classmethod
    def of(cls, task: Task) -> FakeEngine:
        """As `create_engine` would make it."""
        size = int(task.vocabulary_in_use.max()) + 1
        return cls(classes=len(task.label_names), vocabulary_size=size, learning_rate=task.spec.optimizer.learning_rate)

    def prepare(self, seed: int) -> None:
        self.calls.append(f"prepare {seed}")
        self._weights = np.random.default_rng(seed).normal(0.0, 0.01, self._shape)

    def trace(self, train: PackedBatch, validation: PackedBatch) -> None:
        self.calls.append("trace")

    def train_step(self, batch: PackedBatch) -> StepResult:
        self.calls.append("train_step")
        self.trained.append(batch)
        bags, scores = self._bags(batch), self._scores(batch)
        surprise = np.exp(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))  # (rows, classes), probabilities
        loss = float(np.mean(batch.row_weights * -np.log(surprise[np.arange(batch.row_count), batch.labels])))
        surprise[np.arange(batch.row_count), batch.labels] -= 1.0
        gradient = bags.T @ (surprise * batch.row_weights[:, None]) / batch.row_count
        self._weights = self._weights - self._rate * gradient
        norm = float(np.linalg.norm(gradient))
        return StepResult(loss, norm, scores.argmax(axis=1).astype(np.int32), self._rate)

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        self.calls.append("logits")
        return self._scores(batch).astype(np.float32)

    def recipe(self) -> Mapping[str, Any]:
        return {"learning_rate": self._rate}

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        yield "classifier.weight", self._weights

    def state(self) -> dict[str, NDArray[Any]]:
        self.calls.append("state")
        return {"weights": self._weights.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self.calls.append("restore")
        self._weights = state["weights"].copy()

    def matmul_seconds(self, size: int) -> float:
        return 1e-3

    def flops(self, batch: PackedBatch) -> float:
        return 1e6 * batch.token_count

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        np.save(folder / "weights.npy", self._weights)

    def _bags(self, batch: PackedBatch) -> NDArray[np.float64]:
        """How often each WordPiece is in each row: (rows, vocabulary)."""
        bags = np.zeros((batch.row_count, self._shape[0]))
        np.add.at(bags, (np.repeat(np.arange(batch.row_count), np.diff(batch.offsets)), batch.token_ids), 1.0)
        return bags

    def _scores(self, batch: PackedBatch) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = self._bags(batch) @ self._weights
        return scores


_IS_ENGINE: type[Engine] = FakeEngine  # mypy holds it against the protocol
