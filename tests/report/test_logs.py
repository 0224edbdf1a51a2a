"""When TensorBoard's logs are written, written again, or left alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from record_maker import make_failed_record, make_record, make_spec

from bertbench.record import RunRecord
from bertbench.report import logs
from bertbench.report.logs import write_logs, write_store_logs
from bertbench.store import Store
from bertbench.suite import Benchmark, Result
from bertbench.verdict import judge_run


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Run and verdict of every call of the writer, which writes one event file."""
    calls: list[tuple[str, str]] = []

    def write_run(record: RunRecord, logdir: Path, *, verdict_text: str) -> None:
        calls.append((record.run_id, verdict_text))
        folder = logdir / record.spec.name / record.run_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "events.out").write_text(record.outcome)

    monkeypatch.setattr(logs, "write_run", write_run)
    return calls


def keep(store: Store, record: RunRecord, *, at: int) -> None:
    """Put a record in the store as if it had been written at a time, in seconds."""
    store.write(record)
    os.utime(store.run_folder(record.run_id) / "record.json", (at, at))


def test_the_verdict_goes_with_the_run(written: list[tuple[str, str]], tmp_path: Path) -> None:
    record = make_failed_record()
    write_logs(Result(Benchmark(record.spec, Path()), record, None, judge_run(record, None)), tmp_path)
    ((run_id, verdict),) = written
    assert run_id == record.run_id
    assert verdict.startswith("3 promises of 1 benchmark: 3 fail")
    assert "NonFiniteLossError in phase steps: loss is nan" in verdict


def test_nothing_is_written_of_what_was_skipped(written: list[tuple[str, str]], tmp_path: Path) -> None:
    write_logs(Result(Benchmark(make_spec(), Path()), None, None, (), skipped="no data"), tmp_path)
    assert written == []


def test_a_store_is_written_once_without_its_repeats(written: list[tuple[str, str]], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    keep(store, make_record(), at=1000)
    keep(store, make_record(run_id="20300102T030406Z-rep", repeats="20300102T030405Z-abc"), at=1001)
    for _ in range(2):
        assert write_store_logs(store, tmp_path / "logs") == 1
    assert [run_id for run_id, _ in written] == ["20300102T030405Z-abc"]


def test_a_run_that_has_gone_on_since_is_written_again(written: list[tuple[str, str]], tmp_path: Path) -> None:
    store, logdir = Store(tmp_path / "store"), tmp_path / "logs"
    keep(store, make_record(outcome="running", finished_at=None), at=1000)
    write_store_logs(store, logdir)
    write_store_logs(store, logdir)  # it still runs
    assert len(written) == 2
    store.write(make_record())
    (file,) = logdir.rglob("events*")
    os.utime(file, (1500, 1500))
    write_store_logs(store, logdir)
    assert len(written) == 3
    assert file.read_text() == "completed"


def test_runs_that_cannot_be_read_are_left_out(written: list[tuple[str, str]], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    keep(store, make_record(), at=1000)
    store.run_folder("20300101T000000Z-bad").mkdir()
    assert write_store_logs(store, tmp_path / "logs") == 1


def test_an_empty_store_writes_nothing(written: list[tuple[str, str]], tmp_path: Path) -> None:
    assert write_store_logs(Store(tmp_path / "store"), tmp_path / "logs") == 0
    assert not (tmp_path / "logs").exists()
