"""A thread in which a library is called, so that a function that never pauses can be stopped between two requests."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

#: How long the end of the process waits for what the thread is doing; a training step takes less.
_LAST_WAIT_SECONDS = 30.0


class LongCall(Protocol):
    """Something that takes further requests while it runs, by `LibraryThread.next_request`."""

    def begin(self, request: Request) -> None:
        """Run in the thread, answer *request* and whatever follows."""


@dataclass(frozen=True)
class Request:
    """Something to do in the thread, and where its result goes.

    Attributes:
        what: A function, or what begins a long call and is understood by it afterwards.
        answer: The result, or the error.
    """

    what: Callable[[], Any] | LongCall
    answer: Future[Any] = field(default_factory=Future)


_Requests = queue.SimpleQueue[Request | None]


class Ended(BaseException):
    """Raised inside a long call that is to come to its end."""


class LibraryThread:
    """Calls functions one after another in one thread, which ends with this object, and so with the process.

    Libraries keep things by thread (Keras its global dtype policy and its seeds), so what is built in the thread must
    be run there too.
    """

    def __init__(self, name: str) -> None:
        """Nothing is started before the first call.

        Args:
            name: Of the thread, for those who look at a process from outside.
        """
        self._name = name
        self._requests: _Requests = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def call(self, function: Callable[[], Any]) -> Any:
        """The result of *function*, which runs in the thread; what it raises is raised here.

        Ctrl-C is raised here at once; the thread finishes what it does, and listens again.
        """
        return function() if threading.current_thread() is self._thread else self.ask(function)

    def ask(self, what: Callable[[], Any] | LongCall) -> Any:
        """The answer to *what*, or its error, from the long call that runs in the thread; if none does, *what* begins.

        Raises:
            RuntimeError: If the thread has ended.
        """
        if self._thread is None:
            # A daemon: no accident in a library may keep a process from ending.
            self._thread = threading.Thread(target=_serve, args=(self._requests,), name=self._name, daemon=True)
            self._thread.start()
            # Also at the end of the process: a thread that is cut off inside a library can take the process down.
            weakref.finalize(self, _close, self._requests, self._thread)
        if not self._thread.is_alive():
            raise RuntimeError(f"thread {self._name} has ended")
        request = Request(what)
        self._requests.put(request)
        return request.answer.result()

    def next_request(self) -> Request:
        """For a long call: answer functions until something else is asked, and return that.

        Raises:
            Ended: If nothing will be asked any more.
        """
        while (request := self._requests.get()) is not None:
            if not callable(request.what):
                return request
            answer(request, request.what)
        self._requests.put(None)  # for `_serve`, further out
        raise Ended

    def close(self) -> None:
        """End the thread, after what it is doing."""
        if self._thread is not None:
            _close(self._requests, self._thread)


def answer(request: Request, function: Callable[[], Any]) -> None:
    """Give the result of *function*, or what it raises, to whoever made *request*."""
    try:
        request.answer.set_result(function())
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
        request.answer.set_exception(error)


def _serve(requests: _Requests) -> None:
    """Answer until told to end. Knows the queue alone, so that its owner can go."""
    while (request := requests.get()) is not None:
        if callable(request.what):
            answer(request, request.what)
        else:
            _begin(request, request.what)
        del request  # what it refers to can go as well


def _begin(request: Request, what: LongCall) -> None:
    """Run a long call; one that breaks before it answers must not leave its caller waiting for ever."""
    try:
        what.begin(request)
    except BaseException as error:
        if request.answer.done():
            raise  # nobody waits for it
        request.answer.set_exception(error)


def _close(requests: _Requests, thread: threading.Thread) -> None:
    requests.put(None)
    if thread is not threading.current_thread():
        thread.join(_LAST_WAIT_SECONDS)
