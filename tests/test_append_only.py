"""Lines are added and never changed; what cannot be read is refused, and never built upon."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from bertbench.append_only import AppendOnly
from bertbench.errors import RecordError, RecordWriteError


class Word(BaseModel):
    """A line."""

    text: str


def words(path: Path) -> AppendOnly[Word]:
    return AppendOnly(path, Word)


@given(st.lists(st.lists(st.text(), max_size=3), max_size=5))
def test_lines_are_read_back_in_order_and_those_before_keep_their_bytes(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[str]]
) -> None:
    """Whatever is in them: some characters end a line elsewhere, and here only a newline does."""
    path = tmp_path_factory.mktemp("lines") / "deep" / "words.jsonl"
    before = b""
    for batch in batches:
        words(path).add([Word(text=text) for text in batch])
        after = path.read_bytes() if path.exists() else b""
        assert after.startswith(before)
        before = after
    assert [line.text for line in words(path).read()] == [text for batch in batches for text in batch]


def test_nothing_to_add_writes_nothing(tmp_path: Path) -> None:
    words(tmp_path / "deep" / "words.jsonl").add([])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"\n", b"{\n", b"{}\n", b"\xff\n", b'{"text": 1}\n', b'{"text": "a"', b"\r\n"])
def test_a_damaged_line_is_refused_with_its_number_and_never_built_upon(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "words.jsonl"
    words(path).add([Word(text="a")])
    path.write_bytes(path.read_bytes() + damage)
    damaged = path.read_bytes()
    for ask in (words(path).read, lambda: words(path).add([Word(text="b")])):
        with pytest.raises(RecordError, match=r"words\.jsonl: line 2 cannot be read: ") as caught:
            ask()
        assert "restore the file" in caught.value.remedy
    assert path.read_bytes() == damaged


def test_a_last_line_without_its_end_is_a_line(tmp_path: Path) -> None:
    """As editors leave it: what is added does not become part of it."""
    path = tmp_path / "words.jsonl"
    path.write_text('{"text": "a"}')
    words(path).add([Word(text="b")])
    assert [line.text for line in words(path).read()] == ["a", "b"]


def test_line_ends_of_other_systems_are_read(tmp_path: Path) -> None:
    path = tmp_path / "words.jsonl"
    path.write_bytes(b'{"text": "a"}\r\n{"text": "b"}\r\n')
    assert [line.text for line in words(path).read()] == ["a", "b"]


def test_a_place_that_cannot_be_written_or_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "afile").write_text("")
    with pytest.raises(RecordWriteError, match="cannot be written"):
        words(tmp_path / "afile" / "words.jsonl").add([Word(text="a")])
    with pytest.raises(RecordError, match="cannot be read"):
        words(tmp_path).read()


def test_processes_that_add_at_once_lose_no_line(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from pydantic import BaseModel
from bertbench.append_only import AppendOnly

class Word(BaseModel):
    text: str

for number in range(20):
    AppendOnly(Path("words.jsonl"), Word).add([Word(text=f"{sys.argv[1]} {number}")])
"""
    processes = [subprocess.Popen([sys.executable, "-c", script, str(name)], cwd=tmp_path) for name in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    read = [line.text for line in words(tmp_path / "words.jsonl").read()]
    assert sorted(read) == sorted(f"{name} {number}" for name in range(3) for number in range(20))
