"""Records on disk: whole at every moment, safe for several processes, and never silently unreadable."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import platform
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_maker import make_failed_record, make_record, make_seed, make_spec

from bertbench.errors import RecordError, RecordWriteError
from bertbench.record import ProcessFacts, RunRecord
from bertbench.store import RecordKeeper, Store, read_record, status_of, write_atomically

posix_only = pytest.mark.skipif(os.name == "nt", reason="forks, signals and permissions; run it on Linux or macOS")

LOGITS = np.random.default_rng(0).normal(size=(2, 49, 2)).astype(np.float32)
LABELS = np.arange(49, dtype=np.int32) % 2


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def running(**changes: Any) -> RunRecord:
    return make_record(outcome="running", finished_at=None, **changes)


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def process(command: str, folder: Path) -> subprocess.Popen[str]:
    tests = Path(__file__).parent
    return subprocess.Popen(
        [sys.executable, str(tests / "store_process.py"), command, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)])},
    )


def answer(command: str, folder: Path) -> dict[str, Any]:
    with process(command, folder) as running_process:
        printed, _ = running_process.communicate()
    assert running_process.returncode == 0
    return json.loads(printed)


def refused(write: Callable[[], None]) -> RecordWriteError | None:
    try:
        write()
    except RecordWriteError as error:
        return error
    return None


# Writing and reading


def test_what_was_written_is_read(store: Store) -> None:
    store.write(make_record(run_id="one"))
    assert store.read("one") == make_record(run_id="one")


def test_write_replaces_what_was_known_before(store: Store) -> None:
    store.write(running(run_id="one", seeds=()))
    store.write(make_record(run_id="one"))
    assert store.read("one").outcome == "completed"
    assert files_below(store.folder) == ["runs/one/record.json"]


def test_folder_of_the_store_is_made_when_it_is_needed(tmp_path: Path) -> None:
    store = Store(tmp_path / "a" / "b")
    assert store.entries() == ()
    assert not store.folder.exists(), "reading makes nothing"
    store.write(make_record(run_id="one"))
    assert [entry.run_id for entry in store.entries()] == ["one"]


def test_record_can_be_read_from_any_path(store: Store, tmp_path: Path) -> None:
    store.write(make_record(run_id="one"))
    moved = (store.run_folder("one") / "record.json").rename(tmp_path / "kept.json")
    assert read_record(moved).run_id == "one"


def test_failed_run_with_a_loss_that_is_no_number_is_read_back(store: Store) -> None:
    store.write(make_failed_record())
    read = store.read(make_failed_record().run_id)
    assert str(read.seeds[1].steps.loss[5]) == "nan"
    assert read.model_dump_json() == make_failed_record().model_dump_json()


# Damage


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no record can be read"),
        (b"{", "no record can be read"),
        (b"\xff\xfe", "no record can be read"),
        (b"[" * 100_000, "no record can be read"),
        (b"null", "it has no schema version"),
        (b"[]", "it has no schema version"),
        (b"{}", "it has no schema version"),
        (b'{"schema_version": "1"}', "it has no schema version"),
        (b'{"schema_version": 1}', "is no record: run_id: Field required"),
        (b'{"schema_version": 0}', "schema version 0; this bertbench reads 1, 2, 3 and 4"),
        (b'{"schema_version": 5}', "schema version 5; this bertbench reads 1, 2, 3 and 4"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_damaged_record_is_reported_never_skipped(store: Store, content: bytes, reason: str) -> None:
    """pytest-benchmark skips a corrupt baseline with a warning."""
    store.write(make_record(run_id="one"))
    path = store.run_folder("one") / "record.json"
    path.write_bytes(content)
    with pytest.raises(RecordError) as caught:
        store.read("one")
    assert caught.value.message.startswith(f"{path}: ")
    assert reason in caught.value.message
    assert caught.value.remedy
    (entry,) = store.entries()
    assert (entry.run_id, entry.status, entry.record) == ("one", "unreadable", None)
    assert entry.problem == caught.value.message


def test_record_of_a_newer_schema_says_to_upgrade(store: Store) -> None:
    store.write(make_record(run_id="one"))
    path = store.run_folder("one") / "record.json"
    path.write_text(path.read_text().replace('"schema_version": 4', '"schema_version": 7'))
    with pytest.raises(RecordError, match="schema version 7") as caught:
        store.read("one")
    assert caught.value.remedy == "upgrade bertbench, or run the spec again"


def test_record_of_the_third_schema_is_read_and_all_its_rows_are_taken_for_distinct(store: Store) -> None:
    store.write(make_record(run_id="one"))
    path = store.run_folder("one") / "record.json"
    fields = json.loads(path.read_text()) | {"schema_version": 3}
    del fields["data"]["distinct_rows"]
    path.write_text(json.dumps(fields))
    data = store.read("one").data
    assert data is not None
    assert (data.distinct_rows, data.distinct("validation"), data.distinct("nowhere")) == ({}, 49, 0)


def test_record_made_impossible_by_hand_says_why(store: Store) -> None:
    store.write(make_failed_record())
    path = store.run_folder(make_failed_record().run_id) / "record.json"
    fields = json.loads(path.read_text())
    fields |= {"outcome": "completed", "failure": None}
    path.write_text(json.dumps(fields))
    with pytest.raises(RecordError, match=r"is no record: record: Value error, .*: completed, but not every seed is"):
        store.read(make_failed_record().run_id)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_cut_or_altered_record_is_read_as_a_record_or_refused(data: st.DataObject) -> None:
    content = bytearray(make_record().model_dump_json().encode())
    position = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[position:]
    else:
        content[position] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.json"
        path.write_bytes(content)
        try:
            said = f"{path}: {read_record(path).outcome}"
        except RecordError as error:
            said = error.message
    assert said.startswith(f"{path}: ")


@pytest.mark.parametrize("name", ["no-such-run", "../elsewhere"])
def test_absent_record(store: Store, name: str) -> None:
    with pytest.raises(RecordError, match="no record can be read"):
        store.read(name)


def test_run_folder_without_a_record_is_listed_as_unreadable(store: Store) -> None:
    (store.folder / "runs" / "empty").mkdir(parents=True)
    (entry,) = store.entries()
    assert entry.status == "unreadable"


# Leftovers


def test_what_killed_writers_leave_is_never_listed(store: Store) -> None:
    store.write(make_record(run_id="one"))
    half = store.folder / "runs" / ".two.0123abcd.new"
    half.mkdir()
    (half / "record.json").write_text("{")
    (store.run_folder("one") / ".record.json.1.0123abcd.new").write_text("{")
    (store.folder / "runs" / "notes.txt").write_text("not a run")
    assert [(entry.run_id, entry.status) for entry in store.entries()] == [("one", "completed")]
    assert store.find().run_id == "one"


# Whole at every moment


@posix_only
def test_killed_writers_never_leave_a_store_that_cannot_be_read(tmp_path: Path) -> None:
    """SIGKILL at 20 random moments, with somebody reading all the time."""
    seen = answer("killed_writers", tmp_path / "store")
    assert seen["broken"] == []
    assert seen["runs"] >= seen["kills"] == 20
    assert seen["reads"] > 0


def test_two_processes_write_runs_at_once(tmp_path: Path) -> None:
    writers = [process("many_runs", tmp_path / "store") for _ in range(2)]
    pids = [json.loads(writer.communicate()[0])["pid"] for writer in writers]
    entries = Store(tmp_path / "store").entries()
    assert {entry.run_id for entry in entries} == {f"{pid}-{number}" for pid in pids for number in range(10)}
    assert {entry.status for entry in entries} == {"completed"}
    assert all(name.endswith("/record.json") for name in files_below(tmp_path / "store")), "nothing is left beside"


OPERATIONS = [(Path, "mkdir"), (Path, "open"), (os, "fsync"), (Path, "replace"), (Path, "rename")]


@pytest.mark.parametrize("is_new", [True, False], ids=["new run", "known run"])
@pytest.mark.parametrize("call", range(3))
@pytest.mark.parametrize(("owner", "name"), OPERATIONS, ids=[name for _, name in OPERATIONS])
def test_failure_of_any_operation_leaves_the_former_state(
    store: Store, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int, is_new: bool
) -> None:
    """Every system call of a write fails in turn, as on a full disk."""
    before = running(run_id="old", seeds=())
    store.write(before)
    calls = iter(range(100))
    original = getattr(owner, name)

    def failing(*arguments: Any, **options: Any) -> Any:
        if next(calls) == call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, failing)
    record = make_record(run_id="new" if is_new else "old")
    refusal = refused(lambda: store.write(record))
    monkeypatch.undo()
    if refusal is not None:
        assert "No space left on device" in refusal.message
        assert "free space" in refusal.remedy
    entries = {entry.run_id: entry.record for entry in store.entries()}
    assert set(entries) <= {"old", "new"}
    assert entries["old"] in ((record, before) if not is_new else (before,))
    assert entries.get("new", record) == record
    assert refusal is not None or record in entries.values(), "the operation is called less often than that"
    assert [path for path in store.folder.rglob("*") if path.name.startswith(".")] == [], "nothing is left beside"


@pytest.mark.parametrize("is_new", [True, False], ids=["new run", "known run"])
def test_content_reaches_the_disk_before_its_name_does(
    store: Store, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    """Else a loss of power leaves an empty file under the right name."""
    store.write(running(run_id="old", seeds=()))
    done: list[str] = []

    def noted(owner: Any, name: str, said: Callable[[Any], str]) -> None:
        original = getattr(owner, name)

        def call(first: Any, *arguments: Any, **options: Any) -> Any:
            done.append(said(first))
            return original(first, *arguments, **options)

        monkeypatch.setattr(owner, name, call)

    noted(os, "fsync", lambda fd: "sync folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "sync file")
    noted(Path, "replace", lambda _: "name file")
    noted(Path, "rename", lambda _: "name run")
    store.write(make_record(run_id="new" if is_new else "old"))
    assert done == ["sync file", "name file", "sync folder", *(["name run", "sync folder"] if is_new else [])]


def test_operations_that_fail_above_are_the_ones_that_are_used(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    used = set()
    for owner, name in OPERATIONS:
        original = getattr(owner, name)

        def noted(*arguments: Any, _original: Any = original, _name: str = name, **options: Any) -> Any:
            used.add(_name)
            return _original(*arguments, **options)

        monkeypatch.setattr(owner, name, noted)
    store.write(make_record(run_id="one"))
    assert used == {name for _, name in OPERATIONS}


def test_writer_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    path.write_text("old")

    def half(stream: Any) -> None:
        stream.write(b"ne")
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        write_atomically(path, half)
    assert path.read_text() == "old"
    assert files_below(tmp_path) == ["summary.json"]


def test_interrupt_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    path.write_text("old")

    def interrupted(stream: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, interrupted)
    assert path.read_text() == "old"
    assert files_below(tmp_path) == ["summary.json"]


# Disks and folders that refuse


@pytest.fixture
def old_run() -> Iterator[Path]:
    """A store with one run, in a place that an unprivileged user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        store = Path(folder) / "store"
        Store(store).write(running(run_id="old", seeds=()))
        yield store
        for path in (store, *store.rglob("*")):
            path.chmod(0o755)


