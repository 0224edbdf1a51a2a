"""The encoder's weights: under one set of names, in the shapes that the config prescribes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tiny_bert import tiny_config, tiny_tensors, write_json, write_tiny_bert

from bertbench.checkpoints import BertConfig, Checkpoint, describe, open_checkpoint, read_tensors
from bertbench.checkpoints.layout import canonical_name, tensor_shapes
from bertbench.errors import CheckpointError
from bertbench.spec import CheckpointSpec

QUERY = "encoder.layer.1.attention.self.query.weight"

Tensors = dict[str, np.ndarray]


@pytest.fixture
def checkpoint_with(tmp_path) -> Callable[..., Checkpoint]:
    """Writes a tiny BERT with these tensors in place of its own, and opens it."""

    def write_and_open(tensors: Tensors, **config_changes) -> Checkpoint:
        write_tiny_bert(tmp_path / "bert", config_changes=config_changes)
        save_file(tensors, tmp_path / "bert" / "model.safetensors")
        return open_checkpoint(CheckpointSpec(source="path:bert"), base_folder=tmp_path)

    return write_and_open


@pytest.fixture
def tensors() -> Tensors:
    return tiny_tensors(tiny_config())


def same(left: Tensors, right: Tensors) -> bool:
    return list(left) == list(right) and all(np.array_equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layers": 1},
        {"layers": 3, "hidden": 6, "heads": 3, "intermediate": 10},
        {"segment_types": 1, "max_positions": 7, "words": ["one"]},
    ],
)
def test_tensors_are_those_of_the_file(tmp_path, changes):
    """The maker of the tiny BERT knows names and shapes on its own account."""
    folder = write_tiny_bert(tmp_path, **changes)
    tensors = read_tensors(open_checkpoint(CheckpointSpec(source=f"path:{folder}"), base_folder=folder))
    stored = load_file(folder / "model.safetensors")
    assert same(tensors, dict(sorted(stored.items())))
    assert all(tensor.dtype == np.float32 for tensor in tensors.values())


def test_names_are_sorted_so_that_digests_over_them_are_stable(checkpoint_with, tensors):
    assert list(read_tensors(checkpoint_with(tensors))) == sorted(tensors)


def test_prefix_of_a_model_with_a_head(checkpoint_with, tensors):
    prefixed = {f"bert.{name}": tensor for name, tensor in tensors.items()}
    assert same(read_tensors(checkpoint_with(prefixed)), tensors)


def test_gamma_and_beta_of_the_first_release(checkpoint_with, tensors):
    legacy = {
        f"bert.{name}".replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in tensors.items()
    }
    assert any(name.endswith("gamma") for name in legacy)
    assert same(read_tensors(checkpoint_with(legacy)), tensors)


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("bert.embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight"),
        ("embeddings.LayerNorm.beta", "embeddings.LayerNorm.bias"),
        ("bert.pooler.dense.weight", "pooler.dense.weight"),
        ("cls.predictions.bias", "cls.predictions.bias"),
        ("encoder.layer.0.scale.gamma", "encoder.layer.0.scale.gamma"),
    ],
)
def test_canonical_names(name, canonical):
    assert canonical_name(name) == canonical


def test_half_precision_is_upcast(checkpoint_with, tensors):
    halves = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    read = read_tensors(checkpoint_with(halves))
    assert same(read, {name: tensor.astype(np.float32) for name, tensor in halves.items()})
    assert read[QUERY].dtype == np.float32


def test_pooler_may_be_absent(checkpoint_with, tensors):
    without = {name: tensor for name, tensor in tensors.items() if not name.startswith("pooler.")}
    checkpoint = checkpoint_with(without)
    assert same(read_tensors(checkpoint), without)
    assert describe(checkpoint)["pooler"] is False
    assert describe(checkpoint)["parameters"] == sum(tensor.size for tensor in without.values())


def test_half_a_pooler_is_none(checkpoint_with, tensors):
    del tensors["pooler.dense.bias"]
    with pytest.raises(CheckpointError, match=r"tensor pooler\.dense\.bias: is missing; expected shape \(8,\)"):
        checkpoint_with(tensors)


def test_heads_are_ignored_and_listed(checkpoint_with, tensors):
    heads = {
        "classifier.weight": np.ones((3, 8), np.float32),
        "classifier.bias": np.full(3, np.nan, np.float32),
        "cls.predictions.bias": np.ones(4, np.float64),
        "embeddings.position_ids": np.arange(512)[None],
    }
    checkpoint = checkpoint_with(tensors | heads)
    assert same(read_tensors(checkpoint), tensors)
    assert describe(checkpoint)["ignored_tensors"] == sorted(heads)


def test_missing_tensor(checkpoint_with, tensors):
    del tensors[QUERY]
    with pytest.raises(CheckpointError, match=re.escape(f"tensor {QUERY}: is missing; expected shape (8, 8)")):
        checkpoint_with(tensors)


def test_every_tensor_but_the_pooler_is_needed(checkpoint_with, tensors):
    for name in tensors:
        rest = {other: tensor for other, tensor in tensors.items() if other != name}
        with pytest.raises(CheckpointError, match=f"tensor {re.escape(name)}: is missing"):
            checkpoint_with(rest)


@pytest.mark.parametrize("shape", [(8,), (8, 4), (4, 8), (8, 8, 1), (64,)])
def test_wrong_shape(checkpoint_with, tensors, shape):
    tensors[QUERY] = np.ones(shape, np.float32)
    message = re.escape(
        f"tensor {QUERY}: has shape {shape}; config.json expects (8, 8)\n  remedy: Copy config.json and "
    )
    with pytest.raises(CheckpointError, match=message):
        checkpoint_with(tensors)


def test_config_of_another_model(checkpoint_with, tensors):
    with pytest.raises(
        CheckpointError, match=r"embeddings\.word_embeddings\.weight: has shape .* expects \(30522, 8\)"
    ):
        checkpoint_with(tensors, vocab_size=30522)


def test_more_layers_than_the_config_says_are_another_network(checkpoint_with, tensors):
    with pytest.raises(CheckpointError, match=r"encoder\.layer\.1\.\S+ and 15 more: not part of the BERT") as caught:
        checkpoint_with(tensors, num_hidden_layers=1)
    assert "num_hidden_layers" in caught.value.remedy


def test_adapter_inside_the_encoder_is_another_network(checkpoint_with, tensors):
    extra = {"encoder.layer.0.attention.self.query.lora_A.weight": np.ones((2, 8), np.float32)}
    with pytest.raises(CheckpointError, match="lora_A"):
        checkpoint_with(tensors | extra)


def test_tensor_that_comes_under_two_names(checkpoint_with, tensors):
    with pytest.raises(CheckpointError, match=f"{QUERY} are the same tensor|are the same tensor of a BERT"):
        checkpoint_with(tensors | {f"bert.{QUERY}": tensors[QUERY] + 1})


def test_file_that_names_its_tensors_otherwise(checkpoint_with, tensors):
    renamed = {f"model.{name}": tensor for name, tensor in tensors.items()}
    with pytest.raises(CheckpointError, match=r"names its tensors otherwise, such as model\.embeddings"):
        checkpoint_with(renamed)


def test_file_without_tensors(checkpoint_with):
    with pytest.raises(CheckpointError, match="such as none at all"):
        checkpoint_with({})


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weight_that_is_not_finite(checkpoint_with, tensors, bad):
    tensors[QUERY][3, 4] = bad
    checkpoint = checkpoint_with(tensors)
    with pytest.raises(
        CheckpointError, match=re.escape(f"tensor {QUERY}: 1 of 64 values are NaN or infinite")
    ) as caught:
        read_tensors(checkpoint)
    assert "checkpoint path:bert" in caught.value.message


def test_double_precision_weight(checkpoint_with, tensors):
    tensors[QUERY] = tensors[QUERY].astype(np.float64)
    checkpoint = checkpoint_with(tensors)
    with pytest.raises(CheckpointError, match=re.escape(f"tensor {QUERY}: is F64; expected F32, F16, BF16")):
        read_tensors(checkpoint)


def test_prefixed_tensor_is_named_as_in_the_file(checkpoint_with, tensors):
    """Who looks into the file must find it."""
    prefixed = {f"bert.{name}": tensor for name, tensor in tensors.items()}
    prefixed[f"bert.{QUERY}"][0, 0] = np.nan
    with pytest.raises(CheckpointError, match=re.escape(f"tensor bert.{QUERY}: 1 of 64")):
        read_tensors(checkpoint_with(prefixed))


def test_known_size_of_bert_base():
    """109,482,240 parameters with pooler, the published 110 million."""
    config = tiny_config(layers=12, hidden=768, heads=12, intermediate=3072, vocabulary_size=30522, max_positions=512)
    shapes = tensor_shapes(BertConfig.from_json(config, where=""))
    assert len(shapes) == 199
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 109_482_240


def test_checkpoint_checks_its_config_when_asked(tmp_path):
    """Also where it was not opened but put together by hand."""
    write_json(tmp_path / "config.json", tiny_config())
    checkpoint = Checkpoint("path:x", tmp_path, "", "0" * 64, tiny_config() | {"hidden_size": 0}, Path("nowhere"))
    with pytest.raises(CheckpointError, match=r"checkpoint path:x, .*config\.json: hidden_size is 0"):
        _ = checkpoint.bert
