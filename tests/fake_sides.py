"""Stands in for the processes of two sides: their times, their troubles, the machine meanwhile, and the clock."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from record_maker import make_record, make_seed, make_spec, make_steps

from bertbench.ab.fields import SideFacts, SideName
from bertbench.ab.measuring import Ran
from bertbench.ab.sides import Side, for_speed
from bertbench.machine_watch import Reading
from bertbench.record import Failure, RunRecord
from bertbench.spec import Spec, spec_fingerprint

QUIET = Reading(seconds=1.0, others_share=0.01, steal_share=0.0)
BUSY = Reading(seconds=1.0, others_share=0.5, steal_share=0.0)
#: A process by its side and its number on that side, from 0; the first of each side is discarded by rule.
Which = tuple[SideName, int]

_STEPS = 3
SPEC = make_spec(training={"epochs": 1, "batch_size": 8, "seeds": [0]})


@dataclass
class FakeMachine:
    """Runs processes in no time, and says that each took *seconds*.

    Attributes:
        slowdown: Of the candidate, as a share.
        spread: Standard deviation of a process's log step time.
        seconds: Of a process.
        disturbed: Processes while which the machine was busy.
        slower_when_disturbed: By this share.
        failures: Processes that do not complete.
        records: What a side's record has otherwise; changes for `RunRecord`.
        steps: Step time of a process, in place of all this.
    """

    slowdown: float = 0.0
    spread: float = 0.002
    seconds: float = 1.0
    disturbed: Collection[Which] = ()
    slower_when_disturbed: float = 0.0
    failures: Mapping[Which, Failure] = field(default_factory=dict)
    records: Mapping[SideName, Mapping[str, Any]] = field(default_factory=dict)
    steps: Callable[[SideName, int], float] | None = None
    asked: list[SideName] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self._noise = np.random.default_rng(5)

    def __call__(self, side: SideName) -> Ran:
        which = (side, self.asked.count(side))
        self.asked.append(side)
        self.now += self.seconds
        reading = BUSY if which in self.disturbed else QUIET
        run_id = f"{side}-{which[1]}"
        if which in self.failures:
            return Ran(run_id, None, self.failures[which], reading)
        return Ran(run_id, self._record(run_id, *which), None, reading)

    def clock(self) -> float:
        return self.now

    def _record(self, run_id: str, side: SideName, number: int) -> RunRecord:
        if self.steps is not None:
            seconds = self.steps(side, number)
        else:
            seconds = 0.1 * math.exp(self._noise.normal(0, self.spread)) * (1 + self.slowdown * (side == "cand"))
            seconds *= 1 + self.slower_when_disturbed * ((side, number) in self.disturbed)
        steps = make_steps(_STEPS).model_copy(update={"seconds": (seconds,) * _STEPS})
        seed = make_seed(0, epochs=1, steps_per_epoch=_STEPS, steps=steps)
        return make_record(run_id=run_id, spec=SPEC, seeds=(seed,)).model_copy(update=dict(self.records.get(side, {})))


def crash(kind: str = "ProcessDied", message: str = "signal SIGKILL") -> Failure:
    return Failure(kind=kind, message=message, phase="steps")


def make_facts(name: SideName = "base", **changes: Any) -> SideFacts:
    fields: dict[str, Any] = {
        "given": f"{name}/bin/python",
        "kind": "interpreter",
        "interpreter": f"/{name}/bin/python",
        "package": f"/{name}/lib/bertbench",
        "bertbench_version": "0.1.0",
        "code_sha256": "1" * 64 if name == "base" else "2" * 64,
        "spec_file": "small.toml",
        "spec_fingerprint": spec_fingerprint(SPEC),
    }
    return SideFacts(**(fields | changes))


def make_sides(*, spec: Spec = SPEC, epochs: int | None = None, **changes: Mapping[str, Any]) -> dict[SideName, Side]:
    """Both sides of so many epochs; *changes* to the facts of `base` and `cand`."""
    ours = for_speed(spec, epochs=epochs, where="here")
    said = {"spec_fingerprint": spec_fingerprint(ours), "recipe_fingerprint": spec_fingerprint(spec)}
    names: tuple[SideName, SideName] = ("base", "cand")
    return {
        name: Side(make_facts(name, **(said | dict(changes.get(name, {})))), ours, Path(), (sys.executable,), None)
        for name in names
    }
