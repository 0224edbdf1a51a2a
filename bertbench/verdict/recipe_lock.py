"""Whether what ran is what the spec says: values read back from the running engine and from what it was given.

A hyperparameter that drifted (a default changed by an upgrade, a refactoring that forgot an argument) is named with
both values, after one run and without statistics. What a record does not hold leaves the lock undecided: nothing was
shown of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bertbench.record import RunRecord, SeedRun
from bertbench.verdict.decay_drifts import decay_drifts
from bertbench.verdict.drifts import Drift, held, not_held
from bertbench.verdict.network_drifts import network_drifts
from bertbench.verdict.outcomes import Check, Outcome
from bertbench.verdict.rows_drifts import rows_drifts
from bertbench.verdict.training_drifts import training_drifts

NAME = "recipe_lock"

_COMPARE = "compare library versions and the code that builds network, optimizer and batches"
#: Drifts named in one sentence.
_SHOWN = 5


def judge_recipe(record: RunRecord) -> Check:
    """Hold the live values of every seed against spec, data and checkpoint.

    Args:
        record: The run; if it is not completed there is nothing to hold.

    Returns:
        Fail if anything drifted; undecided if nothing did, but something is not in the record; else pass.
    """
    if record.outcome != "completed":
        said = f"the run is {record.outcome}"
        return _check("fail", said, f"{said}, so nothing was shown", f"bertbench show {record.run_id}")
    found = [(run.seed, drift) for run in record.seeds for drift in _drifts(record, run)]
    drifted = [f"seed {seed}: {drift.text}" for seed, drift in found if drift.recorded]
    if drifted:
        more = f" and {len(drifted) - _SHOWN} more" if len(drifted) > _SHOWN else ""
        return _check("fail", f"{len(drifted)} drifted", "; ".join(drifted[:_SHOWN]) + more, _COMPARE)
    if missing := list(dict.fromkeys(drift.text for _, drift in found)):
        reason = f"the record lacks what an older version did not write: {', '.join(missing)}"
        return _check("undecided", "not recorded", reason, "run the spec again")
    reason = f"live values of {len(record.seeds)} seeds are those of the spec"
    unseen = {part: why for run in record.seeds for part, why in not_held(run.live_recipe).items()}
    if unseen:
        left_out = "; ".join(f"{part.replace('_', ' ')} ({why})" for part, why in sorted(unseen.items()))
        reason += f". Not held, since engine {record.spec.engine} cannot show it: {left_out}"
    return _check("pass", "as specified", reason, "")


def _drifts(record: RunRecord, run: SeedRun) -> Iterator[Drift]:
    """Everything that is not shown to be as the spec, the data and the checkpoint say."""
    pinned = record.spec.checkpoint.sha256
    if pinned is not None and record.checkpoint is not None:
        yield from held("checkpoint.sha256", pinned, record.checkpoint.sha256)
    yield from training_drifts(record, run)
    yield from decay_drifts(record, run)
    yield from network_drifts(record, run)
    yield from rows_drifts(record, run)


def _check(outcome: Outcome, observed: str, reason: str, next_step: str) -> Check:
    return Check(
        name=NAME,
        kind="lock",
        outcome=outcome,
        observed=observed,
        promised="as specified",
        reason=reason,
        next_step=next_step,
    )
