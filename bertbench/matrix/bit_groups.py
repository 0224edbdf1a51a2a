"""Which environments came to the same bits: a letter for each group."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations

from bertbench.record import Digests

#: Of one environment: digests by seed.
Bits = Mapping[int, Digests]


def bit_groups(environments: Sequence[Bits]) -> tuple[str | None, ...]:
    """A letter for each environment, the same for those of equal bits; A is the first one's.

    Two environments are of one group if every seed that both ran came to the same weights, losses and predictions. One
    joins every group in which no seed contradicts it and in which it shares a seed at all, and so makes one of them, as
    far as they do not contradict each other; of two that do, the first.

    Args:
        environments: Digests by seed; empty if nothing completed.

    Returns:
        The letters; None for an environment without digests, and a letter of its own for one that shares no seed.
    """
    members: list[list[int]] = []
    known: list[dict[int, Digests]] = []
    for place, bits in enumerate(environments):
        if not bits:
            continue
        joined, all_bits = [place], dict(bits)
        for number in [n for n, group in enumerate(known) if _are_equal(bits, group)]:
            if all(known[number][seed] == all_bits[seed] for seed in known[number].keys() & all_bits.keys()):
                joined, all_bits = [*members[number], *joined], all_bits | known[number]
                members[number], known[number] = [], {}
        members.append(joined)
        known.append(all_bits)
    letters: list[str | None] = [None] * len(environments)
    for number, group in enumerate(sorted((group for group in members if group), key=min)):
        for place in group:
            letters[place] = _letter(number)
    return tuple(letters)


def compared_groups(environments: Sequence[Bits], letters: Sequence[str | None]) -> frozenset[frozenset[str]]:
    """Pairs of groups that ran a seed in common, and so are known to be of other bits.

    Args:
        environments: Digests by seed.
        letters: Of `bit_groups`.
    """
    seeds: dict[str, set[int]] = {}
    for bits, letter in zip(environments, letters, strict=True):
        if letter is not None:
            seeds.setdefault(letter, set()).update(bits)
    return frozenset(frozenset(pair) for pair in combinations(seeds, 2) if seeds[pair[0]] & seeds[pair[1]])


def all_compared(letters: Sequence[str], compared: AbstractSet[frozenset[str]]) -> list[list[str]]:
    """*letters*, each once, in lists in which every two are in *compared*; the first list has the first letter."""
    lists: list[list[str]] = []
    for letter in dict.fromkeys(letters):
        fitting = (found for found in lists if all(frozenset((letter, other)) in compared for other in found))
        if (found := next(fitting, None)) is None:
            lists.append([letter])
        else:
            found.append(letter)
    return lists


def _are_equal(bits: Bits, known: Bits) -> bool:
    shared = bits.keys() & known.keys()
    return bool(shared) and all(bits[seed] == known[seed] for seed in shared)


def _letter(number: int) -> str:
    """A to Z, then A2 to Z2, ..."""
    times, place = divmod(number, len(string.ascii_uppercase))
    return f"{string.ascii_uppercase[place]}{times + 1 if times else ''}"
