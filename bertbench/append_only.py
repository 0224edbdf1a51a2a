"""A file to which lines are added and never changed, such as attempts, of which a fail must not get lost.

One line of JSON for each. What cannot be read is refused and never built upon: a fail might stand there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from filelock import FileLock
from pydantic import BaseModel, ValidationError

from bertbench.atomic import explained, write_atomically
from bertbench.errors import RecordError

Line = TypeVar("Line", bound=BaseModel)

_REMEDY = "restore the file; without it nobody knows what failed before"


class AppendOnly(Generic[Line]):
    """Lines of one kind in one file, safe for several processes."""

    def __init__(self, path: Path, kind: type[Line]) -> None:
        """Of a file that need not be there yet.

        Args:
            path: Where it is; its folder is made when the first line is added.
            kind: What a line is.
        """
        self._path = path
        self._kind = kind

    def add(self, lines: Sequence[Line], *, is_new: Callable[[Line, Sequence[Line]], bool] | None = None) -> None:
        """Add *lines* at the end, all or none; what is there keeps its bytes.

        Args:
            lines: What to add.
            is_new: Whether a line is to be added, given those that are there; all are if None.

        Raises:
            RecordError: If what is there cannot be read.
            RecordWriteError: If they cannot be written; what is there stays.
        """
        if not lines:
            return
        with explained(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            turn = FileLock(f"{self._path}.lock").acquire()
        with turn:
            before = self._content()
            known = self._parsed(before)
            new = [line for line in lines if is_new is None or is_new(line, known)]
            ended = before if not before or before.endswith(b"\n") else before + b"\n"
            content = ended + "".join(f"{line.model_dump_json()}\n" for line in new).encode()
            write_atomically(self._path, lambda stream: stream.write(content))

    def read(self) -> tuple[Line, ...]:
        """All lines, in the order in which they were added.

        Raises:
            RecordError: If one cannot be read.
        """
        return self._parsed(self._content())

    def _content(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise RecordError(f"{self._path}: cannot be read: {error.strerror}", remedy=_REMEDY) from None

    def _parsed(self, content: bytes) -> tuple[Line, ...]:
        lines = content.removesuffix(b"\n").split(b"\n") if content else []
        return tuple(self._line(number, line) for number, line in enumerate(lines, start=1))

    def _line(self, number: int, line: bytes) -> Line:
        try:
            return self._kind.model_validate_json(line)
        except ValidationError as error:
            said = error.errors()[0]["msg"]
            raise RecordError(f"{self._path}: line {number} cannot be read: {said}", remedy=_REMEDY) from None
