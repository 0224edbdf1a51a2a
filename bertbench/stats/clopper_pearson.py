"""Exact bounds of a chance from a count (Clopper & Pearson 1934, Biometrika 26:404)."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

from bertbench.errors import VerdictError
from bertbench.stats.samples import probability


@dataclass(frozen=True)
class ExactRate:
    """A share of trials with its exact two-sided interval.

    Attributes:
        count: Trials that had the property.
        trials: All of them.
        low: Lower end, 0 if count is 0.
        high: Upper end, 1 if count is all.
        confidence: Two-sided, at least reached.
    """

    count: int
    trials: int
    low: float
    high: float
    confidence: float

    @property
    def rate(self) -> float:
        """The share itself."""
        return self.count / self.trials


def exact_upper_bound(count: int, trials: int, *, confidence: float = 0.95) -> float:
    """The largest chance under which *count* or fewer would still be seen with probability 1 - confidence.

    The quantile *confidence* of Beta(count + 1, trials - count); for no count at all, 1 - (1 - confidence)^(1/trials).
    Assumption: independent trials of one chance. It covers at least as often as it says, whatever the chance is.

    Raises:
        VerdictError: If there are no trials, or the count is not among them.
    """
    _check(count, trials)
    probability("confidence", confidence)
    return 1.0 if count == trials else float(stats.beta.ppf(confidence, count + 1, trials - count))


def exact_lower_bound(count: int, trials: int, *, confidence: float = 0.95) -> float:
    """The smallest chance under which *count* or more would still be seen with probability 1 - confidence.

    The quantile 1 - confidence of Beta(count, trials - count + 1). A lower bound above a limit *shows* that the limit
    is exceeded; below it, nothing is shown.

    Raises:
        VerdictError: If there are no trials, or the count is not among them.
    """
    _check(count, trials)
    probability("confidence", confidence)
    return 0.0 if count == 0 else float(stats.beta.ppf(1 - confidence, count, trials - count + 1))


def exact_rate(count: int, trials: int, *, confidence: float = 0.95) -> ExactRate:
    """A share of trials with both bounds, each at half of what *confidence* leaves open.

    Raises:
        VerdictError: If there are no trials, or the count is not among them.
    """
    one_sided = 1 - (1 - probability("confidence", confidence)) / 2
    return ExactRate(
        count=count,
        trials=trials,
        low=exact_lower_bound(count, trials, confidence=one_sided),
        high=exact_upper_bound(count, trials, confidence=one_sided),
        confidence=confidence,
    )


def _check(count: int, trials: int) -> None:
    if trials < 1:
        raise VerdictError(f"a rate of {count} in {trials} trials was asked for, at least one trial is needed")
    if not 0 <= count <= trials:
        raise VerdictError(
            f"a count of {count} was given for {trials} trials, a number from 0 to {trials} was expected"
        )
