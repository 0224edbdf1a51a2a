"""The keras-hub engine: the same function as transformers' BERT, the same steps as native's, and what it shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hub_cases import BATCHES, NO_DROPOUT, hub_engine, make_task, native_engine, run_elsewhere, train
from parity_cases import TOTAL_STEPS, open_source, torch_inputs
from small_bench import small_spec, write_rows
from tiny_bert import write_tiny_bert

from bertbench.engines import create_engine
from bertbench.errors import EngineError
from bertbench.record import RunRecord
from bertbench.spec import AdamSpec, AdamWSpec, ModelSpec, SGDSpec, TrainingSpec
from bertbench.training import run_spec
from bertbench.verdict import judge_recipe

if TYPE_CHECKING:
    from bertbench.engines.keras_hub.engine import KerasHubEngine

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("hub") / "tiny")


@pytest.fixture(scope="module")
def shared(folder: Path) -> KerasHubEngine:
    return hub_engine(folder)


@pytest.fixture
def engine(shared: KerasHubEngine) -> KerasHubEngine:
    """With the checkpoint's dropout, prepared for seed 0."""
    shared.prepare(0)
    return shared


@pytest.fixture(scope="module")
def shared_plain(folder: Path) -> KerasHubEngine:
    return hub_engine(folder, model=NO_DROPOUT)


@pytest.fixture
def plain(shared_plain: KerasHubEngine) -> KerasHubEngine:
    """Without dropout, prepared for seed 0."""
    shared_plain.prepare(0)
    return shared_plain


# The same function


def transformers_logits(engine: KerasHubEngine, batch: Any, folder: Path) -> Any:
    import torch
    from transformers import BertForSequenceClassification

    engine.save(folder)
    model = BertForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        return model(**torch_inputs(batch)).logits.numpy()


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu", "silu", "tanh"])
def test_logits_are_those_of_transformers(activation: str, tmp_path: Path) -> None:
    """GELU as the checkpoint has it, which KerasHub by itself does not look at; epsilon likewise."""
    tiny = write_tiny_bert(tmp_path / "tiny", activation=activation, config_changes={"layer_norm_eps": 1e-3})
    engine = hub_engine(tiny, model=NO_DROPOUT)
    for number, batch in enumerate(BATCHES[:2]):
        expected = transformers_logits(engine, batch, tmp_path / f"saved-{number}")
        assert np.ptp(expected, axis=0).max() > 1e-2
        np.testing.assert_allclose(engine.logits(batch), expected, rtol=0, atol=1e-5)


def test_logits_of_minilm_are_those_of_transformers_after_steps_too(tmp_path: Path) -> None:
    from bertbench.engines.keras_hub.engine import KerasHubEngine

    task = replace(make_task(write_tiny_bert(tmp_path / "tiny")), checkpoint=open_source("embedded:minilm-l6"))
    engine = KerasHubEngine(task)
    engine.prepare(0)
    engine.train_step(BATCHES[0])
    expected = transformers_logits(engine, BATCHES[1], tmp_path / "saved")
    np.testing.assert_allclose(engine.logits(BATCHES[1]), expected, rtol=0, atol=1e-5)


def test_padding_changes_nothing(plain: KerasHubEngine) -> None:
    """A short row has the same logits alone as beside a long one."""
    from hub_cases import mixed_rows

    lengths = [5, 40]
    both = mixed_rows(60, seed=3, pairs=True, lengths=lengths)
    alone = mixed_rows(60, seed=3, pairs=True, lengths=lengths)
    alone = replace(
        alone,
        token_ids=both.token_ids[:5],
        segment_ids=both.segment_ids[:5],
        positions=both.positions[:5],
        offsets=both.offsets[:2],
        labels=both.labels[:1],
        row_weights=both.row_weights[:1],
        rows=both.rows[:1],
    )
    np.testing.assert_allclose(plain.logits(alone)[0], plain.logits(both)[0], rtol=0, atol=1e-5)


# The same steps


def losses(engine: Any, count: int = TOTAL_STEPS) -> list[float]:
    return [engine.train_step(BATCHES[step % len(BATCHES)]).loss for step in range(count)]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_of_gradient_descent_are_those_of_the_native_engine(folder: Path, momentum: float) -> None:
    how = {"model": NO_DROPOUT, "optimizer": SGDSpec(learning_rate=0.01, momentum=momentum)}
    one, other = losses(hub_engine(folder, **how)), losses(native_engine(folder, **how))
    assert np.ptp(one) > 0.1
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)


def test_steps_of_adam_differ_by_what_keras_does_to_repeated_tokens(folder: Path) -> None:
    """It squares an embedding's gradients before it adds up those of one row; shown here, not hidden in a tolerance."""
    how = {"model": NO_DROPOUT, "optimizer": AdamSpec(learning_rate=1e-3)}
    apart = np.abs(np.subtract(losses(hub_engine(folder, **how)), losses(native_engine(folder, **how))))
    print(f"losses of {TOTAL_STEPS} Adam steps: keras-hub differs from native by up to {apart.max():.1e}")  # noqa: T201
    assert apart[0] < 1e-6
    assert 1e-4 < apart.max() < 0.1


