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
            (str(audit.seeds), _missed(audit), quantity.format(audit.mean), quantity.format(audit.spread))
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
    seen = f"{_trials(audit)}{_not_finite(audit)}"
    if not math.isnan(audit.spread):
        seen += f", mean {quantity.format(audit.mean)}, {audit.distance_spreads:.1f} spreads from the bar"
        seen += "" if audit.factor is None else f" ({audit.factor:.1f} are shown stable)"
    return f"{spec}: {threshold.name}: {_told(audit)}: {seen}{_by_counts(audit)}{_settled(threshold, audit)}"


def audit_sentences(threshold: AuditedThreshold) -> list[str]:
    """What the word rests on and what would settle it; how far the mean is from the bar; what a fresh run would see."""
    audit = threshold.audit
    if audit is None:
        return [f"{threshold.name}: not known: {threshold.problem}"]
    sentences = [f"{threshold.name}: {_told(audit)}: {_bounds(audit)}{_settled(threshold, audit)}"]
    if not math.isnan(audit.spread):
        sentences += [f"  {_chance(audit)}{_margin(audit)}", f"  {_smallest_drop(threshold, audit)}"]
    return sentences


def left_out_line(left_out: LeftOut) -> str:
    """Runs that were not counted, the oldest named first, and why."""
    more = f" and {len(left_out.runs) - _SHOWN} more" if len(left_out.runs) > _SHOWN else ""
    seeds = f"{left_out.seeds} seed{'s' * (left_out.seeds != 1)}"
    return f"{seeds} of {left_out.of} left out: {', '.join(left_out.runs[:_SHOWN])}{more}: {left_out.reason}"


def _missed(audit: ThresholdAudit) -> str:
    """Seeds that missed, or runs, which are another number than the seeds seen."""
    return str(audit.missed) if audit.over == "every_seed" else f"{audit.missed} of {audit.trials}"


def _told(audit: ThresholdAudit) -> str:
    """The word, and what it takes for granted: with a tail that no seed showed, it would be another one."""
    return f"{audit.word}, if seeds are normal" if audit.assumes_normal else audit.word


def _by_counts(audit: ThresholdAudit) -> str:
    """What is excluded without that; empty where nothing is taken for granted."""
    if not audit.assumes_normal or not audit.trials:
        return ""
    low, high = audit.miss_lower_bound, audit.miss_upper_bound
    return f"; by counts alone it is missed in {low:.1%} to {high:.1%}"


def _trials(audit: ThresholdAudit) -> str:
    """What was seen to miss, of seeds or of the runs that they make."""
    if audit.over == "every_seed":
        return f"{audit.missed} of {audit.seeds} seeds missed it"
    if not audit.trials:
        return f"{audit.seeds} seeds make no run of {audit.fresh_seeds}"
    how = ", by a fail or undecided" if audit.over == "lower_bound" else ""
    return f"{audit.missed} of {audit.trials} runs of {_seeds(audit.fresh_seeds)} missed it{how}"


def _bounds(audit: ThresholdAudit) -> str:
    if audit.over == "every_seed":
        known = f"exact one-sided 95 % bounds{_not_finite(audit)}"
    elif audit.trials:
        known = f"exact one-sided 95 % bounds: {_trials(audit)}{_not_finite(audit)}"
    else:
        return f"how often {_fresh_run(audit)} misses it has no exact bound: {_trials(audit)}{_not_finite(audit)}"
    low, high = audit.miss_lower_bound, audit.miss_upper_bound
    who = "a fresh seed" if audit.over == "every_seed" else _fresh_run(audit)
    return f"{who} misses it in {low:.1%} to {high:.1%} ({known})"


def _chance(audit: ThresholdAudit) -> str:
    chance = f"misses it in {audit.miss_chance:.2%}"
    if audit.over == "every_seed":
        return f"if seeds are normal, a fresh one that is finite {chance} (t-predictive)"
    how = "t-predictive" if audit.over == "mean" else "predictive"
    return f"if seeds are normal, {_fresh_run(audit)} that are all finite {chance} ({how})"


def _fresh_run(audit: ThresholdAudit) -> str:
    return f"a fresh run of the {audit.fresh_seeds} prescribed seed{'s' * (audit.fresh_seeds != 1)}"


def _seeds(number: int) -> str:
    return f"{number} seed{'s' * (number != 1)}"


def _settled(threshold: AuditedThreshold, audit: ThresholdAudit) -> str:
    """Seeds that would settle what is not known, and validation rows, or why none would; empty where it is known."""
    if audit.word != "not known":
        return ""
    needed, rows = audit.seeds_to_settle, _rows_that_settle(threshold, audit)
    if needed:
        return f"; about {needed} seeds would settle it{rows}"
    here = f" on these {audit.rows} rows" if rows else ""
    why = ""
    if audit.factor is None and not audit.missed:
        why = f": what shows it stable is 299 runs of {_seeds(audit.fresh_seeds)} that all pass"
    return f"; no number of seeds up to 1,000 would settle it{here}{why}{rows}"


def _rows_that_settle(threshold: AuditedThreshold, audit: ThresholdAudit) -> str:
    """For shares of the validation rows, none of which missed: other training rows would be another recipe."""
    split, quantity = quality_of(threshold.expect.quantity)
    if audit.rows is None or audit.factor is None or split != "validation" or audit.missed or audit.not_finite:
        return ""
    with_these = f"with these {_seeds(audit.seeds)}, mean and spread in points as they are"
    if audit.rows_to_settle:
        return f"; about {audit.rows_to_settle:,} validation rows would {with_these}"
    above = quantity.keeps(audit.mean, audit.bar) and audit.mean != audit.bar
    limit = "the spread over seeds is too large" if above else "the mean is not better than the bar"
    return f"; no number of validation rows up to 100,000 would {with_these}: {limit}"


def _margin(audit: ThresholdAudit) -> str:
    if audit.margin_rows is None:
        return ""
    side = "better than" if audit.margin_rows >= 0 else "short of"
    return f"; the mean is {abs(audit.margin_rows):.1f} rows {side} the bar"


def _smallest_drop(threshold: AuditedThreshold, audit: ThresholdAudit) -> str:
    """What a fresh run of the prescribed seeds sees with 90 %."""
    run = _fresh_run(audit)
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
    """Of seeds that missed, or, where runs are counted, of all seeds seen."""
    if not audit.not_finite:
        return ""
    if audit.over == "every_seed":
        return f", {audit.not_finite} of them by NaN or infinity"
    return f", {_seeds(audit.not_finite)} ended in NaN or infinity"
