"""Is a threshold stable, flaky, or not known? What the seeds seen can say about seeds not seen.

Three words, and never fewer: *shown stable*, *shown flaky*, *not known*. Five seeds that all keep a bar show only that
a fresh one misses it in less than 45 %.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from bertbench.errors import VerdictError
from bertbench.stats.clopper_pearson import exact_lower_bound, exact_upper_bound
from bertbench.stats.samples import distinct_of, finite, in_order, probability, rounding_spread, whole_rows
from bertbench.stats.search import MOST_SEEDS
from bertbench.stats.tolerance import CONFIDENCE, predictive_miss_chance, seeds_for_distance, tolerance_factor

#: A fresh seed may miss the bar this often.
MISS_LIMIT = 0.01
#: Chance with which the smallest drop given would be seen.
DROP_POWER = 0.9


@dataclass(frozen=True)
class ThresholdAudit:
    """Result of `audit_threshold`, in the quantity's own unit. Distances are positive on the kept side of the bar.

    Attributes:
        word: 'shown stable': a fresh seed misses in less than the limit, with 95 % confidence. 'shown flaky': in more.
            'not known': neither.
        seeds: Seeds seen.
        missed: Of these, how many missed the bar, those that are not finite among them.
        not_finite: Of these, how many ended in NaN or infinity. Only the exact bounds know of them: mean, spread and
            distance are of the others, and NaN where fewer than two others, or no spread, leave nothing to say.
        bar: As given.
        effective_bar: Where a value before rounding to whole rows would have to lie: half a row on the missed side of
            the least number of rows that keeps the bar.
        mean: Over seeds.
        spread: Standard deviation over seeds, at least that of rounding to distinct rows.
        distance: From effective bar to mean.
        distance_spreads: The same in spreads; `factor` of them are needed.
        factor: Tolerance factor of so many seeds.
        miss_chance: Predictive chance that a fresh seed that is finite misses (normal seeds, cautious).
        miss_lower_bound: Exact one-sided 95 % bound, no assumption on seeds.
        miss_upper_bound: Likewise; 1 - 0.05^(1/S) if none missed.
        limit: Chance to miss that counts as stable.
        margin_rows: Rows between the mean and the least number that keeps the bar; None where no values are shares.
        fewest_seeds: Fewest seeds with which 'shown stable' is possible at all, at the best possible mean; None where
            no number is, or values have no best.
        seeds_to_settle: Seeds that would settle it if mean and spread stay; None if none up to 1,000 would.
        smallest_drop_seen: Drop of the mean after which at least one of `fresh_seeds` misses, with chance 90 %.
        fresh_seeds: Seeds of the fresh run that this drop is of.
    """

    word: Literal["shown stable", "shown flaky", "not known"]
    seeds: int
    missed: int
    not_finite: int
    bar: float
    effective_bar: float
    mean: float
    spread: float
    distance: float
    distance_spreads: float
    factor: float
    miss_chance: float
    miss_lower_bound: float
    miss_upper_bound: float
    limit: float
    margin_rows: float | None
    fewest_seeds: int | None
    seeds_to_settle: int | None
    smallest_drop_seen: float
    fresh_seeds: int


def audit_threshold(
    values: ArrayLike,
    bar: float,
    *,
    rows: int | None = None,
    distinct_rows: int | None = None,
    better: Literal["higher", "lower"] = "higher",
    limit: float = MISS_LIMIT,
    not_finite: int = 0,
    fresh_seeds: int | None = None,
) -> ThresholdAudit:
    """Judge a threshold by the seeds seen.

    Shown flaky: the exact lower bound of the miss chance exceeds the limit. Shown stable: no seed missed and the mean
    is k spreads from the effective bar (k: normal tolerance factor), or the exact upper bound is within the limit (299
    clean seeds, for 1 %). Else not known, which is what five seeds nearly always say.

    Assumption: seeds are independent; for the k spreads, normal up to rounding to whole rows.

    Args:
        values: One per seed, two or more; fewer only beside seeds that are not finite.
        bar: The threshold, kept by values on its better side and by itself.
        rows: All rows, if values are shares of them; the bar is half of one below the least number that keeps it.
        distinct_rows: How many of these differ, for the floor of the spread; all if None.
        better: Which side of the bar keeps it.
        limit: Chance to miss that counts as stable.
        not_finite: Seeds beside *values* that ended in NaN or infinity: each missed the bar.
        fresh_seeds: Seeds of a fresh run, as the spec prescribes them; as many as were seen if None.

    Raises:
        VerdictError: If there are fewer than two seeds, a fresh run has none, a value is not finite or no share of
            *rows*, *distinct_rows* are more than these, or values that are no shares have no spread at all and no other
            seed says more.
    """
    probability("limit", limit)
    if not math.isfinite(bar):
        raise VerdictError(f"bar: {bar!r} was given, a finite number was expected")
    if fresh_seeds is not None and not fresh_seeds >= 1:
        raise VerdictError(f"fresh_seeds: {fresh_seeds!r} was given, 1 or more were expected")
    at_least = max(2 - not_finite, 0)
    hits = None if rows is None else whole_rows("values", values, rows, at_least=at_least)
    sample = in_order(finite("values", values, at_least=at_least))
    sign = 1 if better == "higher" else -1
    rounding = None if rows is None else rounding_spread(distinct_of("values", distinct_rows, rows))
    seeds, mean, spread = len(sample) + not_finite, statistics.fmean(sample or [math.nan]), _spread(sample, rounding)
    if math.isnan(spread) and not not_finite:
        raise VerdictError(
            f"threshold audit: all {seeds} values are {mean}, so nothing is known of fresh seeds",
            remedy="are the seeds really different?",
        )
    needed = None if rows is None else needed_rows(bar, rows, better)
    # 47.5 of 49 is what rounds to 48.
    effective = bar if rows is None or needed is None else (needed - sign * 0.5) / rows
    missed = not_finite + sum(not sign * value >= sign * bar for value in sample)
    distance = sign * (mean - effective)
    best = None if rounding is None else sign * ((1.0 if better == "higher" else 0.0) - effective) / rounding
    lower, upper = (bound(missed, seeds, confidence=CONFIDENCE) for bound in (exact_lower_bound, exact_upper_bound))
    factor = tolerance_factor(max(len(sample), 2), coverage=1 - limit)
    word = _word(missed == 0 and distance >= factor * spread, lower, upper, limit)
    return ThresholdAudit(
        word=word,
        seeds=seeds,
        missed=missed,
        not_finite=not_finite,
        bar=bar,
        effective_bar=effective,
        mean=mean,
        spread=spread,
        distance=distance,
        distance_spreads=distance / spread,
        factor=factor,
        miss_chance=math.nan if math.isnan(spread) else predictive_miss_chance(distance, spread, len(sample)),
        miss_lower_bound=lower,
        miss_upper_bound=upper,
        limit=limit,
        margin_rows=None if not sample or hits is None or needed is None else sign * (float(hits.mean()) - needed),
        fewest_seeds=None if best is None else seeds_for_distance(best, coverage=1 - limit),
        seeds_to_settle=seeds if word != "not known" else _seeds_to_settle(distance / spread, seeds, missed, limit),
        smallest_drop_seen=_smallest_drop_seen(distance, spread, fresh_seeds or seeds),
        fresh_seeds=fresh_seeds or seeds,
    )


def _spread(sample: Sequence[float], rounding: float | None) -> float:
    """Standard deviation, at least that of rounding; NaN where there is none."""
    if len(sample) < 2:  # noqa: PLR2004 - a spread takes two values
        return math.nan
    return max(statistics.stdev(sample), rounding or 0.0) or math.nan


def needed_rows(bar: float, rows: int, better: Literal["higher", "lower"] = "higher") -> int:
    """The least number of rows that keeps a bar (the largest, where lower is better): 48 of 49 for 0.97.

    By the very comparison that thresholds make, share against bar, doubles and all.
    """
    if better == "higher":
        needed = math.floor(bar * rows) - 1
        while not needed / rows >= bar:
            needed += 1
    else:
        needed = math.ceil(bar * rows) + 1
        while not needed / rows <= bar:
            needed -= 1
    return needed


def _word(
    far_enough: bool, lower: float, upper: float, limit: float
) -> Literal["shown stable", "shown flaky", "not known"]:
    if lower > limit:
        return "shown flaky"
    return "shown stable" if far_enough or upper <= limit else "not known"


def _seeds_to_settle(distance_spreads: float, seeds: int, missed: int, limit: float) -> int | None:
    """Seeds that would settle it, either way, if mean, spread and the chance to miss stay what they seem.

    A plan: towards stable by the tolerance factor while no seed missed; towards flaky by the exact bound, with misses
    coming at the share seen, or at the normal chance where none was seen.
    """
    if missed == 0 and (stable := seeds_for_distance(distance_spreads, coverage=1 - limit)):
        return max(stable, seeds)
    chance = missed / seeds if missed else float(stats.norm.cdf(-distance_spreads))
    if chance <= limit:
        return None
    more = np.arange(seeds, MOST_SEEDS + 1)
    # The exact lower bound lies above the limit where so many misses are rare at the limit itself.
    shown = np.flatnonzero(stats.binom.sf(np.rint(chance * more) - 1, more, limit) < 1 - CONFIDENCE)
    return int(more[shown[0]]) if shown.size else None


def _smallest_drop_seen(distance: float, spread: float, seeds: int) -> float:
    """Drop after which each of S fresh seeds misses with 1 - 0.1^(1/S), so that one or more do with 90 %.

    Normal seeds with mean and spread as seen; never negative: a mean below the bar needs no drop. NaN without a spread.
    """
    each = 1 - (1 - DROP_POWER) ** (1 / seeds)
    return max(distance + float(stats.norm.ppf(each)) * spread, 0.0)
