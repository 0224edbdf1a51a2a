"""Which parameters weight decay acts on."""

from __future__ import annotations

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
    names = correspondence(config)
    parameters = parameter_shapes(config, words=1, positions=1, labels=1)  # for the names
    return frozenset(tensor for name in parameters if is_decayed(name, spec) for tensor in tensor_names(name, names))
