"""The process that a benchmark runs in: a request on standard input, a record in the store."""

from __future__ import annotations

import sys

from bertbench.processes import Request, run_request_here


def main() -> int:
    """Run what is asked for; 0 if completed, 1 if not, with the reason in the record."""
    request = Request.model_validate_json(sys.stdin.read())
    try:
        record = run_request_here(request)
    except KeyboardInterrupt:
        return 130  # what shells report for an interrupt
    return 0 if record.outcome == "completed" else 1


if __name__ == "__main__":
    sys.exit(main())
