"""The smallest sample that is enough."""

from __future__ import annotations

from collections.abc import Callable

#: More seeds than this are no plan.
MOST_SEEDS = 1_000


def smallest_enough(is_enough: Callable[[int], bool], *, at_least: int = 2, most: int = MOST_SEEDS) -> int | None:
    """The smallest number of seeds that is enough, by doubling and then halving the gap.

    Args:
        is_enough: Whether so many are; once they are, more are too.
        at_least: The smallest number to ask about.
        most: The largest.

    Returns:
        None if *most* is not enough.
    """
    low, high = at_least - 1, at_least  # low is not enough
    while not is_enough(high):
        if high == most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
