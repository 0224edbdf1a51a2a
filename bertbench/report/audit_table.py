"""The threshold audit for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bertbench.quantities import quality_of
from bertbench.verdict.audit import AuditedThreshold

if TYPE_CHECKING:
    from bertbench.stats import ThresholdAudit

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


def audit_sentence(threshold: AuditedThreshold) -> str:
    """What the word rests on, and what would settle it."""
    audit = threshold.audit
    if audit is None:
        return f"{threshold.name}: not known: {threshold.problem}"
    low, high = audit.miss_lower_bound, audit.miss_upper_bound
    bounds = f"a fresh seed misses it in {low:.1%} to {high:.1%} (exact 95 % bounds{_not_finite(audit)})"
    if threshold.word != "not known":
        return f"{threshold.name}: {threshold.word}: {bounds}"
    needed = audit.seeds_to_settle
    settle = f"about {needed} seeds would settle it" if needed else "no number of seeds up to 1,000 would settle it"
    return f"{threshold.name}: not known: {bounds}; {settle}"


def _not_finite(audit: ThresholdAudit) -> str:
    return f", {audit.not_finite} of them by NaN or infinity" if audit.not_finite else ""