def test_gradient_norm_is_that_of_dense_gradients(plain: KerasHubEngine, folder: Path) -> None:
    native = native_engine(folder, model=NO_DROPOUT)
    for batch in BATCHES:
        plain.prepare(0)
        native.prepare(0)
        one, other = plain.train_step(batch), native.train_step(batch)
        assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=1e-5)
        assert one.loss == pytest.approx(other.loss, rel=1e-5)
        assert one.predictions.tolist() == other.predictions.tolist()
        assert one.learning_rate == other.learning_rate


def test_class_weights_enter_the_loss_as_in_the_native_engine(folder: Path) -> None:
    how: dict[str, Any] = {"model": NO_DROPOUT, "training": TrainingSpec(class_weights="balanced")}
    batch = replace(BATCHES[0], row_weights=np.array([0.5, 3.0, 1.0], np.float32))
    one, other = hub_engine(folder, **how).train_step(batch), native_engine(folder, **how).train_step(batch)
    assert one.loss == pytest.approx(other.loss, rel=1e-5)
    assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=1e-5)


def test_weight_decay_leaves_alone_what_the_spec_says(folder: Path) -> None:
    engine = hub_engine(folder, optimizer=AdamWSpec(weight_decay=0.1, decay_excluded=("bias", "layer_norm")))
    named = {name for name, _ in engine.weights() if name.endswith(".bias") or "LayerNorm" in name}
    assert len(named) == 24
    assert set(engine.recipe()["decayed"]) == {name for name, _ in engine.weights()} - named
    assert hub_engine(folder).recipe()["decayed"] == []


# The same bits


def test_a_seed_gives_its_bits_again_after_another(engine: KerasHubEngine) -> None:
    results = []
    for seed in (0, 1, 0):
        engine.prepare(seed)
        results.append(train(engine))
    assert results[0] == results[2]
    assert all(one != other for one, other in zip(results[0]["losses"], results[1]["losses"], strict=True))


def test_a_fresh_process_gives_the_same_bits(engine: KerasHubEngine, folder: Path) -> None:
    assert run_elsewhere(folder)["dropped"] == train(engine)


def test_a_state_goes_on_to_the_same_bits(engine: KerasHubEngine) -> None:
    train(engine, BATCHES[:2])
    state = engine.state()
    expected = train(engine, BATCHES[2:])
    for change, same in [({}, True), ({n: v * 0 for n, v in state.items() if n.startswith("random/")}, False)]:
        engine.prepare(9)
        train(engine, BATCHES[:1])
        engine.restore(state | change)
        assert (train(engine, BATCHES[2:]) == expected) == same


def test_a_state_of_another_network_is_refused(engine: KerasHubEngine) -> None:
    state = engine.state()
    del state["model/classifier.bias"]
    with pytest.raises(EngineError, match=r"keras-hub engine: cannot continue from this state: model/classifier.bias"):
        engine.restore(state)


def test_tracing_and_looking_leave_everything_as_prepared(engine: KerasHubEngine) -> None:
    engine.prepare(3)
    prepared = engine.state()
    engine.trace(BATCHES[0], BATCHES[1])
    engine.logits(BATCHES[1])
    engine.recipe()
    after = engine.state()
    assert prepared.keys() == after.keys()
    assert not [name for name in prepared if not np.array_equal(prepared[name], after[name])]
    assert engine._stepper._watch.calls <= 3  # TensorFlow relaxes one shape at most


def test_validation_in_between_moves_nothing(engine: KerasHubEngine) -> None:
    undisturbed = train(engine)
    engine.prepare(0)
    seen = []
    for batch in BATCHES:
        engine.logits(BATCHES[1])
        seen.append(engine.train_step(batch).loss)
    assert seen == undisturbed["losses"]


# What it cannot do, and what it can


def test_a_fresh_pooler_for_a_checkpoint_without_one(tmp_path: Path) -> None:
    tiny = write_tiny_bert(tmp_path / "tiny", pooler=False)
    with pytest.raises(EngineError, match=r"model.pooler: the spec asks for the pretrained pooler"):
        hub_engine(tiny)
    model = NO_DROPOUT.model_copy(update={"pooler": "fresh"})
    one, other = hub_engine(tiny, model=model), native_engine(tiny, model=model)
    np.testing.assert_allclose(one.logits(BATCHES[0]), other.logits(BATCHES[0]), rtol=0, atol=1e-5)


def test_a_segment_that_the_checkpoint_does_not_know_is_refused(tmp_path: Path) -> None:
    engine = hub_engine(write_tiny_bert(tmp_path / "tiny", segment_types=1))
    with pytest.raises(EngineError, match="keras-hub engine: a row has segment 1"):
        engine.train_step(BATCHES[1])


