"""Checkpoints in a folder of the user's."""

from __future__ import annotations

from pathlib import Path

from bertbench.checkpoints.files import Found
from bertbench.errors import CheckpointAbsentError, CheckpointError


def find(path: str, *, source: str, base_folder: Path) -> Found:
    """Find folder *path*, relative to *base_folder* unless it is absolute.

    Raises:
        CheckpointAbsentError: If there is no such folder.
        CheckpointError: If it is a file.
    """
    folder = base_folder / path
    if folder.is_file():
        raise CheckpointError(f"checkpoint {source}: {folder} is a file; expected the folder that holds it")
    if not folder.is_dir():
        raise CheckpointAbsentError(
            f"checkpoint {source}: there is no folder {folder}",
            remedy="Put config.json, model.safetensors and the tokenizer's files there, or correct the path.",
        )
    return Found(folder)
