"""A recipe that drifted is named with both values; one that did not passes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from record_maker import (
    CONFIG,
    make_evidence,
    make_live_recipe,
    make_record,
    make_seed,
    make_spec,
    make_steps,
    row_counts,
)

from bertbench.checkpoints import BertConfig
from bertbench.engines.fresh_layers import draw_under, drawn_digests, fresh_shapes
from bertbench.record import Evidence, RunRecord
from bertbench.spec import Spec
from bertbench.verdict import judge_recipe
from bertbench.verdict.drifts import same

EPOCHS, STEPS = 3, 4  # 32 rows in batches of 8


def record(
    *,
    spec: dict[str, Any] | None = None,
    live: dict[str, Any] | None = None,
    evidence: dict[str, Any] | None = None,
    **steps: Any,
) -> RunRecord:
    """A run that did what its spec says, but for *live*, *evidence* and *steps*."""
    made = make_spec(**{"training": {"epochs": EPOCHS, "batch_size": 8}} | (spec or {}))
    series = make_steps(EPOCHS * STEPS).model_copy(update=steps)
    seed = make_seed(0, epochs=EPOCHS, steps_per_epoch=STEPS)
    seen = {
        "live_recipe": make_live_recipe(made) | (live or {}),
        "evidence": seen_of(made, **(evidence or {})),
    }
    seed = seed.model_copy(update={**seen, "steps": series})
    whole = make_record(spec=made)
    assert whole.data is not None
    data = whole.data.model_copy(update=row_counts(train=32))
    return whole.model_copy(update={"seeds": (seed,), "data": data})


def seen_of(spec: Spec, **changes: Any) -> Evidence:
    """What is seen of the epochs that ran, few or many as the spec may say."""
    seen = make_evidence(spec)
    return seen.model_copy(update={"row_orders": seen.row_orders[:EPOCHS], **changes})


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
        ({"optimizer": {"class": "OnePassAdam"}}, "optimizer.weight_decay: None by the spec, 'absent' live"),
    ],
)
def test_a_live_value_that_differs_is_named_with_both(live: dict[str, Any], words: str) -> None:
    check = judge_recipe(record(live=live))
    assert check.outcome == "fail"
    assert words in check.reason


def test_nan_is_no_value_of_a_hyperparameter() -> None:
    optimizer = make_spec().optimizer.model_dump() | {"beta_1": math.nan}
    assert "optimizer.beta_1: 0.9 by the spec, nan live" in judge_recipe(record(live={"optimizer": optimizer})).reason


def test_whole_numbers_are_held_exactly() -> None:
    """As float32, a seed of 31 bits and its neighbour would be one."""
    assert same(2**24, 2**24)
    assert not same(2**24, 2**24 + 1)


@pytest.mark.parametrize("name", ["beta_1", "beta_2", "epsilon", "amsgrad", "clipnorm", "weight_decay", "use_ema"])
def test_every_argument_of_the_optimizer_is_held(name: str) -> None:
    spec = make_spec()
    optimizer = spec.optimizer.model_dump()
    optimizer[name] = True if optimizer[name] is False else 0.5
    check = judge_recipe(record(live={"optimizer": optimizer}))
    assert f"optimizer.{name}" in check.reason


@pytest.mark.parametrize(
    ("engine", "backend", "name", "used"),
    [
        ("native", "tensorflow", "adam", "OnePassAdam"),
        ("native", "tensorflow", "adamw", "OnePassAdam"),
        ("native", "tensorflow", "sgd", "SGD"),
        ("native", "jax", "adam", "Adam"),
        ("native", "torch", "adamw", "AdamW"),
        ("keras-hub", "tensorflow", "adam", "Adam"),
    ],
)
def test_the_class_of_the_optimizer_is_that_of_its_name(engine: str, backend: str, name: str, used: str) -> None:
    """RMSprop called 'adam', with every argument of Adam, is no Adam."""
    spec = {"engine": engine, "runtime": {"backend": backend}, "optimizer": {"name": name}}
    told = make_live_recipe(make_spec(**spec))
    for found in (used, "RMSprop"):
        live = {"engine": engine, "optimizer": told["optimizer"] | {"class": found}}
        check = judge_recipe(record(spec=spec, live=live))
        drift = f"class of the optimizer: {used!r} by optimizer.name = {name!r}, 'RMSprop' live"
        assert (drift in check.reason) == (found == "RMSprop")
        assert check.outcome == ("fail" if found == "RMSprop" else "pass")


def test_an_optimizer_that_a_spec_has_no_words_for_is_left_out() -> None:
    live = {"engine": "python:x:build", "optimizer": {"class": "Lion"}}
    reasons = {"optimizer": "a spec has no words for Lion"}
    spec = {"engine": "python:x:build"}
    check = judge_recipe(record(spec=spec, live={**live, "not_held": reasons}))
    assert (check.outcome, "optimizer (a spec has no words for Lion)" in check.reason) == ("pass", True)
    assert judge_recipe(record(spec=spec, live=live)).outcome == "fail"


RATES = {
    "embeddings": 0.1,
    "encoder.layer_0.attention.probabilities": 0.1,
    "encoder.layer_0.attention.output": 0.1,
    "encoder.layer_0.feed_forward.output": 0.1,
    "classifier": 0.1,
}


@pytest.mark.parametrize(
    ("model", "drifting"),
    [
        ({}, ""),
        ({"hidden_dropout_rate": 0.1, "attention_dropout_rate": 0.1, "classifier_dropout_rate": 0.1}, ""),
        ({"attention_dropout_rate": 0.2}, "encoder.layer_0.attention.probabilities"),
        ({"classifier_dropout_rate": 0.2}, "classifier"),
        ({"hidden_dropout_rate": 0.2, "classifier_dropout_rate": 0.1}, "embeddings"),
        ({"hidden_dropout_rate": 0.2}, "classifier"),  # it follows, where neither spec nor checkpoint has its own
    ],
)
def test_dropout_rates_of_the_spec_are_held(model: dict[str, float], drifting: str) -> None:
    check = judge_recipe(record(spec={"model": model}))
    assert (f"dropout rate of {drifting}: 0.2 by the spec, 0.1 live" in check.reason) == bool(drifting)
    assert check.outcome == ("fail" if drifting else "pass")


@pytest.mark.parametrize("lost", RATES)
def test_a_place_of_dropout_that_an_engine_does_not_have_is_missed(lost: str) -> None:
    rates = {name: rate for name, rate in RATES.items() if name != lost}
    seen = make_live_recipe(make_spec())["dropout_seen"] | {"in_training": sorted(rates)}
    check = judge_recipe(record(live={"dropout_rates": rates, "dropout_seen": seen}))
    assert check.outcome == "fail"
    assert f"dropout rate of {lost}: 0.1 by the checkpoint, no such dropout live" in check.reason


def test_an_engine_that_shows_no_dropout_at_all_does_not_pass() -> None:
    seen = make_live_recipe(make_spec())["dropout_seen"] | {"in_training": [], "loss_follows_seed": False}
    assert judge_recipe(record(live={"dropout_rates": {}, "dropout_seen": seen})).outcome == "fail"


def test_dropout_rates_that_the_spec_leaves_open_are_the_checkpoints() -> None:
    check = judge_recipe(record(live={"dropout_rates": RATES | {"embeddings": 0.5}}))
    assert "dropout rate of embeddings: 0.1 by the checkpoint, 0.5 live" in check.reason


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"in_training": ["classifier"]}, "operations that drop in training"),
        ({"in_inference": ["embeddings"]}, "operations that drop in validation: [] by the spec, ['embeddings'] live"),
        ({"inference_repeats": False}, "validation is the same twice: True by the spec, False live"),
        ({"loss_follows_seed": False}, "train loss follows the dropout seed: True by the spec, False live"),
    ],
)
def test_dropout_acts_in_training_and_nowhere_else(seen: dict[str, Any], words: str) -> None:
    whole = make_live_recipe(make_spec())["dropout_seen"]
    assert words in judge_recipe(record(live={"dropout_seen": whole | seen})).reason


@pytest.mark.parametrize(("seen", "outcome"), [({}, "pass"), ({"in_inference": ["embeddings"]}, "fail")])
def test_which_operations_drop_in_training_may_be_left_out_alone(seen: dict[str, Any], outcome: str) -> None:
    whole = make_live_recipe(make_spec())["dropout_seen"] | {"in_training": ["classifier"], **seen}
    live = {"engine": "keras-hub", "dropout_seen": whole}
    spec = {"engine": "keras-hub"}
    left_out = {"not_held": {"dropout_in_training": "nobody says"}}
    assert judge_recipe(record(spec=spec, live=live)).outcome == "fail"
    check = judge_recipe(record(spec=spec, live={**live, **left_out}))
    assert check.outcome == outcome
    assert "operations that drop in training" not in check.reason
    assert ("dropout in training (nobody says)" in check.reason) == (outcome == "pass")


def test_without_any_dropout_nothing_may_depend_on_its_seed() -> None:
    model = {"hidden_dropout_rate": 0.0, "attention_dropout_rate": 0.0, "classifier_dropout_rate": 0.0}
    live = {"dropout_rates": dict.fromkeys(RATES, 0.0)}
    seen = make_live_recipe(make_spec())["dropout_seen"] | {"in_training": [], "loss_follows_seed": False}
    assert judge_recipe(record(spec={"model": model}, live={**live, "dropout_seen": seen})).outcome == "pass"
    seen["loss_follows_seed"] = True
    assert (
        "follows the dropout seed"
        in judge_recipe(record(spec={"model": model}, live={**live, "dropout_seen": seen})).reason
    )


def test_a_rate_so_small_that_nothing_may_be_dropped_is_no_drift() -> None:
    model = {"hidden_dropout_rate": 0.001, "attention_dropout_rate": 0.001, "classifier_dropout_rate": 0.001}
    seen = make_live_recipe(make_spec())["dropout_seen"] | {"loss_follows_seed": False}
    live = {"dropout_rates": dict.fromkeys(RATES, 0.001), "dropout_seen": seen}
    assert judge_recipe(record(spec={"model": model}, live=live)).outcome == "pass"


def test_where_bits_are_not_promised_two_passes_may_differ() -> None:
    seen = make_live_recipe(make_spec())["dropout_seen"] | {"inference_repeats": False}
    loose = {"runtime": {"deterministic": False}}
    assert judge_recipe(record(spec=loose, live={"dropout_seen": seen})).outcome == "pass"


def test_dropout_begins_with_the_seed_of_its_name_and_no_draw_made() -> None:
    states = make_live_recipe(make_spec())["dropout_states"]
    seed, _ = states["classifier"]
    for other in ([seed + 1, 0], [seed, 3]):
        check = judge_recipe(record(live={"dropout_states": states | {"classifier": other}}))
        assert f"the dropout classifier before the first step: [{seed}, 0] by the seed, {other} live" in check.reason


# The network


@pytest.mark.parametrize("name", ["num_hidden_layers", "num_attention_heads", "hidden_size", "layer_norm_eps"])
def test_the_architecture_is_the_checkpoints(name: str) -> None:
    network = make_live_recipe(make_spec())["network"]
    check = judge_recipe(record(live={"network": network | {name: 7}}))
    assert f"{name}: {network[name]!r} by the checkpoint, 7 live" in check.reason


@pytest.mark.parametrize(
    ("act", "at_one"),
    [
        ("gelu", 0.8413447),  # the normal distribution function at 1
        ("gelu_new", 0.8411920),
        ("relu", 1.0),
        ("silu", 0.7310586),
        ("tanh", 0.7615942),
    ],
)
def test_the_activation_is_held_by_its_values(act: str, at_one: float) -> None:
    """Its name says nothing: an approximation under the old name would pass."""
    for value in (at_one, 0.8413447, 0.8411920):
        live = make_live_recipe(make_spec())["network"] | {"activation_values": [0.0, value]}
        run = record(live={"network": live})
        assert run.checkpoint is not None
        config = run.checkpoint.config | {"hidden_act": act}
        run = run.model_copy(update={"checkpoint": run.checkpoint.model_copy(update={"config": config})})
        assert (judge_recipe(run).outcome == "pass") == (abs(value - at_one) < 1e-6)


def test_nan_is_no_activation() -> None:
    network = make_live_recipe(make_spec())["network"] | {"activation_values": [0.0, math.nan]}
    assert "activation at 1.0" in judge_recipe(record(live={"network": network})).reason


def test_rows_of_the_tables_and_parameters_are_counted() -> None:
    tables = {"word": 59, "position": 512, "segment": 2}
    check = judge_recipe(record(live={"embedding_rows": tables, "parameters": 2506}))
    assert "rows of the word embeddings: 60 by the data, 59 live" in check.reason
    assert "rows of the position embeddings: 12 by the data, 512 live" in check.reason
    assert "trainable parameters: 2502 by the checkpoint, 2506 live" in check.reason


def test_under_weight_decay_whole_tables_may_take_part() -> None:
    live = {"embedding_rows": {"word": 300, "position": 512, "segment": 2}, "parameters": 506 + 4 * (240 + 500)}
    assert judge_recipe(record(live=live)).outcome == "fail"
    decays = {"optimizer": {"name": "adam", "weight_decay": 0.01}}
    assert judge_recipe(record(spec=decays, live=live)).outcome == "pass"
    assert judge_recipe(record(spec=decays)).outcome == "pass"


# Weights before the first step


def test_other_weights_before_the_first_step_are_named() -> None:
    check = judge_recipe(
        record(evidence={"weights_before": "8" * 16, "weights_differing": ("bert.pooler.dense.bias",)})
    )
    assert f"'{7:7<16}' by the checkpoint's file, '{8:8<16}' live; first bert.pooler.dense.bias" in check.reason


def drawn_with(*, seed: int = 0, deviation: float = 0.02) -> dict[str, dict[str, Any]]:
    """What an engine would show that draws its head so, and believes that to be the spec's."""
    shapes = fresh_shapes(make_spec().model, BertConfig(**CONFIG), labels=2)
    return drawn_digests(draw_under(seed, shapes, deviation=deviation))


