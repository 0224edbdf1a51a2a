"""From a record to folders that TensorBoard shows: one for the run, and in it one for each seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.hparams import metadata as hparams_metadata

from bertbench.record import RunRecord, SeedRun
from bertbench.report.confusion import confusion_picture
from bertbench.report.tensorboard.events import (
    hparams_event,
    image_event,
    layout_event,
    scalar_events,
    text_event,
    write_events,
)
from bertbench.report.tensorboard.hparams import experiment, session_end, session_start
from bertbench.report.tensorboard.layout import layout
from bertbench.report.tensorboard.scalars import run_series, seed_series
from bertbench.report.tensorboard.timeline import Timeline, run_started, timelines
from bertbench.report.tensorboard.words import run_words


def write_record(record: RunRecord, logdir: Path, verdict_text: str | None) -> Path:
    """See `bertbench.report.tensorboard.write_run`."""
    folder = logdir / record.spec.name / record.run_id
    write_events(folder, _run_events(record, verdict_text), run_started(record))
    for run, timeline in zip(record.seeds, timelines(record), strict=True):
        write_events(folder / f"seed-{run.seed}", _seed_events(record, run, timeline), timeline.started)
    return folder


def _run_events(record: RunRecord, verdict_text: str | None) -> Iterator[Event]:
    """What is said once for all seeds."""
    started = run_started(record)
    yield hparams_event(hparams_metadata.EXPERIMENT_TAG, experiment(record.spec), started)
    yield layout_event(layout(), started)
    for tag, markdown in run_words(record, verdict_text).items():
        yield text_event(tag, markdown, started)
    for series in run_series(record):
        yield from scalar_events(series)


def _seed_events(record: RunRecord, run: SeedRun, timeline: Timeline) -> Iterator[Event]:
    start = session_start(record, timeline.started)
    yield hparams_event(hparams_metadata.SESSION_START_INFO_TAG, start, timeline.started)
    for series in seed_series(run, timeline):
        yield from scalar_events(series)
    yield from _confusion(record, run, timeline)
    end = session_end(run.outcome, timeline.ended)
    if end is not None:
        yield hparams_event(hparams_metadata.SESSION_END_INFO_TAG, end, timeline.ended)


def _confusion(record: RunRecord, run: SeedRun, timeline: Timeline) -> Iterator[Event]:
    if run.validation_confusion is None:
        return
    counts = run.validation_confusion
    names = record.data.label_names if record.data is not None else tuple(map(str, range(len(counts))))
    description = "Rows are true classes, columns predicted ones; shade is the share of the row."
    step = run.epochs[-1].epoch if run.epochs else 0
    yield image_event("validation/confusion", confusion_picture(counts, names), description, timeline.ended, step)
