"""What the recipe lock finds: values that are another than prescribed, and values that nobody wrote down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Drift:
    """One value that was not shown to be as prescribed.

    Attributes:
        text: What, with both values.
        recorded: Whether there is a live value at all; a record of an older version may have none.
        one_of: What there may be many of, such as `dropout rates`, one of each layer; empty if there is one only.
    """

    text: str
    recorded: bool = True
    one_of: str = ""


def held(what: str, wanted: Any, found: Any, *, by: str = "the spec", one_of: str = "") -> Iterator[Drift]:
    """Nothing if *found* is what was *wanted*, else the drift.

    Args:
        what: Names the value.
        wanted: As prescribed.
        found: As it was live.
        by: Who prescribes it.
        one_of: As in `Drift`.
    """
    if not same(wanted, found):
        yield Drift(f"{what}: {wanted!r} by {by}, {found!r} live", one_of=one_of)


def not_recorded(what: str) -> Drift:
    """For a value that the record lacks: nothing was shown of it."""
    return Drift(what, recorded=False)


def not_held(live: Mapping[str, Any]) -> dict[str, str]:
    """What an engine cannot show of itself, with its reason, by the part of the lock that is left out.

    The native engine is ours and shows everything.
    """
    is_native = live.get("engine", "native") == "native"
    return {} if is_native else dict(live.get("not_held") or {})


def unless_not_held(live: Mapping[str, Any], part: str, drifts: Callable[[], Iterator[Drift]]) -> Iterator[Drift]:
    """The drifts of a part of the lock; nothing where the engine says that it cannot show that part.

    The pass of the lock names what was left out: see `judge_recipe`.
    """
    if part not in not_held(live):
        yield from drifts()


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
