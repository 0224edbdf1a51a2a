"""What a fresh run of some seeds makes of a promise, if seeds are normal: how far above the bar must their mean lie?

Distances are in spreads over seeds, from the bar to the mean, positive on the kept side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, stats

from bertbench.errors import VerdictError
from bertbench.stats.noncentral_t import noncentral_t_cdf
from bertbench.stats.samples import probability
from bertbench.stats.tolerance import predictive_miss_chance

#: What a promise is about: each seed, their mean, or the bound below it.
Over = Literal["every_seed", "mean", "lower_bound"]
#: Confidence of the one-sided bound that a `lower_bound` promise is held against.
BOUND_CONFIDENCE = 0.95
#: A bound takes a spread, and a spread takes two seeds.
_TWO = 2
#: Spreads that might have been, of equal chance, which a predictive chance is averaged over.
_NODES = 200


@dataclass(frozen=True)
class FreshRun:
    """What a promise asks of a fresh run, and what was seen of such runs.

    Attributes:
        seeds: As the spec prescribes them, 1 or more.
        over: What the promise is about.
        missed: Whether each of the runs of so many seeds that the seeds seen make missed; for `mean` and `lower_bound`.
    """

    seeds: int
    over: Over = "every_seed"
    missed: Sequence[bool] = ()

    def __post_init__(self) -> None:
        """Refuse a run that no promise can be held against.

        Raises:
            VerdictError: If it has too few seeds.
        """
        _enough(self.over, self.seeds)


def distance_of_chance(over: Over, seeds: int, chance: float) -> float:
    """Spreads from bar to mean at which a fresh run of so many seeds misses the promise with just this chance.

    `every_seed`: each misses with 1 - (1 - chance)^(1/S). `mean`: z / sqrt(S). `lower_bound`: mean - t s / sqrt(S),
    with t = t(0.95, S - 1), keeps the bar where a noncentral t of S - 1 degrees of freedom exceeds t; its noncentrality
    is the distance times sqrt(S).

    Assumption: seeds are normal, and the spread of a run is that of its seeds, not that of rounding.

    Args:
        over: What the promise is about; for `lower_bound` whatever does not pass has missed.
        seeds: Of the fresh run; two or more for `lower_bound`.
        chance: Between 0 and 1.

    Raises:
        VerdictError: If there are too few seeds, or the chance is none.
    """
    _enough(over, seeds)
    probability("chance", chance)
    if over == "every_seed":
        return float(stats.norm.isf(1 - (1 - chance) ** (1 / seeds)))
    if over == "mean":
        return distance_of_mean(seeds, chance)
    quantile = float(stats.t.ppf(BOUND_CONFIDENCE, seeds - 1))

    def too_many(noncentrality: float) -> float:
        return noncentral_t_cdf(quantile, seeds - 1, noncentrality) - chance

    # Ten spreads of a mean below the bar a run never passes; above it, ten times what the bound itself takes is enough.
    return float(optimize.brentq(too_many, -10.0, 10.0 * (1.0 + quantile))) / math.sqrt(seeds)


def distance_of_mean(seeds: int, chance: float) -> float:
    """The same for the mean of so many seeds, of one too: z / sqrt(S)."""
    return float(stats.norm.isf(chance)) / math.sqrt(seeds)


def chance_of_distance(over: Over, seeds: int, distance: float) -> float:
    """Chance that the mean of so many seeds, or the bound below it, misses a bar at that true distance, in spreads.

    Assumption: seeds are normal.
    """
    if over == "lower_bound":
        quantile = float(stats.t.ppf(BOUND_CONFIDENCE, seeds - 1))
        return noncentral_t_cdf(quantile, seeds - 1, distance * math.sqrt(seeds))
    return float(stats.norm.sf(distance * math.sqrt(seeds)))


def predictive_run_miss_chance(over: Over, distance: float, spread: float, seeds: int, fresh_seeds: int) -> float:
    """Chance that a fresh run misses the promise, given what was seen; for `every_seed` that a fresh seed does.

    `mean`: t.sf(distance / (s sqrt(1/S + 1/B)), B - 1) of B seeds seen and S fresh ones. `lower_bound`: for each true
    spread that B seeds with spread s may have come from, a noncentral t; the mean over two hundred of them.

    Assumption: seeds are normal; the estimate is cautious (with few seeds mostly too high), so it is shown and decides
    nothing.

    Args:
        over: What the promise is about.
        distance: Mean of the seeds minus the bar.
        spread: Their standard deviation (ddof 1), floored by the caller; above 0.
        seeds: Seen, two or more.
        fresh_seeds: Of the fresh run.

    Raises:
        VerdictError: If there are too few seeds or no spread.
    """
    _enough(over, fresh_seeds)
    if over != "lower_bound":
        return predictive_miss_chance(distance, spread, seeds, mean_of=1 if over == "every_seed" else fresh_seeds)
    nodes = (np.arange(_NODES) + 0.5) / _NODES
    seen_by_true = np.sqrt(stats.chi2.ppf(nodes, seeds - 1) / (seeds - 1))
    deviation = math.sqrt(1 / fresh_seeds + 1 / seeds)  # of fresh mean minus seen mean, in true spreads
    reach = float(stats.t.ppf(BOUND_CONFIDENCE, fresh_seeds - 1)) / (math.sqrt(fresh_seeds) * deviation)
    noncentralities = distance / spread * seen_by_true / deviation
    return float(np.mean([noncentral_t_cdf(reach, fresh_seeds - 1, float(one)) for one in noncentralities]))


def _enough(over: Over, seeds: int) -> None:
    least = _TWO if over == "lower_bound" else 1
    if seeds < least:
        raise VerdictError(f"fresh_seeds: {seeds} were given, {least} or more were expected for over = {over!r}")
