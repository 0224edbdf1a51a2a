"""Records on disk: atomic, versioned, safe for several processes.

A run is a folder `runs/<run id>` with `record.json`, and per completed seed `seed-<n>/predictions.npz`. Everything is
written under a name of its own beside its place and renamed into it, so that a reader, or a process killed at any
moment, leaves either the old state or the new one. What cannot be read is reported, never skipped.
"""

from __future__ import annotations

import io
import platform
import shutil
import struct
import time
import uuid
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil
from numpy.typing import NDArray

from bertbench.atomic import explained, sync_folder, write_atomically
from bertbench.errors import RecordError
from bertbench.observers import Observer
from bertbench.record import SCHEMA_VERSION, Failure, ProcessFacts, RunRecord, SeedRun
from bertbench.spec import Spec, spec_fingerprint
from bertbench.versioned import Versioned

__all__ = ["DEFAULT_STORE", "Entry", "RecordKeeper", "Status", "Store", "read_record", "status_of", "write_atomically"]

#: Where records go unless somebody says otherwise.
DEFAULT_STORE = Path(".bertbench")
#: A running record is written at most this often, so that keeping it costs under 1 % of a run.
_SECONDS_BETWEEN_WRITES = 2.0
_RECORDS = Versioned(
    RunRecord,
    noun="record",
    readable=tuple(range(1, SCHEMA_VERSION + 1)),
    error=RecordError,
    damaged="run the spec again",
    other_version="upgrade bertbench, or run the spec again",
)

#: What reading a damaged archive can raise: every layer of it has an exception of its own.
_DAMAGE = (OSError, ValueError, KeyError, EOFError, RuntimeError, struct.error, zlib.error, zipfile.BadZipFile)
_LOGITS_DIMENSIONS = 3

#: Two readings of one process's start differ by less; a pid that was given out again starts later.
_SAME_START_SECONDS = 1.0

Status = Literal["running", "completed", "failed", "interrupted", "killed", "unreadable"]


@dataclass(frozen=True)
class Entry:
    """One run in a store, readable or not.

    Attributes:
        run_id: Name of its folder.
        status: The record's outcome; `killed` if it still says 'running' and its process is gone.
        record: Absent if unreadable.
        problem: Why it is unreadable, in words.
    """

    run_id: str
    status: Status
    record: RunRecord | None
    problem: str = ""

    @property
    def settled(self) -> RunRecord | None:
        """The record; of a run that was killed, as one that failed, although nothing of it could write so."""
        if self.record is None or self.status != "killed":
            return self.record
        failure = Failure(kind="Killed", message=f"process {self.record.process.pid} is gone", phase="unknown")
        return self.record.model_copy(update={"outcome": "failed", "failure": failure})


