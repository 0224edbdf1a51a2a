"""A thread that answers, also in the middle of a long call; plain Python, no library."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bertbench.engines.keras_fit.thread import Ended, LibraryThread, Request


class Counting:
    """A long call that counts the numbers it is asked for, and notes how it ended."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.ended = ""

    def begin(self, request: Request, thread: LibraryThread) -> None:
        try:
            while True:
                number = request.what.number
                if number < 0:
                    raise ValueError("below zero")  # noqa: TRY301 - as a library might
                self.seen.append(number)
                request.answer.set_result(sum(self.seen))
                request = thread.next_request()
        except ValueError as error:
            self.ended = "broken"
            request.answer.set_exception(error)
        except Ended:
            self.ended = "ended"


class Number:
    """Asks for a number to be counted."""

    def __init__(self, number: int, counting: Counting, thread: LibraryThread) -> None:
        self.number, self._counting, self._thread = number, counting, thread

    def begin(self, request: Request) -> None:
        self._counting.begin(request, self._thread)


def test_functions_run_in_one_thread_and_their_results_come_back() -> None:
    thread = LibraryThread("test")
    threads = [thread.call(threading.current_thread) for _ in range(2)]
    assert threads[0] is threads[1] is not threading.current_thread()
    assert threads[0].name == "test"
    assert thread.call(lambda: thread.call(lambda: 7)) == 7
    thread.close()


def test_errors_come_back_and_the_thread_goes_on() -> None:
    thread = LibraryThread("test")
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 / 0)
    with pytest.raises(SystemExit):
        thread.call(sys.exit)
    assert thread.call(lambda: 7) == 7
    thread.close()


def test_a_long_call_is_asked_again_and_again_and_functions_run_in_between() -> None:
    thread, counting = LibraryThread("test"), Counting()
    sums = [thread.ask(Number(number, counting, thread)) for number in (1, 2, 3)]
    assert sums == [1, 3, 6]
    assert thread.call(lambda: len(counting.seen)) == 3
    assert thread.ask(Number(4, counting, thread)) == 10
    with pytest.raises(ValueError, match="below zero"):
        thread.ask(Number(-1, counting, thread))
    assert counting.ended == "broken"
    assert thread.ask(Number(5, Counting(), thread)) == 5  # another begins
    thread.close()


def test_a_long_call_that_breaks_before_it_answers_is_told_and_the_thread_goes_on() -> None:
    class Broken:
        def begin(self, request: Request) -> None:
            raise ValueError("no such setting")

    thread = LibraryThread("test")
    with pytest.raises(ValueError, match="no such setting"):
        thread.ask(Broken())
    assert thread.ask(Number(5, Counting(), thread)) == 5
    thread.close()


def test_closing_ends_a_long_call_and_the_thread() -> None:
    thread, counting = LibraryThread("test"), Counting()
    thread.ask(Number(1, counting, thread))
    inside = thread.call(threading.current_thread)
    thread.close()
    assert counting.ended == "ended"
    assert not inside.is_alive()
    with pytest.raises(RuntimeError, match="thread test has ended"):
        thread.call(lambda: 7)


def test_a_thread_that_nobody_knows_any_more_ends() -> None:
    thread = LibraryThread("test")
    inside = thread.call(threading.current_thread)
    del thread
    gc.collect()
    inside.join()


def test_a_thread_that_was_never_used_has_nothing_to_close() -> None:
    LibraryThread("test").close()


@pytest.mark.parametrize("last", ["", "raise SystemExit(3)"])
def test_a_process_ends_although_a_long_call_waits(last: str) -> None:
    code = f"""
import test_library_thread as here
thread, counting = here.LibraryThread("test"), here.Counting()
print(thread.ask(here.Number(7, counting, thread)), flush=True)
{last}
"""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3 if last else 0, "7\n", "")