def test_other_rates_of_dropout_go_into_the_live_layers(folder: Path) -> None:
    rates = {"hidden_dropout_rate": 0.0, "attention_dropout_rate": 0.3, "classifier_dropout_rate": 0.2}
    engine = hub_engine(folder, model=ModelSpec(**rates))
    engine.trace(BATCHES[0], BATCHES[1])
    recipe = engine.recipe()
    dropping = {name: rate for name, rate in recipe["dropout_rates"].items() if rate}
    assert dropping == {
        "encoder.layer_0.attention.probabilities": 0.3,
        "encoder.layer_1.attention.probabilities": 0.3,
        "classifier": 0.2,
    }
    assert recipe["dropout_seen"]["in_training"] == sorted(dropping)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_computes_in_it(folder: Path, precision: str) -> None:
    engine = hub_engine(folder, training=TrainingSpec(precision=precision))
    recipe = engine.recipe()
    assert (recipe["dtype_policy"], recipe["variable_dtypes"]) == (precision, ["float32"])
    step = engine.train_step(BATCHES[0])
    assert np.isfinite([step.loss, step.gradient_norm]).all()
    assert step.gradient_norm < 100


def test_an_average_of_the_weights_is_what_is_validated(folder: Path) -> None:
    how = {"model": NO_DROPOUT, "optimizer": SGDSpec(learning_rate=0.05, use_ema=True, ema_momentum=0.5)}
    one, other = hub_engine(folder, **how), native_engine(folder, **how)
    for engine in (one, other):
        for batch in BATCHES:
            engine.train_step(batch)
    np.testing.assert_allclose(one.logits(BATCHES[0]), other.logits(BATCHES[0]), rtol=0, atol=1e-4)


def test_on_pytorch_the_steps_are_the_same_but_for_its_dense_gradients(folder: Path) -> None:
    """PyTorch has no rows with repeats: Keras' Adam is as native's there."""
    everything = run_elsewhere(folder, "torch")
    there = everything["plain"]
    native = native_engine(folder, model=NO_DROPOUT)
    steps = [native.train_step(batch) for batch in BATCHES]
    np.testing.assert_allclose(there["losses"], [step.loss for step in steps], rtol=0, atol=1e-5)
    np.testing.assert_allclose(there["norms"], [step.gradient_norm for step in steps], rtol=1e-4)
    assert everything["dropped"] == everything["dropped, then 0"] != everything["dropped, then 1"]
    first, other, again, went_on, resumed = everything["own"]  # and a model of one's own there
    assert first == again != other
    assert went_on == resumed


# A whole run, and the lock


def run(folder: Path, tiny: Path, **changes: Any) -> RunRecord:
    folder.mkdir(exist_ok=True)
    write_rows(folder)
    return run_spec(small_spec(tiny, engine="keras-hub", **changes), base_folder=folder)


def test_a_whole_run_passes_the_lock_and_hides_nothing(folder: Path, tmp_path: Path) -> None:
    record = run(tmp_path, folder, training__seeds=(0, 1))
    check = judge_recipe(record)
    assert (check.outcome, check.reason) == ("pass", "live values of 2 seeds are those of the spec")
    assert record.environment is not None
    assert record.environment.numerics["libraries"]["keras-hub"]
    json.dumps(dict(record.seeds[0].live_recipe))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda e: setattr(e._optimizer, "epsilon", 1e-6), "optimizer.epsilon: 1e-07 by the spec, 1e-06 live"),
        (lambda e: setattr(e._optimizer, "weight_decay", 0.1), "decayed variables: 0 by the spec, 41 live"),
        (lambda e: setattr(e._dropouts["classifier"], "rate", 0.5), "dropout rate of classifier: 0.1"),
        (
            lambda e: e._variables["classifier.weight"].assign_add(e._variables["classifier.weight"]),
            "classifier.kernel",
        ),
        (lambda e: e._variables["bert.pooler.dense.bias"].assign_add([1.0] * 8), "first bert.pooler.dense.bias"),
    ],
)
def test_what_drifts_is_named(
    wrong: Any, words: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bertbench.engines.keras_hub.engine import KerasHubEngine

    prepare = KerasHubEngine.prepare

    def drifting(engine: KerasHubEngine, seed: int) -> None:
        prepare(engine, seed)
        wrong(engine)

    monkeypatch.setattr(KerasHubEngine, "prepare", drifting)
    check = judge_recipe(run(tmp_path, folder))
    assert check.outcome == "fail"
    assert words in check.reason


def test_weight_decay_of_everything_is_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What plain Keras does, and the engine does not."""
    import keras

    monkeypatch.setattr(keras.optimizers.AdamW, "exclude_from_weight_decay", lambda _self, **_lists: None)
    check = judge_recipe(run(tmp_path, folder, optimizer=AdamWSpec()))
    assert check.outcome == "fail"
    assert "decayed variables: 17 by the spec, 41 live; decayed live alone: bert.embeddings.LayerNorm" in check.reason


def test_kerashubs_own_gelu_would_be_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine puts right: without it the lock says so."""
    from bertbench.engines.keras_hub import network

    monkeypatch.setitem(network._ACTIVATIONS, "gelu", network._ACTIVATIONS["gelu_tanh"])
    check = judge_recipe(run(tmp_path, folder))
    assert check.outcome == "fail"
    assert "by gelu of the checkpoint" in check.reason


def test_the_engine_is_made_by_its_name(folder: Path) -> None:
    assert create_engine(make_task(folder)).name == "keras-hub"
