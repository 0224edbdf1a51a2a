"""From a checkpoint's tensors to the network's parameters, and back.

transformers stores dense weights as (outputs, inputs) and one for each product; the network holds some of them as
(inputs, outputs), called kernels, and joins products that read the same tokens. Nothing else differs but names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from bertbench.checkpoints import BertConfig

Arrays = dict[str, NDArray[np.float32]]


def correspondence(config: BertConfig) -> dict[str, tuple[str, ...]]:
    """Which tensors of transformers' BertForSequenceClassification make up each parameter, one after another.

    Names are given without the ending that says what it is, `.weight` or `.bias` on their side.
    """
    layers = range(config.num_hidden_layers)
    names: dict[str, tuple[str, ...]] = {
        "embeddings.word": ("bert.embeddings.word_embeddings",),
        "embeddings.position": ("bert.embeddings.position_embeddings",),
        "embeddings.segment": ("bert.embeddings.token_type_embeddings",),
        "embeddings.layer_norm": ("bert.embeddings.LayerNorm",),
        "pooler": ("bert.pooler.dense",),
        "classifier": ("classifier",),
    }
    for number in layers:
        ours, theirs = f"encoder.layer_{number}", f"bert.encoder.layer.{number}"
        query, key, value = (f"{theirs}.attention.self.{part}" for part in ("query", "key", "value"))
        if number < config.num_hidden_layers - 1:
            names[f"{ours}.attention.query_key_value"] = (query, key, value)
        else:
            names[f"{ours}.attention.query"] = (query,)
            names[f"{ours}.attention.key_value"] = (key, value)
        names[f"{ours}.attention.output"] = (f"{theirs}.attention.output.dense",)
        names[f"{ours}.attention.layer_norm"] = (f"{theirs}.attention.output.LayerNorm",)
        names[f"{ours}.feed_forward.inner"] = (f"{theirs}.intermediate.dense",)
        names[f"{ours}.feed_forward.outer"] = (f"{theirs}.output.dense",)
        names[f"{ours}.feed_forward.layer_norm"] = (f"{theirs}.output.LayerNorm",)
    return names


#: What the last part of a name is called on the other side.
_ENDINGS = {
    "kernel": "weight",
    "weight": "weight",
    "table": "weight",
    "scale": "weight",
    "shift": "bias",
    "bias": "bias",
}


def parameter_from_tensors(
    name: str, tensors: Mapping[str, NDArray[np.float32]], names: Mapping[str, tuple[str, ...]]
) -> NDArray[np.float32]:
    """One parameter of the network.

    Args:
        name: Of the parameter.
        tensors: The checkpoint, under the names of BertForSequenceClassification.
        names: As `correspondence` gives them.

    Raises:
        KeyError: If the checkpoint has no such tensor.
    """
    joined = np.concatenate([tensors[theirs] for theirs in tensor_names(name, names)])
    return np.ascontiguousarray(joined.T if name.endswith(".kernel") else joined)


def tensor_names(name: str, names: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What transformers calls the tensors that the parameter *name* is made of, one after another."""
    stem, _, ending = name.rpartition(".")
    return [f"{theirs}.{_ENDINGS[ending]}" for theirs in names[stem]]


def tensors_from_parameter(
    name: str, values: NDArray[np.float32], names: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The tensors that one parameter is made of; the reverse of `parameter_from_tensors`."""
    theirs = tensor_names(name, names)
    parts = np.split(values.T if name.endswith(".kernel") else values, len(theirs))
    for tensor, part in zip(theirs, parts, strict=True):
        yield tensor, np.ascontiguousarray(part)
