"""Data sets from the Hugging Face hub, through `datasets` and its cache; pinned by revision.

`datasets` looks for a data set in three places: a folder of that name, the hub, and, when anything at all goes wrong
there, the newest copy in its cache whatever its revision. A pin that another revision may quietly stand in for is none,
so what it found is held against the commit that was asked for.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bertbench.data.dataset import SPLITS, Row
from bertbench.data.extras import missing_extra
from bertbench.data.rows import Columns, missing_column, row_from
from bertbench.errors import DataAbsentError, DataError
from bertbench.spec import DataSpec

_COMMIT = re.compile(r"[0-9a-f]{40}")


def read_hub(spec: DataSpec) -> dict[str, list[Row]]:
    """Read the splits that *spec* names, from the hub or from the cache.

    Args:
        spec: With source `hub:<owner>/<name>@<revision>`.

    Raises:
        DataAbsentError: If the hub cannot be reached and the cache does not hold this revision.
        DataError: If the extra `datasets` is missing, or there is no such data set, revision, configuration, split or
            column; if a text is no string, or a label is missing.
    """
    builder = _prepared(spec)
    splits = {"train": spec.train or "train", "validation": spec.validation, "test": spec.test}
    return {split: _rows(builder, name, Columns.of(spec)) for split in SPLITS if (name := splits[split]) is not None}


def _prepared(spec: DataSpec) -> Any:
    """The data set's builder, with its files on this machine."""
    try:
        from datasets import load_dataset_builder
    except ImportError as error:
        raise missing_extra(f"data.source = {spec.source!r}") from error
    name, _, revision = spec.source.removeprefix("hub:").partition("@")
    with _explained(spec.source):
        # Without a name, `datasets` takes the data set's default from the hub, but from the cache whatever is there.
        builder = load_dataset_builder(name, spec.configuration or "default", revision=revision)
        _refuse_other_revision(builder.hash, name, revision)
        builder.download_and_prepare()
    return builder


def _refuse_other_revision(found: str | None, name: str, revision: str) -> None:
    wanted = revision if _COMMIT.fullmatch(revision) else _commit_in_cache(name, revision)
    if found == wanted:
        return
    if Path(name).is_dir():
        raise DataError(
            f"data.source: the folder {name!r} in the working directory stands in for the data set of that name",
            remedy='work in another directory, or read the folder with source = "files"',
        )
    raise DataAbsentError(
        f"data.source: the hub gave no answer, and the newest copy in the cache is revision {found}, not {revision}",
        remedy="let this machine reach the hub once; the cache serves it afterwards",
    )


def _commit_in_cache(name: str, revision: str) -> str | None:
    """The commit that a tag or branch meant when the hub was last asked, which with a connection is just now."""
    from huggingface_hub import constants

    reference = Path(constants.HF_HUB_CACHE) / f"datasets--{name.replace('/', '--')}" / "refs" / revision
    return reference.read_text(encoding="utf-8").strip() if reference.is_file() else None


@contextmanager
def _explained(source: str) -> Iterator[None]:
    """Turn what `datasets` raises into errors of this package."""
    from datasets.exceptions import DatasetNotFoundError, DatasetsError
    from huggingface_hub.errors import HfHubHTTPError

    # The base of the HTTP library's errors: httpx or httpx2, as huggingface_hub pleases.
    http_error: type[Exception] = HfHubHTTPError.__bases__[0]
    try:
        yield
    # ValueError: an unknown configuration; RuntimeError: a repository that wants to run code; OSError: no files in it.
    except (DatasetsError, ValueError, RuntimeError, OSError, http_error) as error:
        if not isinstance(error, DatasetNotFoundError) and _is_caused_by(error, (ConnectionError, http_error)):
            raise DataAbsentError(
                f"data.source = {source!r}: not in the cache, and cannot be had from the hub ({_last_cause(error)})",
                remedy="let this machine reach the hub once, or set HF_HOME to a cache that holds it",
            ) from error
        raise DataError(
            f"data.source = {source!r}: {error}",
            remedy="check owner, name, revision, data.configuration; a private or gated data set needs `hf auth login`",
        ) from error


def _is_caused_by(error: BaseException | None, kinds: tuple[type[Exception], ...]) -> bool:
    return error is not None and (isinstance(error, kinds) or _is_caused_by(error.__cause__, kinds))


def _last_cause(error: BaseException) -> BaseException:
    return error if error.__cause__ is None else _last_cause(error.__cause__)


def _rows(builder: Any, split: str, columns: Columns) -> list[Row]:
    names = list(builder.info.splits)
    if split not in names:
        nearest = difflib.get_close_matches(split, names, n=1) or names
        raise DataError(
            f"there is no split {split!r}; the data set has {', '.join(names)}", remedy=f'write "{nearest[0]}"'
        )
    dataset = builder.as_dataset(split=split)
    values = {
        field: _values(dataset, field, column, f"split {split!r}") for field, column in columns.by_field().items()
    }
    records = zip(*values.values(), strict=True)
    rows = [
        row_from(dict(zip(values, record, strict=True)), f"{split}[{number}]") for number, record in enumerate(records)
    ]
    if not rows:
        raise DataError(f"split {split!r}: no rows in it")
    return rows


def _values(dataset: Any, field: str, column: str | int, where: str) -> list[Any]:
    """Values of one column; class numbers become the names that the data set gives them."""
    if column not in dataset.column_names:
        raise missing_column(where, field, column, dataset.column_names)
    named = _names_of_classes(dataset.features[column])
    return [named(value) for value in dataset[column]]


def _names_of_classes(feature: Any) -> Callable[[Any], Any]:
    from datasets import ClassLabel

    if not isinstance(feature, ClassLabel):
        return lambda value: value
    names = dict(enumerate(feature.names))
    return names.get  # -1 stands for 'not labelled': no name, so that the row is refused
