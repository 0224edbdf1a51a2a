"""What can be told while a run goes on. Training calls these; it knows nothing of who listens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bertbench.record import EpochRow, RunRecord, SeedRun


class Observer:
    """Hears everything, does nothing; subclasses pick what they care for. An exception in one stops the run."""

    def run_changed(self, record: RunRecord) -> None:
        """A new state of the run is known; the last call has an outcome other than 'running'."""

    def seed_started(self, seed: int, total_steps: int) -> None:
        """A seed begins; it will take *total_steps* unless it stops early."""

    def step_finished(self, seed: int, step: int, loss: float) -> None:
        """Training step *step* (from 0, over all epochs) gave *loss* in nats."""

    def epoch_finished(self, seed: int, row: EpochRow) -> None:
        """One more line of the epoch table."""

    def seed_finished(self, run: SeedRun, logits: NDArray[np.float32], labels: NDArray[np.int32]) -> None:
        """A seed is complete.

        Args:
            run: What happened.
            logits: float32 (epochs, rows, classes), validation, at each epoch's end.
            labels: int32 (rows,).
        """


class Observers(Observer):
    """Tells several observers, in order."""

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self._observers = observers

    def run_changed(self, record: RunRecord) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.run_changed(record)

    def seed_started(self, seed: int, total_steps: int) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.seed_started(seed, total_steps)

    def step_finished(self, seed: int, step: int, loss: float) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.step_finished(seed, step, loss)

    def epoch_finished(self, seed: int, row: EpochRow) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.epoch_finished(seed, row)

    def seed_finished(self, run: SeedRun, logits: NDArray[np.float32], labels: NDArray[np.int32]) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.seed_finished(run, logits, labels)
