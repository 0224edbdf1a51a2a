"""The model, and its variables and dropouts under the names that all engines use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray
from transformers import BertConfig, TFBertForSequenceClassification
from transformers.utils import logging

from bertbench.checkpoints import Checkpoint
from bertbench.engines.dropout_rates import DropoutRates

Values = NDArray[Any]


def build(checkpoint: Checkpoint, rates: DropoutRates, *, labels: int) -> TFBertForSequenceClassification:
    """The network that `config.json` describes, its weights as transformers draws them.

    `from_pretrained` is passed by: its reader of safetensors fails with newer versions of that library, so weights are
    put in by name. Every dropout gets a random generator of its own, with a state that can be seen and put back.

    Args:
        checkpoint: Its digest checked.
        rates: Dropout rates, in place of the checkpoint's own.
        labels: Classes.
    """
    tf_keras.backend.experimental.enable_tf_random_generator()
    config = BertConfig.from_pretrained(
        checkpoint.folder,
        num_labels=labels,
        hidden_dropout_prob=rates.hidden,
        attention_probs_dropout_prob=rates.attention,
        classifier_dropout=rates.classifier,
    )
    with _without_remarks():
        network = TFBertForSequenceClassification(config)
    ids = tf.zeros((1, 2), tf.int64)
    network({"input_ids": ids, "token_type_ids": ids, "attention_mask": ids}, training=False)  # makes the variables
    for dropout in dropouts_of(network).values():
        generator_of(dropout)  # makes the generators
    return network


@contextmanager
def _without_remarks() -> Iterator[None]:
    """No word about classes that newer versions lack: whoever names this engine knows."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


@dataclass(frozen=True)
class Tensor:
    """A variable as transformers' PyTorch model would hold it.

    Attributes:
        variable: Of TensorFlow.
        turned: Whether it is a kernel, (inputs, outputs), where the tensor is (outputs, inputs).
    """

    variable: Any
    turned: bool = False

    def read(self) -> Values:
        """A copy."""
        values = np.array(self.variable.numpy())
        return np.ascontiguousarray(values.T) if self.turned else values

    def assign(self, values: Values) -> None:
        """Put *values* in its place."""
        self.variable.assign(values.T if self.turned else values)


def tensors_of(network: Any) -> dict[str, Tensor]:
    """Every variable of the network by its name in transformers' BertForSequenceClassification."""
    bert, embeddings = network.bert, network.bert.embeddings
    return {
        "bert.embeddings.word_embeddings.weight": Tensor(embeddings.weight),
        "bert.embeddings.position_embeddings.weight": Tensor(embeddings.position_embeddings),
        "bert.embeddings.token_type_embeddings.weight": Tensor(embeddings.token_type_embeddings),
        **_layer_norm("bert.embeddings.LayerNorm", embeddings.LayerNorm),
        **{
            name: tensor
            for number, layer in enumerate(bert.encoder.layer)
            for name, tensor in _layer(f"bert.encoder.layer.{number}", layer)
        },
        **_dense("bert.pooler.dense", bert.pooler.dense),
        **_dense("classifier", network.classifier),
    }


def dropouts_of(network: Any) -> dict[str, Any]:
    """Every dropout of the network by its operation's name; one that is not foreseen keeps its own."""
    found = {"embeddings": network.bert.embeddings.dropout, "classifier": network.dropout}
    for number, layer in enumerate(network.bert.encoder.layer):
        name = f"encoder.layer_{number}"
        found[f"{name}.attention.probabilities"] = layer.attention.self_attention.dropout
        found[f"{name}.attention.output"] = layer.attention.dense_output.dropout
        found[f"{name}.feed_forward.output"] = layer.bert_output.dropout
    foreseen = {id(dropout) for dropout in found.values()}
    others = (part for part in network.submodules if isinstance(part, tf_keras.layers.Dropout))
    return found | {f"unforeseen {part.name}": part for part in others if id(part) not in foreseen}


def generator_of(dropout: Any) -> tf.random.Generator:
    """The generator that a dropout draws from; it has no public name."""
    owner = dropout._random_generator  # noqa: SLF001 - see above
    owner._maybe_init()  # noqa: SLF001 - see above
    return owner._generator  # noqa: SLF001 - see above


def layer_norms_of(network: Any) -> list[Any]:
    """Every layer norm."""
    return [part for part in network.submodules if isinstance(part, tf_keras.layers.LayerNormalization)]


def _layer(name: str, layer: Any) -> Iterator[tuple[str, Tensor]]:
    attention, output = layer.attention, layer.bert_output
    for part in ("query", "key", "value"):
        yield from _dense(f"{name}.attention.self.{part}", getattr(attention.self_attention, part)).items()
    yield from _dense(f"{name}.attention.output.dense", attention.dense_output.dense).items()
    yield from _layer_norm(f"{name}.attention.output.LayerNorm", attention.dense_output.LayerNorm).items()
    yield from _dense(f"{name}.intermediate.dense", layer.intermediate.dense).items()
    yield from _dense(f"{name}.output.dense", output.dense).items()
    yield from _layer_norm(f"{name}.output.LayerNorm", output.LayerNorm).items()


def _dense(name: str, layer: Any) -> Mapping[str, Tensor]:
    return {f"{name}.weight": Tensor(layer.kernel, turned=True), f"{name}.bias": Tensor(layer.bias)}


def _layer_norm(name: str, layer: Any) -> Mapping[str, Tensor]:
    return {f"{name}.weight": Tensor(layer.gamma), f"{name}.bias": Tensor(layer.beta)}
