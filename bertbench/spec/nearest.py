"""The name that somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: How alike two names must be, from 0 to 1, for one to be offered in place of the other.
_ALIKE = 0.6


def nearest(wrong: str, known: Iterable[str]) -> str:
    """The known name most like *wrong*; empty if none is like it.

    A name that *wrong* is the end of comes first: 'accuracy' is rather 'validation_accuracy' than 'train_accuracy'
    where the former is known first.
    """
    names = tuple(known)
    ending = [name for name in names if name.endswith(f"_{wrong}")]
    alike = difflib.get_close_matches(wrong, names, n=1, cutoff=_ALIKE)
    return next(iter(ending + alike), "")


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """'; did you mean <name>?', or nothing."""
    name = nearest(wrong, known)
    return f"; did you mean {name}?" if name else ""