def test_a_head_that_its_seed_does_not_give_is_named() -> None:
    right, other = (drawn_with(seed=seed)["classifier.kernel"]["live"] for seed in (0, 1))
    check = judge_recipe(record(live={"drawn_weights": drawn_with(seed=1)}))
    by = "the seed and model.head_standard_deviation = 0.02"
    assert f"classifier.kernel before the first step: {right!r} by {by}, {other!r} live" in check.reason
    assert check.observed == "1 drifted"  # the bias is zero under any seed


@pytest.mark.parametrize("deviation", [0.5, 0.0200001])
def test_a_head_of_another_standard_deviation_is_named_with_both(deviation: float) -> None:
    """Of an engine that takes another for the spec's, whatever it says of the seed."""
    drawn = drawn_with(deviation=deviation)
    agreeing = {name: values | {"by_seed": values["live"]} for name, values in drawn.items()}
    check = judge_recipe(record(live={"drawn_weights": agreeing}))
    assert check.outcome == "fail"
    assert "by the seed and model.head_standard_deviation = 0.02, " in check.reason
    assert f"live, of standard deviation {drawn['classifier.kernel']['standard_deviation']:.4g}" in check.reason


@pytest.mark.parametrize("deviation", [0.02, 0.5])
def test_a_head_of_the_standard_deviation_of_the_spec_is_no_drift(deviation: float) -> None:
    wider = {"model": {"head_standard_deviation": deviation}}
    live = {"drawn_weights": drawn_with(deviation=deviation)}
    assert judge_recipe(record(spec=wider, live=live)).outcome == "pass"


