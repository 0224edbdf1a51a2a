"""When two rows say the same."""

from __future__ import annotations

from collections.abc import Sequence

Identity = tuple[str, ...]


def identity(sentences: Sequence[str], *, folded: bool) -> Identity:
    """A key that is equal for rows of the same text.

    Args:
        sentences: The row's one or two sentences.
        folded: Whether differences of case and spacing are ignored.
    """
    return tuple(fold(sentence) for sentence in sentences) if folded else tuple(sentences)


def fold(text: str) -> str:
    """*text* without differences of case, and with every run of white space as one space; none at the ends."""
    return " ".join(text.casefold().split())
