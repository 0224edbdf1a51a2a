"""JSON files that say which version of their schema they are of: read as a whole, or refused with the reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from bertbench.errors import BertbenchError

Content = TypeVar("Content", bound=BaseModel)


@dataclass(frozen=True)
class Versioned(Generic[Content]):
    """Files of one kind.

    Attributes:
        kind: What one holds; its field `schema_version` says of which version it is.
        noun: What it is called in messages.
        readable: Versions that can be read, rising.
        error: What is raised.
        damaged: What to do where it is absent or cannot be read.
        other_version: What to do where it is of another version.
        no_key_twice: For files that people merge: a key that is written twice is refused. JSON would take the last one
            without a word.
    """

    kind: type[Content]
    noun: str
    readable: tuple[int, ...]
    error: type[BertbenchError]
    damaged: str
    other_version: str
    no_key_twice: bool = False

    def read(self, path: Path) -> Content:
        """The content of one file.

        Raises:
            BertbenchError: Of type `error`, if it is absent, damaged, of another version, or contradicts itself.
        """
        try:
            content = path.read_bytes()
            fields = json.loads(content, object_pairs_hook=_no_key_twice if self.no_key_twice else None)
        except (OSError, ValueError, RecursionError) as error:
            raise self.error(f"{path}: no {self.noun} can be read: {error}", remedy=self.damaged) from None
        version = fields.get("schema_version") if isinstance(fields, dict) else None
        if type(version) is not int:  # True is a number, too
            raise self.error(f"{path}: is no {self.noun}: it has no schema version", remedy=self.damaged)
        if version not in self.readable:
            *older, newest = map(str, self.readable)
            read = f"{', '.join(older)} and {newest}" if older else newest
            said = f"{path}: schema version {version}; this bertbench reads {read}"
            raise self.error(said, remedy=self.other_version)
        try:
            return self.kind.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or self.noun
            said = f"{path}: is no {self.noun}: {where}: {first['msg']}"
            raise self.error(said, remedy=self.damaged) from None


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"{', '.join(twice)}: written twice")
    return dict(pairs)
