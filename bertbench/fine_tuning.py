"""One fine-tune: one seed of one spec, from pretrained weights to digests."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertbench import metrics
from bertbench.data import (
    PackedBatch,
    SpecialTokenIds,
    TokenizedSplit,
    augment,
    class_weights,
    epoch_batches,
    row_order,
    steps_per_epoch,
    validation_batch_size,
)
from bertbench.digests import digest_arrays, digest_numbers
from bertbench.engines.protocol import Engine
from bertbench.errors import NonFiniteLossError
from bertbench.evidence import Witness, weights_and_facts
from bertbench.observers import Observer
from bertbench.phases import PhaseClock
from bertbench.quantities import quality_of
from bertbench.record import Digests, EpochRow, Failure, Outcome, Quality, SeedRun, StepSeries, VariableFacts
from bertbench.runtime import peak_memory_mebibytes
from bertbench.spec import EarlyStoppingSpec, Spec
from bertbench.utilization import UtilizationProbe


@dataclass(frozen=True)
class Rows:
    """What a seed is trained and validated on.

    Attributes:
        train: Training rows.
        validation: Validation rows.
        label_names: Class names.
        special: Ids that augmentation must not touch, and [MASK].
    """

    train: TokenizedSplit
    validation: TokenizedSplit
    label_names: tuple[str, ...]
    special: SpecialTokenIds


class Step(NamedTuple):
    """One training step, as in `StepSeries`."""

    loss: float
    gradient_norm: float
    learning_rate: float
    seconds: float
    rows: int
    tokens: int


@dataclass
class SeedProgress:
    """A seed while it runs. Turned into a `SeedRun` whenever somebody wants to know.

    Each step and each epoch is added in one piece: Ctrl-C may come between any two lines.
    """

    seed: int
    witness: Witness = field(default_factory=Witness)
    clock: PhaseClock = field(default_factory=PhaseClock)
    steps: list[Step] = field(default_factory=list)
    epochs: list[EpochRow] = field(default_factory=list)
    logits: list[NDArray[np.float32]] = field(default_factory=list)
    probe: UtilizationProbe | None = None
    live_recipe: dict[str, object] = field(default_factory=dict)
    variables: dict[str, VariableFacts] = field(default_factory=dict)
    confusion: NDArray[np.int64] | None = None
    best_epoch_restored: int | None = None

    @property
    def epoch(self) -> int:
        """The epoch that runs now, from 0."""
        return len(self.epochs)

    @property
    def step(self) -> int:
        """The step that runs now, from 0, over all epochs."""
        return len(self.steps)

    @property
    def losses(self) -> tuple[float, ...]:
        """Of every step, in nats."""
        return tuple(step.loss for step in self.steps)

    def as_run(self, outcome: Outcome, *, failure: Failure | None = None, digests: Digests | None = None) -> SeedRun:
        """What is known by now, as a fact."""
        completed = outcome == "completed"
        return SeedRun(
            seed=self.seed,
            outcome=outcome,
            failure=failure,
            steps=StepSeries(**dict(zip(Step._fields, zip(*self.steps, strict=True), strict=False))),
            epochs=tuple(self.epochs),
            phases_seconds=dict(self.clock.seconds),
            utilization=self.probe.result() if completed and self.probe else None,
            peak_memory_mebibytes=peak_memory_mebibytes(),
            digests=digests,
            validation_confusion=None if self.confusion is None else tuple(map(tuple, self.confusion.tolist())),
            best_epoch_restored=self.best_epoch_restored,
            live_recipe=self.live_recipe,
            evidence=self.witness.evidence(),
            variables=self.variables if completed else {},
        )


def total_steps(spec: Spec, train_rows: int) -> int:
    """Training steps of a whole run that does not stop early."""
    return spec.training.epochs * steps_per_epoch(train_rows, spec.training.batch_size)


def fine_tune(engine: Engine, rows: Rows, spec: Spec, progress: SeedProgress, observer: Observer) -> SeedRun:
    """Fine-tune from pretrained weights under one seed.

    Args:
        engine: Already traced.
        rows: Already checked.
        spec: The benchmark.
        progress: Fresh; filled as the seed runs, so that a run cut off is known as far as it got.
        observer: Told of every step and epoch.

    Returns:
        The completed seed.

    Raises:
        NonFiniteLossError: If a loss is NaN or infinite; says at which step.
    """
    # Start
    engine.prepare(progress.seed)
    progress.live_recipe = dict(engine.recipe())
    progress.witness.weights_before(engine.weights())
    progress.probe = UtilizationProbe(engine)
    observer.seed_started(progress.seed, total_steps(spec, rows.train.rows))
    stopping = _EarlyStopping(spec.training.early_stopping, engine)

    # Epochs
    for epoch in range(spec.training.epochs):
        began = time.perf_counter()
        train = _train_epoch(engine, rows, spec, progress, observer)
        validation = _validate(engine, rows, spec, progress)
        row = EpochRow(
            epoch=epoch,
            train=train,
            validation=validation,
            steps_end=progress.step,
            seconds=time.perf_counter() - began,
        )
        progress.epochs.append(row)
        observer.epoch_finished(progress.seed, row)
        if stopping.is_over(row):
            break
    progress.best_epoch_restored = stopping.restore_best()

    # Result
    digests = Digests(
        weights=digest_arrays(weights_and_facts(engine.weights(), progress.variables)),
        losses=digest_numbers(progress.losses),
        predictions=digest_arrays((f"epoch {i}", logits) for i, logits in enumerate(progress.logits)),
    )
    progress.witness.weights_after(progress.variables)
    run = progress.as_run("completed", digests=digests)
    observer.seed_finished(run, np.stack(progress.logits), rows.validation.labels)
    return run


def first_batches(rows: Rows, spec: Spec, seed: int) -> tuple[PackedBatch, PackedBatch]:
    """The first training and validation batch of *seed*, to trace with."""
    return next(_training_batches(rows, spec, seed, epoch=0)), next(_validation_batches(rows.validation, spec))


def _train_epoch(engine: Engine, rows: Rows, spec: Spec, progress: SeedProgress, observer: Observer) -> Quality:
    """All steps of one epoch; quality of the training pass itself."""
    progress.clock.current = "steps"
    classes = len(rows.label_names)
    counts = np.zeros((classes, classes), np.int64)
    loss_sum = 0.0
    for batch in _training_batches(rows, spec, progress.seed, epoch=progress.epoch):
        progress.witness.training_batch(batch)
        began = time.perf_counter()
        result = engine.train_step(batch)
        seconds = time.perf_counter() - began

        step = progress.step
        progress.steps.append(
            Step(
                loss=result.loss,
                gradient_norm=result.gradient_norm,
                learning_rate=result.learning_rate,
                seconds=seconds,
                rows=batch.row_count,
                tokens=batch.token_count,
            )
        )
        progress.clock.add("steps", seconds)
        _refuse_non_finite(result.loss, f"the training loss of step {step}", progress, step)
        if progress.probe:
            progress.probe.step(engine.flops(batch), seconds)
        observer.step_finished(progress.seed, step, result.loss)

        loss_sum += result.loss * batch.row_count
        counts += metrics.confusion(batch.labels, result.predictions, classes)
    progress.witness.epoch_ended(classes)
    return metrics.quality(counts, loss_sum / rows.train.rows)


def _validate(engine: Engine, rows: Rows, spec: Spec, progress: SeedProgress) -> Quality:
    """Quality on all validation rows, dropout off; keeps the logits."""
    with progress.clock.phase("validation"):
        batches = list(_validation_batches(rows.validation, spec))
        progress.witness.validation_batches(batches)
        logits = np.concatenate([engine.logits(batch) for batch in batches])  # (rows, classes)
    labels = rows.validation.labels
    loss = metrics.mean_cross_entropy(logits, labels, np.ones(len(labels), np.float32))
    _refuse_non_finite(loss, f"the validation loss of epoch {progress.epoch}", progress, progress.step - 1)
    predictions = logits.argmax(axis=1).astype(np.int32)
    progress.confusion = metrics.confusion(labels, predictions, len(rows.label_names))
    progress.logits.append(logits)
    return metrics.quality(progress.confusion, loss)


def _training_batches(rows: Rows, spec: Spec, seed: int, *, epoch: int) -> Iterator[PackedBatch]:
    split = augment(rows.train, spec.augmentation, seed=seed, epoch=epoch, special=rows.special)
    order = row_order(seed, epoch, split.rows, shuffle=spec.training.shuffle)
    weights = class_weights(split.labels, rows.label_names, spec.training.class_weights)
    return epoch_batches(split, order, spec.training.batch_size, row_weights=weights)


def _validation_batches(split: TokenizedSplit, spec: Spec) -> Iterator[PackedBatch]:
    size = validation_batch_size(spec.training.batch_size)
    ones = np.ones(split.rows, np.float32)
    return epoch_batches(split, np.arange(split.rows), size, row_weights=ones)


def _refuse_non_finite(loss: float, what: str, progress: SeedProgress, step: int) -> None:
    if math.isfinite(loss):
        return
    raise NonFiniteLossError(
        f"seed {progress.seed}: {what} is {loss} (epoch {progress.epoch})",
        seed=progress.seed,
        epoch=progress.epoch,
        step=step,
        remedy="clip gradients (optimizer.global_clipnorm = 1.0), lower optimizer.learning_rate, or use float32",
    )


class _EarlyStopping:
    """Watches one quantity; keeps the engine's state of the best epoch only if it will be wanted."""

    def __init__(self, spec: EarlyStoppingSpec | None, engine: Engine) -> None:
        self._spec = spec
        self._engine = engine
        self._best = math.nan
        self._best_epoch = -1
        self._best_state: dict[str, NDArray[np.generic]] | None = None
        self._last_epoch = -1

    def is_over(self, row: EpochRow) -> bool:
        """Whether training stops after this epoch."""
        if self._spec is None:
            return False
        self._last_epoch = row.epoch
        split, quantity = quality_of(self._spec.quantity)
        value = getattr(getattr(row, split), quantity.name)
        gain = value - self._best if quantity.better == "higher" else self._best - value
        if self._best_epoch < 0 or gain > self._spec.min_delta:
            self._best, self._best_epoch = value, row.epoch
            if self._spec.restore_best:
                self._best_state = self._engine.state()
        return row.epoch - self._best_epoch >= self._spec.patience_epochs

    def restore_best(self) -> int | None:
        """Go back to the best epoch's weights, if the spec says so; returns that epoch."""
        if self._best_state is None:
            return None
        if self._best_epoch != self._last_epoch:
            self._engine.restore(self._best_state)
        return self._best_epoch
