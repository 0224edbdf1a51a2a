"""Which layer of the verdict sees which fault? Each is run, and every layer that can be asked is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from bertbench.errors import FaultError, NonFiniteLossError
from bertbench.record import Failure, RunRecord
from bertbench.selftest.clean import Clean
from bertbench.selftest.fault_choice import Choice, KnownFault
from bertbench.selftest.fault_facts import FaultRow, Layer, LayerWord
from bertbench.selftest.figures import IntervalFacts, RateFacts
from bertbench.selftest.judging import quality_check, restricted
from bertbench.selftest.measuring import CONFIDENCE, drop_interval
from bertbench.selftest.plan import Costs
from bertbench.selftest.runs import Runs, SeedOutcome, outcomes_of
from bertbench.stats import exact_rate, judge_failed_seeds
from bertbench.verdict import Check, judge_recipe

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
    unchanged = equal and not changed and len(shared) == len(outcomes)
    judged = tuple(outcomes)[: clean.gate.rule.looks[-1]]
    quality = _quality(record, judged, clean)
    apart = _apart(outcomes, judged, clean)
    failed = _failed(apart.faulty)
    row = unrun(fault).model_copy(
        update={
            "seeds": len(outcomes),
            "failed_seeds": sum(outcome.failed for outcome in outcomes.values()),
            "run": "pass",
            "lock": lock.outcome if trusted.lock == "pass" else "",
            "identity": ("equal" if equal else "differs") if trusted.identity == "equal" else "",
            "changed_numbers": changed if trusted.identity == "equal" else None,
            "quality": quality.outcome if quality else "",
            "drop_points": _nothing(len(outcomes)) if unchanged else _drop(clean.outcomes, outcomes, clean),
            "harm_points": None if unchanged else _harm(apart, clean),
            "harm_failed": failed,
            "fails_too_often": failed is not None and _is_too_often(failed, clean),
        }
    )
    return caught(row, {"lock": lock.reason, "quality": quality.reason if quality else ""})


def _not_completed(fault: KnownFault, record: RunRecord) -> FaultRow:
    """NaN is what a run judges itself, so that one is caught; a process that was killed says nothing of the fault."""
    said = failure_told(record.failure) if record.failure else record.outcome
    row = unrun(fault).model_copy(update={"seeds": len(record.seeds)})
    if record.failure is not None and record.failure.kind == NonFiniteLossError.__name__:
        return caught(row.model_copy(update={"run": "fail", "reason": said}), {})
    return row.model_copy(update={"broke_off": said})


def _quality(record: RunRecord, judged: Sequence[int], clean: Clean) -> Check | None:
    """The gate, if there is a bank and its first look has its seeds."""
    if clean.bank is None or len(judged) < clean.gate.rule.looks[0]:
        return None
    return quality_check([restricted(record, judged)], clean.bank, clean.gate)


class _Apart(NamedTuple):
    """Seeds by which harm is shown: neither judged nor in the bank; none without a bank.

    Attributes:
        own: Clean ones.
        faulty: With the fault.
    """

    own: Mapping[int, SeedOutcome]
    faulty: Mapping[int, SeedOutcome]


def _apart(outcomes: Mapping[int, SeedOutcome], judged: Sequence[int], clean: Clean) -> _Apart:
    if clean.bank is None:
        return _Apart({}, {})
    used = {*judged, *(seed.seed for seed in clean.bank.seeds)}
    own, faulty = ({k: v for k, v in side.items() if k not in used} for side in (clean.outcomes, outcomes))
    return _Apart(_no_copies(own), _no_copies(faulty))


def _harm(apart: _Apart, clean: Clean) -> IntervalFacts | None:
    """What the fault costs, over seeds that did not fail."""
    if min(map(len, map(_hits, apart))) < _SEEDS_THAT_SHOW_HARM:
        return None
    return _drop(*apart, clean)


def _failed(faulty: Mapping[int, SeedOutcome]) -> RateFacts | None:
    """How many seeds the fault makes fail: the worst that it can do, and in no mean."""
    if len(faulty) < _SEEDS_THAT_SHOW_HARM:
        return None
    return RateFacts.of(exact_rate(sum(seed.failed for seed in faulty.values()), len(faulty)))


def _is_too_often(failed: RateFacts, clean: Clean) -> bool:
    """By the gate's own rule, in one look; what fails without the fault too is no harm of it."""
    without = sum(seed.failed for seed in clean.outcomes.values()) / len(clean.outcomes)
    judged = judge_failed_seeds(
        failed.count,
        failed.trials,
        looks=(failed.trials,),
        allowed_rate=max(clean.gate.allowed_failed_rate, without),
        alpha=clean.gate.failed_alpha,
    )
    return judged.word == "fail"


