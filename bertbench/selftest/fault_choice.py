"""Which faults are put in, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bertbench.errors import FaultError
from bertbench.spec import Spec
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

    @property
    def median_step_slower_by(self) -> float:
        """By which share the median step takes longer with it."""

    def check_spec(self, spec: Spec, /) -> None:
        """Raise a `FaultError` if *spec* shows by itself that it would do nothing."""


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


@dataclass(frozen=True)
class Choice:
    """Faults of a self-test.

    Attributes:
        known: All that were chosen, in the order in which they are put in: those that change no number come last, since
            a single run shows that of them.
        refused: By name, those of them that would do nothing, as far as the spec shows by itself, and why.
    """

    known: tuple[KnownFault, ...]
    refused: Mapping[str, str]

    @property
    def put_in(self) -> tuple[KnownFault, ...]:
        """Those that are not refused."""
        return tuple(fault for fault in self.known if fault.name not in self.refused)

    @property
    def slow(self) -> tuple[KnownFault, ...]:
        """Those that pairs of processes can see."""
        return tuple(fault for fault in self.put_in if fault.slows_median_step)


def choice_of(faults: Sequence[KnownFault], spec: Spec, *, parts: Collection[str]) -> Choice:
    """Ask *spec* about each of *faults*, before anything runs.

    Args:
        faults: Chosen.
        spec: As it would run.
        parts: Of the self-test.

    Raises:
        FaultError: If *parts* do nothing but put faults in, and every one is refused.
    """
    seen, unseen = ([fault for fault in faults if fault.changes_numbers is word] for word in (True, False))
    refused = {fault.name: why for fault in faults if (why := _refusal(fault, spec))}
    choice = Choice((*in_turn(seen), *slowest_first(unseen)), refused)
    if faults and not choice.put_in and set(parts) <= {"faults", "speed"}:
        raise FaultError("; ".join(refused.values()), remedy="use another spec, or other faults")
    return choice


def _refusal(fault: KnownFault, spec: Spec) -> str:
    try:
        fault.check_spec(spec)
    except FaultError as error:
        return error.message
    return ""


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
