"""A comparison whose runs are held against their recipe too: what did not run as specified is compared with nothing.

Quality and bits speak for the spec only if every run that is counted ran it: the run that promises are held against,
runs of further seeds, and older runs that are counted with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bertbench.record import RunRecord
from bertbench.verdict.outcomes import Check
from bertbench.verdict.recipe_lock import judge_completed_seeds

Locks = Mapping[str, Check]

#: Runs whose drifts are named in one reason; beyond that the check keeps all of them as `details`.
_SHOWN = 3


def locks_of(counted: Iterable[RunRecord]) -> Locks:
    """The recipe lock of each run that is counted in a comparison, by its id; of its completed seeds."""
    return {record.run_id: judge_completed_seeds(record) for record in counted}


def hold_recipes(identity: Check, quality: Check, locks: Locks) -> tuple[Check, Check]:
    """The checks of a comparison, as far as they hold where runs drifted from their recipe.

    Args:
        identity: Of the runs with a baseline.
        quality: Likewise.
        locks: Of the runs; see `locks_of`.

    Returns:
        Identity, quality. Both fail if a run drifted, and name it with what drifted; a pass is undecided if a record
        lacks what would show that its run did not drift. All else stays as it is, and so does `no_baseline`.
    """
    if quality.outcome == "no_baseline":
        return identity, quality
    if drifted := {run_id: lock for run_id, lock in locks.items() if lock.outcome == "fail"}:
        return _failed(identity, quality, drifted)
    if unknown := {run_id: lock for run_id, lock in locks.items() if lock.outcome == "undecided"}:
        told = f"nothing shows that the recipe of the spec ran: {_told(unknown)}"
        return _doubtful(identity, told), _doubtful(_emptied(quality), told) if quality.outcome == "pass" else quality
    return identity, quality


def _failed(identity: Check, quality: Check, drifted: Locks) -> tuple[Check, Check]:
    """Quality says what drifted; one that fails by itself keeps its numbers."""
    told, next_step = f"the recipe drifted: {_told(drifted)}", next(iter(drifted.values())).next_step
    bits = replace(
        identity,
        outcome="fail",
        observed="recipe drifted",
        reason=f"the recipe drifted in {', '.join(drifted)}. By itself: {identity.reason}",
        next_step=f"see {quality.name}",
    )
    if quality.outcome == "fail":
        reason = f"{quality.reason}. And {told}"
        return bits, replace(quality, reason=reason, next_step=next_step, details=_details(drifted))
    return bits, replace(
        _emptied(quality),
        outcome="fail",
        observed="recipe drifted",
        reason=f"{told}. By itself: {quality.reason}",
        next_step=next_step,
        details=_details(drifted),
    )


def _doubtful(check: Check, told: str) -> Check:
    if check.outcome != "pass":
        return check
    reason = f"{told}. By itself: {check.reason}"
    return replace(
        check, outcome="undecided", observed="recipe not shown", reason=reason, next_step="run the spec again"
    )


def _emptied(quality: Check) -> Check:
    """Without numbers that stand for a comparison, and without a wish for seeds; the attempt stays counted."""
    attempt = {name: value for name, value in quality.numbers.items() if name == "attempt"}
    return replace(quality, observed_value=None, promised_value=None, numbers=attempt, seeds_wanted=())


def _told(locks: Locks) -> str:
    """Runs and why, the first few."""
    more = f"; and {', '.join(list(locks)[_SHOWN:])}" if len(locks) > _SHOWN else ""
    return "; ".join(f"{run_id}: {lock.reason}" for run_id, lock in list(locks.items())[:_SHOWN]) + more


def _details(drifted: Locks) -> tuple[str, ...]:
    """Everything that drifted, where the reason does not say all of it."""
    if len(drifted) <= _SHOWN and not any(lock.details for lock in drifted.values()):
        return ()
    return tuple(f"{run_id}: {line}" for run_id, lock in drifted.items() for line in lock.details or (lock.reason,))
