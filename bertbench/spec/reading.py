"""From TOML files to a validated spec, with errors that name file, key, value, expectation and the nearest name."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bertbench.errors import SpecError
from bertbench.spec.fields import Spec
from bertbench.spec.mistakes import explain
from bertbench.spec.nearest import nearest
from bertbench.spec.optimizers import optimizer_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_spec(path: Path) -> Spec:
    """The spec of a TOML file, with what it extends merged underneath.

    `extends = "base.toml"` (relative to the file) takes all of the base; tables are merged key by key, everything
    else, lists included, is replaced.

    Raises:
        SpecError: If a file is missing, is no TOML, extends itself, or describes no possible benchmark.
    """
    return build_spec(_merged(path, ()), where=str(path))


def build_spec(fields: Mapping[str, Any], *, where: str = "spec") -> Spec:
    """A validated spec of plain values.

    Args:
        fields: As they would come from TOML.
        where: What to call them in errors, a file name for instance.

    Raises:
        SpecError: Names every mistake, not only the first.
    """
    try:
        return Spec.model_validate(_lists_to_tuples(fields))
    except ValidationError as error:
        mistakes = "; ".join(explain(detail) for detail in error.errors())
        raise SpecError(f"{where}: {mistakes}", remedy="correct the file; docs/spec.md lists every field") from None


def override(spec: Spec, changes: Mapping[str, Any], *, where: str = "option") -> Spec:
    """A new spec with some fields replaced, validated as a whole.

    Args:
        spec: Stays as it is.
        changes: Dotted names such as `training.seeds`, and their values.
        where: What to call the changes in errors.

    Raises:
        SpecError: If the result describes no possible benchmark.
    """
    fields = spec.model_dump(exclude_unset=True)
    for dotted, value in changes.items():
        fields = _replaced(fields, dotted.split("."), value)
    return build_spec(fields, where=where)


def _merged(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    """All of *path*, over what it extends."""
    fields = _parsed(path, seen)
    resolved = path.resolve()
    if resolved in seen:
        chain = " -> ".join(p.name for p in (*seen, resolved))
        raise SpecError(f"{path}: extends itself: {chain}", remedy="remove one 'extends'")
    base = fields.pop("extends", None)
    if base is None:
        return fields
    if not isinstance(base, str):
        raise SpecError(
            f"{path}: extends: {base!r} is not the name of a TOML file", remedy='write extends = "base.toml"'
        )
    return _over(_merged(path.parent / base, (*seen, resolved)), fields)


def _parsed(path: Path, extended_by: tuple[Path, ...]) -> dict[str, Any]:
    who = f"{path} (extended by {extended_by[-1].name})" if extended_by else str(path)
    try:
        # Editors on Windows begin a UTF-8 file with a byte-order mark, which TOML does not know.
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        near = nearest(path.name, (p.name for p in path.parent.glob("*.toml")))
        hint = f"did you mean {path.parent / near}?" if near else "give the path of a TOML file"
        raise SpecError(f"{who}: there is no such spec", remedy=hint) from None
    except OSError as error:
        raise SpecError(f"{who}: cannot be read: {error.strerror}", remedy="give the path of a TOML file") from None
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{who}: is not UTF-8: {error.reason} at byte {error.start}", remedy="save it as UTF-8"
        ) from None
    except ValueError as error:  # of tomllib, and of a path that no file system takes
        raise SpecError(f"{who}: is no TOML: {error}", remedy="correct the file") from None


def _over(base: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Tables merged key by key; a table that changes its kind (optimizer name) replaces the base's."""
    merged = dict(base)
    for key, value in fields.items():
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = value if _is_other_optimizer(key, old, value) else _over(old, value)
        else:
            merged[key] = value
    return merged


def _is_other_optimizer(key: str, base: dict[str, Any], table: dict[str, Any]) -> bool:
    """Whether *table* names another optimizer than *base*; a table that names none leaves it as it was."""
    return key == "optimizer" and table.get("name", optimizer_name(base)) != optimizer_name(base)


def _replaced(table: Any, path: list[str], value: Any) -> dict[str, Any]:
    """*table* with the value at *path* replaced; what is no table on the way becomes one, and validation judges it."""
    first, *rest = path
    fields = table if isinstance(table, dict) else {}
    return {**fields, first: _replaced(fields.get(first), rest, value) if rest else value}


def _lists_to_tuples(value: Any) -> Any:
    """TOML knows lists, frozen specs tuples; strict validation does not convert by itself."""
    if isinstance(value, Mapping):
        return {key: _lists_to_tuples(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_lists_to_tuples(item) for item in value)
    return value
