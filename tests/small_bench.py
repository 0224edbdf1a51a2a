"""A benchmark small enough to run in seconds: two classes of short messages, sixteen to learn from, a tiny BERT."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertbench.spec import Spec, build_spec, override

#: Every word is a WordPiece of the tiny BERT. The first is of class `delivery`, the second of class `refund`.
_MESSAGES = ("my package is {} late", "i {} want my money back")
_TRAIN_WORDS = "now today still always never again please so".split()  # noqa: SIM905 - reads better than a list of strings
_VALIDATION_WORDS = "well new most give".split()  # noqa: SIM905 - likewise
LABELS = ("delivery", "refund")


def write_rows(folder: Path) -> None:
    """`train.jsonl` with 16 rows and `validation.jsonl` with 8, both classes alike."""
    for split, words in (("train", _TRAIN_WORDS), ("validation", _VALIDATION_WORDS)):
        rows = [
            {"text": message.format(word), "label": label}
            for word in words
            for message, label in zip(_MESSAGES, LABELS, strict=True)
        ]
        (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def small_spec(checkpoint: Path | str, **changes: Any) -> Spec:
    """Two epochs of batches of 6, 6 and 4 rows; nothing promised but identity.

    Args:
        checkpoint: Folder of a tiny BERT.
        changes: Fields with `__` for the dot: `training__seeds=(0, 1)`.
    """
    spec = build_spec(
        {
            "name": "small",
            "checkpoint": {"source": f"path:{checkpoint}"},
            "data": {"source": "files", "train": "train.jsonl", "validation": "validation.jsonl"},
            "training": {"epochs": 2, "batch_size": 6},
        }
    )
    return override(spec, {name.replace("__", "."): value for name, value in changes.items()})


def write_small_bench(folder: Path, checkpoint: Path | str, *, name: str = "small", **changes: Any) -> Path:
    """Rows and spec as files.

    Args:
        folder: Where to; made if it is not there.
        checkpoint: Folder of a tiny BERT.
        name: Of the spec and its file.
        changes: As for `small_spec`.

    Returns:
        The TOML file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder)
    path = folder / f"{name}.toml"
    spec = small_spec(checkpoint, name=name, **changes)
    path.write_text(to_toml(spec.model_dump(mode="json", exclude_unset=True, exclude_none=True)))
    return path


def to_toml(table: Mapping[str, Any], path: str = "") -> str:
    """A TOML file with the content of a spec: tables, lists of tables, plain values."""
    plain = {key: value for key, value in table.items() if not _is_nested(value)}
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in plain.items())
    for key, value in table.items():
        where = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            text += f"\n[{where}]\n{to_toml(value, where)}"
        elif _is_nested(value):
            text += "".join(f"\n[[{where}]]\n{to_toml(item, where)}" for item in value)
    return text


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))
