"""SHA-256 of files, and what to say when it is not the one expected."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from bertbench.errors import CheckpointError

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Pin:
    """A digest that a file must have.

    Attributes:
        sha256: 64 lower-case hexadecimal digits.
        whose: Who says so, for error messages.
        remedy: What to do if it is another.
    """

    sha256: str
    whose: str
    remedy: str


def sha256_of(file: Path, *, source: str) -> str:
    """SHA-256 of *file* as 64 lower-case hexadecimal digits.

    Raises:
        CheckpointError: If it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise CheckpointError(f"checkpoint {source}: cannot read {file}: {error.strerror}") from error
    return digest.hexdigest()


def check_digest(file: Path, sha256: str, pin: Pin, *, source: str) -> None:
    """Compare the digest of *file* with a pin.

    Raises:
        CheckpointError: If they differ.
    """
    if sha256 != pin.sha256:
        raise CheckpointError(
            f"checkpoint {source}: {file} has SHA-256 {sha256}; {pin.whose} expects {pin.sha256}", remedy=pin.remedy
        )
