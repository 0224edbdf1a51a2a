"""Faults inside the native engine do what they say: mostly, what another checkpoint would do without them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from engine_backends import host
from engine_examples import LONGEST, NO_DROPOUT, distance, make_batch, make_task, weights_of
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tiny_bert import write_tiny_bert

from bertbench.errors import FaultError
from bertbench.faults import CATALOGUE
from bertbench.spec import AdamSpec, AdamWSpec, SGDSpec

if TYPE_CHECKING:
    from bertbench.engines.native.engine import NativeEngine

pytestmark = pytest.mark.slow

#: Rows of many lengths, pairs among them, so that masks, positions and segments matter.
BATCH = make_batch([3, 9, 4, 17, 12, 5], pairs=True)
Tensors = dict[str, NDArray[np.float32]]


@pytest.fixture
def engine_with() -> Any:
    """Builds an engine with a fault, which stays in force until the test ends."""
    from bertbench.engines.native.engine import NativeEngine

    with ExitStack() as stack:

        def build(name: str | None, folder: Path, **spec: Any) -> NativeEngine:
            task = make_task(folder, **({"model": NO_DROPOUT} | spec))
            if name is None:
                engine = NativeEngine(task)
            else:
                stack.enter_context(CATALOGUE[name].in_force())
                changed = CATALOGUE[name].engine(NativeEngine(task))
                assert isinstance(changed, NativeEngine)
                engine = changed
            engine.prepare(0)
            return engine

        yield build


def edited(folder: Path, to: Path, edit: Callable[[Tensors], Mapping[str, Any]], **config: Any) -> Path:
    """A copy of the tiny BERT with other tensors."""
    write_tiny_bert(to, **config)
    tensors = dict(edit(load_file(folder / "model.safetensors")))
    save_file(
        {name: np.ascontiguousarray(values) for name, values in tensors.items()},
        to / "model.safetensors",
        {"format": "pt"},
    )
    return to


# The network, against another checkpoint that is computed as it should be


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("activation-changed", {"activation": "relu"}),
        ("gelu-tanh", {"activation": "gelu_new"}),
        ("layer-norm-epsilon", {"config_changes": {"layer_norm_eps": 1e-3}}),
    ],
)
def test_it_computes_what_another_config_would(engine_with, tiny_bert_folder, tmp_path, name, config) -> None:
    faulty = engine_with(name, tiny_bert_folder).logits(BATCH)
    other = engine_with(None, write_tiny_bert(tmp_path / "other", **config)).logits(BATCH)
    assert np.array_equal(faulty, other)
    assert not np.array_equal(faulty, engine_with(None, tiny_bert_folder).logits(BATCH))


def without_dense_biases(tensors: Tensors) -> Tensors:
    return {n: 0 * t if n.endswith(".bias") and "LayerNorm" not in n else t for n, t in tensors.items()}


def one_position_on(tensors: Tensors) -> Tensors:
    """The longest row has 40 tokens; the last of its rows has no successor that was read."""
    positions = tensors["embeddings.position_embeddings.weight"].copy()
    positions[: LONGEST - 1] = positions[1:LONGEST]
    return tensors | {"embeddings.position_embeddings.weight": positions}


@pytest.mark.parametrize(
    ("name", "edit"), [("bias-removed", without_dense_biases), ("positions-off-by-one", one_position_on)]
)
def test_it_computes_what_other_weights_would(engine_with, tiny_bert_folder, tmp_path, name, edit) -> None:
    faulty = engine_with(name, tiny_bert_folder).logits(BATCH)
    other = engine_with(None, edited(tiny_bert_folder, tmp_path / "other", edit)).logits(BATCH)
    assert np.array_equal(faulty, other)
    assert not np.array_equal(faulty, engine_with(None, tiny_bert_folder).logits(BATCH))


def test_without_its_first_layer_it_is_a_bert_of_the_others(engine_with, tiny_bert_folder, tmp_path) -> None:
    def only_second(tensors: Tensors) -> Tensors:
        rest = {name: values for name, values in tensors.items() if ".layer.0." not in name}
        return {name.replace(".layer.1.", ".layer.0."): values for name, values in rest.items()}

    other = engine_with(None, edited(tiny_bert_folder, tmp_path / "other", only_second, layers=1))
    faulty = engine_with("layer-skipped", tiny_bert_folder)
    assert np.allclose(faulty.logits(BATCH), other.logits(BATCH), atol=1e-6)
    before = weights_of(faulty)
    faulty.train_step(BATCH)
    moved = {name for name, values in weights_of(faulty).items() if not np.array_equal(values, before[name])}
    assert not [name for name in moved if ".layer.0." in name]
    assert [name for name in moved if ".layer.1." in name]


def test_without_activation_the_feed_forward_part_is_linear(engine_with, tiny_bert_folder) -> None:
    from keras import ops

    faulty = engine_with("activation-removed", tiny_bert_folder)
    points = np.array([-3.0, 0.0, 2.5], np.float32)
    assert np.array_equal(host(faulty._bert.activation(ops.convert_to_tensor(points))), points)
    assert not np.array_equal(faulty.logits(BATCH), engine_with(None, tiny_bert_folder).logits(BATCH))


def test_filling_is_attended_to_where_there_is_some(engine_with, tiny_bert_folder) -> None:
    """Rows of one length need no filling, so that there is no mask to ignore."""
    even = make_batch([7, 7, 7])
    normal = engine_with(None, tiny_bert_folder)
    as_ever = [normal.logits(batch) for batch in (even, BATCH)]  # traced before the fault is in force
    faulty = engine_with("attention-mask-ignored", tiny_bert_folder)
    assert np.array_equal(faulty.logits(even), as_ever[0])
    assert np.abs(faulty.logits(BATCH) - as_ever[1]).max() > 1e-4


def test_frozen_embeddings_do_not_move(engine_with, tiny_bert_folder) -> None:
    faulty = engine_with("embeddings-frozen", tiny_bert_folder)
    before = weights_of(faulty)
    faulty.train_step(BATCH)
    moved = {name for name, values in weights_of(faulty).items() if not np.array_equal(values, before[name])}
    assert not [name for name in moved if ".embeddings." in name]
    assert [name for name in moved if ".layer.0." in name]


def test_dropout_stays_on_in_validation(engine_with, tiny_bert_folder) -> None:
    rates = {"model": NO_DROPOUT.model_copy(update={"classifier_dropout_rate": 0.5})}
    faulty = engine_with("dropout-in-validation", tiny_bert_folder, **rates)
    assert not np.array_equal(faulty.logits(BATCH), faulty.logits(BATCH))
    normal = engine_with(None, tiny_bert_folder, **rates)
    assert np.array_equal(normal.logits(BATCH), normal.logits(BATCH))


def test_the_loss_is_the_squared_error_of_probabilities(engine_with, tiny_bert_folder) -> None:
    faulty = engine_with("loss-changed", tiny_bert_folder)
    logits = faulty.logits(BATCH).astype(np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.eye(3)[BATCH.labels]
    assert faulty.train_step(BATCH).loss == pytest.approx(
        float(np.mean(((probabilities - truth) ** 2).sum(axis=1))), rel=1e-5
    )


# Weights


def changed_from(engine_with: Any, folder: Path, name: str) -> tuple[set[str], set[str]]:
    """Names of the weights before the first step that a fault changes, and of those that it leaves."""
    normal, faulty = weights_of(engine_with(None, folder)), weights_of(engine_with(name, folder))
    changed = {key for key, values in faulty.items() if not np.array_equal(values, normal[key])}
    return changed, set(faulty) - changed


def test_the_pooler_alone_is_drawn_anew(engine_with, tiny_bert_folder) -> None:
    changed, _ = changed_from(engine_with, tiny_bert_folder, "pooler-re-initialized")
    assert changed == {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}


def test_the_whole_encoder_is_drawn_anew_and_the_head_as_ever(engine_with, tiny_bert_folder) -> None:
    _, left = changed_from(engine_with, tiny_bert_folder, "initial-weights")
    assert left == {"classifier.weight", "classifier.bias"}
    weights = weights_of(engine_with("initial-weights", tiny_bert_folder))
    kernel = weights["bert.embeddings.word_embeddings.weight"]
    assert float(kernel.std()) == pytest.approx(0.02, rel=0.15)
    assert np.all(weights["bert.embeddings.LayerNorm.weight"] == 1.0)
    assert np.all(weights["bert.encoder.layer.0.output.dense.bias"] == 0.0)


# The optimizer


def test_moments_are_taken_as_they_are(engine_with, tiny_bert_folder) -> None:
    """The first step has m = 0.1 g and v = 0.001 g^2: w falls by the rate times 0.1 g / (sqrt(0.001) |g| + epsilon)."""
    faulty = engine_with("adam-without-bias-correction", tiny_bert_folder)
    gradients, before = faulty.gradients(BATCH), weights_of(faulty)
    rate = faulty.train_step(BATCH).learning_rate
    expected = {
        name: before[name] - rate * 0.1 * g.astype(np.float64) / (np.sqrt(0.001) * np.abs(g.astype(np.float64)) + 1e-7)
        for name, g in gradients.items()
        if name in before and before[name].shape == g.shape
    }
    after = {name: values for name, values in weights_of(faulty).items() if name in expected}
    assert distance(after, expected) < 1e-7
    normal = engine_with(None, tiny_bert_folder)
    normal.train_step(BATCH)
    assert distance(weights_of(normal), weights_of(faulty)) > 1e-5


def test_biases_and_layer_norms_are_decayed_too(engine_with, tiny_bert_folder) -> None:
    """A step takes from each of them rate times decay times what it was; the others go where they went."""
    decays = {"optimizer": AdamWSpec(learning_rate=1e-3, weight_decay=0.5)}
    normal = engine_with(None, tiny_bert_folder, **decays)
    faulty = engine_with("weight-decay-everywhere", tiny_bert_folder, **decays)
    before = weights_of(normal)
    assert set(faulty.recipe()["decayed"]) == set(before)
    for engine in (normal, faulty):
        engine.train_step(BATCH)
    after, expected = weights_of(faulty), weights_of(normal)
    spared = {name for name in before if name.endswith(".bias") or "LayerNorm" in name}
    assert set(normal.recipe()["decayed"]) == set(before) - spared
    for name in spared:
        expected[name] = expected[name] - 1e-3 * 0.5 * before[name]
    assert distance(after, expected) < 1e-6
    assert distance(after, weights_of(normal)) > 1e-4


# What cannot be


def test_an_engine_that_leaves_no_room_for_a_fault_is_refused(engine_with, one_layer_folder, tmp_path) -> None:
    with pytest.raises(FaultError, match="one layer only"):
        engine_with("layer-skipped", one_layer_folder)
    with pytest.raises(FaultError, match="relu is this checkpoint's own activation"):
        engine_with("activation-changed", write_tiny_bert(tmp_path / "relu", layers=1, activation="relu"))
    with pytest.raises(FaultError, match="needs Adam without amsgrad"):
        engine_with("adam-without-bias-correction", one_layer_folder, optimizer=SGDSpec())
    with pytest.raises(FaultError, match="draws the pooler anew as it is"):
        engine_with("pooler-re-initialized", one_layer_folder, model=NO_DROPOUT.model_copy(update={"pooler": "fresh"}))
    with pytest.raises(FaultError, match=r"weight-decay-everywhere: \S+ has no weight decay"):
        engine_with("weight-decay-everywhere", one_layer_folder)
    for everything in (AdamSpec(weight_decay=0.1), AdamWSpec(decay_excluded=()), AdamWSpec(decay_excluded=("none",))):
        with pytest.raises(FaultError, match="decays every variable as it is"):
            engine_with("weight-decay-everywhere", one_layer_folder, optimizer=everything)
