"""A progress bar that follows pairs of processes."""

from __future__ import annotations

from types import TracebackType
from typing import final

from rich.console import Console

from bertbench.report.progress import ProgressBar


@final
class PairProgress:
    """Shows how many pairs are done and how many are planned by now. Use as a context manager; call after each pair."""

    def __init__(self, console: Console) -> None:
        """Draw on *console*; what is no terminal stays quiet."""
        self._bar = ProgressBar(console)
        self._planned: int | None = None
        self._done = 0

    def __enter__(self) -> PairProgress:
        """Nothing can be counted before the first pair is done."""
        self._bar.start(None, "first pair, which is discarded")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._bar.stop()

    def __call__(self, done: int, planned: int) -> None:
        """Move the bar; a new plan is a new bar."""
        if planned != self._planned:
            self._bar.start(planned, "pairs of processes")
            self._planned, self._done = planned, 0
        self._bar.advance(done - self._done)
        self._done = done
