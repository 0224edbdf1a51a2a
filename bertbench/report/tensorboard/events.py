"""TensorBoard's file format: events as protocol buffers, a folder's events as one file.

TensorBoard's own writer imports TensorFlow where it is installed, ten seconds for a few kilobytes. What is used here,
its protocol buffers and its `RecordWriter` on an open file, does not.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING
from tensorboard.plugins.custom_scalar import metadata as custom_scalar_metadata
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.plugins.text import metadata as text_metadata
from tensorboard.summary.writer.record_writer import RecordWriter

from bertbench.errors import ReportError
from bertbench.report.confusion import Picture
from bertbench.report.tensorboard.scalars import Series

_PREFIX, _SUFFIX = "events.out.tfevents.", ".bertbench"  # TensorBoard knows a file of events by the middle word
_FORMAT = "brain.Event:2"  # first record of every file; without it, readers drop points whose step does not grow


def scalar_events(series: Series) -> Iterator[Event]:
    """One event per point; the first carries the description.

    Values are float32, as TensorFlow writes them: TensorBoard's fast loader drops float64 without a word.
    """
    metadata = scalar_metadata.create_summary_metadata("", series.description)
    for point in series.points:
        tensor = TensorProto(dtype=DT_FLOAT, float_val=[point.value])
        value = Summary.Value(tag=series.tag, tensor=tensor, metadata=metadata)
        metadata = None
        yield Event(wall_time=point.wall_time, step=point.step, summary=Summary(value=[value]))


def text_event(tag: str, markdown: str, wall_time: float) -> Event:
    """Markdown to be read under *tag*."""
    return _single(
        tag, text_metadata.create_summary_metadata("", ""), _strings(markdown.encode(errors="replace")), wall_time
    )


def image_event(tag: str, picture: Picture, description: str, wall_time: float, step: int) -> Event:
    """A picture under *tag*."""
    parts = (str(picture.width).encode(), str(picture.height).encode(), picture.png)
    tensor = _strings(*parts, shape=(len(parts),))
    return _single(tag, image_metadata.create_summary_metadata("", description), tensor, wall_time, step)


def layout_event(layout: Layout, wall_time: float) -> Event:
    """Which series the custom-scalars page draws together."""
    tensor = _strings(layout.SerializeToString())
    metadata = custom_scalar_metadata.create_summary_metadata()
    return _single(custom_scalar_metadata.CONFIG_SUMMARY_TAG, metadata, tensor, wall_time)


def hparams_event(tag: str, content: HParamsPluginData, wall_time: float) -> Event:
    """A message to the HParams page, which lies in the metadata alone."""
    return _single(tag, hparams_metadata.create_summary_metadata(content), hparams_metadata.NULL_TENSOR, wall_time)


def write_events(folder: Path, events: Iterable[Event], wall_time: float) -> Path:
    """Make *events* all that *folder* says; what an earlier call wrote there is replaced.

    The new file appears complete or not at all. A server that is already showing the folder takes the new points for
    the old: the file sorts after the one it replaces and begins with a restart mark, and the one before it is emptied
    and stays for a while, because TensorBoard's Python reader never leaves a file that vanished.

    Args:
        folder: Made if it is not there.
        events: In any order.
        wall_time: Of the file's own first records, seconds since 1970.

    Returns:
        The file.

    Raises:
        ReportError: If it cannot be written.
    """
    marks = (
        Event(wall_time=wall_time, file_version=_FORMAT),
        Event(wall_time=wall_time, step=0, session_log=SessionLog(status=SessionLog.START)),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        old = sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}"))
        number = 1 + max(map(_number, old), default=0)
        path = folder / f"{_PREFIX}{number:010d}{_SUFFIX}"
        _write_whole(path, (*marks, *events))
        for replaced in old[-1:]:
            os.truncate(replaced, 0)
        for emptied in old[:-1]:
            emptied.unlink()
    except OSError as error:
        raise ReportError(
            f"{folder}: TensorBoard's events cannot be written: {error.strerror or error}",
            remedy="make room, or give another folder; the record itself is safe in the store",
        ) from error
    return path


def _number(path: Path) -> int:
    """Which of the folder's files it was, from 1; 0 for a name that we do not give."""
    number = path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    return int(number) if number.isdecimal() else 0


def _write_whole(path: Path, events: Iterable[Event]) -> None:
    part = path.with_name(f"part.{os.getpid()}")  # a name that TensorBoard does not look at
    try:
        with part.open("wb") as stream:
            writer = RecordWriter(stream)
            for event in events:
                writer.write(event.SerializeToString())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _single(tag: str, metadata: object, tensor: TensorProto, wall_time: float, step: int = 0) -> Event:
    value = Summary.Value(tag=tag, tensor=tensor, metadata=metadata)
    return Event(wall_time=wall_time, step=step, summary=Summary(value=[value]))


def _strings(*parts: bytes, shape: tuple[int, ...] = ()) -> TensorProto:
    return TensorProto(dtype=DT_STRING, string_val=parts, tensor_shape={"dim": [{"size": size} for size in shape]})
