"""A progress bar for people who wait: on a terminal, for what takes more than two seconds, and nowhere else.

The bar must not disturb what it watches. While steps are counted it is redrawn by `advance` alone, a few times a
second, and no thread runs; only where there is nothing to count does rich redraw it by itself.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from bertbench.quantities import ALL

_PATIENCE_SECONDS = 2.0
_REDRAW_SECONDS = 0.25


@final
class ProgressBar:
    """Shows how far something is. Use it as a context manager, or call `stop` in a `finally`.

    Example::

        with ProgressBar() as bar:
            bar.start(total_steps, "seed 0")
            for batch in batches:
                bar.advance(loss=step(batch).loss)
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        patience_seconds: float = _PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a bar; nothing is shown yet.

        Args:
            console: Where to draw; standard error if not given, so that results can be piped.
            patience_seconds: Shorter things show nothing.
            clock: Monotonic time in seconds.
        """
        self._console = console or Console(stderr=True)
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._timer: threading.Timer | None = None
        self._words = ""
        self._started = self._drawn = 0.0
        self._shown = False

    def start(self, total_steps: int | None, description: str) -> None:
        """Begin to watch something; what was watched before is over.

        Args:
            total_steps: How often `advance` will be called, in sum; None if there is nothing to count, such as while a
                graph is traced.
            description: What it is, in a few words.
        """
        self.stop()
        if not _is_watched(self._console):
            return
        counted = total_steps is not None
        self._progress = _progress(self._console, self._clock, counted=counted)
        self._task = self._progress.add_task(description, total=total_steps, words="")
        self._words = ""
        self._started, self._drawn = self._clock(), -_REDRAW_SECONDS
        if not counted:
            self._timer = threading.Timer(self._patience_seconds, self._show, (self._progress,))
            self._timer.daemon = True
            self._timer.start()

    def advance(self, n: int = 1, **fields: float) -> None:
        """Count *n* more steps.

        Args:
            n: Steps.
            fields: What to show beside the bar, by the names of `bertbench.quantities`, such as `loss`.
        """
        if self._progress is None:
            return
        if fields:
            self._words = "  ".join(f"{name} {ALL[name].format(value)}" for name, value in fields.items())
        self._progress.update(self._task, advance=n, words=self._words)
        now = self._clock()
        if now - self._started >= self._patience_seconds:
            self._show(self._progress)
            self._redraw(now)

    def stop(self) -> None:
        """Remove the bar, if there is one."""
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            if self._progress is not None and self._shown:
                self._progress.stop()
            self._progress, self._timer, self._shown = None, None, False

    def __enter__(self) -> ProgressBar:
        """This bar."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar, whatever happened."""
        self.stop()

    def _show(self, progress: Progress) -> None:
        """Called by `advance` or by a timer's thread, which may come late: *progress* may be over by then."""
        with self._lock:
            if self._progress is progress and not self._shown:
                self._shown = True
                progress.start()

    def _redraw(self, now: float) -> None:
        if self._progress is not None and now - self._drawn >= _REDRAW_SECONDS:
            self._drawn = now
            self._progress.refresh()


def _is_watched(console: Console) -> bool:
    """Whether a person sees the bar move: colour may be forced into a CI log, a terminal cannot."""
    return console.is_interactive and console.file.isatty() and not os.environ.get("CI")


def _progress(console: Console, clock: Callable[[], float], *, counted: bool) -> Progress:
    what = TextColumn("{task.description}", markup=False)
    columns = (
        (
            what,
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[words]}", markup=False),
        )
        if counted
        else (SpinnerColumn(), what)
    )
    return Progress(*columns, console=console, transient=True, auto_refresh=not counted, get_time=clock)
