"""Seeds as people type them."""

from __future__ import annotations

import re

#: More seeds than this are a slip of the hand.
_MOST_SEEDS = 10_000

#: A number of at most ten digits, or two with a dash between them; seeds go up to 2,147,483,647.
_PART = re.compile(r"\s*([0-9]{1,10})(?:-([0-9]{1,10}))?\s*")


def parse_seeds(text: str) -> tuple[int, ...]:
    """Numbers and ranges: '0,1,2', '0-4', '7'.

    Args:
        text: Commas between numbers or ranges; a range includes both ends.

    Returns:
        The seeds in the order given.

    Raises:
        ValueError: If it is no such list, or holds more seeds than can be meant.
    """
    seeds: list[int] = []
    for part in text.split(","):
        low, high = _ends(part, text)
        if len(seeds) + high - low >= _MOST_SEEDS:
            raise ValueError(f"{text!r} holds more than {_MOST_SEEDS:,} seeds")
        seeds += range(low, high + 1)
    return tuple(seeds)


def _ends(part: str, text: str) -> tuple[int, int]:
    """First and last seed of one number or range."""
    found = _PART.fullmatch(part)
    if not found:
        raise ValueError(f"{text!r} is no list of seeds; expected numbers and ranges such as 0,1,2 or 0-4")
    low, high = int(found[1]), int(found[2] or found[1])
    if high < low:
        raise ValueError(f"{text!r} holds {part.strip()}; a range goes from low to high")
    return low, high
