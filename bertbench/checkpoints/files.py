"""What a checkpoint's folder must hold, and why something else in its place is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bertbench.checkpoints.digests import Pin
from bertbench.errors import CheckpointError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
_SHARDS = "model.safetensors.index.json"

#: A tokenizer can be built from either.
TOKENIZERS = ("tokenizer.json", "vocab.txt")

#: All that is ever read of a checkpoint.
TOKENIZER_FILES = (*TOKENIZERS, "tokenizer_config.json", "special_tokens_map.json")

_PICKLE = "a pickle, which can run any code when it is opened"

#: Weights in formats that are not read, and why.
_REFUSED = {
    ".bin": _PICKLE,
    ".ckpt": _PICKLE,
    ".pickle": _PICKLE,
    ".pkl": _PICKLE,
    ".pt": _PICKLE,
    ".pth": _PICKLE,
    ".h5": "Keras' HDF5, which can carry code too",
    ".msgpack": "Flax's format",
    ".onnx": "a graph for inference, not weights to fine-tune",
}

_CONVERT = (
    "Where you trust that file, open it once with transformers' BertModel.from_pretrained and write it with "
    "save_pretrained, which makes model.safetensors; for a repository, first look for a revision that has one."
)


@dataclass(frozen=True)
class Found:
    """Where a source led.

    Attributes:
        folder: The folder with the files.
        revision: Commit on the hub, version of the package, or empty for a folder.
        pins: Digests that files must have besides what the spec says, by file name.
    """

    folder: Path
    revision: str = ""
    pins: Mapping[str, Pin] = field(default_factory=dict)


def refuse_incomplete(folder: Path, *, source: str) -> None:
    """Raise unless *folder* has a config, weights and a tokenizer.

    Raises:
        CheckpointError: If one of them is missing; says what is there in its place.
    """
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    except OSError as error:
        raise CheckpointError(f"checkpoint {source}: cannot read folder {folder}: {error.strerror}") from error
    refuse_files(names, source=source, where=f"folder {folder}")


def refuse_files(names: Iterable[str], *, source: str, where: str) -> None:
    """Raise unless *names*, the files of a folder or repository, are those of a checkpoint.

    Args:
        names: File names relative to the folder.
        source: The checkpoint as written in the spec.
        where: Names the folder or repository.

    Raises:
        CheckpointError: If config, weights or tokenizer are missing; says what is there in their place.
    """
    present = set(names)
    if WEIGHTS not in present:
        reason, remedy = _why_not(present)
        raise CheckpointError(f"checkpoint {source}: {where} has no {WEIGHTS}{reason}", remedy=remedy)
    if CONFIG not in present:
        raise CheckpointError(
            f"checkpoint {source}: {where} has no {CONFIG}, which describes the architecture",
            remedy=f"Copy the {CONFIG} of the same model beside {WEIGHTS}.",
        )
    if present.isdisjoint(TOKENIZERS):
        raise CheckpointError(
            f"checkpoint {source}: {where} has no tokenizer; expected {' or '.join(TOKENIZERS)}",
            remedy="Save the tokenizer that the model was trained with into the same folder.",
        )


def _why_not(present: set[str]) -> tuple[str, str]:
    """What is there in place of `model.safetensors`, and what to do."""
    if _SHARDS in present:
        return (
            f", but {_SHARDS}: weights in several files are not read, and no BERT is too large for one",
            "Save the model into one file: save_pretrained(folder, max_shard_size='100GB').",
        )
    refused = {name: reason for name in sorted(present) if (reason := _REFUSED.get(PurePosixPath(name).suffix))}
    if refused:
        name, reason = next(iter(refused.items()))
        return f", the only format that is read; {name} is {reason}", _CONVERT
    return f"; it has {', '.join(sorted(present)[:5]) or 'no files'}", ""
