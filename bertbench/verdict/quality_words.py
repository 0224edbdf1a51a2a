"""What one look says of the mean, in words that say no more than it knows."""

from __future__ import annotations

import math

from bertbench.stats import LookDecision, fewest_that_can_fail
from bertbench.verdict.outcomes import TOO_FEW_SEEDS, change_of_accuracy

_POINTS = 100.0


def sentence(seen: LookDecision) -> str:
    """What is known, on these rows and over seeds; never 'on unseen data', never 'the model'."""
    change = change_of_accuracy(seen.drop_points)
    distinct = f", {seen.distinct_rows} of them distinct" * (seen.distinct_rows != seen.rows)
    low, high = oriented(seen.drop_points, seen.interval_points)
    known = f"99 % interval {low:.2f} to {high:.2f}" if math.isfinite(high - low) else TOO_FEW_SEEDS
    return (
        f"On these {seen.rows} validation messages{distinct}, averaged over fresh seeds, accuracy {change} ({known})."
    )


def oriented(drop_points: float, interval: tuple[float, float]) -> tuple[float, float]:
    """An interval in the direction of the verb: of a rise where accuracy rose."""
    low, high = interval
    return (-high, -low) if drop_points < 0 else (low, high)


def why(seen: LookDecision) -> str:
    """The numbers that the word on the mean rests on."""
    sides = f"{seen.seeds} seeds against a bank of {seen.bank_seeds}"
    if seen.word == "fail":
        small = " A small drop: between floor and margin either verdict may come." if seen.small_drop else ""
        return f"{sides}: p = {seen.p_value:.2g}, and {seen.fail_level:.2g} or less is a fail.{small}"
    bound = f"{_POINTS * seen.pass_confidence:g} % upper bound of the drop {seen.upper_bound_points:.2f} points"
    side = "below" if seen.upper_bound_points < seen.margin_points else "not below"
    small = " A small drop: between floor and margin either verdict may come." if seen.small_drop else ""
    p_value = f"p = {seen.p_value:.2g}{_stopped(seen)}."
    return f"{sides}: {bound}, {side} the margin of {seen.margin_points:.2f}; {p_value}{small}{_cannot(seen)}"


def what_can_fail(seen: LookDecision) -> str:
    """What would let a look that cannot fail decide, apart from more seeds of the candidate; empty if it can."""
    if seen.can_fail:
        return ""
    bank = fewest_that_can_fail(seen.seeds, seen.fail_level)
    larger = f"accept a bank of {bank} seeds, or " if bank is not None and bank > seen.bank_seeds else ""
    return f"; or {larger}gate fewer specs or baselines, and {seen.seeds} seeds can decide"


def _cannot(seen: LookDecision) -> str:
    """That whatever had been seen could not have failed, so that it does not pass either; empty if it could."""
    if seen.can_fail:
        return ""
    return (
        f" This look can neither fail nor pass: the smallest possible p is {seen.smallest_possible_p:.2g}, and "
        f"{seen.fail_level:.2g} or less is needed."
    )


def _stopped(seen: LookDecision) -> str:
    """That the guard of the same seeds stopped a fail; nothing if it did not."""
    if not seen.reaches_fail or seen.shared_drop_points is None:
        return ""
    return (
        f", and {seen.fail_level:.2g} or less would be a fail, but over the seeds that both sides ran "
        f"({seen.shared_seeds}) accuracy {change_of_accuracy(seen.shared_drop_points)}, and equal predictions are "
        "never accused"
    )


def notices(seen: LookDecision, *, leaks: str = "") -> str:
    """Without a vote: better than chance explains, or less stable.

    Args:
        seen: The look.
        leaks: What the leak checks came to; said where accuracy is better than chance explains.
    """
    spreads = f"{seen.baseline_spread_points:.2f} to {seen.candidate_spread_points:.2f} points"
    better = "Notice: better than chance explains; make sure that no validation row leaked into training."
    better = f"{better} {leaks}".rstrip() * seen.better
    wider = seen.welch and seen.candidate_spread_points > seen.baseline_spread_points
    less_stable = f"Notice: less stable: the spread over seeds went from {spreads}." * wider
    return " ".join(part for part in (better, less_stable) if part)
