"""Faults that are another recipe: what is executed is not the spec as written, as after a forgotten argument.

The operators of DeepCrime (Humbatova, Jahangirova & Tonella 2021, "DeepCrime: mutation testing of deep learning systems
based on real faults") that fit a fine-tune, and what else a spec can say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bertbench.errors import FaultError
from bertbench.faults.fault import Fault
from bertbench.spec import EarlyStoppingSpec, SGDSpec, Spec

#: More rows than any data set has.
_ALL_ROWS = 2**31 - 1


def faults_of_the_spec() -> tuple[Fault, ...]:
    """All of them."""
    return (
        _of("batch-size-halved", "Trains on batches of half as many rows.", _batch_size_halved),
        _of("batch-size-doubled", "Trains on batches of twice as many rows.", _batch_size_doubled),
        _of("batching-off", "Trains on one batch of all rows in each epoch.", _batching_off),
        _of("fewer-epochs", "Stops after half of the epochs.", _fewer_epochs),
        _of("early-stopping", "Stops after the first epoch: early stopping without patience.", _early_stopping),
        _of("learning-rate-up", "Multiplies the learning rate by ten.", _times_learning_rate(10.0)),
        _of("learning-rate-down", "Divides the learning rate by ten.", _times_learning_rate(0.1)),
        _of("optimizer-changed", "Updates by plain gradient descent, at the same learning rate.", _sgd),
        _of("gradient-clipping", "Clips all gradients together to a Euclidean norm of 0.0001.", _clipping),
        _of("weight-regularization", "Decays all weights by 0.1 times the learning rate each step.", _weight_decay),
        _of("dropout-rate", "Drops half of all elements, wherever there is dropout.", _dropout_rate),
        _of("half-precision", "Computes in bfloat16 instead of float32.", _half_precision),
        _of("no-shuffling", "Takes training rows in the order of the file in every epoch.", _no_shuffling),
    )


def _of(name: str, does: str, executed: Callable[[Spec], Spec]) -> Fault:
    def refusing(spec: Spec) -> Spec:
        changed = executed(spec)
        if changed == spec:
            raise FaultError(
                f"{name}: {spec.name} is the same spec with it; {does[0].lower()}{does[1:]}",
                remedy="use another spec, or another fault",
            )
        return changed

    def check(spec: Spec) -> None:
        refusing(spec)

    return Fault(name, does, "spec", spec=refusing, check_spec=check)


def _with(spec: Spec, table: str, **fields: Any) -> Spec:
    """A copy that is not checked again: a fault may be what no spec may say."""
    return spec.model_copy(update={table: getattr(spec, table).model_copy(update=fields)})


def _batch_size_halved(spec: Spec) -> Spec:
    return _with(spec, "training", batch_size=max(spec.training.batch_size // 2, 1))


def _batch_size_doubled(spec: Spec) -> Spec:
    return _with(spec, "training", batch_size=2 * spec.training.batch_size)


def _batching_off(spec: Spec) -> Spec:
    return _with(spec, "training", batch_size=_ALL_ROWS)


def _fewer_epochs(spec: Spec) -> Spec:
    return _with(spec, "training", epochs=max(spec.training.epochs // 2, 1))


def _early_stopping(spec: Spec) -> Spec:
    if spec.training.epochs == 1:
        return spec
    return _with(spec, "training", early_stopping=EarlyStoppingSpec.model_construct(patience_epochs=0))


def _times_learning_rate(factor: float) -> Callable[[Spec], Spec]:
    return lambda spec: _with(spec, "optimizer", learning_rate=factor * spec.optimizer.learning_rate)


def _sgd(spec: Spec) -> Spec:
    if isinstance(spec.optimizer, SGDSpec):
        return spec
    return spec.model_copy(update={"optimizer": SGDSpec(learning_rate=spec.optimizer.learning_rate)})


def _clipping(spec: Spec) -> Spec:
    return _with(spec, "optimizer", clipnorm=None, clipvalue=None, global_clipnorm=1e-4)


def _weight_decay(spec: Spec) -> Spec:
    return _with(spec, "optimizer", weight_decay=0.1)


def _dropout_rate(spec: Spec) -> Spec:
    return _with(spec, "model", hidden_dropout_rate=0.5, attention_dropout_rate=0.5, classifier_dropout_rate=0.5)


def _half_precision(spec: Spec) -> Spec:
    return _with(spec, "training", precision="mixed_bfloat16")


def _no_shuffling(spec: Spec) -> Spec:
    return _with(spec, "training", shuffle=False)
