"""Pairs of processes: clean ones on both sides first, which no rule may tell apart; then with each fault that slows.

Pairs that find clean processes slower than clean ones accuse everybody, so they are then asked of no fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bertbench.ab.fields import SideName
from bertbench.ab.measuring import Measuring, Ran
from bertbench.errors import RecordError, VerdictError
from bertbench.machine_watch import MachineWatch
from bertbench.record import Failure
from bertbench.selftest.classes import NumericsClass
from bertbench.selftest.fault_facts import FaultRow, UnchangedSpeed
from bertbench.selftest.fault_matrix import caught, failure_told
from bertbench.selftest.runs import Runs
from bertbench.stats.speed_rule import SpeedSeries
from bertbench.verdict import Check
from bertbench.verdict.speed_comparison import SpeedEvidence, judge_speed, speed_rule


@dataclass(frozen=True)
class PairsSaid:
    """What pairs of processes came to.

    Attributes:
        check: The verdict of speed; None where a process did not complete.
        pairs: Counted ones.
        could_fail: Whether so many pairs could have failed, whatever their times.
        time_ended: Whether there was less time than the rule asked for.
        broke_off: Why a process did not complete; empty if all did.
    """

    check: Check | None
    pairs: int
    could_fail: bool
    time_ended: bool
    broke_off: str = ""


def pairs_said(
    fault: str | None, own: NumericsClass, seed: int, runs: Runs, *, gated_specs: int, seconds: float, coin_seed: int
) -> PairsSaid:
    """Clean processes against such with a fault, by the rule of `bertbench ab`.

    Args:
        fault: Of the candidate; None for clean processes on both sides.
        own: The class that both sides run in.
        seed: That every process runs.
        runs: Starts processes.
        gated_specs: Specs that share the error rate.
        seconds: No pair is begun that would end later.
        coin_seed: Of the coins that order pairs.
    """
    runs.told(f"{fault or 'nothing changed'}: pairs of processes")
    measuring = Measuring(
        sampler=_sampler(fault, own, seed, runs),
        rule=speed_rule(gated_specs=gated_specs),
        generator=np.random.default_rng(coin_seed),
        budget_seconds=min(seconds, runs.seconds_left),
        check_ground=lambda _records: "",
        progress=lambda _done, _planned: None,
        clock=runs.clock,
    )
    series = measuring.run()
    if measuring.crashes:
        broke_off = f"{failure_told(measuring.crashes[0].failure)} (between pairs of processes)"
        return PairsSaid(None, 0, could_fail=False, time_ended=False, broke_off=broke_off)
    evidence = SpeedEvidence(
        rule=measuring.rule,
        series=series,
        so_far=series.looks[-1] if series and series.looks else None,
        quietness=measuring.quietness,
        pair_seconds=measuring.pair_seconds,
        affordable_pairs=measuring.affordable_pairs,
        one_side_only=measuring.one_side_only,
    )
    return PairsSaid(
        check=judge_speed(evidence),
        pairs=series.pairs if series else 0,
        could_fail=_could_fail(series, measuring.rule.smallest_pairs),
        time_ended=measuring.affordable_pairs is not None,
    )


def _sampler(fault: str | None, own: NumericsClass, seed: int, runs: Runs) -> Callable[[SideName], Ran]:
    """Runs a process of a side, the machine watched meanwhile."""
    watch = MachineWatch()

    def sample(side: SideName) -> Ran:
        request = runs.request(own, [seed], fault=fault if side == "cand" else None)
        watch.start()
        try:
            record = runs.start(request)
        except RecordError as error:
            failure = Failure(kind=type(error).__name__, message=error.message, phase="unknown")
            return Ran(request.run_id, None, failure, watch.stop())
        except BaseException:
            watch.stop()
            raise
        return Ran(request.run_id, record, record.failure, watch.stop())

    return sample


def _could_fail(series: SpeedSeries | None, smallest_pairs: int) -> bool:
    return series is not None and any(look.can_fail and look.pairs >= smallest_pairs for look in series.looks)


def unchanged_speed(said: PairsSaid) -> UnchangedSpeed:
    """Of clean processes on both sides, as it is written.

    Raises:
        VerdictError: If one did not complete: then there is nothing to hold faults against.
    """
    if said.check is None:
        raise VerdictError(f"self-test: a process without a fault did not complete: {said.broke_off}")
    return UnchangedSpeed(
        word=said.check.outcome,
        pairs=said.pairs,
        could_fail=said.could_fail,
        slowdown=said.check.observed_value,
        reason=said.check.reason,
    )


def speed_row(row: FaultRow, said: PairsSaid) -> FaultRow:
    """What the other layers said of a fault, and pairs with it.

    Args:
        row: Of the other layers.
        said: Of pairs with this fault on the candidate's side.
    """
    if said.check is None:
        return row.model_copy(update={"broke_off": said.broke_off})
    judged = row.model_copy(update={"speed": said.check.outcome, "slowdown": said.check.observed_value})
    return caught(judged, {"speed": said.check.reason})
