"""What the data checks saw, for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bertbench.record import DataFacts

#: Rows named per finding; the record holds more.
_ROWS_SHOWN = 5
_STYLES = {"hard": "bold red", "soft": "yellow", "note": "dim"}


def data_table(facts: DataFacts) -> RenderableType:
    """Rows and tokens per split, then every finding with the rows it is about."""
    splits = Table(box=None, pad_edge=False, header_style="bold", title=Text(facts.source), title_justify="left")
    splits.add_column("split")
    splits.add_column("rows", justify="right")
    splits.add_column("tokens", justify="right")
    splits.add_column("tokens a row", justify="right")
    for name, rows in facts.rows.items():
        tokens = facts.tokens[name]
        splits.add_row(name, f"{rows:,}", f"{tokens:,}", f"{tokens / rows:.1f}" if rows else "-")
    findings = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("severity", "split", "finding"):
        findings.add_column(heading, overflow="fold")
    for finding in facts.findings:
        named = ", ".join(finding.rows[:_ROWS_SHOWN]) + (", ..." if len(finding.rows) > _ROWS_SHOWN else "")
        findings.add_row(
            Text(finding.severity, style=_STYLES[finding.severity]),
            finding.split,
            Text(f"{finding.message}{f' ({named})' if named else ''}"),
        )
    classes = Text(f"classes: {', '.join(facts.label_names)}")
    digest = Text(f"sha256: {facts.sha256}", style="dim")
    return Group(splits, classes, digest, Text(), findings)
