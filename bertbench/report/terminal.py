"""Text for terminals that are not rich's own, such as pytest's."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType


def rendered(what: RenderableType, *, width: int, colour: bool) -> str:
    """*what* as lines of text.

    Args:
        what: Anything rich can show.
        width: Columns.
        colour: Whether to use terminal colours; NO_COLOR is honoured all the same.
    """
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colour, color_system="standard" if colour else None
    )
    console.print(what)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO from above
    return text.rstrip("\n")
