"""Tokenized rows kept on disk: one file for each tokenizer, data set and length; never a pickle."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertbench.data.batches import TokenizedSplit
from bertbench.data.dataset import SPLITS, Dataset
from bertbench.data.tokenizer import Tokenizer
from bertbench.digests import digest_arrays

#: Raised when the file's content or its meaning changes, so that older files are not found any more.
_FORMAT = 1

_PREFIX, _SUFFIX = "wordpieces-", ".npz"
_FIELDS = ("token_ids", "segment_ids", "offsets", "labels")


class CutSplit(NamedTuple):
    """The tokenized rows of one split.

    Attributes:
        rows: The rows.
        cut_rows: int64 (n,), numbers of the rows that lost WordPieces.
    """

    rows: TokenizedSplit
    cut_rows: NDArray[np.int64]


def digest_splits(splits: Mapping[str, TokenizedSplit]) -> str:
    """SHA-256 of all arrays of all splits."""
    return digest_arrays(
        (f"{name}.{field}", getattr(split, field)) for name, split in splits.items() for field in _FIELDS
    )


def cache_file(folder: Path, dataset: Dataset, tokenizer: Tokenizer, max_length_tokens: int) -> Path:
    """Where these rows are kept.

    The version of `tokenizers` is part of the name: were its ids to change, the change must show.
    """
    key = json.dumps([_FORMAT, version("tokenizers"), tokenizer.sha256, dataset.sha256, max_length_tokens])
    return folder / f"{_PREFIX}{hashlib.sha256(key.encode()).hexdigest()[:32]}{_SUFFIX}"


def forget_rows(folder: Path) -> None:
    """Remove the tokenized rows of *folder*, so that the next run tokenizes; whatever else is kept there stays."""
    for file in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            file.unlink()


def load_splits(file: Path) -> dict[str, CutSplit] | None:
    """Read a file; None if it is not there, or is not what was written."""
    try:
        content = _content(file)
    # RuntimeError: a damaged directory of the archive may claim encryption, or a compression that is unknown.
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile):
        return None
    stored = content.pop("sha256", None)
    if stored is None or str(stored) != _digest(content):
        return None
    names = [name for name in SPLITS if f"{name}.labels" in content]
    return {
        name: CutSplit(TokenizedSplit(*(content[f"{name}.{field}"] for field in _FIELDS)), content[f"{name}.cut_rows"])
        for name in names
    }


def _content(file: Path) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(file) as archive:
        if archive.testzip() is not None:  # before anything in it is believed, such as the size of an array
            raise zipfile.BadZipFile
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def save_splits(file: Path, splits: Mapping[str, CutSplit]) -> None:
    """Write a file beside, then rename it: readers see all of it or nothing, and of two writers the last one wins.

    A folder that cannot be written, or a full disk, costs the next run some seconds and this one nothing.
    """
    arrays: dict[str, Any] = {}
    for name, split in splits.items():
        arrays |= {f"{name}.{field}": getattr(split.rows, field) for field in _FIELDS}
        arrays[f"{name}.cut_rows"] = split.cut_rows
    arrays["sha256"] = np.array(_digest(arrays))
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_and_rename(file, arrays)


def _write_and_rename(file: Path, arrays: Mapping[str, Any]) -> None:
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, **arrays)
        Path(temporary).replace(file)
    finally:
        Path(temporary).unlink(missing_ok=True)  # there only if something went wrong


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    return digest_arrays(sorted(arrays.items()))