def test_a_bias_that_is_not_zero_is_named() -> None:
    drawn = drawn_with() | {"classifier.bias": {"live": "9" * 16, "standard_deviation": 0.0}}
    check = judge_recipe(record(live={"drawn_weights": drawn}))
    assert "classifier.bias before the first step: " in check.reason
    assert "by the seed and zeros, '9999999999999999' live" in check.reason


def test_layers_that_were_drawn_must_be_those_of_the_spec() -> None:
    two = {"model": {"pooler": "fresh"}}
    assert judge_recipe(record(spec=two)).outcome == "pass"
    one = judge_recipe(record(spec=two, live={"drawn_weights": drawn_with()}))
    assert "drawn layers: ['classifier', 'pooler'] by the spec, ['classifier'] live" in one.reason
    assert "seed of the drawn layers: 0 by the spec, 3 live" in judge_recipe(record(live={"seed": 3})).reason


# Weights after the last step

KERNEL, NORM = "bert.encoder.layer.0.output.dense.weight", "bert.embeddings.LayerNorm.weight"
KEY_BIAS, QUERY_BIAS = (f"bert.encoder.layer.1.attention.self.{part}.bias" for part in ("key", "query"))


@pytest.mark.parametrize(
    ("unmoved", "optimizer", "first"),
    [
        ((), "adam", None),
        ((KEY_BIAS,), "adam", None),
        ((KEY_BIAS, QUERY_BIAS, KERNEL), "adam", KERNEL),  # the first on the way from tokens to logits
        ((KEY_BIAS, QUERY_BIAS), "adam", QUERY_BIAS),
        ((QUERY_BIAS, NORM), "sgd", None),
        ((QUERY_BIAS, NORM, KERNEL), "sgd", KERNEL),
    ],
)
def test_what_training_did_not_move_is_named(unmoved: tuple[str, ...], optimizer: str, first: str | None) -> None:
    """Frozen, skipped, or multiplied by zero."""
    check = judge_recipe(record(spec={"optimizer": {"name": optimizer}}, evidence={"weights_unmoved": unmoved}))
    assert (check.outcome, f"; first {first}" in f"; {check.reason}") == (("fail", True) if first else ("pass", False))


