"""How far above a bar must the mean be, so that hardly any fresh seed falls below?"""

from __future__ import annotations

import math

from scipy import stats

from bertbench.errors import VerdictError
from bertbench.stats.noncentral_t import noncentral_t_cdf, noncentral_t_ppf
from bertbench.stats.samples import probability
from bertbench.stats.search import smallest_enough

#: Share of fresh seeds that a tolerance bound covers: all but 1 %.
COVERAGE = 0.99
#: How sure a tolerance bound is.
CONFIDENCE = 0.95


def tolerance_factor(seeds: int, *, coverage: float = COVERAGE, confidence: float = CONFIDENCE) -> float:
    """One-sided normal tolerance factor k: mean - k s lies below all but 1 % of fresh seeds, with 95 % confidence.

    k = nct.ppf(confidence, S - 1, z sqrt(S)) / sqrt(S) with z the normal quantile of *coverage* (2.326 for 99 %); Hahn
    & Meeker, Statistical Intervals. 5.74 / 4.35 / 3.98 / 3.30 / 2.94 at 5 / 8 / 10 / 20 / 40 seeds; 2.33 is the limit.

    Assumption: seeds are normal. A mean closer to the bar than k s does not show that seeds fall below it.

    Args:
        seeds: Two or more.
        coverage: Between 0 and 1.
        confidence: Between 0 and 1.

    Raises:
        VerdictError: If there are fewer than two seeds, or a probability is none.
    """
    return factor_of_distance(float(stats.norm.ppf(probability("coverage", coverage))), seeds, confidence=confidence)


def factor_of_distance(true_spreads: float, seeds: int, *, confidence: float = CONFIDENCE) -> float:
    """Spreads, as seen, from bar to mean of which so many seeds show that the true distance is *true_spreads* or more.

    A mean closer to the bar than the factor of the opposite confidence, 1 - c, shows with c that it is less.

    Assumption: seeds are normal.

    Args:
        true_spreads: True distance, in true spreads.
        seeds: Two or more.
        confidence: Between 0 and 1.

    Raises:
        VerdictError: If there are fewer than two seeds, or the confidence is none.
    """
    if seeds < 2:  # noqa: PLR2004 - a spread takes two values
        raise VerdictError(f"a tolerance factor of {seeds} seeds was asked for, two or more are needed")
    root = math.sqrt(seeds)
    return noncentral_t_ppf(probability("confidence", confidence), seeds - 1, true_spreads * root) / root


def seeds_for_distance(distance_spreads: float, *, true_spreads: float, confidence: float = CONFIDENCE) -> int | None:
    """Fewest seeds that show the true distance to be *true_spreads* or more, where so many are seen; None above 1,000.

    Asked of the distribution instead of its quantile, k <= d where nct.cdf(d sqrt(S)) >= confidence: the same question,
    much faster.

    Args:
        distance_spreads: From bar to mean, in spreads.
        true_spreads: What is to be shown.
        confidence: Between 0 and 1.
    """
    if distance_spreads <= true_spreads:  # what the factor tends to
        return None
    return smallest_enough(lambda seeds: _chance_of_less(distance_spreads, true_spreads, seeds) >= confidence)


def seeds_for_shortfall(distance_spreads: float, *, true_spreads: float, confidence: float = CONFIDENCE) -> int | None:
    """Fewest seeds that show the true distance to be less than *true_spreads*; None above 1,000.

    Args:
        distance_spreads: From bar to mean, in spreads.
        true_spreads: What is to be shown not to be reached.
        confidence: Between 0 and 1.
    """
    if distance_spreads >= true_spreads:
        return None
    return smallest_enough(lambda seeds: _chance_of_less(distance_spreads, true_spreads, seeds) <= 1 - confidence)


def _chance_of_less(distance_spreads: float, true_spreads: float, seeds: int) -> float:
    """Chance that so many seeds lie no further from the bar than was seen, at that true distance."""
    root = math.sqrt(seeds)
    return noncentral_t_cdf(distance_spreads * root, seeds - 1, true_spreads * root)


def predictive_miss_chance(distance: float, spread: float, seeds: int, *, mean_of: int = 1) -> float:
    """Chance that the mean of M fresh seeds falls below a bar: t.sf(distance / (s sqrt(1/M + 1/S)), S - 1).

    Assumption: seeds are normal; the estimate is cautious (with few seeds mostly too high), so it is shown and decides
    nothing.

    Args:
        distance: Mean of the seeds minus the bar.
        spread: Their standard deviation (ddof 1), floored by the caller; above 0.
        seeds: Two or more.
        mean_of: Fresh seeds that the mean is of; one by itself if not given.

    Raises:
        VerdictError: If there are fewer than two seeds or no spread.
    """
    if seeds < 2 or not spread > 0 or not math.isfinite(distance):  # noqa: PLR2004 - a spread takes two values
        raise VerdictError(
            f"a miss chance at distance {distance}, spread {spread}, {seeds} seeds was asked for; a finite distance, a "
            "positive spread and two or more seeds are needed"
        )
    return float(stats.t.sf(distance / (spread * math.sqrt(1 / mean_of + 1 / seeds)), seeds - 1))
