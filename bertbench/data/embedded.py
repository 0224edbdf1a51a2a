"""Data sets that come with the package."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from bertbench.data.dataset import SPLITS, Row
from bertbench.data.decoding import decode
from bertbench.data.jsonl import jsonl_rows
from bertbench.data.rows import Columns
from bertbench.errors import DataError

EMBEDDED = ("helpdesk",)

_COLUMNS = Columns(text="text", text_pair=None, label="label")


def read_embedded(name: str, *, root: Path | None = None) -> dict[str, list[Row]]:
    """Read `<name>/train.jsonl`, `validation.jsonl` and `test.jsonl`.

    Args:
        name: One of `EMBEDDED`.
        root: Where the folder *name* lies; within this package if not given.

    Raises:
        DataError: If there is no such data set, or it is damaged.
    """
    if name not in EMBEDDED:
        raise DataError(
            f"data.source = 'embedded:{name}': no such data set", remedy=f"there is embedded:{', '.join(EMBEDDED)}"
        )
    folder = files("bertbench.data") if root is None else root
    return {split: _read((folder / name / f"{split}.jsonl").read_bytes, f"{split}.jsonl") for split in SPLITS}


def _read(read_bytes: Callable[[], bytes], where: str) -> list[Row]:
    try:
        content = read_bytes()
    except OSError as error:
        raise DataError(
            f"{where}: this file of the package cannot be read ({error})", remedy="install bertbench again"
        ) from error
    return jsonl_rows(decode(content, encoding="utf-8", where=where), _COLUMNS, where=where)
