"""CSV and TSV: records in text, one delimiter, with or without a line of column names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from bertbench.data.dataset import Row
from bertbench.data.rows import Columns, missing_column, row_from
from bertbench.errors import DataError

#: The largest that a C long takes on every system; the module's own limit of 131,072 refuses long texts.
_FIELD_SIZE_LIMIT = 2**31 - 1

#: Tried, in this order, when a file has one column where two or more are asked for.
_COMMON_DELIMITERS = (",", ";", "\t", "|")

_NOT_DELIMITERS = '"\r\n '


@dataclass(frozen=True)
class Layout:
    """How records are written.

    Attributes:
        delimiter: One character between fields.
        quoted: Whether fields may stand in double quotes (CSV), which protect delimiters and line breaks.
        header: Whether the first record holds column names.
    """

    delimiter: str
    quoted: bool
    header: bool


class _Record(NamedTuple):
    """Fields of one record, and the line on which it starts, counted from 1."""

    line: int
    fields: list[str]


def delimited_rows(text: str, columns: Columns, layout: Layout, *, where: str) -> list[Row]:
    """Read all records.

    Args:
        text: The decoded file, line breaks as they stand.
        columns: Names of columns, or numbers from 0.
        layout: How records are written.
        where: The file, for origins and messages.

    Returns:
        One row per record; blank lines are no records.

    Raises:
        DataError: If a column is missing, a record has another number of fields than the first, a quote is never
            closed, or a label is empty.
    """
    if layout.delimiter in _NOT_DELIMITERS:
        raise DataError(
            f"{where}: data.delimiter = {layout.delimiter!r} cannot stand between fields",
            remedy='write the character that does: ",", ";", "\\t" or "|"',
        )
    records = _records(text, layout, where)
    if not records:
        return []
    places = _places(columns, records[0].fields, layout, where)
    rows = records[1:] if layout.header else records
    return [_row(record, places, len(records[0].fields), where) for record in rows]


def _records(text: str, layout: Layout, where: str) -> list[_Record]:
    """All records; blank lines give none."""
    # newline="" hands line breaks within quotes to the csv module unchanged.
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=layout.delimiter,
        quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE,
        strict=True,  # else a quote that is never closed swallows the rest of the file
    )
    records, line = [], 1
    try:
        with _no_field_size_limit():
            for fields in reader:
                records.append(_Record(line, fields))
                line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{where}:{line}: the record that starts here cannot be read ({error})",
            remedy="close the quotes, double those within quoted text, and take NUL bytes out",
        ) from error
    return [record for record in records if record.fields]


@contextmanager
def _no_field_size_limit() -> Iterator[None]:
    """The limit belongs to the whole process: put it back."""
    before = csv.field_size_limit(_FIELD_SIZE_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _places(columns: Columns, first: Sequence[str], layout: Layout, where: str) -> dict[str, int]:
    """Number of the column of each field."""
    wanted = columns.by_field()
    if len(first) == 1 and len(wanted) > 1:
        raise _one_column(first[0], wanted, layout, where)
    return {field: _place(field, column, first, layout, where) for field, column in wanted.items()}


def _place(field: str, column: str | int, first: Sequence[str], layout: Layout, where: str) -> int:
    if isinstance(column, int):
        if layout.header:
            raise _number_despite_header(field, column, first, where)
        if column < len(first):
            return column
        raise DataError(
            f"{where}: data.{field} = {column}, but columns are numbered 0 to {len(first) - 1}",
            remedy=f"write data.{field} as one of these; is data.delimiter right?",
        )
    if not layout.header:
        raise DataError(
            f"{where}: data.{field} = {column!r} is a name, but data.header = false: columns have numbers, from 0",
            remedy=f"write data.{field} as a number from 0 to {len(first) - 1}",
        )
    if first.count(column) > 1:
        raise DataError(f"{where}: two columns are called {column!r}", remedy="rename one of them")
    if column not in first:
        raise missing_column(where, field, column, first)
    return first.index(column)


def _number_despite_header(field: str, column: int, first: Sequence[str], where: str) -> DataError:
    """A file without header would lose its first row without a word."""
    return DataError(
        f"{where}: data.{field} = {column} is a number, but with data.header = true the first record holds names: "
        f"{', '.join(repr(name[:40]) for name in first)}",
        remedy=f"set data.header = false if that is a row of data, else write data.{field} as a name",
    )


def _one_column(found: str, wanted: Mapping[str, str | int], layout: Layout, where: str) -> DataError:
    guesses = [d for d in _COMMON_DELIMITERS if d != layout.delimiter and d in found]
    written = {"\t": "\\t"}.get(guesses[0], guesses[0]) if guesses else "<character>"
    return DataError(
        f"{where}: one column found, {found[:80]!r}, where {len(wanted)} are asked for: "
        f"{layout.delimiter!r} is not what separates the fields",
        remedy=f'set data.delimiter = "{written}"',
    )


def _row(record: _Record, places: Mapping[str, int], width: int, where: str) -> Row:
    origin = f"{where}:{record.line}"
    if len(record.fields) != width:
        raise DataError(
            f"{origin}: {len(record.fields)} fields, expected {width} as in the first record",
            remedy="a text that holds the delimiter must stand in quotes (CSV), or not hold it (TSV has no quotes)",
        )
    return row_from({field: record.fields[place] for field, place in places.items()}, origin)
