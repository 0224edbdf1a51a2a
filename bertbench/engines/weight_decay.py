"""Which parameters weight decay acts on."""

from __future__ import annotations

from bertbench.spec import AdamWSpec, OptimizerSpec


def is_decayed(name: str, spec: OptimizerSpec) -> bool:
    """Whether weight decay acts on the parameter *name*, a name of the native engine's."""
    if spec.weight_decay is None:
        return False
    return not (isinstance(spec, AdamWSpec) and any(part in name for part in spec.decay_excluded))
