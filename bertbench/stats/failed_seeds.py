"""Do more seeds fail than the spec allows? A count, judged apart from the means.

A failed seed (NaN, one class for all rows, or no better than the majority class) ruins any mean: of 4 x 0 and 1 x -47
points, t is 1. So means are taken over the seeds that did not fail, and the count is held against the rate that the
spec allows. Held against the baseline's own count it would have no power: 20 clean seeds show no rate below 13.9 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bertbench.errors import VerdictError
from bertbench.stats.clopper_pearson import exact_upper_bound
from bertbench.stats.samples import probability

#: One failed seed in a hundred is nobody's regression.
ALLOWED_RATE = 0.01
#: A fifth of the quality share (0.5 %) of one CI run with one gated spec.
DEFAULT_ALPHA = 0.001
#: A count that the allowed rate reaches with less than this chance is not explained by it, and nothing passes on it.
UNEXPLAINED_BELOW = 0.05


@dataclass(frozen=True)
class FailedSeeds:
    """Result of `judge_failed_seeds`.

    Attributes:
        word: 'fail': the limit is reached. 'unexplained': below the limit, yet so many are rare at the allowed rate, so
            no pass. 'explained': nothing against the allowed rate.
        failed: Seeds that failed.
        seeds: Seeds that ran, failed ones included.
        limit: Count at which this look fails; more than *seeds* if this look cannot fail.
        p_value: Chance of so many or more at the allowed rate, this look alone.
        upper_bound: Exact one-sided 95 % bound of the rate: 13.9 % for 0 of 20. Print it, so that '0 failed' is not
            read as 'never fails'.
        allowed_rate: As given.
        level: Chance that the rule fails at any of its looks if the allowed rate is the true one.
    """

    word: Literal["fail", "unexplained", "explained"]
    failed: int
    seeds: int
    limit: int
    p_value: float
    upper_bound: float
    allowed_rate: float
    level: float

    @property
    def can_fail(self) -> bool:
        """Whether any count at this look could fail."""
        return self.limit <= self.seeds


@dataclass(frozen=True)
class FailedSeedLimits:
    """At which count each look fails, and how often that happens at the allowed rate.

    Attributes:
        looks: Seeds run at each look.
        limits: Count of failed seeds at which it fails; more than the seeds where it cannot.
        level: Chance of failing at any look, at most the alpha asked for.
    """

    looks: tuple[int, ...]
    limits: tuple[int, ...]
    level: float


def failed_seed_limits(
    *, looks: Sequence[int] = (4, 8, 20), allowed_rate: float = ALLOWED_RATE, alpha: float = DEFAULT_ALPHA
) -> FailedSeedLimits:
    """The lowest limits whose chance, over all looks together, stays within *alpha*; earlier looks are served first.

    The chance is exact: the number of failed seeds is followed from look to look (binomial steps), and what has
    reached a limit has failed. At 1 % allowed and alpha 0.1 % the limits are 2 of 4, 3 of 8, 4 of 20, together 0.07 %;
    at half that alpha, as of two gated specs, 3 of 4, 3 of 8, 4 of 20, together 0.009 %.

    Assumption: seeds fail independently, with one chance.

    Raises:
        VerdictError: If looks do not rise, or a probability is none.
    """
    probability("allowed_rate", allowed_rate)
    probability("alpha", alpha)
    if not looks or any(late <= early for early, late in zip((0, *looks), looks, strict=False)):
        raise VerdictError(f"looks: {tuple(looks)} was given, rising numbers of seeds were expected")
    limits: list[int] = []
    spent, going_on = 0.0, np.ones(1)  # (failed so far + 1,): chance of this count without having reached a limit
    for early, late in zip((0, *looks), looks, strict=False):
        steps = stats.binom.pmf(np.arange(late - early + 1), late - early, allowed_rate)
        going_on = np.convolve(going_on, steps)
        limit = _lowest_limit(going_on, alpha - spent)
        spent += float(going_on[limit:].sum())
        going_on = going_on[:limit]
        limits.append(limit if limit <= late else late + 1)
    return FailedSeedLimits(tuple(looks), tuple(limits), spent)


def judge_failed_seeds(
    failed: int,
    seeds: int,
    *,
    looks: Sequence[int] = (4, 8, 20),
    allowed_rate: float = ALLOWED_RATE,
    alpha: float = DEFAULT_ALPHA,
) -> FailedSeeds:
    """Hold the number of failed seeds at one look against the allowed rate.

    Not failing does not show that the rate is kept: 10 / 30 / 50 % are seen at the look of 4 in 5 / 35 / 69 %.

    Args:
        failed: Seeds that failed, from 0 to *seeds*.
        seeds: Seeds that ran; one of *looks*.
        looks: All looks, rising.
        allowed_rate: The spec's, between 0 and 1.
        alpha: Chance to fail at the allowed rate, over all looks.

    Raises:
        VerdictError: If *seeds* is no look, or the count is impossible.
    """
    rule = failed_seed_limits(looks=looks, allowed_rate=allowed_rate, alpha=alpha)
    if seeds not in rule.looks:
        raise VerdictError(f"failed seeds: {seeds} seeds were given, a look was expected: one of {rule.looks}")
    upper_bound = exact_upper_bound(failed, seeds)
    limit = rule.limits[rule.looks.index(seeds)]
    p_value = chance_of_failed_seeds(failed, seeds, allowed_rate=allowed_rate)
    word: Literal["fail", "unexplained", "explained"] = "explained"
    if failed >= limit:
        word = "fail"
    elif p_value < UNEXPLAINED_BELOW:
        word = "unexplained"
    return FailedSeeds(word, failed, seeds, limit, p_value, upper_bound, allowed_rate, rule.level)


def chance_of_failed_seeds(failed: int, seeds: int, *, allowed_rate: float = ALLOWED_RATE) -> float:
    """Chance that so many seeds or more fail at the allowed rate: P(X >= *failed*), X binomial.

    Assumption: seeds fail independently, with one chance. Unlike `judge_failed_seeds` it may be asked of any number of
    seeds, since nothing fails by it: below `UNEXPLAINED_BELOW` nothing passes.

    Args:
        failed: Seeds that failed, from 0 to *seeds*.
        seeds: Seeds that ran.
        allowed_rate: The spec's, between 0 and 1.
    """
    return float(stats.binom.sf(failed - 1, seeds, allowed_rate))


def _lowest_limit(chances: NDArray[np.float64], budget: float) -> int:
    """The lowest count whose chance, with all above it, is within *budget*; beyond the last if none is."""
    at_least = np.cumsum(chances[::-1])[::-1]  # (counts,): chance of this count or more
    within = np.flatnonzero(at_least <= budget)
    return int(within[0]) if within.size else chances.size
