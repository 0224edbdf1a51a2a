"""Keras' own `fit`, one step at a time: for engines whose library trains by `compile` and `fit`.

`FitStepper` runs the real `model.fit` of Keras 3 (TensorFlow, PyTorch) or of tf-keras in a thread of its own, and hands
it one batch after another; docs/decisions/0012-how-fit-is-stepped.md says why, and what it costs::

    stepper = FitStepper(model, total_steps=100)        # compiled, not fitted yet
    result = stepper.step(inputs, labels)               # a StepResult: one step of fit
    stepper.step(inputs, labels, row_weights, learning_rate=1e-5)  # with row weights from the first step on, or never
    stepper.end()                                       # fit is over; the next step begins another
    stepper.call(function)                              # in the thread of fit, between two steps

Nothing is traced twice for a further seed: put weights, optimizer and random state back after `end`, and step again.
Between two steps fit stands still in Python, so that weights may be read and written from the thread of the caller.
"""

from __future__ import annotations

from bertbench.engines.keras_fit.stepper import FitStepper
from bertbench.engines.keras_fit.thread import LibraryThread

__all__ = ["FitStepper", "LibraryThread"]