@pytest.mark.parametrize(
    ("optimizer", "rate"), [({"learning_rate": 1e-9}, 1e-9), ({"gradient_accumulation_steps": 13}, 3e-5)]
)
def test_what_no_step_could_move_is_no_drift(optimizer: dict[str, float], rate: float) -> None:
    """A learning rate below what float32 knows, or more batches for one update than there were."""
    spec = {"optimizer": {"name": "adam", **optimizer}}
    rates = (rate,) * (EPOCHS * STEPS)
    still = {"weights_unmoved": (KERNEL,)}
    assert judge_recipe(record(spec=spec, evidence=still, learning_rate=rates)).outcome == "pass"


# Rows


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("part", ["words", "segments", "positions", "lengths", "labels"])
def test_every_part_of_the_rows_is_held(split: str, part: str) -> None:
    rows = getattr(make_evidence(make_spec()), f"{split}_rows") | {part: "changed"}
    check = judge_recipe(record(evidence={f"{split}_rows": rows}))
    assert f"{part} of the {split} rows" in check.reason
    assert "by the data, 'changed' live" in check.reason


def test_noise_that_the_spec_asks_for_changes_words_and_no_labels() -> None:
    noise = {"augmentation": {"masking_rate": 0.1}}
    rows = make_evidence(make_spec()).train_rows
    assert judge_recipe(record(spec=noise, evidence={"train_rows": rows | {"words": "noisy"}})).outcome == "pass"
    assert judge_recipe(record(spec=noise, evidence={"train_rows": rows | {"labels": "noisy"}})).outcome == "fail"


