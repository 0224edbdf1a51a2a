"""The progress bar: on a terminal, after two seconds, and nowhere else."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterator

import pytest
from rich.console import Console

from bertbench.report.progress import ProgressBar


class Terminal(io.StringIO):
    """A file that says of itself that it is a terminal."""

    def __init__(self, *, is_terminal: bool = True) -> None:
        super().__init__()
        self.is_terminal = is_terminal
        self.written = threading.Event()

    def isatty(self) -> bool:
        """As asked for."""
        return self.is_terminal

    def write(self, text: str) -> int:
        """Tell who waits."""
        self.written.set()
        return super().write(text)


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now


@pytest.fixture(autouse=True)
def _an_ordinary_terminal(monkeypatch: pytest.MonkeyPatch):
    """Whatever runs these tests, the bar sees a person's environment."""
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def clock() -> Clock:
    """Stands still until told to move."""
    return Clock()


@pytest.fixture
def terminal() -> Terminal:
    """What the bar draws on."""
    return Terminal()


@pytest.fixture
def bar(terminal: Terminal, clock: Clock) -> Iterator[ProgressBar]:
    """A bar on that terminal, by that clock."""
    with ProgressBar(Console(file=terminal, width=100), clock=clock) as started:
        yield started


def test_nothing_is_shown_for_the_first_two_seconds(bar: ProgressBar, terminal: Terminal, clock: Clock):
    bar.start(100, "seed 0")
    for _ in range(19):
        clock.now += 0.1
        bar.advance(loss=0.5)
    bar.stop()
    assert terminal.getvalue() == ""


def test_after_two_seconds_it_shows_what_how_far_and_the_fields(bar: ProgressBar, terminal: Terminal, clock: Clock):
    bar.start(100, "seed 0 [of 2]")
    clock.now += 2.0
    bar.advance(40, loss=0.51239)
    assert "seed 0 [of 2]" in terminal.getvalue()
    assert "40/100" in terminal.getvalue()
    assert "loss 0.5124" in terminal.getvalue()


def test_it_is_redrawn_a_few_times_a_second_and_not_at_every_step(bar: ProgressBar, terminal: Terminal, clock: Clock):
    bar.start(1000, "seed 0")
    clock.now += 3.0
    bar.advance()
    drawn = len(terminal.getvalue())
    for _ in range(20):
        clock.now += 0.01
        bar.advance()
    assert len(terminal.getvalue()) == drawn
    clock.now += 0.25
    bar.advance()
    assert "22/1000" in terminal.getvalue()


def test_counted_steps_are_watched_without_a_thread(bar: ProgressBar, clock: Clock):
    before = set(threading.enumerate())
    bar.start(10, "seed 0")
    clock.now += 5.0
    bar.advance()
    assert set(threading.enumerate()) <= before


def test_fields_stay_until_others_come(bar: ProgressBar, terminal: Terminal, clock: Clock):
    bar.start(10, "seed 0")
    bar.advance(loss=0.25)
    clock.now += 5.0
    bar.advance()
    assert "loss 0.2500" in terminal.getvalue()


def test_nan_is_shown_as_nan(bar: ProgressBar, terminal: Terminal, clock: Clock):
    bar.start(10, "seed 0")
    clock.now += 5.0
    bar.advance(loss=math.nan)
    assert "loss nan" in terminal.getvalue()


def test_a_field_that_is_no_quantity_is_a_mistake(bar: ProgressBar):
    bar.start(10, "seed 0")
    with pytest.raises(KeyError, match="lss"):
        bar.advance(lss=1.0)


def test_stop_removes_the_bar_and_gives_the_cursor_back(bar: ProgressBar, terminal: Terminal, clock: Clock):
    bar.start(10, "seed 0")
    clock.now += 5.0
    bar.advance()
    bar.stop()
    hidden, shown = terminal.getvalue().count("\x1b[?25l"), terminal.getvalue().count("\x1b[?25h")
    assert hidden == shown == 1
    assert terminal.getvalue().rstrip().endswith("\x1b[2K")  # the line is erased
    after = terminal.getvalue()
    bar.stop()
    bar.advance()
    assert terminal.getvalue() == after


def test_an_exception_gives_the_cursor_back(terminal: Terminal, clock: Clock):
    with pytest.raises(KeyboardInterrupt), ProgressBar(Console(file=terminal), clock=clock) as bar:  # noqa: PT012 - the bar must be up when it is interrupted
        bar.start(10, "seed 0")
        clock.now += 5.0
        bar.advance()
        raise KeyboardInterrupt
    assert terminal.getvalue().count("\x1b[?25h") == 1


def test_starting_again_ends_what_was_watched_and_waits_anew(bar: ProgressBar, terminal: Terminal, clock: Clock):
    bar.start(10, "first")
    clock.now += 5.0
    bar.advance(loss=0.75)
    bar.start(10, "second")
    clock.now += 1.0
    bar.advance()
    assert "second" not in terminal.getvalue()
    clock.now += 1.0
    bar.advance()
    shown = terminal.getvalue().partition("second")[2]
    assert "2/10" in shown
    assert "0.75" not in shown


@pytest.mark.parametrize("forced", [False, True], ids=["plain", "colour forced"])
def test_a_file_that_is_no_terminal_stays_silent(forced: bool, clock: Clock):
    log = Terminal(is_terminal=False)
    bar = ProgressBar(Console(file=log, force_terminal=forced or None), clock=clock)
    bar.start(10, "seed 0")
    clock.now += 5.0
    bar.advance()
    bar.stop()
    assert log.getvalue() == ""


def test_ci_stays_silent_even_with_a_terminal(
    bar: ProgressBar, terminal: Terminal, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CI", "true")
    bar.start(10, "seed 0")
    clock.now += 5.0
    bar.advance()
    assert terminal.getvalue() == ""


def test_no_color_leaves_the_bar_without_colour(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    bar = ProgressBar(Console(file=terminal, width=100), clock=clock)
    bar.start(10, "seed 0")
    clock.now += 5.0
    bar.advance()
    bar.stop()
    assert "1/10" in terminal.getvalue()
    assert "\x1b[3" not in terminal.getvalue()  # no foreground colour


def test_what_cannot_be_counted_shows_itself_when_it_takes_long(terminal: Terminal):
    bar = ProgressBar(Console(file=terminal, width=100), patience_seconds=0.01)
    bar.start(None, "tracing")
    assert terminal.written.wait(timeout=60)
    bar.stop()
    assert "tracing" in terminal.getvalue()


def test_what_cannot_be_counted_and_is_short_shows_nothing_and_leaves_no_thread(terminal: Terminal):
    before = set(threading.enumerate())
    bar = ProgressBar(Console(file=terminal, width=100), patience_seconds=3600)
    bar.start(None, "tracing")
    (timer,) = set(threading.enumerate()) - before
    bar.stop()
    timer.join(timeout=60)
    assert not timer.is_alive()
    assert terminal.getvalue() == ""
