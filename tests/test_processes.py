"""A run in a process of its own: how its end is noticed, whatever it is. The processes here only pretend to compute."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from small_bench import small_spec

from bertbench.errors import RecordWriteError
from bertbench.processes import Request, run_request
from bertbench.record import RunRecord
from bertbench.store import Store

_TESTS = Path(__file__).parent


def request(tmp_path: Path) -> Request:
    return Request(
        spec=small_spec("bert", training__seeds=(0, 1)),
        run_id="20300101T000000Z-small-1",
        base_folder=tmp_path,
        store=tmp_path / "store",
        workers=2,
    )


def process(script: str) -> tuple[str, ...]:
    """A process that has read its request and has a store and records at hand."""
    head = f"""
        import os, signal, sys, time
        sys.path.insert(0, {str(_TESTS)!r})
        from bertbench.processes import Request
        from bertbench.store import Store
        from record_maker import make_record, make_seed
        request = Request.model_validate_json(sys.stdin.read())
        def write(outcome, seeds=(), **more):
            record = make_record(run_id=request.run_id, spec=request.spec, outcome=outcome, seeds=seeds, **more)
            Store(request.store).write(record)
        running = make_seed(1, epochs=1).model_copy(update={{"outcome": "running", "digests": None}})
    """
    return (sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(script))


def run(tmp_path: Path, script: str) -> RunRecord:
    return run_request(request(tmp_path), command=process(script))


def test_the_record_is_what_the_process_wrote(tmp_path: Path) -> None:
    record = run(tmp_path, "write('completed', (make_seed(0), make_seed(1)))")
    assert record == Store(tmp_path / "store").read(record.run_id)
    assert record.outcome == "completed"
    assert record.spec == request(tmp_path).spec


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT", "SIGTERM"])
def test_a_process_that_dies_by_a_signal_is_recorded_as_failed_with_it(tmp_path: Path, name: str) -> None:
    """What the kernel does when memory runs out, and what a fault in a library's own code does."""
    record = run(
        tmp_path,
        f"write('running', (make_seed(0), running)); print('last words', flush=True)\n"
        f"os.kill(os.getpid(), signal.{name}); time.sleep(60)",
    )
    assert record.outcome == "failed"
    assert record.failure is not None
    assert record.failure.kind == "ProcessDied"
    assert f"signal {name}" in record.failure.message
    assert "last words" in record.failure.message
    assert [seed.outcome for seed in record.seeds] == ["completed", "failed"]
    assert record.seeds[1].failure == record.failure
    assert record.finished_at is not None
    assert Store(tmp_path / "store").read(record.run_id) == record


def test_a_process_that_ends_without_a_last_word_is_recorded_as_failed(tmp_path: Path) -> None:
    """Even with exit status 0: libraries have been seen to call exit."""
    record = run(tmp_path, "write('running'); os._exit(0)")
    assert record.failure is not None
    assert (record.outcome, record.failure.message) == ("failed", "the process ended with exit status 0.")


def test_only_the_end_of_what_was_printed_is_kept(tmp_path: Path) -> None:
    record = run(tmp_path, "write('running'); print(*range(1000), sep='\\n', flush=True); os._exit(7)")
    assert record.failure is not None
    lines = record.failure.message.splitlines()
    assert lines[0].startswith("the process ended with exit status 7.")
    assert lines[-1] == "999"
    assert len(lines) == 12


def test_a_process_that_prints_more_than_a_pipe_holds_does_not_hang(tmp_path: Path) -> None:
    assert (
        run(tmp_path, "print('x' * 1_000_000); write('completed', (make_seed(0), make_seed(1)))").outcome == "completed"
    )


def test_bytes_that_are_no_text_do_not_hide_the_rest(tmp_path: Path) -> None:
    record = run(tmp_path, "write('running'); sys.stdout.buffer.write(b'\\xff\\xfe words'); sys.exit(3)")
    assert record.failure is not None
    assert "words" in record.failure.message


def test_a_process_that_leaves_no_record_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(RecordWriteError, match=r"small: the run left no record[\s\S]*nobody expected this"):
        run(tmp_path, "sys.exit('nobody expected this')")


def test_a_process_that_never_reads_its_request_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(RecordWriteError, match="left no record"):
        run_request(request(tmp_path), command=(sys.executable, "-c", "pass"))


def test_the_request_arrives_whole(tmp_path: Path) -> None:
    """Spec, folders, workers, what is repeated."""
    asked = request(tmp_path).model_copy(update={"repeats": "before", "save_models_to": tmp_path / "models"})
    script = """
        from pathlib import Path
        Path(request.store).mkdir()
        Path(request.store, "got").write_text(request.model_dump_json())
    """
    with pytest.raises(RecordWriteError):
        run_request(asked, command=process(script))
    assert Request.model_validate_json((tmp_path / "store" / "got").read_text()) == asked


def test_a_watcher_sees_the_record_grow(tmp_path: Path) -> None:
    """And hears of a state once."""
    seen: list[int] = []
    script = """
        for count in (0, 1):
            write('running', tuple(make_seed(seed) for seed in range(count)))
            while not os.path.exists(f'{request.store}/seen-{count}'):
                time.sleep(0.01)
        write('completed', (make_seed(0), make_seed(1)))
    """

    def watch(record: RunRecord) -> None:
        seen.append(len(record.seeds))
        (tmp_path / "store" / f"seen-{len(record.seeds)}").touch()

    run_request(request(tmp_path), watch=watch, command=process(script))
    assert seen[:2] == [0, 1]
    assert len(seen) <= 3


def test_an_interrupt_is_passed_on_waited_for_and_raised(tmp_path: Path) -> None:
    script = f"""
        import subprocess, sys
        from pathlib import Path
        sys.path.insert(0, {str(_TESTS)!r})
        from test_processes import process, request
        from bertbench.processes import run_request
        try:
            run_request(request(Path({str(tmp_path)!r})), command=process('''
                from bertbench.record import Failure
                try:
                    write("running")
                    time.sleep(60)
                except KeyboardInterrupt:
                    time.sleep(0.3)  # the parent waits
                    write("interrupted", failure=Failure(kind="KeyboardInterrupt", message="-", phase="steps"))
            '''))
        except KeyboardInterrupt:
            sys.exit(130)
    """
    record_file = tmp_path / "store" / "runs" / request(tmp_path).run_id / "record.json"
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    wait_for(record_file.exists, parent)
    parent.send_signal(signal.SIGINT)
    assert parent.wait(60) == 130
    assert Store(tmp_path / "store").read(request(tmp_path).run_id).outcome == "interrupted"


def wait_for(condition: object, process: subprocess.Popen[bytes], seconds: float = 120.0) -> None:
    """Until *condition* holds; the process must not be gone before."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the process ended too early"
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def test_files_of_the_users_are_not_taken_for_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real worker, started in a folder that holds a tokenizers.py; it gets as far as reading the checkpoint."""
    (tmp_path / "tokenizers.py").write_text("raise SystemExit('taken for a library')")
    (tmp_path / "numpy.py").write_text("raise SystemExit('taken for a library')")
    monkeypatch.chdir(tmp_path)
    record = run_request(request(tmp_path))
    assert record.failure is not None
    assert record.failure.kind == "CheckpointAbsentError"
