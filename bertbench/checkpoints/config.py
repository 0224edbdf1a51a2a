"""`config.json` as data: the architecture of a BERT, under the names that transformers gave its numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from bertbench.errors import CheckpointError

Activation = Literal["gelu", "gelu_tanh", "relu", "silu", "tanh"]

#: What is computed for each `hidden_act`; two names may mean one function.
ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu",  # x times the normal distribution function, by erf
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",  # the tanh approximation of Hendrycks & Gimpel 2016
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
}


@dataclass(frozen=True)
class BertConfig:
    """Architecture and own dropout rates of a BERT encoder; defaults are those of transformers' BertConfig.

    Attributes:
        vocab_size: WordPieces in the embedding table.
        hidden_size: Width of the residual stream.
        num_hidden_layers: Transformer layers.
        num_attention_heads: Heads of each layer; divides `hidden_size`.
        intermediate_size: Width of the feed-forward part.
        max_position_embeddings: Longest row in tokens.
        type_vocab_size: Segments that can be told apart.
        hidden_act: Activation of the feed-forward part, as written in the file; see `activation`.
        hidden_dropout_prob: Dropout rate after embeddings, attention output and feed-forward.
        attention_probs_dropout_prob: Dropout rate on attention probabilities.
        classifier_dropout: Dropout rate before the classifying layer; `hidden_dropout_prob` if None.
        layer_norm_eps: Added to the variance in every layer norm.
    """

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int = 2
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    classifier_dropout: float | None = None
    layer_norm_eps: float = 1e-12

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def activation(self) -> Activation:
        """The function that `hidden_act` names."""
        return ACTIVATIONS[self.hidden_act]

    @classmethod
    def from_json(cls, config: Mapping[str, Any], *, where: str) -> BertConfig:
        """Check `config.json` and keep what the architecture needs.

        Args:
            config: The file's object.
            where: Names the checkpoint and the file, for error messages.

        Raises:
            CheckpointError: If it is not a BERT, asks for something that bertbench does not compute, or is impossible.
        """
        _refuse_other_architectures(config, where)
        bert = cls(**{field.name: _checked(config, field.name, field.default, where) for field in fields(cls)})
        if bert.hidden_size % bert.num_attention_heads:
            raise CheckpointError(
                f"{where}: num_attention_heads is {bert.num_attention_heads}, which does not divide "
                f"hidden_size {bert.hidden_size}"
            )
        return bert


def read_config(file: Path, *, source: str) -> dict[str, Any]:
    """Read `config.json`.

    Args:
        file: Its path.
        source: The checkpoint as written in the spec, for error messages.

    Raises:
        CheckpointError: If it cannot be read or is not a JSON object.
    """
    try:
        config = json.loads(file.read_bytes())
    except OSError as error:
        raise CheckpointError(f"checkpoint {source}: cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"checkpoint {source}: {file} is not JSON: {error}", remedy="Copy it again.") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"checkpoint {source}: {file} holds {_shown(config)}; expected a JSON object")
    return config


def _refuse_other_architectures(config: Mapping[str, Any], where: str) -> None:
    """Raise if *config* is of another model, or of a BERT that computes something else than BERT."""
    model_type = config.get("model_type")
    if model_type != "bert":
        found = "has no model_type" if model_type is None else f"says model_type {_shown(model_type)}"
        raise CheckpointError(
            f"{where}: {found}; expected 'bert', the only architecture that bertbench fine-tunes",
            remedy="Name a checkpoint of the original BERT architecture, such as google-bert/bert-base-uncased.",
        )
    if config.get("auto_map"):
        raise CheckpointError(
            f"{where}: auto_map asks for Python code that comes with the checkpoint ({_shown(config['auto_map'])}), "
            "and bertbench never runs code from a checkpoint",
            remedy="Use a checkpoint that needs no code of its own; if this one is plain BERT, remove auto_map.",
        )
    for key, (plain, meaning) in _VARIANTS.items():
        if (value := config.get(key)) and value != plain:
            raise CheckpointError(f"{where}: {key} is {_shown(value)}; expected {_shown(plain)}: {meaning}")


#: Keys that change what is computed: the value that plain BERT has, and what another one would mean.
_VARIANTS: dict[str, tuple[Any, str]] = {
    "position_embedding_type": ("absolute", "bertbench computes absolute position embeddings only"),
    "is_decoder": (False, "a decoder's attention looks back only, a classifier's looks both ways"),
    "add_cross_attention": (False, "a classifier has no second sequence to attend to"),
    "pruned_heads": ({}, "layers with different numbers of heads are not supported"),
    "quantization_config": (None, "fine-tuning needs unquantized weights"),
}


def _checked(config: Mapping[str, Any], key: str, default: Any, where: str) -> Any:
    """The value of *key* or its default, or the reason why it cannot be."""
    value = config.get(key, default)
    if value is MISSING:
        raise CheckpointError(f"{where}: {key} is missing")
    is_possible, expected = _POSSIBLE[key]
    if not is_possible(value):
        raise CheckpointError(f"{where}: {key} is {_shown(value)}; expected {expected}")
    return value


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1  # not isinstance: true is no count


def _is_rate(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1


def _is_small_positive(value: Any) -> bool:
    return type(value) is float and 0 < value < 1


_COUNT = (_is_count, "a whole number of at least 1")
_RATE = (_is_rate, "a rate from 0 up to, not including, 1")

#: What each number can be, and how to say it.
_POSSIBLE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "vocab_size": _COUNT,
    "hidden_size": _COUNT,
    "num_hidden_layers": _COUNT,
    "num_attention_heads": _COUNT,
    "intermediate_size": _COUNT,
    "max_position_embeddings": _COUNT,
    "type_vocab_size": _COUNT,
    "hidden_act": (lambda value: isinstance(value, str) and value in ACTIVATIONS, f"one of {', '.join(ACTIVATIONS)}"),
    "hidden_dropout_prob": _RATE,
    "attention_probs_dropout_prob": _RATE,
    "classifier_dropout": (lambda value: value is None or _is_rate(value), f"null or {_RATE[1]}"),
    "layer_norm_eps": (_is_small_positive, "a number above 0 and below 1, such as 1e-12"),
}


def _shown(value: Any) -> str:
    """*value* for an error message, cut where it would drown the message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - about a line
