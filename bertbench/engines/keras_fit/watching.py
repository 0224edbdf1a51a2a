"""What one training step of Keras measures, taken down where it happens: nothing is computed twice, nothing guessed.

Keras gives out running means, and neither the gradients nor the predictions of the training pass. So three methods are
wrapped on the living objects, before the step is traced: the model's `compute_loss` sees loss and outputs, the
optimizer's `apply` sees gradients and learning rate, and `train_step` hands on what they saw, among its logs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from bertbench.errors import EngineError

#: Name among the logs. One vector, because Keras turns single numbers of the logs into Python's, one by one.
MEASURED = "bertbench_measured"
#: Numbers in front of the predictions.
NUMBERS = ("loss", "gradient_norm", "learning_rate")

Outputs = Any
Tensor = Any


class TensorLibrary(Protocol):
    """What is computed on the measured tensors, in the library that they belong to."""

    def norm(self, gradients: Sequence[Tensor]) -> Tensor:
        """Euclidean norm over all gradients together, rows with the same index added up first."""

    def scalar(self, value: Tensor) -> Tensor:
        """*value* as it is now, float32, without shape."""

    def pack(self, numbers: Sequence[Tensor], logits: Tensor) -> Tensor:
        """float32 (numbers + rows,): *numbers*, then the most likely class of each row."""


class Watch:
    """Wraps a compiled model and its optimizer; works from the next tracing of the training step on.

    Attributes:
        loss_is_running_mean: Whether the loss is read off the model's own logs, which are means since the last reset
            of its metrics: for a `train_step` of the user's that does not call `compute_loss`. Known after a step.
        calls: How often `train_step` was called from Python; where a graph is made of it, how often it was traced.
    """

    def __init__(self, model: Any, library: TensorLibrary, logits_of: Callable[[Outputs], Tensor]) -> None:
        """Wrap the methods.

        Args:
            model: Compiled, of Keras 3 or tf-keras.
            library: That of the model's tensors.
            logits_of: (rows, classes), from what the model's `call` returns.
        """
        self.loss_is_running_mean = False
        self.calls = 0
        self._library = library
        self._logits_of = logits_of
        self._seen: dict[str, Any] = {}
        self._watch_loss(model)
        if not is_of_keras(type(model).train_step):  # the user's own may do without `compute_loss`
            self._watch_outputs(model)
        self._watch_gradients(model.optimizer)
        self._watch_step(model)

    def _watch_loss(self, model: Any) -> None:
        compute_loss = model.compute_loss

        @functools.wraps(compute_loss)
        def watched(*args: Any, **kwargs: Any) -> Tensor:
            loss = compute_loss(*args, **kwargs)
            # Both Keras versions: compute_loss(x, y, y_pred, sample_weight)
            outputs = kwargs["y_pred"] if "y_pred" in kwargs else args[2]
            self._seen |= {"loss": loss, "outputs": outputs}
            return loss

        model.compute_loss = watched

    def _watch_outputs(self, model: Any) -> None:
        call = model.call

        @functools.wraps(call)
        def watched(*args: Any, **kwargs: Any) -> Outputs:
            outputs = call(*args, **kwargs)
            self._seen.setdefault("outputs", outputs)
            return outputs

        model.call = watched

    def _watch_gradients(self, optimizer: Any) -> None:
        name = "apply" if hasattr(optimizer, "apply") else "apply_gradients"  # Keras 3, tf-keras
        apply = getattr(optimizer, name)
        inner = getattr(optimizer, "inner_optimizer", optimizer)

        @functools.wraps(apply)
        def watched(gradients: Any, *args: Any, **kwargs: Any) -> Any:
            gradients = list(gradients)
            bare = gradients if name == "apply" else [gradient for gradient, _ in gradients]
            scale = optimizer.scale_loss(1.0) if hasattr(optimizer, "scale_loss") else 1.0
            norm = self._library.norm([gradient for gradient in bare if gradient is not None])
            self._seen |= {
                "gradient_norm": norm / scale,
                "learning_rate": self._library.scalar(inner.learning_rate),
            }
            return apply(gradients, *args, **kwargs)

        setattr(optimizer, name, watched)

    def _watch_step(self, model: Any) -> None:
        train_step = model.train_step

        @functools.wraps(train_step)
        def watched(data: Any) -> dict[str, Any]:
            self.calls += 1
            self._seen.clear()
            logs = dict(train_step(data))
            if "loss" not in self._seen and "loss" in logs:
                self._seen["loss"] = logs["loss"]
                self.loss_is_running_mean = True
            self._refuse_unseen(model)
            numbers = [self._library.scalar(self._seen[name]) for name in NUMBERS]
            logs[MEASURED] = self._library.pack(numbers, self._logits_of(self._seen["outputs"]))
            self._seen.clear()  # tensors of a trace must not outlive it
            return logs

        model.train_step = watched

    def _refuse_unseen(self, model: Any) -> None:
        """Refuse a training step that went past everything that is watched.

        Raises:
            EngineError: With what was not seen.
        """
        if missing := [name for name in (*NUMBERS, "outputs") if name not in self._seen]:
            raise EngineError(
                f"{type(model).__name__}.train_step: nothing was seen of {', '.join(missing)}",
                remedy="In train_step call the model itself, self.compute_loss or return {'loss': ...}, and "
                "self.optimizer.apply_gradients (or apply).",
            )


def is_of_keras(function: Any) -> bool:
    """Whether *function* is a method of Keras' own classes, of either version."""
    return str(getattr(function, "__module__", "")).split(".")[0] in ("keras", "tf_keras")
