"""From the values of a record to a row: which columns, of which type, and what to say when one is missing."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertbench.data.dataset import Row
from bertbench.errors import DataError
from bertbench.spec import DataSpec

#: So many column names are listed in a message; a wide table would bury the point.
_LISTED = 12


@dataclass(frozen=True)
class Columns:
    """Which column holds what; each a name, or a number counted from 0.

    Attributes:
        text: The (first) sentence.
        text_pair: The second sentence, if there is one.
        label: The class.
    """

    text: str | int
    text_pair: str | int | None
    label: str | int

    @classmethod
    def of(cls, spec: DataSpec) -> Columns:
        """The columns that *spec* names."""
        return cls(spec.text, spec.text_pair, spec.label)

    def by_field(self) -> dict[str, str | int]:
        """Column of each field of the spec that names one.

        Raises:
            DataError: If two fields name the same column.
        """
        columns = {"text": self.text, "text_pair": self.text_pair, "label": self.label}
        given = {field: column for field, column in columns.items() if column is not None}
        if len(set(given.values())) < len(given):
            shown = ", ".join(f"data.{field} = {column!r}" for field, column in given.items())
            raise DataError(
                f"{shown}: the same column cannot hold two things", remedy="name a column of its own for each"
            )
        return given


def row_from(values: Mapping[str, Any], origin: str) -> Row:
    """Check the values of one record.

    Args:
        values: Value of each field of `Columns.by_field`.
        origin: Where the record stands.

    Raises:
        DataError: If a text is no string, or a label is missing.
    """
    sentences = {field: value for field, value in values.items() if field != "label"}
    for field, value in sentences.items():
        if not isinstance(value, str):
            raise DataError(
                f"{origin}: data.{field} is {_shown(value)}, expected a string",
                remedy="give this row its text, or leave it out",
            )
    return Row(sentences["text"], sentences.get("text_pair"), _label(values["label"], origin), origin)


def _label(value: Any, origin: str) -> str:
    """Name of a class; numbers become their digits."""
    is_number = isinstance(value, (int, float)) and value == value  # noqa: PLR0124 - only NaN differs from itself
    if is_number or (isinstance(value, str) and value.strip()):
        return str(value)
    raise DataError(
        f"{origin}: data.label is {_shown(value)}, expected the name or number of a class",
        remedy="give this row its class, or leave it out; a split without labels cannot be used",
    )


def _shown(value: Any) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        return "missing"
    return f"{str(value)[:40]!r} ({type(value).__name__})"


def missing_column(where: str, field: str, column: str | int, names: Sequence[str]) -> DataError:
    """The error for a column that is not there, with the nearest name.

    Args:
        where: File, line or split.
        field: Field of the spec that names the column: text, text_pair or label.
        column: What it names.
        names: The columns there are.
    """
    listed = ", ".join(map(repr, names[:_LISTED])) + (", ..." if len(names) > _LISTED else "") if names else "none"
    if isinstance(column, int):
        return DataError(
            f"{where}: data.{field} = {column} is a number, and columns have names here: {listed}",
            remedy=f'write data.{field} = "<name>"',
        )
    folded = {name.strip().casefold(): name for name in names}
    nearest = difflib.get_close_matches(column.strip().casefold(), folded, n=1)
    guess = json.dumps(folded[nearest[0]]) if nearest else '"<name>" with one of these names'
    return DataError(f"{where}: no column {column!r}; the columns are {listed}", remedy=f"write data.{field} = {guess}")
