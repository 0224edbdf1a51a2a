"""What a user's model takes, by the names of its inputs, and what it gives, by its loss; with models that are none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from engine_examples import make_batch

from bertbench.engines.own_model.inputs import NAMES, feeding_of
from bertbench.engines.own_model.outputs import Scores, scores_in
from bertbench.errors import EngineError

BATCH = make_batch([3, 5], pairs=True)


def tensor(name: str, dtype: str = "int32", shape: tuple[int | None, ...] = (None, None)) -> SimpleNamespace:
    return SimpleNamespace(name=name, dtype=dtype, shape=shape)


def model(inputs: Any = None, loss: Any = "sparse_categorical_crossentropy") -> SimpleNamespace:
    return SimpleNamespace(input=inputs, loss=loss)


# Inputs


@pytest.mark.parametrize(("part", "names"), NAMES.items())
def test_every_known_name_gets_its_part(part: str, names: tuple[str, ...]) -> None:
    for name in names:
        fed = feeding_of(model({name: tensor(name)}), None)(BATCH)
        expected = feeding_of(model(), lambda parts: parts[part])(BATCH)
        assert list(fed) == [name]
        assert np.array_equal(fed[name], expected)
        assert fed[name].shape == (2, 5)


def test_parts_are_padded_to_the_longest_row() -> None:
    parts = feeding_of(model(), lambda parts: parts)(BATCH)
    assert parts["padding_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert parts["token_ids"][0].tolist() == [*BATCH.token_ids[:3], 0, 0]
    assert parts["segment_ids"][1].tolist() == BATCH.segment_ids[3:].tolist()
    assert {values.dtype for values in parts.values()} == {np.dtype(np.int32)}


def test_inputs_keep_the_form_in_which_the_model_takes_them() -> None:
    several = feeding_of(model([tensor("input_mask:0"), tensor("ids:0")]), None)(BATCH)
    assert isinstance(several, tuple)
    assert several[0].max() == 1
    assert feeding_of(model(tensor("whatever")), None)(BATCH).shape == (2, 5)


def test_dtype_and_length_are_those_of_the_model() -> None:
    fed = feeding_of(model({"ids": tensor("ids", "float32", (None, 8)), "mask": tensor("mask")}), None)(BATCH)
    assert fed["ids"].dtype == np.float32
    assert fed["ids"].shape == fed["mask"].shape == (2, 8)
    with pytest.raises(EngineError, match="a row has 5 tokens, and the model takes 4"):
        feeding_of(model({"ids": tensor("ids", shape=(None, 4))}), None)(BATCH)


def test_names_of_the_users_own_are_told_by_the_factory() -> None:
    fed = feeding_of(model({"a": tensor("a"), "b": tensor("b")}), {"a": "padding_mask", "b": "token_ids"})(BATCH)
    assert fed["a"].max() == 1
    assert fed["b"].max() > 1
    subclassed = feeding_of(model(), {"words": "token_ids"})(BATCH)
    assert list(subclassed) == ["words"]


def test_a_function_makes_whatever_the_model_takes() -> None:
    fed = feeding_of(model(), lambda parts: [parts["token_ids"].sum(axis=1), parts["padding_mask"]])(BATCH)
    assert isinstance(fed, tuple)
    assert fed[0].shape == (2,)


@pytest.mark.parametrize(
    ("inputs", "given", "words"),
    [
        (None, None, "does not say which inputs it takes"),
        ({"a": tensor("a"), "b": tensor("b")}, None, "input 'a' of the model is none of the known names"),
        ({"a": tensor("a")}, {"a": "words"}, "unknown part 'words'; known: token_ids, segment_ids, padding_mask"),
        ({"a": tensor("a"), "b": tensor("b")}, {"a": "token_ids"}, "nothing is given for b"),
        ({"ids": tensor("ids", "string", (None,))}, None, "takes text"),
        ({"ids": tensor("ids", shape=(32, None))}, None, "takes exactly 32 rows"),
    ],
)
def test_what_cannot_be_fed_is_refused(inputs: Any, given: Any, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        feeding_of(model(inputs), given)


# Outputs


class Loss:
    def __init__(self, name: str, **config: Any) -> None:
        self.__name__ = name
        self._config = config

    def get_config(self) -> dict[str, Any]:
        return self._config


LABELS = np.array([0, 2, 1], np.int32)
CHANCES = np.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [1.0, 0.0, 0.0]], np.float32)


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_logits_are_taken_as_they_are_where_the_loss_says_so() -> None:
    scores = Scores(model(loss=Loss("SparseCategoricalCrossentropy", from_logits=True)), 3)
    assert np.array_equal(scores.logits(CHANCES), CHANCES)


@pytest.mark.parametrize(
    "loss",
    ["sparse_categorical_crossentropy", Loss("SparseCategoricalCrossentropy", from_logits=False), "kl_divergence"],
)
def test_probabilities_come_back_from_their_logits(loss: Any) -> None:
    logits = Scores(model(loss=loss), 3).logits(CHANCES)
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(softmax(logits), CHANCES, atol=1e-6)


def ending_in(activation: str | None, loss: Any, *, kind: str = "Dense") -> SimpleNamespace:
    """A model whose last layer has this activation."""
    layer = type(kind, (), {"activation": SimpleNamespace(__name__=activation)} if activation else {})()
    output = SimpleNamespace(_keras_history=SimpleNamespace(operation=layer))
    return SimpleNamespace(loss=loss, outputs=[output])


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("loss", [Loss("own"), "mse", Loss("Huber")])
def test_where_the_loss_says_nothing_the_last_activation_does(activation: str, loss: Any) -> None:
    logits = Scores(ending_in(activation, loss), 3).logits(CHANCES)
    np.testing.assert_allclose(softmax(logits), CHANCES, atol=1e-6)
    assert np.array_equal(Scores(ending_in("linear", loss), 3).logits(CHANCES), CHANCES)


def test_a_layer_of_its_own_may_make_the_probabilities() -> None:
    assert not Scores(ending_in(None, Loss("own"), kind="Softmax"), 3).are_logits(3)


def test_the_last_layer_of_a_model_within_a_model_counts() -> None:
    inner = ending_in("softmax", None)
    outer = SimpleNamespace(
        loss=Loss("own"), outputs=[SimpleNamespace(_keras_history=SimpleNamespace(layer=inner, operation=None))]
    )
    assert not Scores(outer, 3).are_logits(3)


@pytest.mark.parametrize(
    ("which", "width"),
    [
        (model(loss=Loss("own")), 3),  # a subclass
        (model(loss="mse"), 3),
        (ending_in("relu", Loss("own")), 3),
        (ending_in(None, Loss("own")), 3),
        (ending_in("linear", Loss("own")), 1),
        (ending_in("linear", "mse"), 1),
        (model(loss="hinge"), 1),
    ],
)
def test_where_nobody_says_it_logits_are_not_taken_for_probabilities(which: Any, width: int) -> None:
    """Outputs between 0 and 1 could be either."""
    outputs = np.full((4, width), 1 / width, np.float32)
    scores = Scores(which, max(width, 2))
    with pytest.raises(EngineError, match="does not say whether the model's outputs are logits or prob") as refused:
        scores.logits(outputs)
    assert refused.value.remedy is not None
    assert "from_logits" in refused.value.remedy
    if width == 1:
        with pytest.raises(EngineError, match="does not say"):
            scores.ranked(outputs)


@pytest.mark.parametrize("from_logits", [False, True])
def test_a_function_of_the_users_own_may_say_it(from_logits: bool) -> None:
    def loss(labels: Any, scores: Any) -> Any:
        """Never called."""

    loss.from_logits = from_logits  # type: ignore[attr-defined]
    assert Scores(model(loss=loss), 2).are_logits(1) == from_logits


@pytest.mark.parametrize("from_logits", [False, True])
def test_one_output_is_the_second_of_two_classes(from_logits: bool) -> None:
    scores = Scores(model(loss=Loss("BinaryCrossentropy", from_logits=from_logits)), 2)
    chance = np.array([[0.9], [0.2]], np.float32)
    outputs = np.log(chance / (1 - chance)) if from_logits else chance
    np.testing.assert_allclose(softmax(scores.logits(outputs))[:, 1:], chance, atol=1e-6)


@pytest.mark.parametrize(
    ("loss", "width", "expected"),
    [
        ("sparse_categorical_crossentropy", 3, [0, 2, 1]),
        (Loss("SparseCategoricalCrossentropy"), 3, [0, 2, 1]),
        (Loss("own"), 3, [0, 2, 1]),
        ("categorical_crossentropy", 3, [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
        (Loss("CategoricalFocalCrossentropy"), 3, [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
        *(
            (loss, 3, [[1, 0, 0], [0, 0, 1], [0, 1, 0]])
            for loss in ("mse", "kl_divergence", Loss("KLDivergence"), Loss("MeanSquaredError"), Loss("Huber"))
        ),
        (Loss("BinaryCrossentropy"), 1, [[0], [2], [1]]),
    ],
)
def test_labels_have_the_form_that_the_loss_wants(loss: Any, width: int, expected: Any) -> None:
    assert Scores(model(loss=loss), 3).labels(LABELS, width=width).tolist() == expected


@pytest.mark.parametrize(("shape", "classes"), [((2, 4), 3), ((2, 1), 3), ((2,), 3), ((2, 3, 3), 3)])
def test_outputs_of_another_width_are_refused(shape: tuple[int, ...], classes: int) -> None:
    with pytest.raises(EngineError, match=rf"the data has {classes} classes: expected \(rows, {classes}\)"):
        Scores(model(), classes).logits(np.zeros(shape))


def test_several_losses_are_refused() -> None:
    with pytest.raises(EngineError, match="compiled with 2 losses"):
        Scores(model(loss={"a": "mse", "b": "mse"}), 3)
    assert Scores(model(loss=["sparse_categorical_crossentropy"]), 3).labels(LABELS, width=3).tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    "outputs", [CHANCES, {"logits": CHANCES, "other": 1}, {"only": CHANCES}, [CHANCES], SimpleNamespace(logits=CHANCES)]
)
def test_scores_are_found_in_what_a_model_returns(outputs: Any) -> None:
    assert scores_in(outputs) is CHANCES
