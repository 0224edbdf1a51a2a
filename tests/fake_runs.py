"""Stands in for the process that fine-tunes: records as from a real run, in milliseconds.

Only the process is replaced (`bertbench.suite.run_request`); sessions, locks, store, verdicts and plugin are real.
A file `fake.json` in the current folder says what the runs come to.
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record_maker import make_evidence, make_live_recipe, make_record, make_seed, row_counts

from bertbench.engines.schedules import learning_rate_at
from bertbench.processes import Request
from bertbench.record import Digests, EnvironmentFacts, Failure, RunRecord, SeedRun
from bertbench.spec import Spec, spec_fingerprint
from bertbench.store import Store

#: One line per run: how often the 'process' was started.
LOG = "runs.log"
#: Whatever the spec says.
TRAIN_ROWS = 32
VALIDATION_ROWS = 100


def set_runs(**fake: Any) -> None:
    """What the runs come to from now on."""
    Path("fake.json").write_text(json.dumps(fake))


def runs() -> int:
    """How many there were."""
    return len(Path(LOG).read_text().splitlines())


def fake_run_request(request: Request, **_: Any) -> RunRecord:
    """A record in the store, as `fake.json` says."""
    fake: dict[str, Any] = json.loads(Path("fake.json").read_text()) if Path("fake.json").exists() else {}
    fake |= fake.get("of_spec", {}).get(request.spec.name, {})
    with Path(LOG).open("a") as log:
        log.write(f"{request.spec.name} {os.environ.get('PYTEST_XDIST_WORKER', 'main')}\n")
    runs = Path(LOG).read_text().count(f"{request.spec.name} ")
    failure = Failure(**fake["failure"]) if "failure" in fake else None
    seeds = () if failure else tuple(_seed(request.spec, seed, fake, runs) for seed in request.spec.training.seeds)
    record = make_record(
        run_id=request.run_id,
        repeats=request.repeats,
        continues=request.continues,
        revision=request.revision,
        fault=request.fault,
        spec=request.spec,
        spec_fingerprint=spec_fingerprint(request.spec),
        outcome="failed" if failure else "completed",
        failure=failure,
        finished_at=datetime.now(timezone.utc),
        environment=_environment(fake).model_copy(update={"workers": request.workers}),
        data=make_record().data.model_copy(update=row_counts(train=TRAIN_ROWS, validation=VALIDATION_ROWS)),
        seeds=seeds,
    )
    store = Store(request.store)
    store.write(record)
    for run in record.seeds:
        store.write_predictions(record.run_id, run.seed, *_predictions(run))
    return record


def _environment(fake: dict[str, Any]) -> EnvironmentFacts:
    """Of `fake.json`, another version of a library gives another numerics."""
    usual = make_record().environment
    assert usual is not None
    if "keras" not in fake:
        return usual
    numerics = {**usual.numerics, "libraries": {"keras": fake["keras"]}}
    fingerprint = hashlib.sha256(str(numerics).encode()).hexdigest()
    return usual.model_copy(update={"numerics": numerics, "numerics_fingerprint": fingerprint})


def _predictions(run: SeedRun) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Logits of two classes, of which as many rows are right at every epoch's end as the last one's accuracy says."""
    labels = np.zeros(VALIDATION_ROWS, np.int32)
    accuracy = run.epochs[-1].validation.accuracy
    wrong = VALIDATION_ROWS - round(VALIDATION_ROWS * accuracy) if accuracy == accuracy else 0  # noqa: PLR0124 - NaN
    logits = np.zeros((len(run.epochs), VALIDATION_ROWS, 2), np.float32)
    logits[:, :wrong, 1], logits[:, wrong:, 0] = 1.0, 1.0
    return logits, labels


def _seed(spec: Spec, seed: int, fake: dict[str, Any], runs: int) -> Any:
    """A seed that did what the spec says, but for what `fake.json` changes."""
    epochs, size = spec.training.epochs, spec.training.batch_size
    batches = [min(size, TRAIN_ROWS - first) for first in range(0, TRAIN_ROWS, size)]
    rates = tuple(
        learning_rate_at(
            step,
            peak=spec.optimizer.learning_rate,
            schedule=spec.schedule,
            total_steps=epochs * len(batches),
        )
        for step in range(epochs * len(batches))
    )
    run = make_seed(seed, epochs=epochs, steps_per_epoch=len(batches))
    last = run.epochs[-1]
    accuracy = fake.get("accuracy", {}).get(str(seed), 0.99)
    validation = last.validation.model_copy(update={"accuracy": accuracy})
    losses = list(run.steps.loss)
    for step, more in fake.get("loss_from_step", {}).items():  # of the second run and later ones, more each time
        losses[int(step)] += more * (runs - 1)
    digest = f"{runs if fake.get('differs') else seed + 1000 * fake.get('bits', 0):064x}"
    return run.model_copy(
        update={
            "live_recipe": make_live_recipe(spec, seed) | fake.get("live", {}),
            "evidence": make_evidence(spec, seed, rows=TRAIN_ROWS),
            "steps": run.steps.model_copy(
                update={"rows": tuple(batches * epochs), "learning_rate": rates, "loss": tuple(losses)}
            ),
            "epochs": (*run.epochs[:-1], last.model_copy(update={"validation": validation})),
            "digests": Digests(weights=digest, losses=digest, predictions=digest),
        }
    )
