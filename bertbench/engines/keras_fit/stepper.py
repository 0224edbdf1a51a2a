"""One step of Keras' own `fit` at a time.

`fit` runs in a thread of its own, as a user would call it, but for its data: before each batch it waits until one is
asked for. It waits in Python, between two steps, where no library holds anything; what a step measured is given out
only then, so that nothing of `fit` runs while its caller does something else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakMethod

import numpy as np
from numpy.typing import NDArray

from bertbench.engines.keras_fit import torch_random
from bertbench.engines.keras_fit.feeds import Batch, python_feed, tensorflow_feed
from bertbench.engines.keras_fit.thread import Ended, LibraryThread, Request
from bertbench.engines.keras_fit.watching import MEASURED, NUMBERS, Watch
from bertbench.engines.protocol import StepResult
from bertbench.errors import EngineError


class FitStepper:
    """Steps through `model.fit`; one object for all seeds that share a model."""

    def __init__(
        self,
        model: Any,
        *,
        total_steps: int,
        logits_of: Callable[[Any], Any] = lambda outputs: outputs,
        thread: LibraryThread | None = None,
    ) -> None:
        """Wrap what is watched; `fit` is called by the first step.

        Args:
            model: Compiled, of Keras 3 (TensorFlow or PyTorch) or of tf-keras; not fitted yet, or its training step is
                not watched.
            total_steps: Steps of one `fit`; after so many, it ends as it does for everybody.
            logits_of: (rows, classes) of one tensor per row and class, from what the model's `call` returns; whatever
                grows with the chance of a class will do.
            thread: Where the model was built, if that was in a thread.

        Raises:
            EngineError: If the model is not compiled, or compiled for several steps at once, or of another backend.
        """
        self._model = model
        self._total_steps = total_steps
        self._thread = thread or LibraryThread("bertbench fit")
        self._library = library_of(model)
        _refuse_uncompiled(model)
        self._watch = Watch(model, _tensors_of(self._library), logits_of)
        self._pending: Request | None = None
        self._measured: NDArray[np.float32] | None = None
        self._ending: Request | None = None
        self._is_fed = False
        self._random: dict[str, NDArray[Any]] = {}

    def call(self, function: Callable[[], Any]) -> Any:
        """The result of *function*, which runs in the thread of `fit`, between two steps."""
        return self._thread.call(function)

    def step(
        self,
        inputs: Mapping[str, NDArray[Any]] | NDArray[Any],
        labels: NDArray[Any],
        row_weights: NDArray[np.float32] | None = None,
        *,
        learning_rate: float | None = None,
    ) -> StepResult:
        """One step of `fit`.

        Args:
            inputs: As the model takes them: an array, or arrays by name. Names, ranks and dtypes stay the same from
                step to step; lengths may change.
            labels: (rows, ...).
            row_weights: float32 (rows,), Keras' `sample_weight`; given at every step or at none.
            learning_rate: Set on the optimizer before this step; left to the optimizer if not given.

        Returns:
            What the step measured. The loss is Keras' own: with weights, their sum of losses divided by rows.

        Raises:
            EngineError: If the model's training step cannot be watched.
            Exception: Whatever the library raises; the next step begins another `fit`.
        """
        batch: Batch = (inputs, labels) if row_weights is None else (inputs, labels, row_weights)
        measured = self._thread.ask(_Step(self, batch, learning_rate))
        loss, gradient_norm, rate = (float(number) for number in measured[: len(NUMBERS)])
        return StepResult(loss, gradient_norm, measured[len(NUMBERS) :].astype(np.int32), rate)

    def end(self) -> None:
        """Stop `fit` where it stands, if it runs. The next step begins another one."""
        self._thread.ask(_End())

    # In the thread

    def fit(self, request: Request) -> None:
        """The whole of `fit`, begun by the *request* for its first step; answers that and all that follow."""
        self._measured = None
        self._take(request)
        try:
            # Keras' own: a library's may map over the data, and fetch ahead for that (KerasHub's does).
            _keras_of(self._model).Model.fit(self._model, **self._arguments())
            self._answer()
        except Ended:
            pass
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked for the step
            if self._pending is not None:
                self._pending.answer.set_exception(error)
        ending, self._pending, self._ending = self._ending, None, None
        if ending is not None:
            ending.answer.set_result(None)

    def _arguments(self) -> dict[str, Any]:
        """Of `fit`: one pass over as many batches as a run has."""
        arguments = {"epochs": 1, "verbose": 0, "shuffle": False}
        keras, first = _keras_of(self._model), self._batch()
        if self._library == "torch":
            # To begin with, `fit` builds and makes an iterator, both of which draw from PyTorch's stream.
            self._random = torch_random.save()
            hooks = keras.callbacks.LambdaCallback(
                on_train_batch_begin=lambda *_, **__: self._put_back_random(), on_train_batch_end=self._note
            )
            feed = python_feed(first, self._next_batch, batches=self._total_steps)
            return arguments | {"x": feed, "callbacks": [hooks]}
        # TensorFlow asks for data while it computes, so waiting comes before.
        hooks = keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda *_, **__: self._wait(), on_train_batch_end=self._note
        )
        current = WeakMethod(self._batch_once)  # TensorFlow keeps a generator for as long as the process lives
        feed = tensorflow_feed(first, lambda: _called(current))
        return arguments | {"x": feed, "steps_per_epoch": self._total_steps, "callbacks": [hooks]}

    def _note(self, _step: int, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """A step was done."""
        measured = (logs or {})[MEASURED]
        measured = measured.detach().cpu().numpy() if hasattr(measured, "detach") else measured  # of PyTorch
        self._measured = np.asarray(measured, np.float32)

    def _put_back_random(self) -> None:
        """Before the first step: the random numbers of a step do not depend on whether it begins a `fit`."""
        if self._random:
            torch_random.load(self._random)
            self._random = {}

    def _wait(self) -> None:
        """Give out what the last step measured, and wait for the next to be asked for."""
        if self._measured is None:  # the first was asked for before `fit` began
            return
        self._answer()
        request = self._thread.next_request()
        if isinstance(request.what, _End):
            self._ending = request
            raise Ended
        self._take(request)

    def _take(self, request: Request) -> None:
        """Make *request* the step that comes next."""
        self._pending, self._measured, self._is_fed = request, None, False
        step = request.what
        assert isinstance(step, _Step)  # noqa: S101 - nobody else asks
        if step.learning_rate is not None:
            optimizer = self._model.optimizer
            getattr(optimizer, "inner_optimizer", optimizer).learning_rate = step.learning_rate
        if self._watch.loss_is_running_mean:
            self._model.reset_metrics()

    def _answer(self) -> None:
        if self._pending is not None and self._measured is not None:
            self._pending.answer.set_result(self._measured)
            self._pending = None

    def _batch(self) -> Batch:
        """The batch of the step that is asked for."""
        assert self._pending is not None  # noqa: S101 - asked for within a step only
        step = self._pending.what
        assert isinstance(step, _Step)  # noqa: S101 - nobody else asks
        return step.batch

    def _batch_once(self) -> Batch:
        """The same, for who may ask but once in a step.

        Raises:
            RuntimeError: If data is fetched ahead; it would be of no step.
        """
        if self._is_fed:
            raise RuntimeError("a batch was asked for before its step")
        self._is_fed = True
        return self._batch()

    def _next_batch(self) -> Batch:
        self._wait()
        return self._batch()


@dataclass(frozen=True)
class _Step:
    """A step that is asked for; begins `fit` if none runs."""

    stepper: FitStepper
    batch: Batch
    learning_rate: float | None

    def begin(self, request: Request) -> None:
        self.stepper.fit(request)


@dataclass(frozen=True)
class _End:
    """That `fit` is to end; nothing to do if none runs."""

    def begin(self, request: Request) -> None:
        request.answer.set_result(None)


def _called(method: WeakMethod[Callable[[], Batch]]) -> Batch:
    function = method()
    assert function is not None  # noqa: S101 - whose method it is calls fit
    return function()


def library_of(model: Any) -> str:
    """What computes: `tensorflow`, `torch`, or `tf-keras`.

    Raises:
        EngineError: If *model* is no Keras model, or of a backend whose `fit` cannot be watched.
    """
    homes = {base.__module__.split(".")[0] for base in type(model).__mro__}
    if "tf_keras" in homes:
        return "tf-keras"
    if "keras" not in homes:
        raise EngineError(
            f"expected a model of Keras 3 or tf-keras, and got {type(model).__module__}.{type(model).__qualname__}"
        )
    import keras

    backend = str(keras.backend.backend())
    if backend not in ("tensorflow", "torch"):
        raise EngineError(
            f"runtime.backend: on {backend}, fit shows neither the gradients nor the predictions of its steps",
            remedy="Use runtime.backend = 'tensorflow' or 'torch', or engine = 'native'.",
        )
    return backend


def _tensors_of(library: str) -> Any:
    if library == "torch":
        from bertbench.engines.keras_fit import torch_tensors

        return torch_tensors
    from bertbench.engines.keras_fit import tensorflow_tensors

    return tensorflow_tensors


def _keras_of(model: Any) -> Any:
    if library_of(model) == "tf-keras":
        import tf_keras

        return tf_keras
    import keras

    return keras


def _refuse_uncompiled(model: Any) -> None:
    """Refuse a model that has no training step, or one that does several at once.

    Raises:
        EngineError: With what `compile` lacks.
    """
    if getattr(model, "optimizer", None) is None:
        raise EngineError(f"{type(model).__name__}: the model is not compiled", remedy="Call model.compile(...) first.")
    steps: Any = getattr(model, "steps_per_execution", None) or getattr(model, "_steps_per_execution", None) or 1
    steps = steps if isinstance(steps, int) else int(steps.numpy())  # tf-keras has a variable
    if steps != 1:
        raise EngineError(
            f"{type(model).__name__}: compiled for {steps} steps at once, so that no step can be looked at",
            remedy="Leave steps_per_execution = 1 in model.compile.",
        )
