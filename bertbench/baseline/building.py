"""One baseline from the records of all its seeds: all that the spec prescribes, or none."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from bertbench.baseline.fields import Baseline, BaselineSeed
from bertbench.baseline.ground import conflict, other_ground, recipe_of
from bertbench.baseline.one_code import factory_of
from bertbench.errors import BaselineError
from bertbench.record import CheckpointFacts, DataFacts, EnvironmentFacts, Revision, RunRecord, SeedRun

#: Numbers of the rows that a run's seed had wrong.
WrongRows = Callable[[RunRecord, SeedRun], Sequence[int]]

#: Of seconds: milliseconds are enough, and shorter in a diff.
_DECIMALS = 3

Facts = tuple[EnvironmentFacts, DataFacts, CheckpointFacts]


def build_baseline(
    records: Sequence[RunRecord],
    *,
    wrong_rows: WrongRows,
    prescribed: Sequence[int] = (),
    accepted_at: datetime | None = None,
) -> Baseline:
    """One baseline of all seeds of some runs.

    Args:
        records: Completed runs of one recipe, one numerics, one data and one checkpoint.
        wrong_rows: Where the rows that a seed had wrong come from.
        prescribed: Seeds that must be there.
        accepted_at: Now, if not given.

    Raises:
        BaselineError: If there is no run, one did not complete, they differ in what they are runs of, a prescribed seed
            is missing, or two runs give one seed different bits.
    """
    if not records:
        raise BaselineError("a baseline of no runs was asked for", remedy="bertbench run SPEC, then accept")
    for record in records:
        facts_of(record)  # refuses one that did not complete
    _refuse_several_grounds(records)
    seeds = _seeds(records, wrong_rows)
    if missing := [seed for seed in prescribed if seed not in seeds]:
        listed = ",".join(map(str, missing))
        raise BaselineError(
            f"{records[0].spec.name}: all prescribed seeds or none: {listed} did not run ({len(seeds)} did)",
            remedy=f"bertbench run SPEC --seeds {listed}, then accept",
        )
    environment, data, checkpoint = facts_of(records[0])
    revision = _revision(records)
    machines = {facts_of(record)[0].machine_fingerprint for record in records}
    distinct = _distinct_rows(records)
    try:
        return Baseline(
            spec=records[0].spec.name,
            spec_fingerprint=records[0].spec_fingerprint,
            recipe=recipe_of(records[0]),
            numerics_fingerprint=environment.numerics_fingerprint,
            numerics=environment.numerics,
            machine_fingerprints=tuple(sorted(machines)),
            data_sha256=data.sha256,
            weights_sha256=checkpoint.sha256,
            tokenizer_sha256=data.tokenizer_sha256,
            label_names=data.label_names,
            validation_rows=data.rows.get("validation", 0),
            distinct_validation_rows=distinct,
            git_commit=revision.commit if revision else None,
            git_dirty=revision.dirty if revision else None,
            factory_sha256=_factory(records),
            bertbench_version=records[0].bertbench_version,
            accepted_at=(accepted_at or datetime.now(timezone.utc)).replace(microsecond=0),
            runs=tuple(sorted(record.run_id for record in records)),
            seeds=tuple(seeds[number] for number in sorted(seeds)),
        )
    except ValidationError as error:
        said = error.errors()[0]
        raise BaselineError(
            f"{records[0].spec.name}: these runs make no baseline: {said['msg']}", remedy="run the spec again"
        ) from None


def facts_of(record: RunRecord) -> Facts:
    """Environment, data and checkpoint of a completed run.

    Raises:
        BaselineError: If it did not complete.
    """
    if record.outcome != "completed" or record.environment is None or record.data is None or record.checkpoint is None:
        raise BaselineError(
            f"{record.run_id}: is {record.outcome}; a baseline is made of completed runs", remedy="run the spec again"
        )
    return record.environment, record.data, record.checkpoint


def _revision(records: Sequence[RunRecord]) -> Revision | None:
    """The commit that all runs were made at, with changes if any was; None if they have none or not the same."""
    revisions = [record.revision for record in records if record.revision]
    if len(revisions) < len(records) or len({revision.commit for revision in revisions}) != 1:
        return None
    return Revision(commit=revisions[0].commit, dirty=any(revision.dirty for revision in revisions))


def _factory(records: Sequence[RunRecord]) -> str | None:
    """Digest of the factory that all runs were made by; None if they have none, or one does not know it."""
    factories = {factory_of(record) for record in records}
    return factories.pop() if len(factories) == 1 else None


def _distinct_rows(records: Sequence[RunRecord]) -> int | None:
    """Distinct validation rows, as the runs that counted them say; None if none did."""
    counted = {data.distinct("validation") for _, data, _ in map(facts_of, records) if data.distinct_rows}
    if len(counted) > 1:
        raise BaselineError(
            f"{records[0].spec.name}: runs of one data set counted {sorted(counted)} distinct validation rows",
            remedy="run the spec again",
        )
    return next(iter(counted), None)


def final_wrong_rows(logits: NDArray[np.float32], labels: NDArray[np.int32], run: SeedRun) -> tuple[int, ...]:
    """Numbers of the rows that were wrong at the epoch whose weights a seed ended with.

    Args:
        logits: float32 (epochs, rows, classes).
        labels: int32 (rows,).
        run: The seed.

    Raises:
        BaselineError: If there are not as many epochs of logits as the seed has.
    """
    if logits.shape[0] != len(run.epochs):
        raise BaselineError(
            f"seed {run.seed}: logits of {logits.shape[0]} epochs, and {len(run.epochs)} epochs ran",
            remedy="run the spec again",
        )
    predictions = logits[run.final_epoch.epoch].argmax(axis=1)  # (rows,)
    return tuple(int(row) for row in np.flatnonzero(predictions != labels))


def _refuse_several_grounds(records: Sequence[RunRecord]) -> None:
    if (two := conflict(records)) is not None:
        grounds = other_ground(two[0], than=two[1]).items()
        differing = [f"{name} {one} against {other}" for name, (one, other) in grounds]
        raise BaselineError(
            f"{two[0].run_id} and {two[1].run_id} are no runs of one baseline: {'; '.join(differing)}",
            remedy="name the runs that belong together with --runs",
        )


def _seeds(records: Sequence[RunRecord], wrong_rows: WrongRows) -> dict[int, BaselineSeed]:
    """Every seed once; seeds that ran twice must have come to the same bits."""
    seeds: dict[int, BaselineSeed] = {}
    origin: dict[int, str] = {}
    for record in records:
        for run in record.seeds:
            if run.seed not in seeds:
                seeds[run.seed], origin[run.seed] = _seed(record, run, wrong_rows), record.run_id
            elif run.digests != seeds[run.seed].digests:
                raise BaselineError(
                    f"seed {run.seed}: {origin[run.seed]} and {record.run_id} came to different bits",
                    remedy="find out which code each ran, and name the runs that belong together with --runs",
                )
    return seeds


def _seed(record: RunRecord, run: SeedRun, wrong_rows: WrongRows) -> BaselineSeed:
    rows = facts_of(record)[1].rows.get("validation", 0)
    wrong = tuple(wrong_rows(record, run))
    undisturbed = facts_of(record)[0].workers == 1
    if not all(math.isfinite(row.validation.accuracy) for row in run.epochs):
        raise BaselineError(f"{record.run_id}: seed {run.seed}: an accuracy is not finite", remedy="run the spec again")
    if run.digests is None:  # a completed seed has them; a record changed by hand may not
        raise BaselineError(f"{record.run_id}: seed {run.seed} has no digests", remedy="run the spec again")
    try:
        return BaselineSeed(
            seed=run.seed,
            quality=run.final_epoch.validation,
            hits=rows - len(wrong),
            wrong_rows=wrong,
            train_loss=tuple(row.train.loss for row in run.epochs),
            validation_hits=tuple(round(row.validation.accuracy * rows) for row in run.epochs),
            epoch_seconds=tuple(round(row.seconds, _DECIMALS) for row in run.epochs) if undisturbed else (),
            digests=run.digests,
        )
    except ValidationError as error:
        raise BaselineError(
            f"{record.run_id}: makes no baseline: {error.errors()[0]['msg']}", remedy="run the spec again"
        ) from None
