"""What this machine's seeds and processes are like: spread, tail, correlation, class effect, each with an interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from bertbench.errors import VerdictError
from bertbench.record import RunRecord
from bertbench.selftest.classes import NumericsClass
from bertbench.selftest.figures import IntervalFacts, RateFacts
from bertbench.selftest.record import ClassFacts, EffectFacts, ProcessFacts
from bertbench.selftest.runs import SeedOutcome, outcomes_of
from bertbench.stats import correlation_interval, difference_of_means, lower_tail, rounding_spread, spread_interval
from bertbench.stats.spread import FEWEST_FOR_INTERVAL, FEWEST_FOR_TAIL, FEWEST_PAIRS, Interval

#: Of every interval that a self-test prints.
CONFIDENCE = 0.95
_POINTS = 100.0
#: Seeds a side from which a difference of means has an interval that is printed: four against 20 or 40, with a spread
#: that doubled, cover 93 % on 49 rows where 95 is said.
FEWEST_FOR_DROP = 5


def class_facts(of: NumericsClass, records: Sequence[RunRecord], *, rows: int) -> ClassFacts:
    """Seeds of one class.

    Args:
        of: The class.
        records: Completed runs in it, of different seeds.
        rows: Validation rows.
    """
    outcomes = {seed: outcome for record in records for seed, outcome in outcomes_of(record).items()}
    good = {seed: outcome.hits for seed, outcome in outcomes.items() if not outcome.failed}
    points = [_POINTS * hits / rows for hits in good.values()]
    environment = records[0].environment
    return ClassFacts(
        name=of.name,
        changed=of.changed,
        numerics_fingerprint=environment.numerics_fingerprint if environment else "",
        hits=good,
        failed_seeds=tuple(seed for seed, outcome in outcomes.items() if outcome.failed),
        spread_points=IntervalFacts.of(spread_interval(points)) if len(points) >= FEWEST_FOR_INTERVAL else None,
        tail=RateFacts.of(lower_tail(points)) if len(points) >= FEWEST_FOR_TAIL else None,
        runs=tuple(record.run_id for record in records),
    )


def effect_facts(
    own: ClassFacts,
    other: ClassFacts,
    bits: Mapping[str, Mapping[int, SeedOutcome]],
    *,
    rows: int,
    distinct_rows: int,
) -> EffectFacts:
    """What a harmless class changes.

    The interval of the effect takes both sides for independent, which is cautious where same seeds correlate.

    Args:
        own: The own class.
        other: A harmless one.
        bits: Outcomes by name of the class and seed.
        rows: Validation rows.
        distinct_rows: How many of these differ.
    """
    shared = [seed for seed in bits[own.name] if seed in bits[other.name]]
    equal = sum(bits[own.name][seed].digests == bits[other.name][seed].digests for seed in shared)
    pairs = [seed for seed in own.hits if seed in other.hits]
    correlation, note = None, f"fewer than {FEWEST_PAIRS} seeds ran in both"
    if pairs and equal == len(shared):
        correlation, note = IntervalFacts.of(Interval(1.0, 1.0, 1.0, len(pairs), CONFIDENCE)), ""  # equal bits: certain
    elif len(pairs) >= FEWEST_PAIRS:
        try:
            sides = ([facts.hits[seed] for seed in pairs] for facts in (own, other))
            correlation, note = IntervalFacts.of(correlation_interval(*sides, confidence=CONFIDENCE)), ""
        except VerdictError as error:
            note = error.message
    return EffectFacts(
        name=other.name,
        equal_bits=equal,
        shared_seeds=len(shared),
        drop_points=drop_interval(own.hits, other.hits, rows=rows, distinct_rows=distinct_rows),
        correlation=correlation,
        note=note,
    )


def drop_interval(
    own: Mapping[int, int], other: Mapping[int, int], *, rows: int, distinct_rows: int
) -> IntervalFacts | None:
    """Mean accuracy of one side minus that of the other, in points, at 95 %; None with fewer than five seeds a side.

    Args:
        own: Hits by seed.
        other: Hits by seed.
        rows: That hits are of.
        distinct_rows: How many of these differ, for the floor of the spread.
    """
    if min(len(own), len(other)) < FEWEST_FOR_DROP:
        return None
    sides = ([_POINTS * hits / rows for hits in side.values()] for side in (own, other))
    seen = difference_of_means(*sides, least_spread=_POINTS * rounding_spread(distinct_rows))
    low, high = seen.interval(CONFIDENCE)
    return IntervalFacts.of(Interval(seen.estimate, low, high, len(own) + len(other), CONFIDENCE))


def process_facts(records: Sequence[RunRecord]) -> ProcessFacts:
    """One seed in many fresh processes: are the bits the same, and how much do step times differ?

    Args:
        records: Completed runs of one and the same seed.
    """
    runs = [record.seeds[0] for record in records]
    medians = tuple(statistics.median(run.steps.seconds) for run in runs)
    spread = None
    if len(medians) >= FEWEST_FOR_INTERVAL and min(medians) > 0:
        spread = IntervalFacts.of(spread_interval([math.log(seconds) for seconds in medians]))
    return ProcessFacts(
        seed=runs[0].seed,
        processes=len(runs),
        other_bits=tuple(number for number, run in enumerate(runs, 1) if run.digests != runs[0].digests),
        step_seconds=medians,
        spread=spread,
    )