@posix_only
@pytest.mark.parametrize(
    ("command", "reason"), [("full_disk", "File too large"), ("no_permission", "Permission denied")]
)
def test_store_that_cannot_be_written_says_so_and_stays_as_it_was(old_run: Path, command: str, reason: str) -> None:
    before = files_below(old_run)
    seen = answer(command, old_run)
    for attempt, place in (("over", "old/record.json"), ("new", "new"), ("predictions", "old/seed-0")):
        kind, message, remedy = seen[attempt]
        assert kind == "RecordWriteError"
        assert place in message
        assert reason in message
        assert "--store" in remedy
    assert files_below(old_run) == before
    assert Store(old_run).read("old") == running(run_id="old", seeds=())
    assert [entry.run_id for entry in Store(old_run).entries()] == ["old"]


@posix_only
def test_store_that_cannot_be_read_says_so(old_run: Path) -> None:
    """It is not 'no runs': a verdict on nothing is no verdict."""
    seen = answer("unreadable", old_run)
    (old_run / "runs").chmod(0o755)
    for kind, message, remedy in seen.values():
        assert kind == "RecordError"
        assert message == f"{old_run / 'runs'}: cannot be read: Permission denied"
        assert remedy


@pytest.mark.parametrize("place", ["store", "store/runs", "store/runs/one", "store/runs/one/record.json"])
def test_something_else_in_the_way(tmp_path: Path, place: str) -> None:
    """A file where a folder should be, a folder where the file should be."""
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if place.endswith("record.json") else path.write_text("in the way")
    with pytest.raises(RecordWriteError, match="cannot be written") as caught:
        Store(tmp_path / "store").write(make_record(run_id="one"))
    assert str(tmp_path / "store") in caught.value.message


