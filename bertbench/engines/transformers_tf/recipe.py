"""What the running engine really computes, read back from its live objects."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from bertbench.engines.activation import ACTIVATION_POINTS
from bertbench.engines.transformers_tf.network import dropouts_of, layer_norms_of, tensors_of
from bertbench.engines.transformers_tf.updates import live_optimizer
from bertbench.engines.weight_decay import is_decayed_by


def live_recipe(network: Any) -> dict[str, Any]:
    """Values that a spec can be held against, under the names that the native engine has; none is from the spec.

    Args:
        network: TFBertForSequenceClassification, compiled.

    Returns:
        JSON values only; see `native.recipe.live_recipe`.
    """
    optimizer, tensors = network.optimizer, tensors_of(network)
    policies = sorted({layer.dtype_policy.name for layer in network.submodules if hasattr(layer, "dtype_policy")})
    trained = {id(variable) for variable in network.trainable_variables}
    rows = {
        part: tensors[f"bert.embeddings.{name}_embeddings.weight"].variable.shape[0]
        for part, name in (("word", "word"), ("position", "position"), ("segment", "token_type"))
    }
    return {
        "engine": "transformers-tf",
        "backend": "tensorflow",
        "optimizer": live_optimizer(optimizer),
        "learning_rate": float(optimizer.learning_rate.numpy()),
        "iterations": int(optimizer.iterations.numpy()),
        "decayed": [
            name
            for name, tensor in tensors.items()
            if id(tensor.variable) in trained and is_decayed_by(optimizer, tensor.variable)
        ],
        "loss_scale": 1.0,
        "dtype_policy": "/".join(policies),
        "compute_dtype": "/".join(sorted({layer.compute_dtype for layer in _computing(network)})),
        "variable_dtypes": sorted({tensor.variable.dtype.name for tensor in tensors.values()}),
        "dropout_rates": {name: float(dropout.rate) for name, dropout in dropouts_of(network).items()},
        "network": _network(network),
        "variables": len(network.variables),
        "parameters": sum(
            math.prod(tensor.variable.shape) for tensor in tensors.values() if id(tensor.variable) in trained
        ),
        "embedding_rows": rows,
        "embedding_tables": "whole",
        "loss_reduction": "sum over rows of weight times cross-entropy, divided by rows",
    }


def _computing(network: Any) -> list[Any]:
    return [layer for layer in network.submodules if hasattr(layer, "compute_dtype")]


def _network(network: Any) -> dict[str, Any]:
    """Numbers of the architecture, counted in the layers."""
    layers = list(network.bert.encoder.layer)
    points = tf.constant(ACTIVATION_POINTS, tf.float32)
    values = {tuple(np.asarray(layer.intermediate.intermediate_act_fn(points)).tolist()) for layer in layers}
    embeddings = network.bert.embeddings
    return {
        "num_hidden_layers": len(layers),
        "num_attention_heads": _the_only({layer.attention.self_attention.num_attention_heads for layer in layers}),
        "hidden_size": int(network.bert.pooler.dense.kernel.shape[0]),
        "intermediate_size": _the_only({int(layer.intermediate.dense.kernel.shape[1]) for layer in layers}),
        "type_vocab_size": int(embeddings.token_type_embeddings.shape[0]),
        "layer_norm_eps": _the_only({float(norm.epsilon) for norm in layer_norms_of(network)}),
        "activation_points": list(ACTIVATION_POINTS),
        "activation_values": list(min(values)) if len(values) == 1 else [math.nan] * len(ACTIVATION_POINTS),
    }


def _the_only(values: set[Any]) -> Any:
    """The value that all layers have; all values, sorted, if they differ."""
    return min(values) if len(values) == 1 else sorted(values)
