"""Pairs of processes, measured until it is decided, something breaks, or time is up."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from bertbench.ab.fields import (
    COMPARED,
    GATED,
    Crash,
    Measurement,
    Pair,
    Sample,
    SideName,
    counted,
    paired_differences,
)
from bertbench.machine_watch import Reading, disturbances
from bertbench.record import Failure, RunRecord, SeedRun
from bertbench.stats.speed_rule import PairedDifferences, SpeedRule, SpeedSeries, looks_in_turn
from bertbench.verdict.speed_comparison import Quietness

#: Measured again at most, as a share of the pairs planned so far.
REPEATED_SHARE = 0.2


class Ran(NamedTuple):
    """A process that is over.

    Attributes:
        run_id: Of its record.
        record: What it left; None if it left nothing that can be read.
        failure: Why it did not complete; None if it did.
        reading: The machine meanwhile.
    """

    run_id: str
    record: RunRecord | None
    failure: Failure | None
    reading: Reading


#: Runs one process of a side.
Sampler = Callable[[SideName], Ran]
#: Says of a completed process of each side, baseline first, why they cannot be compared; empty if they can.
CheckGround = Callable[[tuple[RunRecord, RunRecord]], str]
#: Told of counted pairs done and planned.
Progress = Callable[[int, int], None]


@dataclass
class Measuring:
    """A comparison while it runs. `run` it once; what was seen is in the fields.

    Attributes:
        sampler: Runs processes.
        rule: Plans and decides.
        generator: Tosses the coins.
        budget_seconds: Time there is; no pair is started that would end after it.
        check_ground: Asked once, after the first pair.
        progress: Told after every pair.
        clock: Monotonic time in seconds.
        pairs: Measured, the discarded first one included.
        crashes: Processes that did not complete; the first pair with one is the last.
        not_comparable: What `check_ground` said.
        affordable_pairs: Counted pairs that there was time for, if there was too little.
        one_side_only: Whether time ended between the two processes of a pair; what the first of them took is no time
            of a pair, and that it did not complete is in `crashes`.
        records: Of a completed process of each side; None until there are both.
    """

    sampler: Sampler
    rule: SpeedRule
    generator: np.random.Generator
    budget_seconds: float
    check_ground: CheckGround
    progress: Progress
    clock: Callable[[], float] = time.monotonic
    pairs: list[Pair] = field(default_factory=list)
    crashes: list[Crash] = field(default_factory=list)
    not_comparable: str = ""
    affordable_pairs: int | None = None
    one_side_only: bool = False
    records: tuple[RunRecord, RunRecord] | None = None

    def run(self) -> SpeedSeries | None:
        """Measure, plan, look; None if not even one pair could be counted."""
        self._began, self._planned = self.clock(), self.rule.smallest_pairs
        self._pair_seconds: list[float] = []
        self._process_seconds: float | None = None
        if self.budget_seconds > 0:
            self._measure_pair(is_counted=False)
        else:
            self.affordable_pairs = 0
        if not self._is_over:
            series = looks_in_turn(self._until, self.rule)
            return series if self._counted else None
        return None

    @property
    def pair_seconds(self) -> float | None:
        """Mean time of a measurement; the first, which fills caches, only as long as there is no other.

        Twice that of the first process, if time ended with it; None if nothing ran.
        """
        measured = self._pair_seconds[1:] or self._pair_seconds
        if measured:
            return statistics.fmean(measured)
        return None if self._process_seconds is None else 2 * self._process_seconds

    @property
    def quietness(self) -> Quietness:
        """What the machine said of first measurements."""
        first = [pair.measured for pair in counted(tuple(self.pairs))]
        flags = [(bool(one.base.disturbed), bool(one.cand.disturbed)) for one in first]
        return Quietness(
            base_only=flags.count((True, False)),
            cand_only=flags.count((False, True)),
            both=flags.count((True, True)),
            repeated=self._repeated,
            pairs=len(first),
        )

    @property
    def _counted(self) -> int:
        return len(counted(tuple(self.pairs)))

    @property
    def _repeated(self) -> int:
        return sum(pair.again is not None for pair in self.pairs)

    @property
    def _is_over(self) -> bool:
        return bool(self.crashes or self.not_comparable or self.affordable_pairs is not None)

    def _until(self, pairs: int) -> PairedDifferences:
        """Counted pairs up to so many, as far as time allows; no more once the fewest that decide will not fit."""
        self._planned = max(pairs, self.rule.smallest_pairs)
        while not self._is_over and self._counted < pairs:
            affordable = self._affordable()
            # The first pair's time is no guide to the others': it alone refuses nothing but the next one.
            if affordable <= self._counted or (self._counted and affordable < self.rule.smallest_pairs):
                self.affordable_pairs = affordable
            else:
                self._measure_pair(is_counted=True)
        return paired_differences(tuple(self.pairs))

    def _affordable(self) -> int:
        """Counted pairs that fit the budget, those that are done included. Sees no time of one side alone."""
        return self._counted + max(0, int(self._seconds_left / max(self.pair_seconds or 0.0, 1e-9)))

    @property
    def _seconds_left(self) -> float:
        return self.budget_seconds - (self.clock() - self._began)

    def _has_time_for_the_other(self) -> bool:
        """Half a pair's time; in the first pair, of which nothing is known, that of its own first process.

        What is left depends on one process, and the coin has said whose: if nothing changed, signs stay fair.
        """
        return self._seconds_left > 0 and (self.pair_seconds or 0.0) / 2 <= self._seconds_left

    def _measure_pair(self, *, is_counted: bool) -> None:
        measured = self._measure()
        if measured is None:
            return
        # Kept before it is repeated: what was measured is shown whatever happens next.
        self.pairs.append(Pair(counted=is_counted, measured=measured))
        if is_counted and measured.disturbed and self._may_repeat():
            again = self._measure()
            if again is not None:
                self.pairs[-1] = Pair(measured=measured, again=again)
        self.progress(self._counted, self._planned)

    def _may_repeat(self) -> bool:
        within_share = self._repeated + 1 <= REPEATED_SHARE * self._planned
        return within_share and self._affordable() > self._counted

    def _measure(self) -> Measurement | None:
        """One process of each side, in the order of the coin; both run, even if the first one crashes.

        If the first one uses up the time, it is the last: None.
        """
        began = self.clock()
        first: SideName = "base" if self.generator.integers(2) == 0 else "cand"
        second: SideName = "cand" if first == "base" else "base"
        ran = {first: self.sampler(first)}
        if self._process_seconds is None:
            self._process_seconds = self.clock() - began
        if not self._has_time_for_the_other():
            self.affordable_pairs, self.one_side_only = self._counted, True
            self._sample(first, ran[first], ())  # a crash is told, whatever there is no time for
            return None
        ran[second] = self.sampler(second)
        self._pair_seconds.append(self.clock() - began)
        # What the machine says is judged before any time is read.
        readings = {side: one.reading for side, one in ran.items()}
        said = {
            "base": disturbances(readings["base"], readings["cand"]),
            "cand": disturbances(readings["cand"], readings["base"]),
        }
        base, cand = (self._sample(side, ran[side], said[side]) for side in ("base", "cand"))
        if base is None or cand is None:
            return None
        if self.records is None and ran["base"].record is not None and ran["cand"].record is not None:
            self.records = (ran["base"].record, ran["cand"].record)
            self.not_comparable = self.check_ground(self.records)
        return Measurement(first=first, base=base, cand=cand)

    def _sample(self, side: SideName, ran: Ran, disturbed: tuple[str, ...]) -> Sample | None:
        values = values_of(ran.record) if ran.record is not None and ran.failure is None else {}
        failure = ran.failure
        if failure is None and values.get(GATED) is None:
            message = "the record has no median step time that is a number above 0"
            failure = Failure(kind="ImpossibleTime", message=message, phase="steps")
        if failure is not None:
            self.crashes.append(Crash(side=side, run_id=ran.run_id, failure=failure))
            return None
        return Sample(run_id=ran.run_id, values=values, reading=ran.reading, disturbed=disturbed)


def values_of(record: RunRecord) -> dict[str, float | None]:
    """What is compared, of the one seed that a process ran; None where there is no number above 0."""
    run = record.seeds[0] if record.seeds else None
    return {name: _positive(_value(name, record, run)) for name in COMPARED}


def _value(name: str, record: RunRecord, run: SeedRun | None) -> float | None:
    if run is None:
        return None
    if name == GATED:
        return statistics.median(run.steps.seconds) if run.steps.seconds else None
    if name == "peak_memory_mebibytes":
        return run.peak_memory_mebibytes
    phase = name.removesuffix("_seconds")
    return run.phases_seconds.get(phase) if phase == "validation" else record.phases_seconds.get(phase)


def _positive(value: float | None) -> float | None:
    return value if value is not None and 0 < value < float("inf") else None
