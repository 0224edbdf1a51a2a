"""A saved folder is a checkpoint again: the same weights, the same tokenizer, a config that says what it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from engine_examples import NO_DROPOUT, VOCABULARY, make_batch, make_engine, weights_of
from safetensors import safe_open
from tiny_bert import write_tiny_bert

from bertbench.checkpoints import open_checkpoint, read_tensors
from bertbench.data import load_tokenizer
from bertbench.errors import RecordWriteError
from bertbench.spec import CheckpointSpec

BATCH = make_batch([12, 30, 25])


@pytest.fixture
def saved(dropout_engine, tmp_path: Path) -> Path:
    """After two steps; the folder's parents are made too."""
    dropout_engine.train_step(BATCH)
    dropout_engine.train_step(BATCH)
    folder = tmp_path / "not" / "yet there"
    dropout_engine.save(folder)
    return folder


def test_it_opens_as_a_checkpoint_with_equal_weights(dropout_engine, saved: Path) -> None:
    checkpoint = open_checkpoint(CheckpointSpec(source=f"path:{saved}"), base_folder=saved)
    tensors = {f"bert.{name}": values for name, values in read_tensors(checkpoint).items()}
    words = tensors["bert.embeddings.word_embeddings.weight"]
    assert len(words) == VOCABULARY
    for name, values in weights_of(dropout_engine).items():
        if not name.startswith("classifier"):
            assert np.array_equal(tensors[name][: len(values)], values), name


def test_the_file_holds_what_a_classifier_has_under_transformers_names(dropout_engine, saved: Path) -> None:
    weights = weights_of(dropout_engine)
    with safe_open(saved / "model.safetensors", framework="np") as file:
        assert sorted(file.keys()) == sorted(weights)
        assert file.metadata() == {"format": "pt"}
        assert np.array_equal(file.get_tensor("classifier.weight"), weights["classifier.weight"])
        assert np.array_equal(file.get_tensor("classifier.bias"), weights["classifier.bias"])
        assert {file.get_tensor(name).dtype.name for name in weights} == {"float32"}


def test_the_config_says_what_it_is(saved: Path, tiny_bert_folder: Path) -> None:
    before = json.loads((tiny_bert_folder / "config.json").read_text())
    after = json.loads((saved / "config.json").read_text())
    assert after["architectures"] == ["BertForSequenceClassification"]
    assert after["id2label"] == {"0": "class 0", "1": "class 1", "2": "class 2"}
    assert after["label2id"] == {"class 0": 0, "class 1": 1, "class 2": 2}
    assert after["classifier_dropout"] == 0.1
    kept = before.keys() - {"architectures"}
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}


def test_the_config_has_the_dropout_rates_it_was_trained_with(one_layer_folder: Path, tmp_path: Path) -> None:
    make_engine(one_layer_folder, model=NO_DROPOUT).save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    rates = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout")
    assert [config[name] for name in rates] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_that_cannot_be_written_is_told_with_its_remedy(dropout_engine, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(RecordWriteError, match=r"cannot be written.*\n  remedy: free space"):
        dropout_engine.save(tmp_path)


def test_the_tokenizer_comes_along(saved: Path, tiny_bert_folder: Path) -> None:
    files = ("tokenizer.json", "tokenizer_config.json", "vocab.txt")
    assert all((saved / name).read_bytes() == (tiny_bert_folder / name).read_bytes() for name in files)
    one, other = (load_tokenizer(folder) for folder in (saved, tiny_bert_folder))
    assert one.sha256 == other.sha256


def test_fine_tuning_begins_anew_from_a_saved_folder(saved: Path, dropout_engine) -> None:
    """Encoder and pooler are taken over; the head is drawn anew."""
    again = weights_of(make_engine(saved, seed=3))
    trained = weights_of(dropout_engine)
    assert np.array_equal(again["bert.pooler.dense.weight"], trained["bert.pooler.dense.weight"])
    assert not np.array_equal(again["classifier.weight"], trained["classifier.weight"])


def test_a_folder_is_overwritten_and_the_checkpoint_is_not(one_layer_folder: Path, tmp_path: Path) -> None:
    source = write_tiny_bert(tmp_path / "source", layers=1)
    before = (source / "model.safetensors").read_bytes()
    engine = make_engine(source)
    target = tmp_path / "target"
    engine.save(target)
    first = (target / "model.safetensors").read_bytes()
    engine.prepare(1)
    engine.save(target)
    assert (target / "model.safetensors").read_bytes() != first
    assert (source / "model.safetensors").read_bytes() == before
