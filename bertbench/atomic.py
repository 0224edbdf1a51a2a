"""Files written whole or not at all: whoever reads them finds the old state or the new one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from bertbench.errors import RecordWriteError


def write_atomically(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Have *write* fill a file beside *path*, then rename it into place.

    Raises:
        RecordWriteError: If that fails; what was at *path* before stays, and nothing is left beside it.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.new")
    with explained(path):
        try:
            with beside.open("xb") as stream:
                write(cast("BinaryIO", stream))
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(path)
            sync_folder(path.parent)
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a page that somebody asked for, in one piece, and the folder that it lies in.

    Raises:
        RecordWriteError: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordWriteError(
            f"{path}: cannot be written: {error.strerror}", remedy="give a file in a folder that can be made"
        ) from error
    write_atomically(path, lambda stream: stream.write(text.encode()))


def sync_folder(folder: Path) -> None:
    """Make a rename survive a loss of power, where folders can be synced at all."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError into one that says what to do."""
    try:
        yield
    except OSError as error:
        raise RecordWriteError(
            f"{path}: cannot be written: {error.strerror or error}; nothing there was changed",
            remedy="free space, make the folder writable, or choose another (--store, --baselines, --save-models)",
        ) from error
