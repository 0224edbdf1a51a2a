"""What was read: texts, classes and where each row came from.

An origin says where a row stands, so that every message can name it: `train.csv:17` is the line on which the record
starts, counted from 1; `train.parquet[17]` and `validation[17]` (a split from the hub) are rows counted from 0.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

#: Splits in the order in which they are digested, tokenized and shown.
SPLITS = ("train", "validation", "test")


class Row(NamedTuple):
    """One row as read, its class still a name.

    Attributes:
        text: The (first) sentence.
        text_pair: The second sentence, or nothing in a data set of single sentences.
        label: Name of the class.
        origin: Where the row stands.
    """

    text: str
    text_pair: str | None
    label: str
    origin: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """The one or two sentences."""
        return (self.text,) if self.text_pair is None else (self.text, self.text_pair)


@dataclass(frozen=True)
class Split:
    """The rows of one split, one entry per row in each field.

    Attributes:
        texts: The (first) sentences.
        text_pairs: The second sentences, or None in a data set of single sentences.
        labels: Class numbers, places in `Dataset.label_names`.
        origins: Where the rows stand.
    """

    texts: tuple[str, ...]
    text_pairs: tuple[str, ...] | None
    labels: tuple[int, ...]
    origins: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.texts)


@dataclass(frozen=True)
class Dataset:
    """All rows of a benchmark.

    Attributes:
        label_names: Class names; a row's class number is a place in this tuple.
        splits: `train`, `validation` and, where there is one, `test`, in this order.
        sha256: Digest of label names, splits and rows in order; folders, file formats and origins do not enter.
        source: As written in the spec.
    """

    label_names: tuple[str, ...]
    splits: Mapping[str, Split]
    sha256: str
    source: str


def build_dataset(rows: Mapping[str, Sequence[Row]], label_names: Sequence[str], *, source: str) -> Dataset:
    """Number the classes and digest the content.

    Args:
        rows: Rows of each split; labels are among *label_names*; all or none have a second sentence.
        label_names: Class names in the order of their numbers.
        source: As written in the spec.
    """
    number_of = {name: number for number, name in enumerate(label_names)}
    splits = {name: _split(rows[name], number_of) for name in SPLITS if name in rows}
    return Dataset(tuple(label_names), splits, _sha256(splits, label_names), source)


def _split(rows: Sequence[Row], number_of: Mapping[str, int]) -> Split:
    pairs = tuple(row.text_pair for row in rows if row.text_pair is not None)
    return Split(
        texts=tuple(row.text for row in rows),
        text_pairs=pairs or None,
        labels=tuple(number_of[row.label] for row in rows),
        origins=tuple(row.origin for row in rows),
    )


def _sha256(splits: Mapping[str, Split], label_names: Sequence[str]) -> str:
    """JSON with escapes is unambiguous, and takes text that no encoding takes (lone surrogates)."""
    sha = hashlib.sha256(json.dumps(list(label_names)).encode())
    for name, split in splits.items():
        sha.update(json.dumps([name, split.texts, split.text_pairs, split.labels]).encode())
    return sha.hexdigest()
