"""What every table of a spec is, and the numbers in it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bertbench.quantities import THRESHOLD_QUANTITIES
from bertbench.spec.nearest import did_you_mean

Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class Table(BaseModel):
    """A TOML table: frozen, nothing unknown in it, no silent conversion of text to numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


def is_default(table: Table, name: str) -> bool:
    """Whether a field has its default; a record writes every field, so 'was it written' would say nothing."""
    return bool(getattr(table, name) == type(table).model_fields[name].default)


def known_quantity(value: str, known: Collection[str] = THRESHOLD_QUANTITIES) -> str:
    """The name of a quantity as it is.

    Raises:
        ValueError: If it is none of *known*.
    """
    if value not in known:
        raise ValueError(f"unknown quantity{did_you_mean(value, known)}; known: {', '.join(known)}")
    return value
