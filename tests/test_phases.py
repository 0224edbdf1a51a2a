"""Seconds by phase: they add up, and a failure is in the phase where it happened."""

from __future__ import annotations

import time

import pytest

from bertbench.phases import PhaseClock


@pytest.fixture
def clock_hand(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that shows what the test says: `clock_hand[0]`."""
    hand = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: hand[0])
    return hand


def test_phases_are_timed_apart_and_add_up(clock_hand: list[float]) -> None:
    clock = PhaseClock()
    for phase, seconds in (("data", 1.0), ("steps", 2.0), ("data", 0.5)):
        with clock.phase(phase):
            clock_hand[0] += seconds
        clock_hand[0] += 10.0
    assert clock.seconds == {"data": 1.5, "steps": 2.0}
    assert clock.total() == 33.5


def test_seconds_can_be_counted_without_a_block() -> None:
    clock = PhaseClock()
    clock.add("steps", 0.25)
    clock.add("steps", 0.5)
    assert clock.seconds == {"steps": 0.75}


def test_current_phase_is_known_before_during_and_after() -> None:
    clock = PhaseClock()
    assert clock.current == "start"
    with clock.phase("data"):
        assert clock.current == "data"
    assert clock.current == "data"


def test_failure_leaves_its_phase_and_its_seconds(clock_hand: list[float]) -> None:
    clock = PhaseClock()

    def fail() -> None:
        clock_hand[0] += 3.0
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"), clock.phase("build"):
        fail()
    assert clock.current == "build"
    assert clock.seconds == {"build": 3.0}


def test_nothing_is_timed_that_did_not_happen() -> None:
    assert PhaseClock().seconds == {}


def test_real_clock_never_runs_backwards() -> None:
    clock = PhaseClock()
    with clock.phase("data"):
        pass
    assert 0.0 <= clock.seconds["data"] <= clock.total()
