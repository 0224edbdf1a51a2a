"""For every field of a spec: another value, and what else must be written for the field to have a meaning.

A field that is added must be added here. Tests that say 'every field changes something' are driven by this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bertbench.runtime import available_cores
from bertbench.spec import Spec, build_spec, override


@dataclass(frozen=True)
class Alternative:
    """Two specs that differ in one field.

    Attributes:
        value: Of the field, in the second spec.
        given: Dotted names and values of both specs.
        changed: What the second spec has instead, where that is not simply the field.
    """

    value: Any
    given: Mapping[str, Any] = field(default_factory=dict)
    changed: Mapping[str, Any] = field(default_factory=dict)


_FILES = {"data.source": "files", "data.train": "train.csv", "data.validation": "validation.csv"}
_SPLIT_FILE = {"data.source": "files", "data.train": "train.csv", "data.validation_fraction": 0.25}
_HUB = {"data.source": "hub:someone/somewhat@1", "data.validation": "validation"}
_ADAMW = {"optimizer.name": "adamw"}
_SGD = {"optimizer.name": "sgd"}
_EMA = {"optimizer.use_ema": True}
_LINEAR = {"schedule.kind": "linear"}
_STOPPING = {"training.early_stopping": {"quantity": "validation_loss"}}


def _promise(table: str, written: dict[str, Any], changed: dict[str, Any]) -> Alternative:
    """A field of a list of tables, which is replaced as a whole."""
    (value,) = (value for key, value in changed.items() if written.get(key) != value)
    return Alternative(value, given={table: [written]}, changed={table: [changed]})


def _expect(**changed: Any) -> Alternative:
    written = {"quantity": "validation_accuracy", "at_least": 0.9}
    return _promise("expect", written, {**written, **changed})


ALTERNATIVES: dict[str, Alternative] = {
    "name": Alternative("another_name"),
    "title": Alternative("Another title"),
    "checkpoint.source": Alternative("hub:someone/bert@1"),
    "checkpoint.sha256": Alternative("0" * 64),
    "checkpoint.when_absent": Alternative("skip"),
    "data.source": Alternative("hub:someone/other@1", given=_HUB),
    "data.folder": Alternative("elsewhere", given=_FILES),
    "data.train": Alternative("more.csv", given=_FILES),
    "data.validation": Alternative("other.csv", given=_FILES),
    "data.test": Alternative("test.csv", given=_FILES),
    "data.configuration": Alternative("large", given=_HUB),
    "data.format": Alternative("tsv", given=_FILES),
    "data.encoding": Alternative("latin-1", given=_FILES),
    "data.delimiter": Alternative(";", given=_FILES),
    "data.header": Alternative(False, given={**_FILES, "data.text": 1, "data.label": 0}),
    "data.text": Alternative("message", given=_FILES),
    "data.text_pair": Alternative("answer", given=_FILES),
    "data.label": Alternative("class", given=_FILES),
    "data.labels": Alternative(("delivery", "sign_in")),
    "data.train_rows": Alternative(16),
    "data.validation_rows": Alternative(49),
    "data.test_rows": Alternative(10),
    "data.validation_fraction": Alternative(0.5, given=_SPLIT_FILE),
    "data.split_seed": Alternative(1, given=_SPLIT_FILE),
    "data.deduplicate": Alternative("folded"),
    "data.max_length_tokens": Alternative(8),
    "data.when_absent": Alternative("skip"),
    "model.hidden_dropout_rate": Alternative(0.25),
    "model.attention_dropout_rate": Alternative(0.25),
    "model.classifier_dropout_rate": Alternative(0.25),
    "model.pooler": Alternative("fresh"),
    "model.head_standard_deviation": Alternative(0.5),
    "optimizer.name": Alternative("sgd"),
    "optimizer.learning_rate": Alternative(1e-3),
    "optimizer.weight_decay": Alternative(0.1, given=_ADAMW),
    "optimizer.clipnorm": Alternative(0.01),
    "optimizer.clipvalue": Alternative(1e-4),
    "optimizer.global_clipnorm": Alternative(0.01),
    "optimizer.use_ema": Alternative(True),
    "optimizer.ema_momentum": Alternative(0.5, given=_EMA),
    "optimizer.ema_overwrite_frequency": Alternative(2, given=_EMA),
    "optimizer.loss_scale_factor": Alternative(3.0),
    "optimizer.gradient_accumulation_steps": Alternative(2),
    "optimizer.beta_1": Alternative(0.5),
    "optimizer.beta_2": Alternative(0.9),
    "optimizer.epsilon": Alternative(1e-3),
    "optimizer.amsgrad": Alternative(True),
    "optimizer.decay_excluded": Alternative(("bias",), given={**_ADAMW, "optimizer.weight_decay": 0.1}),
    "optimizer.momentum": Alternative(0.9, given=_SGD),
    "optimizer.nesterov": Alternative(True, given={**_SGD, "optimizer.momentum": 0.9}),
    "schedule.kind": Alternative("cosine"),
    "schedule.warmup_fraction": Alternative(0.5),
    "schedule.end_fraction": Alternative(0.5, given=_LINEAR),
    "augmentation.deletion_rate": Alternative(0.25),
    "augmentation.swap_rate": Alternative(0.25),
    "augmentation.masking_rate": Alternative(0.25),
    "training.epochs": Alternative(4),
    "training.batch_size": Alternative(8),
    "training.shuffle": Alternative(False),
    "training.precision": Alternative("mixed_bfloat16"),
    "training.seeds": Alternative((1,)),
    "training.class_weights": Alternative("balanced"),
    "training.early_stopping.quantity": Alternative("validation_accuracy", given=_STOPPING),
    "training.early_stopping.patience_epochs": Alternative(1, given=_STOPPING),
    "training.early_stopping.min_delta": Alternative(0.5, given=_STOPPING),
    "training.early_stopping.restore_best": Alternative(True, given=_STOPPING),
    "engine": Alternative("keras-hub"),
    "runtime.backend": Alternative("jax"),
    "runtime.deterministic": Alternative(False),
    "runtime.onednn": Alternative(False),
    "runtime.threads": Alternative(1 if available_cores() > 1 else 2),  # not the number that is taken unasked
    "runtime.device": Alternative("cpu"),
    "runtime.compile": Alternative(True, given={"engine": "transformers-torch"}),
    "identity.repeat": Alternative("no"),
    "verdict.margin_points": Alternative(2.0),
    "verdict.floor_points": Alternative(0.25),
    "verdict.looks": Alternative((4, 10, 20)),
    "verdict.shares": Alternative((0.1, 0.4, 0.5)),
    "verdict.pass_alpha": Alternative(0.01),
    "verdict.smallest_bank": Alternative(40),
    "verdict.allowed_failed_rate": Alternative(0.05),
    "expect.quantity": _expect(quantity="train_accuracy"),
    "expect.at_least": _expect(at_least=0.8),
    "expect.at_most": _promise(
        "expect", {"quantity": "train_loss", "at_most": 0.5}, {"quantity": "train_loss", "at_most": 0.25}
    ),
    "expect.epoch": _expect(epoch="best"),
    "expect.over": _expect(over="mean"),
    "budget.quantity": _promise(
        "budget", {"quantity": "step_seconds", "at_most": 1.0}, {"quantity": "total_seconds", "at_most": 1.0}
    ),
    "budget.at_least": _promise(
        "budget", {"quantity": "utilization", "at_least": 0.5}, {"quantity": "utilization", "at_least": 0.25}
    ),
    "budget.at_most": _promise(
        "budget", {"quantity": "step_seconds", "at_most": 1.0}, {"quantity": "step_seconds", "at_most": 2.0}
    ),
}

#: Fields that shape no number of a run: names, promises, repetitions, and where things lie.
NOT_THE_RECIPE = frozenset(
    name
    for name in ALTERNATIVES
    if name.startswith(("expect.", "budget.", "identity.", "verdict.")) or name.endswith(".when_absent")
) | {"name", "title", "training.seeds", "data.folder"}


def pair(name: str) -> tuple[Spec, Spec]:
    """Two valid specs that differ in the field *name* alone."""
    alternative = ALTERNATIVES[name]
    first = override(build_spec({"name": "example"}), alternative.given)
    return first, override(first, alternative.changed or {name: alternative.value})


def spec_with(changes: Mapping[str, Any]) -> Spec:
    """The default spec with some fields, by dotted name."""
    return override(build_spec({"name": "example"}), changes)
