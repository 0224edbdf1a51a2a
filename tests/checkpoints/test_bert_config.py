"""`config.json` as data: what makes a BERT, and what is refused."""

from __future__ import annotations

import math
from dataclasses import MISSING, fields

import pytest
from tiny_bert import tiny_config

from bertbench.checkpoints import BertConfig
from bertbench.errors import CheckpointError


def parsed(**changes) -> BertConfig:
    """The tiny BERT's config with some keys changed; None as in JSON's null, ... for a key left out."""
    config = {key: value for key, value in (tiny_config() | changes).items() if value is not ...}
    return BertConfig.from_json(config, where="checkpoint x, config.json")


def refusal(**changes) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        parsed(**changes)
    assert caught.value.message.startswith("checkpoint x, config.json: ")
    return caught.value


def test_every_number_is_read():
    numbers = {
        "vocab_size": 11,
        "hidden_size": 12,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 5,
        "max_position_embeddings": 6,
        "type_vocab_size": 7,
        "hidden_act": "relu",
        "hidden_dropout_prob": 0.25,
        "attention_probs_dropout_prob": 0.5,
        "classifier_dropout": 0.75,
        "layer_norm_eps": 1e-5,
    }
    bert = parsed(**numbers)
    assert vars(bert) == numbers
    assert bert.head_size == 3


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("type_vocab_size", 2),
        ("hidden_act", "gelu"),
        ("hidden_dropout_prob", 0.1),
        ("attention_probs_dropout_prob", 0.1),
        ("classifier_dropout", None),
        ("layer_norm_eps", 1e-12),
    ],
)
def test_key_that_older_files_lack_has_the_default_of_transformers(key, default):
    assert getattr(parsed(**{key: ...}), key) == default


def test_defaults_are_those_of_transformers():
    transformers = pytest.importorskip(
        "transformers", reason="python -m pip install transformers", exc_type=ImportError
    )
    theirs = transformers.BertConfig()
    optional = [field.name for field in fields(BertConfig) if field.default is not MISSING]
    ours = parsed(**dict.fromkeys(optional, ...))
    assert {key: getattr(ours, key) for key in optional} == {key: getattr(theirs, key) for key in optional}


@pytest.mark.parametrize(
    "key",
    [
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
    ],
)
def test_size_is_never_guessed(key):
    assert f"{key} is missing" in refusal(**{key: ...}).message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("vocab_size", 0),
        ("hidden_size", -8),
        ("hidden_size", 8.0),
        ("hidden_size", "8"),
        ("num_hidden_layers", True),
        ("num_attention_heads", None),
        ("intermediate_size", [16]),
        ("type_vocab_size", 0),
        ("hidden_dropout_prob", 1.0),
        ("hidden_dropout_prob", -0.1),
        ("attention_probs_dropout_prob", math.nan),
        ("attention_probs_dropout_prob", None),
        ("classifier_dropout", "0.1"),
        ("layer_norm_eps", 0.0),
        ("layer_norm_eps", math.inf),
        ("hidden_act", "mish"),
        ("hidden_act", None),
        ("hidden_act", ["gelu"]),
    ],
)
def test_impossible_value_is_refused_by_name(key, value):
    message = refusal(**{key: value}).message
    assert f"{key} is {value!r}; expected " in message


@pytest.mark.parametrize("rate", [0, 0.0, 0.999])
def test_rates_at_the_edge(rate):
    assert parsed(hidden_dropout_prob=rate).hidden_dropout_prob == rate


def test_heads_that_do_not_divide_the_width():
    message = refusal(hidden_size=8, num_attention_heads=3).message
    assert "num_attention_heads is 3, which does not divide hidden_size 8" in message


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("gelu", "gelu"),
        ("gelu_python", "gelu"),
        ("gelu_new", "gelu_tanh"),
        ("gelu_pytorch_tanh", "gelu_tanh"),
        ("relu", "relu"),
        ("silu", "silu"),
        ("swish", "silu"),
        ("tanh", "tanh"),
    ],
)
def test_activations(name, function):
    assert parsed(hidden_act=name).activation == function


@pytest.mark.parametrize("model_type", ["distilbert", "roberta", "BERT", "", 3, ["bert"]])
def test_other_model_is_named(model_type):
    message = refusal(model_type=model_type).message
    assert f"says model_type {model_type!r}; expected 'bert'" in message


@pytest.mark.parametrize("model_type", [..., None])
def test_model_without_a_type(model_type):
    assert "has no model_type; expected 'bert'" in refusal(model_type=model_type).message


def test_code_that_comes_with_a_checkpoint_is_refused():
    """Also for model_type bert: such code computes something else under that name."""
    error = refusal(auto_map={"AutoModel": "modeling_other.OtherBert"})
    assert "auto_map asks for Python code" in error.message
    assert "modeling_other.OtherBert" in error.message
    assert "never runs code" in error.message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("position_embedding_type", "relative_key_query"),
        ("position_embedding_type", "alibi"),
        ("is_decoder", True),
        ("add_cross_attention", True),
        ("pruned_heads", {"0": [1]}),
        ("quantization_config", {"bits": 8}),
    ],
)
def test_variant_that_computes_something_else_is_refused(key, value):
    assert f"{key} is {value!r}; expected " in refusal(**{key: value}).message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("position_embedding_type", ...),
        ("position_embedding_type", None),
        ("is_decoder", False),
        ("add_cross_attention", False),
        ("pruned_heads", {}),
        ("quantization_config", None),
        ("auto_map", None),
        ("auto_map", {}),
        ("architectures", ["BertForSequenceClassification"]),
        ("id2label", {"0": "no", "1": "yes"}),
    ],
)
def test_plain_values_of_the_same_keys_pass(key, value):
    assert parsed(**{key: value}) == parsed()


def test_long_value_does_not_drown_the_message():
    assert len(refusal(hidden_size="8" * 10_000).message) < 250
