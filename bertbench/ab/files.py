"""Comparisons on disk: `<store>/ab/<id>/ab.json`, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from bertbench.ab.fields import AB_SCHEMA_VERSION, AbRecord
from bertbench.atomic import explained, write_atomically
from bertbench.errors import RecordError
from bertbench.versioned import Versioned

_FILE = "ab.json"
_AGAIN = "bertbench ab --base SIDE --cand SIDE SPEC"
_COMPARISONS = Versioned(
    AbRecord,
    noun="comparison",
    readable=(AB_SCHEMA_VERSION,),
    error=RecordError,
    damaged=_AGAIN,
    other_version="use the bertbench that wrote it, or compare again",
)


def ab_folder(store: Path) -> Path:
    """Where a store keeps its comparisons."""
    return store / "ab"


def write_ab(path: Path, record: AbRecord) -> None:
    """Write one comparison as a file.

    Raises:
        RecordWriteError: If it cannot be written.
    """
    content = record.model_dump_json(indent=1).encode()
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda stream: stream.write(content))


def ab_path(store: Path, ab_id: str) -> Path:
    """The file of a comparison."""
    return ab_folder(store) / ab_id / _FILE


def find_ab(store: Path, name: str = "latest") -> AbRecord:
    """The comparison whose id is or begins with *name*; `latest` is the newest.

    Raises:
        RecordError: If there is none, more than one begins so, or it cannot be read.
    """
    folder = ab_folder(store)
    ids = sorted(path.parent.name for path in folder.glob(f"*/{_FILE}"))
    if not ids:
        raise RecordError(f"{folder}: holds no comparison of speed", remedy=_AGAIN)
    found = ids[-1:] if name == "latest" else [ab_id for ab_id in ids if ab_id.startswith(name)]
    if name in ids:
        found = [name]
    if len(found) != 1:
        said = f"{len(found)} comparisons begin with" if found else "no comparison"
        raise RecordError(f"{folder}: {said} {name!r}; the newest are {', '.join(ids[-3:])}", remedy="give its id")
    return read_ab(ab_path(store, found[0]))


def read_ab(path: Path) -> AbRecord:
    """The comparison of one file.

    Raises:
        RecordError: If it is absent, damaged, or of another schema.
    """
    return _COMPARISONS.read(path)
