"""BERT for classification in NumPy, one row at a time, every token in every layer: a second opinion, in float64.

Written from the paper and transformers' tensor names, without a look at the network it judges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.data.batches import PackedBatch

Array = NDArray[np.float64]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": lambda x: x * 0.5 * (1.0 + np.vectorize(math.erf)(x / math.sqrt(2.0))),
    "gelu_new": lambda x: x * 0.5 * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: np.maximum(x, 0.0),
    "silu": lambda x: x / (1.0 + np.exp(-x)),
    "tanh": np.tanh,
}


def logits(tensors: Mapping[str, NDArray[Any]], config: Mapping[str, Any], batch: PackedBatch) -> Array:
    """(rows, classes), dropout off.

    Args:
        tensors: Weights under the names of BertForSequenceClassification, embedding tables in full.
        config: As in `config.json`.
        batch: The rows.
    """
    weights = {name: values.astype(np.float64) for name, values in tensors.items()}
    spans = zip(batch.offsets, batch.offsets[1:], strict=False)
    return np.stack([_row(weights, config, batch.token_ids[a:b], batch.segment_ids[a:b]) for a, b in spans])


def loss(tensors: Mapping[str, NDArray[Any]], config: Mapping[str, Any], batch: PackedBatch) -> float:
    """Sum over rows of weight times cross-entropy, divided by the number of rows."""
    return mean_cross_entropy(logits(tensors, config, batch), batch)


def mean_cross_entropy(scores: NDArray[Any], batch: PackedBatch) -> float:
    """The loss of given logits (rows, classes)."""
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    of_label = log_probabilities[np.arange(batch.row_count), batch.labels]
    return float(-(batch.row_weights * of_label).sum() / batch.row_count)


def _row(w: Mapping[str, Array], config: Mapping[str, Any], words: NDArray[Any], segments: NDArray[Any]) -> Array:
    def dense(name: str, x: Array) -> Array:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def normalized(name: str, x: Array) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred**2).mean(axis=-1, keepdims=True)
        return centred / np.sqrt(variance + config["layer_norm_eps"]) * w[f"{name}.weight"] + w[f"{name}.bias"]

    table = "bert.embeddings.{}_embeddings.weight"
    x = w[table.format("word")][words] + w[table.format("token_type")][segments]
    x = normalized("bert.embeddings.LayerNorm", x + w[table.format("position")][: len(words)])
    for number in range(config["num_hidden_layers"]):
        layer = f"bert.encoder.layer.{number}"
        query, key, value = (
            dense(f"{layer}.attention.self.{part}", x).reshape(len(x), config["num_attention_heads"], -1)
            for part in ("query", "key", "value")
        )
        scores = np.einsum("qhd,khd->hqk", query, key) / math.sqrt(query.shape[-1])
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        context = np.einsum("hqk,khd->qhd", shares, value).reshape(x.shape)
        attended = dense(f"{layer}.attention.output.dense", context)
        x = normalized(f"{layer}.attention.output.LayerNorm", x + attended)
        inner = ACTIVATIONS[config["hidden_act"]](dense(f"{layer}.intermediate.dense", x))
        x = normalized(f"{layer}.output.LayerNorm", x + dense(f"{layer}.output.dense", inner))
    return dense("classifier", np.tanh(dense("bert.pooler.dense", x[0])))
