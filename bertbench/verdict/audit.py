"""The threshold audit: is a promise about quality stable over fresh seeds, flaky, or not known?

A threshold that five seeds keep may fail the sixth. The audit takes every seed of a recipe that ran in one numerics
class and is known to be of the newest run's code, and says which of three words holds for each promise, with the seeds
and the rows that would settle it. A promise of every seed is one about a fresh seed; a promise of the mean, or of its
bound, is one about a fresh run of all seeds that the spec prescribes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertbench.baseline.ground import parted, why_apart
from bertbench.baseline.one_code import in_groups, of_one_code, why_not
from bertbench.errors import VerdictError
from bertbench.quantities import quality_of
from bertbench.record import DataFacts, RunRecord, SeedRun
from bertbench.spec import ExpectSpec, Spec
from bertbench.verdict.thresholds import judge_values, threshold_name, value_at

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


@dataclass(frozen=True)
class LeftOut:
    """Runs that say nothing of the newest run's code, for one reason.

    Attributes:
        runs: Their ids, oldest first.
        seeds: Different seeds that came to an end in them.
        of: What they are of, as in 'other code'.
        reason: How that is known, or that nobody knows; of them.
    """

    runs: tuple[str, ...]
    seeds: int
    of: str
    reason: str


@dataclass(frozen=True)
class SpecAudit:
    """All of one spec.

    Attributes:
        thresholds: Its promises, as the spec has them.
        left_out: Runs that were not counted.
    """

    thresholds: tuple[AuditedThreshold, ...]
    left_out: tuple[LeftOut, ...] = ()


def audit_spec(spec: Spec, records: Sequence[RunRecord]) -> SpecAudit:
    """Audit every promise about quality of *spec* on the runs that are known to be of the newest one's code.

    Args:
        spec: The benchmark as it stands now, with the seeds that it prescribes.
        records: Runs of its recipe in one numerics class, failed ones too.
    """
    counted, left_out = of_the_newest_code(records)
    return SpecAudit(audit_thresholds(spec, counted), left_out)


def of_the_newest_code(records: Sequence[RunRecord]) -> tuple[tuple[RunRecord, ...], tuple[LeftOut, ...]]:
    """The newest run with all that are on its ground and known to be of its code, and the others.

    A run of further seeds goes with the run that it continues, unless the two are on different grounds.

    Args:
        records: In any order.

    Returns:
        Both oldest first.
    """
    groups = sorted((part for group in in_groups(records) for part in parted(group)), key=lambda one: one[0].run_id)
    if not groups:
        return (), ()
    newest = groups[-1]
    taken, others = of_one_code([group for group in groups if not why_apart(group, newest)])
    why: dict[tuple[str, str], list[RunRecord]] = {}
    for group in groups:
        if reason := why_apart(group, newest):
            why.setdefault(("another ground", reason), []).extend(group)
        elif group in others:
            why.setdefault(("other code", why_not(group, taken)), []).extend(group)
    counted = sorted((run for group in taken for run in group), key=lambda run: run.run_id)
    return tuple(counted), tuple(
        LeftOut(tuple(run.run_id for run in runs), len(distinct_seeds(runs)), of, reason)
        for (of, reason), runs in why.items()
    )


def audit_thresholds(spec: Spec, records: Sequence[RunRecord]) -> tuple[AuditedThreshold, ...]:
    """Audit every promise about quality of *spec* on all of some runs, whatever code they are of: see `audit_spec`.

    Args:
        spec: The benchmark as it stands now, with the seeds that it prescribes.
        records: Runs of its recipe in one numerics class, failed ones too; a seed that ran twice counts once, and one
            that ended in NaN or infinity missed.
    """
    seeds = distinct_seeds(records)
    data = [record.data for record in records if record.data]
    return tuple(_audited(expect, seeds, data, len(spec.training.seeds)) for expect in spec.expect)


def distinct_seeds(records: Sequence[RunRecord]) -> tuple[SeedRun, ...]:
    """Each seed that came to an end once, by its newest run, in the order of their numbers."""
    by_seed = {run.seed: run for record in records for run in record.seeds if run.came_to_an_end}
    return tuple(run for _, run in sorted(by_seed.items()))


def _audited(
    expect: ExpectSpec, seeds: Sequence[SeedRun], data: Sequence[DataFacts], fresh_seeds: int
) -> AuditedThreshold:
    from bertbench.stats import FreshRun, audit_threshold  # half a second, and only needed here

    split, quantity = quality_of(expect.quantity)
    completed = [run for run in seeds if run.outcome == "completed"]
    values = {run.seed: value_at(run, split, quantity, expect.epoch) for run in completed}
    share_of = data[0].rows.get(split) if data and quantity.name == "accuracy" else None
    # Of one recipe and one data set: a run that did not count its distinct rows knows no better than one that did.
    distinct = min(one.distinct(split) for one in data if one.sha256 == data[0].sha256) if share_of else None
    name = threshold_name(expect)
    if not seeds:
        return AuditedThreshold(expect, name, None, "no seed of this recipe came to an end")
    not_finite = len(seeds) - len(completed)
    missed: list[bool] = []
    if expect.over != "every_seed":
        missed = _missed_runs(expect, seeds, values, fresh_seeds, (share_of or 0, distinct or 0))
    try:
        audit = audit_threshold(
            list(values.values()),
            expect.bound,
            rows=share_of,
            distinct_rows=distinct,
            better=quantity.better,
            not_finite=not_finite,
            fresh_run=FreshRun(fresh_seeds, expect.over, missed),
        )
    except VerdictError as error:
        return AuditedThreshold(expect, name, None, error.message)
    return AuditedThreshold(expect, name, audit)


def _missed_runs(
    expect: ExpectSpec,
    seeds: Sequence[SeedRun],
    values: Mapping[int, float],
    fresh_seeds: int,
    counted_rows: tuple[int, int],
) -> list[bool]:
    """Of the runs that the seeds seen make, whether the promise itself, held against each, does not pass.

    So many seeds at a time in the order of their numbers, which no result has a say in; what is left over makes no run.
    One that did not complete takes its run with it.
    """
    runs = [seeds[first : first + fresh_seeds] for first in range(0, len(seeds) - fresh_seeds + 1, fresh_seeds)]
    return [
        any(run.seed not in values for run in one)
        or judge_values(expect, {run.seed: values[run.seed] for run in one}, *counted_rows).outcome != "pass"
        for one in runs
    ]