def test_store_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "store")
    with pytest.raises(RecordWriteError, match="cannot be written"):
        store.write(make_record(run_id="one"))
    with pytest.raises(RecordError, match="cannot be read"):
        store.entries()


# Finding


IDS = ("20300101T000000Z-card-aaaa", "20300101T000000Z-card-abbb", "20300102T000000Z-other-cccc")


@pytest.fixture
def three_runs(store: Store) -> Store:
    for run_id in IDS:
        store.write(make_record(run_id=run_id, spec=make_spec(name=run_id.split("-")[1])))
    return store


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("latest", IDS[2]),
        (IDS[0], IDS[0]),
        (IDS[0][:-1], IDS[0]),
        ("20300102", IDS[2]),
        ("other", IDS[2]),
        ("card", IDS[1]),
    ],
)
def test_run_is_found_by_id_prefix_or_spec(three_runs: Store, name: str, found: str) -> None:
    assert three_runs.find(name).run_id == found


def test_latest_is_the_default(three_runs: Store) -> None:
    assert three_runs.find().run_id == IDS[2]


def test_id_that_is_the_beginning_of_another_is_found_by_itself(store: Store) -> None:
    for run_id in ("a", "ab"):
        store.write(make_record(run_id=run_id))
    assert store.find("a").run_id == "a"


