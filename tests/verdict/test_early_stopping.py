"""Epochs and the restored epoch are those that the spec's rule gives on the values of the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from record_maker import make_quality, make_seed, make_spec

from bertbench.record import SeedRun
from bertbench.verdict.early_stopping import length_drifts

LIMIT = 8


def seed_of(values: Sequence[float], *, quantity: str = "validation_accuracy", restored: int | None = None) -> SeedRun:
    """A completed seed of as many epochs, with these values of one quantity."""
    split, _, name = quantity.partition("_")
    run = make_seed(0, epochs=len(values))
    level = make_quality(1.0, 0)  # all else never gets better
    rows = tuple(
        row.model_copy(update={"train": level, "validation": level, split: level.model_copy(update={name: value})})
        for row, value in zip(run.epochs, values, strict=True)
    )
    return run.model_copy(update={"epochs": rows, "best_epoch_restored": restored})


def drifts(run: SeedRun, *, epochs: int = LIMIT, **rule: Any) -> list[str]:
    """What is named under a rule of two epochs of patience on validation accuracy, but for *rule*."""
    table = {"quantity": "validation_accuracy", "patience_epochs": 2, **rule}
    training = make_spec(training={"epochs": epochs, "early_stopping": table}).training
    return [drift.text for drift in length_drifts(training, run)]


RULES = [
    ([0.5, 0.4, 0.4], {}),  # two epochs without improvement
    ([0.5, 0.4, 0.6, 0.5, 0.5], {}),  # an improvement begins the count anew
    ([0.5, 0.5, 0.5], {}),  # equal is no improvement
    ([0.5, 0.4], {"patience_epochs": 1}),
    ([0.5, 0.625, 0.625], {"min_delta": 0.125}),  # nor is a change as large as min_delta
    ([0.5, 0.625, 0.75, 0.8, 0.8], {"min_delta": 0.125}),  # against the same best, two changes are more
    ([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9], {}),  # to the limit
    ([0.9, 0.8, 0.85, 0.8], {"quantity": "train_loss"}),  # lower is better
]


@pytest.mark.parametrize(("values", "rule"), RULES)
def test_a_seed_that_stopped_when_the_rule_says_so_is_no_drift(values: list[float], rule: dict[str, Any]) -> None:
    quantity = rule.get("quantity", "validation_accuracy")
    assert drifts(seed_of(values, quantity=quantity), **rule) == []


@pytest.mark.parametrize(("values", "rule"), RULES)
def test_one_epoch_more_or_less_is_named(values: list[float], rule: dict[str, Any]) -> None:
    quantity = rule.get("quantity", "validation_accuracy")
    (short,) = drifts(seed_of(values[:-1], quantity=quantity), **rule)
    assert short.startswith(f"epochs: more than {len(values) - 1} of training.epochs = 8 by training.early_stopping (")
    assert short.endswith(f", {len(values) - 1} live")
    (long,) = drifts(seed_of([*values, 0.1], quantity=quantity), **rule)
    assert f": {len(values)} by t" in long
    assert long.endswith(f", {len(values) + 1} live")


def test_the_best_epoch_and_the_patience_are_told() -> None:
    best = "training.early_stopping (validation_accuracy is best in epoch 0, patience_epochs 2)"
    assert drifts(seed_of([0.5, 0.4])) == [f"epochs: more than 2 of training.epochs = 8 by {best}, 2 live"]
    assert drifts(seed_of([0.5, 0.4, 0.4, 0.9])) == [f"epochs: 3 by {best}, 4 live"]


def test_the_limit_binds_whatever_the_rule_says() -> None:
    assert drifts(seed_of([0.3, 0.4, 0.5]), epochs=2) == ["training.epochs: 2 by the spec, 3 live"]
    assert drifts(seed_of([0.3, 0.4]), epochs=2) == []


@pytest.mark.parametrize(
    ("restored", "restore_best", "words"),
    [
        (1, True, None),
        (3, True, "1 by training.early_stopping (validation_accuracy is best in epoch 1, patience_epochs 2), 3 live"),
        (None, True, "1 by training.early_stopping"),
        (None, False, None),
        (1, False, "None by training.early_stopping"),
    ],
)
def test_the_restored_epoch_is_the_best_one(restored: int | None, restore_best: bool, words: str | None) -> None:
    found = drifts(seed_of([0.4, 0.6, 0.5, 0.5], restored=restored), restore_best=restore_best)
    assert len(found) == (words is not None)
    assert all(text.startswith(f"epoch whose weights were restored: {words}") for text in found)


def test_without_early_stopping_every_epoch_runs_and_none_is_restored() -> None:
    training = make_spec(training={"epochs": 3}).training
    whole = seed_of([0.5, 0.4, 0.4])
    assert list(length_drifts(training, whole)) == []
    (drift,) = length_drifts(training, whole.model_copy(update={"best_epoch_restored": 0}))
    assert drift.text == "epoch whose weights were restored: None by the spec, 0 live"


def test_changes_are_taken_of_the_numbers_that_training_compared() -> None:
    """0.3 is more than 0.1 + 0.2 from 0 by no means; 0.1 + 0.2 itself is, by the last digit of a float."""
    assert drifts(seed_of([0.0, 0.3, 0.3]), min_delta=0.1 + 0.2) == []
    assert drifts(seed_of([0.0, 0.1 + 0.2, 0.0, 0.0]), min_delta=0.3) == []