def test_the_first_epoch_in_another_order_is_named() -> None:
    orders = make_evidence(make_spec(training={"epochs": EPOCHS})).row_orders
    check = judge_recipe(record(evidence={"row_orders": (orders[0], orders[0], orders[2])}))
    assert f"order of the training rows in epoch 1: '{orders[1]}' by the seed, '{orders[0]}' live" in check.reason
    assert "epochs whose order was seen: 3" in judge_recipe(record(evidence={"row_orders": orders[:2]})).reason


def test_rows_that_were_not_shuffled_are_seen_and_those_that_should_not_be_too() -> None:
    still = {"training": {"epochs": EPOCHS, "batch_size": 8, "shuffle": False}}
    unshuffled = {"row_orders": make_evidence(make_spec(**still)).row_orders}
    assert "order of the training rows in epoch 0" in judge_recipe(record(evidence=unshuffled)).reason
    assert judge_recipe(record(spec=still)).outcome == "pass"


@pytest.mark.parametrize(
    ("weights", "seen", "outcome"),
    [
        (None, (1.0, 1.0), "pass"),
        (None, (1.0, 2.0), "fail"),
        (None, (None, 1.0), "fail"),
        ("balanced", (1.0, 1.0), "pass"),  # 16 rows of each class
        ("balanced", (1.0, 1.1), "fail"),
        ({"billing": 0.5, "login": 2.0}, (0.5, 2.0), "pass"),
        ({"billing": 0.5, "login": 2.0}, (2.0, 0.5), "fail"),
    ],
)
def test_class_weights_in_the_loss_are_held(weights: Any, seen: tuple[float | None, ...], outcome: str) -> None:
    training = {"epochs": EPOCHS, "batch_size": 8} | ({} if weights is None else {"class_weights": weights})
    check = judge_recipe(record(spec={"training": training}, evidence={"weights_by_class": seen}))
    assert check.outcome == outcome
    assert ("training.class_weights of" in check.reason) == (outcome == "fail")


