"""Baselines for a terminal: one line each, and the seeds of one."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from bertbench.baseline import Baseline, read_baseline
from bertbench.errors import BaselineError
from bertbench.quantities import QUALITY


def baseline_list(files: Sequence[Path]) -> Table:
    """One line for each file, those that cannot be read included."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("baseline", no_wrap=True)
    for heading in ("seeds", "rows", "mean validation\naccuracy"):
        table.add_column(heading, justify="right")
    table.add_column("accepted")
    for path in files:
        shown = f"{path.parent.name}/{path.name}"
        try:
            baseline = read_baseline(path)
        except BaselineError as error:
            table.add_row(shown, "", "", "", Text(error.message, style="bold red"))
        else:
            mean = statistics.fmean(seed.quality.accuracy for seed in baseline.seeds)
            accuracy = QUALITY["accuracy"].format(mean)
            table.add_row(
                shown, str(len(baseline.seeds)), str(baseline.validation_rows), accuracy, Text(baseline.origin())
            )
    return table


def baseline_seeds(baseline: Baseline) -> Table:
    """One line for each seed, at the epoch whose weights it ended with."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("seed", *QUALITY, "wrong rows", "epochs", "weights"):
        table.add_column(heading, justify="right")
    for seed in baseline.seeds:
        values = [quantity.format(getattr(seed.quality, name)) for name, quantity in QUALITY.items()]
        digest = seed.digests.weights[:12]
        table.add_row(str(seed.seed), *values, str(len(seed.wrong_rows)), str(len(seed.train_loss)), digest)
    return table


def baseline_facts(baseline: Baseline) -> list[str]:
    """What it is of, in lines."""
    digests = {
        "recipe": baseline.spec_fingerprint,
        "numerics": baseline.numerics_fingerprint,
        "data": baseline.data_sha256,
        "weights": baseline.weights_sha256,
    }
    return [
        f"{baseline.spec}: {baseline.origin()}, bertbench {baseline.bertbench_version}",
        ", ".join(f"{what} {digest[:12]}" for what, digest in digests.items()),
        f"{len(baseline.seeds)} seeds on {baseline.validation_rows} validation rows, from {', '.join(baseline.runs)}",
    ]
