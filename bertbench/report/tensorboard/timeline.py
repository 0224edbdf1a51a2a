"""When each step and epoch of a record ended, by the clock on the wall.

A record times its parts with a monotonic clock and keeps one date, the start. Everything else follows by addition, so
that the time axis of TensorBoard comes from the record and not from the moment at which the view is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import accumulate

from bertbench.record import RunRecord, SeedRun

#: What a process does once, before its first seed.
_BEFORE_SEEDS = ("import", "data", "tokenize", "build", "trace")


@dataclass(frozen=True)
class Timeline:
    """The times of one seed, all in seconds since 1970.

    Attributes:
        started: When its first step began.
        step_ends: One per training step.
        epoch_ends: One per finished epoch, its validation included.
        ended: When the seed was done.
    """

    started: float
    step_ends: tuple[float, ...]
    epoch_ends: tuple[float, ...]
    ended: float


def run_started(record: RunRecord) -> float:
    """Seconds since 1970 at which the run began; a date without a zone is UTC, as records are."""
    return _seconds_since_1970(record.started_at)


def run_ended(record: RunRecord) -> float:
    """Seconds since 1970 at which the run ended, or did the last thing that it recorded."""
    if record.finished_at is not None:
        return _seconds_since_1970(record.finished_at)
    ends = [timeline.ended for timeline in timelines(record)]
    return ends[-1] if ends else run_started(record)


def timelines(record: RunRecord) -> tuple[Timeline, ...]:
    """One timeline per seed of *record*, in its order, each beginning where the one before it ended."""
    lines: list[Timeline] = []
    now = run_started(record) + sum(record.phases_seconds.get(phase, 0.0) for phase in _BEFORE_SEEDS)
    for run in record.seeds:
        lines.append(_timeline(run, now))
        now = lines[-1].ended
    return tuple(lines)


def _timeline(run: SeedRun, started: float) -> Timeline:
    step_ends: list[float] = []
    epoch_ends: list[float] = []
    now = started
    for row in run.epochs:
        step_ends += _running_ends(now, run.steps.seconds[len(step_ends) : row.steps_end])
        now += row.seconds
        epoch_ends.append(now)
    step_ends += _running_ends(now, run.steps.seconds[len(step_ends) :])  # of an epoch that was cut off
    now = max(now, *step_ends[-1:], started) + run.phases_seconds.get("save", 0.0)
    return Timeline(started, tuple(step_ends), tuple(epoch_ends), now)


def _running_ends(start: float, durations: tuple[float, ...]) -> list[float]:
    return list(accumulate(durations, initial=start))[1:]


def _seconds_since_1970(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
