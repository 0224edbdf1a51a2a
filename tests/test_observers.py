"""Everybody who listens hears everything, in order."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from record_maker import make_record, make_seed

from bertbench.observers import Observer, Observers

EVENTS = {
    "run_changed": (make_record(),),
    "seed_started": (3, 80),
    "step_finished": (3, 7, 0.5),
    "epoch_finished": (3, make_seed(3).epochs[0]),
    "seed_finished": (make_seed(3), np.zeros((1, 2, 2), np.float32), np.zeros(2, np.int32)),
}


class Listener(Observer):
    """Notes who heard what, in one list for all."""

    def __init__(self, name: str, heard: list[tuple[str, str, tuple]]) -> None:
        for event in EVENTS:
            setattr(self, event, lambda *said, _event=event: heard.append((name, _event, said)))


def test_every_event_is_tried_here() -> None:
    """A new one needs a line above, and a method in `Observers`."""
    assert {name for name, _ in inspect.getmembers(Observer, inspect.isfunction) if name != "__init__"} == set(EVENTS)


@pytest.mark.parametrize("event", EVENTS)
def test_each_of_several_hears_it_in_the_order_given(event: str) -> None:
    heard: list[tuple[str, str, tuple]] = []
    getattr(Observers((Listener("first", heard), Listener("second", heard))), event)(*EVENTS[event])
    assert heard == [("first", event, EVENTS[event]), ("second", event, EVENTS[event])]


@pytest.mark.parametrize("event", EVENTS)
def test_who_does_not_care_does_nothing(event: str) -> None:
    assert getattr(Observer(), event)(*EVENTS[event]) is None
    assert getattr(Observers(()), event)(*EVENTS[event]) is None


def test_listener_that_fails_stops_the_run() -> None:
    """A record that cannot be written must not be found out after the run."""

    class Failing(Observer):
        def step_finished(self, seed: int, step: int, loss: float) -> None:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        Observers((Failing(),)).step_finished(0, 0, 0.5)
