"""Faults that are another recipe: which field is executed otherwise, and where there is nothing to change."""

from __future__ import annotations

from typing import Any

import pytest

from bertbench.errors import FaultError
from bertbench.faults import CATALOGUE
from bertbench.spec import Spec, build_spec


def spec_of(**tables: Any) -> Spec:
    return build_spec({"name": "toy", **tables})


def differences(one: Spec, other: Spec) -> dict[str, Any]:
    """Dotted names of the fields that differ, with the second's values."""
    tables = ("model", "optimizer", "training")
    assert one.model_dump(exclude=set(tables)) == other.model_dump(exclude=set(tables))
    found = {}
    for table in tables:
        before, after = getattr(one, table), getattr(other, table)
        names = dict.fromkeys([*type(before).model_fields, *type(after).model_fields])
        for name in names:
            if getattr(before, name, None) != getattr(after, name, None):
                found[f"{table}.{name}"] = getattr(after, name, None)
    return found


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("batch-size-halved", {"training.batch_size": 16}),
        ("batch-size-doubled", {"training.batch_size": 64}),
        ("batching-off", {"training.batch_size": 2**31 - 1}),
        ("fewer-epochs", {"training.epochs": 1}),
        ("learning-rate-up", {"optimizer.learning_rate": pytest.approx(3e-4)}),
        ("learning-rate-down", {"optimizer.learning_rate": pytest.approx(3e-6)}),
        ("gradient-clipping", {"optimizer.global_clipnorm": 1e-4}),
        ("weight-regularization", {"optimizer.weight_decay": 0.1}),
        (
            "dropout-rate",
            dict.fromkeys((f"model.{which}_dropout_rate" for which in ("hidden", "attention", "classifier")), 0.5),
        ),
        ("half-precision", {"training.precision": "mixed_bfloat16"}),
        ("no-shuffling", {"training.shuffle": False}),
    ],
)
def test_one_thing_is_executed_otherwise(name: str, changed: dict[str, Any]) -> None:
    spec = spec_of()
    assert differences(spec, CATALOGUE[name].spec(spec)) == changed


def test_another_optimizer_keeps_the_learning_rate() -> None:
    executed = CATALOGUE["optimizer-changed"].spec(spec_of(optimizer={"name": "adamw", "learning_rate": 7e-5}))
    assert (executed.optimizer.name, executed.optimizer.learning_rate) == ("sgd", 7e-5)
    assert executed.optimizer.weight_decay is None


def test_early_stopping_has_no_patience() -> None:
    executed = CATALOGUE["early-stopping"].spec(spec_of())
    assert executed.training.early_stopping is not None
    assert executed.training.early_stopping.patience_epochs == 0
    assert executed.training.early_stopping.restore_best is False


def test_another_way_of_clipping_makes_way() -> None:
    executed = CATALOGUE["gradient-clipping"].spec(spec_of(optimizer={"name": "adam", "clipnorm": 1.0}))
    assert (executed.optimizer.clipnorm, executed.optimizer.global_clipnorm) == (None, 1e-4)


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        ("batch-size-halved", {"training": {"batch_size": 1}}),
        ("fewer-epochs", {"training": {"epochs": 1}}),
        ("early-stopping", {"training": {"epochs": 1}}),
        ("optimizer-changed", {"optimizer": {"name": "sgd"}}),
        ("no-shuffling", {"training": {"shuffle": False}}),
        ("half-precision", {"training": {"precision": "mixed_bfloat16"}}),
    ],
)
def test_a_spec_that_leaves_no_room_is_refused(name: str, tables: dict[str, Any]) -> None:
    """Else a self-test would count a fault that nobody could have seen."""
    for refusing in (CATALOGUE[name].spec, CATALOGUE[name].check_spec):
        with pytest.raises(FaultError, match=f"^{name}: toy is the same spec with it"):
            refusing(spec_of(**tables))
