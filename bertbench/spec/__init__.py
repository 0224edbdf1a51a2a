"""One frozen, validated description of a benchmark."""

from bertbench.spec.fields import (
    AdamSpec,
    AdamWSpec,
    AugmentationSpec,
    BudgetSpec,
    CheckpointSpec,
    DataSpec,
    EarlyStoppingSpec,
    ExpectSpec,
    IdentitySpec,
    ModelSpec,
    OptimizerSpec,
    RuntimeSpec,
    ScheduleSpec,
    SGDSpec,
    Spec,
    TrainingSpec,
    VerdictSpec,
)
from bertbench.spec.fingerprint import spec_fingerprint
from bertbench.spec.names import spec_fields
from bertbench.spec.reading import build_spec, override, read_spec

__all__ = [
    "AdamSpec",
    "AdamWSpec",
    "AugmentationSpec",
    "BudgetSpec",
    "CheckpointSpec",
    "DataSpec",
    "EarlyStoppingSpec",
    "ExpectSpec",
    "IdentitySpec",
    "ModelSpec",
    "OptimizerSpec",
    "RuntimeSpec",
    "SGDSpec",
    "ScheduleSpec",
    "Spec",
    "TrainingSpec",
    "VerdictSpec",
    "build_spec",
    "override",
    "read_spec",
    "spec_fields",
    "spec_fingerprint",
]
