"""Comparisons of the same two things, counted: times can be fished, so a second attempt never erases a fail.

`<store>/ab/attempts.jsonl` has one line for each comparison that came to a verdict; lines are only ever added.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from bertbench.ab.fields import Attempt, SideFacts, identity_of
from bertbench.append_only import AppendOnly
from bertbench.verdict import Check

_FILE = "attempts.jsonl"


def attempt_key(base: SideFacts, cand: SideFacts) -> str:
    """SHA-256 (64 hex digits) of what is compared: recipe, rows, weights, code, commit, factory, numerics of both.

    The recipe is that of the spec itself: with other epochs, asked for on the command line, a fail would be shaken off.
    """
    content = json.dumps([identity_of(base), identity_of(cand)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def read_attempts(folder: Path, key: str) -> tuple[Attempt, ...]:
    """Earlier comparisons of the same two things, oldest first.

    Args:
        folder: `<store>/ab`.
        key: What is compared.

    Raises:
        RecordError: If a line cannot be read: a fail might stand there.
    """
    return tuple(attempt for attempt in _attempts(folder).read() if attempt.key == key)


def add_attempt(folder: Path, attempt: Attempt) -> None:
    """Add one line at the end.

    Raises:
        RecordError: If what is there cannot be read.
        RecordWriteError: If it cannot be written.
    """
    _attempts(folder).add([attempt])


def _attempts(folder: Path) -> AppendOnly[Attempt]:
    return AppendOnly(folder / _FILE, Attempt)


def with_attempts(check: Check, earlier: tuple[Attempt, ...]) -> Check:
    """*check* with the earlier attempts told; it fails if times made one of them fail. A crash binds nobody."""
    if not earlier:
        return check
    told = ", ".join(f"attempt {number}: {_word(attempt)}" for number, attempt in enumerate(earlier, start=1))
    said = f"Attempt {len(earlier) + 1} of the same comparison ({told})"
    failed = [attempt for attempt in earlier if attempt.outcome == "fail" and not attempt.crashed]
    if not failed or check.outcome == "fail":
        return replace(check, reason=f"{check.reason}. {said}")
    return replace(
        check,
        outcome="fail",
        reason=(
            f"{check.reason}. By itself this attempt is '{check.outcome}'. {said}: a fail stays a fail until what is "
            "compared changes"
        ),
        next_step=f"bertbench ab --show {failed[0].ab_id}; change the candidate",
    )


def _word(attempt: Attempt) -> str:
    return f"{attempt.outcome} by a crash" if attempt.crashed else attempt.outcome
