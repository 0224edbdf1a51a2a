"""A comparison of speed for a terminal: what was measured on either side, what it came to, what differs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from bertbench.ab.fields import COMPARED, GATED, AbRecord, SideFacts, counted, paired_differences
from bertbench.quantities import BUDGETS
from bertbench.report.ab_disturbances import disturbance_lines
from bertbench.report.verdict_table import outcome_text
from bertbench.report.wording import with_next_step
from bertbench.stats.speed_rule import SpeedLook, SpeedRule, look_at

#: Differences between the sides that are told; the file has all.
_SHOWN = 12


@dataclass(frozen=True)
class Estimate:
    """One quantity over the counted pairs.

    Attributes:
        name: As in `bertbench.quantities`.
        base: Median over processes; None if no pair has a value on both sides.
        cand: Likewise.
        look: Estimate and interval of the change; None likewise.
    """

    name: str
    base: float | None
    cand: float | None
    look: SpeedLook | None


def estimates(record: AbRecord) -> tuple[Estimate, ...]:
    """Of every quantity that is compared, the gated one first."""
    rule = SpeedRule(
        alpha=record.rule.alpha,
        floor=record.rule.floor,
        margin=record.rule.margin,
        pass_alpha=record.rule.pass_alpha,
        looks=record.rule.looks,
    )
    return tuple(_estimate(record, name, rule) for name in COMPARED)


def ab_table(record: AbRecord) -> Table:
    """One line per quantity; only the first has a vote."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("quantity", "baseline", "candidate", "change", "99 % interval", "verdict"):
        table.add_column(heading, justify="left" if heading in ("quantity", "verdict") else "right", overflow="fold")
    for estimate in estimates(record):
        quantity, look = BUDGETS[estimate.name], estimate.look
        shown = ("-", "-") if look is None else (f"{look.slowdown:+.1%}", _interval(look))
        word = outcome_text(record.check.outcome) if estimate.name == GATED else Text("shown", style="dim")
        table.add_row(estimate.name, quantity.format(estimate.base), quantity.format(estimate.cand), *shown, word)
    return table


def ab_lines(record: AbRecord) -> Iterator[str]:
    """What was compared, the verdict in words, disturbed pairs, what else is slower, what differs, where it is kept."""
    check = record.check
    yield f"baseline: {_side(record.base)}"
    yield f"candidate: {_side(record.cand)}"
    yield _pairs(record)
    yield f"{record.spec}: {check.name}: {check.outcome}: {with_next_step(check.reason, check.next_step)}"
    yield from disturbance_lines(record)
    if worse := [_told(estimate) for estimate in estimates(record)[1:] if _is_worse(estimate)]:
        yield f"Without a vote: {'; '.join(worse)}."
    if record.differences:
        more = len(record.differences) - _SHOWN
        rest = f"; and {more} more in ab.json" if more > 0 else ""
        yield f"The sides differ in: {'; '.join(record.differences[:_SHOWN])}{rest}."
    yield f"Kept as {record.ab_id}: bertbench ab --show {record.ab_id}"


def _estimate(record: AbRecord, name: str, rule: SpeedRule) -> Estimate:
    log_ratios = paired_differences(record.pairs, name).in_force
    if not log_ratios:
        return Estimate(name, None, None, None)
    both = [pair.in_force for pair in counted(record.pairs)]
    values = [(one.base.values.get(name), one.cand.values.get(name)) for one in both]
    base, cand = zip(*((b, c) for b, c in values if b is not None and c is not None), strict=True)
    return Estimate(name, statistics.median(base), statistics.median(cand), look_at(log_ratios, rule))


def _interval(look: SpeedLook) -> str:
    low, high = look.interval
    return f"{low:+.1%} to {high:+.1%}" if math.isfinite(high) else "nothing excluded"


def _is_worse(estimate: Estimate) -> bool:
    """Whether the interval lies above zero; of several without a vote one may by chance."""
    return estimate.look is not None and estimate.look.interval[0] > 0


def _told(estimate: Estimate) -> str:
    look = estimate.look
    assert look is not None  # noqa: S101 - for mypy: what has no look is not worse
    return f"{estimate.name} {look.slowdown:+.1%} ({_interval(look)})"


def _side(side: SideFacts) -> str:
    what = f"commit {side.commit[:12]}, " if side.commit else ""
    return f"{side.given}: {what}bertbench {side.bertbench_version} in {side.package}, run by {side.interpreter}"


def _pairs(record: AbRecord) -> str:
    pairs = counted(record.pairs)
    discarded = len(record.pairs) - len(pairs)
    planned = ", ".join("too many" if number is None else str(number) for number in record.planned_pairs)
    epochs = f", {record.epochs} epochs" if record.epochs else ""
    plans = f", planned {planned}" if planned else ""
    noun = "pair" if len(pairs) == 1 else "pairs"
    return (
        f"{len(pairs)} {noun} of processes counted, {discarded} discarded by rule{plans}; "
        f"seed {record.seed}{epochs}; coins from {record.coin_seed}; {record.spent_seconds:.0f} of "
        f"{record.budget_seconds:.0f} s"
    )
