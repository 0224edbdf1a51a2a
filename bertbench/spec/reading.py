"""From TOML files to a validated spec, with errors that name file, key, value, expectation and the nearest name."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from bertbench.errors import SpecError
from bertbench.spec.fields import Spec

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
        lines = [_explain(detail) for detail in error.errors()]
        raise SpecError(
            f"{where}: " + "; ".join(lines), remedy="correct the file; docs/spec.md lists every field"
        ) from None


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
        *tables, last = dotted.split(".")
        table = fields
        for name in tables:
            table = table.setdefault(name, {})
        table[last] = value
    return build_spec(fields, where=where)


def _merged(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    """All of *path*, over what it extends."""
    resolved = path.resolve()
    if resolved in seen:
        chain = " -> ".join(p.name for p in (*seen, resolved))
        raise SpecError(f"{path}: extends itself: {chain}", remedy="remove one 'extends'")
    fields = _parsed(path)
    base = fields.pop("extends", None)
    if base is None:
        return fields
    if not isinstance(base, str):
        raise SpecError(
            f"{path}: extends: {base!r} is not the name of a TOML file", remedy='write extends = "base.toml"'
        )
    return _over(_merged(path.parent / base, (*seen, resolved)), fields)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.toml")], n=1, cutoff=0.5)
        hint = f"did you mean {path.parent / near[0]}?" if near else "give the path of a TOML file"
        raise SpecError(f"{path}: there is no such spec", remedy=hint) from None
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}", remedy="give the path of a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: is no TOML: {error}", remedy="correct the file") from None


def _over(base: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Tables merged key by key; a table that changes its kind (optimizer name) replaces the base's."""
    merged = dict(base)
    for key, value in fields.items():
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            other_kind = key == "optimizer" and value.get("name", old.get("name")) != old.get("name")
            merged[key] = value if other_kind else _over(old, value)
        else:
            merged[key] = value
    return merged


def _lists_to_tuples(value: Any) -> Any:
    """TOML knows lists, frozen specs tuples; strict validation does not convert by itself."""
    if isinstance(value, Mapping):
        return {key: _lists_to_tuples(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_lists_to_tuples(item) for item in value)
    return value


def _explain(detail: Any) -> str:
    """One mistake in words: key, what was given, what was expected, nearest name."""
    location = [part for part in detail["loc"] if part not in ("adam", "adamw", "sgd")]
    key = ".".join(str(part) for part in location) or "spec"
    if detail["type"] == "extra_forbidden":
        return f"{key}: unknown key{_nearest(location)}"
    if detail["type"] == "missing":
        return f"{key}: missing"
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "value_error":
        inner, _, rest = message.partition(": ")
        if rest and " " not in inner:
            return f"{key}.{inner}: {rest}" if key != "spec" else message
    if detail["type"] == "unknown_optimizer" and isinstance(detail["input"], dict):
        return f"optimizer.name: {message} (given: {detail['input'].get('name')!r})"
    given = "" if isinstance(detail["input"], (dict, BaseModel)) else f" (given: {detail['input']!r})"
    return f"{key}: {message}{given}"


def _nearest(location: list[Any]) -> str:
    """The field whose name is most alike, of the same table first, then of any table."""
    wrong = str(location[-1])
    here = _field_names(location[:-1])
    if wrong in here:
        return "; it belongs to another optimizer"  # the one table whose keys depend on its name
    near = difflib.get_close_matches(wrong, here, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    elsewhere = [dotted for dotted in spec_fields() if dotted.endswith(f".{wrong}")]
    if elsewhere:
        return f"; it belongs to [{elsewhere[0].rpartition('.')[0]}]"
    return f"; known here: {', '.join(here)}"


def _field_names(location: list[Any]) -> list[str]:
    prefix = ".".join(str(part) for part in location if not isinstance(part, int))
    names = {
        dotted.removeprefix(f"{prefix}.").partition(".")[0]
        for dotted in spec_fields()
        if not prefix or dotted.startswith(f"{prefix}.")
    }
    return sorted(names | ({"extends"} if not prefix else set()))


def spec_fields() -> tuple[str, ...]:
    """Every field of a spec by its dotted name, such as `training.epochs`; of all optimizers together."""
    return tuple(dict.fromkeys(_walk(Spec, "")))


def _walk(table: type[BaseModel], prefix: str) -> list[str]:
    names: list[str] = []
    for name, field in table.model_fields.items():
        inner = _tables(field.annotation)
        if inner:
            names += [dotted for model in inner for dotted in _walk(model, f"{prefix}{name}.")]
        else:
            names.append(f"{prefix}{name}")
    return names


def _tables(annotation: Any) -> list[type[BaseModel]]:
    """The tables that an annotation allows."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, tuple, Annotated):
        return [table for argument in get_args(annotation) for table in _tables(argument)]
    return []
