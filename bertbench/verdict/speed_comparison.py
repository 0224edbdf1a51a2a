"""Is a training step of the candidate slower? The verdict, in words.

`bertbench.stats.speed_rule` decides; here is what it decides about: processes that crashed, sides that do not do the
same work, time that was too short, a machine that was not quiet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from bertbench.record import Failure
from bertbench.stats.clopper_pearson import exact_lower_bound
from bertbench.stats.speed_plan import process_spread, widest_spread
from bertbench.stats.speed_rule import SpeedLook, SpeedRule, SpeedSeries
from bertbench.verdict.outcomes import SPEED_NAME, Check, Outcome

#: Chance of a fail of one CI run in which nothing changed: its speed half.
SPEED_ALPHA = 0.005
#: Seconds; longer times are told in minutes.
_MINUTE = 60.0


def speed_rule(*, gated_specs: int = 1) -> SpeedRule:
    """The rule of a spec: an equal share of the error rate.

    Args:
        gated_specs: Specs whose speed the project gates, whatever was selected today.

    Raises:
        VerdictError: If there is no share.
    """
    return SpeedRule(alpha=SPEED_ALPHA / gated_specs if gated_specs > 0 else math.nan)


@dataclass(frozen=True)
class Quietness:
    """What the machine said of the counted processes, first measurements.

    Attributes:
        base_only: Pairs in which the baseline's process alone was disturbed.
        cand_only: Likewise, the candidate's.
        both: Pairs in which both were.
        repeated: Pairs that were measured again.
        pairs: All of them.
    """

    base_only: int
    cand_only: int
    both: int
    repeated: int
    pairs: int


@dataclass(frozen=True)
class SpeedEvidence:
    """Everything a verdict about speed rests on.

    Attributes:
        rule: What decides.
        series: Looks at the pairs; None if no pair was counted.
        so_far: A look at all counted pairs, without a vote where the series has none; None without a pair.
        quietness: Of the machine.
        base_failure: Why a process of the baseline did not complete, if one did not.
        cand_failure: Likewise, the candidate.
        not_comparable: Why times of the two say nothing of each other; empty if they do.
        pair_seconds: Mean time of a pair; None before the first.
        affordable_pairs: Counted pairs that the budget had time for, if it had too little.
        one_side_only: Whether time ended between the two processes of the last pair.
        interrupted: Whether somebody ended it before it was decided.
        context: Said after the reason.
    """

    rule: SpeedRule
    series: SpeedSeries | None
    so_far: SpeedLook | None
    quietness: Quietness
    base_failure: Failure | None = None
    cand_failure: Failure | None = None
    not_comparable: str = ""
    pair_seconds: float | None = None
    affordable_pairs: int | None = None
    one_side_only: bool = False
    interrupted: bool = False
    context: str = ""


def judge_speed(evidence: SpeedEvidence) -> Check:
    """Hold the candidate's step against the baseline's."""
    if evidence.base_failure is not None:
        return _crashed(evidence, "no_baseline", "baseline", evidence.base_failure)
    if evidence.cand_failure is not None and evidence.one_side_only:
        return _crashed(evidence, "undecided", "candidate", evidence.cand_failure)
    if evidence.cand_failure is not None:
        return _crashed(evidence, "fail", "candidate", evidence.cand_failure)
    if evidence.not_comparable:
        return _check(
            evidence,
            "no_baseline",
            f"the sides do not do the same work, so their times cannot be compared: {evidence.not_comparable}",
            "give two spec files to compare two specs; else make both sides run the same spec, data and weights",
        )
    series = evidence.series
    if series is None or not series.looks:
        return _check(evidence, "undecided", _nothing_decided(evidence), _how_to_decide(evidence))
    outcome: Outcome = series.word
    why = _why(series, evidence.rule.margin)
    parts = (sentence(series.looks[-1]), why, _no_plan(evidence), told(evidence.quietness))
    reason = " ".join(part for part in parts if part)
    next_steps: dict[Outcome, str] = {
        "fail": "look at what differs between the sides, then at the runs: bertbench show --all --store STORE/ab/ID",
        "undecided": _how_to_decide(evidence),
    }
    return _check(evidence, outcome, reason, next_steps.get(outcome, ""))


def sentence(seen: SpeedLook) -> str:
    """What is known of the step."""
    return f"A training step of the candidate {change(seen)} ({between(seen)}, {_pairs(seen.pairs)})."


def change(seen: SpeedLook) -> str:
    """The estimate as a verb."""
    if not seen.slowdown:
        return "takes as long as the baseline's"
    return f"takes {abs(seen.slowdown):.1%} {'longer' if seen.slowdown > 0 else 'less time'}"


def between(seen: SpeedLook) -> str:
    """The interval, in the direction of `change`."""
    low, high = seen.interval
    if not math.isfinite(high):
        return "99 % interval: nothing is excluded"
    if seen.slowdown < 0:
        low, high = -high, -low
    return f"99 % interval {100 * low:.1f} to {100 * high:.1f} %"


def told(quietness: Quietness) -> str:
    """What the machine said, and whether the candidate was disturbed too often for chance; empty if all was quiet."""
    q = quietness
    disturbed = q.base_only + q.cand_only + q.both
    if not disturbed:
        return ""
    said = (
        f"Disturbed: {disturbed} of {_pairs(q.pairs)} (baseline {q.base_only + q.both}, "
        f"candidate {q.cand_only + q.both}); {q.repeated} measured again."
    )
    one_sided = q.base_only + q.cand_only
    # Under a coin's order neither side is disturbed more often, unless it brings the disturbance along.
    if q.cand_only > q.base_only and exact_lower_bound(q.cand_only, one_sided) > 1 / 2:
        said += (
            " Notice: the candidate was disturbed more often than chance explains; does it leave processes behind, or "
            "lower the clock rate?"
        )
    return said


def _why(series: SpeedSeries, margin: float) -> str:
    """The numbers that the word rests on."""
    seen, other = series.looks[-1], series.without_repeats
    small = " A small slowdown: between floor and margin either verdict may come." if seen.small else ""
    if not series.agrees and other is not None:
        return (
            f"With the pairs that were measured again the word is '{seen.word}', with their first measurements "
            f"'{other.word}': so neither."
        )
    p_value = f"p = {seen.p_value:.2g}, and {seen.fail_level:.2g} or less is a fail."
    if seen.word == "fail":
        return p_value + small
    bound = f"{seen.upper_bound:.1%}" if math.isfinite(seen.upper_bound) else "infinite"
    side = "below" if seen.upper_bound < margin else "not below"
    told_bound = f"{100 * seen.pass_confidence:g} % upper bound {bound}, {side} the margin"
    return f"{told_bound}; {p_value}{small}{_cannot(seen)}"


def _cannot(seen: SpeedLook) -> str:
    """That no signs of these pairs could have failed, so that they do not pass either; empty if some could."""
    if seen.can_fail:
        return ""
    equal = f"{_equal_pairs(seen)}, which speaks for neither side; " if seen.zeros else ""
    smallest = f"the smallest possible p is {seen.smallest_possible_p:.2g}, and {seen.fail_level:.2g} or less is needed"
    return f" These pairs can neither fail nor pass: {equal}{smallest}."


def _equal_pairs(seen: SpeedLook) -> str:
    """How many pairs have no difference."""
    which = f"all {seen.pairs}" if seen.zeros == seen.pairs else f"{seen.zeros} of {seen.pairs}"
    return f"in {which} pairs both times are equal to the last digit"


def _nothing_decided(evidence: SpeedEvidence) -> str:
    """Why there was no look."""
    fewest, seen = evidence.rule.smallest_pairs, evidence.so_far
    measured = seen.pairs if seen is not None else 0
    said = [f"{_pairs(measured)} measured, and fewer than {fewest} can decide nothing."]
    if evidence.interrupted:
        said = [f"interrupted after {_pairs(measured)}, before anything was decided."]
    said += [sentence(seen)] if seen is not None else []
    return " ".join([*said, told(evidence.quietness)]).strip()


def _no_plan(evidence: SpeedEvidence) -> str:
    """That no number of pairs is a plan; empty if one is."""
    series = evidence.series
    if series is None or not series.planned_pairs or series.planned_pairs[-1] is not None or series.spread is None:
        return ""
    spread = f"{process_spread(series.spread):.1%}"
    return f"More than {evidence.rule.most_pairs} pairs would be needed at a process spread of {spread}."


def _how_to_decide(evidence: SpeedEvidence) -> str:
    """Time and spread that would have been enough."""
    if evidence.interrupted:
        return "compare again, to the end; the interrupted attempt stays counted"
    rule, series, spread = evidence.rule, evidence.series, evidence.series.spread if evidence.series else None
    planned = next((pairs for pairs in reversed(series.planned_pairs) if pairs), None) if series else None
    wanted = max(planned or 0, rule.smallest_pairs)
    affordable = evidence.affordable_pairs
    coarse = _too_coarse(series.looks[-1]) if series and series.looks else ""
    if affordable is None and coarse:
        return f"{coarse}; then compare again"
    if affordable is None:
        return _how_quiet(series, rule)
    time = "" if evidence.pair_seconds is None else f": about {_time((wanted + 1) * evidence.pair_seconds)}"
    said = f"a longer --budget: {_pairs(wanted)} and the one that is discarded are needed{time}, and {affordable} fit"
    if coarse:
        return f"{coarse}; and {said}"
    enough = widest_spread(affordable, rule.question)
    if enough is None or spread is None:
        return said
    return (
        f"{said}; or a process spread of {_or_less(enough)}, at which {affordable} would do "
        f"(now {process_spread(spread):.1%})"
    )


def _how_quiet(series: SpeedSeries | None, rule: SpeedRule) -> str:
    """The spread at which the pairs would have decided, where no time was short."""
    if series is None or series.spread is None:
        return "make the machine quieter: times of processes spread too much; then compare again"
    now = f"now {process_spread(series.spread):.1%}"
    if not series.agrees:
        return f"make the machine quieter, so that no pair is measured again (process spread {now}); then compare again"
    if series.planned_pairs[-1] is None:
        which, pairs, question = "pairs, the most that are planned,", rule.most_pairs, rule.question
    else:
        seen = series.looks[-1]
        which, pairs = "pairs with a change like the one that was seen", seen.pairs
        question = replace(rule.question, margin=_farther_end(seen, rule))
    enough = widest_spread(pairs, question)
    spread = "a smaller one" if enough is None else _or_less(enough)
    would_do = f"at a process spread of {spread}, {pairs} {which} would do ({now})"
    return f"make the machine quieter: {would_do}; then compare again"


def _or_less(spread_of_differences: float) -> str:
    """A process spread that is enough, never rounded up."""
    return f"{math.floor(1_000 * process_spread(spread_of_differences)) / 10:.1f}% or less"


def _farther_end(seen: SpeedLook, rule: SpeedRule) -> float:
    """How far the log change that was seen is from the margin, or from none if it may fail: the farther one decides."""
    change = math.log1p(seen.slowdown)
    return max(rule.question.margin - change, change if seen.slowdown >= rule.floor else 0.0)


def _too_coarse(seen: SpeedLook) -> str:
    """What to do about pairs without a difference, where they are why nothing could fail; empty if they are not."""
    if not seen.zeros or seen.can_fail:
        return ""
    longer = "make a step longer than the tick of its clock (a larger batch, longer messages)"
    return f"times are too coarse, {_equal_pairs(seen)}: {longer}"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{math.ceil(seconds / _MINUTE)} min"


def _pairs(number: int) -> str:
    return "1 pair" if number == 1 else f"{number} pairs"


def _crashed(evidence: SpeedEvidence, outcome: Outcome, side: str, failure: Failure) -> Check:
    """Undecided where no time was left to see whether the other side would have done the same."""
    said = f"a process of the {side} did not complete: {failure.kind} in phase {failure.phase}: "
    said += " ".join(failure.message.split())
    next_step = f"make the {side} complete: bertbench run SPEC with its Python or revision"
    if outcome == "undecided":
        said = f"{said.removesuffix('.')}; and there was no time to see whether the baseline's would"
        next_step = f"{next_step}; or {_how_to_decide(evidence)}"
    return _check(evidence, outcome, said, next_step)


def _check(evidence: SpeedEvidence, outcome: Outcome, reason: str, next_step: str) -> Check:
    seen = evidence.so_far
    return Check(
        name=SPEED_NAME,
        kind="comparison",
        outcome=outcome,
        observed="not measured" if seen is None else f"{seen.slowdown:+.1%}",
        promised=f"< {evidence.rule.margin:+.1%}",
        reason=reason.removesuffix(".") + (f". {evidence.context}".removesuffix(".") if evidence.context else ""),
        next_step=next_step,
        observed_value=seen.slowdown if seen else None,
        promised_value=evidence.rule.margin,
        numbers=_numbers(evidence, seen),
    )


def _numbers(evidence: SpeedEvidence, seen: SpeedLook | None) -> dict[str, float]:
    """What the verdict rests on, by names with units; shares, not percent."""
    if seen is None:
        return {}
    return {
        "slowdown": seen.slowdown,
        "slowdown_low": seen.interval[0],
        "slowdown_high": seen.interval[1],
        "upper_bound": seen.upper_bound,
        "p_value": seen.p_value,
        "fail_level": seen.fail_level,
        "floor": evidence.rule.floor,
        "margin": evidence.rule.margin,
        "pairs": seen.pairs,
        "pairs_measured_again": evidence.quietness.repeated,
    }
