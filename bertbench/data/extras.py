"""What to say when an optional library is not installed."""

from __future__ import annotations

from bertbench.errors import DataError


def missing_extra(what: str) -> DataError:
    """The error for *what*, which only the extra `datasets` can read."""
    return DataError(
        f"{what} is read with libraries that are not installed", remedy="pip install 'bertbench[datasets]'"
    )
