"""What a verdict is: an outcome, its reasons in words and numbers, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["fail", "no_baseline", "undecided", "pass"]

#: The first of these that any check has is the outcome of all: doubt never passes.
PRECEDENCE: tuple[Outcome, ...] = ("fail", "no_baseline", "undecided", "pass")
#: The check of a comparison of speed.
SPEED_NAME = "speed_step"
#: Stands in the place of an interval that would cover less than it says.
TOO_FEW_SEEDS = "too few seeds for an interval"


@dataclass(frozen=True)
class Check:
    """One promise, judged.

    Attributes:
        name: Names the promise within its spec, such as `validation_accuracy_every_seed`.
        kind: What sort of promise.
        outcome: The verdict on it.
        observed: The number or words seen, formatted.
        promised: The bound, formatted.
        reason: One sentence that says why.
        next_step: What to do; empty on a pass.
        observed_value: The number behind `observed`, if there is one.
        promised_value: The number behind `promised`, if there is one.
        numbers: What the verdict rests on, by names with units: estimate, interval, p, level, seeds.
        seeds_wanted: Seeds that the next look at a comparison needs and that have not run.
        details: Where the reason names only the first of many findings, all of them, one a line; else empty.
    """

    name: str
    kind: Literal["run", "lock", "threshold", "budget", "identity", "comparison"]
    outcome: Outcome
    observed: str
    promised: str
    reason: str
    next_step: str = ""
    observed_value: float | None = None
    promised_value: float | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    seeds_wanted: tuple[int, ...] = ()
    details: tuple[str, ...] = ()


def change_of_accuracy(drop_points: float) -> str:
    """In words, such as 'fell by 1.20 points'.

    Args:
        drop_points: Of accuracy, positive where it fell.
    """
    if not drop_points:
        return "did not change"
    return f"{'fell' if drop_points > 0 else 'rose'} by {abs(drop_points):.2f} points"


def overall(checks: Iterable[Check]) -> Outcome:
    """The outcome of all checks together; of no checks at all it is `undecided`, since nothing was measured."""
    seen = {check.outcome for check in checks}
    return next((outcome for outcome in PRECEDENCE if outcome in seen), "undecided")
