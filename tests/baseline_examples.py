"""Runs and baselines by hand: hits by seed on some rows, everything else alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from record_maker import STARTED, make_evidence, make_live_recipe, make_record, make_seed, make_spec, row_counts

from bertbench.baseline import Baseline, build_baseline
from bertbench.record import Digests, RunRecord, SeedRun

ROWS = 300
#: Hits of twenty seeds around 290 of 300: a spread of half a point.
BANK = dict(
    enumerate([290, 291, 289, 292, 288, 290, 291, 289, 290, 292, 288, 290, 289, 291, 290, 291, 289, 290, 292, 288])
)


def digests(value: int) -> Digests:
    """All three alike, from a number."""
    return Digests(weights=f"{value:064x}", losses=f"{value:064x}", predictions=f"{value:064x}")


def seed_with_hits(seed: int, hits: float, *, rows: int = ROWS, bits: int = 0, **changes: Any) -> SeedRun:
    """A completed seed of three epochs that ends with so many rows right; other *bits* differ in digests and losses."""
    run = make_seed(seed, epochs=3)
    epochs = [row.model_copy(update={"train": row.train.model_copy(update={"loss": 0.5})}) for row in run.epochs]
    if bits:
        epochs[1] = epochs[1].model_copy(
            update={"train": epochs[1].train.model_copy(update={"loss": 0.5 + 0.001 * bits})}
        )
    accuracy = hits / rows
    epochs[2] = epochs[2].model_copy(
        update={"validation": epochs[2].validation.model_copy(update={"accuracy": accuracy})}
    )
    return run.model_copy(update={"epochs": tuple(epochs), "digests": digests(seed + 1000 * bits), **changes})


def run_of(
    hits: Mapping[int, float], *, rows: int = ROWS, distinct: int | None = None, bits: int = 0, **changes: Any
) -> RunRecord:
    """A completed run of the seeds in *hits*, as specified, on so many validation rows, all distinct if not said."""
    spec = make_spec(training={"epochs": 3, "batch_size": 8, "seeds": list(hits)})
    record = make_record(spec=spec, **{"run_id": "run-1"} | changes)
    assert record.data is not None
    data = record.data.model_copy(update=row_counts(train=32, validation=rows, distinct=distinct))
    seeds = tuple(
        seed_with_hits(seed, value, rows=rows, bits=bits).model_copy(
            update={"live_recipe": make_live_recipe(spec, seed), "evidence": make_evidence(spec, seed)}
        )
        for seed, value in hits.items()
    )
    return record.model_copy(update={"data": data, "seeds": seeds})


def first_rows_wrong(record: RunRecord, run: SeedRun) -> tuple[int, ...]:
    """As many as the accuracy says, from row 0."""
    assert record.data is not None
    rows = record.data.rows["validation"]
    return tuple(range(rows - round(rows * run.final_epoch.validation.accuracy)))


def baseline_of(hits: Mapping[int, int] | None = None, **changes: Any) -> Baseline:
    """The baseline of one run; always of one date, so that two of them are one file."""
    return build_baseline([run_of(hits or BANK, **changes)], wrong_rows=first_rows_wrong, accepted_at=STARTED)


def made_by(record: RunRecord, sha256: str | None) -> RunRecord:
    """The same of an engine of one's own, whose factory's file has this digest; None could not be read."""
    fact = {"factory": {"name": "python:train:build", "sha256": sha256}}
    seeds = tuple(run.model_copy(update={"live_recipe": {**run.live_recipe, **fact}}) for run in record.seeds)
    spec = record.spec.model_copy(update={"engine": "python:train:build"})
    return record.model_copy(update={"seeds": seeds, "spec": spec})
