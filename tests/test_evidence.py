"""What the harness sees of what an engine is given: rows as they were read, and weights before the first step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_bert import tiny_config, tiny_tensors, write_tiny_bert

from bertbench.checkpoints import open_checkpoint
from bertbench.data import PackedBatch, TokenizedSplit, epoch_batches
from bertbench.evidence import PretrainedWeights, Witness, distinct_rows, order_sha256, rows_sha256, weights_and_facts
from bertbench.record import VariableFacts
from bertbench.spec import CheckpointSpec

ROWS = ([2, 10, 3], [2, 11, 12, 3], [2, 3], [2, 13, 14, 15, 16, 3])
SPLIT = TokenizedSplit(
    token_ids=np.concatenate(ROWS).astype(np.int32),
    segment_ids=np.concatenate([[0] * (len(row) - 1) + [1] for row in ROWS]).astype(np.int32),
    offsets=np.cumsum([0, *map(len, ROWS)]).astype(np.int64),
    labels=np.array([0, 1, 0, 2], np.int32),
)


def seen(batches: list[PackedBatch], classes: int = 3) -> Witness:
    witness = Witness()
    for batch in batches:
        witness.training_batch(batch)
    witness.epoch_ended(classes)
    return witness


def batches_of(order: list[int], size: int = 3, weights: NDArray[np.float32] | None = None) -> list[PackedBatch]:
    return list(epoch_batches(SPLIT, np.array(order, np.int64), size, row_weights=weights))


@given(st.permutations(range(4)), st.integers(1, 5))
def test_rows_are_recognized_in_every_order_and_batch(order: list[int], size: int) -> None:
    evidence = seen(batches_of(order, size)).evidence()
    assert evidence.train_rows == rows_sha256(SPLIT)
    assert evidence.row_orders == (order_sha256(np.array(order)),)
    assert evidence.rows_by_class == (2, 1, 1)


@pytest.mark.parametrize(
    ("field", "part"),
    [("token_ids", "words"), ("segment_ids", "segments"), ("positions", "positions"), ("labels", "labels")],
)
def test_one_other_number_changes_the_digest_of_its_part_alone(field: str, part: str) -> None:
    batches = batches_of([3, 1, 0, 2])
    values = getattr(batches[0], field).copy()
    values[1] += 1
    evidence = seen([PackedBatch(**{**vars(batches[0]), field: values}), *batches[1:]]).evidence()
    wanted = rows_sha256(SPLIT)
    assert [name for name in wanted if evidence.train_rows[name] != wanted[name]] == [part]


def test_a_row_that_comes_twice_or_not_at_all_is_seen() -> None:
    for order in ([0, 1, 2], [0, 1, 2, 2], [0, 1, 2, 3, 3]):
        assert seen(batches_of(order)).evidence().train_rows != rows_sha256(SPLIT)


def split_of(*rows: list[int], segments: list[list[int]] | None = None) -> TokenizedSplit:
    """Each of a class of its own."""
    return TokenizedSplit(
        token_ids=np.concatenate([*rows, []]).astype(np.int32),
        segment_ids=np.concatenate([*(segments or ([0] * len(row) for row in rows)), []]).astype(np.int32),
        offsets=np.cumsum([0, *map(len, rows)]).astype(np.int64),
        labels=np.arange(len(rows), dtype=np.int32),
    )


@pytest.mark.parametrize(
    ("split", "distinct"),
    [
        (SPLIT, 4),
        (split_of([2, 5, 3], [2, 5, 3]), 1),  # of two classes: what reaches the engine is the same all the same
        (split_of([2, 5, 3], [2, 5, 3], segments=[[0, 0, 0], [0, 0, 1]]), 2),
        (split_of([2, 5], [5, 2], [2, 5, 2], [5]), 4),
        (split_of([0, 0], [0], [0, 0, 0]), 3),
        (split_of(), 0),
    ],
)
def test_rows_that_differ_in_words_or_segments_are_counted_once_each(split: TokenizedSplit, distinct: int) -> None:
    assert distinct_rows(split) == distinct


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=3), min_size=1, max_size=12), st.integers(1, 3))
def test_repeating_all_rows_adds_no_distinct_one(rows: list[list[int]], times: int) -> None:
    assert distinct_rows(split_of(*rows * times)) == len({tuple(row) for row in rows})


def test_orders_of_all_epochs_are_kept_and_rows_of_the_first() -> None:
    witness = seen(batches_of([0, 1, 2, 3]))
    for batch in batches_of([3, 2]):
        witness.training_batch(batch)
    witness.epoch_ended(3)
    evidence = witness.evidence()
    assert evidence.row_orders == (order_sha256(np.arange(4)), order_sha256(np.array([3, 2])))
    assert evidence.train_rows == rows_sha256(SPLIT)


def test_an_epoch_that_was_cut_off_has_no_order_yet() -> None:
    witness = Witness()
    witness.training_batch(batches_of([0, 1])[0])
    evidence = witness.evidence()
    assert (evidence.row_orders, evidence.train_rows, evidence.weights_before) == ((), {}, None)


def test_validation_rows_are_looked_at_in_the_order_given() -> None:
    for order, equal in (([0, 1, 2, 3], True), ([1, 0, 2, 3], False)):
        witness = Witness()
        witness.validation_batches(batches_of(order))
        assert (witness.evidence().validation_rows == rows_sha256(SPLIT)) == equal


def test_weights_of_classes_are_those_of_their_rows() -> None:
    weights = np.array([0.5, 2.0, 0.5, 1.0], np.float32)
    assert seen(batches_of([2, 0, 1, 3], weights=weights)).evidence().weights_by_class == (0.5, 2.0, 1.0)
    weights[0] = 0.75  # two rows of one class that weigh differently, and a class without rows
    assert seen(batches_of([0, 2, 1], weights=weights)).evidence().weights_by_class == (None, 2.0, None)


# Weights

WORDS = np.array([0, 1, 2, 7, 9], np.int32)
LONGEST = 6


def engine_weights(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """What an engine on the tiny BERT yields before the first step, with a head of its own."""
    tensors = {f"bert.{name}": values for name, values in tiny_tensors(tiny_config(), seed=seed).items()}
    for table, rows in (("word", WORDS), ("position", np.arange(LONGEST))):
        name = f"bert.embeddings.{table}_embeddings.weight"
        tensors[name] = tensors[name][rows]
    return dict(sorted({**tensors, "classifier.weight": np.full((3, 8), 7.0, np.float32)}.items()))


def pretrained(folder: Path, **more: bool) -> PretrainedWeights:
    checkpoint = open_checkpoint(CheckpointSpec(source=f"path:{folder}"), base_folder=folder)
    return PretrainedWeights.of(
        checkpoint, words=WORDS, longest_row_tokens=LONGEST, fresh_pooler=more.get("fresh_pooler", False)
    )


def witnessed(wanted: PretrainedWeights, weights: dict[str, NDArray[np.float32]]) -> Witness:
    witness = Witness(wanted)
    witness.weights_before(weights.items())
    return witness


def test_weights_that_are_the_files_are_recognized_whatever_the_head_is(tiny_bert_folder: Path) -> None:
    evidence = witnessed(pretrained(tiny_bert_folder), engine_weights()).evidence()
    assert evidence.weights_before == evidence.weights_prescribed
    assert evidence.weights_prescribed is not None
    assert evidence.weights_differing == ()


def test_position_rows_that_no_row_reaches_are_not_looked_at(tiny_bert_folder: Path) -> None:
    """Under weight decay an engine holds the whole table."""
    weights = engine_weights()
    name = "bert.embeddings.position_embeddings.weight"
    weights[name] = np.concatenate((weights[name], np.ones((3, 8), np.float32)))
    assert witnessed(pretrained(tiny_bert_folder), weights).evidence().weights_differing == ()


def test_every_variable_counts_and_the_first_five_are_named(tiny_bert_folder: Path) -> None:
    wanted = pretrained(tiny_bert_folder)
    for name in wanted.sha256:
        weights = engine_weights()
        weights[name] = np.nextafter(weights[name], np.float32(9.0))
        evidence = witnessed(wanted, weights).evidence()
        assert evidence.weights_differing == (name,)
        assert evidence.weights_before != evidence.weights_prescribed
    others = witnessed(wanted, engine_weights(seed=1)).evidence()
    assert others.weights_differing == tuple(wanted.sha256)[:5]


def test_a_variable_that_is_missing_or_has_another_shape_differs(tiny_bert_folder: Path) -> None:
    wanted, name = pretrained(tiny_bert_folder), "bert.encoder.layer.0.output.dense.weight"
    weights = engine_weights()
    weights[name] = weights[name].T.copy()
    assert witnessed(wanted, weights).evidence().weights_differing == (name,)
    del weights[name]
    evidence = witnessed(wanted, weights).evidence()
    assert evidence.weights_differing == (name,)
    assert evidence.weights_before != evidence.weights_prescribed


def test_a_pooler_that_is_drawn_is_not_the_files(tiny_bert_folder: Path, tmp_path: Path) -> None:
    names = [name for name in pretrained(tiny_bert_folder).sha256 if "pooler" in name]
    assert names == ["bert.pooler.dense.bias", "bert.pooler.dense.weight"]
    assert not [name for name in pretrained(tiny_bert_folder, fresh_pooler=True).sha256 if "pooler" in name]
    assert not [name for name in pretrained(write_tiny_bert(tmp_path / "b", pooler=False)).sha256 if "pooler" in name]


def test_weights_that_end_as_they_began_are_named(tiny_bert_folder: Path) -> None:
    witness = witnessed(pretrained(tiny_bert_folder), engine_weights())
    assert witness.evidence().weights_unmoved is None  # the end is not there yet
    moved: dict[str, VariableFacts] = {}
    still = {"bert.pooler.dense.bias", "bert.embeddings.word_embeddings.weight"}
    dict(weights_and_facts(((n, v if n in still else v + 1.0) for n, v in engine_weights().items()), moved))
    witness.weights_after(moved)
    assert set(witness.evidence().weights_unmoved or ()) == still


def test_variables_are_noted_on_their_way() -> None:
    facts: dict[str, VariableFacts] = {}
    arrays = {"one": np.array([[3.0, 0.0], [0.0, 4.0]], np.float32), "other": np.full(4, 1e-30, np.float32)}
    passed = dict(weights_and_facts(arrays.items(), facts))
    assert all(passed[name] is arrays[name] for name in arrays)
    assert facts["one"].norm == 5.0
    assert facts["other"].norm == pytest.approx(2e-30, rel=1e-6)  # float32 would have lost it to zero
    assert len(facts["one"].sha256) == 16
    assert facts["one"].sha256 != facts["other"].sha256
