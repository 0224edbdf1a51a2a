"""All promises of one run, each held against its record."""

from __future__ import annotations

from bertbench.record import RunRecord
from bertbench.verdict.budgets import judge_budget
from bertbench.verdict.identity import judge_repeat
from bertbench.verdict.outcomes import Check
from bertbench.verdict.recipe_lock import judge_recipe
from bertbench.verdict.thresholds import judge_threshold


def judge_run(record: RunRecord, repeat: RunRecord | None) -> tuple[Check, ...]:
    """Hold every promise of a record's spec against it.

    Args:
        record: The run.
        repeat: Its repeat; without one, identity is undecided if the spec promises it and the run completed.
    """
    checks = [_ran(record), judge_recipe(record)]
    checks += [judge_threshold(expect, record) for expect in record.spec.expect]
    checks += [judge_budget(budget, record) for budget in record.spec.budget]
    if record.spec.identity.repeat != "no" and repeat is not None:
        checks.append(judge_repeat(record, repeat))
    elif record.spec.identity.repeat != "no":
        checks.append(_not_repeated(record))
    return tuple(checks)


def _ran(record: RunRecord) -> Check:
    completed = record.outcome == "completed"
    reason = f"{len(record.seeds)} seeds completed" if completed else _what_went_wrong(record)
    return Check(
        name="run",
        kind="run",
        outcome="pass" if completed else "fail",
        observed=record.outcome,
        promised="completed",
        reason=reason,
        next_step="" if completed else f"bertbench show {record.run_id}",
    )


def _what_went_wrong(record: RunRecord) -> str:
    if record.failure is None:
        return f"the run is {record.outcome}"
    return f"{record.failure.kind} in phase {record.failure.phase}: {record.failure.message}"


def _not_repeated(record: RunRecord) -> Check:
    completed = record.outcome == "completed"
    return Check(
        name="identity_on_repeat",
        kind="identity",
        outcome="undecided" if completed else "fail",
        observed="not repeated",
        promised="equal bits",
        reason="no repeat in a fresh process was asked for" if completed else f"the run is {record.outcome}",
        next_step="run without --no-repeat" if completed else f"bertbench show {record.run_id}",
    )
