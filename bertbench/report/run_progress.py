"""A progress bar that follows a run."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console

from bertbench.observers import Observer
from bertbench.record import EpochRow, RunRecord
from bertbench.report.progress import ProgressBar


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
