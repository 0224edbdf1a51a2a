"""A validator's complaint in words: key, what was given, what was expected, and the nearest valid name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from bertbench.spec.names import names_in, tables_with
from bertbench.spec.nearest import did_you_mean

#: Words of TOML for what pydantic says of Python.
_EXPECTED = {
    "tuple_type": "expected a list",
    "model_type": "expected a table",
    "bool_type": "expected true or false",
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "string_type": "expected text in quotes",
}

#: What a pattern of `bertbench.spec.fields` asks for, by the key it belongs to.
_PATTERNS = {
    "name": "expected lower-case letters, digits and _, a letter first",
    "sha256": "expected 64 digits of 0 to 9 and a to f, as sha256sum prints them",
}

#: Longest value shown, in characters.
_SHOWN_CHARACTERS = 80


def explain(detail: Mapping[str, Any]) -> str:
    """One mistake in one sentence.

    Args:
        detail: One of pydantic's `ValidationError.errors()`.
    """
    words = _WORDS.get(detail["type"], _wrong_value)
    return words(_without_tags(detail["loc"]), detail)


def _without_tags(location: Sequence[Any]) -> list[str]:
    """Where it is, by the names in the file; pydantic adds the tag of the optimizer."""
    parts = [str(part) for part in location]
    return parts[:1] + parts[2:] if parts[:1] == ["optimizer"] else parts


def _unknown_key(location: list[str], detail: Mapping[str, Any]) -> str:
    return _said(location, f"unknown key{_hint(location)}", detail["input"])


def _missing(location: list[str], detail: Mapping[str, Any]) -> str:
    del detail  # holds the whole table in which it is missing
    return _said(location, "missing; it has no default")


def _not_one_of(location: list[str], detail: Mapping[str, Any]) -> str:
    known = re.findall(r"'([^']*)'", detail["ctx"]["expected"])
    return _said(location, f"{_expected(detail)}{did_you_mean(str(detail['input']), known)}", detail["input"])


def _no_list(location: list[str], detail: Mapping[str, Any]) -> str:
    if isinstance(detail["input"], Mapping):
        return _said(location, f"expected a list of tables; write [[{'.'.join(location)}]]")
    return _wrong_value(location, detail)


def _no_optimizer(location: list[str], detail: Mapping[str, Any]) -> str:
    """The optimizer is chosen by its name before anything else of its table is looked at."""
    if not isinstance(detail["input"], Mapping):
        return _said(location, "expected a table", detail["input"])
    name = detail["input"].get("name")
    near = did_you_mean(str(name), ("adam", "adamw", "sgd"))
    return _said([*location, "name"], f"{detail['msg']}{near}", name)


def _not_in_pattern(location: list[str], detail: Mapping[str, Any]) -> str:
    return _said(location, _PATTERNS.get(location[-1], _expected(detail)), detail["input"])


def _of_our_validators(location: list[str], detail: Mapping[str, Any]) -> str:
    """A complaint of one of our own validators, which may begin with the name of a key below *location*."""
    message, value = detail["msg"].removeprefix("Value error, "), detail["input"]
    inner, colon, rest = message.partition(": ")
    if not colon or " " in inner:
        return _said(location, message, value)
    for key in inner.split("."):
        value = _below(value, key)
    return _said([*location, inner], rest, value)


def _wrong_value(location: list[str], detail: Mapping[str, Any]) -> str:
    return _said(location, _expected(detail), detail["input"])


_WORDS: dict[str, Callable[[list[str], Mapping[str, Any]], str]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "literal_error": _not_one_of,
    "tuple_type": _no_list,
    "string_pattern_mismatch": _not_in_pattern,
    "unknown_optimizer": _no_optimizer,
    "value_error": _of_our_validators,
}


def _expected(detail: Mapping[str, Any]) -> str:
    own = str(detail["msg"]).replace("Input should be ", "expected ").replace("String should ", "expected text to ")
    return _EXPECTED.get(detail["type"], own)


def _below(value: Any, key: str) -> Any:
    """What stands at *key*; nothing, where nothing was written."""
    if isinstance(value, BaseModel):
        return getattr(value, key, None)
    return value.get(key) if isinstance(value, Mapping) else None


def _said(location: list[str], message: str, value: Any = None) -> str:
    given = f" (given: {_shown(value)})" if value is not None and not _holds_tables(value) else ""
    return f"{'.'.join(location) or 'spec'}: {message}{given}"


def _holds_tables(value: Any) -> bool:
    """Tables are too long to show, and the mistake is rarely in all of one."""
    tables = (Mapping, BaseModel)
    return isinstance(value, tables) or (isinstance(value, tuple) and any(isinstance(item, tables) for item in value))


def _shown(value: Any) -> str:
    """*value* nearly as in the file, cut if it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _hint(location: list[str]) -> str:
    """The key that may have been meant: of the same table first, then of another."""
    *parents, wrong = location
    table = ".".join(part for part in parents if not part.isdecimal())
    here = names_in(table)
    if wrong in here:
        return "; it belongs to another optimizer"  # the one table whose keys depend on its name
    if wrong == "extends":
        return "; it stands at the top of a file" if table else "; it is read in files only"
    here = here if table else tuple(sorted((*here, "extends")))
    if near := did_you_mean(wrong, here):
        return near
    if homes := tables_with(wrong):
        return f"; it belongs to [{homes[0]}]" if homes[0] else "; it belongs to the top of the file, above all tables"
    return f"; known here: {', '.join(here)}"
