"""The user's own files: found, and read by format."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

from bertbench.data.dataset import SPLITS, Row
from bertbench.data.decoding import decode
from bertbench.data.delimited import Layout, delimited_rows
from bertbench.data.jsonl import jsonl_rows
from bertbench.data.parquet import parquet_rows
from bertbench.data.rows import Columns
from bertbench.errors import DataAbsentError, DataError
from bertbench.spec import DataSpec

_FORMAT_OF_ENDING = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
_DELIMITER_OF_FORMAT = {"csv": ",", "tsv": "\t"}
_MEANINGLESS = {"jsonl": ("delimiter", "header"), "parquet": ("delimiter", "header", "encoding")}
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def read_files(spec: DataSpec, *, base_folder: Path) -> dict[str, list[Row]]:
    """Read the file of each split that *spec* names.

    Args:
        spec: With source `files`.
        base_folder: What `spec.folder` is relative to: the folder of the spec.

    Raises:
        DataAbsentError: If an environment variable, the folder or a file is not there.
        DataError: If a file cannot be used.
    """
    folder = _folder(spec.folder, base_folder)
    names = {split: getattr(spec, split) for split in SPLITS}
    return {split: _read(folder, name, spec) for split, name in names.items() if name is not None}


def _folder(written: str, base_folder: Path) -> Path:
    folder = base_folder / Path(_VARIABLE.sub(_value, written)).expanduser()
    if not folder.is_dir():
        raise DataAbsentError(
            f"data.folder = {written!r}: {folder} is no folder on this machine",
            remedy="put the data there, or write where it lies",
        )
    return folder


def _value(variable: re.Match[str]) -> str:
    name = variable[1]
    value = os.environ.get(name)
    if not value:
        raise DataAbsentError(
            f"data.folder: the environment variable {name} is not set",
            remedy=f"set {name} to the folder that holds the data: export {name}=/path/to/data",
        )
    return value


def _find(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.exists():
        nearest = difflib.get_close_matches(name, [entry.name for entry in folder.iterdir()], n=1)
        hint = f"; there is {nearest[0]!r}" if nearest else ""
        raise DataAbsentError(f"{path}: no such file{hint}", remedy="put it there, or write its name")
    return path


def _read(folder: Path, name: str, spec: DataSpec) -> list[Row]:
    rows = _rows(_find(folder, name), name, spec)
    if not rows:
        raise DataError(f"{name}: no rows in it", remedy="a file that holds only column names, or nothing, is no data")
    return rows


def _rows(path: Path, name: str, spec: DataSpec) -> list[Row]:
    columns = Columns.of(spec)
    file_format = spec.format or _format_by_ending(path)
    _refuse_meaningless(spec, file_format, name)
    if file_format == "parquet":
        return parquet_rows(path, columns, where=name)
    text = decode(_content(path), encoding=spec.encoding, where=name)
    if file_format == "jsonl":
        return jsonl_rows(text, columns, where=name)
    delimiter = spec.delimiter or _DELIMITER_OF_FORMAT[file_format]
    layout = Layout(delimiter, quoted=file_format == "csv", header=spec.header)
    return delimited_rows(text, columns, layout, where=name)


def _refuse_meaningless(spec: DataSpec, file_format: str, name: str) -> None:
    """A field that would silently do nothing is a misunderstanding."""
    for field in _MEANINGLESS.get(file_format, ()):
        if getattr(spec, field) != type(spec).model_fields[field].default:
            raise DataError(f"{name}: data.{field} has no meaning for {file_format} files", remedy="leave it out")


def _format_by_ending(path: Path) -> str:
    try:
        return _FORMAT_OF_ENDING[path.suffix.casefold()]
    except KeyError:
        raise DataError(
            f"{path}: the ending {path.suffix!r} does not say the format",
            remedy='set data.format to "csv", "tsv", "jsonl" or "parquet"',
        ) from None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror})", remedy="name a file, and let this user read it"
        ) from error
