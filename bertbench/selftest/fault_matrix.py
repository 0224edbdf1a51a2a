"""Which layer of the verdict sees which fault? Each is run, and every layer that can be asked is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count

import numpy as np

from bertbench.ab.measuring import Measuring, Ran
from bertbench.errors import FaultError, NonFiniteLossError, RecordError
from bertbench.machine_watch import MachineWatch
from bertbench.record import Failure, RunRecord
from bertbench.selftest.classes import NumericsClass
from bertbench.selftest.clean import Clean
from bertbench.selftest.fault_choice import Choice, KnownFault
from bertbench.selftest.fault_facts import FaultRow, Layer, LayerWord
from bertbench.selftest.figures import IntervalFacts
from bertbench.selftest.judging import quality_check, restricted
from bertbench.selftest.measuring import drop_interval
from bertbench.selftest.plan import Costs
from bertbench.selftest.runs import Runs, SeedOutcome, outcomes_of
from bertbench.verdict import Check, judge_recipe
from bertbench.verdict.speed_comparison import SpeedEvidence, judge_speed, speed_rule

#: Harm is shown by so many seeds a side, not by four that were unlucky.
_SEEDS_THAT_SHOW_HARM = 10
#: In the order in which they are asked; of each, what counts as 'seen'.
_SEEN: tuple[tuple[Layer, LayerWord], ...] = (
    ("run", "fail"),
    ("lock", "fail"),
    ("identity", "differs"),
    ("quality", "fail"),
    ("speed", "fail"),
)


def fault_rows(
    faults: Sequence[KnownFault], clean: Clean, runs: Runs, *, seeds: int, costs: Costs
) -> Iterator[FaultRow]:
    """Run each fault that still fits the time, and ask run, lock, identity and quality.

    Args:
        faults: In the order in which they are run.
        clean: What they are held against.
        runs: Starts processes.
        seeds: With each, the first of the clean ones; further ones follow them.
        costs: What a run takes, to begin none that will not fit.
    """
    known = list(clean.outcomes)
    fresh = (seed for seed in count(min(known)) if seed not in clean.outcomes)
    order = [*known[:seeds], *(next(fresh) for _ in range(seeds - len(known)))]
    for fault in faults:
        if costs.of(seeds=len(order)) > runs.seconds_left:
            return
        yield _row(fault, clean, runs.run(clean.own, order, fault=fault.name))


def _row(fault: KnownFault, clean: Clean, record: RunRecord) -> FaultRow:
    if record.failure is not None and record.failure.kind == FaultError.__name__:  # it would do nothing to this spec
        return _refused_row(fault, record.failure.message)
    if record.outcome != "completed":
        return _not_completed(fault, record)
    outcomes = outcomes_of(record)
    trusted = clean.facts
    lock = judge_recipe(record)
    shared = [seed for seed in outcomes if seed in clean.outcomes]
    equal = all(outcomes[seed].digests == clean.outcomes[seed].digests for seed in shared)
    changed = any(outcomes[seed].numbers != clean.outcomes[seed].numbers for seed in shared)
    judged = tuple(outcomes)[: clean.gate.rule.looks[-1]]
    quality = _quality(record, judged, clean)
    row = unrun(fault).model_copy(
        update={
            "seeds": len(outcomes),
            "run": "pass",
            "lock": lock.outcome if trusted.lock == "pass" else "",
            "identity": ("equal" if equal else "differs") if trusted.identity == "equal" else "",
            "changed_numbers": changed if trusted.identity == "equal" else None,
            "quality": quality.outcome if quality else "",
            "drop_points": _drop(_hits(clean.outcomes), _hits(outcomes), clean),
            "harm_points": _harm(outcomes, judged, clean),
        }
    )
    return _caught(row, {"lock": lock.reason, "quality": quality.reason if quality else ""})


def _not_completed(fault: KnownFault, record: RunRecord) -> FaultRow:
    """NaN is what a run judges itself, so that one is caught; a process that was killed says nothing of the fault."""
    said = _told(record.failure) if record.failure else record.outcome
    row = unrun(fault).model_copy(update={"seeds": len(record.seeds)})
    if record.failure is not None and record.failure.kind == NonFiniteLossError.__name__:
        return _caught(row.model_copy(update={"run": "fail", "reason": said}), {})
    return row.model_copy(update={"broke_off": said})


def _quality(record: RunRecord, judged: Sequence[int], clean: Clean) -> Check | None:
    """The gate, if there is a bank and its first look has its seeds."""
    if clean.bank is None or len(judged) < clean.gate.rule.looks[0]:
        return None
    return quality_check([restricted(record, judged)], clean.bank, clean.gate)


def _harm(outcomes: Mapping[int, SeedOutcome], judged: Sequence[int], clean: Clean) -> IntervalFacts | None:
    """What the fault costs on seeds that are neither judged nor in the bank."""
    if clean.bank is None:
        return None
    used = {*judged, *(seed.seed for seed in clean.bank.seeds)}
    own, faulty = ({k: v for k, v in _hits(side).items() if k not in used} for side in (clean.outcomes, outcomes))
    if min(len(own), len(faulty)) < _SEEDS_THAT_SHOW_HARM:
        return None
    return _drop(own, faulty, clean)


def _drop(own: Mapping[int, int], faulty: Mapping[int, int], clean: Clean) -> IntervalFacts | None:
    return drop_interval(own, faulty, rows=clean.rows, distinct_rows=clean.distinct_rows)


def _hits(outcomes: Mapping[int, SeedOutcome]) -> dict[int, int]:
    return {seed: outcome.hits for seed, outcome in outcomes.items() if not outcome.failed}


def _told(failure: Failure) -> str:
    return f"{failure.kind}: {' '.join(failure.message.split())}"


def speed_row(
    row: FaultRow, own: NumericsClass, seed: int, runs: Runs, *, gated_specs: int, seconds: float, coin_seed: int
) -> FaultRow:
    """Ask speed of one fault: pairs of processes, with it and without.

    Args:
        row: What the other layers said.
        own: The class that both sides run in.
        seed: That every process runs.
        runs: Starts processes.
        gated_specs: Specs that share the error rate.
        seconds: No pair is begun that would end later.
        coin_seed: Of the coins that order pairs.
    """
    watch = MachineWatch()

    def sample(side: str) -> Ran:
        request = runs.request(own, [seed], fault=row.name if side == "cand" else None)
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

    measuring = Measuring(
        sampler=sample,
        rule=speed_rule(gated_specs=gated_specs),
        generator=np.random.default_rng(coin_seed),
        budget_seconds=min(seconds, runs.seconds_left),
        check_ground=lambda _records: "",
        progress=lambda _done, _planned: None,
        clock=runs.clock,
    )
    series = measuring.run()
    if measuring.crashes:
        return row.model_copy(
            update={"broke_off": f"{_told(measuring.crashes[0].failure)} (between pairs of processes)"}
        )
    evidence = SpeedEvidence(
        rule=measuring.rule,
        series=series,
        so_far=series.looks[-1] if series and series.looks else None,
        quietness=measuring.quietness,
        pair_seconds=measuring.pair_seconds,
        affordable_pairs=measuring.affordable_pairs,
        one_side_only=measuring.one_side_only,
    )
    check = judge_speed(evidence)
    judged = row.model_copy(update={"speed": check.outcome, "slowdown": check.observed_value})
    return _caught(judged, {"speed": check.reason})


def unrun(fault: KnownFault) -> FaultRow:
    """A row of a fault that no layer was asked about."""
    return FaultRow(
        name=fault.name,
        does=fault.does,
        changes_numbers=fault.changes_numbers,
        slows_median_step=fault.slows_median_step,
    )


def refused_rows(choice: Choice) -> dict[str, FaultRow]:
    """By name, rows of the faults that need not be run to know that they would do nothing to this spec."""
    known = {fault.name: fault for fault in choice.known}
    return {name: _refused_row(known[name], reason) for name, reason in choice.refused.items()}


def _refused_row(fault: KnownFault, reason: str) -> FaultRow:
    return unrun(fault).model_copy(update={"reason": reason})


def _caught(row: FaultRow, reasons: Mapping[str, str]) -> FaultRow:
    """The first layer that saw it."""
    layer = next((layer for layer, word in _SEEN if getattr(row, layer) == word), "none")
    reason = row.reason if layer in ("run", row.caught_by) else reasons.get(layer, "")
    return row.model_copy(update={"caught_by": layer, "reason": reason})


def words_of(rows: Collection[FaultRow], *, seeds: int) -> str:
    """How many ran, with so many seeds each; those that the spec refused, or that broke off, are none of them."""
    refused, broken = sum(row.is_refused for row in rows), sum(bool(row.broke_off) for row in rows)
    ran = f"{len(rows) - refused - broken} with {seeds} seeds each"
    others = [f"{number} {word}" for number, word in ((refused, "refused"), (broken, "broke off")) if number]
    return "; ".join([ran, *others])
