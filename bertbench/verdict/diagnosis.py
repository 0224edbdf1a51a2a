"""The four troubles of a fine-tune that the seed card names, looked for in a record, each with its cure.

A diagnosis is a hint for a person, never a verdict: the rules are rough on purpose and every number behind one is said.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from bertbench.quantities import ALL, BUDGETS, QUALITY
from bertbench.record import RunRecord, SeedRun

#: Overfitting: validation loss has risen by this factor from its best epoch while training loss fell.
OVERFITTING_LOSS_RATIO = 1.1
#: Poor validation accuracy: less than this share of the way from always answering the largest class to all right.
POOR_ACCURACY_SHARE = 0.25
#: Long training: the steps reach less than this share of the machine's matrix-product rate.
LOW_UTILIZATION = 0.15
#: Exploding gradients: the largest norm is this many times the median.
EXPLODING_RATIO = 20.0


@dataclass(frozen=True)
class Diagnosis:
    """One trouble.

    Attributes:
        trouble: Its name on the card.
        evidence: What was seen, in words and numbers.
        cure: What the card says to do, as spec fields.
    """

    trouble: str
    evidence: str
    cure: str


def diagnose(record: RunRecord) -> tuple[Diagnosis, ...]:
    """Every trouble that shows in *record*, the worst seed of each."""
    found = [diagnosis for run in record.seeds for diagnosis in _of_seed(run)]
    first = {diagnosis.trouble: diagnosis for diagnosis in reversed(found)}
    return tuple(sorted(first.values(), key=lambda diagnosis: diagnosis.trouble))


def _of_seed(run: SeedRun) -> Iterator[Diagnosis]:
    yield from _exploding_gradients(run)
    if run.epochs:
        yield from _overfitting(run)
        yield from _poor_validation_accuracy(run)
    yield from _long_training(run)


def _exploding_gradients(run: SeedRun) -> Iterator[Diagnosis]:
    norms = run.steps.gradient_norm
    if not norms:
        return
    worst = max(norms, key=lambda norm: norm if math.isfinite(norm) else math.inf)
    median = statistics.median(norms)
    if not (worst < EXPLODING_RATIO * median or worst == 0):
        norm = ALL["gradient_norm"].format
        yield Diagnosis(
            "exploding gradients",
            f"seed {run.seed}: gradient norm {norm(worst)} at step {norms.index(worst)}, median {norm(median)}",
            "clip them: optimizer.global_clipnorm = 1.0; or lower optimizer.learning_rate",
        )


def _overfitting(run: SeedRun) -> Iterator[Diagnosis]:
    best = min(run.epochs, key=lambda row: row.validation.loss)
    last = run.epochs[-1]
    risen = last.validation.loss > OVERFITTING_LOSS_RATIO * best.validation.loss
    if risen and last.train.loss < best.train.loss:
        loss = QUALITY["loss"].format
        yield Diagnosis(
            "overfitting",
            f"seed {run.seed}: validation loss rose from {loss(best.validation.loss)} (epoch {best.epoch}) to "
            f"{loss(last.validation.loss)} while training loss fell to {loss(last.train.loss)}",
            "more dropout (model.hidden_dropout_rate), augmentation.*, or training.early_stopping",
        )


def _poor_validation_accuracy(run: SeedRun) -> Iterator[Diagnosis]:
    confusion = run.validation_confusion
    if not confusion:
        return
    majority = max(map(sum, confusion)) / sum(map(sum, confusion))
    reached = run.epochs[-1].validation.accuracy
    if not reached >= majority + POOR_ACCURACY_SHARE * (1 - majority):
        accuracy = QUALITY["accuracy"].format
        yield Diagnosis(
            "poor validation accuracy",
            f"seed {run.seed}: {accuracy(reached)}, and always answering the largest class gives {accuracy(majority)}",
            "check the preprocessing and the data: bertbench data SPEC; then learning rate and epochs",
        )


def _long_training(run: SeedRun) -> Iterator[Diagnosis]:
    if run.utilization is None or run.utilization.value >= LOW_UTILIZATION:
        return
    yield Diagnosis(
        "long training",
        f"seed {run.seed}: steps reach {BUDGETS['utilization'].format(run.utilization.value)} of this machine's "
        "matrix-product rate",
        "another training.batch_size, fewer other processes, or better hardware",
    )
