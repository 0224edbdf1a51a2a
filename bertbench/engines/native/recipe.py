"""What the running engine really computes, read back from its live objects."""

from __future__ import annotations

import math
import warnings
from typing import Any

import keras
from keras import ops

from bertbench.engines.activation import ACTIVATION_POINTS
from bertbench.engines.native.bert import Bert
from bertbench.engines.native.operations import on_host
from bertbench.engines.native.weights import correspondence, tensor_names
from bertbench.engines.weight_decay import is_decayed_by


def live_recipe(bert: Bert, optimizer: Any) -> dict[str, Any]:
    """Values that a spec can be held against; none of them is taken from the spec.

    Args:
        bert: The network.
        optimizer: Built on its variables.

    Returns:
        JSON values only: `engine`; `backend`; `optimizer` (Keras' `get_config`), its `learning_rate` and `iterations`
        as they are now; `decayed`, the variables that weight decay acts on, by transformers' names; `loss_scale`, 1 if
        the loss is not scaled; `dtype_policy`, `compute_dtype`, `variable_dtypes`; `dropout_rates` by operation, and
        `dropout_states`, each one's seed and number of draws; `network`, the architecture as it stands in variables and
        attributes, and the activation's value at each of `activation_points`; the numbers of `variables` and of
        trainable `parameters`, and rows of the tables of embeddings; `loss_reduction`.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    variables = bert.variables
    return {
        "engine": "native",
        "backend": keras.backend.backend(),
        "optimizer": {"class": type(inner).__name__, **_config(inner)},
        "learning_rate": float(inner.learning_rate),
        "iterations": int(inner.iterations),
        "decayed": _decayed(bert, inner),
        "loss_scale": float(optimizer.scale_loss(1.0)),
        "dtype_policy": bert.policy.name,
        "compute_dtype": bert.policy.compute_dtype,
        "variable_dtypes": sorted({variable.dtype for variable in variables.values()}),
        "dropout_rates": {name: dropout.rate for name, dropout in bert.dropouts.items()},
        "dropout_states": {name: dropout.state.tolist() for name, dropout in bert.dropouts.items()},
        "network": _network(bert),
        "variables": len(variables),
        "parameters": sum(math.prod(variable.shape) for variable in variables.values()),
        "embedding_rows": {name.split(".")[1]: v.shape[0] for name, v in variables.items() if name.endswith(".table")},
        "loss_reduction": "sum over rows of weight times cross-entropy, divided by rows",
    }


def _config(optimizer: Any) -> dict[str, Any]:
    """The optimizer's own account of itself; on JAX, Keras asks a variable for it in a way that NumPy 2 warns of."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        config: dict[str, Any] = optimizer.get_config()
    return config


def _network(bert: Bert) -> dict[str, Any]:
    """Numbers of the architecture, counted in the variables where they show there."""
    shapes = {name: tuple(variable.shape) for name, variable in bert.variables.items()}
    values = on_host(bert.activation(ops.convert_to_tensor(ACTIVATION_POINTS, dtype="float32")))
    return {
        "num_hidden_layers": sum(name.endswith(".feed_forward.inner.weight") for name in shapes),
        "num_attention_heads": bert.config.num_attention_heads,
        "hidden_size": shapes["pooler.kernel"][0],
        "intermediate_size": shapes["encoder.layer_0.feed_forward.inner.weight"][0],
        "type_vocab_size": shapes["embeddings.segment.table"][0],
        "layer_norm_eps": bert.config.layer_norm_eps,
        "activation_points": list(ACTIVATION_POINTS),
        "activation_values": values.astype(float).tolist(),
    }


def _decayed(bert: Bert, optimizer: Any) -> list[str]:
    """Names in transformers' BertForSequenceClassification of all that the optimizer decays."""
    names = correspondence(bert.config)
    decayed = [name for name, v in bert.variables.items() if v.trainable and is_decayed_by(optimizer, v)]
    return [tensor for name in decayed for tensor in tensor_names(name, names)]
