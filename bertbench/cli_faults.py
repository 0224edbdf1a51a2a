"""The options of the command line that are about faults on purpose. Imports nothing heavy until they are used."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bertbench.spec import Spec


def add_fault_options(run: argparse.ArgumentParser) -> None:
    """Add `--fault` and `--list-faults`."""
    run.add_argument(
        "--fault",
        metavar="NAME",
        help="do this wrong on purpose, for tests and self-tests only; the record says so and makes no baseline",
    )
    run.add_argument("--list-faults", action=_ListFaults, help="print every fault and what it does, and exit")


def refuse_fault(name: str | None, specs: Iterable[Spec]) -> None:
    """Before any process is started.

    Args:
        name: Of the fault that was asked for; None for none.
        specs: That it would be put in.

    Raises:
        FaultError: If there is no fault of that name, or one of *specs* shows by itself that it would do nothing.
    """
    if name is not None:
        from bertbench.faults import fault_named

        fault = fault_named(name)
        for spec in specs:
            fault.check_spec(spec)


class _ListFaults(argparse.Action):
    """Prints the catalogue and exits, like --help: no spec is needed."""

    def __init__(self, option_strings: Sequence[str], dest: str, **more: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **more)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print it."""
        from rich.console import Console

        from bertbench.faults import CATALOGUE
        from bertbench.report.fault_list import fault_list

        Console().print(fault_list(CATALOGUE.values()))
        parser.exit()
