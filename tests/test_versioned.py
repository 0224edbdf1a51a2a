"""A file is read as a whole, or refused with what it is, what is wrong, and what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from bertbench.errors import RecordError
from bertbench.versioned import Versioned


class Letter(BaseModel):
    """What is read."""

    schema_version: Literal[1, 2]
    text: str


LETTERS = Versioned(
    Letter, noun="letter", readable=(1, 2), error=RecordError, damaged="write again", other_version="upgrade"
)


@pytest.mark.parametrize("version", [1, 2])
def test_a_readable_version_is_read(tmp_path: Path, version: int) -> None:
    path = tmp_path / "letter.json"
    path.write_text(f'{{"schema_version": {version}, "text": "a"}}')
    assert LETTERS.read(path).schema_version == version


@pytest.mark.parametrize(
    ("content", "said", "remedy"),
    [
        (b"", "no letter can be read: ", "write again"),
        (b"\xff", "no letter can be read: ", "write again"),
        (b"[" * 100_000, "no letter can be read: ", "write again"),
        (b"[]", "is no letter: it has no schema version", "write again"),
        (b'{"schema_version": true}', "is no letter: it has no schema version", "write again"),
        (b'{"schema_version": 1.0}', "is no letter: it has no schema version", "write again"),
        (b'{"schema_version": 0}', "schema version 0; this bertbench reads 1 and 2", "upgrade"),
        (b'{"schema_version": 3, "text": 1}', "schema version 3; this bertbench reads 1 and 2", "upgrade"),
        (b'{"schema_version": 1}', "is no letter: text: Field required", "write again"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(tmp_path: Path, content: bytes, said: str, remedy: str) -> None:
    path = tmp_path / "letter.json"
    path.write_bytes(content)
    with pytest.raises(RecordError) as caught:
        LETTERS.read(path)
    assert caught.value.message.startswith(f"{path}: {said}")
    assert caught.value.remedy == remedy


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"no letter can be read: .*No such file"):
        LETTERS.read(tmp_path / "letter.json")


def test_a_key_that_is_written_twice_is_refused_where_people_merge(tmp_path: Path) -> None:
    path = tmp_path / "letter.json"
    path.write_text('{"schema_version": 1, "text": "a", "text": "b"}')
    assert LETTERS.read(path).text == "b"
    with pytest.raises(RecordError, match="text: written twice"):
        replace(LETTERS, no_key_twice=True).read(path)
