"""The command line: `bertbench run | compare | ab | matrix | selftest | baseline | show | data | audit | ...`.

Imports nothing heavy until a command needs it, and is the only place that exits.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from bertbench.cli_ab import add_ab
from bertbench.cli_baseline import add_commands
from bertbench.cli_matrix import add_matrix
from bertbench.cli_run import add_run
from bertbench.cli_selftest import add_selftest
from bertbench.cli_shared import EPILOG, FAIL, INTERRUPTED, PASS, UNDECIDED, USAGE, say, say_aside
from bertbench.cli_views import add_views

__all__ = ["FAIL", "INTERRUPTED", "PASS", "UNDECIDED", "USAGE", "main", "run"]

#: What shells report of a program whose reader went away.
_NOBODY_READS = 141


def main(arguments: list[str] | None = None) -> NoReturn:
    """Parse, run one command, exit."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Like `main`, but give the exit status back."""
    options = _parser().parse_args(arguments)
    from bertbench.errors import BertbenchError

    try:
        status: int = options.command(options)
        sys.stdout.flush()
    except BertbenchError as error:
        say_aside(f"bertbench: {error}", style="red")
        return USAGE
    except KeyboardInterrupt:
        say_aside("bertbench: interrupted; the record of a run says so")
        return INTERRUPTED
    except BrokenPipeError:  # somebody closed the pipe we print to: 'bertbench show | head'
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
        return _NOBODY_READS
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bertbench",
        description="Fine-tune BERT under a spec, hold its promises, keep the record.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.set_defaults(command=_version_or_help, parser=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_run(commands)
    add_commands(commands)
    add_ab(commands)
    add_matrix(commands)
    add_selftest(commands)
    add_views(commands)
    return parser


def _version_or_help(options: argparse.Namespace) -> int:
    if options.version:
        from bertbench.version import VERSION

        say(f"bertbench {VERSION}")
        return PASS
    options.parser.print_help()
    return USAGE


if __name__ == "__main__":  # else 'python -m bertbench.cli run SPEC' would do nothing and exit 0
    main()
