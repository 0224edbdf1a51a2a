"""Keras' optimizers from the spec, with Adam's update in one walk through memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from bertbench.engines.weight_decay import is_decayed
from bertbench.spec import OptimizerSpec

#: Fields of the spec that are not arguments of Keras' optimizers.
_OWN_FIELDS = {"name", "decay_excluded"}


def create_optimizer(spec: OptimizerSpec, variables: Sequence[keras.Variable], *, precision: str) -> Any:
    """Make the optimizer and all its variables.

    In `mixed_float16` the loss is scaled, so that small gradients survive: by the spec's fixed `loss_scale_factor`,
    else dynamically by Keras' LossScaleOptimizer.

    Args:
        spec: Update rule.
        variables: What it updates.
        precision: Keras dtype policy.
    """
    optimizer = _classes()[spec.name](name=spec.name, **spec.model_dump(exclude=_OWN_FIELDS))
    if spec.weight_decay is not None:
        optimizer.exclude_from_weight_decay(var_list=[v for v in variables if not is_decayed(v.name, spec)])
    if precision == "mixed_float16" and spec.loss_scale_factor is None:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(list(variables))
    return optimizer


def _classes() -> dict[str, type]:
    """Optimizers by their name in the spec."""
    classes = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD}
    if keras.backend.backend() == "tensorflow":
        from bertbench.engines.native.one_pass_adam import OnePassAdam

        classes |= {"adam": OnePassAdam, "adamw": OnePassAdam}
    return classes
