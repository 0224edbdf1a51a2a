"""Promises about time and memory, held against a record."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

from bertbench.quantities import BUDGETS
from bertbench.record import RunRecord, SeedRun
from bertbench.spec import BudgetSpec
from bertbench.verdict.outcomes import Check, Outcome

#: Phases that every seed has of its own; a budget limits the slowest seed. All others happen once a run.
_SEED_PHASES = ("steps", "validation")


def budget_name(budget: BudgetSpec) -> str:
    """A name for the promise that is unique within a spec."""
    return f"budget_{budget.quantity}"


def judge_budget(budget: BudgetSpec, record: RunRecord) -> Check:
    """Hold one budget against what ran.

    Time and utilization are undecided where several test workers shared the machine; memory is not.

    Args:
        budget: The promise.
        record: The run; if it is not completed the promise is not kept.
    """
    if record.outcome != "completed":
        said = f"the run is {record.outcome}, so nothing was shown"
        return _check(budget, "fail", None, said, next_step=f"bertbench show {record.run_id}")
    observed, said = _observed(budget.quantity, record)
    if observed is None:
        reason = f"{budget.quantity} was not measured in this run"
        return _check(budget, "undecided", None, reason, next_step=_how_to_measure(budget.quantity))
    if not BUDGETS[budget.quantity].is_valid(observed):
        return _check(budget, "fail", observed, f"{budget.quantity} is no possible value")
    workers = record.environment.workers if record.environment else 1
    if workers > 1 and budget.quantity != "peak_memory_mebibytes":
        reason = f"{workers} test workers shared the machine, so times say nothing"
        return _check(budget, "undecided", observed, reason, next_step="run without other workers (-n 0)")
    kept = BUDGETS[budget.quantity].keeps(observed, budget.bound)
    return _check(budget, "pass" if kept else "fail", observed, said)


def _observed(name: str, record: RunRecord) -> tuple[float | None, str]:
    """The number a budget is about, of the worst seed where every seed has one, and what it is in words."""
    if name == "utilization":
        return _worst([seed.utilization.value if seed.utilization else None for seed in record.seeds], min)
    if name == "peak_memory_mebibytes":
        return _worst([seed.peak_memory_mebibytes for seed in record.seeds], max)
    if name == "step_seconds":
        return _worst([_median_step(seed) for seed in record.seeds], max)
    phase = name.removesuffix("_seconds")
    if phase in _SEED_PHASES:
        return _worst([seed.phases_seconds.get(phase) for seed in record.seeds], max)
    return record.phases_seconds.get(phase), "of the whole run"


def _median_step(seed: SeedRun) -> float | None:
    return statistics.median(seed.steps.seconds) if seed.steps.seconds else None


def _worst(values: list[float | None], pick: Callable[[list[float]], float]) -> tuple[float | None, str]:
    """The worst value, None if any seed has none: what was not measured is not in the budget."""
    present = [value for value in values if value is not None]
    if not present or len(present) < len(values):
        return None, ""
    impossible = [value for value in present if not math.isfinite(value)]  # min and max would step over NaN
    return next(iter(impossible), pick(present)), f"worst of {len(present)} seeds"


def _how_to_measure(name: str) -> str:
    """What to do for a number to be there."""
    if name == "save_seconds":
        return "save the models: bertbench run SPEC --save-models FOLDER"
    return f"take the promise on {name} out, or run an engine that measures it"


def _check(budget: BudgetSpec, outcome: Outcome, observed: float | None, reason: str, *, next_step: str = "") -> Check:
    quantity = BUDGETS[budget.quantity]
    if outcome == "fail" and not next_step:
        next_step = "compare phases in 'bertbench show'; is the machine busy?"
    return Check(
        name=budget_name(budget),
        kind="budget",
        outcome=outcome,
        observed=quantity.format(observed),
        promised=quantity.promised(budget.bound),
        reason=reason,
        next_step=next_step,
        observed_value=observed,
        promised_value=budget.bound,
    )
