"""Small data sets and how to read them, shared by the tests of the data room."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bertbench.data import Dataset, TokenizedSplit, read_dataset
from bertbench.data.dataset import Row, build_dataset
from bertbench.spec import DataSpec

#: Two classes, two rows of each.
FOUR_ROWS = (("where is my parcel", "delivery"), ("i want my money back", "refund")) * 2


def jsonl(*rows: Mapping[str, Any]) -> str:
    """One JSON object a line."""
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def read(folder: Path, **fields: Any) -> Dataset:
    """Read files in *folder*; `train` for validation too, unless *fields* say otherwise."""
    fields.setdefault("train", "train.csv")
    if "validation_fraction" not in fields:
        fields.setdefault("validation", fields["train"])
    return read_dataset(DataSpec(source="files", folder=str(folder), **fields), base_folder=Path("/nowhere"))


def read_text(folder: Path, name: str, content: str | bytes, **fields: Any) -> Dataset:
    """Write *content* to a file and read it."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(folder, train=name, **fields)


def rows_of(pairs: Sequence[tuple[str, str]], *, file: str = "train.csv") -> list[Row]:
    """Rows from (text, label)."""
    return [Row(text, None, label, f"{file}:{line}") for line, (text, label) in enumerate(pairs, start=1)]


def dataset_of(**splits: Sequence[tuple[str, str]]) -> Dataset:
    """A data set from (text, label) by split."""
    rows = {name: rows_of(pairs, file=f"{name}.csv") for name, pairs in splits.items()}
    names = sorted({row.label for split in rows.values() for row in split})
    return build_dataset(rows, names, source="files")


def tokenized_rows(rows: Sequence[Sequence[int]], segments: Sequence[Sequence[int]] | None = None) -> TokenizedSplit:
    """A split from the ids of each row; row numbers modulo 3 are the classes."""
    lengths = [len(row) for row in rows]
    return TokenizedSplit(
        token_ids=np.array([token for row in rows for token in row], dtype=np.int32),
        segment_ids=np.array([s for row in segments or [[0] * n for n in lengths] for s in row], dtype=np.int32),
        offsets=np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int64),
        labels=(np.arange(len(rows)) % 3).astype(np.int32),
    )


def ids_of(split: TokenizedSplit) -> list[list[int]]:
    """The ids of each row."""
    return [split.token_ids[a:b].tolist() for a, b in zip(split.offsets[:-1], split.offsets[1:], strict=True)]
