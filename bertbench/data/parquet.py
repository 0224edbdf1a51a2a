"""Parquet, through pyarrow, which comes with the extra `datasets`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertbench.data.dataset import Row
from bertbench.data.extras import missing_extra
from bertbench.data.rows import Columns, missing_column, row_from
from bertbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping


def parquet_rows(path: Path, columns: Columns, *, where: str) -> list[Row]:
    """Read the columns that are needed.

    Args:
        path: The file.
        columns: Names of its columns.
        where: The file, for origins and messages.

    Raises:
        DataError: If pyarrow is missing, the file is no Parquet, a column is missing, a text is no string, or a label
            is missing.
    """
    wanted = columns.by_field()
    values = _read(path, wanted, where)
    records = zip(*values.values(), strict=True)
    return [
        row_from(dict(zip(values, record, strict=True)), f"{where}[{number}]") for number, record in enumerate(records)
    ]


def _read(path: Path, wanted: Mapping[str, str | int], where: str) -> dict[str, list[Any]]:
    """Values of each field's column."""
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise missing_extra("a Parquet file") from error
    try:
        with ParquetFile(path) as file:
            names = file.schema_arrow.names
            for field, column in wanted.items():
                if column not in names:
                    raise missing_column(where, field, column, names)
            table = file.read(columns=list(wanted.values()))
        return {field: table.column(column).to_pylist() for field, column in wanted.items()}
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{where}: not a readable Parquet file ({error})",
            remedy="set data.format if it is another kind of file; else get it again",
        ) from error
