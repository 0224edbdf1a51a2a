"""What a check found, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bertbench.errors import DataError

#: `hard` stops the run, `soft` is for a person to weigh, `note` is a number worth keeping that says nothing is wrong.
Severity = Literal["hard", "soft", "note"]

#: So many rows are named in a finding; the count is of all.
NAMED_ROWS = 20

#: So many rows are named in a message.
_SHOWN_ROWS = 5


@dataclass(frozen=True)
class Finding:
    """Something about the data that a person should know before trusting a number measured on it.

    Attributes:
        name: The check.
        severity: `hard` stops the run; `soft` is recorded and shown; `note` is recorded.
        split: Where it was found.
        message: What was found, in words and numbers.
        rows: Origins of the first rows concerned, 20 at most.
        count: How many rows are concerned; 0 where only a number is reported.
        value: The number measured, if there is one.
        remedy: What to do; empty where nothing must be done.
    """

    name: str
    severity: Severity
    split: str
    message: str
    rows: tuple[str, ...] = ()
    count: int = 0
    value: float | None = None
    remedy: str = ""

    def __str__(self) -> str:
        """Split, message and the first rows, on one line."""
        return f"{self.split}: {self.message}{shown_rows(self.rows, self.count)}"


def shown_rows(rows: Sequence[str], count: int) -> str:
    """The first of *rows*, in brackets, and how many more of *count* there are."""
    if not rows:
        return ""
    shown = rows[:_SHOWN_ROWS]
    more = f" and {count - len(shown):,} more" if count > len(shown) else ""
    return f" ({', '.join(shown)}{more})"


def refuse_hard(findings: Iterable[Finding]) -> None:
    """Stop if there is a hard fault.

    Raises:
        DataError: Listing all hard faults, each with its rows and its remedy.
    """
    hard = [finding for finding in findings if finding.severity == "hard"]
    if not hard:
        return
    lines = [f"{finding}{f'; {finding.remedy}' if finding.remedy else ''}" for finding in hard]
    listed = "".join(f"\n  - {line}" for line in lines)
    raise DataError(
        f"the data cannot be used, {len(hard)} hard fault{'s' if len(hard) > 1 else ''}:{listed}",
        remedy="mend the data or the spec's data table, then run the checks again: bertbench data SPEC",
    )


def remedies(findings: Sequence[Finding]) -> tuple[str, ...]:
    """What to do about the findings worth a look, hard ones first; each remedy once."""
    ordered = [finding for severity in ("hard", "soft") for finding in findings if finding.severity == severity]
    return tuple(dict.fromkeys(finding.remedy for finding in ordered if finding.remedy))


def finding_of_rows(
    name: str,
    severity: Severity,
    split: str,
    origins: Sequence[str],
    message: str,
    *,
    value: float | None = None,
    remedy: str = "",
) -> Finding:
    """A finding that names the first of *origins* and counts all."""
    rows = tuple(origins[:NAMED_ROWS])
    return Finding(name, severity, split, message, rows, len(origins), value, remedy)
