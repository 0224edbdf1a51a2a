"""Which runs of a store speak for a spec: those that make a baseline, and those that are held against one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bertbench.baseline import Baseline, build_baseline, final_wrong_rows, revision_of
from bertbench.baseline.building import ground_of
from bertbench.errors import BaselineError, RecordError
from bertbench.record import RunRecord, SeedRun
from bertbench.spec import Spec, spec_fingerprint
from bertbench.store import Store
from bertbench.verdict import Candidate, judge_recipe


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


def candidate_to_compare(spec: Spec, store: Store, name: str | None = None) -> tuple[Candidate, tuple[str, ...]]:
    """The run of a spec that is called *name* with its further seeds; or all that its newest run belongs to.

    Without a name that is every run of the newest one's recipe, numerics, data, weights and version: they are taken
    oldest first, as they came. A run, with its further seeds, that gave a seed other bits than a newer one ran other
    code, and is left out.

    Returns:
        The candidate, and the ids of runs left out.

    Raises:
        RecordError: If there is none, it goes on, or it is of another spec or of another recipe than *spec* now has.
    """
    records = [entry.record for entry in store.entries() if entry.record is not None]
    if name is not None:
        record = _read(store, name)
        if problem := _not_of(spec, record):
            raise RecordError(f"{record.run_id}: {problem}", remedy="bertbench show --all; bertbench run SPEC")
        return Candidate((record, *_continued(record, records))), ()
    normal = [record for record in records if not record.repeats and not record.continues and not record.fault]
    ended = [record for record in normal if not _not_of(spec, record)]
    if not ended:
        raise RecordError(
            f"{store.folder}: holds no run of {spec.name} as the spec now stands that has ended",
            remedy="bertbench run SPEC",
        )
    newest = (ended[-1], *_continued(ended[-1], records))
    if newest[0].outcome != "completed":
        return Candidate(newest), ()
    ground = ground_of(newest[0])
    taken, left_out = [newest], []
    for record in reversed(ended[:-1]):
        if record.outcome != "completed" or ground_of(record) != ground:
            continue
        group = (record, *_continued(record, records))
        if any(_contradict(one, other) for one in group for others in taken for other in others):
            left_out += [run.run_id for run in group]
        else:
            taken.append(group)
    return Candidate(tuple(run for group in reversed(taken) for run in group)), tuple(left_out)


def _continued(record: RunRecord, records: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
    """Runs of further seeds of a run, oldest first; what somebody interrupted shows nothing."""
    ended = ("completed", "failed")
    return tuple(other for other in records if other.continues == record.run_id and other.outcome in ended)


def _contradict(one: RunRecord, other: RunRecord) -> bool:
    """Whether two runs gave a seed different bits."""
    digests = {run.seed: run.digests for run in one.seeds if run.digests}
    return any(run.digests and digests.get(run.seed, run.digests) != run.digests for run in other.seeds)


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
