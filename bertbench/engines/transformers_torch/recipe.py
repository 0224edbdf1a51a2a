"""What the running engine really computes, read back from its live objects."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from bertbench.engines.activation import ACTIVATION_POINTS
from bertbench.engines.transformers_torch.dropouts import dropouts_of
from bertbench.engines.transformers_torch.updates import (
    Clipping,
    decayed_by,
    live_optimizer,
    live_rate,
    updates_done,
)

#: Keras' name of a pair of computing and kept type.
_POLICIES = {("float32", "float32"): "float32", ("bfloat16", "float32"): "mixed_bfloat16"}


def live_recipe(
    network: Any, optimizer: torch.optim.Optimizer, clipping: Clipping, autocast: torch.autocast
) -> dict[str, Any]:
    """Values that a spec can be held against, under the names that the native engine has; none is from the spec.

    Args:
        network: BertForSequenceClassification.
        optimizer: On its parameters.
        clipping: Of gradients.
        autocast: Under which the network computes.

    Returns:
        JSON values only; see `native.recipe.live_recipe`. `attention` is the function that transformers picked.
    """
    parameters = dict(network.named_parameters())
    trained = [parameter for parameter in parameters.values() if parameter.requires_grad]
    computing = _computing_dtype(network, autocast)
    kept = sorted({_name_of(parameter.dtype) for parameter in parameters.values()})
    embeddings = network.bert.embeddings
    return {
        "engine": "transformers-torch",
        "backend": "torch",
        "optimizer": live_optimizer(optimizer, clipping),
        "learning_rate": live_rate(optimizer),
        "iterations": updates_done(optimizer),
        "decayed": decayed_by(optimizer, parameters),
        "loss_scale": 1.0,
        "dtype_policy": _POLICIES.get((computing, "/".join(kept)), f"{computing}, kept as {'/'.join(kept)}"),
        "compute_dtype": computing,
        "variable_dtypes": kept,
        "dropout_rates": {name: float(dropout.p) for name, dropout in dropouts_of(network).items()},
        "network": _network(network),
        "attention": network.config._attn_implementation,  # noqa: SLF001 - transformers shows it nowhere else
        "variables": len(parameters),
        "parameters": sum(parameter.numel() for parameter in trained),
        "embedding_rows": {
            "word": embeddings.word_embeddings.weight.shape[0],
            "position": embeddings.position_embeddings.weight.shape[0],
            "segment": embeddings.token_type_embeddings.weight.shape[0],
        },
        "embedding_tables": "whole",
        "loss_reduction": "sum over rows of weight times cross-entropy, divided by rows",
    }


def _network(network: Any) -> dict[str, Any]:
    """Numbers of the architecture, counted in the modules."""
    bert, layers = network.bert, list(network.bert.encoder.layer)
    points = torch.tensor(ACTIVATION_POINTS, device=network.device)
    values = {tuple(layer.intermediate.intermediate_act_fn(points).tolist()) for layer in layers}
    return {
        "num_hidden_layers": len(layers),
        "num_attention_heads": _the_only({layer.attention.self.num_attention_heads for layer in layers}),
        "hidden_size": bert.pooler.dense.out_features,
        "intermediate_size": _the_only({layer.intermediate.dense.out_features for layer in layers}),
        "type_vocab_size": bert.embeddings.token_type_embeddings.num_embeddings,
        "layer_norm_eps": _the_only({m.eps for m in network.modules() if isinstance(m, nn.LayerNorm)}),
        "activation_points": list(ACTIVATION_POINTS),
        "activation_values": list(min(values)) if len(values) == 1 else [float("nan")] * len(ACTIVATION_POINTS),
    }


def _the_only(values: set[Any]) -> Any:
    """The value that all layers have; all values, sorted, if they differ."""
    return min(values) if len(values) == 1 else sorted(values)


def _computing_dtype(network: Any, autocast: torch.autocast) -> str:
    """The type that a product of one of the network's own layers really has."""
    layer = network.bert.pooler.dense
    with torch.no_grad(), autocast:
        product = layer(torch.zeros(1, layer.in_features, device=network.device))
    return _name_of(product.dtype)


def _name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