def test_ambiguous_prefix_names_the_runs(three_runs: Store) -> None:
    with pytest.raises(RecordError, match="2 runs begin with '20300101'") as caught:
        three_runs.find("20300101")
    assert IDS[0] in caught.value.message
    assert IDS[1] in caught.value.message
    assert caught.value.remedy == "give more of the id"


def test_unknown_name_shows_the_newest(three_runs: Store) -> None:
    with pytest.raises(RecordError, match="no run 'nonsense'; the newest are") as caught:
        three_runs.find("nonsense")
    assert IDS[2] in caught.value.message


def test_empty_store_says_how_to_fill_it(store: Store) -> None:
    with pytest.raises(RecordError, match="holds no runs") as caught:
        store.find()
    assert "bertbench run" in caught.value.remedy


def test_unreadable_run_is_found_too(three_runs: Store) -> None:
    """The newest run is the newest run, even if something happened to it."""
    (three_runs.run_folder(IDS[2]) / "record.json").write_text("{")
    assert three_runs.find().status == "unreadable"
    assert three_runs.find(IDS[2]).problem


def test_repeats_are_found_by_id_only_and_by_what_they_repeat(store: Store) -> None:
    store.write(make_record(run_id="a-run"))
    store.write(make_record(run_id="b-repeat", repeats="a-run"))
    assert store.find().run_id == "a-run"
    assert store.find("seed_card").run_id == "a-run"
    assert store.find("b-repeat").run_id == "b-repeat"
    repeat = store.repeat_of("a-run")
    assert repeat is not None
    assert repeat.run_id == "b-repeat"
    assert store.repeat_of("b-repeat") is None


