"""Numbers of a self-test as they are written: each with what is not excluded."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bertbench.record import Fact
from bertbench.stats import ExactRate, Interval

Count = Annotated[int, Field(ge=0)]


class IntervalFacts(Fact):
    """An estimate and what is not excluded."""

    estimate: float
    """In the unit that the field says."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    samples: Count
    """It rests on so many seeds, pairs or processes."""
    confidence: float
    """Two-sided."""

    @classmethod
    def of(cls, interval: Interval) -> IntervalFacts:
        """As computed."""
        return cls(
            estimate=interval.estimate,
            low=interval.low,
            high=interval.high,
            samples=interval.samples,
            confidence=interval.confidence,
        )


class RateFacts(Fact):
    """A count with the exact 95 % interval of its rate."""

    count: Count
    """Of trials with the property."""
    trials: Annotated[int, Field(ge=1)]
    """All."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""

    @classmethod
    def of(cls, rate: ExactRate) -> RateFacts:
        """As computed."""
        return cls(count=rate.count, trials=rate.trials, low=rate.low, high=rate.high)

    @property
    def rate(self) -> float:
        """The share itself."""
        return self.count / self.trials
