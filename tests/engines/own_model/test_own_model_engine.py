"""A compiled model of the user's own as an engine: its own fit, its bits, what it shows, and what is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import own_models
import pytest
from engine_backends import tensorflow_only
from engine_examples import make_batch, make_task
from small_bench import small_spec, write_rows

from bertbench.baseline.one_code import factory_of
from bertbench.digests import digest_arrays
from bertbench.engines import Engine, create_engine
from bertbench.engines.own_model.outputs import Scores
from bertbench.engines.padding import pad
from bertbench.errors import EngineError
from bertbench.record import RunRecord
from bertbench.spec import AdamSpec, AdamWSpec, ScheduleSpec, SGDSpec, TrainingSpec
from bertbench.training import run_spec
from bertbench.verdict import judge_recipe

pytestmark = tensorflow_only

BATCHES = [make_batch(lengths, seed=n) for n, lengths in enumerate([[12, 30, 25], [5, 9, 40], [3, 3, 3], [18, 7]])]


def own_engine(folder: Path, factory: str = "build", **spec: Any) -> Engine:
    """Made, and prepared for seed 0."""
    task = make_task(folder, engine=f"python:own_models:{factory}", **spec)
    engine = create_engine(replace(task, base_folder=Path(__file__).parent))
    engine.prepare(0)
    return engine


def train(engine: Engine, batches: list[Any] = BATCHES) -> dict[str, Any]:
    losses = [engine.train_step(batch).loss for batch in batches]
    return {"losses": losses, "weights": digest_arrays(engine.weights())}


@pytest.fixture(scope="module")
def shared(tiny_bert_folder: Path) -> Engine:
    return own_engine(tiny_bert_folder)


@pytest.fixture
def engine(shared: Engine) -> Iterator[Engine]:
    shared.prepare(0)
    yield shared
    shared.prepare(0)  # ends its fit


# Steps and bits


def test_it_learns_by_the_models_own_fit(engine: Engine) -> None:
    losses = [engine.train_step(BATCHES[0]).loss for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]
    step = engine.train_step(BATCHES[0])
    assert step.learning_rate == np.float32(0.01)
    assert step.predictions.tolist() == BATCHES[0].labels.tolist()
    assert engine.logits(BATCHES[0]).argmax(axis=1).tolist() == BATCHES[0].labels.tolist()


def test_a_seed_gives_its_bits_again_after_another(engine: Engine) -> None:
    results = []
    for seed in (0, 1, 0):
        engine.prepare(seed)
        results.append(train(engine))
    assert results[0] == results[2]
    assert results[0]["weights"] != results[1]["weights"]


def test_another_seed_is_as_if_it_were_the_first(engine: Engine, tiny_bert_folder: Path) -> None:
    """What the factory makes for it, put into the model that is traced, is what a new model would be."""
    engine.prepare(1)
    there = own_engine(tiny_bert_folder, training=TrainingSpec(seeds=(1,)))
    there.prepare(1)
    assert train(engine) == train(there)


def test_the_factory_is_called_anew_for_another_seed_alone(engine: Engine) -> None:
    engine.prepare(0)
    own_models.CALLS.clear()
    engine.prepare(0)
    assert own_models.CALLS == []
    engine.prepare(5)
    assert own_models.CALLS == ["build"]


def test_a_state_goes_on_to_the_same_bits(engine: Engine) -> None:
    train(engine, BATCHES[:2])
    state = engine.state()
    expected = train(engine, BATCHES[2:])
    for change, same in [({}, True), ({n: v * 0 for n, v in state.items() if n.startswith("random/")}, False)]:
        engine.prepare(9)
        engine.restore({**state, **change})
        assert (train(engine, BATCHES[2:]) == expected) == same


def test_a_state_of_another_model_is_refused(engine: Engine) -> None:
    state = engine.state()
    state.popitem()
    del state[next(iter(state))]
    with pytest.raises(EngineError, match="engine python:own_models:build: cannot continue from this state"):
        engine.restore(state)


def test_tracing_leaves_everything_as_prepared(engine: Engine) -> None:
    prepared = engine.state()
    engine.trace(BATCHES[0], BATCHES[1])
    after = engine.state()
    assert prepared.keys() == after.keys()
    assert not [name for name in prepared if not np.array_equal(prepared[name], after[name])]


def test_row_weights_reach_the_loss(tiny_bert_folder: Path) -> None:
    engine = own_engine(tiny_bert_folder, training=TrainingSpec(class_weights="balanced"))
    plain = engine.train_step(BATCHES[0]).loss
    engine.prepare(0)
    doubled = replace(BATCHES[0], row_weights=np.full(3, 2.0, np.float32))
    assert engine.train_step(doubled).loss == pytest.approx(2 * plain, rel=1e-5)


def test_a_subclass_with_inputs_by_function_and_a_loss_of_its_own(tiny_bert_folder: Path) -> None:
    engine = own_engine(tiny_bert_folder, "build_subclass")
    losses = [engine.train_step(BATCHES[0]).loss for _ in range(10)]
    assert losses[-1] < losses[0]
    assert engine.logits(BATCHES[1]).shape == (3, 3)
    engine.prepare(0)
    assert engine.train_step(BATCHES[0]).loss == losses[0]


def test_saved_as_keras_users_save(engine: Engine, tmp_path: Path) -> None:
    import keras

    train(engine)
    engine.save(tmp_path / "saved")
    assert {path.name for path in (tmp_path / "saved").iterdir()} >= {
        "model.keras",
        "model.weights.h5",
        "tokenizer.json",
    }
    loaded = keras.saving.load_model(tmp_path / "saved" / "model.keras")
    parts = pad(BATCHES[0])
    chances = loaded.predict_on_batch([parts.input_ids, parts.attention_mask])
    powers = np.exp(engine.logits(BATCHES[0]))
    np.testing.assert_allclose(chances, powers / powers.sum(axis=1, keepdims=True), rtol=0, atol=1e-6)


# What it shows


def run(folder: Path, tiny: Path, factory: str, **changes: Any) -> RunRecord:
    write_rows(folder)
    (folder / "own_models.py").write_text(Path(own_models.__file__).read_text())
    spec = small_spec(tiny, engine=f"python:own_models:{factory}", **changes)
    return run_spec(spec, base_folder=folder)


def test_a_whole_run_passes_the_lock_and_says_what_it_leaves_out(tiny_bert_folder: Path, tmp_path: Path) -> None:
    record = run(tmp_path, tiny_bert_folder, "build", optimizer=AdamSpec(learning_rate=0.01), training__seeds=(0, 1))
    check = judge_recipe(record)
    assert check.outcome == "pass", check.reason
    assert set(record.seeds[0].live_recipe["not_held"]) == {
        "architecture",
        "parameters",
        "weights",
        "drawn_weights",
        "movement",
        "dropout_rates",
        "dropout_in_training",
        "dropout_states",
    }
    assert "dropout in training (which of its layers should drop" in check.reason
    assert record.seeds[0].utilization is None
    assert record.seeds[0].live_recipe["factory"]["sha256"]
    assert factory_of(record) == hashlib.sha256((tmp_path / "own_models.py").read_bytes()).hexdigest()


def test_an_engine_that_a_factory_returns_says_which_file_made_it(tiny_bert_folder: Path) -> None:
    """Whatever it says of itself."""
    name = "python:own_models:build_an_engine"
    sha256 = hashlib.sha256(Path(own_models.__file__).read_bytes()).hexdigest()
    assert own_engine(tiny_bert_folder, "build_an_engine").recipe() == {
        "backend": "tensorflow",
        "engine": name,
        "factory": {"name": name, "sha256": sha256},
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimizer": AdamSpec(learning_rate=0.02)}, "learning rate of step 0: 0.02 by the spec"),
        ({"optimizer": AdamSpec(learning_rate=0.01, beta_2=0.9)}, "optimizer.beta_2: 0.9 by the spec, 0.999 live"),
        ({"optimizer": SGDSpec(learning_rate=0.01)}, "optimizer.name: 'sgd' by the spec, 'adam' live"),
        ({"training__precision": "mixed_bfloat16"}, "training.precision: 'mixed_bfloat16' by the spec"),
    ],
)
def test_what_the_spec_says_otherwise_is_named(
    changes: dict[str, Any], words: str, tiny_bert_folder: Path, tmp_path: Path
) -> None:
    how = {"optimizer": AdamSpec(learning_rate=0.01), **changes}
    check = judge_recipe(run(tmp_path, tiny_bert_folder, "build", training__epochs=1, **how))
    assert check.outcome == "fail"
    assert words in check.reason


@pytest.mark.parametrize(
    ("factory", "excluded", "words"),
    [
        (
            "build_decaying",
            ("bias", "layer_norm"),
            "decayed variables: 2 by the spec, 5 live; decayed live alone: dense",
        ),
        ("build_sparing", ("bias", "layer_norm"), ""),
        ("build_decaying", (), ""),
    ],
)
def test_what_plain_adamw_decays_is_held_against_the_spec(
    factory: str, excluded: tuple[str, ...], words: str, tiny_bert_folder: Path, tmp_path: Path
) -> None:
    """Keras spares nothing unless told to, the spec's default spares biases and layer norms."""
    optimizer = AdamWSpec(learning_rate=0.01, weight_decay=0.1, decay_excluded=excluded)
    check = judge_recipe(run(tmp_path, tiny_bert_folder, factory, training__epochs=1, optimizer=optimizer))
    assert check.outcome == ("fail" if words else "pass"), check.reason
    assert words in check.reason


