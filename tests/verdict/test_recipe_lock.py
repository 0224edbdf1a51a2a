"""A recipe that drifted is named with both values; one that did not passes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from record_maker import make_live_recipe, make_record, make_seed, make_spec, make_steps

from bertbench.record import RunRecord
from bertbench.verdict import judge_recipe

EPOCHS, STEPS = 3, 4  # 32 rows in batches of 8


def record(*, spec: dict[str, Any] | None = None, live: dict[str, Any] | None = None, **steps: Any) -> RunRecord:
    """A run that did what its spec says, but for *live* and *steps*."""
    made = make_spec(**{"training": {"epochs": EPOCHS, "batch_size": 8}} | (spec or {}))
    series = make_steps(EPOCHS * STEPS).model_copy(update=steps)
    seed = make_seed(0, epochs=EPOCHS, steps_per_epoch=STEPS)
    seed = seed.model_copy(update={"live_recipe": make_live_recipe(made) | (live or {}), "steps": series})
    whole = make_record(spec=made)
    assert whole.data is not None
    data = whole.data.model_copy(update={"rows": {"train": 32, "validation": 49}})
    return whole.model_copy(update={"seeds": (seed,), "data": data})


def test_what_was_specified_passes() -> None:
    assert judge_recipe(record()).outcome == "pass"


def test_real_numbers_are_held_as_float32() -> None:
    """The device holds 3e-5 as 2.9999999242136255e-05; that is no drift."""
    applied = (2.9999999242136255e-05,) * (EPOCHS * STEPS)
    assert judge_recipe(record(learning_rate=applied)).outcome == "pass"


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ({"backend": "jax"}, "runtime.backend: 'tensorflow' by the spec, 'jax' live"),
        ({"dtype_policy": "mixed_float16"}, "training.precision: 'float32' by the spec"),
        ({"compute_dtype": "bfloat16"}, "dtype of computation: 'float32' by the spec, 'bfloat16' live"),
        ({"variable_dtypes": ["float16", "float32"]}, "dtypes of variables"),
        ({"iterations": 7}, "optimizer iterations before the first step: 0 by the spec, 7 live"),
        ({"iterations": True}, "optimizer iterations"),
        ({"optimizer": {}}, "optimizer.weight_decay: None by the spec, 'absent' live"),
    ],
)
def test_a_live_value_that_differs_is_named_with_both(live: dict[str, Any], words: str) -> None:
    check = judge_recipe(record(live=live))
    assert check.outcome == "fail"
    assert words in check.reason


def test_nan_is_no_value_of_a_hyperparameter() -> None:
    optimizer = make_spec().optimizer.model_dump() | {"beta_1": math.nan}
    assert "optimizer.beta_1: 0.9 by the spec, nan live" in judge_recipe(record(live={"optimizer": optimizer})).reason


@pytest.mark.parametrize("name", ["beta_1", "beta_2", "epsilon", "amsgrad", "clipnorm", "weight_decay", "use_ema"])
def test_every_argument_of_the_optimizer_is_held(name: str) -> None:
    spec = make_spec()
    optimizer = spec.optimizer.model_dump()
    optimizer[name] = True if optimizer[name] is False else 0.5
    check = judge_recipe(record(live={"optimizer": optimizer}))
    assert f"optimizer.{name}" in check.reason


@pytest.mark.parametrize(
    ("model", "drifts"),
    [
        ({}, 0),  # the checkpoint's own rates are not the spec's business
        ({"hidden_dropout_rate": 0.1, "attention_dropout_rate": 0.1, "classifier_dropout_rate": 0.1}, 0),
        ({"hidden_dropout_rate": 0.2}, 1),
        ({"attention_dropout_rate": 0.2}, 1),
        ({"classifier_dropout_rate": 0.2}, 1),
    ],
)
def test_dropout_rates_that_the_spec_sets_are_held(model: dict[str, float], drifts: int) -> None:
    check = judge_recipe(record(spec={"model": model}))
    assert check.reason.count("dropout rate of") == drifts


def test_the_first_step_with_another_learning_rate_is_named() -> None:
    rates = (3e-5,) * 5 + (6e-5,) * 7
    assert (
        "learning rate of step 5: 3e-05 by the spec, 6e-05 applied" in judge_recipe(record(learning_rate=rates)).reason
    )


def test_a_schedule_that_was_not_applied_is_seen() -> None:
    check = judge_recipe(record(spec={"schedule": {"kind": "linear"}}))
    assert "learning rate of step 1" in check.reason


def test_rows_left_out_of_an_epoch_are_seen() -> None:
    """A last batch that was dropped, for instance."""
    check = judge_recipe(record(rows=(8, 8, 8, 4) * EPOCHS))
    assert "rows seen in epoch 0: 32 by the spec, 28 live" in check.reason


def test_another_batch_size_is_seen() -> None:
    assert "training.batch_size in epoch 0" in judge_recipe(record(rows=(16, 16, 0, 0) * EPOCHS)).reason


def test_too_few_epochs_are_seen_unless_they_may_stop_early() -> None:
    longer = {"training": {"epochs": 4, "batch_size": 8}}
    assert "training.epochs: 4 by the spec, 3 live" in judge_recipe(record(spec=longer)).reason
    longer["training"]["early_stopping"] = {"patience_epochs": 1}
    assert judge_recipe(record(spec=longer)).outcome == "pass"


def test_other_weights_than_pinned_are_seen() -> None:
    pinned = {"checkpoint": {"sha256": "0" * 64}}
    assert "checkpoint.sha256" in judge_recipe(record(spec=pinned)).reason


def test_a_run_that_did_not_complete_shows_nothing() -> None:
    failed = record().model_copy(update={"outcome": "failed"})
    assert judge_recipe(failed).outcome == "fail"
