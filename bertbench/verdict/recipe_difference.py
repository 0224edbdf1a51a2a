"""What differs between two recipes, field by field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bertbench.verdict.identity import side_by_side

#: Characters of a value; of a longer one, those from shortly before the two part.
_SHOWN = 40
_BEFORE = 8


def differing_fields(
    one: Mapping[str, Any] | None,
    other: Mapping[str, Any] | None,
    *,
    sides: tuple[str, str] = ("in the baseline", "now"),
) -> list[str]:
    """Fields that differ, such as `optimizer.learning_rate: 0.0001 in the baseline, 1e-06 now`.

    Args:
        one: A recipe, table by table, as `recipe` gives it; None if it is not known.
        other: Likewise.
        sides: What is said of the values of each.

    Returns:
        One for each field, in the order of the first recipe; none if a recipe is not known.
    """
    if one is None or other is None:
        return []
    differing = ((name, _shown(left, right)) for name, left, right in side_by_side(one, other))
    return [f"{name}: {left} {sides[0]}, {right} {sides[1]}" for name, (left, right) in differing]


def _shown(one: object, other: object) -> tuple[str, str]:
    """Two values as JSON, long ones cut so that it is seen where they part."""
    left, right = ("not given" if value is None else json.dumps(value, ensure_ascii=False) for value in (one, other))
    if max(len(left), len(right)) <= _SHOWN:
        return left, right
    pairs = enumerate(zip(left, right, strict=False))
    parted = next((place for place, (ours, its) in pairs if ours != its), min(len(left), len(right)))
    start = max(parted - _BEFORE, 0)
    return _cut(left, start), _cut(right, start)


def _cut(text: str, start: int) -> str:
    end = start + _SHOWN
    return f"{'...' if start else ''}{text[start:end]}{'...' if len(text) > end else ''}"
