"""What an opened checkpoint is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bertbench.checkpoints.config import BertConfig


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

    @cached_property
    def bert(self) -> BertConfig:
        """The architecture, checked.

        Raises:
            CheckpointError: If `config.json` describes no BERT that bertbench computes.
        """
        return BertConfig.from_json(self.config, where=f"checkpoint {self.source}, {self.folder / 'config.json'}")
