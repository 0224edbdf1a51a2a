"""A frozen piece of a record, and what its numbers may be."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Outcome = Literal["running", "completed", "failed", "interrupted"]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Seconds = NotNegative


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


#: A date and time in UTC; one without a zone is taken to be UTC.
Moment = Annotated[datetime, AfterValidator(_utc)]


class Fact(BaseModel):
    """A frozen piece of a record. NaN and infinity are kept, as words, since they are what was measured."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings", use_attribute_docstrings=True)
