"""Which seeds failed: NaN, or no better at the end than always answering the largest class.

A seed that predicts one class for all rows has that class's share right, which is never more than the largest class's:
so one comparison finds both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bertbench.baseline import Baseline
from bertbench.quantities import QUALITY
from bertbench.verdict.candidate import Candidate

if TYPE_CHECKING:
    from bertbench.stats import FailedSeeds

#: Two readings of one share differ by less; one row of a million is more.
_SAME_SHARE = 1e-9
#: Failed seeds told one by one.
_SHOWN = 5


def failed_candidate_seeds(candidate: Candidate) -> dict[int, str]:
    """Why each failed seed of the candidate failed, in words, by its number."""
    failed = {run.seed: run.failure.message if run.failure else "not finite" for run in candidate.not_finite}
    majority = candidate.majority_share
    for run in candidate.seeds:
        accuracy = run.final_epoch.validation.accuracy
        if majority is not None and accuracy <= majority + _SAME_SHARE:
            failed[run.seed] = _no_better(accuracy, majority)
    return failed


def failed_baseline_seeds(baseline: Baseline, majority: float | None) -> frozenset[int]:
    """Numbers of the bank's seeds that failed; NaN is in no baseline.

    Args:
        baseline: The bank.
        majority: Share of the largest class in the same validation rows; None if nobody counted them.
    """
    if majority is None:
        return frozenset()
    rows = baseline.validation_rows
    return frozenset(seed.seed for seed in baseline.seeds if seed.hits / rows <= majority + _SAME_SHARE)


def failed_seeds_told(count: FailedSeeds, why: Mapping[int, str]) -> str:
    """The number of failed seeds with its exact bound, so that '0 failed' is not read as 'never fails'.

    Args:
        count: Judged at a look.
        why: Of the seeds of that look.
    """
    named = "; ".join(f"seed {seed}: {reason}" for seed, reason in list(why.items())[:_SHOWN])
    told = f"{count.failed} of {count.seeds} seeds failed{f' ({named})' if named else ''}"
    rare = f"at the allowed rate of {count.allowed_rate:.3g} the chance of so many or more is {count.p_value:.2g}"
    bound = f"a rate of up to {100 * count.upper_bound:.1f} % is not excluded"
    if count.word == "fail":
        return f"{told}: {rare}."
    if count.word == "unexplained":
        return f"{told}: {rare}; nothing passes while that is unexplained."
    return f"{told}: {bound}."


def _no_better(accuracy: float, majority: float) -> str:
    text = QUALITY["accuracy"].format
    return f"accuracy {text(accuracy)} is no better than always the largest class ({text(majority)})"
