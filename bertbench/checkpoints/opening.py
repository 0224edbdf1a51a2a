"""From a source in the spec to an opened checkpoint: find the folder, hold digests against it, look into it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bertbench.checkpoints import embedded, folder, hub
from bertbench.checkpoints.checkpoint import Checkpoint
from bertbench.checkpoints.config import read_config
from bertbench.checkpoints.digests import Pin, check_digest, sha256_of
from bertbench.checkpoints.files import CONFIG, WEIGHTS, Found, refuse_incomplete
from bertbench.checkpoints.tensors import encoder_tensors
from bertbench.errors import CheckpointAbsentError

if TYPE_CHECKING:
    from bertbench.spec import CheckpointSpec

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def open_checkpoint(spec: CheckpointSpec, *, base_folder: Path) -> Checkpoint:
    """Find pretrained weights, check their digests, and check that they are a BERT.

    Args:
        spec: Where from, and the digest expected.
        base_folder: Where a relative `path:` starts; the folder of the spec's file.

    Returns:
        The checkpoint. Its config and the names and shapes of its weights are checked; no value is read yet.

    Raises:
        CheckpointAbsentError: If the weights are not on this machine and cannot be had.
        CheckpointError: If they cannot be used: another digest than expected, a pickle, damaged, not a BERT.
    """
    found = _find(spec.source, base_folder)
    refuse_incomplete(found.folder, source=spec.source)
    checkpoint = Checkpoint(
        source=spec.source,
        folder=found.folder,
        revision=found.revision,
        sha256=_checked_sha256(spec, found),
        config=read_config(found.folder / CONFIG, source=spec.source),
        weights_file=found.folder / WEIGHTS,
    )
    encoder_tensors(checkpoint)
    return checkpoint


def _find(source: str, base_folder: Path) -> Found:
    """The folder that *source* leads to."""
    kind, _, rest = source.partition(":")
    rest = _expanded(rest, source)
    if kind == "embedded":
        return embedded.find(rest, source=source)
    if kind == "path":
        return folder.find(rest, source=source, base_folder=base_folder)
    return hub.find(rest, source=source)


def _expanded(text: str, source: str) -> str:
    """*text* with each `${NAME}` replaced by the environment's value."""
    for name in _VARIABLE.findall(text):
        # An empty value would silently mean another folder.
        if not os.environ.get(name):
            raise CheckpointAbsentError(
                f"checkpoint {source}: environment variable {name} is not set", remedy=f"Set {name}."
            )
    return _VARIABLE.sub(lambda match: os.environ[match[1]], text)


def _checked_sha256(spec: CheckpointSpec, found: Found) -> str:
    """SHA-256 of the weights, after comparing it, and other files that are pinned, with what is said about them."""
    weights = found.folder / WEIGHTS
    sha256 = sha256_of(weights, source=spec.source)
    for name, pin in found.pins.items():
        file = found.folder / name
        digest = sha256 if name == WEIGHTS else sha256_of(file, source=spec.source)
        check_digest(file, digest, pin, source=spec.source)
    if spec.sha256 is not None:
        remedy = "If these are the weights you mean, set checkpoint.sha256 to the digest found; else replace the file."
        check_digest(weights, sha256, Pin(spec.sha256, "the spec", remedy), source=spec.source)
    return sha256
