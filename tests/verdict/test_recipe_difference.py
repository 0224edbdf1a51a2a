"""Two recipes side by side: every field that differs, by its name, with both values, none so long that it hides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_maker import make_spec

from bertbench.spec.fingerprint import recipe
from bertbench.verdict.recipe_difference import differing_fields

USUAL = recipe(make_spec())


def test_equal_recipes_differ_in_nothing() -> None:
    assert differing_fields(USUAL, recipe(make_spec(training={"epochs": 20, "batch_size": 8, "seeds": [7]}))) == []


def test_every_field_that_differs_is_named_as_in_the_spec() -> None:
    other = recipe(
        make_spec(
            optimizer={"name": "adam", "learning_rate": 1e-06},
            training={"epochs": 20, "batch_size": 8, "shuffle": False, "early_stopping": {"patience_epochs": 2}},
        )
    )
    assert differing_fields(USUAL, other) == [
        "optimizer.learning_rate: 3e-05 in the baseline, 1e-06 now",
        "training.shuffle: true in the baseline, false now",
        'training.early_stopping.quantity: not given in the baseline, "validation_loss" now',
        "training.early_stopping.patience_epochs: not given in the baseline, 2 now",
        "training.early_stopping.min_delta: not given in the baseline, 0.0 now",
        "training.early_stopping.restore_best: not given in the baseline, false now",
    ]


def test_the_sides_have_the_names_that_are_asked_for() -> None:
    told = differing_fields({"a": {"b": 1}}, {"a": {"b": 2}}, sides=("in rolling", "in reference"))
    assert told == ["a.b: 1 in rolling, 2 in reference"]


@pytest.mark.parametrize("pair", [(None, USUAL), (USUAL, None), (None, None)])
def test_of_a_recipe_that_is_not_known_nothing_is_said(pair: tuple[dict[str, object] | None, ...]) -> None:
    assert differing_fields(*pair) == []


def test_long_values_are_cut_so_that_it_is_seen_where_they_part() -> None:
    one, other = ({"labels": [f"class_{number}" for number in range(40)] + [last]} for last in ("old", "new"))
    assert differing_fields(one, other) == ['labels: ...s_39", "old"] in the baseline, ...s_39", "new"] now']
    assert differing_fields({"sha256": "a" * 64}, {"sha256": "b" * 64}) == [
        f'sha256: "{"a" * 39}... in the baseline, "{"b" * 39}... now'
    ]


@given(st.text('ab"\nü', max_size=200), st.text('ab"\nü', max_size=200))
def test_two_values_that_differ_are_short_and_look_different(one: str, other: str) -> None:
    told = differing_fields({"a": one}, {"a": other}, sides=("|", "|"))
    if one == other:
        assert told == []
        return
    left, right = told[0].removeprefix("a: ").removesuffix(" |").split(" |, ")
    assert left != right
    assert max(len(left), len(right)) <= 46
