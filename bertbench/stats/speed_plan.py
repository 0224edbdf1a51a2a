"""How many pairs of processes does a comparison of speed need? From the sizes of differences, never from their signs.

A plan that does not see signs leaves the signed-rank test exact: under 'nothing changed' signs are fair coins given the
sizes, whatever number of pairs the sizes made one choose (Kieser & Friede 2003, Stat Med 22:3571, on permutation
tests). For a pass there is no such theorem (Glimm & Laeuter, arXiv 1301.4167); `speed_simulation` looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from bertbench.stats.noncentral_t import noncentral_t_sf
from bertbench.stats.samples import finite
from bertbench.stats.search import smallest_enough

#: Of the signed-rank test against the t test under normal noise: 3 / pi = 0.955 (Hodges & Lehmann 1956).
SIGNED_RANK_EFFICIENCY = 0.95
#: Spreads are searched up to this; processes whose times differ by a factor of e are no samples of one thing.
_WIDEST_SPREAD = 1.0
_HALVINGS = 40


@dataclass(frozen=True)
class SpeedQuestion:
    """What a look has to tell apart.

    Attributes:
        margin: Change of log time that should be seen, above 0.
        level: One-sided level of the look, the smaller of fail and pass.
        power: Chance to see the margin that the plan aims at.
        fewest: A look at fewer pairs decides nothing.
        most: More pairs than this are no plan.
    """

    margin: float
    level: float
    power: float
    fewest: int
    most: int


def spread_if_changed(sizes: ArrayLike) -> float:
    """Standard deviation of log ratios if all of them had one sign: the standard deviation of their sizes.

    Right where a change is large against the spread; 0.60 of the truth where nothing changed (the half-normal's), so
    a plan by it is for a look that is not the last.

    Args:
        sizes: |log(candidate / baseline)| of at least two pairs.

    Raises:
        VerdictError: If there are fewer, or one is not finite.
    """
    return float(np.std(finite("sizes of differences", np.abs(sizes), at_least=2), ddof=1))


def spread_if_unchanged(sizes: ArrayLike) -> float:
    """Standard deviation of log ratios about zero: the root of their mean square.

    Right where nothing changed; too large, so more pairs than needed, where something did.

    Args:
        sizes: |log(candidate / baseline)| of at least two pairs.

    Raises:
        VerdictError: If there are fewer, or one is not finite.
    """
    return float(np.sqrt(np.mean(np.square(finite("sizes of differences", sizes, at_least=2)))))


def process_spread(spread_of_differences: float) -> float:
    """Spread of one side's log times, about the relative standard deviation of its processes: a difference has two."""
    return spread_of_differences / math.sqrt(2)


def pairs_needed(spread_of_differences: float, question: SpeedQuestion) -> int | None:
    """Pairs that see the margin with the power asked for.

    The paired t test's number divided by the efficiency of signed ranks. Assumption: normal noise.

    Args:
        spread_of_differences: Standard deviation of log ratios, at least 0.
        question: What to tell apart.

    Returns:
        At least `fewest`; None if `most` are not enough.
    """

    def is_enough(pairs: int) -> bool:
        return _power(pairs * SIGNED_RANK_EFFICIENCY, spread_of_differences, question) >= question.power

    return smallest_enough(is_enough, at_least=question.fewest, most=question.most)


def widest_spread(pairs: int, question: SpeedQuestion) -> float | None:
    """The largest spread of differences at which *pairs* pairs are enough; None if they decide nothing at any."""
    if pairs < question.fewest:
        return None
    low, high = 0.0, _WIDEST_SPREAD
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = _power(pairs * SIGNED_RANK_EFFICIENCY, middle, question) >= question.power
        low, high = (middle, high) if enough else (low, middle)
    return low


def _power(effective_pairs: float, spread: float, question: SpeedQuestion) -> float:
    """Of the one-sided paired t test."""
    if spread == 0:
        return 1.0
    # A t test of fewer than two pairs has no spread; between whole numbers the plan errs to the careful side.
    pairs = math.floor(effective_pairs)
    if pairs < 2:  # noqa: PLR2004 - a spread takes two
        return 0.0
    critical = float(stats.t.isf(question.level, pairs - 1))
    noncentrality = question.margin * math.sqrt(pairs) / spread
    # scipy's series does not reach far beyond the critical value; there the power is 1 to all digits.
    return 1.0 if noncentrality > 10 * critical else noncentral_t_sf(critical, pairs - 1, noncentrality)
