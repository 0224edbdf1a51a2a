"""One part of the program replaced while a faulty run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced(owner: Any, name: str, wrap: Callable[[Any], Any]) -> Iterator[None]:
    """Put *wrap* of what *owner* calls *name* in its place, and put it back.

    Args:
        owner: A module or class.
        name: Of a function or method; an AttributeError says that the program has it no more.
        wrap: Takes the original, gives what stands in for it.
    """
    original = getattr(owner, name)
    setattr(owner, name, wrap(original))
    try:
        yield
    finally:
        setattr(owner, name, original)
