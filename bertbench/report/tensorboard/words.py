"""What a record says in words, as Markdown for TensorBoard's text page. No TensorBoard in here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bertbench.record import Failure, FindingRow, RunRecord

#: Whatever Markdown or HTML could take for more than itself.
_SIGNS = re.compile(r"[^\w\s,:;/%='\"]|_")


def plain(text: str) -> str:
    """*text* as Markdown that shows exactly these characters, in these lines; indentation is lost."""
    lines = [_SIGNS.sub(_entity, line.strip()) for line in text.splitlines()]
    return "  \n".join(lines)  # two blanks: a line break


def _entity(sign: re.Match[str]) -> str:
    return f"&#{ord(sign[0])};"


def run_words(record: RunRecord, verdict_text: str | None) -> dict[str, str]:
    """Tag and Markdown of each text of a run.

    Args:
        record: Of the run.
        verdict_text: Plain text; None where there is no verdict.
    """
    words = {"outcome": _outcome(record)}
    if verdict_text is not None:
        words["verdict"] = plain(verdict_text)
    if record.data is not None:
        words["data_findings"] = _findings(record.data.findings)
    if record.environment is not None:
        words["environment"] = "\n\n".join(
            _table(title, facts)
            for title, facts in (
                ("numerics", record.environment.numerics),
                ("machine", record.environment.machine),
            )
        )
    return words


def _outcome(record: RunRecord) -> str:
    lines = [f"**{record.outcome}**: {plain(record.spec.title or record.spec.name)}"]
    lines += [f"**fault put in on purpose**: {plain(record.fault)}"] if record.fault else []
    lines += [_failure("run", record.failure)] if record.failure else []
    lines += [_failure(f"seed {run.seed}", run.failure) for run in record.seeds if run.failure]
    return "\n\n".join(lines)


def _failure(what: str, failure: Failure) -> str:
    places = ((name, getattr(failure, name)) for name in ("epoch", "step"))
    where = "".join(f", {name} {number}" for name, number in places if number is not None)
    return f"**{what}**, {plain(failure.phase)}{where}: {plain(f'{failure.kind}: {failure.message}')}"


def _findings(findings: Iterable[FindingRow]) -> str:
    lines = [_finding(finding) for finding in findings]
    return "\n".join(lines) if lines else "The data checks found nothing."


def _finding(finding: FindingRow) -> str:
    rows = f" Rows: {plain(', '.join(finding.rows))}" if finding.rows else ""
    message = " ".join(finding.message.split())  # one list item is one line
    return f"- **{finding.severity}**, {plain(finding.name)}, {plain(finding.split)}: {plain(message)}{rows}"


def _table(title: str, facts: Mapping[str, Any]) -> str:
    rows = [f"| {plain(name)} | {_cell(value)} |" for name, value in facts.items()]
    return "\n".join([f"| {title} | |", "|---|---|", *rows])


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return plain(" ".join(text.split()))