def _drop(own: Mapping[int, SeedOutcome], faulty: Mapping[int, SeedOutcome], clean: Clean) -> IntervalFacts | None:
    sides = (_hits(_no_copies(side)) for side in (own, faulty))
    return drop_interval(*sides, rows=clean.rows, distinct_rows=clean.distinct_rows)


def _nothing(seeds: int) -> IntervalFacts:
    """Where every seed has the bits and numbers that it has without the fault: certain."""
    return IntervalFacts(estimate=0.0, low=0.0, high=0.0, samples=seeds, confidence=CONFIDENCE)


def _no_copies(outcomes: Mapping[int, SeedOutcome]) -> dict[int, SeedOutcome]:
    """Of seeds with the same bits the first: another one is no further sample."""
    first = {outcome.digests: seed for seed, outcome in reversed(list(outcomes.items()))}
    return {seed: outcome for seed, outcome in outcomes.items() if first[outcome.digests] == seed}


def _hits(outcomes: Mapping[int, SeedOutcome]) -> dict[int, int]:
    return {seed: outcome.hits for seed, outcome in outcomes.items() if not outcome.failed}


def failure_told(failure: Failure) -> str:
    """In one line."""
    return f"{failure.kind}: {' '.join(failure.message.split())}"


def unrun(fault: KnownFault) -> FaultRow:
    """A row of a fault that no layer was asked about."""
    return FaultRow(
        name=fault.name,
        does=fault.does,
        changes_numbers=fault.changes_numbers,
        slows_median_step=fault.slows_median_step,
        median_step_slower_by=fault.median_step_slower_by,
    )


def refused_rows(choice: Choice) -> dict[str, FaultRow]:
    """By name, rows of the faults that need not be run to know that they would do nothing to this spec."""
    known = {fault.name: fault for fault in choice.known}
    return {name: _refused_row(known[name], reason) for name, reason in choice.refused.items()}


def _refused_row(fault: KnownFault, reason: str) -> FaultRow:
    return unrun(fault).model_copy(update={"reason": reason})


def caught(row: FaultRow, reasons: Mapping[str, str]) -> FaultRow:
    """The same row with the first layer that saw it, and what that said.

    Args:
        row: With the word of every layer that was asked.
        reasons: By layer.
    """
    layer = next((layer for layer, word in _SEEN if getattr(row, layer) == word), "none")
    reason = row.reason if layer in ("run", row.caught_by) else reasons.get(layer, "")
    return row.model_copy(update={"caught_by": layer, "reason": reason})


def words_of(rows: Collection[FaultRow], *, seeds: int) -> str:
    """How many ran, with so many seeds each; those that the spec refused, or that broke off, are none of them."""
    refused, broken = sum(row.is_refused for row in rows), sum(bool(row.broke_off) for row in rows)
    ran = f"{len(rows) - refused - broken} with {seeds} seeds each"
    others = [f"{number} {word}" for number, word in ((refused, "refused"), (broken, "broke off")) if number]
    return "; ".join([ran, *others])
