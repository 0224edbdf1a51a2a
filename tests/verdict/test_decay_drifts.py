"""Which variables weight decay acts on is held against the spec, name by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_maker import make_live_recipe, make_record, make_seed, make_spec

from bertbench.record import RunRecord
from bertbench.verdict import judge_recipe
from bertbench.verdict.decay_drifts import decay_drifts

#: Written out: every weight of a BERT of one layer that is neither bias nor layer norm.
MATRICES = [
    "bert.embeddings.word_embeddings.weight",
    "bert.embeddings.position_embeddings.weight",
    "bert.embeddings.token_type_embeddings.weight",
    "bert.encoder.layer.0.attention.self.query.weight",
    "bert.encoder.layer.0.attention.self.key.weight",
    "bert.encoder.layer.0.attention.self.value.weight",
    "bert.encoder.layer.0.attention.output.dense.weight",
    "bert.encoder.layer.0.intermediate.dense.weight",
    "bert.encoder.layer.0.output.dense.weight",
    "bert.pooler.dense.weight",
    "classifier.weight",
]
NORMS = [
    f"bert.{part}.LayerNorm.{ending}"
    for part in ("embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output")
    for ending in ("weight", "bias")
]
EVERYTHING = [*MATRICES, *(name.replace(".weight", ".bias") for name in MATRICES[3:]), *NORMS]
ADAMW = {"name": "adamw", "weight_decay": 0.1}
ADAM = {"name": "adam"}
#: A model of the user's own, by Keras' paths.
OWN = ["embedding/embeddings", "dense/kernel", "dense/bias", "layer_normalization/gamma", "layer_normalization/beta"]


def record(optimizer: Mapping[str, Any], decayed: list[str] | None, **fields: Any) -> RunRecord:
    """A run whose engine said that it decays these."""
    live = {"decayed": decayed} | fields.pop("live", {})
    spec = make_spec(optimizer=dict(optimizer), **fields)
    seed = make_seed(0)
    seed = seed.model_copy(update={"live_recipe": make_live_recipe(spec) | {"engine": spec.engine} | live})
    made = make_record(spec=spec)
    assert made.data is not None
    data = made.data.model_copy(update={"rows": {"train": 32, "validation": 49}})
    return made.model_copy(update={"seeds": (seed,), "data": data})


def drifts(optimizer: Mapping[str, Any], decayed: list[str] | None, **fields: Any) -> list[str]:
    made = record(optimizer, decayed, **fields)
    return [drift.text for drift in decay_drifts(made, made.seeds[0])]


@pytest.mark.parametrize(
    ("optimizer", "decayed"),
    [
        (ADAM, []),
        ({"name": "sgd"}, []),
        (ADAMW, MATRICES),
        (ADAMW, MATRICES[::-1]),
        ({**ADAMW, "decay_excluded": []}, EVERYTHING),
        ({**ADAMW, "decay_excluded": ["classifier", "bias", "layer_norm"]}, MATRICES[:-1]),
        ({"name": "adam", "weight_decay": 0.1}, EVERYTHING),  # Adam excludes nothing
        ({"name": "sgd", "weight_decay": 0.1}, EVERYTHING),
    ],
)
def test_what_is_decayed_as_the_spec_says_is_no_drift(optimizer: dict[str, Any], decayed: list[str]) -> None:
    assert drifts(optimizer, decayed) == []


def test_weight_decay_everywhere_is_named_with_both_sides() -> None:
    (text,) = drifts(ADAMW, EVERYTHING)
    assert text == (
        "decayed variables: 11 by the spec, 25 live; decayed live alone: bert.embeddings.LayerNorm.bias, "
        "bert.embeddings.LayerNorm.weight, bert.encoder.layer.0.attention.self.query.bias and 11 more"
    )


def test_weight_decay_of_too_few_is_named_with_both_sides() -> None:
    assert drifts(ADAMW, MATRICES[:-1]) == [
        "decayed variables: 11 by the spec, 10 live; by the spec alone: classifier.weight"
    ]
    assert drifts(ADAMW, [])[0].startswith("decayed variables: 11 by the spec, 0 live; by the spec alone: ")


def test_one_variable_in_place_of_another_is_named_on_both_sides() -> None:
    (text,) = drifts(ADAMW, [*MATRICES[:-1], "classifier.bias"])
    assert text.endswith(
        "11 by the spec, 11 live; decayed live alone: classifier.bias; by the spec alone: classifier.weight"
    )


def test_without_weight_decay_in_the_spec_nothing_may_be_decayed() -> None:
    assert drifts(ADAM, ["classifier.weight"]) == [
        "decayed variables: 0 by the spec, 1 live; decayed live alone: classifier.weight"
    ]


@given(st.sets(st.sampled_from(EVERYTHING)))
def test_any_other_choice_of_variables_is_a_drift(decayed: set[str]) -> None:
    assert bool(drifts(ADAMW, sorted(decayed))) == (decayed != set(MATRICES))


def test_the_lock_fails_and_is_undecided_where_nothing_is_recorded() -> None:
    def judged(decayed: list[str] | None) -> tuple[str, str]:
        check = judge_recipe(record(ADAMW, decayed))
        return check.outcome, check.reason

    outcome, reason = judged(EVERYTHING)
    assert (outcome, "decayed variables: 11 by the spec, 25 live" in reason) == ("fail", True)
    outcome, reason = judged(None)
    assert (outcome, "decayed variables" in reason) == ("undecided", True)
    assert drifts(ADAMW, None) == ["decayed variables"]
    made = record(ADAMW, None)
    assert [drift.recorded for drift in decay_drifts(made, made.seeds[0])] == [False]


@pytest.mark.parametrize(
    ("live", "missing"),
    [
        ({"optimizer": {"weight_decay": None}}, []),
        ({"optimizer": {"weight_decay": 0.1}}, ["decayed variables"]),
        ({"optimizer": {"weight_decay": 0.0}}, ["decayed variables"]),
        ({"optimizer": {}}, ["decayed variables"]),
        ({"optimizer": None}, ["decayed variables"]),
    ],
)
def test_an_older_record_is_judged_where_its_optimizer_said_that_it_decays_nothing(
    live: dict[str, Any], missing: list[str]
) -> None:
    """What was not shown, was not shown to be nothing; an optimizer without weight decay did show it."""
    assert drifts(ADAM, None, live=live) == missing
    assert drifts(ADAMW, None, live=live) == ["decayed variables"]


def test_a_record_without_an_architecture_says_nothing_of_its_variables() -> None:
    made = record(ADAMW, MATRICES)
    assert made.checkpoint is not None
    bare = made.model_copy(update={"checkpoint": made.checkpoint.model_copy(update={"config": {}})})
    for run in (bare, made.model_copy(update={"checkpoint": None})):
        assert [drift.recorded for drift in decay_drifts(run, run.seeds[0])] == [False]


def test_an_engine_that_cannot_show_it_is_left_out_and_native_is_not() -> None:
    cannot = {"not_held": {"decayed": "a spec has no words for Lion"}}
    assert drifts(ADAMW, None, live=cannot, engine="python:mine:build") == []
    assert drifts(ADAMW, None, live=cannot) == ["decayed variables"]


# A model of the user's own


@pytest.mark.parametrize(
    ("excluded", "decayed", "drifting"),
    [
        (["bias", "layer_norm"], OWN[:2], ""),
        (["bias", "layer_norm"], OWN, "decayed live alone: dense/bias, layer_normalization/beta, layer_norm"),
        ([], OWN, ""),
        (["bias"], [*OWN[:2], *OWN[3:]], ""),
        (["bias"], OWN[:2], "by the spec alone: layer_normalization/beta, layer_normalization/gamma"),
    ],
)
def test_what_is_excluded_is_sought_in_the_models_own_paths(
    excluded: list[str], decayed: list[str], drifting: str
) -> None:
    own: dict[str, Any] = {"engine": "python:mine:build", "live": {"trainable_variables": OWN}}
    found = drifts({**ADAMW, "decay_excluded": excluded}, decayed, **own)
    assert len(found) == bool(drifting)
    assert all(drifting in text for text in found)


def test_a_model_of_ones_own_that_names_no_variables_shows_nothing() -> None:
    nothing: dict[str, Any] = {"engine": "python:mine:build", "live": {"trainable_variables": []}}
    assert drifts(ADAMW, OWN[:2], **nothing) == ["decayed variables"]


@pytest.mark.parametrize(("optimizer", "decayed"), [(ADAMW, MATRICES), (ADAM, []), (ADAMW, EVERYTHING)])
def test_an_engine_of_ones_own_that_names_no_variables_trains_those_of_bert(
    optimizer: dict[str, Any], decayed: list[str]
) -> None:
    """As one that wraps the native engine does."""
    assert drifts(optimizer, decayed, engine="python:mine:build") == drifts(optimizer, decayed)
