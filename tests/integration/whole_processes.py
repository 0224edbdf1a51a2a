"""`bertbench` as people start it: processes of their own, in a folder of their own, ended whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bertbench.errors import RecordError
from bertbench.record import RunRecord
from bertbench.store import Store

#: For a machine that is busy with something else; nothing here is timed.
PATIENCE_SECONDS = 240.0


def command(*arguments: str) -> list[str]:
    """The command line of `bertbench`."""
    return [sys.executable, "-m", "bertbench", *arguments]


def environment(**more: str) -> dict[str, str]:
    """Without what would change what is printed; messages are not broken at 80 columns."""
    dropped = ("FORCE_COLOR", "NO_COLOR", "CI", "BERTBENCH_DATA")
    return {key: value for key, value in os.environ.items() if key not in dropped} | {"COLUMNS": "160"} | more


def run_bertbench(folder: Path, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        **more,
    )


@contextmanager
def started(folder: Path, line: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process, in a group of its own, that goes on meanwhile; it and all it started are gone afterwards."""
    process = subprocess.Popen(
        line,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def newest(folder: Path) -> RunRecord | None:
    """The newest record of the store that can be read by now, repeats included."""
    with contextlib.suppress(RecordError):
        entries = Store(folder / ".bertbench").entries()
        return entries[-1].record if entries else None
    return None


def wait_for_epoch(folder: Path, process: subprocess.Popen[str]) -> RunRecord:
    """Until the record of a run that goes on says that an epoch is done."""

    def an_epoch() -> RunRecord | None:
        record = newest(folder)
        return record if record is not None and any(run.epochs for run in record.seeds) else None

    record: RunRecord = wait_for(an_epoch, process)
    return record


def wait_for(look: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
    """Until *look* sees something; gives what it saw."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        assert process.poll() is None, f"it ended too early: {process.communicate()}"
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)
    return seen
