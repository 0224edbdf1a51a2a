"""Keras' own optimizers from the spec, as everybody has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from bertbench.spec import OptimizerSpec

_CLASSES = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD}
#: Fields of the spec that are not arguments of Keras' optimizers.
_OWN_FIELDS = {"name", "decay_excluded"}


def create_optimizer(
    spec: OptimizerSpec,
    trained: Sequence[Any],
    variables: Mapping[str, Any],
    decayed: frozenset[str],
    *,
    precision: str,
) -> Any:
    """Make the optimizer and all its variables.

    Args:
        spec: Update rule.
        trained: What it updates, in the order in which `fit` gives it.
        variables: The same, by name.
        decayed: Names of those that weight decay acts on.
        precision: Keras dtype policy; in `mixed_float16` the loss is scaled, as `compile` would have it.
    """
    optimizer = _CLASSES[spec.name](name=spec.name, **spec.model_dump(exclude=_OWN_FIELDS))
    if spec.weight_decay is not None:
        optimizer.exclude_from_weight_decay(var_list=[v for name, v in variables.items() if name not in decayed])
    if precision == "mixed_float16" and spec.loss_scale_factor is None:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(list(trained))
    return optimizer
