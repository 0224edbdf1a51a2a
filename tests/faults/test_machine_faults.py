"""Faults of time and memory, on a clock and an engine made by hand: the same numbers, later or in more room."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import psutil
import pytest

from bertbench.engines import StepResult
from bertbench.faults import CATALOGUE
from bertbench.faults.of_the_machine import LeakingSteps, SlowerSteps

RESULT = StepResult(1.0, 2.0, np.zeros(1, np.int32), 3.0)


class World:
    """An engine whose steps take as long as told, and the clock that it and its wrapper live by."""

    name = "world"

    def __init__(self, *seconds: float) -> None:
        self.now, self._seconds, self.looks = 0.0, list(seconds), 0

    def clock(self) -> float:
        """Each look takes a millisecond: whoever waits busily gets on."""
        self.looks += 1
        self.now += 0.001
        return self.now

    def train_step(self, _batch: Any) -> StepResult:
        self.now += self._seconds.pop(0)
        return RESULT

    def logits(self, _batch: Any) -> str:
        return "logits"


def durations(world: World, engine: SlowerSteps, steps: int) -> list[float]:
    took = []
    for _ in range(steps):
        began = world.now
        assert engine.train_step(None) is RESULT  # type: ignore[arg-type]
        took.append(world.now - began)
    return took


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_each_step_takes_a_share_of_its_own_time_more(share: float) -> None:
    world = World(1.0, 2.0, 0.5)
    took = durations(world, SlowerSteps(world, share=share, clock=world.clock), 3)  # type: ignore[arg-type]
    assert took == pytest.approx([1.0 + share, 2.0 + 2.0 * share, 0.5 + 0.5 * share], abs=0.005)


def test_each_tenth_step_takes_twice_as_long() -> None:
    world = World(*[1.0] * 20)
    took = durations(world, SlowerSteps(world, share=1.0, every=10, clock=world.clock), 20)  # type: ignore[arg-type]
    assert [round(seconds) for seconds in took] == [*[1] * 9, 2, *[1] * 9, 2]


def test_a_slow_step_in_ten_leaves_the_median_step_as_it_was() -> None:
    """So no pairs of processes can see it, and it is not declared to slow the median step."""
    world = World(*[1.0] * 20)
    took = durations(world, SlowerSteps(world, share=1.0, every=10, clock=world.clock), 20)  # type: ignore[arg-type]
    assert statistics.median(took) == pytest.approx(1.0, abs=0.005)


@pytest.mark.parametrize("name", [name for name in CATALOGUE if CATALOGUE[name].place == "machine"])
def test_everything_else_is_passed_on(name: str) -> None:
    engine = CATALOGUE[name].engine(World(0.001))  # type: ignore[arg-type]
    assert engine.name == "world"
    assert engine.train_step(None) is RESULT  # type: ignore[arg-type]
    assert engine.logits(None) == "logits"  # type: ignore[arg-type,comparison-overlap]


def test_memory_is_really_taken() -> None:
    """Eight steps leave 32 MiB behind; what the process does besides is small against that."""
    engine = LeakingSteps(World(*[0.0] * 8))  # type: ignore[arg-type]
    before = psutil.Process().memory_info().rss
    for _ in range(8):
        engine.train_step(None)  # type: ignore[arg-type]
    assert psutil.Process().memory_info().rss - before > 24 * 2**20
