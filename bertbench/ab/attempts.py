"""Comparisons of the same two things, counted: times can be fished, so a second attempt never erases a fail.

`<store>/ab/attempts.jsonl` has one line for each comparison that came to a verdict; lines are only ever added.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from bertbench.ab.fields import Attempt, SideFacts, identity_of
from bertbench.atomic import explained
from bertbench.errors import RecordError
from bertbench.verdict import Check

_FILE = "attempts.jsonl"


def attempt_key(base: SideFacts, cand: SideFacts) -> str:
    """SHA-256 (64 hex digits) of what is compared: recipe, rows, weights, code, commit and numerics of both.

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
    path = folder / _FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: cannot be read: {error}", remedy="restore it: a fail might stand there") from None
    attempts = (_attempt(path, number, line) for number, line in enumerate(lines, start=1))
    return tuple(attempt for attempt in attempts if attempt.key == key)


def add_attempt(folder: Path, attempt: Attempt) -> None:
    """Add one line at the end.

    Raises:
        RecordWriteError: If it cannot be written.
    """
    path = folder / _FILE
    line = f"{attempt.model_dump_json()}\n".encode()
    with explained(path):
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as stream:  # one write: two processes' lines do not mix
            stream.write(line)


def _attempt(path: Path, number: int, line: str) -> Attempt:
    try:
        return Attempt.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]["msg"]
        raise RecordError(
            f"{path}, line {number}: is no attempt: {first}", remedy="restore it: a fail might stand there"
        ) from None


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
