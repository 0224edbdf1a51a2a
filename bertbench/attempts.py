"""How often the same commit was compared, and whether it failed before: a second attempt never erases a fail.

One line of JSON for each verdict of a comparison, in `verdicts.jsonl` of the store. Lines are added and never changed;
what cannot be read is refused, since it may have been a fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bertbench.append_only import AppendOnly
from bertbench.record import Fact, Moment

FILE = "verdicts.jsonl"


class Attempt(Fact):
    """One verdict of a comparison."""

    schema_version: Literal[1] = 1
    """Of this line."""
    at: Moment
    """When it was judged, UTC."""
    spec: str
    """Name of the spec."""
    spec_fingerprint: str
    """Of the recipe."""
    numerics_fingerprint: str
    """Of the runs."""
    baseline: str
    """Name of the baseline, as in `rolling`."""
    baseline_sha256: str
    """Of its text."""
    git_commit: str | None
    """Of the spec's repository before the first run began; None if it is in none."""
    git_dirty: bool | None
    """Whether tracked files differed from that commit."""
    runs: Annotated[tuple[str, ...], Field(min_length=1)]
    """The run, and those of further seeds."""
    outcome: Literal["fail", "no_baseline", "undecided", "pass"]
    """Of the runs themselves, whatever attempts came before."""
    observed: str
    """In words, such as 'fell by 1.20 points'."""

    def is_of_the_same_kind(self, other: Attempt) -> bool:
        """Whether both tried one commit (or both none) under one recipe and numerics against one baseline."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in ("spec", "spec_fingerprint", "numerics_fingerprint", "baseline", "baseline_sha256")
        ) and (self.git_commit, self.git_dirty) == (other.git_commit, other.git_dirty)

    @property
    def binds(self) -> bool:
        """Whether it speaks for its commit: a tree with changes may be another one the next time."""
        return self.git_commit is not None and self.git_dirty is False


@dataclass(frozen=True)
class Standing:
    """Where one attempt stands among those of its kind.

    Attributes:
        attempt: The one that is looked at.
        number: From 1.
        failed_before: The first earlier one that failed, where the tree was clean, so that it binds; None if none did.
    """

    attempt: Attempt
    number: int
    failed_before: Attempt | None


class Ledger:
    """The verdicts of a store."""

    def __init__(self, store_folder: Path) -> None:
        self._lines = AppendOnly(store_folder / FILE, Attempt)

    def add(self, attempts: Sequence[Attempt]) -> None:
        """Add lines.

        Raises:
            RecordError: If what is there cannot be read.
            RecordWriteError: If they cannot be written; what is there stays.
        """
        self._lines.add(attempts)

    def attempts(self) -> tuple[Attempt, ...]:
        """All, in the order in which they were judged.

        Raises:
            RecordError: If a line cannot be read.
        """
        return self._lines.read()

    def standing(self, run_id: str, baseline: str, baseline_sha256: str) -> Standing | None:
        """Of the verdict on a run against a baseline; None if there is no line of it.

        Raises:
            RecordError: As `attempts`.
        """
        attempts = self.attempts()
        for place, attempt in enumerate(attempts):
            if (attempt.runs[0], attempt.baseline, attempt.baseline_sha256) == (run_id, baseline, baseline_sha256):
                earlier = [other for other in attempts[:place] if attempt.is_of_the_same_kind(other)]
                failed = [other for other in earlier if other.outcome == "fail"] if attempt.binds else []
                return Standing(attempt, len(earlier) + 1, failed[0] if failed else None)
        return None
