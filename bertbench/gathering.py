"""Which runs of a store belong together: what a baseline is made of, and what is compared as one candidate.

They must agree in what `bertbench.baseline.ground` names, and be known to have run one code, which
`bertbench.baseline.one_code` answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bertbench.baseline import Baseline, build_baseline
from bertbench.baseline.ground import differing, other_ground, parted, why_apart
from bertbench.baseline.one_code import Group, in_groups, of_one_code, why_not
from bertbench.comparing import wrong_rows_of
from bertbench.errors import BaselineError, RecordError
from bertbench.record import RunRecord
from bertbench.spec import Spec, spec_fingerprint
from bertbench.store import Entry, Store
from bertbench.verdict import Candidate, judge_recipe

_NOT_ENDED = "has not ended"
BROKE_OFF = "they, or runs of their further seeds, did not complete"


@dataclass(frozen=True)
class Proposal:
    """What would be accepted.

    Attributes:
        baseline: Of all seeds.
        left_out: Runs of the recipe that are on another ground than the newest (data, weights, version, factory), if
            the store was asked and not a list of runs.
    """

    baseline: Baseline
    left_out: tuple[str, ...]


def propose_baseline(spec: Spec, store: Store, *, runs: Sequence[str] = ()) -> Proposal:
    """The baseline of the completed runs of a spec.

    Args:
        spec: Prescribes the seeds that must be there; more that ran are taken too.
        store: Where the runs are.
        runs: Ids or their beginnings; if none are given, all completed runs of the spec's recipe that agree with the
            newest in numerics, data, weights, version and the engine's factory. Repeats are left out.

    Raises:
        BaselineError: If there is none, a run is of another recipe, drifted from its own or was made faulty on
            purpose, a seed is missing, two runs disagree, or nothing shows that runs nobody named ran one code.
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
        chosen, wrong_rows=lambda record, run: wrong_rows_of(store, record, run), prescribed=spec.training.seeds
    )
    if not runs:
        _refuse_several_codes(chosen)
    return Proposal(baseline.model_copy(update={"spec": spec.name}), left_out)


def candidate_to_compare(spec: Spec, store: Store, name: str | None = None) -> tuple[Candidate, dict[str, str]]:
    """The run of a spec that is called *name* with its further seeds; or all that its newest run belongs to.

    Without a name that is the newest run and every older one of its recipe, numerics, data, weights and version that is
    known to have run the same code, in the order in which they ran. Further seeds that ran on another ground than the
    run they continue are left out.

    Returns:
        The candidate, and why runs were left out, in words, by their ids.

    Raises:
        RecordError: If there is none, it goes on, it belongs to another run, or it is of another spec or of another
            recipe than *spec* now has.
    """
    entries = store.entries()
    records = [record for entry in entries if (record := entry.settled) is not None]
    if name is not None:
        record = _read(store, name)
        if problem := _not_of(spec, record):
            raise RecordError(f"{record.run_id}: {problem}", remedy="bertbench show --all; bertbench run SPEC")
        if owner := record.repeats or record.continues:
            does = "repeats" if record.repeats else "ran further seeds of"
            raise RecordError(
                f"{record.run_id}: {does} {owner}, and alone it is no candidate",
                remedy=f"bertbench compare SPEC {owner}",
            )
        return _alone((record, *_continued(record, records)))
    ended = [group for group in groups_of(records) if not _not_of(spec, group[0])]
    if not ended:
        raise RecordError(
            f"{store.folder}: holds no run of {spec.name} as the spec now stands that has ended",
            remedy="bertbench run SPEC",
        )
    candidate, left_out = newest_candidate(ended)
    normal = [record for record in records if not record.repeats and not record.fault]
    going_on = [record.run_id for record in normal if _not_of(spec, record) == _NOT_ENDED]
    return candidate, _unreadable(spec, entries) | dict.fromkeys(going_on, "they have not ended") | left_out


def _unreadable(spec: Spec, entries: Sequence[Entry]) -> dict[str, str]:
    """Runs whose folder is called after the spec and whose record cannot be read: any of them may have been a fail."""
    lost = [entry for entry in entries if entry.record is None and f"-{spec.name}-" in entry.run_id]
    return {entry.run_id: f"their record cannot be read ({entry.problem})" for entry in lost}


def groups_of(records: Sequence[RunRecord]) -> list[Group]:
    """Every run with the runs of its further seeds, oldest first; repeats and runs made faulty on purpose left out."""
    normal = [record for record in records if not record.repeats and not record.continues and not record.fault]
    return [(record, *_continued(record, records)) for record in normal]


