"""One frozen, validated description of a benchmark."""

from bertbench.spec.fields import (
    AugmentationSpec,
    CheckpointSpec,
    DataSpec,
    EarlyStoppingSpec,
    ModelSpec,
    RuntimeSpec,
    ScheduleSpec,
    Spec,
    TrainingSpec,
)
from bertbench.spec.fingerprint import benchmark_fingerprint, spec_fingerprint
from bertbench.spec.names import spec_fields
from bertbench.spec.optimizers import AdamSpec, AdamWSpec, OptimizerSpec, SGDSpec
from bertbench.spec.promises import BudgetSpec, ExpectSpec, IdentitySpec, VerdictSpec
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
    "benchmark_fingerprint",
    "build_spec",
    "override",
    "read_spec",
    "spec_fields",
    "spec_fingerprint",
]
