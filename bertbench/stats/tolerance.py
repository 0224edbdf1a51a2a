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
    if seeds < 2:  # noqa: PLR2004 - a spread takes two values
        raise VerdictError(f"a tolerance factor of {seeds} seeds was asked for, two or more are needed")
    noncentrality = float(stats.norm.ppf(probability("coverage", coverage))) * math.sqrt(seeds)
    quantile = noncentral_t_ppf(probability("confidence", confidence), seeds - 1, noncentrality)
    return quantile / math.sqrt(seeds)


def seeds_for_distance(
    distance_spreads: float, *, coverage: float = COVERAGE, confidence: float = CONFIDENCE
) -> int | None:
    """Fewest seeds whose tolerance factor is no larger than a distance; None above 1,000.

    Asked of the distribution instead of its quantile, k <= d where nct.cdf(d sqrt(S)) >= confidence: the same question,
    much faster.

    Args:
        distance_spreads: From bar to mean, in spreads.
        coverage: Between 0 and 1.
        confidence: Between 0 and 1.
    """
    quantile = float(stats.norm.ppf(probability("coverage", coverage)))
    if distance_spreads <= quantile:  # what the factor tends to
        return None

    def is_enough(seeds: int) -> bool:
        root = math.sqrt(seeds)
        return noncentral_t_cdf(distance_spreads * root, seeds - 1, quantile * root) >= confidence

    return smallest_enough(is_enough)


def predictive_miss_chance(distance: float, spread: float, seeds: int) -> float:
    """Chance that one fresh seed falls below a bar, given what was seen: t.sf(distance / (s sqrt(1 + 1/S)), S - 1).

    Assumption: seeds are normal; the estimate is cautious (with few seeds mostly too high), so it is shown and decides
    nothing.

    Args:
        distance: Mean of the seeds minus the bar.
        spread: Their standard deviation (ddof 1), floored by the caller; above 0.
        seeds: Two or more.

    Raises:
        VerdictError: If there are fewer than two seeds or no spread.
    """
    if seeds < 2 or not spread > 0 or not math.isfinite(distance):  # noqa: PLR2004 - a spread takes two values
        raise VerdictError(
            f"a miss chance at distance {distance}, spread {spread}, {seeds} seeds was asked for; a finite distance, a "
            "positive spread and two or more seeds are needed"
        )
    return float(stats.t.sf(distance / (spread * math.sqrt(1 + 1 / seeds)), seeds - 1))
