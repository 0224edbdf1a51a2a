"""Reads safetensors files: a length, a JSON header, and numbers; nothing in them can run.

The library of that name is used for writing. Reading is done here because its NumPy side knows no bfloat16, and
because its errors do not say which tensor a truncated file has lost.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard

import numpy as np
from numpy.typing import NDArray

from bertbench.errors import CheckpointError

#: Bytes of the header's length at the start of the file, a little-endian unsigned integer.
_LENGTH_BYTES = 8

#: The format's own limit, against files that claim a header larger than memory.
_LARGEST_HEADER_BYTES = 100_000_000

_COPY_AGAIN = "Copy or download the file again."

#: Types that turn into float32 without rounding.
_FLOATS = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}

#: Bytes of one value of all other types that a file may hold beside the encoder's weights.
_OTHER_BYTES = {"F64": 8, "I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1}

_BYTES = {name: np.dtype(code).itemsize for name, code in _FLOATS.items()} | _OTHER_BYTES


@dataclass(frozen=True)
class StoredTensor:
    """Where one tensor lies in a file.

    Attributes:
        name: As in the file.
        dtype: The format's name of the type, such as F32.
        shape: Sizes of its axes.
        start: First byte, counted from the beginning of the file.
        stop: Byte after the last.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def read_header(file: Path, *, where: str) -> dict[str, StoredTensor]:
    """Which tensors *file* holds, after checking that it holds all their bytes and no others.

    Args:
        file: Its path.
        where: Names the checkpoint and the file, for error messages.

    Raises:
        CheckpointError: If it is unreadable, truncated or no safetensors file.
    """
    try:
        with file.open("rb") as stream:
            size = file.stat().st_size
            header_bytes = _header_bytes(stream, where, size)
            header = _parse(stream.read(header_bytes), where)
    except OSError as error:
        raise CheckpointError(f"{where}: cannot be read: {error.strerror}") from error
    data_start = _LENGTH_BYTES + header_bytes
    tensors = [_entry(name, entry, data_start, where) for name, entry in header]
    _refuse_gaps(sorted(tensors, key=lambda tensor: (tensor.start, tensor.stop)), where, data_start, size)
    return {tensor.name: tensor for tensor in tensors}


def read_floats(file: Path, tensors: list[StoredTensor], *, where: str) -> Iterator[NDArray[np.float32]]:
    """Values of *tensors* one after another, float32, in their shapes.

    Args:
        file: Its path.
        tensors: As `read_header` found them.
        where: Names the checkpoint and the file, for error messages.

    Raises:
        CheckpointError: If a type does not turn into float32 exactly, a value is not finite, or reading fails.
    """
    try:
        with file.open("rb") as stream:
            for tensor in tensors:
                yield _finite(_values(stream, tensor, where), tensor, where)
    except OSError as error:
        raise CheckpointError(f"{where}: cannot be read: {error.strerror}") from error


def _header_bytes(stream: BinaryIO, where: str, size: int) -> int:
    """Length of the JSON header, if the file can hold one so long."""
    length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
    if size < _LENGTH_BYTES or length > _LARGEST_HEADER_BYTES:
        raise CheckpointError(
            f"{where}: is no safetensors file ({size:,} bytes, no header of a possible length)", remedy=_COPY_AGAIN
        )
    if _LENGTH_BYTES + length > size:
        raise _truncated(where, f"its header needs {_LENGTH_BYTES + length:,} bytes, the file has {size:,}")
    return length


def _parse(header: bytes, where: str) -> list[tuple[str, Any]]:
    """Names and entries of the header, without its metadata; a name that comes twice would hide a tensor."""
    try:
        pairs = json.loads(header, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{where}: is no safetensors file, its header is not JSON: {error}", remedy=_COPY_AGAIN
        ) from error
    if not isinstance(pairs, dict):
        raise CheckpointError(f"{where}: is no safetensors file, its header is not a JSON object")
    return [(name, entry) for name, entry in pairs.items() if name != "__metadata__"]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys differ."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key comes twice in one object")
    return content


def _entry(name: str, entry: Any, data_start: int, where: str) -> StoredTensor:
    """The header's entry for one tensor, its numbers checked against each other."""
    fields = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")
    if not (isinstance(dtype, str) and _are_sizes(shape) and _are_sizes(offsets) and len(offsets) == 2):  # noqa: PLR2004 - from, to
        raise CheckpointError(f"{where}: tensor {name}: damaged header; expected dtype, shape and data_offsets")
    if dtype not in _BYTES:
        raise CheckpointError(f"{where}: tensor {name}: unknown type {dtype!r}; expected one of {', '.join(_BYTES)}")
    expected = math.prod(shape) * _BYTES[dtype]
    if offsets[1] - offsets[0] != expected:
        raise CheckpointError(
            f"{where}: tensor {name}: damaged header: {dtype} {tuple(shape)} takes {expected:,} bytes, "
            f"its offsets span {offsets[1] - offsets[0]:,}"
        )
    return StoredTensor(name, dtype, tuple(shape), data_start + offsets[0], data_start + offsets[1])


def _are_sizes(value: Any) -> TypeGuard[list[int]]:
    """Whether *value* is a list of whole numbers of at least 0."""
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _refuse_gaps(tensors: list[StoredTensor], where: str, data_start: int, size: int) -> None:
    """Raise unless *tensors*, in the order of their bytes, fill the file from *data_start* to its end."""
    expected_start = data_start
    for tensor in tensors:
        if tensor.start != expected_start:
            raise CheckpointError(
                f"{where}: tensor {tensor.name}: damaged header: starts at byte {tensor.start:,}, "
                f"expected {expected_start:,}"
            )
        if tensor.stop > size:
            raise _truncated(where, f"tensor {tensor.name} needs bytes up to {tensor.stop:,}, the file has {size:,}")
        expected_start = tensor.stop
    if expected_start != size:
        raise CheckpointError(f"{where}: has {size:,} bytes; its header accounts for {expected_start:,}")


def _truncated(where: str, what: str) -> CheckpointError:
    return CheckpointError(f"{where}: is truncated: {what}", remedy=_COPY_AGAIN)


def _values(stream: BinaryIO, tensor: StoredTensor, where: str) -> NDArray[np.float32]:
    """The tensor's numbers as float32, exactly."""
    if tensor.dtype not in _FLOATS:
        raise CheckpointError(
            f"{where}: tensor {tensor.name}: is {tensor.dtype}; expected {', '.join(_FLOATS)}, "
            "which turn into float32 without rounding",
            remedy="Save the model in float32.",
        )
    stream.seek(tensor.start)
    content = stream.read(tensor.stop - tensor.start)
    if len(content) < tensor.stop - tensor.start:  # it was long enough when its header was read
        raise _truncated(where, f"it became shorter while tensor {tensor.name} was being read")
    stored = np.frombuffer(content, _FLOATS[tensor.dtype])
    if tensor.dtype == "BF16":
        # bfloat16 is the upper half of a float32.
        stored = (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(np.float32).reshape(tensor.shape)


def _finite(values: NDArray[np.float32], tensor: StoredTensor, where: str) -> NDArray[np.float32]:
    """*values*, if they are all finite."""
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise CheckpointError(
            f"{where}: tensor {tensor.name}: {bad:,} of {values.size:,} values are NaN or infinite; expected finite"
        )
    return values
