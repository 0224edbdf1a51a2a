"""Dropout that knows its own name and has its own stream of random numbers."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from bertbench.engines.native.operations import Operations, Tensor, on_host


class Dropout:
    """Sets elements to zero with a given chance, and scales the others so that the expectation stays.

    Attributes:
        name: Name of this random operation, from which its seed is derived.
        rate: Chance of an element to become zero.
        generator: Keras' own generator; its state is (seed, draws made).
    """

    def __init__(self, name: str, rate: float, do: Operations) -> None:
        self._do = do
        self.name = name
        self.rate = rate
        self.generator = keras.random.SeedGenerator(0)

    def __call__(self, values: Tensor, *, training: bool) -> Tensor:
        """Apply to *values* of any shape; does nothing outside training."""
        if not training or not self.rate:
            return values
        return self._do.dropout(values, self.rate, self.generator)

    @property
    def state(self) -> NDArray[np.int64]:
        """int64 (2,), the seed and the number of draws made."""
        return on_host(self.generator.state.value).astype(np.int64)

    @property
    def draws(self) -> int:
        """How often random numbers were drawn since `reseed`."""
        return int(self.state[1])

    def reseed(self, seed: int) -> None:
        """Begin the stream of *seed*: no draw made."""
        self.generator.state.assign([seed, 0])
