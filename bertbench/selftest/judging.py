"""The verdict's own code asked about seeds of the self-test: what is tested is what decides for users."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from bertbench.baseline import Baseline, build_baseline
from bertbench.comparing import wrong_rows_of
from bertbench.record import RunRecord
from bertbench.store import Store
from bertbench.verdict import Check
from bertbench.verdict.candidate import Candidate
from bertbench.verdict.quality_comparison import judge_quality
from bertbench.verdict.quality_gate import QualityGate

NAME = "quality"


def restricted(record: RunRecord, seeds: Collection[int]) -> RunRecord:
    """A run as if it had run these of its seeds alone: completed if all of them did, whatever ended another."""
    kept = tuple(run for run in record.seeds if run.seed in seeds)
    training = record.spec.training.model_copy(update={"seeds": tuple(run.seed for run in kept)})
    spec = record.spec.model_copy(update={"training": training})
    alone: dict[str, Any] = {"seeds": kept, "spec": spec}
    if all(run.outcome == "completed" for run in kept):
        alone |= {"outcome": "completed", "failure": None}
    return record.model_copy(update=alone)


def parts_of(records: Sequence[RunRecord], seeds: Collection[int]) -> list[RunRecord]:
    """Of several runs what concerns these seeds."""
    return [part for record in records if (part := restricted(record, seeds)).seeds]


def bank_of(records: Sequence[RunRecord], store: Store) -> Baseline:
    """The baseline of some completed runs.

    Raises:
        BaselineError: If they make none.
        RecordError: If their predictions cannot be read.
    """
    return build_baseline(records, wrong_rows=lambda record, run: wrong_rows_of(store, record, run))


def quality_check(candidate: Sequence[RunRecord], bank: Baseline, gate: QualityGate) -> Check:
    """The gate on runs in another class, or with a fault: fingerprints that would refuse them are not asked.

    `Check.seeds_wanted` is not empty where a later look would want more seeds.
    """
    return judge_quality(Candidate(tuple(candidate)), bank, name=NAME, gate=gate, wrong_rows={}, context="")
