"""Benchmarks are run once per session, whoever asks; only the processes that compute are replaced."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import fake_runs
import pytest
from fake_runs import runs, set_runs

from bertbench import suite
from bertbench.errors import RecordWriteError
from bertbench.processes import Request
from bertbench.record import RunRecord
from bertbench.session import Session
from bertbench.spec import build_spec
from bertbench.store import Store
from bertbench.suite import Benchmark

_TESTS = Path(__file__).parent


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store; runs take milliseconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    return Store(tmp_path / "store")


def benchmark(**fields: Any) -> Benchmark:
    """One seed and its repeat."""
    return Benchmark(build_spec({"name": "card", **fields}), Path())


def test_a_session_runs_each_benchmark_once(store: Store) -> None:
    session = Session(store, "s1")
    first = session.result(benchmark())
    assert not session.knows(benchmark(title="other"))
    assert session.result(benchmark()) is first
    assert session.knows(benchmark())
    session.result(benchmark(title="other"))
    assert runs() == 4  # two, each with its repeat


def test_another_process_of_the_session_reads_what_the_first_one_ran(store: Store) -> None:
    result = Session(store, "s1", workers=2).result(benchmark())
    other = Session(store, "s1", workers=2)
    assert not other.knows(benchmark())
    assert other.result(benchmark()) == result
    assert runs() == 2


def test_another_session_runs_again(store: Store) -> None:
    Session(store, "s1").result(benchmark())
    Session(store, "s2").result(benchmark())
    assert runs() == 4


def test_a_failed_run_is_remembered(store: Store) -> None:
    set_runs(failure={"kind": "DataError", "message": "no rows", "phase": "data"})
    Session(store, "s1").result(benchmark())
    assert Session(store, "s1").result(benchmark()).outcome == "fail"
    assert runs() == 1


def test_a_skipped_run_is_remembered_with_its_reason(store: Store) -> None:
    set_runs(failure={"kind": "DataAbsentError", "message": "set BERTBENCH_DATA", "phase": "data"})
    skipping = benchmark(data={"when_absent": "skip"})
    Session(store, "s1").result(skipping)
    again = Session(store, "s1")
    assert again.result(skipping).skipped == "set BERTBENCH_DATA"
    assert [result.outcome for result in again.results()] == ["skipped"]
    assert runs() == 1


def test_all_results_of_all_processes_are_known_in_the_order_of_their_names(store: Store) -> None:
    for name in ("zebra", "ant", "mole"):
        Session(store, "s1").result(benchmark(name=name))
    results = Session(store, "s1").results()
    assert [result.benchmark.spec.name for result in results] == ["ant", "mole", "zebra"]
    assert all(result.outcome == "pass" for result in results)


def test_a_session_that_ends_leaves_its_records_and_nothing_else(store: Store) -> None:
    session = Session(store, "s1")
    session.result(benchmark())
    session.end()
    assert list((store.folder / "sessions").iterdir()) == []
    assert len(store.entries()) == 2
    session.end()  # and once more does no harm


def test_a_run_that_cannot_be_recorded_is_no_result_and_not_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def no_record(request: Request, **_: Any) -> RunRecord:
        asked.append(request)
        raise RecordWriteError("the run left no record")

    monkeypatch.setattr(suite, "run_request", no_record)
    session = Session(store, "s1")
    for _ in range(3):
        with pytest.raises(RecordWriteError, match="the run left no record"):
            session.result(benchmark())
        assert session.knows(benchmark())
    assert len(asked) == 1
    assert session.results() == ()
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    assert session.result(benchmark(title="other")).outcome == "pass"
    assert Session(store, "s2").result(benchmark()).outcome == "pass"


def test_an_interruption_is_no_answer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> RunRecord:
        raise KeyboardInterrupt

    monkeypatch.setattr(suite, "run_request", interrupted)
    session = Session(store, "s1")
    with pytest.raises(KeyboardInterrupt):
        session.result(benchmark())
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    assert session.result(benchmark()).outcome == "pass"


def test_a_store_that_cannot_be_made_is_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "afile").write_text("")
    session = Session(Store(tmp_path / "afile" / "store"), "s1")
    with pytest.raises(RecordWriteError, match="cannot be written") as caught:
        session.result(benchmark())
    assert "--store" in caught.value.remedy
    assert session.results() == ()
    session.end()


def test_processes_that_ask_at_once_share_one_run(store: Store, tmp_path: Path) -> None:
    """Four processes, two benchmarks: whoever comes first runs, the others wait for the record."""
    script = f"""
        import sys, time
        from pathlib import Path
        sys.path.insert(0, {str(_TESTS)!r})
        import fake_runs
        from bertbench import suite
        from bertbench.session import Session
        from bertbench.store import Store
        from test_session import benchmark
        def slow(request, **more):
            time.sleep(0.5)  # so that all of them ask while one runs
            return fake_runs.fake_run_request(request, **more)
        suite.run_request = slow
        while not Path("go").exists():
            time.sleep(0.01)
        session = Session(Store(Path({str(store.folder)!r})), "s1", workers=4)
        for name in ("one", "two"):
            result = session.result(benchmark(name=name))
            print(name, result.outcome, result.record.run_id)
    """
    line = [sys.executable, "-c", textwrap.dedent(script)]
    processes = [subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    Path("go").touch()
    said = {process.communicate(timeout=120)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert len(said) == 1
    assert said.pop().count("pass") == 2
    assert runs() == 4  # two runs and their repeats
