"""Records with the numbers that a verdict is about, and nothing else of interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from record_maker import make_record, make_seed, row_counts

from bertbench.record import EpochRow, Failure, Quality, RunRecord, SeedRun
from bertbench.spec import BudgetSpec, ExpectSpec

FAILURE = Failure(kind="NonFiniteLossError", message="loss is nan", phase="steps")

#: What each quality has where a test says nothing of it.
ORDINARY = {"loss": 0.5, "accuracy": 0.5, "macro_f1": 0.5, "matthews_correlation": 0.5}


def threshold(quantity: str, bound: float, **more: Any) -> ExpectSpec:
    """A promise that *quantity* is at least or at most *bound*, whichever makes sense."""
    side = "at_most" if quantity.endswith("loss") else "at_least"
    return ExpectSpec(**{"quantity": quantity, side: bound, **more})


def budget(quantity: str, bound: float) -> BudgetSpec:
    """A promise that *quantity* is at least or at most *bound*, whichever makes sense."""
    return BudgetSpec(**{"quantity": quantity, "at_least" if quantity == "utilization" else "at_most": bound})


def seed_with_values(
    seed: int, name: str, values: Sequence[float], *, split: str = "validation", **changes: Any
) -> SeedRun:
    """A completed seed whose epochs have these *values* of one quality on one split.

    Made by copying, so that values no record would take can be judged too.
    """
    run = make_seed(seed, epochs=len(values))
    rows = tuple(_row(row, split, name, value) for row, value in zip(run.epochs, values, strict=True))
    return run.model_copy(update={"epochs": rows, **changes})


def record_of(
    name: str, *seeds: Sequence[float] | float, split: str = "validation", rows: int = 49, distinct: int | None = None
) -> RunRecord:
    """A completed run; for each seed its value at the last epoch, or its values at every epoch."""
    epochs = [values if isinstance(values, Sequence) else (values,) for values in seeds]
    runs = tuple(seed_with_values(seed, name, values, split=split) for seed, values in enumerate(epochs))
    return with_rows(
        make_record(seeds=tuple(make_seed(seed) for seed in range(len(runs)))), rows, runs, distinct=distinct
    )


def with_rows(record: RunRecord, rows: int, runs: tuple[SeedRun, ...], *, distinct: int | None = None) -> RunRecord:
    """*record* with these seeds, on so many rows of each split; of the validation rows so many *distinct*, or all."""
    assert record.data is not None
    data = record.data.model_copy(update=row_counts(train=rows, validation=rows, distinct=distinct))
    return record.model_copy(update={"seeds": runs, "data": data})


def ended(record: RunRecord, outcome: str) -> RunRecord:
    """*record*, as if it had not completed; its numbers stay."""
    failure = None if outcome == "running" else FAILURE
    return record.model_copy(update={"outcome": outcome, "failure": failure})


def _row(row: EpochRow, split: str, name: str, value: float) -> EpochRow:
    values: Mapping[str, float] = {**ORDINARY, name: value}
    changed = {"train": Quality(**ORDINARY), "validation": Quality(**ORDINARY), split: Quality(**values)}
    return row.model_copy(update=changed)
