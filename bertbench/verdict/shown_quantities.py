"""What is shown of a comparison of accuracy: the numbers of the look that decided, and beside them what has no vote.

What has no vote is the same estimate and interval of everything else, over all seeds that ran. None of these can fail
or pass a run, so none of them spends error rate; an interval that excludes zero is a hint to look, and among several of
them one does so by chance now and then. Loads scipy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bertbench.baseline import Baseline, BaselineSeed
from bertbench.errors import VerdictError
from bertbench.quantities import QUALITY
from bertbench.record import SeedRun
from bertbench.spec import Spec
from bertbench.stats import difference_of_means, rounding_spread
from bertbench.stats.noninferiority import FEWEST_FOR_INTERVAL
from bertbench.stats.sequential import SHOWN_CONFIDENCE
from bertbench.verdict.candidate import Candidate
from bertbench.verdict.failed_seeds import failed_baseline_seeds, failed_candidate_seeds
from bertbench.verdict.flipped_rows import FlippedRows, flipped_rows
from bertbench.verdict.outcomes import TOO_FEW_SEEDS, Check

_POINTS = 100.0
#: A correlation of fewer pairs is a line through two points.
_FEWEST_PAIRS = 3
#: Standard deviation of rounding to whole epochs, for seeds that all take as many.
_ROUNDED_EPOCHS = 1 / math.sqrt(12)


@dataclass(frozen=True)
class ShownQuantity:
    """One quantity on both sides.

    Attributes:
        name: The field's own term, with the unit where it has one.
        better: Which direction is better.
        bank_seeds: Baseline seeds it is of.
        seeds: The run's, likewise.
        baseline_mean: Over seeds; None if there is no value.
        mean: Likewise of the run.
        baseline_spread: Standard deviation over seeds (ddof 1); None of fewer than two.
        spread: Likewise of the run.
        change: Mean minus baseline mean; None if a side has no value for every seed.
        interval: Two-sided 99 % interval of the change; None without a spread, or of fewer than four seeds.
        note: What must be known beside it.
    """

    name: str
    better: Literal["higher", "lower"]
    bank_seeds: int
    seeds: int
    baseline_mean: float | None
    mean: float | None
    baseline_spread: float | None = None
    spread: float | None = None
    change: float | None = None
    interval: tuple[float, float] | None = None
    note: str = ""


@dataclass(frozen=True)
class Shown:
    """All that is shown.

    Attributes:
        decides: Accuracy at the deciding look: its estimate, interval and spreads, over its seeds that did not fail;
            None if no look was taken of it.
        failed_seeds: How many seeds of that look failed, such as '2 of 4', if that number alone decided; else empty.
        ran: Seeds that came to an end, those that failed and those that no look needed included.
        quantities: Without a vote, over all seeds that ran and did not fail: accuracy first.
        correlation: Of the accuracy of seeds that both sides ran (Pearson); None of fewer than three or without spread.
        pairs: How many seeds that is of.
        flipped: Rows lost and won of each seed that both sides ran, as far as predictions are known.
    """

    decides: ShownQuantity | None
    failed_seeds: str
    ran: int
    quantities: tuple[ShownQuantity, ...]
    correlation: float | None
    pairs: int
    flipped: tuple[FlippedRows, ...] = ()


def shown_beside(
    candidate: Candidate,
    baseline: Baseline,
    *,
    margin_points: float,
    quality: Check,
    wrong_rows: Mapping[int, Sequence[int]] | None = None,
) -> Shown:
    """Everything that is shown of a comparison in which bits differ, over the seeds that did not fail.

    Args:
        candidate: What ran.
        baseline: The bank.
        margin_points: Of the comparison; where the spec has no threshold on every seed, the target is the bank's mean
            accuracy minus this.
        quality: What was judged of them: the deciding row shows its numbers.
        wrong_rows: By seed, rows that the candidate had wrong at its end; may lack seeds, None are all.
    """
    failed = failed_candidate_seeds(candidate)
    runs = [run for run in candidate.seeds if run.seed not in failed]
    failed_bank = failed_baseline_seeds(baseline, candidate.majority_share)
    bank = [seed for seed in baseline.seeds if seed.seed not in failed_bank]
    quantities = [
        _compared(
            f"validation {name}",
            quantity.better,
            [getattr(seed.quality, name) for seed in bank],
            [getattr(run.final_epoch.validation, name) for run in runs],
            least_spread=rounding_spread(baseline.distinct_rows) if quantity.is_share_of_rows else 0.0,
        )
        for name, quantity in QUALITY.items()
    ]
    target = _target(candidate.first.spec, bank, baseline.validation_rows, margin_points)
    quantities += _to_target(candidate, baseline, (bank, runs), target)
    pairs = [
        (seed.quality.accuracy, run.final_epoch.validation.accuracy)
        for run in runs
        for seed in bank
        if seed.seed == run.seed
    ]
    by_count = _is_by_count(quality)
    look = candidate.order[: int(quality.numbers.get("look_seeds", 0))]
    return Shown(
        decides=_decides((bank, [run for run in runs if run.seed in look]), baseline.validation_rows, quality),
        failed_seeds=f"{quality.numbers['failed_seeds']:g} of {len(look)}" if by_count else "",
        ran=len(candidate.order),
        quantities=tuple(quantities),
        correlation=_correlation(pairs),
        pairs=len(pairs),
        flipped=flipped_rows(baseline, wrong_rows or {}, [run.seed for run in runs]),
    )


def _is_by_count(quality: Check) -> bool:
    """Whether the number of failed seeds decided and the mean did not."""
    numbers = quality.numbers
    too_many = "look_seeds" in numbers and numbers["failed_seeds"] >= numbers["failed_seeds_limit"]
    return too_many and quality.observed_value is None


def _decides(
    sides: tuple[Sequence[BaselineSeed], Sequence[SeedRun]], rows: int, quality: Check
) -> ShownQuantity | None:
    """Accuracy as the deciding look saw it: what the verdict rests on, and no second estimate of it."""
    (bank, runs), numbers = sides, quality.numbers
    if "drop_points" not in numbers:
        return None
    has_interval = "drop_low_points" in numbers  # not where too few seeds are left
    decides = "" if _is_by_count(quality) else "decides: "
    failed = f", {numbers['failed_seeds']:g} failed" if numbers["failed_seeds"] else ""
    note = f"{decides}look of {numbers['look_seeds']:g} seeds{failed}"
    return ShownQuantity(
        "validation accuracy",
        "higher",
        len(bank),
        len(runs),
        sum(seed.hits for seed in bank) / (len(bank) * rows),
        math.fsum(run.final_epoch.validation.accuracy for run in runs) / len(runs),
        baseline_spread=numbers["baseline_spread_points"] / _POINTS,
        spread=numbers["spread_points"] / _POINTS,
        change=-numbers["drop_points"] / _POINTS,
        interval=(-numbers["drop_high_points"] / _POINTS, -numbers["drop_low_points"] / _POINTS)
        if has_interval
        else None,
        note=note if has_interval else f"{note}; {TOO_FEW_SEEDS}",
    )


def _compared(
    name: str,
    better: Literal["higher", "lower"],
    bank: Sequence[float],
    run: Sequence[float],
    *,
    least_spread: float = 0.0,
    note: str = "",
) -> ShownQuantity:
    """Estimate and interval by Student's t and Welch's, the wider, as for accuracy."""
    too_few = TOO_FEW_SEEDS if min(len(bank), len(run)) < FEWEST_FOR_INTERVAL else ""
    note = "; ".join(part for part in (note, too_few) if part)
    baseline_mean, mean = (math.fsum(values) / len(values) if values else None for values in (bank, run))
    try:
        difference = difference_of_means(bank, run, least_spread=least_spread)
    except VerdictError:  # one seed has no spread
        return ShownQuantity(name, better, len(bank), len(run), baseline_mean, mean, note=note)
    low, high = difference.interval(SHOWN_CONFIDENCE)
    return ShownQuantity(
        name,
        better,
        len(bank),
        len(run),
        baseline_mean,
        mean,
        baseline_spread=difference.baseline_spread,
        spread=difference.candidate_spread,
        change=-difference.estimate,
        interval=(-high, -low) if math.isfinite(high) else None,
        note=note,
    )


# Epochs and seconds to a target


def _target(spec: Spec, bank: Sequence[BaselineSeed], rows: int, margin_points: float) -> float:
    """The accuracy to reach: the spec's own promise for every seed, else what the bank's mean is no worse than."""
    promised = [
        promise.bound
        for promise in spec.expect
        if (promise.quantity, promise.over) == ("validation_accuracy", "every_seed")
    ]
    return promised[0] if promised else sum(seed.hits for seed in bank) / (len(bank) * rows) - margin_points / _POINTS


def _to_target(
    candidate: Candidate, baseline: Baseline, sides: tuple[Sequence[BaselineSeed], Sequence[SeedRun]], target: float
) -> list[ShownQuantity]:
    """Epochs, and seconds where both sides ran undisturbed on one machine."""
    bank, runs = sides
    if not all(seed.validation_hits for seed in bank):
        return []  # a baseline of the first schema
    rows = baseline.validation_rows
    before = [_epochs([hits / rows for hits in seed.validation_hits], target) for seed in bank]
    now = [_epochs([row.validation.accuracy for row in run.epochs], target) for run in runs]
    found = [_reached("epochs to target", before, now, target, least_spread=_ROUNDED_EPOCHS)]
    if _one_undisturbed_machine(candidate, baseline):
        found.append(
            _reached(
                "seconds to target",
                [_spent(seed.epoch_seconds, epochs) for seed, epochs in zip(bank, before, strict=True)],
                [_spent([row.seconds for row in run.epochs], epochs) for run, epochs in zip(runs, now, strict=True)],
                target,
            )
        )
    return found


def _epochs(accuracies: Sequence[float], target: float) -> int | None:
    """Epochs until the target is reached for the first time; None if it never is."""
    return next((number for number, accuracy in enumerate(accuracies, start=1) if accuracy >= target), None)


def _spent(seconds: Sequence[float], epochs: int | None) -> float | None:
    return None if epochs is None else math.fsum(seconds[:epochs])


def _reached(
    name: str,
    before: Sequence[float | None],
    now: Sequence[float | None],
    target: float,
    *,
    least_spread: float = 0.0,
) -> ShownQuantity:
    """Compared if every seed reaches the target: a mean over those that do would hide the others."""
    bank, run = ([value for value in side if value is not None] for side in (before, now))
    note = f"target {QUALITY['accuracy'].format(target)}"
    if len(bank) == len(before) and len(run) == len(now):
        return _compared(name, "lower", bank, run, least_spread=least_spread, note=note)
    note += f", reached by {len(bank)} of {len(before)} seeds of the bank and {len(run)} of {len(now)} of the run"
    return ShownQuantity(name, "lower", len(before), len(now), None, None, note=note)


def _one_undisturbed_machine(candidate: Candidate, baseline: Baseline) -> bool:
    """Whether seconds of both sides are of one machine that no other test worker shared."""
    environments = [record.environment for record in candidate.records]
    machines = {environment.machine_fingerprint for environment in environments if environment}
    alone = all(environment is not None and environment.workers == 1 for environment in environments)
    return (
        alone and machines == set(baseline.machine_fingerprints) and all(seed.epoch_seconds for seed in baseline.seeds)
    )


def _correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's, of both sides' accuracy; None of fewer than three pairs, or of a side without spread."""
    if len(pairs) < _FEWEST_PAIRS:
        return None
    both = np.asarray(pairs).T  # (2, pairs)
    if not both.std(axis=1).all():
        return None
    return float(np.corrcoef(both)[0, 1])
