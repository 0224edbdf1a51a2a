"""Optimizers, precision and averages on a whole engine, and the recipe that it reads back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy_bert
import pytest
from engine_backends import BACKEND, tensorflow_only
from engine_examples import (
    NO_DROPOUT,
    VOCABULARY,
    WORD_EMBEDDINGS,
    WORDS_IN_USE,
    distance,
    make_batch,
    make_engine,
    weights_of,
)
from numpy.typing import NDArray
from tiny_bert import tiny_config

from bertbench.spec import AdamWSpec, ModelSpec, SGDSpec, TrainingSpec

BATCH = make_batch([12, 30, 25], words=12)
CONFIG = tiny_config(layers=1)
KERNEL = "bert.encoder.layer.0.output.dense.weight"


def _in_full(words: NDArray[np.float32]) -> NDArray[np.float32]:
    """The table of words in use as that of all words, the others left empty."""
    table = np.zeros((VOCABULARY, words.shape[1]), np.float32)
    table[WORDS_IN_USE] = words
    return table


def test_momentum_clipping_and_a_scaled_loss_equal_numpy(one_layer_folder: Path) -> None:
    """The scale is undone before anything is clipped or reported."""
    engine = make_engine(
        one_layer_folder,
        model=NO_DROPOUT,
        optimizer=SGDSpec(
            learning_rate=0.5, momentum=0.9, nesterov=True, global_clipnorm=0.1, loss_scale_factor=1024.0
        ),
    )
    assert engine.recipe()["loss_scale"] == 1024.0
    expected = weights_of(engine)
    velocity = {name: np.zeros_like(values) for name, values in expected.items()}
    for _ in range(3):
        gradients = engine.gradients(BATCH)
        norm = float(np.sqrt(sum(np.sum(values.astype(np.float64) ** 2) for values in gradients.values())))
        assert norm > 0.1
        for name, gradient in gradients.items():
            clipped = 0.5 * gradient * 0.1 / norm
            velocity[name] = 0.9 * velocity[name] - clipped
            expected[name] = expected[name] + 0.9 * velocity[name] - clipped
        assert engine.train_step(BATCH).gradient_norm == pytest.approx(norm, rel=1e-5)
    assert distance(weights_of(engine), expected) < 2e-6


def test_adamw_decays_the_whole_table_and_shows_its_average(one_layer_folder: Path, tmp_path: Path) -> None:
    """Under decay every word moves, so every word takes part; logits, weights and save are those of the average."""
    engine = make_engine(
        one_layer_folder,
        model=NO_DROPOUT,
        optimizer=AdamWSpec(learning_rate=0.01, weight_decay=0.5, use_ema=True, ema_momentum=0.5),
    )
    recipe = engine.recipe()
    assert recipe["embedding_rows"]["word"] == VOCABULARY
    kernels = {name for name in weights_of(engine) if not name.endswith(".bias") and "LayerNorm" not in name}
    assert set(recipe["decayed"]) == kernels
    assert len(recipe["decayed"]) == len(kernels) == 11

    live = []
    for _ in range(2):
        engine.train_step(BATCH)
        live.append(engine.state()["model/encoder.layer_0.feed_forward.outer.kernel"].T)
    shown = weights_of(engine)
    np.testing.assert_allclose(shown[KERNEL], 0.5 * live[0] + 0.5 * live[1], atol=1e-6)
    assert np.abs(shown[KERNEL] - live[1]).max() > 1e-4
    assert len(shown[WORD_EMBEDDINGS]) == len(WORDS_IN_USE)

    logits = engine.logits(BATCH)
    again = engine.state()["model/encoder.layer_0.feed_forward.outer.kernel"].T
    assert np.array_equal(again, live[1])  # training goes on with the weights, not the average
    engine.save(tmp_path / "averaged")
    loaded = weights_of(make_engine(tmp_path / "averaged", model=NO_DROPOUT))
    encoder = [name for name in loaded if not name.startswith("classifier")]
    assert all(np.array_equal(loaded[name], shown[name][: len(loaded[name])]) for name in encoder)
    expected = numpy_bert.logits(shown | {WORD_EMBEDDINGS: _in_full(shown[WORD_EMBEDDINGS])}, CONFIG, BATCH)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=2e-6)

    absent = np.setdiff1d(np.arange(VOCABULARY), BATCH.token_ids)
    before = engine._pretrained["embeddings.word.table"][absent]
    after = engine.state()["model/embeddings.word.table"][absent]
    np.testing.assert_allclose(after, before * (1 - 0.01 * 0.5) ** 2, atol=1e-6)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_computes_in_sixteen_bits_and_keeps_thirty_two(one_layer_folder: Path, precision: str) -> None:
    engine = make_engine(one_layer_folder, model=NO_DROPOUT, training=TrainingSpec(precision=precision))
    recipe = engine.recipe()
    assert recipe["dtype_policy"] == precision
    assert recipe["compute_dtype"] == precision.removeprefix("mixed_")
    assert recipe["variable_dtypes"] == ["float32"]
    assert (recipe["loss_scale"] > 1) == (precision == "mixed_float16")

    before = weights_of(engine)
    exact = make_engine(one_layer_folder, model=NO_DROPOUT).logits(BATCH)
    logits = engine.logits(BATCH)
    assert logits.dtype == np.float32
    assert 1e-5 < np.abs(logits - exact).max() < 0.1  # rounded, and not further off than rounding
    steps = [engine.train_step(BATCH) for _ in range(2)]
    after = weights_of(engine)
    assert {values.dtype.name for values in after.values()} == {"float32"}
    assert distance(before, after) > 1e-5
    assert all(np.isfinite([step.loss, step.gradient_norm]).all() for step in steps)
    assert steps[0].gradient_norm < 100  # the scale of the loss is undone


@tensorflow_only
def test_float32_is_nothing_but_float32(plain_engine) -> None:
    import tensorflow as tf

    recipe = plain_engine.recipe()
    assert (recipe["dtype_policy"], recipe["compute_dtype"], recipe["loss_scale"]) == ("float32", "float32", 1.0)
    plain_engine.train_step(BATCH)
    plain_engine.logits(BATCH)
    for function in (plain_engine._steps._train, plain_engine._steps._logits):
        nodes = function.get_concrete_function().graph.as_graph_def(add_shapes=False)
        types = {
            tf.dtypes.as_dtype(attribute.type).name
            for node in [*nodes.node, *(n for f in nodes.library.function for n in f.node_def)]
            for attribute in node.attr.values()
            if attribute.type
        }
        assert "float32" in types
        assert not types & {"float16", "bfloat16", "half", "float64"}


def test_the_recipe_is_json_and_read_back_live(dropout_engine) -> None:
    recipe = dropout_engine.recipe()
    assert json.loads(json.dumps(recipe)) == recipe
    assert recipe["backend"] == BACKEND
    expected = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False, "weight_decay": None}
    assert expected.items() <= recipe["optimizer"].items()
    assert recipe["optimizer"]["learning_rate"] == pytest.approx(3e-5)
    assert set(recipe["dropout_rates"].values()) == {0.1}
    assert len(recipe["dropout_rates"]) == 2 + 3 * 2
    assert recipe["embedding_rows"] == {"word": len(WORDS_IN_USE), "position": 40, "segment": 2}
    weights = weights_of(dropout_engine)
    assert recipe["parameters"] == sum(values.size for values in weights.values())
    assert recipe["iterations"] == 0
    dropout_engine.train_step(BATCH)
    assert dropout_engine.recipe()["iterations"] == 1


def test_the_recipe_tells_what_was_changed_behind_its_back(dropout_engine) -> None:
    dropout_engine._bert.dropouts["classifier"].rate = 0.25
    dropout_engine._optimizer.learning_rate = 0.125
    try:
        recipe = dropout_engine.recipe()
    finally:
        dropout_engine._bert.dropouts["classifier"].rate = 0.1
        dropout_engine.prepare(0)
    assert recipe["dropout_rates"]["classifier"] == 0.25
    assert recipe["learning_rate"] == recipe["optimizer"]["learning_rate"] == 0.125
    assert dropout_engine.recipe()["learning_rate"] == pytest.approx(3e-5)


def test_dropout_rates_are_the_specs_and_else_the_checkpoints(one_layer_folder: Path) -> None:
    model = ModelSpec(hidden_dropout_rate=0.0, classifier_dropout_rate=0.5)
    assert make_engine(one_layer_folder, model=model).recipe()["dropout_rates"] == {
        "embeddings": 0.0,
        "encoder.layer_0.attention.probabilities": 0.1,
        "encoder.layer_0.attention.output": 0.0,
        "encoder.layer_0.feed_forward.output": 0.0,
        "classifier": 0.5,
    }
    follows = ModelSpec(hidden_dropout_rate=0.2)
    assert make_engine(one_layer_folder, model=follows).recipe()["dropout_rates"]["classifier"] == 0.2
