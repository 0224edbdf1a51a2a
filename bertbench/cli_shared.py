"""What the commands share: exit statuses, options, how they are ended, and how they print.

Imports nothing heavy until something is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from bertbench.suite import Result

#: Exit statuses, documented in --help.
PASS, FAIL, USAGE, UNDECIDED, INTERRUPTED = 0, 1, 2, 3, 130
EPILOG = """exit status: 0 pass; 1 fail; 2 usage, or input that cannot be used;
3 undecided, no baseline, skipped or nothing measured; 130 interrupted"""

#: Where a command adds itself.
Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add `--store`."""
    parser.add_argument("--store", type=Path, default=Path(".bertbench"), metavar="FOLDER", help="records (.bertbench)")


def add_gated_specs(parser: argparse.ArgumentParser) -> None:
    """Add `--gated-specs`."""
    parser.add_argument(
        "--gated-specs",
        type=int,
        metavar="N",
        help="specs that share the project's error rate (bertbench_gated_specs of its pytest settings, else 1)",
    )


def told_gated_specs(options: argparse.Namespace, folders: Iterable[Path]) -> int:
    """How many specs share the error rate: as the option says, else as the project of *folders* does; says who.

    Raises:
        ProjectError: If it cannot be read or meant.
    """
    from bertbench.project import project_of

    project = project_of(folders, gated_specs=options.gated_specs)
    if project.gated_specs_told:
        say(project.gated_specs_told)
    return project.gated_specs


def status_of(outcomes: Iterable[str]) -> int:
    """The worst there is; a pass only if there is nothing else."""
    found = set(outcomes)
    if "fail" in found:
        return FAIL
    return PASS if found == {"pass"} else UNDECIDED


@contextlib.contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """A cancelled CI job ends its commands by SIGTERM: that is one Ctrl-C here, and what was found is kept in peace."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def output() -> Console:
    """Standard output; who stops reading it is noticed by `cli.run`, not by rich."""
    from rich.console import Console

    class Output(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Output()


def errors() -> Console:
    """Standard error: progress, and what is no result."""
    from rich.console import Console

    return Console(stderr=True)


def say(text: str) -> None:
    """One message on standard output, in whole lines: nothing breaks a path or a command in two."""
    sys.stdout.write(f"{text}\n")


def say_aside(text: str, *, style: str | None = None) -> None:
    """One message on standard error, in whole lines likewise."""
    errors().print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def print_verdict(results: Sequence[Result]) -> None:
    """The promises of *results*, both sides of each comparison, how many of which, and one sentence."""
    from bertbench.report.one_verdict import comparison_tables, one_sentence
    from bertbench.report.verdict_table import verdict_sentence

    print_promises(results)
    for table in comparison_tables(results):
        output().print(table)
    say(verdict_sentence(results))
    if sentence := one_sentence(results):
        say(sentence)


def print_promises(results: Sequence[Result]) -> None:
    """The table of promises, and why what did not pass did not."""
    from bertbench.report.verdict_table import verdict_reasons, verdict_table

    output().print(verdict_table(results))
    for reason in verdict_reasons(results):
        say(reason)
