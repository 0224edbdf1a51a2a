"""One line for each run of a store, those that cannot be read included."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from bertbench.quantities import BUDGETS, QUALITY
from bertbench.record import RunRecord
from bertbench.store import Entry


def run_list(entries: Sequence[Entry]) -> Table:
    """Oldest first, as the store gives them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", no_wrap=True)
    table.add_column("status")
    table.add_column("seeds", justify="right")
    table.add_column("worst val.\naccuracy", justify="right")
    table.add_column("time", justify="right")
    for entry in entries:
        if entry.record is None:
            table.add_row(Text(entry.run_id), Text(f"{entry.status}: {entry.problem}", style="bold red"))
        else:
            table.add_row(Text(entry.run_id), Text(_status(entry, entry.record)), *_numbers(entry.record))
    return table


def _status(entry: Entry, record: RunRecord) -> str:
    """How it ended, and what it is if it is no run like others."""
    part = ", repeat" if record.repeats else ", further seeds" if record.continues else ""
    fault = f", fault {record.fault}" if record.fault else ""
    return f"{entry.status}{part}{fault}"


def _numbers(record: RunRecord) -> tuple[str, str, str]:
    accuracies = [run.epochs[-1].validation.accuracy for run in record.seeds if run.epochs]
    worst = QUALITY["accuracy"].format(min(accuracies) if accuracies else None)
    completed = sum(run.outcome == "completed" for run in record.seeds)
    seconds = BUDGETS["total_seconds"].format(record.phases_seconds.get("total"))
    return f"{completed}/{len(record.spec.training.seeds)}", worst, seconds
