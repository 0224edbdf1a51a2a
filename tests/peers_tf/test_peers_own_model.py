"""A compiled model of tf-keras as an engine, and steps of its fit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_bench import small_spec, write_rows
from tiny_bert import write_tiny_bert

sys.path += [str(Path(__file__).parents[1] / "engines" / name) for name in ("keras_fit", ".")]

from engine_examples import make_batch, make_task
from fit_examples import batches, expected_step, make_model, own_step

from bertbench import runtime
from bertbench.engines import Engine, create_engine
from bertbench.errors import EngineError
from bertbench.record import RunRecord
from bertbench.spec import AdamSpec, RuntimeSpec
from bertbench.training import run_spec
from bertbench.verdict import judge_recipe

pytestmark = pytest.mark.peers_tf

BATCH = make_batch([12, 30, 25])

FACTORY = """
import tensorflow as tf
import tf_keras as keras


def build_model(task):
    ids = keras.Input((None,), dtype="int32", name="input_ids")
    mask = keras.Input((None,), dtype="int32", name="attention_mask")
    hidden = keras.layers.Dropout(0.1)(keras.layers.Embedding(400, 16)(ids))
    hidden = keras.layers.GlobalAveragePooling1D()(hidden, mask=tf.cast(mask, tf.bool))
    model = keras.Model([ids, mask], keras.layers.Dense(len(task.label_names))(hidden))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    return model
"""


@pytest.fixture(scope="module", autouse=True)
def _configured() -> None:
    """As specs say by default, before anything else loads TensorFlow; Keras 3 is what the engine is made for."""
    runtime.configure(RuntimeSpec())


@pytest.mark.parametrize("own", [False, True])
def test_steps_of_fit_measure_their_own_batch(own: bool) -> None:
    import tf_keras

    from bertbench.engines.keras_fit import FitStepper

    model = make_model(tf_keras, cls=own_step(tf_keras) if own else None)
    stepper = FitStepper(model, total_steps=4)
    for _ in range(2):
        for batch in batches():
            loss, norm, predictions = expected_step(model, batch)
            step = stepper.step(*batch, learning_rate=0.05)
            assert step.loss == pytest.approx(loss, rel=1e-5)
            assert step.gradient_norm == pytest.approx(norm, rel=1e-5)
            assert step.predictions.tolist() == predictions.tolist()
            assert step.learning_rate == np.float32(0.05)
    assert stepper._watch.calls == 2
    stepper.end()


@pytest.fixture
def make_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Engine]:
    """An engine of the model with this dropout rate, prepared for seed 0."""

    def make(rate: float) -> Engine:
        folder = tmp_path / str(rate)
        folder.mkdir()
        name = f"legacy_{round(100 * rate)}"
        (folder / f"{name}.py").write_text(FACTORY.replace("Dropout(0.1)", f"Dropout({rate})"))
        task = make_task(write_tiny_bert(folder / "tiny"), engine=f"python:{name}:build_model")
        engine = create_engine(replace(task, base_folder=folder))
        engine.prepare(0)
        return engine

    monkeypatch.setattr(sys, "path", list(sys.path))  # a factory's folder is put there
    return make


def test_a_state_goes_on_to_the_same_bits_where_nothing_is_drawn(make_engine: Callable[[float], Engine]) -> None:
    engine = make_engine(0.0)
    engine.train_step(BATCH)
    state = engine.state()
    expected = [engine.train_step(BATCH).loss for _ in range(2)]
    engine.prepare(9)
    engine.restore(state)
    assert [engine.train_step(BATCH).loss for _ in range(2)] == expected


def test_a_state_after_draws_that_cannot_be_put_back_is_refused(make_engine: Callable[[float], Engine]) -> None:
    engine = make_engine(0.1)
    beginning = engine.state()
    engine.restore(beginning)  # nothing is drawn yet
    engine.train_step(BATCH)
    after = engine.state()
    loss = engine.train_step(BATCH).loss
    for state in (beginning, after):
        with pytest.raises(EngineError, match=r"after \d steps: tf-keras keeps the random state of dropout\S* where"):
            engine.restore(state)
    engine.prepare(0)
    with pytest.raises(EngineError, match="cannot continue to the same bits after 1 steps"):
        engine.restore(after)
    assert engine.train_step(BATCH).loss != loss  # nothing was put in


def run(folder: Path, **changes: Any) -> RunRecord:
    folder.mkdir()
    tiny = write_tiny_bert(folder / "tiny")
    write_rows(folder)
    (folder / "legacy_train.py").write_text(FACTORY)
    how = {"optimizer": AdamSpec(learning_rate=0.01), **changes}
    spec = small_spec(tiny, engine="python:legacy_train:build_model", **how)
    return run_spec(spec, base_folder=folder, save_models_to=folder / "saved")


def test_a_seed_has_its_bits_whatever_came_before(tmp_path: Path) -> None:
    records = [run(tmp_path / name, training__seeds=seeds) for name, seeds in (("a", (0, 1)), ("b", (1, 0)))]
    by_seed = [{seed.seed: seed.digests for seed in record.seeds} for record in records]
    assert by_seed[0][0].losses == by_seed[1][0].losses != by_seed[0][1].losses
    assert by_seed[0][1].losses == by_seed[1][1].losses
    check = judge_recipe(records[0])
    assert check.outcome == "pass", check.reason
    assert "dropout seen (tf-keras keeps the random state of its layers where nobody can look)" in check.reason
    assert (tmp_path / "a" / "saved" / "seed-0" / "model.weights.h5").is_file()


def test_what_the_spec_says_otherwise_is_named(tmp_path: Path) -> None:
    check = judge_recipe(run(tmp_path / "a", optimizer=AdamSpec(learning_rate=0.02, epsilon=1e-6)))
    assert check.outcome == "fail"
    assert "learning rate of step 0: 0.02 by the spec" in check.reason
    assert "optimizer.epsilon: 1e-06 by the spec, 1e-07 live" in check.reason
