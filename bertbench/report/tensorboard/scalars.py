"""The numbers of a record as TensorBoard's time series: what is drawn under which tag. No TensorBoard in here.

======================= ========= ====================================================================
tag                     step      value
======================= ========= ====================================================================
``step/...``            step      loss, gradient norm, learning rate, step seconds, rows per second
``train/...``           epoch     each quality, of the training pass itself
``validation/...``      epoch     each quality, after the epoch
``phases/..._seconds``  0         each phase; those of the process in the run, those of a seed in the seed
``run/...``             0         utilization, peak memory
======================= ========= ====================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bertbench.quantities import ALL, BUDGETS, QUALITY
from bertbench.record import RunRecord, SeedRun
from bertbench.report.tensorboard.timeline import Timeline, run_ended

SPLITS = ("train", "validation")


class Point(NamedTuple):
    """One value of a series."""

    wall_time: float
    """Seconds since 1970."""
    step: int
    """Training step or epoch, from 0."""
    value: float
    """NaN and infinity are kept: they are what was measured."""


@dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        tag: What TensorBoard files it under; the part before the slash is its group.
        description: One line for people: unit, and which direction is better.
        points: In the order in which they happened.
    """

    tag: str
    description: str
    points: tuple[Point, ...]


def quality_tag(split: str, quality: str) -> str:
    """Tag of one quality on one split, such as ``validation/accuracy``."""
    return f"{split}/{quality}"


def seed_series(run: SeedRun, timeline: Timeline) -> tuple[Series, ...]:
    """Every series of one seed, as far as it got; none is empty.

    Args:
        run: Also of a seed that failed.
        timeline: Its times.
    """
    series = (*_step_series(run, timeline), *_epoch_series(run, timeline), *_seed_totals(run, timeline.ended))
    return tuple(one for one in series if one.points)


def run_series(record: RunRecord) -> tuple[Series, ...]:
    """What was timed once for all seeds: the phases of the process."""
    return tuple(_phases(record.phases_seconds, run_ended(record)))


def _step_series(run: SeedRun, timeline: Timeline) -> Iterable[Series]:
    steps = run.steps
    per_second = tuple(map(_rows_per_second, steps.rows, steps.seconds))
    for name, values in (
        ("loss", steps.loss),
        ("gradient_norm", steps.gradient_norm),
        ("learning_rate", steps.learning_rate),
        ("step_seconds", steps.seconds),
        ("rows_per_second", per_second),
    ):
        points = (Point(*point) for point in zip(timeline.step_ends, range(len(values)), values, strict=True))
        yield Series(f"step/{name}", _describe(name, "of each training step"), tuple(points))


def _epoch_series(run: SeedRun, timeline: Timeline) -> Iterable[Series]:
    for split in SPLITS:
        for name in QUALITY:
            points = (
                Point(end, row.epoch, getattr(getattr(row, split), name))
                for end, row in zip(timeline.epoch_ends, run.epochs, strict=True)
            )
            yield Series(quality_tag(split, name), _describe(name, f"{split}, per epoch"), tuple(points))


def _seed_totals(run: SeedRun, ended: float) -> Iterable[Series]:
    yield from _phases(run.phases_seconds, ended)
    if run.utilization is not None:
        yield _single("run/utilization", "utilization", run.utilization.value, ended)
    if run.peak_memory_mebibytes is not None:
        yield _single("run/peak_memory_mebibytes", "peak_memory_mebibytes", run.peak_memory_mebibytes, ended)


def _phases(seconds: Mapping[str, float], ended: float) -> Iterable[Series]:
    for phase, value in seconds.items():
        name = f"{phase}_seconds"
        yield _single(f"phases/{name}", name, value, ended)


def _single(tag: str, name: str, value: float, ended: float) -> Series:
    return Series(tag, _describe(name, "of the whole run"), (Point(ended, 0, value),))


def _describe(name: str, of_what: str) -> str:
    quantity = ALL.get(name) or BUDGETS["total_seconds"]  # a phase that the registry does not know is still a time
    unit = f" in {quantity.unit}" if quantity.unit else ""
    return f"{name.replace('_', ' ')}{unit}, {of_what}; better when {quantity.better}"


def _rows_per_second(rows: int, seconds: float) -> float:
    return rows / seconds if seconds else math.nan
