"""Faults of time and memory: the same numbers, slower or in more room."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bertbench.data import PackedBatch
from bertbench.engines import Engine, StepResult
from bertbench.faults.fault import Fault
from bertbench.faults.wrapping import WrappedEngine

_LEAKED_MEBIBYTES = 4
_SLOW_EVERY = 10


def faults_of_the_machine() -> tuple[Fault, ...]:
    """All of them."""
    slower = (
        _of(
            f"steps-{percent}-percent-slower",
            f"Each training step takes {percent} % longer than it would: the processor is kept busy that long.",
            partial(SlowerSteps, share=percent / 100.0),
            median_step_slower_by=percent / 100.0,
        )
        for percent in (2, 5, 10)
    )
    return (
        *slower,
        _of(
            "slow-step-in-ten",
            "Each tenth training step takes twice as long as it would.",
            partial(SlowerSteps, share=1.0, every=_SLOW_EVERY),
        ),
        _of("memory-leak", f"Each training step leaves {_LEAKED_MEBIBYTES} MiB behind.", LeakingSteps),
    )


def _of(name: str, does: str, wrap: Callable[[Engine], Engine], *, median_step_slower_by: float = 0.0) -> Fault:
    return Fault(name, does, "machine", changes_numbers=False, median_step_slower_by=median_step_slower_by, engine=wrap)


class SlowerSteps(WrappedEngine):
    """Training steps that take longer by a share of their own time."""

    def __init__(
        self, engine: Engine, *, share: float, every: int = 1, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Nothing is slow yet.

        Args:
            engine: Does the work.
            share: Of a step's own seconds that is waited after it, busily, since a sleep would let the processor rest.
            every: Only each so manieth step is slow.
            clock: Measures both, in seconds; monotonic.
        """
        super().__init__(engine)
        self._share, self._every, self._clock = share, every, clock
        self._steps = 0

    def train_step(self, batch: PackedBatch) -> StepResult:
        """Work, then wait."""
        began = self._clock()
        result = self._engine.train_step(batch)
        ended = self._clock()
        self._steps += 1
        if self._steps % self._every == 0:
            until = ended + self._share * (ended - began)
            while self._clock() < until:
                pass
        return result


class LeakingSteps(WrappedEngine):
    """Training steps after which some memory is not given back."""

    def __init__(self, engine: Engine) -> None:
        """Nothing has leaked yet.

        Args:
            engine: Does the work.
        """
        super().__init__(engine)
        self._leaked: list[NDArray[np.uint8]] = []

    def train_step(self, batch: PackedBatch) -> StepResult:
        """Work, and keep what nobody needs; written to, or the system would not really give it."""
        self._leaked.append(np.ones(_LEAKED_MEBIBYTES * 2**20, np.uint8))
        return self._engine.train_step(batch)
