"""Runs of the store and baselines of the repository brought together: to compare one with the other, to accept.

What is judged is in `bertbench.verdict`, what a baseline is in `bertbench.baseline`; here they meet their files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bertbench.baseline import Baseline, baseline_name, build_baseline, final_wrong_rows, find_baseline, revision_of
from bertbench.baseline.building import ground_of
from bertbench.errors import BaselineError, RecordError, VerdictError
from bertbench.record import RunRecord, SeedRun
from bertbench.spec import Spec, spec_fingerprint
from bertbench.store import Store
from bertbench.verdict import Check, compare, judge_recipe, no_baseline


@dataclass(frozen=True)
class Against:
    """What runs are compared with; checked when it is made.

    Attributes:
        names: Of baselines, as in `rolling`; each gives two checks.
        gated_specs: Specs whose quality the project gates: they share one error rate.
        folder: Where baselines are; None is beside the specs.
    """

    names: tuple[str, ...]
    gated_specs: int = 1
    folder: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what names no baseline.

        Raises:
            BaselineError: If a name can be none or is given twice, or no spec is gated.
        """
        for name in self.names:
            baseline_name(name)
        if not self.names or len(set(self.names)) < len(self.names):
            raise BaselineError(f"{','.join(self.names)!r}: different names of baselines were expected, one or more")
        if self.gated_specs < 1:
            raise BaselineError(f"{self.gated_specs} gated specs were given, one or more were expected")


def compare_run(record: RunRecord, store: Store, folder: Path, against: Against) -> tuple[Check, ...]:
    """Hold a run against each baseline.

    Args:
        record: The run.
        store: Has its predictions; without them rows that flipped are not shown.
        folder: Of baselines, unless *against* says otherwise.
        against: What to compare with.

    Returns:
        Two checks for each name; `no_baseline` where there is nothing to compare with.
    """
    return tuple(
        check for name in against.names for check in _compared(record, store, against.folder or folder, name, against)
    )


def _compared(record: RunRecord, store: Store, folder: Path, name: str, against: Against) -> tuple[Check, Check]:
    numerics = record.environment.numerics_fingerprint if record.environment else ""
    try:
        baseline = find_baseline(folder, name, spec=record.spec.name, numerics_fingerprint=numerics)
        from bertbench.verdict.quality_comparison import quality_rule  # loads scipy: half a second

        rule = quality_rule(baseline.validation_rows, gated_specs=against.gated_specs)
    except (BaselineError, VerdictError) as problem:
        return no_baseline(name, problem)

    def known(run: SeedRun) -> tuple[int, ...] | None:
        """For display: what cannot be read, or contradicts the record, is not shown."""
        try:
            wrong = wrong_rows_of(store, record, run)
        except (RecordError, BaselineError):
            return None
        rows = baseline.validation_rows
        agrees = round(run.final_epoch.validation.accuracy * rows) == rows - len(wrong)
        return wrong if agrees and all(row < rows for row in wrong) else None

    return compare(record, baseline, name=name, rule=rule, wrong_rows=known)


def wrong_rows_of(store: Store, record: RunRecord, run: SeedRun) -> tuple[int, ...]:
    """Numbers of the validation rows that a seed had wrong at its end.

    Raises:
        RecordError: If its predictions are absent or damaged.
        BaselineError: If they are not of as many epochs as the seed has.
    """
    logits, labels = store.read_predictions(record.run_id, run.seed)
    return final_wrong_rows(logits, labels, run)


@dataclass(frozen=True)
class Proposal:
    """What would be accepted.

    Attributes:
        baseline: Of all seeds.
        left_out: Runs of the recipe that are on another ground than the newest (data, weights, version), if the store
            was asked and not a list of runs.
    """

    baseline: Baseline
    left_out: tuple[str, ...]