def newest_candidate(ended: Sequence[Group]) -> tuple[Candidate, dict[str, str]]:
    """The last group with every older one that is of its ground and known to have run its code.

    Groups are taken in parts (`bertbench.baseline.ground.parted`). That of the last group's first run decides which
    others belong to it.

    Args:
        ended: One or more groups of runs that have ended, oldest first.

    Returns:
        The candidate, and why runs were left out, in words, by their ids.
    """
    alone, left_out = _alone(ended[-1])
    newest = alone.records
    if newest[0].outcome != "completed":
        return alone, left_out
    parts = sorted((part for group in ended[:-1] for part in parted(group)), key=lambda part: part[0].run_id)
    older = []
    for part in parts:
        # That another factory ran is told, like another commit; other data, weights or versions are another matter.
        if Candidate(part).broke_off or (part[0].outcome != "completed" and not part[0].continues):
            left_out |= dict.fromkeys((run.run_id for run in part), BROKE_OFF)
        elif reason := why_apart(part, newest):
            left_out |= dict.fromkeys((run.run_id for run in part), reason)
        else:
            older.append(part)
    taken, others = of_one_code([*older, newest])
    for part in others:
        left_out |= dict.fromkeys((run.run_id for run in part), why_not(part, taken))
    # The first is the run that promises are held against: further seeds without their own run come after the others.
    in_order = sorted(taken, key=lambda part: (part[0].continues is not None, part[0].run_id))
    return Candidate(tuple(run for part in in_order for run in part)), left_out


def _alone(group: Group) -> tuple[Candidate, dict[str, str]]:
    """A run with those of its further seeds that are on its ground; and why the others are left out, by their ids."""
    (first, *beside), *others = parted(group)
    why = {}
    for (run,) in others:
        names = differing([run], than=[first])
        how = "and differ from it in" if names else "that differ among themselves in"
        why[run.run_id] = (
            f"they ran further seeds of {first.run_id} {how} {', '.join(names or differing(group, than=group))}"
        )
    return Candidate((first, *beside)), why


def _refuse_several_codes(records: Sequence[RunRecord]) -> None:
    """A bank of two codes is a baseline of neither."""
    taken, others = of_one_code(in_groups(records))
    if others:
        belong = [run.run_id for group in taken for run in group]
        raise BaselineError(
            f"{', '.join(_told(group[0]) for group in others)}: nothing shows that this is the code of "
            f"{_told(taken[-1][0])}: no seed of equal bits, no clean commit in common",
            remedy=f"name the runs that belong together: --runs {' '.join(belong)}",
        )


def _told(record: RunRecord) -> str:
    revision = record.revision
    if revision is None:
        return f"{record.run_id} (commit unknown)"
    return f"{record.run_id} (commit {revision.commit[:10]}{' with changes' * revision.dirty})"


def _continued(record: RunRecord, records: Iterable[RunRecord]) -> Group:
    """Runs of further seeds of a run, oldest first; what somebody interrupted shows nothing."""
    ended = ("completed", "failed")
    return tuple(other for other in records if other.continues == record.run_id and other.outcome in ended)


def _not_of(spec: Spec, record: RunRecord) -> str:
    """Why a run says nothing of *spec*; empty if it does."""
    if record.spec.name != spec.name:
        return f"is a run of {record.spec.name}, and one of {spec.name} was expected"
    if record.spec_fingerprint != spec_fingerprint(spec):
        return f"ran another recipe than {spec.name} now has"
    return _NOT_ENDED if record.outcome == "running" else ""


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
    chosen = tuple(run for run in runs if not other_ground(run, than=runs[-1]))
    return chosen, tuple(run.run_id for run in runs if run not in chosen)


def _named(store: Store, names: Sequence[str]) -> tuple[RunRecord, ...]:
    records = {record.run_id: record for record in (_read(store, name) for name in names)}
    if repeats := [record.run_id for record in records.values() if record.repeats]:
        raise BaselineError(f"{', '.join(repeats)}: repeats another run", remedy="name the run that it repeats")
    return tuple(records.values())


def _read(store: Store, name: str) -> RunRecord:
    entry = store.find(name)
    if (record := entry.settled) is None:
        raise RecordError(f"{entry.run_id}: unreadable: {entry.problem}", remedy="run the spec again")
    return record
