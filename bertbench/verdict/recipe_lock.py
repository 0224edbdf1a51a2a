"""Whether what ran is what the spec says: values read back from the running engine and from its steps.

A hyperparameter that drifted (a default changed by an upgrade, a refactoring that forgot an argument) is named with
both values, after one run and without statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bertbench.data import steps_per_epoch
from bertbench.engines.schedules import learning_rate_at
from bertbench.record import RunRecord, SeedRun
from bertbench.verdict.outcomes import Check

NAME = "recipe_lock"

#: Keras dtype policy: (computation, variables).
_DTYPES = {
    "float32": ("float32", "float32"),
    "mixed_bfloat16": ("bfloat16", "float32"),
    "mixed_float16": ("float16", "float32"),
}
_NEXT_STEP = "compare library versions and the code that builds the optimizer"
#: Drifts named in one sentence.
_SHOWN = 5


def judge_recipe(record: RunRecord) -> Check:
    """Hold the live values of every seed against the spec.

    Args:
        record: The run; if it is not completed there is nothing to hold.
    """
    if record.outcome != "completed":
        said = f"the run is {record.outcome}"
        return _check(said, f"{said}, so nothing was shown", drifted=True, next_step=f"bertbench show {record.run_id}")
    drifts = [f"seed {run.seed}: {text}" for run in record.seeds for text in _drifts(record, run)]
    if drifts:
        more = f" and {len(drifts) - _SHOWN} more" if len(drifts) > _SHOWN else ""
        return _check(f"{len(drifts)} drifted", "; ".join(drifts[:_SHOWN]) + more, drifted=True)
    return _check("as specified", f"live values of {len(record.seeds)} seeds are those of the spec", drifted=False)


def _drifts(record: RunRecord, run: SeedRun) -> Iterator[str]:
    """Everything that is another than the spec says, in words."""
    live: dict[str, Any] = dict(run.live_recipe)
    yield from _named("runtime.backend", record.spec.runtime.backend, live.get("backend"))
    yield from _optimizer(record, live)
    yield from _precision(record, live)
    yield from _dropout(record, live)
    yield from _steps(record, run)
    yield from _learning_rates(record, run)
    pinned = record.spec.checkpoint.sha256
    if pinned is not None and record.checkpoint is not None:
        yield from _named("checkpoint.sha256", pinned, record.checkpoint.sha256)


def _optimizer(record: RunRecord, live: dict[str, Any]) -> Iterator[str]:
    """Every field of the optimizer that Keras knows by the same name; real numbers as float32, which Keras keeps."""
    config = live.get("optimizer", {})
    for name, wanted in record.spec.optimizer.model_dump(exclude={"decay_excluded"}).items():
        if name == "learning_rate":
            continue  # applied step by step, see below
        yield from _named(f"optimizer.{name}", wanted, config.get(name, "absent"))
    yield from _named("optimizer iterations before the first step", 0, live.get("iterations"))


def _precision(record: RunRecord, live: dict[str, Any]) -> Iterator[str]:
    compute, variables = _DTYPES[record.spec.training.precision]
    yield from _named("training.precision", record.spec.training.precision, live.get("dtype_policy"))
    yield from _named("dtype of computation", compute, live.get("compute_dtype"))
    yield from _named("dtypes of variables", [variables], live.get("variable_dtypes"))


def _dropout(record: RunRecord, live: dict[str, Any]) -> Iterator[str]:
    """Only rates that the spec sets; the others are the checkpoint's."""
    model, rates = record.spec.model, dict(live.get("dropout_rates", {}))
    wanted = {
        "attention.probabilities": model.attention_dropout_rate,
        "classifier": model.classifier_dropout_rate,
        "": model.hidden_dropout_rate,
    }
    for name, rate in rates.items():
        kind = next(ending for ending in wanted if name.endswith(ending))
        if wanted[kind] is not None:
            yield from _named(f"dropout rate of {name}", wanted[kind], rate)


def _steps(record: RunRecord, run: SeedRun) -> Iterator[str]:
    """Steps per epoch, epochs, and that every epoch saw every training row once."""
    if record.data is None:
        return
    training, rows = record.spec.training, record.data.rows["train"]
    per_epoch = steps_per_epoch(rows, training.batch_size)
    if training.early_stopping is None:
        yield from _named("training.epochs", training.epochs, len(run.epochs))
    ends = [row.steps_end for row in run.epochs]
    yield from _named("steps by the end of each epoch", [per_epoch * (n + 1) for n in range(len(ends))], ends)
    for epoch, end in enumerate(ends):
        seen = run.steps.rows[end - per_epoch : end]
        yield from _named(f"rows seen in epoch {epoch}", rows, sum(seen))
        yield from _named(f"training.batch_size in epoch {epoch}", min(training.batch_size, rows), max(seen, default=0))


def _learning_rates(record: RunRecord, run: SeedRun) -> Iterator[str]:
    """The rate each step really applied; the first that is another is named."""
    if record.data is None:
        return
    training = record.spec.training
    total = training.epochs * steps_per_epoch(record.data.rows["train"], training.batch_size)
    for step, applied in enumerate(run.steps.learning_rate):
        wanted = learning_rate_at(
            step, peak=record.spec.optimizer.learning_rate, schedule=record.spec.schedule, total_steps=total
        )
        if not _same(wanted, applied):
            yield f"learning rate of step {step}: {wanted!r} by the spec, {applied!r} applied"
            return


def _named(what: str, wanted: Any, found: Any) -> Iterator[str]:
    if not _same(wanted, found):
        yield f"{what}: {wanted!r} by the spec, {found!r} live"


def _same(wanted: Any, found: Any) -> bool:
    """Equality; real numbers as float32, since that is what a device holds. NaN equals nothing."""
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    if isinstance(wanted, (int, float)) and isinstance(found, (int, float)):
        return bool(np.float32(wanted) == np.float32(found))
    if isinstance(wanted, Sequence) and isinstance(found, Sequence) and not isinstance(wanted, str):
        return list(wanted) == list(found)
    return bool(wanted == found)


def _check(observed: str, reason: str, *, drifted: bool, next_step: str = _NEXT_STEP) -> Check:
    return Check(
        name=NAME,
        kind="lock",
        outcome="fail" if drifted else "pass",
        observed=observed,
        promised="as specified",
        reason=reason,
        next_step=next_step if drifted else "",
    )