class Store:
    """A folder of records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs = folder / "runs"

    def run_folder(self, run_id: str) -> Path:
        """Where a run's files are."""
        return self._runs / run_id

    def write(self, record: RunRecord) -> None:
        """Put *record* in place of what was known of its run before.

        Raises:
            RecordWriteError: If the disk is full or the folder cannot be written; the former state stays.
        """
        content = record.model_dump_json(indent=1).encode()
        folder = self.run_folder(record.run_id)
        with explained(folder):
            is_new = not folder.exists()
        if not is_new:
            write_atomically(folder / "record.json", lambda stream: stream.write(content))
            return
        with explained(folder):
            self._runs.mkdir(parents=True, exist_ok=True)
            beside = self._runs / f".{record.run_id}.{uuid.uuid4().hex[:8]}.new"
            beside.mkdir()
        try:
            write_atomically(beside / "record.json", lambda stream: stream.write(content))
            with explained(folder):
                beside.rename(folder)
                sync_folder(self._runs)
        finally:
            shutil.rmtree(beside, ignore_errors=True)  # gone already, unless something failed

    def write_predictions(self, run_id: str, seed: int, logits: NDArray[np.float32], labels: NDArray[np.int32]) -> None:
        """Keep a seed's validation logits.

        Args:
            run_id: A run that was written before.
            seed: Of the spec.
            logits: float32 (epochs, rows, classes).
            labels: int32 (rows,).

        Raises:
            RecordWriteError: Like `write`.
        """
        folder = self.run_folder(run_id) / f"seed-{seed}"
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        packed = io.BytesIO()
        np.savez_compressed(packed, logits=logits, labels=labels)
        write_atomically(folder / "predictions.npz", lambda stream: stream.write(packed.getbuffer()))

    def read_predictions(self, run_id: str, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Logits float32 (epochs, rows, classes) and labels int32 (rows,) of a seed.

        Raises:
            RecordError: If they are absent or damaged.
        """
        path = self.run_folder(run_id) / f"seed-{seed}" / "predictions.npz"
        try:
            with zipfile.ZipFile(path) as archive:
                logits, labels = _array(archive, "logits"), _array(archive, "labels")
        except _DAMAGE as error:
            raise RecordError(f"{path}: no predictions can be read: {error!r}", remedy="run the spec again") from None
        if logits.ndim != _LOGITS_DIMENSIONS or labels.shape != logits.shape[1:2]:
            raise RecordError(
                f"{path}: logits {logits.shape} and labels {labels.shape} are no predictions; expected "
                "(epochs, rows, classes) and (rows,)",
                remedy="run the spec again",
            )
        return logits, labels

    def read(self, run_id: str) -> RunRecord:
        """One record.

        Raises:
            RecordError: If it is absent, damaged, or of a newer schema.
        """
        path = self.run_folder(run_id) / "record.json"
        return read_record(path)

    def entries(self) -> tuple[Entry, ...]:
        """All runs, oldest first, those that cannot be read included.

        Raises:
            RecordError: If the folder itself cannot be read.
        """
        try:
            names = sorted(p.name for p in self._runs.iterdir() if p.is_dir() and not p.name.startswith("."))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise RecordError(
                f"{self._runs}: cannot be read: {error.strerror}", remedy="choose another store with --store"
            ) from None
        return tuple(self._entry(name) for name in names)

    def repeat_of(self, run_id: str) -> RunRecord | None:
        """The newest readable run that repeats another in a fresh process; one that was killed has failed."""
        repeats = [e for e in self.entries() if e.record is not None and e.record.repeats == run_id]
        return repeats[-1].settled if repeats else None

    def further_of(self, run_id: str) -> tuple[RunRecord, ...]:
        """The readable runs of further seeds of a run, oldest first."""
        return tuple(e.record for e in self.entries() if e.record is not None and e.record.continues == run_id)

    def runs_of(self, spec: Spec, *, completed: bool = True) -> tuple[RunRecord, ...]:
        """Runs of one recipe in the numerics class of the newest, oldest first.

        Repeats are left out, and runs that were made faulty on purpose.

        Args:
            spec: Has the recipe.
            completed: Whether to take completed runs alone; else all in which a seed came to an end, NaN included.
        """
        fingerprint = spec_fingerprint(spec)
        read = [entry.record for entry in self.entries() if entry.record is not None]
        if completed:
            records = [record for record in read if record.outcome == "completed"]
        else:
            records = [record for record in read if any(run.came_to_an_end for run in record.seeds)]
        normal = [r for r in records if r.repeats is None and r.fault is None]
        runs = [r for r in normal if r.spec_fingerprint == fingerprint and r.environment]
        return tuple(r for r in runs if _numerics(r) == _numerics(runs[-1]))

    def find(self, name: str = "latest") -> Entry:
        """The run whose id is or begins with *name*; the newest of a spec of that name; `latest` is the newest of all.

        Repeats and runs of further seeds are found by their id only.

        Raises:
            RecordError: If there is none, or more than one begins so.
        """
        entries = self.entries()
        if not entries:
            raise RecordError(f"{self.folder}: holds no runs", remedy="bertbench run SPEC")
        originals = [e for e in entries if e.record is None or not (e.record.repeats or e.record.continues)] or entries
        if name == "latest":
            return originals[-1]
        exact = [e for e in entries if e.run_id == name]
        found = exact or [e for e in entries if e.run_id.startswith(name)]
        if len(found) > 1:
            ids = ", ".join(e.run_id for e in found[:5])
            raise RecordError(
                f"{self.folder}: {len(found)} runs begin with {name!r}: {ids}", remedy="give more of the id"
            )
        of_spec = [e for e in originals if e.record is not None and e.record.spec.name == name]
        if not found and not of_spec:
            newest = ", ".join(e.run_id for e in entries[-3:])
            raise RecordError(f"{self.folder}: no run {name!r}; the newest are {newest}", remedy="bertbench show --all")
        return (found or of_spec)[-1]

    def _entry(self, run_id: str) -> Entry:
        try:
            record = self.read(run_id)
            status = status_of(record)
            if status == "killed":  # unless it wrote its end just after it was read: what is gone writes no more
                record = self.read(run_id)
                status = status_of(record)
        except RecordError as error:
            return Entry(run_id, "unreadable", None, error.message)
        return Entry(run_id, status, record)


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """One array of an .npz file, checked against its checksum; pickles are refused."""
    entry = archive.getinfo(f"{name}.npy")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"{name} is packed in a way that was never written")
    with archive.open(entry) as member:
        return np.asarray(np.lib.format.read_array(member, allow_pickle=False))


def _numerics(record: RunRecord) -> str:
    return record.environment.numerics_fingerprint if record.environment else ""


def read_record(path: Path) -> RunRecord:
    """The record of one file.

    Raises:
        RecordError: If it is absent, damaged, or of a newer schema.
    """
    return _RECORDS.read(path)


def status_of(record: RunRecord) -> Status:
    """The outcome, or `killed` if it still says 'running' and the process that wrote it is gone."""
    if record.outcome != "running" or record.process.host != platform.node():
        return record.outcome
    return "running" if _is_alive(record.process) else "killed"


def _is_alive(writer: ProcessFacts) -> bool:
    """Whether a process of this machine still runs; one that has ended and that nobody waited for does not."""
    try:
        process = psutil.Process(writer.pid)
        same = abs(process.create_time() - writer.started) < _SAME_START_SECONDS
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # somebody else's, and there: it cannot be told apart from the writer
        return True


class RecordKeeper(Observer):
    """Keeps a run on disk while it goes on: its beginning, every seed, its end; epochs in between now and then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._run_id = ""
        self._written = -_SECONDS_BETWEEN_WRITES

    def run_changed(self, record: RunRecord) -> None:
        """Write it, unless nothing but a moment has passed."""
        now = time.monotonic()
        if record.outcome == "running" and self._run_id and now - self._written < _SECONDS_BETWEEN_WRITES:
            return
        self._run_id = record.run_id
        self._store.write(record)
        self._written = now

    def seed_finished(self, run: SeedRun, logits: NDArray[np.float32], labels: NDArray[np.int32]) -> None:
        """Keep the predictions; the record follows."""
        self._store.write_predictions(self._run_id, run.seed, logits, labels)
        self._written = -_SECONDS_BETWEEN_WRITES
