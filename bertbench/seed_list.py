"""Seeds as people type them."""

from __future__ import annotations


def parse_seeds(text: str) -> tuple[int, ...]:
    """Numbers and ranges: '0,1,2', '0-4', '7'.

    Args:
        text: Commas between numbers or ranges; a range includes both ends.

    Returns:
        The seeds in the order given.

    Raises:
        ValueError: If it is no such list.
    """
    seeds: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()):
            raise ValueError(f"{text!r} is no list of seeds; expected numbers and ranges such as 0,1,2 or 0-4")
        seeds += range(int(low), int(high) + 1) if dash else [int(low)]
    if not seeds:
        raise ValueError(f"{text!r} holds no seed; a range goes from low to high")
    return tuple(seeds)
