"""What one look says of the mean, in words that say no more than it knows."""

from __future__ import annotations

import math

from bertbench.stats import LookDecision
from bertbench.verdict.outcomes import TOO_FEW_SEEDS, change_of_accuracy

_POINTS = 100.0


def sentence(seen: LookDecision) -> str:
    """What is known, on these rows and over seeds; never 'on unseen data', never 'the model'."""
    change = change_of_accuracy(seen.drop_points)
    low, high = oriented(seen.drop_points, seen.interval_points)
    known = f"99 % interval {low:.2f} to {high:.2f}" if math.isfinite(high - low) else TOO_FEW_SEEDS
    return f"On these {seen.rows} validation messages, averaged over fresh seeds, accuracy {change} ({known})."


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
    side = "below" if seen.word == "pass" else "not below"
    small = " A small drop: between floor and margin either verdict may come." if seen.small_drop else ""
    cannot = (
        ""
        if seen.can_fail or seen.word == "pass"
        else (f" This look cannot fail: the smallest possible p is {seen.smallest_possible_p:.2g}.")
    )
    p_value = f"p = {seen.p_value:.2g}{_stopped(seen)}."
    return f"{sides}: {bound}, {side} the margin of {seen.margin_points:.2f}; {p_value}{small}{cannot}"


def _stopped(seen: LookDecision) -> str:
    """That the guard of the same seeds stopped a fail; nothing if it did not."""
    if not seen.reaches_fail or seen.shared_drop_points is None:
        return ""
    return (
        f", and {seen.fail_level:.2g} or less would be a fail, but over the seeds that both sides ran "
        f"({seen.shared_seeds}) accuracy {change_of_accuracy(seen.shared_drop_points)}, and equal predictions are "
        "never accused"
    )


def notices(seen: LookDecision) -> str:
    """Without a vote: better than chance explains, or less stable."""
    spreads = f"{seen.baseline_spread_points:.2f} to {seen.candidate_spread_points:.2f} points"
    better = "Notice: better than chance explains; make sure that no validation row leaked into training." * seen.better
    less_stable = f"Notice: less stable: the spread over seeds went from {spreads}." * seen.welch
    return " ".join(part for part in (better, less_stable) if part)
