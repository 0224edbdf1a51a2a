"""Pretrained weights: found, checked by digest, opened as data. Nothing here ever runs code from a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Checkpoint:
    """A folder of files that describe one pretrained BERT.

    Attributes:
        source: As written in the spec.
        folder: Where the files lie.
        revision: Commit on the hub, version of the package, or empty for a folder.
        sha256: SHA-256 of `model.safetensors`, computed on this machine.
        config: `config.json` as read.
        weights_file: Path of `model.safetensors`.
    """

    source: str
    folder: Path
    revision: str
    sha256: str
    config: dict[str, Any]
    weights_file: Path
