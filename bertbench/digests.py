"""SHA-256 of numbers: equal digests are equal bits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def digest_arrays(arrays: Iterable[tuple[str, NDArray[Any]]]) -> str:
    """One digest of named arrays: names, dtypes, shapes and little-endian bytes, in the order given.

    Args:
        arrays: Names and values of any shape; read one at a time. A dtype of numbers, truth values or text.

    Returns:
        64 hex digits.

    Raises:
        TypeError: If an array holds Python objects, whose bytes are addresses.
    """
    sha = hashlib.sha256()
    for name, array in arrays:
        if array.dtype.hasobject:
            raise TypeError(f"{name}: an array of {array.dtype} has no bits of its own to digest")
        little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
        sha.update(f"{name}|{little.dtype.str}|{little.shape}|".encode())
        sha.update(little.reshape(-1).view(np.uint8).data)
    return sha.hexdigest()


def digest_numbers(numbers: Sequence[float]) -> str:
    """One digest of a sequence of numbers, as float64."""
    return digest_arrays([("numbers", np.asarray(numbers, dtype=np.float64))])
