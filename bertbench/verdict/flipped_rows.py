"""Rows that flipped, seed by seed, and what may be so for other messages: shown, without a vote. Loads scipy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertbench.baseline import Baseline
from bertbench.errors import VerdictError
from bertbench.stats import multi_bootstrap
from bertbench.verdict.quality_words import oriented

#: Where resamples begin: a verdict shown again is the same verdict.
_RESAMPLES_FROM = 0
_POINTS = 100.0


@dataclass(frozen=True)
class FlippedRows:
    """Validation rows of one seed that are right on one side alone.

    Attributes:
        seed: That both sides ran.
        lost: Right in the baseline, wrong in the run.
        won: The other way round.
    """

    seed: int
    lost: int
    won: int


def flipped_rows(
    baseline: Baseline, wrong_rows: Mapping[int, Sequence[int]], seeds: Sequence[int]
) -> tuple[FlippedRows, ...]:
    """Of every seed that both sides ran and of which the run's predictions are known, in the order given.

    Args:
        baseline: The bank.
        wrong_rows: By seed, rows that the candidate had wrong at its end; may lack seeds.
        seeds: Of the candidate.
    """
    bank = {seed.seed: set(seed.wrong_rows) for seed in baseline.seeds}
    pairs = ((seed, bank[seed], set(wrong_rows[seed])) for seed in seeds if seed in bank and seed in wrong_rows)
    return tuple(FlippedRows(seed, len(now - before), len(before - now)) for seed, before, now in pairs)


def rows_told(baseline: Baseline, wrong_rows: Mapping[int, Sequence[int]], seeds: Sequence[int]) -> list[str]:
    """Sentences; none without the run's predictions.

    Args:
        baseline: The bank.
        wrong_rows: By seed, rows that the candidate had wrong at its end; may lack seeds.
        seeds: Of the candidate, in the order of looks, those that did not fail.
    """
    bank = {seed.seed: set(seed.wrong_rows) for seed in baseline.seeds}
    flipped = flipped_rows(baseline, wrong_rows, seeds)
    if not flipped:
        return []
    shared = [one.seed for one in flipped]
    told = [f"Rows lost/won by seed: {', '.join(f'{one.seed}: {one.lost}/{one.won}' for one in flipped)}."]
    rows, distinct = baseline.validation_rows, baseline.distinct_rows
    if distinct < rows:  # resampled as rows of their own, copies would say more than they know
        copies = f"{rows - distinct} of {rows} validation rows are copies of others"
        return [*told, f"Nothing is said of other messages ({copies})."]
    try:
        other = multi_bootstrap(
            np.stack([_right(bank[seed], rows) for seed in shared]),
            np.stack([_right(set(wrong_rows[seed]), rows) for seed in shared]),
            generator=np.random.default_rng(_RESAMPLES_FROM),
        )
    except VerdictError as error:
        return [*told, f"Nothing is said of other messages ({error.message})."]
    low, high = oriented(other.estimate, (_POINTS * other.low, _POINTS * other.high))
    direction = "rise" if other.estimate < 0 else "drop"
    told.append(
        f"For other messages like these the {direction} may lie between {low:.2f} and {high:.2f} points "
        f"(approximate: multi-bootstrap over the {len(shared)} shared seeds)."
    )
    return told


def _right(wrong: set[int], rows: int) -> NDArray[np.float64]:
    """1 where a row is right, float64 (rows,)."""
    right = np.ones(rows)
    right[sorted(wrong)] = 0.0
    return right
