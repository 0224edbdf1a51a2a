"""What seeds say of a promise so far, and how many seeds, or rows, would settle it if mean and spread stay as seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from bertbench.stats.fresh_run import Over, chance_of_distance, distance_of_mean
from bertbench.stats.search import MOST_SEEDS
from bertbench.stats.tolerance import CONFIDENCE, factor_of_distance, seeds_for_distance, seeds_for_shortfall

#: More rows than this are no plan.
MOST_ROWS = 100_000


@dataclass(frozen=True)
class Standing:
    """How a promise stands. A *trial* is what may miss it: a fresh seed, or a fresh run of all prescribed seeds.

    Attributes:
        over: What the promise is about.
        trial_seeds: Seeds of one trial.
        limit: Chance to miss that counts as stable.
        finite_seeds: Seeds seen that are finite.
        not_finite: Others that were seen.
        trials: Seen.
        missed: Of these.
        distance: From the effective bar to the mean, positive on the kept side; NaN if unknown.
        gap: From the bar itself to the mean, likewise.
        deviation: Standard deviation over seeds as it is.
        spread: At least that of rounding; NaN if there is none.
    """

    over: Over
    trial_seeds: int
    limit: float
    finite_seeds: int
    not_finite: int
    trials: int
    missed: int
    distance: float
    gap: float
    deviation: float
    spread: float

    @property
    def is_clean(self) -> bool:
        """Whether no trial missed and every seed is finite."""
        return self.missed == 0 and self.not_finite == 0

    @property
    def seeds(self) -> int:
        """All that were seen."""
        return self.finite_seeds + self.not_finite

    @property
    def true_spreads(self) -> float:
        """True distance from bar to mean, in spreads, at which a trial misses with just the limit; not of a bound."""
        return distance_of_mean(self.trial_seeds, self.limit)

    @property
    def factor(self) -> float | None:
        """Spreads from bar to mean that are shown stable; where hardly a seed is finite, of two.

        None for a bound: its distribution hangs on the spread of few seeds, which tails and rounding to rows change too
        much for a factor of normal seeds to hold.
        """
        if self.over == "lower_bound":
            return None
        return factor_of_distance(self.true_spreads, max(self.finite_seeds, 2))

    @property
    def is_far_enough(self) -> bool:
        """Whether nothing missed and the mean lies so many spreads above the bar."""
        return self.is_clean and self.factor is not None and self.distance >= self.factor * self.spread

    @property
    def falls_short(self) -> bool:
        """Whether a mean is so close to the bar, or so far below, that a run misses in more than the limit.

        Of several seeds alone: one may be distributed anyhow, and the mean of some is close to normal. By the spread as
        it is where that makes the mean look further away: rounding alone accuses nobody.
        """
        if self.over != "mean" or self.trial_seeds == 1 or math.isnan(self.spread):
            return False
        factor = factor_of_distance(self.true_spreads, self.finite_seeds, confidence=1 - CONFIDENCE)
        return self.distance < factor * (self.deviation if factor > 0 else self.spread)

    def seeds_to_settle(self) -> int | None:
        """Seeds that would settle it, either way, if mean, spread and the chance to miss stay what they seem.

        A plan: towards stable by the factor while nothing missed; towards flaky, for the mean of several seeds, by the
        factor of the other side; else by the exact bounds, with misses coming at the share seen, or at the normal
        chance where none was seen.
        """
        enough = None
        if self.is_clean and self.factor is not None:
            enough = seeds_for_distance(self.distance / self.spread, true_spreads=self.true_spreads)
        if enough is None and self.over == "mean" and self.trial_seeds > 1:
            enough = self._seeds_for_shortfall()
        if enough is None:
            enough = self._seeds_by_count()
        return None if enough is None else max(enough, self.seeds)

    def rows_to_settle(self) -> int | None:
        """Rows with which as many seeds would show it stable, if only rounding became finer.

        The bar moves to half a row (of all rows of a trial) above the share that was promised, at most, and the floor
        of the spread is that of so many distinct rows. None if none up to 100,000 would, something missed, or there is
        no factor.
        """
        factor = self.factor
        if factor is None or not self.is_clean:
            return None
        room, half = self.gap - factor * self.deviation, 0.5 / self.trial_seeds
        if not (self.gap > 0 and room > 0):
            return None
        rows = math.ceil(max(half / room, (half + factor / math.sqrt(12)) / self.gap))
        return rows if rows <= MOST_ROWS else None

    def _seeds_for_shortfall(self) -> int | None:
        unit = self.deviation if self.distance > 0 else self.spread
        if not unit > 0:
            return None
        return seeds_for_shortfall(self.distance / unit, true_spreads=self.true_spreads)

    def _seeds_by_count(self) -> int | None:
        chance = self._miss_chance()
        # Trials that there are have not settled it, whatever was to be expected of them.
        more = np.arange(self.trials + 1, MOST_SEEDS // self.trial_seeds + 1)
        misses = np.rint(chance * more)
        if chance > self.limit:  # the exact lower bound lies above the limit where so many are rare at the limit itself
            shown = stats.binom.sf(misses - 1, more, self.limit) < 1 - CONFIDENCE
        else:  # and the upper one below it where so few are
            shown = stats.binom.cdf(misses, more, self.limit) <= 1 - CONFIDENCE
        return int(more[shown][0]) * self.trial_seeds if shown.any() else None

    def _miss_chance(self) -> float:
        """As it seems: by what was seen, else by seeds that are not finite, else of normal seeds."""
        if self.missed:
            return self.missed / self.trials
        if self.not_finite:
            return float(1 - (1 - self.not_finite / self.seeds) ** self.trial_seeds)
        return chance_of_distance(self.over, self.trial_seeds, self.distance / self.spread)