def test_dropout_in_validation_is_named(tiny_bert_folder: Path, tmp_path: Path) -> None:
    how = {"optimizer": AdamSpec(learning_rate=0.01), "training__epochs": 1}
    check = judge_recipe(run(tmp_path, tiny_bert_folder, "build_drops_in_validation", **how))
    assert check.outcome == "fail"
    assert "operations that drop in validation: [] by the spec, ['restless'] live" in check.reason


def test_an_optimizer_and_a_schedule_without_words_are_not_held(tiny_bert_folder: Path, tmp_path: Path) -> None:
    record = run(tmp_path, tiny_bert_folder, "build_with_schedule", training__epochs=1)
    check = judge_recipe(record)
    assert check.outcome == "pass", check.reason
    assert "decayed (a spec has no words for RMSprop)" in check.reason
    assert "optimizer (a spec has no words for RMSprop)" in check.reason
    assert "a schedule of its own" in check.reason
    assert record.seeds[0].steps.learning_rate[0] > record.seeds[0].steps.learning_rate[-1]


def test_a_schedule_that_the_spec_describes_is_held(tiny_bert_folder: Path, tmp_path: Path) -> None:
    how = {"schedule": ScheduleSpec(kind="linear"), "optimizer": AdamSpec(learning_rate=0.01)}
    check = judge_recipe(run(tmp_path, tiny_bert_folder, "build_with_schedule", training__epochs=1, **how))
    assert check.outcome == "fail"  # Keras' decay ends one step later than the spec's
    assert "learning rate of step" in check.reason


