"""A run in a process of its own, so that nothing loaded before can change its bits and a crash takes nobody along."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, cast

from pydantic import BaseModel, ConfigDict

from bertbench.errors import BertbenchError, RecordError, RecordWriteError
from bertbench.observers import Observer
from bertbench.record import Failure, Revision, RunRecord
from bertbench.spec import Spec
from bertbench.store import RecordKeeper, Store
from bertbench.training import Origin, run_spec

#: Lines of a dead process's last words that are kept.
_LAST_WORDS_LINES = 12
#: How often a watched process is looked at.
_WATCH_SECONDS = 0.5
#: The current folder is left off the path: a file of the user's called tokenize.py must not be taken for a library.
_WORKER = (
    sys.executable,
    "-c",
    "import sys; sys.path[:] = [p for p in sys.path if p]; from bertbench.worker import main; sys.exit(main())",
)

Watch = Callable[[RunRecord], None]


class Request(BaseModel):
    """What a process of its own is asked to run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: Spec
    run_id: str
    base_folder: Path
    store: Path
    workers: int = 1
    save_models_to: Path | None = None
    repeats: str | None = None
    continues: str | None = None
    revision: Revision | None = None
    fault: str | None = None


def run_request_here(request: Request, observers: Iterable[Observer] = ()) -> RunRecord:
    """Run in this process. Failures are in the record; an interrupt is raised again, as is what is no failure of a run.

    Raises:
        KeyboardInterrupt: After the record says so.
        RecordWriteError: If the record could not be written.
    """
    store = Store(request.store)
    try:
        return run_spec(
            request.spec,
            base_folder=request.base_folder,
            cache_folder=request.store / "cache",
            observers=(RecordKeeper(store), *observers),
            workers=request.workers,
            save_models_to=request.save_models_to,
            run_id=request.run_id,
            origin=Origin(request.repeats, request.continues, request.revision),
            fault=request.fault,
        )
    except RecordWriteError:
        raise
    except BertbenchError:
        return store.read(request.run_id)


def run_request(
    request: Request,
    *,
    watch: Watch | None = None,
    command: Sequence[str] = _WORKER,
    environment: Mapping[str, str] | None = None,
) -> RunRecord:
    """Run in a process of its own and read what it recorded.

    A process that dies without a last word is recorded as failed, with the end of what it printed.

    Args:
        request: What to run.
        watch: Told of the record now and then while it grows.
        command: The process; another Python's, for instance.
        environment: Its variables; this process's if not given.

    Raises:
        KeyboardInterrupt: After the process has recorded the interrupt.
        RecordWriteError: If the store cannot be written.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603 - ours, or a Python that the user named
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment
        )
        try:
            _hand_over(request, process)
            status = _wait(process, request, watch)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        return _final_record(request, status, _last_words(output))


def _hand_over(request: Request, process: subprocess.Popen[bytes]) -> None:
    """Write the request to the process; one that died at once is found out by its exit status."""
    with contextlib.suppress(BrokenPipeError), cast("IO[bytes]", process.stdin) as stdin:
        stdin.write(request.model_dump_json(exclude_unset=True).encode())


def _wait(process: subprocess.Popen[bytes], request: Request, watch: Watch | None) -> int:
    """Wait for the end, showing the record to *watch* meanwhile; gives the exit status."""
    if watch is None:
        return process.wait()
    store, shown = Store(request.store), None
    while process.poll() is None:
        time.sleep(_WATCH_SECONDS)
        with contextlib.suppress(RecordError):  # not written yet
            record = store.read(request.run_id)
            if record != shown:
                watch(record)
                shown = record
    return process.returncode


def _last_words(output: IO[bytes]) -> str:
    output.seek(0)
    lines = output.read().decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-_LAST_WORDS_LINES:])


def _final_record(request: Request, status: int, last_words: str) -> RunRecord:
    """The record of a process that is gone; completed by its end if it could not do so itself."""
    store = Store(request.store)
    try:
        record = store.read(request.run_id)
    except RecordError as error:
        raise RecordWriteError(
            f"{request.spec.name}: the run left no record ({error.message}); its last words:\n{last_words}",
            remedy="see the last words; is the store writable?",
        ) from None
    if record.outcome != "running":
        return record
    died = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    failure = Failure(
        kind="ProcessDied", message=f"the process ended with {died}. {last_words}".strip(), phase="unknown"
    )
    seeds = tuple(
        run if run.outcome != "running" else run.model_copy(update={"outcome": "failed", "failure": failure})
        for run in record.seeds
    )
    ended = record.model_copy(
        update={"outcome": "failed", "failure": failure, "seeds": seeds, "finished_at": datetime.now(timezone.utc)}
    )
    store.write(ended)
    return ended
