"""The encoder's weights, under one set of names, in the shapes that the config prescribes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.checkpoints.checkpoint import Checkpoint
from bertbench.checkpoints.layout import ENCODER, POOLER, STORED_CONSTANTS, canonical_name, tensor_shapes
from bertbench.checkpoints.safetensors_file import StoredTensor, read_floats, read_header
from bertbench.errors import CheckpointError

_OF_ONE_MODEL = "Copy config.json and model.safetensors again, both from the same model."


def read_tensors(checkpoint: Checkpoint) -> dict[str, NDArray[np.float32]]:
    """Read the encoder's weights.

    Returns:
        float32 arrays by their names in transformers' BertModel, such as `encoder.layer.0.attention.self.query.weight`
        (outputs, inputs). `pooler.dense.weight` and `pooler.dense.bias` are there if the file has them. Heads are
        left out; `describe` lists them.

    Raises:
        CheckpointError: If the file is damaged; if a tensor is missing, of a wrong shape or type, or not finite.
    """
    stored = encoder_tensors(checkpoint)
    values = read_floats(checkpoint.weights_file, list(stored.values()), where=_where(checkpoint))
    return dict(zip(stored, values, strict=True))


def describe(checkpoint: Checkpoint) -> dict[str, Any]:
    """What a record keeps of *checkpoint*: nothing that depends on where it lies.

    Returns:
        `source`, `revision`, `sha256`; `parameters` of the encoder, pooler included; `pooler`, whether it has one;
        `ignored_tensors`, names as in the file of those that the encoder does not need.

    Raises:
        CheckpointError: As `read_tensors`, for all that the file's header shows.
    """
    stored = encoder_tensors(checkpoint)
    used = {tensor.name for tensor in stored.values()}
    return {
        "source": checkpoint.source,
        "revision": checkpoint.revision,
        "sha256": checkpoint.sha256,
        "parameters": sum(math.prod(tensor.shape) for tensor in stored.values()),
        "pooler": any(name.startswith(POOLER) for name in stored),
        "ignored_tensors": sorted(_header(checkpoint).keys() - used),
    }


def encoder_tensors(checkpoint: Checkpoint) -> dict[str, StoredTensor]:
    """Where each of the encoder's tensors lies in the file, sorted by name; reads the header only.

    Raises:
        CheckpointError: If a tensor is missing, comes twice, has a wrong shape, or belongs to another architecture.
    """
    where = _where(checkpoint)
    found = _by_canonical_name(_header(checkpoint), where)
    expected = tensor_shapes(checkpoint.bert)
    if not any(name.startswith(POOLER) for name in found):
        expected = {name: shape for name, shape in expected.items() if not name.startswith(POOLER)}
    for name, shape in expected.items():
        if name not in found:
            raise CheckpointError(
                f"{where}: tensor {name}: is missing; expected shape {shape}{_hint(found)}", remedy=_OF_ONE_MODEL
            )
        if found[name].shape != shape:
            raise CheckpointError(
                f"{where}: tensor {name}: has shape {found[name].shape}; config.json expects {shape}",
                remedy=_OF_ONE_MODEL,
            )
    _refuse_unforeseen(set(found) - set(expected), where)
    return {name: found[name] for name in sorted(expected)}


def _where(checkpoint: Checkpoint) -> str:
    """The checkpoint and its file, for error messages."""
    return f"checkpoint {checkpoint.source}, {checkpoint.weights_file}"


def _header(checkpoint: Checkpoint) -> dict[str, StoredTensor]:
    """All tensors of the file, the encoder's and others."""
    return read_header(checkpoint.weights_file, where=_where(checkpoint))


def _by_canonical_name(stored: dict[str, StoredTensor], where: str) -> dict[str, StoredTensor]:
    """All tensors of the file by their names of today; two of one name would leave the choice to chance."""
    found: dict[str, StoredTensor] = {}
    for tensor in stored.values():
        other = found.setdefault(canonical_name(tensor.name), tensor)
        if other is not tensor:
            raise CheckpointError(f"{where}: {other.name} and {tensor.name} are the same tensor of a BERT")
    return found


def _hint(found: dict[str, StoredTensor]) -> str:
    """What the file calls its tensors, for a file that names none as BERT does."""
    if any(name.startswith(ENCODER) for name in found):
        return ""
    return f"; the file names its tensors otherwise, such as {', '.join(sorted(found)[:3]) or 'none at all'}"


def _refuse_unforeseen(names: set[str], where: str) -> None:
    """Raise if the file has more of an encoder than the config foresees: leaving it out would be another network."""
    unforeseen = sorted(name for name in names - STORED_CONSTANTS if name.startswith(ENCODER))
    if unforeseen:
        more = f" and {len(unforeseen) - 1} more" if len(unforeseen) > 1 else ""
        raise CheckpointError(
            f"{where}: tensor {unforeseen[0]}{more}: not part of the BERT that config.json describes",
            remedy="Check num_hidden_layers in config.json; adapters and other additions must be merged first.",
        )
