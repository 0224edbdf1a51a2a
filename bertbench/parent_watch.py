"""A process that nobody waits for any more must not train on: it interrupts itself, so that its record says so."""

from __future__ import annotations

import os
import signal
import threading
import time

#: A parent that is gone is noticed this much later at most.
_SECONDS_BETWEEN_LOOKS = 1.0


def interrupt_when_orphaned() -> None:
    """From now on, raise KeyboardInterrupt in the main thread once the process that started this one is gone.

    A cancelled CI job ends its commands by a signal that nobody can pass on. On Windows a process keeps the number of
    its parent, and nothing is noticed.
    """
    threading.Thread(target=_wait_for_the_end_of, args=(os.getppid(),), daemon=True).start()


def _wait_for_the_end_of(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGINT)  # the main thread's handler makes it what Ctrl-C is
