"""How often the same commit was compared, and whether it failed before: a second attempt never erases a fail.

One line of JSON for each verdict of a comparison, in `verdicts.jsonl` of the store. Lines are added and never changed;
what cannot be read is refused, since it may have been a fail.

Schema history:
    1: first. `baseline_sha256` was of the baseline's whole text but for the date.
    2: it is of what a verdict can rest on, so that the same seeds accepted again are the same baseline. A line of
       schema 1 cannot say whether its baseline is the one that now has that name, so it is taken for it: its fail binds
       until there is a new commit.
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

    schema_version: Literal[1, 2] = 2
    """Of this line; see the history above."""
    at: Moment
    """When it was judged, UTC."""
    spec: str
    """Name of the spec."""
    spec_fingerprint: str
    """Of the recipe."""
    numerics_fingerprint: str
    """Of the runs; told beside the attempt, and no part of its kind: another machine may be another numerics."""
    baseline: str
    """Name of the baseline, as in `rolling`."""
    baseline_sha256: str
    """Of what a verdict can rest on of it, as `baseline.verdict_digest` gives it; see the history above."""
    git_commit: str | None
    """Of the spec's repository when the newest run was asked for; None if it, or its further seeds, have none."""
    git_dirty: bool | None
    """Whether that tree had changes, as in `Revision.dirty`."""
    runs: Annotated[tuple[str, ...], Field(min_length=1)]
    """The run, and those of further seeds."""
    outcome: Literal["fail", "no_baseline", "undecided", "pass"]
    """Of the runs themselves, whatever attempts came before."""
    observed: str
    """In words, such as 'fell by 1.20 points'."""

    def is_of_the_same_kind(self, other: Attempt) -> bool:
        """Whether both tried one commit (or both none) under one recipe against one baseline, whatever the numerics."""
        names = ["spec", "spec_fingerprint", "baseline", "git_commit", "git_dirty"]
        if self.schema_version == other.schema_version:
            names.append("baseline_sha256")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def is_of_the_same_runs(self, other: Attempt) -> bool:
        """Whether both judged the very same runs against one baseline: that is one attempt, judged again."""
        names = ("runs", "baseline", "baseline_sha256")
        return all(getattr(self, name) == getattr(other, name) for name in names)

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
        failed: The first of its kind that failed, where the tree was clean, so that it binds, whichever was judged
            first; None if none did.
    """

    attempt: Attempt
    number: int
    failed: Attempt | None


class Ledger:
    """The verdicts of a store."""

    def __init__(self, store_folder: Path) -> None:
        self._lines = AppendOnly(store_folder / FILE, Attempt)

    def add(self, attempts: Sequence[Attempt]) -> None:
        """Add lines. The very same runs judged to the same outcome again are no new attempt, and are not added.

        Raises:
            RecordError: If what is there cannot be read.
            RecordWriteError: If they cannot be written; what is there stays.
        """
        self._lines.add(attempts, is_new=_is_new)

    def attempts(self) -> tuple[Attempt, ...]:
        """All, in the order in which they were judged.

        Raises:
            RecordError: If a line cannot be read.
        """
        return self._lines.read()

    def standing(self, runs: Sequence[str], baseline: str, baseline_sha256: str) -> Standing | None:
        """Of the verdict on some runs, first the one that promises are held against; None if there is no line of it.

        Raises:
            RecordError: As `attempts`.
        """
        attempts = self.attempts()
        for place, attempt in enumerate(attempts):
            if (attempt.runs, attempt.baseline, attempt.baseline_sha256) == (tuple(runs), baseline, baseline_sha256):
                earlier = {other.runs for other in attempts[:place] if attempt.is_of_the_same_kind(other)}
                earlier -= {attempt.runs}  # judged again against the same baseline, whatever its digest was then
                alike = [other for other in attempts if attempt.is_of_the_same_kind(other)] if attempt.binds else []
                return Standing(
                    attempt, len(earlier) + 1, next((other for other in alike if other.outcome == "fail"), None)
                )
        return None


def _is_new(attempt: Attempt, known: Sequence[Attempt]) -> bool:
    return not any(attempt.is_of_the_same_runs(other) and attempt.outcome == other.outcome for other in known)
