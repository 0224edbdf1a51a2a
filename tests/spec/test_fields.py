"""What a spec may say: ranges at their boundaries, combinations; and that it stays what it is."""

from __future__ import annotations

import math
from typing import Any

import pytest
from alternatives import ALTERNATIVES, pair, spec_with
from pydantic import BaseModel, ValidationError

from bertbench.errors import SpecError
from bertbench.spec import (
    AdamSpec,
    AdamWSpec,
    AugmentationSpec,
    BudgetSpec,
    CheckpointSpec,
    DataSpec,
    EarlyStoppingSpec,
    ExpectSpec,
    IdentitySpec,
    ModelSpec,
    RuntimeSpec,
    ScheduleSpec,
    SGDSpec,
    Spec,
    TrainingSpec,
    VerdictSpec,
    build_spec,
    override,
    spec_fields,
)

TABLES: tuple[type[BaseModel], ...] = (
    AdamSpec, AdamWSpec, AugmentationSpec, BudgetSpec, CheckpointSpec, DataSpec, EarlyStoppingSpec, ExpectSpec,
    IdentitySpec, ModelSpec, RuntimeSpec, SGDSpec, ScheduleSpec, Spec, TrainingSpec,
    VerdictSpec,
)  # fmt: skip

ADAMW = {"optimizer.name": "adamw"}
SGD = {"optimizer.name": "sgd"}
FILES = {"data.source": "files", "data.train": "a.csv"}
EMA = {"optimizer.use_ema": True}
STOPPING = {"training.early_stopping": {"quantity": "validation_loss"}}


def flat(table: BaseModel, prefix: str = "") -> dict[str, Any]:
    """Every field of a spec by its dotted name."""
    fields: dict[str, Any] = {}
    for name, value in table:
        if isinstance(value, BaseModel):
            fields |= flat(value, f"{prefix}{name}.")
        else:
            fields[f"{prefix}{name}"] = value
    return fields


# The table of alternatives


def test_table_of_alternatives_names_every_field() -> None:
    """A new field needs a line in `alternatives.py`: other tests take it from there."""
    assert set(ALTERNATIVES) == set(spec_fields())


@pytest.mark.parametrize("name", sorted(ALTERNATIVES))
def test_alternative_differs_in_its_field_alone(name: str) -> None:
    first, second = (flat(spec) for spec in pair(name))
    differing = {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}
    table = name.partition(".")[0]
    if table in ("expect", "budget"):
        assert differing == {table}
    elif name == "optimizer.name":
        assert first[name] != second[name]
    else:
        assert differing == {name}
        assert second[name] == ALTERNATIVES[name].value


@pytest.mark.parametrize("name", sorted(ALTERNATIVES))
@pytest.mark.parametrize("written_only", [False, True], ids=["all fields", "written fields"])
def test_every_spec_survives_json(name: str, written_only: bool) -> None:
    """What is handed to another process, and what a record holds, is the same spec."""
    for spec in pair(name):
        assert Spec.model_validate_json(spec.model_dump_json(exclude_unset=written_only)) == spec


@pytest.mark.parametrize("optimizer", [AdamSpec(), AdamWSpec(), SGDSpec(), AdamWSpec(learning_rate=1e-3)])
def test_optimizer_made_in_python_survives_json(optimizer: Any) -> None:
    """Its name was never written, and without it every optimizer would read as Adam."""
    spec = Spec(name="example", optimizer=optimizer)
    assert Spec.model_validate_json(spec.model_dump_json(exclude_unset=True)).optimizer == optimizer
    assert override(spec, {"training.epochs": 1}).optimizer == optimizer


