"""The catalogue of faults for a terminal: one line each."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from bertbench.faults import Fault


def fault_list(faults: Iterable[Fault]) -> Table:
    """Name, place and what it does, in the order given; a fault that changes no number of a run says so."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("fault", "acts on", "what it does"):
        table.add_column(heading, overflow="fold")
    for fault in faults:
        unseen = "" if fault.changes_numbers else " Changes no number of the run."
        table.add_row(fault.name, f"the {fault.place}", f"{fault.does}{unseen}")
    return table
