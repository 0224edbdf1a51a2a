"""Runs of one spec in many environments, by hand, and a store that has them with predictions that fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from baseline_examples import run_of
from record_maker import make_evidence, make_live_recipe, row_counts

from bertbench.record import EnvironmentFacts, Failure, Revision, RunRecord, SeedRun
from bertbench.spec import Spec, build_spec, spec_fingerprint
from bertbench.store import Store

COMMIT = Revision(commit="a" * 40, dirty=False)
#: Of the newest environment; a test names what differs.
NEWEST = {"tensorflow": "2.21.0", "keras": "3.15.1", "numpy": "2.4.6"}
#: Four steps of eight.
TRAIN_ROWS = 32


def run_in(
    run_id: str,
    *,
    hits: Mapping[int, float] | None = None,
    python: str = "3.11.7",
    engine: str = "native",
    backend: str = "tensorflow",
    bits: int = 0,
    rows: int = 300,
    machine: str = "m",
    workers: int = 1,
    threads: int = 2,
    step_seconds: float = 0.125,
    changes: Mapping[str, Any] | None = None,
    **libraries: str | None,
) -> RunRecord:
    """A completed run in the newest environment, but for what is named."""
    numerics = {
        "python": python,
        "backend": backend,
        "threads": threads,
        "libraries": {**NEWEST, **{name.replace("_", "-"): version for name, version in libraries.items()}},
    }
    digest = hashlib.sha256(json.dumps([engine, numerics], sort_keys=True).encode()).hexdigest()
    facts = EnvironmentFacts(
        numerics=numerics,
        machine={},
        numerics_fingerprint=digest,
        machine_fingerprint=hashlib.sha256(machine.encode()).hexdigest(),
        workers=workers,
    )
    record = run_of(hits or {0: 290, 1: 291}, rows=rows, bits=bits, run_id=run_id, environment=facts, revision=COMMIT)
    fields = record.spec.model_dump(mode="json", exclude_unset=True) | {"engine": engine, "identity": {"repeat": "no"}}
    if engine in ("native", "keras-hub"):
        fields["runtime"] = {"backend": backend}
    spec = build_spec(fields)
    assert record.data is not None
    update = {
        "spec": spec,
        "spec_fingerprint": spec_fingerprint(spec),
        "data": record.data.model_copy(update=row_counts(train=TRAIN_ROWS, validation=rows)),
        "seeds": tuple(_as_specified(run, spec, backend, step_seconds) for run in record.seeds),
        **(changes or {}),
    }
    return record.model_copy(update=update)


def _as_specified(run: SeedRun, spec: Spec, backend: str, step_seconds: float) -> SeedRun:
    """A seed that did what the spec says, so that the recipe lock has nothing to say."""
    steps = run.steps.model_copy(update={"seconds": (step_seconds,) * len(run.steps.loss)})
    live = make_live_recipe(spec, run.seed) | {"engine": spec.engine, "backend": backend}
    evidence = make_evidence(spec, run.seed, rows=TRAIN_ROWS)
    return run.model_copy(update={"steps": steps, "live_recipe": live, "evidence": evidence})


def failed_in(run_id: str, message: str, **where: Any) -> RunRecord:
    """A run that could not begin: its engine's library is missing."""
    failure = Failure(kind="EngineError", message=message, phase="import")
    return run_in(run_id, **where, changes={"outcome": "failed", "failure": failure, "seeds": ()})


def store_of(folder: Path, *records: RunRecord) -> Store:
    """A store with runs, and predictions that are wrong in the first rows, as many as each accuracy says."""
    store = Store(folder)
    for record in records:
        store.write(record)
        for run in record.seeds if record.data is not None else ():
            rows = record.data.rows["validation"]
            labels = np.zeros(rows, np.int32)
            logits = np.zeros((len(run.epochs), rows, 2), np.float32)
            for epoch, row in enumerate(run.epochs):
                wrong = rows - round(row.validation.accuracy * rows)
                logits[epoch, :wrong, 1] = 1.0
                logits[epoch, wrong:, 0] = 1.0
            store.write_predictions(record.run_id, run.seed, logits, labels)
    return store
