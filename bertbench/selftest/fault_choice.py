"""Which faults are put in, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bertbench.errors import FaultError
from bertbench.spec.nearest import nearest

#: Pairs of processes see these sooner than others, so they come first.
_SPEED_FIRST = ("steps-10-percent-slower", "steps-5-percent-slower", "steps-2-percent-slower")


class KnownFault(Protocol):
    """What a self-test needs of a fault in `bertbench.faults`."""

    @property
    def name(self) -> str:
        """In the catalogue."""

    @property
    def does(self) -> str:
        """One sentence."""

    @property
    def place(self) -> str:
        """Where it acts."""

    @property
    def changes_numbers(self) -> bool:
        """Whether losses, weights or predictions change."""

    @property
    def slows_median_step(self) -> bool:
        """Whether pairs of processes can see it."""


def chosen(faults: Sequence[KnownFault], names: Sequence[str] | None) -> tuple[KnownFault, ...]:
    """Those of these names, each once, in the order of the names; all if None.

    Raises:
        FaultError: If a name is that of none; names every such name and what may have been meant.
    """
    if names is None:
        return tuple(faults)
    known = {fault.name: fault for fault in faults}
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    if unknown:
        meant = dict.fromkeys(near for name in unknown if (near := nearest(name, known)))
        guess = f"did you mean {', '.join(meant)}? " if meant else ""
        said = f"faults: there is no fault {', '.join(map(repr, unknown))}"
        raise FaultError(said, remedy=f"{guess}bertbench run --list-faults lists them")
    return tuple(known[name] for name in dict.fromkeys(names))


def in_turn(faults: Sequence[KnownFault]) -> tuple[KnownFault, ...]:
    """Faults of different places in turn, so that a budget that ends early has seen some of each."""
    by_place: dict[str, list[KnownFault]] = {}
    for fault in faults:
        by_place.setdefault(fault.place, []).append(fault)
    longest = max((len(group) for group in by_place.values()), default=0)
    return tuple(group[turn] for turn in range(longest) for group in by_place.values() if turn < len(group))


def slowest_first(faults: Sequence[KnownFault]) -> tuple[KnownFault, ...]:
    """Faults of time and memory alone: those that pairs of processes can see come first, the slowest before others."""
    order = {name: place for place, name in enumerate(_SPEED_FIRST)}
    return tuple(sorted(faults, key=lambda fault: (not fault.slows_median_step, order.get(fault.name, len(order)))))
