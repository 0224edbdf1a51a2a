"""KerasHub's BertTextClassifier as the spec and the checkpoint want it, and the names of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import keras
import keras_hub

from bertbench.checkpoints import BertConfig, Checkpoint
from bertbench.checkpoints.config import Activation
from bertbench.engines.dropout_rates import DropoutRates
from bertbench.engines.native.operations import on_host

#: What each `hidden_act` computes, in Keras' own functions.
_ACTIVATIONS: dict[Activation, Any] = {
    "gelu": partial(keras.activations.gelu, approximate=False),
    "gelu_tanh": partial(keras.activations.gelu, approximate=True),
    "relu": keras.activations.relu,
    "silu": keras.activations.silu,
    "tanh": keras.activations.tanh,
}


class HubDropout:
    """One of the classifier's places of dropout, under the name that the native engine has for it.

    Attributes:
        name: Name of this random operation, from which its seed is derived.
        layer: Keras' own.
    """

    def __init__(self, name: str, layer: Any, *, attention: Any = None) -> None:
        """Take down where it is.

        Args:
            name: Name of the operation.
            layer: Keras' own, made with a rate above zero if it is ever to have one: it has no generator otherwise.
            attention: The attention that *layer* is part of, which passes it by where its own rate is zero.
        """
        self.name = name
        self.layer = layer
        self._attention = attention

    @property
    def rate(self) -> float:
        """Chance of an element to become zero."""
        is_passed_by = self._attention is not None and not self._attention.dropout
        return 0.0 if is_passed_by else float(self.layer.rate)

    @rate.setter
    def rate(self, value: float) -> None:
        self.layer.rate = value
        if self._attention is not None:
            self._attention._dropout = value  # noqa: SLF001 - Keras asks it alone whether to drop, and sets it nowhere

    @property
    def generator(self) -> Any:
        """Keras' own generator; its state is (seed, draws made). None if there never was a rate."""
        return getattr(self.layer, "seed_generator", None)

    @property
    def state(self) -> list[int]:
        """The seed and the number of draws made."""
        return [int(number) for number in on_host(self.generator.state.value)]

    @property
    def draws(self) -> int:
        """How often random numbers were drawn since `reseed`."""
        return self.state[1]

    def reseed(self, seed: int) -> None:
        """Begin the stream of *seed*: no draw made."""
        # On PyTorch, Keras draws from PyTorch's own stream for a layer that was made without a seed.
        self.generator._initial_seed = seed  # noqa: SLF001 - asked nowhere else
        self.generator.state.assign([seed, 0])


def load(checkpoint: Checkpoint, rates: DropoutRates, *, labels: int, policy: str, with_weights: bool) -> Any:
    """The classifier, not compiled.

    KerasHub reads sizes from `config.json`, and no more: GELU by tanh, 1e-12 in layer norms and dropout 0.1 are what
    it always takes. The checkpoint's own are put in here.

    Args:
        checkpoint: Its folder is read by KerasHub.
        rates: Of dropout.
        labels: Classes.
        policy: Keras dtype policy.
        with_weights: Whether KerasHub reads the weights; it cannot where there is no pooler among them.
    """
    config = checkpoint.bert
    backbone = keras_hub.models.BertBackbone.from_preset(
        str(checkpoint.folder),
        load_weights=with_weights,
        dropout=max(rates.hidden, rates.attention),
        num_segments=config.type_vocab_size,
        dtype=policy,
    )
    classifier = keras_hub.models.BertTextClassifier(
        backbone=backbone, num_classes=labels, preprocessor=None, dropout=rates.classifier, compile=False
    )
    for block in backbone.transformer_layers:
        block._feedforward_intermediate_dense.activation = _ACTIVATIONS[config.activation]  # noqa: SLF001 - no public way
    for norm in layer_norms(backbone):
        norm.epsilon = config.layer_norm_eps
    by_kind = {"probabilities": rates.attention, "classifier": rates.classifier}
    for name, dropout in dropouts_of(classifier).items():
        dropout.rate = by_kind.get(name.rpartition(".")[2], rates.hidden)
    return classifier


def layer_norms(backbone: Any) -> Iterator[Any]:
    """All of a backbone's."""
    yield backbone.embeddings_layer_norm
    for block in backbone.transformer_layers:
        yield block._self_attention_layer_norm  # noqa: SLF001 - no public way
        yield block._feedforward_layer_norm  # noqa: SLF001 - no public way


def dropouts_of(classifier: Any) -> dict[str, HubDropout]:
    """Every place of dropout, by the native engine's name of the operation."""
    backbone = classifier.backbone
    found = {"embeddings": HubDropout("embeddings.dropout", backbone.embeddings_dropout)}
    for number, block in enumerate(backbone.transformer_layers):
        attention = block._self_attention_layer  # noqa: SLF001 - no public way
        parts = {
            "attention.probabilities": (attention._dropout_layer, attention),  # noqa: SLF001 - no public way
            "attention.output": (block._self_attention_dropout, None),  # noqa: SLF001 - no public way
            "feed_forward.output": (block._feedforward_dropout, None),  # noqa: SLF001 - no public way
        }
        for part, (layer, of) in parts.items():
            name = f"encoder.layer_{number}.{part}"
            found[name] = HubDropout(f"{name}.dropout", layer, attention=of)
    return found | {"classifier": HubDropout("classifier.dropout", classifier.output_dropout)}


def variables_of(classifier: Any, config: BertConfig) -> dict[str, Any]:
    """Every parameter, by the name that transformers' BertForSequenceClassification has for it."""
    backbone = classifier.backbone
    dense: dict[str, Any] = {"bert.pooler.dense": backbone.pooled_dense, "classifier": classifier.output_dense}
    norms: dict[str, Any] = {"bert.embeddings.LayerNorm": backbone.embeddings_layer_norm}
    for number in range(config.num_hidden_layers):
        block, name = backbone.transformer_layers[number], f"bert.encoder.layer.{number}"
        attention = block._self_attention_layer  # noqa: SLF001 - no public way
        dense[f"{name}.attention.self.query"] = attention.query_dense
        dense[f"{name}.attention.self.key"] = attention.key_dense
        dense[f"{name}.attention.self.value"] = attention.value_dense
        dense[f"{name}.attention.output.dense"] = attention.output_dense
        dense[f"{name}.intermediate.dense"] = block._feedforward_intermediate_dense  # noqa: SLF001 - no public way
        dense[f"{name}.output.dense"] = block._feedforward_output_dense  # noqa: SLF001 - no public way
        norms[f"{name}.attention.output.LayerNorm"] = block._self_attention_layer_norm  # noqa: SLF001 - no public way
        norms[f"{name}.output.LayerNorm"] = block._feedforward_layer_norm  # noqa: SLF001 - no public way
    embeddings = {
        "word": backbone.token_embedding.embeddings,
        "position": backbone.position_embedding.position_embeddings,
        "token_type": backbone.segment_embedding.embeddings,
    }
    return {
        **{f"bert.embeddings.{table}_embeddings.weight": variable for table, variable in embeddings.items()},
        **{f"{name}.weight": layer.kernel for name, layer in dense.items()},
        **{f"{name}.bias": layer.bias for name, layer in dense.items()},
        **{f"{name}.weight": layer.gamma for name, layer in norms.items()},
        **{f"{name}.bias": layer.beta for name, layer in norms.items()},
    }
