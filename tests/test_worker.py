"""The process that a benchmark runs in: what goes in, what its exit status says."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from record_maker import make_failed_record, make_record
from small_bench import small_spec

from bertbench import worker
from bertbench.errors import RecordWriteError
from bertbench.processes import Request
from bertbench.record import RunRecord


@pytest.fixture(autouse=True)
def _own_signal_handler() -> Iterator[None]:
    """The worker sets one; the tests' own comes back."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def request_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    """On standard input."""
    request = Request(spec=small_spec("bert"), run_id="a", base_folder=tmp_path, store=tmp_path, repeats="b")
    monkeypatch.setattr(sys, "stdin", io.StringIO(request.model_dump_json(exclude_unset=True)))
    return request


@pytest.mark.parametrize(("record", "status"), [(make_record(), 0), (make_failed_record(), 1)])
def test_the_status_says_whether_the_run_completed(
    request_given: Request, monkeypatch: pytest.MonkeyPatch, record: RunRecord, status: int
) -> None:
    asked: list[Request] = []

    def run(request: Request) -> RunRecord:
        asked.append(request)
        return record

    monkeypatch.setattr(worker, "run_request_here", run)
    assert worker.main() == status
    assert asked == [request_given]


def test_a_record_that_cannot_be_written_is_told_in_words(
    request_given: Request, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are the last words of the process, and no traceback drowns them."""

    def full(_: Request) -> Any:
        raise RecordWriteError("record.json: cannot be written: No space left on device", remedy="free space")

    monkeypatch.setattr(worker, "run_request_here", full)
    assert worker.main() == 1
    assert capsys.readouterr().err == (
        "record.json: cannot be written: No space left on device\n  remedy: free space\n"
    )


def test_an_interrupted_run_has_the_status_of_one(request_given: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Request) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)  # cut short by the handler
        pytest.fail("the interrupt did not arrive")

    monkeypatch.setattr(worker, "run_request_here", interrupted)
    assert worker.main() == 130


def test_a_second_interrupt_does_not_cut_off_what_the_first_began(
    request_given: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal Ctrl-C reaches the worker by itself and by its parent."""
    written: list[str] = []

    def interrupted_twice(_: Request) -> Any:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            written.append("the record")

    monkeypatch.setattr(worker, "run_request_here", interrupted_twice)
    assert worker.main() == 130
    assert written == ["the record"]


def test_a_request_that_is_none_ends_the_process_with_a_word() -> None:
    """Whoever started it finds the word among the last."""
    line = [sys.executable, "-m", "bertbench.worker"]
    done = subprocess.run(line, input='{"spec": 1}', capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "validation error" in done.stderr


def test_starting_a_worker_loads_no_backend_before_it_knows_what_to_do() -> None:
    """How TensorFlow computes is fixed before it is loaded."""
    script = """
        import sys
        import bertbench.worker
        print([name for name in ("tensorflow", "keras", "jax", "torch") if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
