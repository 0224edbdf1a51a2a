"""Layers that come from no checkpoint: the classifying head, and the pooler where the spec asks for a fresh one.

Every engine begins with the same numbers under the same seed, so these are drawn here, in NumPy, and given to the
library. A kernel is (inputs, outputs), as Keras keeps it; `tensors_of` turns it round for transformers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.checkpoints import BertConfig
from bertbench.digests import digest_arrays
from bertbench.seeds import operation_seed
from bertbench.spec import ModelSpec

Shape = tuple[int, ...]
Arrays = dict[str, NDArray[np.float32]]

#: Of a digest of drawn weights; 64 bits are enough to notice a change.
_DIGITS = 16
#: What transformers' BertForSequenceClassification calls each.
_TENSORS = {
    "classifier.kernel": "classifier.weight",
    "classifier.bias": "classifier.bias",
    "pooler.kernel": "bert.pooler.dense.weight",
    "pooler.bias": "bert.pooler.dense.bias",
}


def fresh_layers(model: ModelSpec) -> frozenset[str]:
    """Names of the layers that are drawn: `classifier`, and `pooler` if the spec says so."""
    return frozenset({"classifier"} | ({"pooler"} if model.pooler == "fresh" else set()))


def fresh_shapes(model: ModelSpec, config: BertConfig, *, labels: int) -> dict[str, Shape]:
    """Name and shape of every drawn parameter, kernels as (inputs, outputs).

    Args:
        model: Which layers are drawn.
        config: The architecture.
        labels: Classes.
    """
    outputs = {"pooler": config.hidden_size, "classifier": labels}
    return {
        f"{layer}.{part}": shape
        for layer in outputs
        if layer in fresh_layers(model)
        for part, shape in (("kernel", (config.hidden_size, outputs[layer])), ("bias", (outputs[layer],)))
    }


def draw_layers(shapes: Mapping[str, Shape], seeds: Mapping[str, int], *, deviation: float) -> Arrays:
    """Kernels from a normal distribution, each with its own seed; biases zero.

    Args:
        shapes: Of each parameter, by a name that ends in `.kernel` or `.bias`.
        seeds: Of each kernel, by name; see `seeds.operation_seed`.
        deviation: Standard deviation of kernels.

    Returns:
        float32 arrays under the same names.
    """
    return {
        name: np.random.default_rng(seeds[name]).normal(0.0, deviation, shape).astype(np.float32)
        if name.endswith(".kernel")
        else np.zeros(shape, np.float32)
        for name, shape in shapes.items()
    }


def draw_under(seed: int, shapes: Mapping[str, Shape], *, deviation: float) -> Arrays:
    """`draw_layers` with the seeds that *seed*, the seed of a run, gives each kernel."""
    return draw_layers(shapes, {name: operation_seed(seed, name) for name in shapes}, deviation=deviation)


def tensors_of(drawn: Mapping[str, NDArray[np.float32]]) -> Arrays:
    """Drawn parameters under transformers' names, matrices as (outputs, inputs)."""
    return {_TENSORS[name]: np.ascontiguousarray(values.T) for name, values in drawn.items()}


def prescribed_digests(model: ModelSpec, config: BertConfig, *, labels: int, seed: int) -> dict[str, str]:
    """What `drawn_digests` has as `live` of an engine that drew as prescribed. Asks no engine.

    Args:
        model: Which layers are drawn, and the standard deviation of their kernels.
        config: The architecture.
        labels: Classes.
        seed: Of the run.

    Returns:
        Of every drawn parameter, by name, 16 digits.
    """
    shapes = fresh_shapes(model, config, labels=labels)
    drawn = draw_under(seed, shapes, deviation=model.head_standard_deviation)
    return {name: _digest(values) for name, values in drawn.items()}


def drawn_digests(live: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, Any]]:
    """What the layers that come from no checkpoint hold.

    Args:
        live: Drawn parameters as they are in the engine, kernels as (inputs, outputs).

    Returns:
        By name `live`, 16 digits of a digest of the values, and `standard_deviation`, that of the values.
    """
    return {
        name: {"live": _digest(values), "standard_deviation": float(np.std(values, dtype=np.float64))}
        for name, values in live.items()
    }


def drawn_digests_of_tensors(tensors: Mapping[str, NDArray[Any]], model: ModelSpec) -> dict[str, dict[str, Any]]:
    """`drawn_digests` of an engine that knows its weights by transformers' names.

    Args:
        tensors: All weights as they are now, matrices as (outputs, inputs).
        model: Which layers are drawn.
    """
    live = {
        name: np.ascontiguousarray(tensors[theirs].T)
        for name, theirs in _TENSORS.items()
        if name.rpartition(".")[0] in fresh_layers(model)
    }
    return drawn_digests(live)


def _digest(values: NDArray[Any]) -> str:
    return digest_arrays([("values", values)])[:_DIGITS]
