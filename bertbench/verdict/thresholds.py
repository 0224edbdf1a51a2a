"""Promises about quality, held against a record.

`every_seed` and `mean` are assertions about what ran and carry no error rate. `lower_bound` is a one-sided t test on
the mean over seeds at 95 %: pass if the bound on the bad side holds the promise, fail if the bound on the good side
breaks it, undecided between.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from bertbench.quantities import Quantity, quality_of
from bertbench.record import RunRecord, SeedRun
from bertbench.spec import ExpectSpec
from bertbench.verdict.outcomes import Check, Outcome

#: Confidence of `lower_bound`, one-sided.
CONFIDENCE = 0.95
#: Fewer seeds have no spread.
_TWO = 2


def threshold_name(expect: ExpectSpec) -> str:
    """A name for the promise that is unique within a spec."""
    best = "_best_epoch" if expect.epoch == "best" else ""
    return f"{expect.quantity}{best}_{expect.over}"


def judge_threshold(expect: ExpectSpec, record: RunRecord) -> Check:
    """Hold one promise against what ran.

    Args:
        expect: The promise.
        record: The run; if it is not completed the promise is not kept.
    """
    split, quantity = quality_of(expect.quantity)
    if record.outcome != "completed":
        said = f"the run is {record.outcome}, so nothing was shown"
        return _check(expect, quantity, "fail", None, said, next_step=f"bertbench show {record.run_id}")
    values = {run.seed: value_at(run, split, quantity, expect.epoch) for run in record.seeds}
    counted = (record.data.rows.get(split, 0), record.data.distinct(split)) if record.data else (0, 0)
    return judge_values(expect, values, *counted)


def judge_values(expect: ExpectSpec, values: Mapping[int, float], rows: int, distinct: int) -> Check:
    """Hold one promise against what the seeds of a completed run came to.

    Args:
        expect: The promise.
        values: The quantity at the epoch that the promise is about, by seed.
        rows: That shares are of; 0 if nobody knows.
        distinct: How many of these differ.
    """
    _, quantity = quality_of(expect.quantity)
    if not all(quantity.is_valid(value) for value in values.values()):
        broken = {seed: value for seed, value in values.items() if not quantity.is_valid(value)}
        return _check(expect, quantity, "fail", math.nan, f"{expect.quantity} is no possible value: {broken}")
    if expect.over == "every_seed":
        return _every_seed(expect, quantity, values)
    if expect.over == "mean":
        return _mean(expect, quantity, tuple(values.values()))
    return _lower_bound(expect, quantity, tuple(values.values()), rows, distinct)


def value_at(run: SeedRun, split: str, quantity: Quantity, epoch: str) -> float:
    """A seed's value at its last epoch, or at the epoch where it was best.

    With early stopping and `restore_best`, the last epoch is the one whose weights the seed ended with.
    """
    values = [float(getattr(getattr(row, split), quantity.name)) for row in run.epochs]
    if epoch == "best":
        if not all(math.isfinite(value) for value in values):
            return math.nan  # max and min would step over it
        return max(values) if quantity.better == "higher" else min(values)
    return values[run.best_epoch_restored if run.best_epoch_restored is not None else -1]


def _every_seed(expect: ExpectSpec, quantity: Quantity, values: Mapping[int, float]) -> Check:
    pick = min if quantity.better == "higher" else max
    seed, worst = pick(values.items(), key=lambda item: item[1])
    missed = [seed for seed, value in values.items() if not quantity.keeps(value, expect.bound)]
    if missed:
        listed = ", ".join(f"seed {s}: {quantity.format(values[s])}" for s in missed)
        return _check(expect, quantity, "fail", worst, f"{len(missed)} of {len(values)} seeds missed it: {listed}")
    return _check(expect, quantity, "pass", worst, f"worst of {len(values)} seeds is seed {seed}")


def _mean(expect: ExpectSpec, quantity: Quantity, values: Sequence[float]) -> Check:
    mean = statistics.fmean(values)
    outcome: Outcome = "pass" if quantity.keeps(mean, expect.bound) else "fail"
    return _check(expect, quantity, outcome, mean, f"mean over {len(values)} seeds")


def _lower_bound(expect: ExpectSpec, quantity: Quantity, values: Sequence[float], rows: int, distinct: int) -> Check:
    """Statistics: t with S - 1 degrees of freedom. Assumes that seeds are normal; says nothing of other rows."""
    seeds = len(values)
    if seeds < _TWO:
        return _check(expect, quantity, "undecided", values[0], "one seed has no spread; two or more are needed")
    spread = max(statistics.stdev(values), _rounding(quantity, distinct))
    mean = statistics.fmean(values)
    if not spread:
        said = f"{quantity.format(mean)} on all {seeds} seeds: without a spread there is no bound"
        return _check(expect, quantity, "undecided", mean, said, next_step="judge it over 'every_seed' or 'mean'")
    from scipy import stats  # half a second, and only needed here

    half = float(stats.t.ppf(CONFIDENCE, seeds - 1)) * spread / math.sqrt(seeds)
    worse, better = (mean - half, mean + half) if quantity.better == "higher" else (mean + half, mean - half)
    said = f"mean {quantity.format(mean)} over {seeds} seeds, 95 % bound {quantity.format(worse)}"
    if quantity.is_share_of_rows and distinct != rows:
        said += f", {rows} rows, {distinct} of them distinct"
    if quantity.keeps(worse, expect.bound):
        return _check(expect, quantity, "pass", worse, said)
    if not quantity.keeps(better, expect.bound):
        return _check(expect, quantity, "fail", worse, said)
    return _check(expect, quantity, "undecided", worse, f"{said}: too few seeds to tell")


def _rounding(quantity: Quantity, distinct_rows: int) -> float:
    """The least spread a quantity can be said to have.

    A share of n distinct rows is rounded to multiples of 1/n; a uniform rounding error of that width has standard
    deviation 1/(n sqrt 12), so that equal values on a few seeds never claim certainty. Nothing of the kind is known of
    a loss, nor of measures that weigh classes: there it is 0.
    """
    return 1 / (distinct_rows * math.sqrt(12)) if quantity.is_share_of_rows and distinct_rows else 0.0


def _check(
    expect: ExpectSpec,
    quantity: Quantity,
    outcome: Outcome,
    observed: float | None,
    reason: str,
    *,
    next_step: str = "",
) -> Check:
    next_steps: dict[Outcome, str] = {
        "fail": "look at 'bertbench show' for the epoch table; check the data ('bertbench data'), then the recipe",
        "undecided": "give training.seeds more seeds",
    }
    return Check(
        name=threshold_name(expect),
        kind="threshold",
        outcome=outcome,
        observed=quantity.format(observed),
        promised=quantity.promised(expect.bound),
        reason=reason,
        next_step=next_step or next_steps.get(outcome, ""),
        observed_value=observed,
        promised_value=expect.bound,
    )
