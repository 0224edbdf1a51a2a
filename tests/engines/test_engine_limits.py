"""What the engine refuses, with a remedy; and heads, poolers, counts of operations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from engine_backends import BACKEND, OTHER_BACKENDS
from engine_examples import LONGEST, VOCABULARY, WORDS_IN_USE, make_batch, make_engine, make_task, weights_of
from tiny_bert import write_tiny_bert

from bertbench.engines import create_engine
from bertbench.errors import EngineError, SetupError
from bertbench.seeds import operation_seed
from bertbench.spec import ModelSpec, RuntimeSpec


def test_an_unknown_engine_is_refused(one_layer_folder: Path) -> None:
    task = make_task(one_layer_folder)
    object.__setattr__(task, "spec", task.spec.model_copy(update={"engine": "magic"}))
    with pytest.raises(EngineError, match="no engine 'magic'; known: native"):
        create_engine(task)


def test_the_engine_is_created_by_its_name(one_layer_folder: Path) -> None:
    assert create_engine(make_task(one_layer_folder)).name == "native"


@pytest.mark.parametrize("backend", OTHER_BACKENDS)
def test_another_backend_than_the_loaded_one_is_refused(one_layer_folder: Path, backend: str) -> None:
    task = make_task(one_layer_folder, runtime=RuntimeSpec(backend=backend))
    with pytest.raises(EngineError, match=f"asks for {backend}, and Keras was loaded with {BACKEND}") as refusal:
        create_engine(task)
    assert f"KERAS_BACKEND={backend}" in refusal.value.remedy


def test_a_row_longer_than_the_checkpoint_has_positions_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_bert(tmp_path, layers=1, max_positions=16)
    with pytest.raises(EngineError, match=r"longest row has 17 tokens, .* has 16 positions") as refusal:
        create_engine(make_task(folder, longest=17))
    assert "max_length_tokens = 16" in refusal.value.remedy
    engine = make_engine(folder, longest=16)
    assert engine.logits(make_batch([16, 3])).shape == (2, 3)


def test_a_row_longer_than_announced_is_refused(plain_engine) -> None:
    with pytest.raises(EngineError, match=f"has {LONGEST + 1} tokens, and the longest was announced with {LONGEST}"):
        plain_engine.logits(make_batch([3, LONGEST + 1]))


def test_pairs_are_refused_where_there_is_one_segment(tmp_path: Path) -> None:
    engine = make_engine(write_tiny_bert(tmp_path, layers=1, segment_types=1))
    with pytest.raises(EngineError, match="a row has segment 1, and the checkpoint tells apart 1") as refusal:
        engine.logits(make_batch([4, 5], pairs=True))
    assert refusal.value.remedy
    assert engine.logits(make_batch([4, 5])).shape == (2, 3)


def test_a_run_so_long_that_dropout_would_repeat_itself_is_refused(one_layer_folder: Path) -> None:
    with pytest.raises(SetupError, match="could repeat each other's numbers"):
        make_engine(one_layer_folder, total_steps=2**31)


@pytest.mark.parametrize("labels", [2, 7])
def test_any_number_of_labels(one_layer_folder: Path, labels: int) -> None:
    engine = make_engine(one_layer_folder, labels=labels)
    assert engine.logits(make_batch([4, 5], labels=labels)).shape == (2, labels)
    weights = weights_of(engine)
    assert weights["classifier.weight"].shape == (labels, 8)
    assert not weights["classifier.bias"].any()


def test_the_head_is_drawn_from_its_own_seed(one_layer_folder: Path) -> None:
    engine = make_engine(one_layer_folder, seed=5, model=ModelSpec(head_standard_deviation=0.5))
    drawn = np.random.default_rng(operation_seed(5, "classifier.kernel")).normal(0.0, 0.5, (8, 3))
    head = weights_of(engine)["classifier.weight"]
    assert np.array_equal(head, drawn.T.astype(np.float32))
    engine.prepare(6)
    assert not np.array_equal(weights_of(engine)["classifier.weight"], head)


@pytest.mark.parametrize("deviation", [0.02, 2.0])
def test_the_head_is_as_wide_as_the_spec_says(one_layer_folder: Path, deviation: float) -> None:
    engine = make_engine(one_layer_folder, labels=200, model=ModelSpec(head_standard_deviation=deviation))
    weights = weights_of(engine)["classifier.weight"]
    # 1600 draws: the standard error of their deviation is 1.8 %
    assert weights.std() == pytest.approx(deviation, rel=0.08)
    assert abs(weights.mean()) < 0.1 * deviation


def test_poolers(tmp_path: Path, one_layer_folder: Path) -> None:
    without = write_tiny_bert(tmp_path, layers=1, pooler=False)
    pooler = "bert.pooler.dense.weight"
    with pytest.raises(EngineError, match=r"asks for the pretrained pooler, and checkpoint .* has none") as refusal:
        create_engine(make_task(without))
    assert "pooler = 'fresh'" in refusal.value.remedy

    pretrained = weights_of(make_engine(one_layer_folder))[pooler]
    engine = make_engine(one_layer_folder, model=ModelSpec(pooler="fresh"))
    first = weights_of(engine)
    engine.prepare(1)
    second = weights_of(engine)
    absent = weights_of(make_engine(without, model=ModelSpec(pooler="fresh")))
    assert not np.array_equal(first[pooler], pretrained)
    assert not np.array_equal(first[pooler], second[pooler])
    assert np.array_equal(first[pooler], absent[pooler])
    assert not first["bert.pooler.dense.bias"].any()
    others = [n for n in first if not n.startswith(("bert.pooler", "classifier"))]
    assert all(np.array_equal(first[name], second[name]) for name in others)


def test_operations_of_one_row_counted_by_hand(plain_engine) -> None:
    """Width 8, feed-forward 16, two layers, three labels, one row of five tokens."""
    first_layer = 5 * (4 * 8 * 8 + 2 * 8 * 16) + 2 * 5 * 5 * 8  # four projections, two products; scores and values
    last_layer = 5 * (2 * 8 * 8) + (2 * 8 * 8 + 2 * 8 * 16) + 2 * 5 * 8  # keys, values of all; the rest of [CLS]
    head = 8 * 8 + 8 * 3
    assert plain_engine.flops(make_batch([5])) == 3 * 2 * (first_layer + last_layer + head)


def test_operations_add_up_over_rows_and_padding_counts_nothing(plain_engine) -> None:
    one, other = plain_engine.flops(make_batch([5])), plain_engine.flops(make_batch([33]))
    assert plain_engine.flops(make_batch([5, 33, 5])) == 2 * one + other


def test_a_product_takes_time(plain_engine) -> None:
    small, large = (min(plain_engine.matmul_seconds(size) for _ in range(5)) for size in (16, 512))
    assert 0 < small < large


def test_weights_are_sorted_and_named_as_in_transformers(plain_engine) -> None:
    names = [name for name, _ in plain_engine.weights()]
    assert names == sorted(names)
    assert len(names) == 3 + 2 + 2 * 16 + 2 + 2
    assert all(name.startswith(("bert.", "classifier.")) for name in names)
    weights = weights_of(plain_engine)
    assert weights["bert.embeddings.word_embeddings.weight"].shape == (len(WORDS_IN_USE), 8)
    assert len(WORDS_IN_USE) < VOCABULARY