# Frozen, documented


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_every_field_says_what_it_means(table: type[BaseModel]) -> None:
    assert [name for name, field in table.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("name", sorted(name for name in ALTERNATIVES if not name.startswith(("expect", "budget"))))
def test_nothing_edits_a_spec(name: str) -> None:
    table: Any = pair(name)[0]
    *tables, field = name.split(".")
    for inner in tables:
        table = getattr(table, inner)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(table, field, getattr(table, field))


def test_promises_cannot_be_edited() -> None:
    spec = spec_with({"expect": [{"quantity": "train_loss", "at_most": 1.0}]})
    with pytest.raises(ValidationError, match="frozen"):
        spec.expect[0].at_most = 2.0


def test_defaults_are_the_seed_cards_adam() -> None:
    adam = build_spec({"name": "x"}).optimizer
    assert isinstance(adam, AdamSpec)
    assert (adam.learning_rate, adam.beta_1, adam.beta_2, adam.epsilon, adam.amsgrad) == (3e-5, 0.9, 0.999, 1e-7, False)


# Ranges

RATES = (
    "model.hidden_dropout_rate", "model.attention_dropout_rate", "model.classifier_dropout_rate", "optimizer.beta_1",
    "optimizer.beta_2", "schedule.warmup_fraction", "augmentation.deletion_rate", "augmentation.swap_rate",
    "augmentation.masking_rate",
)  # fmt: skip
POSITIVES = (
    "model.head_standard_deviation", "optimizer.learning_rate", "optimizer.weight_decay", "optimizer.clipnorm",
    "optimizer.clipvalue", "optimizer.global_clipnorm", "optimizer.loss_scale_factor", "optimizer.epsilon",
)  # fmt: skip
COUNTS = (
    "data.train_rows", "data.validation_rows", "data.test_rows", "training.epochs", "training.batch_size",
    "runtime.threads",
)  # fmt: skip


def accepts(name: str, value: Any, **given: Any) -> bool:
    try:
        spec_with({**given, name: value})
    except SpecError:
        return False
    return True


@pytest.mark.parametrize("name", RATES)
def test_rates_go_from_zero_to_below_one(name: str) -> None:
    assert [accepts(name, value) for value in (0.0, 0, 0.999, 1.0, 1, -1e-9, math.nan, math.inf, 10)] == (
        [True] * 3 + [False] * 6
    )


@pytest.mark.parametrize("name", POSITIVES)
def test_scales_are_above_zero_and_finite(name: str) -> None:
    assert [accepts(name, value) for value in (1e-12, 1, 1e9, 0.0, 0, -0.0, -1.0, math.nan, math.inf)] == (
        [True] * 3 + [False] * 6
    )


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_whole_and_one_or_more(name: str) -> None:
    assert [accepts(name, value) for value in (1, 2, 10**6, 0, -1, 1.0, 1.5, True, "1", math.nan)] == (
        [True] * 3 + [False] * 7
    )


@pytest.mark.parametrize(
    ("name", "good", "bad", "given"),
    [
        ("schedule.end_fraction", [0.0, 0.5, 1.0, 1], [-0.1, 1.1, math.nan], {"schedule.kind": "linear"}),
        ("optimizer.momentum", [0.0, 0.9], [1.0, -0.1, math.nan], SGD),
        ("optimizer.ema_momentum", [0.0, 0.9], [1.0, -0.1, math.nan], EMA),
        ("optimizer.ema_overwrite_frequency", [1, 7], [0, -1, 1.0], EMA),
        ("optimizer.gradient_accumulation_steps", [2, 7], [1, 0, -1, 2.0], {}),
        ("data.max_length_tokens", [3, 512], [2, 513, 0, -1], {}),
        ("data.validation_fraction", [0.001, 0.999], [0.0, 1.0, -0.1, 1.1, 20, math.nan], FILES),
        ("data.split_seed", [0, 2**40], [-1, 0.5, True], {**FILES, "data.validation_fraction": 0.5}),
        ("data.delimiter", [",", "|"], ["", ";;", 1], {**FILES, "data.validation": "b.csv"}),
        ("data.text", ["text", 0, 3, ""], [-1, 1.0, True, ["text"]], {**FILES, "data.validation": "b.csv"}),
        ("data.labels", [("a", "b"), ("b", "a", "c")], [(), ("a",), ("a", "a"), "ab", ("a", 1)], {}),
        ("training.seeds", [(0,), (3, 1, 2), (2**31 - 1,)], [(), (1, 1), (-1,), (2**31,), (0.0,), (True,), 0, "0"], {}),
        (
            "training.class_weights",
            ["balanced", {"a": 1, "b": 0.5}],
            ["no", {}, {"a": 0}, {"a": -1.0}, {"a": math.inf}, {"a": math.nan}, {"a": True}, {"a": "1"}, 1.0, ["a"]],
            {},
        ),
        ("training.early_stopping.patience_epochs", [1, 5], [0, -1, 1.0], STOPPING),
        ("training.early_stopping.min_delta", [0.0, 0, 1.5], [-1e-9, math.nan, math.inf], STOPPING),
        ("name", ["a", "a_1", "a" * 60], ["", "A", "1a", "a-b", "a b", "a/b", "..", "a\n", "a" * 61, "é"], {}),
        ("checkpoint.sha256", ["0" * 64, "f" * 64], ["0" * 63, "F" * 64, "g" * 64, "0" * 64 + "\n", ""], {}),
        (
            "checkpoint.source",
            ["embedded:minilm-l6", "path:a", "path:${HOME}/a:b", "hub:a/b@main"],
            ["minilm-l6", "", "path:", "hub:a/b", "hub:a/b@", "hub:b@1", "file:a", "PATH:a"],
            {},
        ),
        ("data.source", ["embedded:helpdesk"], ["helpdesk", "", "embedded", "embedded:", "file", "files:a"], {}),
        (
            "data.source",
            ["hub:a/b@1"],
            ["hub", "hub:", "hub:a/b", "hub:a/b@", "hub:b@1"],
            {"data.validation": "validation"},
        ),
        ("runtime.onednn", [True, False], [1, 0, "true", "yes"], {}),
    ],
)  # fmt: skip
def test_range_at_its_boundaries(name: str, good: list[Any], bad: list[Any], given: dict[str, Any]) -> None:
    assert [value for value in good if not accepts(name, value, **given)] == []
    assert [value for value in bad if accepts(name, value, **given)] == []


# Combinations

CLIP = "at most one way of clipping gradients"


@pytest.mark.parametrize(
    ("changes", "key", "reason"),
    [
        ({"optimizer.clipnorm": 1.0, "optimizer.clipvalue": 1.0}, "optimizer.clipvalue", CLIP),
        ({"optimizer.clipnorm": 1.0, "optimizer.global_clipnorm": 1.0}, "optimizer.global_clipnorm", CLIP),
        ({"optimizer.clipvalue": 1.0, "optimizer.global_clipnorm": 1.0}, "optimizer.global_clipnorm", CLIP),
        ({"optimizer.ema_momentum": 0.5}, "optimizer.ema_momentum", "without use_ema"),
        ({"optimizer.ema_overwrite_frequency": 2}, "optimizer.ema_overwrite_frequency", "without use_ema"),
        ({**SGD, "optimizer.nesterov": True}, "optimizer.nesterov", "without momentum"),
        ({"schedule.end_fraction": 0.5}, "schedule.end_fraction", "with kind = 'constant'"),
        ({"runtime.backend": "torch", "runtime.onednn": False}, "runtime.onednn", "tensorflow"),
        ({"engine": "transformers-torch", "runtime.backend": "jax"}, "runtime.backend", "computes with torch"),
        ({"engine": "transformers-tf", "runtime.backend": "torch"}, "runtime.backend", "computes with tensorflow"),
        ({"runtime.compile": True}, "runtime.compile", "belongs to the engine transformers-torch"),
        ({"data.labels": ("a", "b"), "training.class_weights": {"a": 1.0}}, "training.class_weights", "data.labels"),
        ({"expect": [{"quantity": "train_loss", "at_most": 1.0, "over": "lower_bound"}]}, "expect", "two seeds"),
        ({"data.source": "files", "data.validation": "b.csv"}, "data.train", "needs the name of the train file"),
        (FILES, "data.validation", "not both, not neither"),
        ({**FILES, "data.validation": "b", "data.validation_fraction": 0.5}, "data.validation", "not both"),
        ({"data.source": "hub:a/b@1"}, "data.validation", "not both, not neither"),
        ({**FILES, "data.validation": "b", "data.configuration": "c"}, "data.configuration", "source = 'files'"),
        ({**FILES, "data.validation": "b", "data.split_seed": 3}, "data.split_seed", "without validation_fraction"),
        *(
            ({f"data.{field}": value}, f"data.{field}", "has no meaning with source = 'embedded:helpdesk'")
            for field, value in (
                ("folder", "a"), ("train", "a"), ("validation", "a"), ("test", "a"), ("configuration", "a"),
                ("format", "csv"), ("encoding", "latin-1"), ("delimiter", ";"), ("header", False), ("text", "a"),
                ("text_pair", "a"), ("label", "a"), ("validation_fraction", 0.5),
            )
        ),
        *(
            (
                {"data.source": "hub:a/b@1", "data.validation": "validation", f"data.{field}": value},
                f"data.{field}",
                "has no meaning with source = 'hub:a/b@1'",
            )
            for field, value in (
                ("folder", "a"), ("format", "csv"), ("encoding", "latin-1"), ("delimiter", ";"), ("header", False),
            )
        ),
    ],
)  # fmt: skip
def test_impossible_combination_names_the_field_and_the_reason(changes: dict[str, Any], key: str, reason: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec_with(changes)
    assert f"option: {key}: " in caught.value.message
    assert reason in caught.value.message


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer.global_clipnorm": 1.0},
        {**EMA, "optimizer.ema_momentum": 0.5},
        {**SGD, "optimizer.nesterov": True, "optimizer.momentum": 0.9},
        {"schedule.kind": "linear", "schedule.end_fraction": 0.5},
        {"runtime.backend": "torch"},
        {"engine": "keras-hub", "runtime.backend": "jax"},
        {"engine": "transformers-torch", "runtime.backend": "torch", "runtime.compile": True},
        {"data.labels": ("a", "b"), "training.class_weights": {"b": 1.0, "a": 2.0}},
        {
            "training.seeds": (0, 1),
            "expect": [{"quantity": "train_loss", "at_most": 1.0, "over": "lower_bound"}],
        },
        {**FILES, "data.validation": "b.csv"},
        {**FILES, "data.validation_fraction": 0.5, "data.split_seed": 3},
        {"data.source": "hub:a/b@1", "data.validation_fraction": 0.5, "data.configuration": "c"},
    ],
)
def test_possible_combination_is_accepted(changes: dict[str, Any]) -> None:
    spec_with(changes)
