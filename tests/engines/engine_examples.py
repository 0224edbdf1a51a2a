"""Batches, engines and reference updates that the tests of the engine share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from engine_backends import BACKEND
from numpy.typing import NDArray
from tiny_bert import SPECIAL_TOKENS, tiny_vocabulary

from bertbench.checkpoints import open_checkpoint
from bertbench.data.batches import PackedBatch
from bertbench.engines import Task
from bertbench.spec import CheckpointSpec, ModelSpec, RuntimeSpec, Spec

if TYPE_CHECKING:
    from bertbench.engines.native.engine import NativeEngine

VOCABULARY = len(tiny_vocabulary())
WORDS_IN_USE = np.arange(len(SPECIAL_TOKENS) + 40, dtype=np.int32)
LONGEST = 40
TOTAL_STEPS = 12
WORD_EMBEDDINGS = "bert.embeddings.word_embeddings.weight"

#: No dropout, and a head wide enough for logits of the order of one.
NO_DROPOUT = ModelSpec(
    hidden_dropout_rate=0.0, attention_dropout_rate=0.0, classifier_dropout_rate=0.0, head_standard_deviation=0.3
)


def make_batch(
    lengths: Sequence[int],
    *,
    seed: int = 0,
    labels: int = 3,
    words: int = len(WORDS_IN_USE),
    pairs: bool = False,
    row_weights: Sequence[float] | None = None,
) -> PackedBatch:
    """Rows of random WordPieces; with few *words*, many are repeated.

    Args:
        lengths: Tokens of each row.
        seed: Of ids and labels.
        labels: Classes.
        words: Ids are below this.
        pairs: Whether the second half of each row is a second sentence.
        row_weights: Of the loss; ones if not given.
    """
    generator = np.random.default_rng(seed)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    positions = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    return PackedBatch(
        token_ids=generator.integers(len(SPECIAL_TOKENS), words, offsets[-1]).astype(np.int32),
        segment_ids=((positions >= np.repeat(lengths, lengths) / 2) & pairs).astype(np.int32),
        positions=positions.astype(np.int32),
        offsets=offsets,
        labels=generator.integers(0, labels, len(lengths)).astype(np.int32),
        row_weights=np.asarray(np.ones(len(lengths)) if row_weights is None else row_weights, np.float32),
        rows=np.arange(len(lengths)),
    )


def select_rows(batch: PackedBatch, rows: Sequence[int]) -> PackedBatch:
    """The given *rows* of *batch*, in the given order."""
    spans = [slice(batch.offsets[row], batch.offsets[row + 1]) for row in rows]

    def tokens(values: NDArray[np.int32]) -> NDArray[np.int32]:
        return np.concatenate([values[span] for span in spans])

    lengths = [span.stop - span.start for span in spans]
    return PackedBatch(
        token_ids=tokens(batch.token_ids),
        segment_ids=tokens(batch.segment_ids),
        positions=tokens(batch.positions),
        offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int32),
        labels=batch.labels[list(rows)],
        row_weights=batch.row_weights[list(rows)],
        rows=batch.rows[list(rows)],
    )


def make_task(
    folder: Path,
    *,
    labels: int = 3,
    words: NDArray[np.int32] = WORDS_IN_USE,
    total_steps: int = TOTAL_STEPS,
    longest: int = LONGEST,
    **spec: Any,
) -> Task:
    """A task on the checkpoint in *folder*; *spec* are fields of the spec."""
    checkpoint = CheckpointSpec(source=f"path:{folder}")
    spec.setdefault("runtime", RuntimeSpec(backend=BACKEND))
    return Task(
        spec=Spec(name="tiny", checkpoint=checkpoint, **spec),
        checkpoint=open_checkpoint(checkpoint, base_folder=folder),
        label_names=tuple(f"class {number}" for number in range(labels)),
        vocabulary_in_use=words,
        total_steps=total_steps,
        longest_row_tokens=longest,
    )


def make_engine(folder: Path, *, seed: int = 0, **task: Any) -> NativeEngine:
    """An engine, prepared for *seed*; *task* as `make_task` takes it."""
    from bertbench.engines.native.engine import NativeEngine  # loads the backend, which is configured first

    engine = NativeEngine(make_task(folder, **task))
    engine.prepare(seed)
    return engine


def weights_of(engine: NativeEngine) -> dict[str, NDArray[np.float32]]:
    """All weights by name, copied."""
    return {name: values.copy() for name, values in engine.weights()}


def distance(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> float:
    """Largest difference of any element of any array."""
    assert one.keys() == other.keys()
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


class NumpyAdam:
    """Adam in float64, with epsilon added before bias correction as Keras does."""

    def __init__(self, rate: float, *, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> None:
        self._rate, self._beta_1, self._beta_2, self._epsilon = rate, beta_1, beta_2, epsilon
        self._steps = 0
        self._mean: dict[str, NDArray[np.float64]] = {}
        self._square: dict[str, NDArray[np.float64]] = {}

    def step(
        self, values: Mapping[str, NDArray[Any]], gradients: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[np.float64]]:
        """*values* after one update."""
        self._steps += 1
        correction = np.sqrt(1 - self._beta_2**self._steps) / (1 - self._beta_1**self._steps)
        updated = {}
        for name, value in values.items():
            gradient = gradients[name].astype(np.float64)
            mean = self._mean.get(name, 0.0) * self._beta_1 + (1 - self._beta_1) * gradient
            square = self._square.get(name, 0.0) * self._beta_2 + (1 - self._beta_2) * gradient**2
            self._mean[name], self._square[name] = mean, square
            updated[name] = value - self._rate * correction * mean / (np.sqrt(square) + self._epsilon)
        return updated


def norm_of(gradients: Mapping[str, NDArray[Any]]) -> float:
    """Euclidean norm of all arrays together."""
    return float(np.sqrt(sum(np.sum(np.square(values, dtype=np.float64)) for values in gradients.values())))
