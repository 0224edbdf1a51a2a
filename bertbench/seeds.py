"""One seed for every random operation, derived from the seed of the run and the operation's name.

No two operations share a stream, and an operation that is added or removed leaves all others as they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import pairwise

from bertbench.errors import SetupError

#: Seeds have this many bits, so that every library takes them as a signed 32-bit number.
SEED_BITS = 31


def operation_seed(seed: int, name: str) -> int:
    """Seed of one random operation: the first 31 bits of SHA-256 of `<seed>/<name>`.

    Args:
        seed: Seed of the run, 0 or more.
        name: Name of the operation, the same in every version.

    Returns:
        A number from 0 to 2**31 - 1.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - SEED_BITS)


def operation_seeds(seed: int, names: Iterable[str], *, draws: int) -> dict[str, int]:
    """Seeds of all random operations of a run, far enough apart for *draws* draws from each.

    Some generators count their seed up from draw to draw (Keras on PyTorch does): two operations whose seeds are
    closer than the number of draws would then repeat each other's numbers.

    Args:
        seed: Seed of the run, 0 or more.
        names: Names of the operations, all different.
        draws: Draws from each operation over the whole run.

    Raises:
        SetupError: If two seeds are closer than *draws*.
    """
    seeds = {name: operation_seed(seed, name) for name in names}
    ordered = sorted(seeds, key=lambda name: seeds[name])
    for first, second in pairwise(ordered):
        if seeds[second] - seeds[first] < draws:
            raise SetupError(
                f"training.seeds: under seed {seed}, the random operations {first} and {second} start "
                f"{seeds[second] - seeds[first]} apart, less than the {draws} draws of the run, and could repeat "
                "each other's numbers",
                remedy="Use another seed.",
            )
    return seeds
