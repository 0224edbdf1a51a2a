"""What an engine is: a way of fine-tuning BERT for one spec, seen by the training page through this protocol alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bertbench.checkpoints import Checkpoint
from bertbench.data.batches import PackedBatch
from bertbench.spec import Spec


def _unknown() -> NDArray[np.int64]:
    """Lengths of no row."""
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Task:
    """All that an engine must know before the first step, besides the rows themselves.

    Attributes:
        spec: The benchmark.
        checkpoint: Pretrained weights, digests already checked.
        label_names: Class names; their number is the width of the head.
        vocabulary_in_use: int32 (n,), sorted ids of all WordPieces of any split and the special ones.
        total_steps: Training steps of the whole run (all epochs), for the learning-rate schedule.
        longest_row_tokens: Longest row of any split.
        base_folder: That of the spec, from where a factory of the user's own is looked for.
        train_lengths: int64 (rows,), tokens of each training row, which augmentation can only shorten; empty if not
            known. For engines that compile for fixed shapes: by these they know which ones come.
        validation_lengths: int64 (rows,), likewise, in the order in which they are validated on.
    """

    spec: Spec
    checkpoint: Checkpoint
    label_names: tuple[str, ...]
    vocabulary_in_use: NDArray[np.int32]
    total_steps: int
    longest_row_tokens: int
    base_folder: Path = Path()
    train_lengths: NDArray[np.int64] = field(default_factory=_unknown)
    validation_lengths: NDArray[np.int64] = field(default_factory=_unknown)


@dataclass(frozen=True)
class StepResult:
    """What one training step measured, on rows as the training pass saw them (dropout on).

    Attributes:
        loss: Sum over rows of row weight times cross-entropy, in nats, divided by the number of rows.
        gradient_norm: Euclidean norm over all dense gradients, before clipping, loss scaling undone.
        predictions: int32 (rows,), most likely class of each row.
        learning_rate: The rate this step really applied.
    """

    loss: float
    gradient_norm: float
    predictions: NDArray[np.int32]
    learning_rate: float


class Engine(Protocol):
    """A library that computes. One object lives for all seeds of a spec in one process."""

    @property
    def name(self) -> str:
        """Name as in the spec."""

    def prepare(self, seed: int) -> None:
        """Put back pretrained weights, a head drawn from *seed*, fresh optimizer and dropout state."""

    def trace(self, train: PackedBatch, validation: PackedBatch) -> None:
        """Compile what is compiled, leaving weights, optimizer and dropout state as `prepare` made them."""

    def train_step(self, batch: PackedBatch) -> StepResult:
        """One update of the weights; returns when the device is done."""

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        """float32 (rows, classes), dropout off; returns when the device is done."""

    def recipe(self) -> Mapping[str, Any]:
        """Live values read back from the running engine: optimizer's config, what it decays, dtypes, network, dropout.

        Which of them are held against the spec is in docs/method.md, Recipe lock; one that is missing was not shown.
        A model with other variables than BERT's names those that are trained (`trainable_variables`) beside those that
        are `decayed`. What an engine cannot show it names under `not_held`, with a reason for each part of the lock:
        the verdict leaves those parts out, and says so.
        """

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Names (as in transformers' BertForSequenceClassification) and values, sorted by name, one at a time.

        The word embeddings are those in use only, in the order of `Task.vocabulary_in_use`.
        """

    def state(self) -> dict[str, NDArray[Any]]:
        """All that a resumed run needs: weights, optimizer, dropout state, step."""

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a `state`, to the same bits."""

    def matmul_seconds(self, size: int) -> float:
        """Seconds of one float32 matrix product size x size x size in this library, on this device."""

    def flops(self, batch: PackedBatch) -> float:
        """Floating-point operations that one training step on *batch* needs, as defined in docs/method.md.

        0 if that is not known; utilization is then not measured.
        """

    def save(self, folder: Path) -> None:
        """Write a folder that transformers and KerasHub load: config.json, model.safetensors, tokenizer files."""
