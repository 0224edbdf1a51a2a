"""Speed in the one verdict: the training step of a spec that ran, held against the side that the project names.

`bertbench ab` compares whatever two sides somebody gives; here the candidate is the spec as it ran, and the outcome is
one check among those of its benchmark. Pairs of processes are run after the spec's own, one spec after the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from bertbench.ab.attempts import read_attempts
from bertbench.ab.comparing import Plan, compare_speed
from bertbench.ab.fields import AbRecord
from bertbench.ab.files import ab_folder, ab_path, read_ab
from bertbench.ab.measuring import Progress
from bertbench.ab.sides import Side, open_sides, refuse_missing_side
from bertbench.errors import SideError, SpecError, message_and_remedy
from bertbench.project import SPEED_BASE, SPEED_BUDGET, SpeedBase
from bertbench.record import RunRecord
from bertbench.sigterm import interrupted_by_sigterm
from bertbench.store import Store
from bertbench.verdict import SPEED_NAME, Check, Outcome

_NO_FILE = ("the spec came from no file", "give the path of a TOML file")
#: Shows how many pairs are done while it is open.
ShowPairs = Callable[[], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class GatedSpeed:
    """Speed of one spec as the one verdict has it.

    Attributes:
        check: The verdict.
        ab_id: The comparison in the store; None if nothing was compared.
        record: The comparison itself, likewise.
    """

    check: Check
    ab_id: str | None = None
    record: AbRecord | None = field(default=None, compare=False)


def refuse_missing_base(base: SpeedBase, files: Iterable[Path | None]) -> None:
    """Refuse a revision or a Python that there is not before any work, and not after all seeds.

    Args:
        base: What the specs are held against.
        files: Of the specs.

    Raises:
        SideError: If it cannot be had.
    """
    for file in files if base.is_measured else ():
        if file is not None:
            refuse_missing_side(base.side, file)


def refuse_unreadable_attempts(store: Store) -> None:
    """Likewise lines of earlier attempts among which a fail might stand.

    Raises:
        RecordError: If one cannot be read.
    """
    read_attempts(ab_folder(store.folder), "")


def measure_speed(
    file: Path | None,
    record: RunRecord,
    store: Store,
    base: SpeedBase,
    *,
    gated_specs: int,
    changes: Mapping[str, object],
    workers: int = 1,
    show_pairs: ShowPairs | None = None,
) -> GatedSpeed:
    """Run the spec and its base in turn, in processes of their own, and decide.

    Args:
        file: Of the spec that ran; None if it came from no file.
        record: How it ran; what was done wrong on purpose in it is done in the candidate, too.
        store: The comparison goes to `<store>/ab/<id>`.
        base: What it is held against, and the time there is.
        gated_specs: Specs whose speed the project gates: they share one error rate.
        changes: What took the place of the spec's own engine or backend; on both sides.
        workers: Test workers that share the machine; above 1 nothing is measured.
        show_pairs: Told of every pair.

    Returns:
        The verdict: `no_baseline` if the base cannot be had, undecided where times would say nothing.

    Raises:
        KeyboardInterrupt: If it was interrupted; what both sides had completed is kept and counted.
        RecordError: If earlier attempts cannot be read.
        RecordWriteError: If the store cannot be written.
        VerdictError: If no error rate is left.
    """
    hindered = _hindered(file, record, base, workers)
    if file is None or hindered is not None:
        return _not_measured(base, "undecided", *(hindered or _NO_FILE))
    plan = Plan(base.budget_seconds, gated_specs, secrets.randbits(32))
    try:
        with (
            interrupted_by_sigterm(),  # else the tree of a revision would stay behind
            open_sides(base=base.side, cand=file, spec=file, changes=changes) as sides,
            (show_pairs or nullcontext)() as progress,
        ):
            if sides["cand"].facts.recipe_fingerprint != record.spec_fingerprint:
                reason = f"{file} is of another recipe than when it ran"
                return _not_measured(base, "undecided", reason, "run it again, and change nothing meanwhile")
            if record.fault is not None:
                sides["cand"] = _faulty(sides["cand"], record.fault)
            compared = compare_speed(sides, store.folder, plan, progress=progress)
    except (SideError, SpecError) as problem:  # no such revision, no such spec in it, a Python without bertbench
        next_step = problem.remedy or f"make {base.side} a side that has this spec"
        return _not_measured(base, "no_baseline", problem.message, next_step)
    if compared.interrupted:  # it was kept and counted; whoever runs several specs stops with it
        raise KeyboardInterrupt
    return _of(compared)


def _hindered(file: Path | None, record: RunRecord, base: SpeedBase, workers: int) -> tuple[str, str] | None:
    """Why times would say nothing, and what to do; None if they would say something."""
    if record.outcome != "completed":
        return f"the run is {record.outcome}", "make the spec run to its end"
    if not base.is_measured:
        return "no base was named, as asked for (none)", f"name one: {SPEED_BASE}"
    if workers > 1:
        return f"{workers} test workers share the machine, so times say nothing", "run without -n"
    return _NO_FILE if file is None else None


def kept_speed(store: Store, ab_id: str) -> GatedSpeed:
    """The verdict of a comparison that was kept.

    Raises:
        RecordError: If it is not there or cannot be read.
    """
    return _of(read_ab(ab_path(store.folder, ab_id)))


def unmeasured_speed(base: SpeedBase, *, skipped: str = "") -> GatedSpeed:
    """Speed is gated and nothing was run for it: that is never a pass.

    Args:
        base: What it would have been held against.
        skipped: Why the spec was skipped, with what to do on a line of its own; empty if runs that were made before are
            judged.
    """
    if skipped:
        why, remedy = message_and_remedy(skipped)
        return _not_measured(base, "undecided", f"the spec was skipped: {why}", remedy or "bring what is missing")
    reason = "times of runs that were not made in turn say nothing of each other"
    return _not_measured(base, "undecided", reason, "bertbench run SPEC --compare, or pytest with --bertbench-compare")


def _of(record: AbRecord) -> GatedSpeed:
    check = Check(kind="comparison", **record.check.model_dump())
    next_step = check.next_step.replace("--budget", SPEED_BUDGET)  # what `ab` and a project call the same time
    return GatedSpeed(replace(check, next_step=next_step), record.ab_id, record)


def _not_measured(base: SpeedBase, outcome: Outcome, reason: str, next_step: str) -> GatedSpeed:
    said = f"speed is held against {base.side}: {reason}" if base.is_measured else reason
    return GatedSpeed(
        Check(
            name=SPEED_NAME,
            kind="comparison",
            outcome=outcome,
            observed="not measured",
            promised=f"no slower than {base.side}",
            reason=said,
            next_step=next_step,
        )
    )


def _faulty(side: Side, fault: str) -> Side:
    return replace(side, fault=fault, facts=side.facts.model_copy(update={"fault": fault}))
