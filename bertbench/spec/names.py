"""The names of all fields of a spec, taken from the fields themselves."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from bertbench.spec.fields import Spec


def spec_fields() -> tuple[str, ...]:
    """Every field of a spec by its dotted name, such as `training.epochs`; of all optimizers together."""
    return tuple(dict.fromkeys(_walk(Spec, "")))


def names_in(table: str) -> tuple[str, ...]:
    """The keys that a table takes, sorted; those of the whole file for an empty name."""
    prefix = f"{table}." if table else ""
    below = (dotted.removeprefix(prefix) for dotted in spec_fields() if dotted.startswith(prefix))
    return tuple(sorted({rest.partition(".")[0] for rest in below}))


def tables_with(key: str) -> tuple[str, ...]:
    """The tables that take *key*, the whole file (an empty name) first."""
    tables = ["", *dict.fromkeys(dotted.rpartition(".")[0] for dotted in spec_fields())]
    return tuple(dict.fromkeys(table for table in tables if key in names_in(table)))


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
