"""From the spec's data table to rows: read them, keep those that are meant, number the classes."""

from __future__ import annotations

from pathlib import Path

from bertbench.data.dataset import SPLITS, Dataset, Row, build_dataset
from bertbench.data.embedded import read_embedded
from bertbench.data.files import read_files
from bertbench.data.hub import read_hub
from bertbench.data.selection import Splits, drop_duplicates, first_rows_in_turn, keep_labels, split_off_validation
from bertbench.errors import DataError
from bertbench.spec import DataSpec


def read_dataset(spec: DataSpec, *, base_folder: Path) -> Dataset:
    """Read the rows that *spec* describes.

    Args:
        spec: Source, columns, classes and numbers of rows.
        base_folder: What a relative `spec.folder` is relative to: the folder of the spec.

    Returns:
        Rows of the train, validation and, where there is one, test split, in the order in which they stand.

    Raises:
        DataAbsentError: If the data is not on this machine and cannot be had.
        DataError: If it is there and cannot be used.
    """
    splits = _read(spec, base_folder)
    if spec.labels is not None:
        splits = keep_labels(splits, spec.labels)
    splits = drop_duplicates(splits, spec.deduplicate)
    if spec.validation_fraction is not None:
        drawn = split_off_validation(splits["train"], spec.validation_fraction, spec.split_seed)
        splits["train"], splits["validation"] = drawn
    _refuse_empty(splits)
    label_names = spec.labels or sorted({row.label for rows in splits.values() for row in rows})
    for split in SPLITS:
        count = getattr(spec, f"{split}_rows")
        if count is not None:
            splits[split] = first_rows_in_turn(_rows_of(splits, split), count, label_names, split=split)
    return build_dataset(splits, label_names, source=spec.source)


def _read(spec: DataSpec, base_folder: Path) -> Splits:
    kind, _, name = spec.source.partition(":")
    if kind == "files":
        return read_files(spec, base_folder=base_folder)
    if kind == "hub":
        return read_hub(spec)
    return read_embedded(name)


def _refuse_empty(splits: Splits) -> None:
    for split, rows in splits.items():
        if not rows:
            raise DataError(
                f"{split}: no rows",
                remedy="validation_fraction draws from classes of two rows or more; give more rows, or a file",
            )


def _rows_of(splits: Splits, split: str) -> list[Row]:
    if split not in splits:
        raise DataError(
            f"data.{split}_rows: there is no {split} split", remedy=f"name one in data.{split}, or leave this out"
        )
    return splits[split]
