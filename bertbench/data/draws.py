"""Random numbers that depend on nothing but a seed, a purpose and an epoch."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

# Only the raw stream of a bit generator is the same in every version of NumPy; what `Generator` makes of it may change
# (NEP 19). So the little that is needed is made from the raw stream here.


def raw_draws(seed: int, purpose: str, epoch: int, count: int) -> NDArray[np.uint64]:
    """Draw 64-bit numbers from PCG64, seeded by SHA-256 of "seed|purpose|epoch".

    Args:
        seed: Seed of the run.
        purpose: What the numbers are for; each purpose has a stream of its own.
        epoch: Epoch, from 0.
        count: How many; 0 or more.

    Returns:
        uint64 (count,).
    """
    digest = hashlib.sha256(f"{seed}|{purpose}|{epoch}".encode()).digest()
    return np.atleast_1d(np.random.PCG64(int.from_bytes(digest, "big")).random_raw(count)).astype(np.uint64)


def uniform_draws(seed: int, purpose: str, epoch: int, count: int) -> NDArray[np.float64]:
    """Draw float64 (count,) evenly from [0, 1), as `raw_draws`; the upper 53 bits of each."""
    bits: NDArray[np.uint64] = raw_draws(seed, purpose, epoch, count) >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53
