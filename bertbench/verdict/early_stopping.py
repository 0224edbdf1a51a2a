"""The part of the recipe lock that is about how long a seed ran: epochs, early stopping, the epoch that was restored.

The rule of the spec is gone through once more with the values that the record holds; the loop that trains is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bertbench.quantities import quality_of
from bertbench.record import EpochRow, SeedRun
from bertbench.spec import EarlyStoppingSpec, TrainingSpec
from bertbench.verdict.drifts import Drift, held


@dataclass(frozen=True)
class Prescribed:
    """What early stopping makes of the values of some epochs.

    Attributes:
        stop: Epoch after which training ends, from 0; None if it goes on after the last of them.
        best: The best epoch until then, from 0.
    """

    stop: int | None
    best: int


def length_drifts(training: TrainingSpec, run: SeedRun) -> Iterator[Drift]:
    """Epochs that a completed seed should not have run or should have, and another epoch than the one to restore."""
    stopping = training.early_stopping
    if stopping is None:
        yield from held("training.epochs", training.epochs, len(run.epochs))
        yield from held("epoch whose weights were restored", None, run.best_epoch_restored)
        return
    prescribed = by_the_rule(stopping, run.epochs)
    best = f"{stopping.quantity} is best in epoch {prescribed.best}, patience_epochs {stopping.patience_epochs}"
    ran, by = len(run.epochs), f"training.early_stopping ({best})"
    if prescribed.stop is None and ran < training.epochs:
        yield Drift(f"epochs: more than {ran} of training.epochs = {training.epochs} by {by}, {ran} live")
    elif prescribed.stop is None:
        yield from held("training.epochs", training.epochs, ran)
    else:
        yield from held("epochs", min(prescribed.stop + 1, training.epochs), ran, by=by)
    restored = prescribed.best if stopping.restore_best else None
    yield from held("epoch whose weights were restored", restored, run.best_epoch_restored, by=by)


def by_the_rule(stopping: EarlyStoppingSpec, rows: Sequence[EpochRow]) -> Prescribed:
    """When training ends and which epoch is the best.

    An epoch is an improvement if it is better than the best one so far by more than `min_delta`. Differences are taken
    of the very numbers that training compared, in float64, so that a change as large as `min_delta` rounds to the same
    side.

    Args:
        stopping: The rule.
        rows: One or more epochs that ran, from the first on.
    """
    split, quantity = quality_of(stopping.quantity)
    values: list[float] = [getattr(getattr(row, split), quantity.name) for row in rows]
    sign = 1.0 if quantity.better == "higher" else -1.0
    best = 0
    for epoch, value in enumerate(values):
        if sign * (value - values[best]) > stopping.min_delta:
            best = epoch
        if epoch - best >= stopping.patience_epochs:
            return Prescribed(epoch, best)
    return Prescribed(None, best)
