"""The threshold audit for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bertbench.quantities import quality_of
from bertbench.verdict.audit import AuditedThreshold, LeftOut

if TYPE_CHECKING:
    from bertbench.stats import ThresholdAudit

#: Runs named in one line.
_SHOWN = 5
_STYLES = {"shown stable": "green", "shown flaky": "bold red", "not known": "yellow"}


def audit_table(audited: Sequence[AuditedThreshold]) -> Table:
    """One line per threshold: what was seen, and the word."""
    # One space between columns: with two, the name of a usual threshold does not fit into 80 columns.
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for heading in ("threshold", "promised", "seeds", "missed", "mean", "spread", "word"):
        table.add_column(heading, overflow="fold", justify="right" if heading in ("seeds", "missed") else "left")
    for threshold in audited:
        _, quantity = quality_of(threshold.expect.quantity)
        audit = threshold.audit
        cells = (
            (str(audit.seeds), str(audit.missed), quantity.format(audit.mean), quantity.format(audit.spread))
            if audit
            else ("-", "-", "-", "-")
        )
        promised = quantity.promised(threshold.expect.bound)
        table.add_row(threshold.name, promised, *cells, Text(threshold.word, style=_STYLES[threshold.word]))
    return table


def audit_line(spec: str, threshold: AuditedThreshold) -> str:
    """One threshold in one line, for the end of a test session: the word and the numbers that it rests on."""
    audit = threshold.audit
    if audit is None:
        return f"{spec}: {threshold.name}: not known: {threshold.problem}"
    _, quantity = quality_of(threshold.expect.quantity)
    seen = f"{audit.missed} of {audit.seeds} seeds missed it{_not_finite(audit)}"
    if not math.isnan(audit.spread):
        seen += (
            f", mean {quantity.format(audit.mean)}, {audit.distance_spreads:.1f} spreads from the bar "
            f"({audit.factor:.1f} are shown stable)"
        )
    needed = f"; about {audit.seeds_to_settle} seeds would settle it" if audit.seeds_to_settle else ""
    more = needed if threshold.word == "not known" else ""
    return f"{spec}: {threshold.name}: {threshold.word}: {seen}{more}"


def audit_sentences(threshold: AuditedThreshold) -> list[str]:
    """What the word rests on and what would settle it; how far the mean is from the bar; what a fresh run would see."""
    audit = threshold.audit
    if audit is None:
        return [f"{threshold.name}: not known: {threshold.problem}"]
    settled = ""
    if threshold.word == "not known":
        needed = audit.seeds_to_settle
        settle = f"about {needed} seeds would settle it" if needed else "no number of seeds up to 1,000 would settle it"
        settled = f"; {settle}"
    low, high = audit.miss_lower_bound, audit.miss_upper_bound
    bounds = f"a fresh seed misses it in {low:.1%} to {high:.1%} (exact 95 % bounds{_not_finite(audit)})"
    sentences = [f"{threshold.name}: {threshold.word}: {bounds}{settled}"]
    if not math.isnan(audit.spread):
        chance = f"if seeds are normal, a fresh one that is finite misses it in {audit.miss_chance:.2%} (t-predictive)"
        sentences += [f"  {chance}{_margin(audit)}", f"  {_smallest_drop(threshold, audit)}"]
    return sentences


def left_out_line(left_out: LeftOut) -> str:
    """Runs that were not counted, the oldest named first, and why."""
    more = f" and {len(left_out.runs) - _SHOWN} more" if len(left_out.runs) > _SHOWN else ""
    seeds = f"{left_out.seeds} seed{'s' * (left_out.seeds != 1)}"
    return f"{seeds} of {left_out.of} left out: {', '.join(left_out.runs[:_SHOWN])}{more}: {left_out.reason}"


def _margin(audit: ThresholdAudit) -> str:
    if audit.margin_rows is None:
        return ""
    side = "better than" if audit.margin_rows >= 0 else "short of"
    return f"; the mean is {abs(audit.margin_rows):.1f} rows {side} the bar"


def _smallest_drop(threshold: AuditedThreshold, audit: ThresholdAudit) -> str:
    """What a fresh run of the prescribed seeds sees with 90 %."""
    run = f"a fresh run of the {audit.fresh_seeds} prescribed seed{'s' * (audit.fresh_seeds != 1)}"
    if not audit.smallest_drop_seen > 0:
        return f"{run} misses it with 90 % or more as it is"
    _, quantity = quality_of(threshold.expect.quantity)
    size = (
        f"a drop of {100 * audit.smallest_drop_seen:.2f} points"
        if quantity.better == "higher"
        else f"a rise of {quantity.format(audit.smallest_drop_seen)} {quantity.unit}".rstrip()
    )
    return f"{size} is the smallest after which {run} misses it with 90 %"


def _not_finite(audit: ThresholdAudit) -> str:
    return f", {audit.not_finite} of them by NaN or infinity" if audit.not_finite else ""
