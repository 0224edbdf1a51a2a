"""Tables that a command makes, kept between two marks of a Markdown file that people write."""

from __future__ import annotations

import sys


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
