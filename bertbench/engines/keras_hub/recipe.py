"""What KerasHub's running classifier really computes, read back from its live objects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from bertbench.engines.activation import ACTIVATION_POINTS
from bertbench.engines.keras_hub.network import HubDropout, layer_norms
from bertbench.engines.native.operations import on_host
from bertbench.engines.weight_decay import is_decayed_by


def live_recipe(
    classifier: Any, variables: Mapping[str, Any], dropouts: Mapping[str, HubDropout], optimizer: Any
) -> dict[str, Any]:
    """Values that a spec can be held against, under the names that the native engine has; none is from the spec.

    Args:
        classifier: KerasHub's.
        variables: Its parameters, by transformers' names.
        dropouts: Its places of dropout.
        optimizer: Built on its variables.

    Returns:
        JSON values only; see `native.recipe.live_recipe`.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    backbone = classifier.backbone
    trained = classifier.trainable_variables
    layers = [*_dense(backbone), backbone.pooled_dense, classifier.output_dense]
    return {
        "engine": "keras-hub",
        "backend": keras.backend.backend(),
        "optimizer": {"class": type(inner).__name__, **inner.get_config()},
        "learning_rate": float(inner.learning_rate),
        "iterations": int(inner.iterations),
        "decayed": [name for name, v in variables.items() if v.trainable and is_decayed_by(inner, v)],
        "loss_scale": float(optimizer.scale_loss(1.0)),
        "dtype_policy": _the_only({layer.dtype_policy.name for layer in layers}),
        "compute_dtype": _the_only({layer.compute_dtype for layer in layers}),
        "variable_dtypes": sorted({variable.dtype for variable in trained}),
        "dropout_rates": {name: dropout.rate for name, dropout in dropouts.items()},
        "dropout_states": {name: dropout.state for name, dropout in dropouts.items() if dropout.generator is not None},
        "network": _network(classifier),
        "variables": len(trained),
        "parameters": sum(math.prod(variable.shape) for variable in trained),
        "embedding_rows": {
            "word": backbone.token_embedding.embeddings.shape[0],
            "position": backbone.position_embedding.position_embeddings.shape[0],
            "segment": backbone.segment_embedding.embeddings.shape[0],
        },
        "embedding_tables": "whole",
        "loss_reduction": f"{classifier.loss.name}, {classifier.loss.reduction}",
    }


def _network(classifier: Any) -> dict[str, Any]:
    """Numbers of the architecture, read off the layers."""
    backbone = classifier.backbone
    blocks = backbone.transformer_layers
    inner = [block._feedforward_intermediate_dense for block in blocks]  # noqa: SLF001 - no public way
    points = ops.convert_to_tensor(ACTIVATION_POINTS, dtype="float32")
    values = {tuple(on_host(layer.activation(points)).astype(float).tolist()) for layer in inner}
    attentions = [block._self_attention_layer for block in blocks]  # noqa: SLF001 - no public way
    return {
        "num_hidden_layers": len(blocks),
        "num_attention_heads": _the_only({attention.query_dense.kernel.shape[1] for attention in attentions}),
        "hidden_size": backbone.pooled_dense.units,
        "intermediate_size": _the_only({layer.units for layer in inner}),
        "type_vocab_size": backbone.segment_embedding.embeddings.shape[0],
        "layer_norm_eps": _the_only({norm.epsilon for norm in layer_norms(backbone)}),
        "activation_points": list(ACTIVATION_POINTS),
        "activation_values": list(min(values)) if len(values) == 1 else [math.nan] * len(ACTIVATION_POINTS),
    }


def _dense(backbone: Any) -> list[Any]:
    return [block._feedforward_intermediate_dense for block in backbone.transformer_layers]  # noqa: SLF001 - no public way


def _the_only(values: set[Any]) -> Any:
    """The value that all layers have; all values, sorted, if they differ."""
    return min(values) if len(values) == 1 else sorted(values)
