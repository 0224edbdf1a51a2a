"""The threshold audit: is a promise about quality stable over fresh seeds, flaky, or not known?

A threshold that five seeds keep may fail the sixth. The audit takes every seed of a recipe that ran in one numerics
class and says which of three words holds for each `every_seed` promise, with the seeds that would settle it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertbench.errors import VerdictError
from bertbench.quantities import quality_of
from bertbench.record import DataFacts, RunRecord, SeedRun
from bertbench.spec import ExpectSpec, Spec
from bertbench.verdict.thresholds import threshold_name, value_at

if TYPE_CHECKING:
    from bertbench.stats import ThresholdAudit


@dataclass(frozen=True)
class AuditedThreshold:
    """One promise, audited.

    Attributes:
        expect: The promise.
        name: As in the verdict.
        audit: The statistics; None if there are too few seeds.
        problem: Why there is none, in words.
    """

    expect: ExpectSpec
    name: str
    audit: ThresholdAudit | None
    problem: str = ""

    @property
    def word(self) -> str:
        """One of the three."""
        return self.audit.word if self.audit else "not known"


def audit_thresholds(spec: Spec, records: Sequence[RunRecord]) -> tuple[AuditedThreshold, ...]:
    """Audit every `every_seed` promise of *spec*.

    Promises on a mean or its bound are about a number of seeds, not about each; they are left out.

    Args:
        spec: The benchmark as it stands now.
        records: Runs of its recipe in one numerics class, failed ones too; a seed that ran twice counts once, and one
            that ended in NaN or infinity missed.
    """
    seeds = distinct_seeds(records)
    data = [record.data for record in records if record.data]
    return tuple(_audited(expect, seeds, data) for expect in spec.expect if expect.over == "every_seed")


def distinct_seeds(records: Sequence[RunRecord]) -> tuple[SeedRun, ...]:
    """Each seed that came to an end once, by its newest run, in the order of their numbers."""
    by_seed = {run.seed: run for record in records for run in record.seeds if run.came_to_an_end}
    return tuple(run for _, run in sorted(by_seed.items()))


def _audited(expect: ExpectSpec, seeds: Sequence[SeedRun], data: Sequence[DataFacts]) -> AuditedThreshold:
    from bertbench.stats import audit_threshold  # half a second, and only needed here

    split, quantity = quality_of(expect.quantity)
    completed = [run for run in seeds if run.outcome == "completed"]
    values = [value_at(run, split, quantity, expect.epoch) for run in completed]
    share_of = data[0].rows.get(split) if data and quantity.name == "accuracy" else None
    # Of one recipe and one data set: a run that did not count its distinct rows knows no better than one that did.
    distinct = min(one.distinct(split) for one in data if one.sha256 == data[0].sha256) if share_of else None
    name = threshold_name(expect)
    if not seeds:
        return AuditedThreshold(expect, name, None, "no seed of this recipe came to an end")
    try:
        audit = audit_threshold(
            values,
            expect.bound,
            rows=share_of,
            distinct_rows=distinct,
            better=quantity.better,
            not_finite=len(seeds) - len(completed),
        )
    except VerdictError as error:
        return AuditedThreshold(expect, name, None, error.message)
    return AuditedThreshold(expect, name, audit)
