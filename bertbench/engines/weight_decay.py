"""Which parameters weight decay acts on: by the spec, and by an optimizer as it runs."""

from __future__ import annotations

from typing import Any

from bertbench.checkpoints import BertConfig
from bertbench.engines.native.parameters import parameter_shapes
from bertbench.engines.native.weights import correspondence, tensor_names
from bertbench.spec import AdamWSpec, OptimizerSpec


def is_decayed(name: str, spec: OptimizerSpec) -> bool:
    """Whether weight decay acts on the parameter *name*, a name of the native engine's."""
    if spec.weight_decay is None:
        return False
    return not (isinstance(spec, AdamWSpec) and any(part in name for part in spec.decay_excluded))


def decayed_tensors(config: BertConfig, spec: OptimizerSpec) -> frozenset[str]:
    """Tensors of transformers' BertForSequenceClassification that weight decay acts on, by their names there.

    `decay_excluded` speaks of the native engine's names; each tensor is decayed as the parameter that it is part of.

    Args:
        config: The architecture.
        spec: Update rule.
    """
    return frozenset(tensor for tensor, name in parameters_of_tensors(config).items() if is_decayed(name, spec))


def parameters_of_tensors(config: BertConfig) -> dict[str, str]:
    """The native engine's name of the parameter that each tensor of BertForSequenceClassification is part of."""
    names = correspondence(config)
    parameters = parameter_shapes(config, words=1, positions=1, labels=1)  # for the names
    return {tensor: name for name in parameters for tensor in tensor_names(name, names)}


def is_decayed_by(optimizer: Any, variable: Any) -> bool:
    """Whether an optimizer decays *variable* in its updates, as it stands.

    Args:
        optimizer: Of Keras 3 or tf-keras, the one that updates, within a loss-scaling one if there is one around it.
        variable: A trainable one.
    """
    if not getattr(optimizer, "weight_decay", None):  # tf-keras' legacy optimizers know of none
        return False
    return bool(optimizer._use_weight_decay(variable))  # noqa: SLF001 - the optimizer has no public way to be asked