def propose_baseline(spec: Spec, base_folder: Path, store: Store, *, runs: Sequence[str] = ()) -> Proposal:
    """The baseline of the completed runs of a spec.

    Args:
        spec: Prescribes the seeds that must be there; more that ran are taken too.
        base_folder: Of the spec; its repository's commit is noted.
        store: Where the runs are.
        runs: Ids or their beginnings; if none are given, all completed runs of the spec's recipe that agree with the
            newest in numerics, data, weights and version. Repeats are left out.

    Raises:
        BaselineError: If there is none, a run is of another recipe, drifted from its own or was made faulty on
            purpose, a seed is missing, or two runs disagree.
        RecordError: If a run cannot be found or read.
    """
    chosen, left_out = (_named(store, runs), ()) if runs else _matching(spec, store)
    if not chosen:
        raise BaselineError(
            f"{store.folder}: holds no completed run of {spec.name} as the spec now stands",
            remedy="bertbench run SPEC, then accept",
        )
    recipes = {run.run_id for run in chosen if run.spec_fingerprint != spec_fingerprint(spec)}
    if recipes:
        raise BaselineError(
            f"{', '.join(sorted(recipes))}: ran another recipe than {spec.name} now has", remedy="run the spec again"
        )
    for run in chosen:
        _refuse_fault(run)
        _refuse_drift(run)
    baseline = build_baseline(
        chosen,
        wrong_rows=lambda record, run: wrong_rows_of(store, record, run),
        prescribed=spec.training.seeds,
        revision=revision_of(base_folder.resolve()),
    )
    return Proposal(baseline.model_copy(update={"spec": spec.name}), left_out)


def run_to_compare(spec: Spec, store: Store, name: str | None = None) -> RunRecord:
    """The run of a spec that is called *name*, or its newest that has ended and was not made faulty on purpose.

    Raises:
        RecordError: If there is none, it goes on, or it is of another spec or of another recipe than *spec* now has.
    """
    if name is not None:
        record = _read(store, name)
        if problem := _not_of(spec, record):
            raise RecordError(f"{record.run_id}: {problem}", remedy="bertbench show --all; bertbench run SPEC")
        return record
    records = (entry.record for entry in store.entries())
    normal = [record for record in records if record is not None and not record.repeats and not record.fault]
    ended = [record for record in normal if not _not_of(spec, record)]
    if not ended:
        raise RecordError(
            f"{store.folder}: holds no run of {spec.name} as the spec now stands that has ended",
            remedy="bertbench run SPEC",
        )
    return ended[-1]


def _not_of(spec: Spec, record: RunRecord) -> str:
    """Why a run says nothing of *spec*; empty if it does."""
    if record.spec.name != spec.name:
        return f"is a run of {record.spec.name}, and one of {spec.name} was expected"
    if record.spec_fingerprint != spec_fingerprint(spec):
        return f"ran another recipe than {spec.name} now has"
    return "has not ended" if record.outcome == "running" else ""


def _refuse_fault(record: RunRecord) -> None:
    """A run that was made faulty on purpose is for testing the verdict, whatever it came to."""
    if record.fault is not None:
        raise BaselineError(
            f"{record.run_id}: was made faulty on purpose ({record.fault})", remedy="bertbench run SPEC, then accept"
        )


def _refuse_drift(record: RunRecord) -> None:
    """What ran must be what the spec says, or every later run would be held against a mistake."""
    lock = judge_recipe(record)
    if record.outcome == "completed" and lock.outcome != "pass":
        raise BaselineError(f"{record.run_id}: its recipe drifted: {lock.reason}", remedy=lock.next_step)


def _matching(spec: Spec, store: Store) -> tuple[tuple[RunRecord, ...], tuple[str, ...]]:
    runs = store.runs_of(spec)
    if not runs:
        return (), ()
    newest = ground_of(runs[-1])
    chosen = tuple(run for run in runs if ground_of(run) == newest)
    return chosen, tuple(run.run_id for run in runs if run not in chosen)


def _named(store: Store, names: Sequence[str]) -> tuple[RunRecord, ...]:
    records = {record.run_id: record for record in (_read(store, name) for name in names)}
    if repeats := [record.run_id for record in records.values() if record.repeats]:
        raise BaselineError(f"{', '.join(repeats)}: repeats another run", remedy="name the run that it repeats")
    return tuple(records.values())


def _read(store: Store, name: str) -> RunRecord:
    entry = store.find(name)
    if entry.record is None:
        raise RecordError(f"{entry.run_id}: unreadable: {entry.problem}", remedy="run the spec again")
    return entry.record
