"""tf-keras' optimizers from the spec, and what they really are, under the spec's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tf_keras

from bertbench.checkpoints import BertConfig
from bertbench.engines.limits import refuse_optimizer_fields
from bertbench.engines.transformers_tf.network import Tensor
from bertbench.engines.weight_decay import decayed_tensors
from bertbench.spec import OptimizerSpec, Spec

#: Fields of the spec that tf-keras has no counterpart of, or that its `fit` does not heed.
_ABSENT = {
    "use_ema": "its predictions are those of the weights, not of their average",
    "loss_scale_factor": "tf-keras' optimizers scale no loss",
    "gradient_accumulation_steps": "tf-keras' optimizers apply each batch's gradients",
}
#: Fields of the spec that are not arguments of tf-keras' optimizers.
_OWN_FIELDS = {"name", "decay_excluded", "loss_scale_factor", "gradient_accumulation_steps"}
_CLASSES = {
    "adam": tf_keras.optimizers.Adam,
    "adamw": tf_keras.optimizers.AdamW,
    "sgd": tf_keras.optimizers.SGD,
}


def refuse_impossible(spec: Spec) -> None:
    """Raise if the spec asks for an update that tf-keras does not make.

    Raises:
        EngineError: Names the field and what to write instead.
    """
    refuse_optimizer_fields(spec, _ABSENT)


def create_optimizer(spec: OptimizerSpec, tensors: Mapping[str, Tensor], config: BertConfig) -> Any:
    """tf-keras' own optimizer with the spec's numbers, and all its variables.

    Args:
        spec: Update rule.
        tensors: What it updates.
        config: The architecture, to know which variables weight decay leaves alone.
    """
    optimizer = _CLASSES[spec.name](name=spec.name, **spec.model_dump(exclude=_OWN_FIELDS))
    if spec.weight_decay is not None:
        decayed = decayed_tensors(config, spec)
        spared = [tensor.variable for name, tensor in tensors.items() if name not in decayed]
        optimizer.exclude_from_weight_decay(var_list=spared)
    optimizer.build([tensor.variable for tensor in tensors.values()])
    return optimizer


def live_optimizer(optimizer: Any) -> dict[str, Any]:
    """What the optimizer is, under the spec's names, which are Keras'."""
    return {
        "class": type(optimizer).__name__,
        **{name: _plain(value) for name, value in optimizer.get_config().items()},
        "loss_scale_factor": None,  # not known to tf-keras' optimizers
        "gradient_accumulation_steps": None,  # likewise
    }


def _plain(value: Any) -> Any:
    """A number of NumPy as one of Python."""
    return value.item() if isinstance(value, np.generic) else value