def test_repeat_that_still_runs_is_running_and_one_that_was_killed_has_failed(
    store: Store, sleeper: subprocess.Popen[bytes]
) -> None:
    store.write(make_record(run_id="a-run"))
    store.write(running(run_id="b-repeat", repeats="a-run", process=facts_of(sleeper.pid)))
    repeat = store.repeat_of("a-run")
    assert repeat is not None
    assert (repeat.outcome, repeat.failure) == ("running", None)
    sleeper.kill()
    sleeper.wait()
    repeat = store.repeat_of("a-run")
    assert repeat is not None
    assert repeat.failure is not None
    assert (repeat.outcome, repeat.failure.kind) == ("failed", "Killed")
    assert repeat.failure.message == f"process {sleeper.pid} is gone"
    assert store.read("b-repeat").outcome == "running"  # a reader writes nothing


# Running or killed


def facts_of(pid: int, **changes: Any) -> ProcessFacts:
    facts = {"pid": pid, "host": platform.node(), "started": psutil.Process(pid).create_time()}
    return ProcessFacts(**{**facts, **changes})


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as asleep:
        yield asleep
        asleep.kill()


def test_run_whose_process_lives_is_running(sleeper: subprocess.Popen[bytes]) -> None:
    assert status_of(running(process=facts_of(sleeper.pid))) == "running"
    assert status_of(running(process=facts_of(os.getpid()))) == "running"


def test_run_whose_process_is_gone_was_killed(store: Store, sleeper: subprocess.Popen[bytes]) -> None:
    record = running(run_id="one", process=facts_of(sleeper.pid))
    store.write(record)
    assert store.find("one").status == "running"
    sleeper.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    sleeper.wait()
    assert status_of(record) == "killed"
    assert store.find("one").status == "killed"


def test_run_that_ended_while_it_was_read_was_not_killed(
    store: Store, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process writes the end and is gone, between the reading of its record and the look at its process."""
    process = facts_of(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    versions = [running(run_id="one", process=process), make_record(run_id="one", process=process)]
    store.write(versions[1])
    monkeypatch.setattr(Store, "read", lambda *_: versions.pop(0))
    (entry,) = store.entries()
    assert (entry.status, entry.settled) == ("completed", entry.record)


@posix_only
def test_dead_process_that_nobody_waited_for_was_killed(sleeper: subprocess.Popen[bytes]) -> None:
    """In a container without an init, nobody ever does."""
    record = running(process=facts_of(sleeper.pid))
    sleeper.kill()
    while psutil.Process(sleeper.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert status_of(record) == "killed"


def test_pid_that_was_given_to_another_process_is_not_the_writer(sleeper: subprocess.Popen[bytes]) -> None:
    earlier = facts_of(sleeper.pid, started=psutil.Process(sleeper.pid).create_time() - 60)
    assert status_of(running(process=earlier)) == "killed"


def test_run_of_another_machine_is_taken_at_its_word() -> None:
    assert status_of(running(process=ProcessFacts(pid=2**22 + 1, host="elsewhere", started=0.0))) == "running"


@pytest.mark.parametrize("make", [make_record, make_failed_record])
def test_run_that_ended_keeps_its_outcome_whatever_became_of_the_process(make: Any) -> None:
    gone = ProcessFacts(pid=2**22 + 1, host=platform.node(), started=0.0)
    record = make().model_copy(update={"process": gone})
    assert status_of(record) == record.outcome


# Predictions


def test_predictions_come_back_as_they_were(store: Store) -> None:
    store.write_predictions("one", 3, LOGITS, LABELS)
    logits, labels = store.read_predictions("one", 3)
    assert (logits.dtype, labels.dtype) == (np.float32, np.int32)
    assert np.array_equal(logits, LOGITS)
    assert np.array_equal(labels, LABELS)


def test_predictions_that_are_no_numbers_come_back_too(store: Store) -> None:
    logits = np.array([[[np.nan, np.inf]]], np.float32)
    store.write_predictions("one", 0, logits, np.zeros(1, np.int32))
    assert store.read_predictions("one", 0)[0].tobytes() == logits.tobytes()


def test_predictions_are_numbers_and_nothing_that_runs(store: Store) -> None:
    """A file from elsewhere must not be able to run code."""
    path = store.run_folder("one") / "seed-0" / "predictions.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, logits=np.array([pickle.dumps], dtype=object), labels=LABELS)
    with pytest.raises(RecordError, match="allow_pickle=False"):
        store.read_predictions("one", 0)


def archive(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def bare(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"no archive",
        archive(logits=LOGITS, labels=LABELS)[:-10],
        archive(logits=LOGITS, labels=LABELS)[:200],
        archive(logits=LOGITS),
        archive(labels=LABELS),
        archive(logits=LOGITS[0], labels=LABELS),
        archive(logits=LOGITS, labels=LABELS[:-1]),
        bare(LOGITS),
    ],
    ids=["empty", "head", "text", "cut", "cut more", "no labels", "no logits", "one epoch", "a row less", "npy"],
)
def test_damaged_predictions_are_refused(store: Store, content: bytes) -> None:
    store.write_predictions("one", 0, LOGITS, LABELS)
    path = store.run_folder("one") / "seed-0" / "predictions.npz"
    path.write_bytes(content)
    with pytest.raises(RecordError) as caught:
        store.read_predictions("one", 0)
    assert str(path) in caught.value.message
    assert caught.value.remedy == "run the spec again"


def test_no_altered_byte_goes_unseen(store: Store) -> None:
    """Each byte in turn: the same numbers are read, or none."""
    store.write_predictions("one", 0, LOGITS[:, :8], LABELS[:8])
    path = store.run_folder("one") / "seed-0" / "predictions.npz"
    content = path.read_bytes()
    refused = 0
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x0E]) + content[position + 1 :])
        try:
            logits, labels = store.read_predictions("one", 0)
        except RecordError:
            refused += 1
        else:
            assert np.array_equal(logits, LOGITS[:, :8])
            assert np.array_equal(labels, LABELS[:8])
    assert refused > len(content) / 2


def test_absent_predictions(store: Store) -> None:
    with pytest.raises(RecordError, match="no predictions can be read"):
        store.read_predictions("one", 0)


# The keeper


@pytest.fixture
def clock_hand(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that shows what the test says: `clock_hand[0]`."""
    hand = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: hand[0])
    return hand


