"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bertbench.data.dataset import Row
from bertbench.data.rows import Columns, missing_column, row_from
from bertbench.errors import DataError


def jsonl_rows(text: str, columns: Columns, *, where: str) -> list[Row]:
    """Read all lines.

    Args:
        text: The decoded file.
        columns: Keys of the objects.
        where: The file, for origins and messages.

    Returns:
        One row per line that is not blank.

    Raises:
        DataError: If a line is no JSON, no object, or lacks a key; if a text is no string or a label is missing.
    """
    wanted = columns.by_field()
    # Only the line feed ends a line: str.splitlines would also break at separators that may stand within a text.
    lines = enumerate(text.split("\n"), start=1)
    return [_row(line, wanted, f"{where}:{number}") for number, line in lines if line.strip()]


def _row(line: str, wanted: Mapping[str, str | int], origin: str) -> Row:
    record = _object(line, origin)
    for field, column in wanted.items():
        if column not in record:
            raise missing_column(origin, field, column, list(record))
    return row_from({field: record[str(column)] for field, column in wanted.items()}, origin)


def _object(line: str, origin: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:  # RecursionError: thousands of open brackets
        raise DataError(f"{origin}: no JSON: {error}", remedy="write one JSON object a line") from error
    if not isinstance(record, dict):
        raise DataError(
            f"{origin}: a JSON {type(record).__name__}, expected an object",
            remedy='write one object a line, as {"text": "...", "label": "..."}; no list around them',
        )
    return record
