"""The part of the recipe lock that is about updates: backend, optimizer, precision, steps, learning rates."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from bertbench.data import steps_per_epoch
from bertbench.engines.schedules import learning_rate_at
from bertbench.record import RunRecord, SeedRun
from bertbench.spec.engine_names import OWN_LIBRARY
from bertbench.verdict.drifts import Drift, held, not_recorded, same, unless_not_held
from bertbench.verdict.early_stopping import length_drifts

#: Keras dtype policy: (computation, variables).
_DTYPES = {
    "float32": ("float32", "float32"),
    "mixed_bfloat16": ("bfloat16", "float32"),
    "mixed_float16": ("float16", "float32"),
}
#: Class of the optimizer that an engine uses for a name in the spec. Keras and PyTorch have the same ones.
_CLASSES = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
#: The native engine on TensorFlow has its own of Adam, and AdamW is that with weight decay.
_NATIVE_ON_TENSORFLOW = _CLASSES | {"adam": "OnePassAdam", "adamw": "OnePassAdam"}


def training_drifts(record: RunRecord, run: SeedRun) -> Iterator[Drift]:
    """What drifted, the first things first."""
    live: dict[str, Any] = dict(run.live_recipe)
    spec = record.spec
    yield from held("engine", spec.engine, live.get("engine", "native"))  # records before there was a choice
    yield from held("runtime.backend", OWN_LIBRARY.get(spec.engine, spec.runtime.backend), live.get("backend"))
    yield from unless_not_held(live, "optimizer", lambda: _optimizer(record, live))
    yield from unless_not_held(live, "precision", lambda: _precision(record, live))
    yield from _steps(record, run)
    yield from unless_not_held(live, "learning_rate", lambda: _learning_rates(record, run))


def _optimizer(record: RunRecord, live: dict[str, Any]) -> Iterator[Drift]:
    """Every field of the optimizer that Keras knows by the same name; real numbers as float32, which Keras keeps."""
    config = live.get("optimizer", {})
    yield from _class(record, config.get("class"))
    for name, wanted in record.spec.optimizer.model_dump(exclude={"decay_excluded"}).items():
        if name == "learning_rate":
            continue  # applied step by step, see below
        yield from held(f"optimizer.{name}", wanted, config.get(name, "absent"))
    yield from held("optimizer iterations before the first step", 0, live.get("iterations"))


def _class(record: RunRecord, found: str | None) -> Iterator[Drift]:
    """Arguments of one optimizer may stand in another one that has the same."""
    if found is None:
        yield not_recorded("class of the optimizer")
        return
    spec = record.spec
    is_ours = spec.engine == "native" and spec.runtime.backend == "tensorflow"
    wanted = (_NATIVE_ON_TENSORFLOW if is_ours else _CLASSES)[spec.optimizer.name]
    yield from held("class of the optimizer", wanted, found, by=f"optimizer.name = {spec.optimizer.name!r}")


def _precision(record: RunRecord, live: dict[str, Any]) -> Iterator[Drift]:
    compute, variables = _DTYPES[record.spec.training.precision]
    yield from held("training.precision", record.spec.training.precision, live.get("dtype_policy"))
    yield from held("dtype of computation", compute, live.get("compute_dtype"))
    yield from held("dtypes of variables", [variables], live.get("variable_dtypes"))


def _steps(record: RunRecord, run: SeedRun) -> Iterator[Drift]:
    """Steps per epoch, epochs, and that every epoch saw as many rows as there are."""
    if record.data is None:
        return
    training, rows = record.spec.training, record.data.rows["train"]
    per_epoch = steps_per_epoch(rows, training.batch_size)
    yield from length_drifts(training, run)
    ends = [row.steps_end for row in run.epochs]
    yield from held("steps by the end of each epoch", [per_epoch * (n + 1) for n in range(len(ends))], ends)
    for epoch, (begin, end) in enumerate(pairwise([0, *ends])):
        seen = run.steps.rows[begin:end]
        yield from held(f"rows seen in epoch {epoch}", rows, sum(seen), one_of="rows of epochs")
        size, largest = min(training.batch_size, rows), max(seen, default=0)
        yield from held(f"training.batch_size in epoch {epoch}", size, largest, one_of="batch sizes of epochs")


def _learning_rates(record: RunRecord, run: SeedRun) -> Iterator[Drift]:
    """The rate each step really applied; the first that is another is named."""
    if record.data is None:
        return
    training = record.spec.training
    total = training.epochs * steps_per_epoch(record.data.rows["train"], training.batch_size)
    for step, applied in enumerate(run.steps.learning_rate):
        wanted = learning_rate_at(
            step, peak=record.spec.optimizer.learning_rate, schedule=record.spec.schedule, total_steps=total
        )
        if not same(wanted, applied):
            yield Drift(f"learning rate of step {step}: {wanted!r} by the spec, {applied!r} applied")
            return