def test_balanced_weights_follow_the_rows() -> None:
    """32 rows, 24 and 8 of two classes: 32 / (2 x 24) and 32 / (2 x 8)."""
    training = {"epochs": EPOCHS, "batch_size": 8, "class_weights": "balanced"}
    seen = {"rows_by_class": (24, 8), "weights_by_class": (0.6666666865348816, 2.0)}
    assert judge_recipe(record(spec={"training": training}, evidence=seen)).outcome == "pass"


# Records of an older version


def test_what_nobody_wrote_down_was_not_shown() -> None:
    """Doubt never passes: a record of the first schema has no such values."""
    run = record()
    first = run.seeds[0].model_copy(update={"evidence": None})
    check = judge_recipe(run.model_copy(update={"seeds": (first,)}))
    assert (check.outcome, check.observed) == ("undecided", "not recorded")
    assert check.reason.endswith("weights before the first step, movement of the weights, rows and their order")
    assert check.next_step == "run the spec again"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("network", "architecture"),
        ("embedding_rows", "number of parameters"),
        ("drawn_weights", "drawn weights"),
        ("dropout_seen", "dropout in training and validation"),
        ("dropout_states", "seeds of dropout"),
    ],
)
def test_each_live_value_that_is_missing_leaves_the_lock_undecided(name: str, word: str) -> None:
    check = judge_recipe(record(live={name: None}))
    assert (check.outcome, word in check.reason) == ("undecided", True)


def test_a_drift_counts_more_than_what_is_missing() -> None:
    assert judge_recipe(record(live={"network": None, "iterations": 7})).outcome == "fail"


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


def test_too_few_epochs_are_seen_also_where_they_may_stop_early() -> None:
    """Each epoch here is better than the one before, so that no rule ends it."""
    longer = {"epochs": 4, "batch_size": 8}
    assert "training.epochs: 4 by the spec, 3 live" in judge_recipe(record(spec={"training": longer})).reason
    patient = longer | {"early_stopping": {"patience_epochs": 1}}
    assert "epochs: more than 3 of training.epochs = 4" in judge_recipe(record(spec={"training": patient})).reason
    coarse = longer | {"early_stopping": {"patience_epochs": 1, "min_delta": 0.6}}
    assert "epochs: 2 by training.early_stopping" in judge_recipe(record(spec={"training": coarse})).reason


def test_other_weights_than_pinned_are_seen() -> None:
    pinned = {"checkpoint": {"sha256": "0" * 64}}
    assert "checkpoint.sha256" in judge_recipe(record(spec=pinned)).reason


def test_a_run_that_did_not_complete_shows_nothing() -> None:
    failed = record().model_copy(update={"outcome": "failed"})
    assert judge_recipe(failed).outcome == "fail"
