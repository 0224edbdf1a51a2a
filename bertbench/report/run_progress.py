"""A progress bar that follows a run."""

from __future__ import annotations

from types import TracebackType
from typing import final

from rich.console import Console

from bertbench.data import steps_per_epoch
from bertbench.observers import Observer
from bertbench.record import EpochRow, RunRecord
from bertbench.report.progress import ProgressBar


@final
class RecordProgress:
    """Follows a run in another process by the record it keeps. Call it with the record whenever that has changed."""

    def __init__(self, console: Console) -> None:
        """Draw on *console*; what is no terminal stays quiet."""
        self._bar = ProgressBar(console)
        self._shown: tuple[str, int | None] | None = None
        self._steps = 0

    def __call__(self, record: RunRecord) -> None:
        """Move the bar to where the run is: all steps of all its seeds."""
        total = _total_steps(record)
        if self._shown != (record.run_id, total):
            self._shown, self._steps = (record.run_id, total), 0
            again = " again" if record.repeats else ", further seeds" if record.continues else ""
            self._bar.start(total, f"{record.spec.name}{again}")
        losses = [loss for seed in record.seeds for loss in seed.steps.loss]
        if len(losses) > self._steps:
            self._bar.advance(len(losses) - self._steps, loss=losses[-1])
            self._steps = len(losses)

    def stop(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def _total_steps(record: RunRecord) -> int | None:
    """Of all seeds, if none stops early; unknown until the rows are read."""
    if record.data is None:
        return None
    training = record.spec.training
    return len(training.seeds) * training.epochs * steps_per_epoch(record.data.rows["train"], training.batch_size)


@final
class RunProgress(Observer):
    """Shows which seed is at which step, and the last loss. Use as a context manager, so that the bar always ends."""

    def __init__(self, console: Console) -> None:
        """Draw on *console*; what is no terminal stays quiet."""
        self._bar = ProgressBar(console)
        self._named = False

    def __enter__(self) -> RunProgress:
        """Nothing is shown yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._bar.stop()

    def run_changed(self, record: RunRecord) -> None:
        """Before the first seed there is nothing to count; after the last, nothing to show."""
        if record.outcome != "running":
            self._bar.stop()
        elif not self._named:
            self._named = True
            self._bar.start(None, f"{record.spec.name}: reading, building, tracing")

    def seed_started(self, seed: int, total_steps: int) -> None:
        """A bar for each seed."""
        self._bar.start(total_steps, f"seed {seed}")

    def step_finished(self, seed: int, step: int, loss: float) -> None:  # noqa: ARG002 - the bar counts by itself
        """One step further."""
        self._bar.advance(loss=loss)

    def epoch_finished(self, seed: int, row: EpochRow) -> None:
        """The bar stays as it is."""
