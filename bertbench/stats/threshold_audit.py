"""Is a threshold stable, flaky, or not known? What the seeds seen can say about seeds not seen.

Three words, and never fewer: *shown stable*, *shown flaky*, *not known*. Five seeds that all keep a bar show only that
a fresh one misses it in less than 45 %. A promise on the mean, or on its bound, is one of a whole run: what may miss it
is a fresh run of all prescribed seeds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from bertbench.errors import VerdictError
from bertbench.stats.clopper_pearson import exact_lower_bound, exact_upper_bound
from bertbench.stats.fresh_run import FreshRun, Over, distance_of_chance, predictive_run_miss_chance
from bertbench.stats.samples import distinct_of, finite, in_order, probability, rounding_spread, whole_rows
from bertbench.stats.settling import Standing
from bertbench.stats.tolerance import CONFIDENCE

#: A fresh seed, or a fresh run, may miss the bar this often.
MISS_LIMIT = 0.01
#: Chance with which the smallest drop given would be seen.
DROP_POWER = 0.9

Word = Literal["shown stable", "shown flaky", "not known"]


@dataclass(frozen=True)
class ThresholdAudit:
    """Result of `audit_threshold`, in the quantity's own unit. Distances are positive on the kept side of the bar.

    Attributes:
        word: 'shown stable': a trial misses in less than the limit, with 95 % confidence. 'shown flaky': in more.
            'not known': neither.
        over: What the promise is about: `every_seed`, and a trial is a seed; `mean` or `lower_bound`, and a trial is a
            run of `fresh_seeds` seeds.
        seeds: Seeds seen.
        trials: Of these, how many trials: the seeds themselves, or the runs that they make.
        missed: Trials that missed the bar, those with a seed that is not finite among them.
        not_finite: Seeds that ended in NaN or infinity. Only the exact bounds know of them: mean, spread and distance
            are of the others, and NaN where fewer than two others, or no spread, leave nothing to say.
        rows: That values are shares of; None if they are not.
        bar: As given.
        effective_bar: Where a value before rounding to whole rows would have to lie: half a row on the missed side of
            the least number of rows that keeps the bar, of all rows of all S seeds for the mean; the bar itself for its
            bound, which no rounding holds to whole rows.
        mean: Over seeds.
        spread: Standard deviation over seeds, at least that of rounding to distinct rows.
        distance: From effective bar to mean.
        distance_spreads: The same in spreads; `factor` of them are needed.
        factor: Of so many seeds, for this promise; None for `lower_bound`, whose words rest on exact bounds alone.
        miss_chance: Predictive chance that a trial whose seeds are finite misses (normal seeds, cautious).
        miss_lower_bound: Exact one-sided 95 % bound, no assumption on seeds; 0 without a trial.
        miss_upper_bound: Likewise; 1 - 0.05^(1/T) if none of T trials missed.
        limit: Chance to miss that counts as stable.
        margin_rows: Rows between the mean and the least number that keeps the bar; None where no values are shares.
        seeds_to_settle: Seeds that would settle it if mean and spread stay; None if none up to 1,000 would.
        rows_to_settle: Rows with which as many seeds would show it stable if mean and spread stay and only rounding
            becomes finer; None if none up to 100,000 would, a seed or run missed, or values are no shares.
        smallest_drop_seen: Drop of the mean after which a fresh run misses, with chance 90 %.
        fresh_seeds: Seeds of the fresh run.
    """

    word: Word
    over: Over
    seeds: int
    trials: int
    missed: int
    not_finite: int
    rows: int | None
    bar: float
    effective_bar: float
    mean: float
    spread: float
    distance: float
    distance_spreads: float
    factor: float | None
    miss_chance: float
    miss_lower_bound: float
    miss_upper_bound: float
    limit: float
    margin_rows: float | None
    seeds_to_settle: int | None
    rows_to_settle: int | None
    smallest_drop_seen: float
    fresh_seeds: int

    @property
    def assumes_normal(self) -> bool:
        """Whether the word rests on seeds that are normal, and the exact bounds alone would leave it not known."""
        if self.word == "shown stable":
            return self.miss_upper_bound > self.limit
        return self.word == "shown flaky" and self.miss_lower_bound <= self.limit


def audit_threshold(
    values: ArrayLike,
    bar: float,
    *,
    rows: int | None = None,
    distinct_rows: int | None = None,
    better: Literal["higher", "lower"] = "higher",
    limit: float = MISS_LIMIT,
    not_finite: int = 0,
    fresh_run: FreshRun | None = None,
) -> ThresholdAudit:
    """Judge a threshold by the seeds seen.

    Shown stable: no trial missed, no seed ended in NaN, and the mean is k spreads from the effective bar (k: the
    noncentral t's factor for the distance at which the limit is just kept; none for `lower_bound`), or the exact upper
    bound is within the limit (299 clean trials, for 1 %). Shown flaky: the exact lower bound of the miss chance exceeds
    the limit; for the mean of several seeds also if it is closer to the bar than the factor of the other side. Else not
    known, which is what five seeds nearly always say.

    Assumption: seeds are independent; for the factors, normal up to rounding to whole rows.

    Args:
        values: One per seed, two or more; fewer only beside seeds that are not finite.
        bar: The threshold, kept by values on its better side and by itself.
        rows: All rows, if values are shares of them; the bar is half of one below the least number that keeps it.
        distinct_rows: How many of these differ, for the floor of the spread; all if None.
        better: Which side of the bar keeps it.
        limit: Chance to miss that counts as stable.
        not_finite: Seeds beside *values* that ended in NaN or infinity: each missed the bar, and so did its run.
        fresh_run: What the promise is about; every seed, of as many as were seen, if None.

    Raises:
        VerdictError: If there are fewer than two seeds, a value is not finite or no share of *rows*, *distinct_rows*
            are more than these, or values that are no shares have no spread at all and no other seed says more.
    """
    probability("limit", limit)
    if not math.isfinite(bar):
        raise VerdictError(f"bar: {bar!r} was given, a finite number was expected")
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
    fresh = fresh_run or FreshRun(seeds)
    over, trial_seeds = fresh.over, 1 if fresh.over == "every_seed" else fresh.seeds
    misses = fresh.missed
    if over == "every_seed":
        misses = [not sign * value >= sign * bar for value in sample] + [True] * not_finite
    trials, missed = len(misses), sum(misses)
    lower, upper = _exact_bounds(missed, trials)
    least = None if rows is None else _least_rows(bar, rows, trial_seeds, better, over)
    effective = bar
    if rows is not None and least is not None and over != "lower_bound":
        effective = (least - sign * 0.5 / trial_seeds) / rows  # 47.5 of 49 is what rounds to 48
    distance = sign * (mean - effective)
    standing = Standing(
        over=over,
        trial_seeds=trial_seeds,
        limit=limit,
        finite_seeds=len(sample),
        not_finite=not_finite,
        trials=trials,
        missed=missed,
        distance=distance,
        gap=sign * (mean - bar),
        deviation=statistics.stdev(sample) if len(sample) > 1 else math.nan,
        spread=spread,
    )
    word = _word(standing, lower, upper)
    return ThresholdAudit(
        word=word,
        over=over,
        seeds=seeds,
        trials=trials,
        missed=missed,
        not_finite=not_finite,
        rows=rows,
        bar=bar,
        effective_bar=effective,
        mean=mean,
        spread=spread,
        distance=distance,
        distance_spreads=distance / spread,
        factor=standing.factor,
        miss_chance=_miss_chance(standing, fresh.seeds),
        miss_lower_bound=lower,
        miss_upper_bound=upper,
        limit=limit,
        margin_rows=None if not sample or hits is None or least is None else sign * (float(hits.mean()) - least),
        seeds_to_settle=seeds if word != "not known" else standing.seeds_to_settle(),
        rows_to_settle=None if rows is None else standing.rows_to_settle(),
        smallest_drop_seen=max(distance - distance_of_chance(over, fresh.seeds, DROP_POWER) * spread, 0.0),
        fresh_seeds=fresh.seeds,
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


def _least_rows(bar: float, rows: int, trial_seeds: int, better: Literal["higher", "lower"], over: Over) -> float:
    """Rows a seed, over the seeds of a trial, that keep the bar: the mean of S seeds moves in steps of 1/S of a row.

    The bound below a mean is held to no steps: there it is the bar itself, in rows.
    """
    return bar * rows if over == "lower_bound" else needed_rows(bar, rows * trial_seeds, better) / trial_seeds


def _exact_bounds(missed: int, trials: int) -> tuple[float, float]:
    """Of the chance that a trial misses, each with 95 %; of no trial nothing is known."""
    if not trials:
        return 0.0, 1.0
    return exact_lower_bound(missed, trials, confidence=CONFIDENCE), exact_upper_bound(
        missed, trials, confidence=CONFIDENCE
    )


def _word(standing: Standing, lower: float, upper: float) -> Word:
    if lower > standing.limit or standing.falls_short:
        return "shown flaky"
    return "shown stable" if standing.is_far_enough or upper <= standing.limit else "not known"


def _miss_chance(standing: Standing, fresh_seeds: int) -> float:
    if math.isnan(standing.spread):
        return math.nan
    return predictive_run_miss_chance(
        standing.over, standing.distance, standing.spread, standing.finite_seeds, fresh_seeds
    )
