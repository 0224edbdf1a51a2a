"""Tables that a command makes, kept between two marks of a Markdown file that people write."""

from __future__ import annotations

import sys
from pathlib import Path


def refuse_without_marks(out: Path | None, *, mark: str) -> None:
    """A file without marks is found out before the minutes are spent.

    Args:
        out: Of the file; None if the tables are printed.
        mark: The command's name.

    Raises:
        SystemExit: If the marks are not there.
    """
    if out:
        between_marks(out.read_text(encoding="utf-8"), "", mark=mark)


def deliver(made: str, out: Path | None, *, mark: str) -> None:
    """Put what was made between the marks of *out*, or print it if that is None.

    Raises:
        SystemExit: If the marks are not there.
    """
    if out:
        out.write_text(between_marks(out.read_text(encoding="utf-8"), made, mark=mark), encoding="utf-8")
    else:
        sys.stdout.write(made)


def between_marks(text: str, made: str, *, mark: str) -> str:
    """*text* with what stood between the marks replaced.

    Args:
        text: Of the file; holds the lines `<!-- made by MARK -->` and `<!-- end of what MARK made -->`.
        made: What is to stand between them.
        mark: The command's name.

    Raises:
        SystemExit: If the marks are not there.
    """
    begin, end = f"<!-- made by {mark} -->", f"<!-- end of what {mark} made -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"no place for the tables: the lines\n{begin}\n{end}\nwere expected in the file")
    return f"{before}{begin}\n\n{made}\n{end}{after}"