@pytest.mark.parametrize(
    ("loss", "activation", "are_logits"),
    [
        ("KLDivergence", "softmax", False),
        ("kl_divergence", None, False),
        ("binary_crossentropy", None, False),
        ("MeanSquaredError", "sigmoid", False),
        ("mean_squared_error", None, True),
    ],
)
@pytest.mark.parametrize("as_sequence", [False, True])
def test_keras_own_models_and_losses_say_what_their_outputs_are(
    loss: str, activation: str | None, are_logits: bool, as_sequence: bool
) -> None:
    import keras

    layers = [keras.Input((4,)), keras.layers.Dense(3, activation=activation)]
    model = keras.Sequential(layers) if as_sequence else keras.Model(layers[0], layers[1](layers[0]))
    found = getattr(keras.losses, loss)
    for form in (found() if isinstance(found, type) else found, loss):
        model.compile("sgd", form)
        assert Scores(model, 3).are_logits(3) == are_logits


# What is refused


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("build_uncompiled", "the model is not compiled"),
        ("build_too_narrow", r"the model's outputs have shape \(2, 8\), and the data has 3 classes"),
        ("build_says_nothing", "the loss loss does not say whether the model's outputs are logits or probabilities"),
        ("build_nothing", "the factory returned builtins.dict, expected a compiled model of Keras 3 or tf-keras"),
        (
            "build_half_an_engine",
            "HalfAnEngine lacks flops, logits, matmul_seconds, recipe, restore, save, state, trace",
        ),
        ("build_absent", "has no 'build_absent'; did you mean build_subclass?|has no 'build_absent'"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(factory: str, words: str, tiny_bert_folder: Path) -> None:
    with pytest.raises(EngineError, match=words) as refused:
        own_engine(tiny_bert_folder, factory)
    assert "\n" not in refused.value.message


def test_what_breaks_in_training_is_told_with_the_users_own_line(tiny_bert_folder: Path) -> None:
    engine = own_engine(tiny_bert_folder, "build_breaks_in_training")
    with pytest.raises(EngineError, match=r"own_models.py:\d+: ValueError: .*no loss for labels of rank 1"):
        engine.train_step(BATCHES[0])
