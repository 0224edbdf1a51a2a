"""Which environments came to the same bits: a letter for each group."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence

from bertbench.record import Digests

#: Of one environment: digests by seed.
Bits = Mapping[int, Digests]


def bit_groups(environments: Sequence[Bits]) -> tuple[str | None, ...]:
    """A letter for each environment, the same for those of equal bits; A is the first one's.

    Two environments are of one group if every seed that both ran came to the same weights, losses and predictions. One
    joins the first group in which no seed contradicts it and in which it shares a seed at all.

    Args:
        environments: Digests by seed; empty if nothing completed.

    Returns:
        The letters; None for an environment without digests, and a letter of its own for one that shares no seed.
    """
    groups: list[dict[int, Digests]] = []
    letters: list[str | None] = []
    for bits in environments:
        if not bits:
            letters.append(None)
            continue
        number = next((n for n, known in enumerate(groups) if _are_equal(bits, known)), len(groups))
        if number == len(groups):
            groups.append({})
        groups[number] |= bits
        letters.append(_letter(number))
    return tuple(letters)


def _are_equal(bits: Bits, known: Bits) -> bool:
    shared = bits.keys() & known.keys()
    return bool(shared) and all(bits[seed] == known[seed] for seed in shared)


def _letter(number: int) -> str:
    """A to Z, then A2 to Z2, ..."""
    times, place = divmod(number, len(string.ascii_uppercase))
    return f"{string.ascii_uppercase[place]}{times + 1 if times else ''}"