def test_keeper_writes_the_beginning_the_end_and_now_and_then_in_between(store: Store, clock_hand: list[float]) -> None:
    keeper = RecordKeeper(store)
    keeper.run_changed(running(run_id="one", seeds=()))
    assert store.read("one").seeds == (), "the beginning, at once"

    clock_hand[0] += 0.1
    keeper.run_changed(running(run_id="one"))
    assert store.read("one").seeds == (), "a moment later, not yet"

    clock_hand[0] += 10.0
    keeper.run_changed(running(run_id="one"))
    assert len(store.read("one").seeds) == 2

    keeper.run_changed(make_record(run_id="one"))
    assert store.read("one").outcome == "completed", "the end, at once"


def test_keeper_writes_every_seed_with_its_predictions(store: Store, clock_hand: list[float]) -> None:
    keeper = RecordKeeper(store)
    keeper.run_changed(running(run_id="one", seeds=()))
    keeper.seed_finished(make_seed(0), LOGITS, LABELS)
    keeper.run_changed(running(run_id="one", seeds=(make_seed(0),)))
    assert len(store.read("one").seeds) == 1, "a completed seed is not held back"
    assert np.array_equal(store.read_predictions("one", 0)[0], LOGITS)


def test_keeper_writes_the_first_record_of_a_machine_that_has_just_started(
    store: Store, clock_hand: list[float]
) -> None:
    clock_hand[0] = 0.0
    RecordKeeper(store).run_changed(running(run_id="one"))
    assert store.find().run_id == "one"


@pytest.mark.parametrize("make", [make_failed_record, make_record])
def test_keeper_never_holds_an_end_back(store: Store, clock_hand: list[float], make: Any) -> None:
    keeper = RecordKeeper(store)
    keeper.run_changed(running(run_id=make().run_id))
    keeper.run_changed(make())
    assert store.find().status == make().outcome
