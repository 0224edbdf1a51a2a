"""The table of WordPieces in use against the whole table: the same bits, and nothing else touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from engine_examples import VOCABULARY, WORD_EMBEDDINGS, WORDS_IN_USE, make_batch, make_engine, make_task, weights_of

from bertbench.checkpoints import open_checkpoint, read_tensors
from bertbench.errors import EngineError
from bertbench.spec import AdamSpec, AdamWSpec, CheckpointSpec

BATCHES = [make_batch([12, 30, 25], seed=seed) for seed in range(3)]


def test_words_in_use_train_to_the_bits_of_the_whole_table(dropout_engine, tiny_bert_folder, tmp_path) -> None:
    whole = make_engine(tiny_bert_folder, words=np.arange(VOCABULARY, dtype=np.int32))
    for batch in BATCHES:
        one, other = dropout_engine.train_step(batch), whole.train_step(batch)
        assert one.loss == other.loss
    assert dropout_engine.recipe()["embedding_rows"]["word"] == len(WORDS_IN_USE) < VOCABULARY
    compact, full = weights_of(dropout_engine), weights_of(whole)
    full[WORD_EMBEDDINGS] = full[WORD_EMBEDDINGS][WORDS_IN_USE]
    assert all(np.array_equal(compact[name], full[name]) for name in full)
    assert all(np.array_equal(dropout_engine.logits(b), whole.logits(b)) for b in BATCHES)

    dropout_engine.save(tmp_path / "compact")
    whole.save(tmp_path / "whole")
    saved, expected = (
        read_tensors(open_checkpoint(CheckpointSpec(source=f"path:{tmp_path / name}"), base_folder=tmp_path))
        for name in ("compact", "whole")
    )
    assert all(np.array_equal(saved[name], expected[name]) for name in expected)


def test_rows_never_touched_are_saved_as_they_came(dropout_engine, tiny_bert_folder, tmp_path) -> None:
    for batch in BATCHES:
        dropout_engine.train_step(batch)
    dropout_engine.save(tmp_path)
    before, after = (
        read_tensors(open_checkpoint(CheckpointSpec(source=f"path:{folder}"), base_folder=folder))
        for folder in (tiny_bert_folder, tmp_path)
    )
    words, positions = (f"embeddings.{part}_embeddings.weight" for part in ("word", "position"))
    seen = np.unique(np.concatenate([batch.token_ids for batch in BATCHES]))
    untouched = np.setdiff1d(np.arange(VOCABULARY), seen)
    assert np.array_equal(after[words][untouched], before[words][untouched])
    assert (after[words][seen] != before[words][seen]).any(axis=1).all()
    assert np.array_equal(after[positions][30:], before[positions][30:])
    assert (after[positions][:30] != before[positions][:30]).any(axis=1).all()


def test_decay_that_spares_the_tables_leaves_them_compact(one_layer_folder: Path) -> None:
    spares = AdamWSpec(decay_excluded=("bias", "layer_norm", "embeddings"))
    assert make_engine(one_layer_folder, optimizer=spares).recipe()["embedding_rows"]["word"] == len(WORDS_IN_USE)
    for decays in (AdamWSpec(), AdamSpec(weight_decay=0.1)):
        rows = make_engine(one_layer_folder, optimizer=decays).recipe()["embedding_rows"]
        assert (rows["word"], rows["position"]) == (VOCABULARY, 512)


@pytest.mark.parametrize("word", [len(WORDS_IN_USE), VOCABULARY, 2**31 - 1, -1])
def test_a_word_that_was_not_announced_is_refused(dropout_engine, word: int) -> None:
    batch = make_batch([5, 9])
    batch.token_ids[3] = word
    for use in (dropout_engine.logits, dropout_engine.train_step):
        with pytest.raises(EngineError, match=f"WordPiece id {word} is not among the {len(WORDS_IN_USE)} in use") as e:
            use(batch)
        assert "vocabulary_in_use" in e.value.remedy


@pytest.mark.parametrize("words", [[0, VOCABULARY], [-1, 4]])
def test_a_vocabulary_of_another_checkpoint_is_refused(tiny_bert_folder: Path, words: list[int]) -> None:
    from bertbench.engines import create_engine

    with pytest.raises(EngineError, match=f"has rows 0 to {VOCABULARY - 1}") as refusal:
        create_engine(make_task(tiny_bert_folder, words=np.array(words, np.int32)))
    assert "tokenizer" in refusal.value.remedy
