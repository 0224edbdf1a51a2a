"""What the recipe lock finds: values that are another than prescribed, and values that nobody wrote down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Drift:
    """One value that was not shown to be as prescribed.

    Attributes:
        text: What, with both values.
        recorded: Whether there is a live value at all; a record of an older version may have none.
    """

    text: str
    recorded: bool = True


def held(what: str, wanted: Any, found: Any, *, by: str = "the spec") -> Iterator[Drift]:
    """Nothing if *found* is what was *wanted*, else the drift.

    Args:
        what: Names the value.
        wanted: As prescribed.
        found: As it was live.
        by: Who prescribes it.
    """
    if not same(wanted, found):
        yield Drift(f"{what}: {wanted!r} by {by}, {found!r} live")


def not_recorded(what: str) -> Drift:
    """For a value that the record lacks: nothing was shown of it."""
    return Drift(what, recorded=False)


def same(wanted: Any, found: Any) -> bool:
    """Equality; real numbers as float32, since that is what a device holds, whole ones exactly. NaN equals nothing."""
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    if isinstance(wanted, int) and isinstance(found, int):
        return wanted == found
    if isinstance(wanted, (int, float)) and isinstance(found, (int, float)):
        return bool(np.float32(wanted) == np.float32(found))
    if isinstance(wanted, Sequence) and isinstance(found, Sequence) and not isinstance(wanted, str):
        return len(wanted) == len(found) and all(map(same, wanted, found))
    return bool(wanted == found)
