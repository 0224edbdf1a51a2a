"""The process that a benchmark runs in: a request on standard input, a record in the store."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from bertbench.errors import RecordWriteError
from bertbench.parent_watch import interrupt_when_orphaned
from bertbench.processes import Request, run_request_here


def main() -> int:
    """Run what is asked for; 0 if completed, 1 if not, with the reason in the record."""
    signal.signal(signal.SIGINT, _interrupt_once)
    interrupt_when_orphaned()
    request = Request.model_validate_json(sys.stdin.read())
    try:
        record = run_request_here(request)
    except KeyboardInterrupt:
        return 130  # what shells report for an interrupt
    except RecordWriteError as error:  # the last words are all that is left of the reason
        sys.stderr.write(f"{error}\n")
        return 1
    return 0 if record.outcome == "completed" else 1


def _interrupt_once(_number: int, _frame: FrameType | None) -> None:
    """Ctrl-C on a terminal reaches this process twice, once by its parent: the second must not cut off the record."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
