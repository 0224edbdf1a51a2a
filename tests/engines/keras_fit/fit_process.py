"""A process that steps through fit: once, leaving fit where it stands, or on and on until somebody interrupts it."""

from __future__ import annotations

import sys

import keras
from fit_examples import batches, make_model

from bertbench.engines.keras_fit import FitStepper

if __name__ == "__main__":
    stepper = FitStepper(make_model(keras), total_steps=1_000_000)
    while True:
        for batch in batches():
            stepper.step(*batch)
        print("stepped", flush=True)  # noqa: T201 - the answer
        if sys.argv[1] == "once":
            break
