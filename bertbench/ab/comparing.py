"""From two sides to a verdict about speed: the whole of `bertbench ab` on one page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from bertbench.ab.attempts import add_attempt, attempt_key, read_attempts, with_attempts
from bertbench.ab.fields import (
    AbRecord,
    Attempt,
    CheckFacts,
    Crash,
    RuleFacts,
    SideFacts,
    SideName,
    paired_differences,
)
from bertbench.ab.files import ab_folder, ab_path, write_ab
from bertbench.ab.ground import differences, not_comparable, same_bits
from bertbench.ab.measuring import Measuring, Progress, Ran, Sampler
from bertbench.ab.sides import Side
from bertbench.baseline.one_code import factory_of
from bertbench.data.token_cache import forget_rows
from bertbench.errors import RecordError
from bertbench.machine_watch import MachineWatch
from bertbench.processes import Request, run_request
from bertbench.record import Failure, RunRecord
from bertbench.stats.speed_rule import SpeedSeries, look_at
from bertbench.training import new_run_id
from bertbench.verdict import Check, Outcome
from bertbench.verdict.speed_comparison import SpeedEvidence, judge_speed, speed_rule
from bertbench.version import VERSION


@dataclass(frozen=True)
class Plan:
    """What is asked for besides the sides.

    Attributes:
        budget_seconds: Time for all processes together, above 0; the first one tells what a process takes, so that it
            alone may overdraw it.
        gated_specs: Specs whose speed the project gates: they share one error rate.
        coin_seed: Where the coins that order pairs come from.
        epochs: In place of the specs' own; already in the sides.
    """

    budget_seconds: float
    gated_specs: int
    coin_seed: int
    epochs: int | None = None


def compare_speed(
    sides: Mapping[SideName, Side],
    store: Path,
    plan: Plan,
    *,
    progress: Progress | None = None,
    sampler: Sampler | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> AbRecord:
    """Run both sides in turn, decide, and keep everything; also of what was interrupted, once both sides completed.

    Args:
        sides: `base` and `cand`.
        store: The comparison goes to `<store>/ab/<id>`, the records of its processes into the store there.
        plan: What is asked for.
        progress: Told after every pair: counted pairs done and planned.
        sampler: Runs processes; real ones if not given.
        clock: Monotonic time in seconds.

    Returns:
        What was written.

    Raises:
        KeyboardInterrupt: If it was interrupted before a process of each side had completed.
        VerdictError: If *plan* leaves no error rate.
        RecordError: If earlier attempts cannot be read.
        RecordWriteError: If the store cannot be written.
    """
    rule, began, started = speed_rule(gated_specs=plan.gated_specs), clock(), datetime.now(timezone.utc)
    base, cand = sides["base"], sides["cand"]
    ab_id = new_run_id(cand.spec.name)
    measuring = Measuring(
        sampler=sampler or process_sampler(sides, ab_folder(store) / ab_id),
        rule=rule,
        generator=np.random.default_rng(plan.coin_seed),
        budget_seconds=plan.budget_seconds,
        check_ground=lambda records: not_comparable(base.facts, cand.facts, records),
        progress=progress or (lambda _done, _planned: None),
        clock=clock,
    )

    # The pairs
    series, interrupted = None, False
    try:
        series = measuring.run()
    except KeyboardInterrupt:  # whoever did not like what was coming has made an attempt, too
        if measuring.records is None:
            raise
        interrupted = True

    # What was compared
    facts = _with_records(sides, measuring.records)
    differing = differences(base.facts, cand.facts, measuring.records) if measuring.records else ()
    key = _key(sides, measuring.records)

    # The verdict, by itself and after earlier attempts
    alone = judge_speed(_evidence(measuring, series, interrupted=interrupted))
    earlier = read_attempts(ab_folder(store), key) if key else ()
    check = with_attempts(alone, earlier)

    record = AbRecord(
        ab_id=ab_id,
        bertbench_version=VERSION,
        spec=cand.spec.name,
        seed=cand.spec.training.seeds[0],
        epochs=plan.epochs,
        started_at=started,
        finished_at=datetime.now(timezone.utc),
        budget_seconds=plan.budget_seconds,
        spent_seconds=clock() - began,
        coin_seed=plan.coin_seed,
        rule=RuleFacts(
            alpha=rule.alpha,
            gated_specs=plan.gated_specs,
            floor=rule.floor,
            margin=rule.margin,
            pass_alpha=rule.pass_alpha,
            looks=rule.looks,
        ),
        base=facts["base"],
        cand=facts["cand"],
        differences=differing,
        pairs=tuple(measuring.pairs),
        crashes=tuple(measuring.crashes),
        interrupted=interrupted,
        planned_pairs=series.planned_pairs if series else (),
        check=_as_facts(check),
        attempts=earlier,
    )
    write_ab(ab_path(store, ab_id), record)
    _remember(store, ab_id, key, alone.outcome, crashed=bool(measuring.crashes))
    return record


def process_sampler(sides: Mapping[SideName, Side], folder: Path) -> Sampler:
    """Runs processes of the sides, each with a record in the store *folder*, and the machine watched meanwhile."""
    watch = MachineWatch()

    def sample(name: SideName) -> Ran:
        side = sides[name]
        request = Request(
            spec=side.spec,
            run_id=new_run_id(f"{side.spec.name}-{name}"),
            base_folder=side.base_folder,
            store=folder,
            fault=side.fault,
        )
        forget_rows(folder / "cache")  # tokenization is timed: no process finds another's
        watch.start()
        try:
            record = run_request(request, command=side.command, environment=side.environment)
        except RecordError as error:  # also a record that this version cannot read
            return Ran(request.run_id, None, _no_record(error), watch.stop())
        except BaseException:
            watch.stop()
            raise
        return Ran(request.run_id, record, _failure_of(record), watch.stop())

    return sample


def _failure_of(record: RunRecord) -> Failure | None:
    if record.outcome == "completed":
        return None
    return record.failure or Failure(kind="NotCompleted", message=f"the run is {record.outcome}", phase="unknown")


def _no_record(error: RecordError) -> Failure:
    return Failure(kind=type(error).__name__, message=error.message, phase="unknown")


def _key(sides: Mapping[SideName, Side], records: tuple[RunRecord, RunRecord] | None) -> str | None:
    """Names what is compared; None as long as not both sides have completed: rows and weights are not known.

    What was made faulty on purpose has no key: a fail that was asked for binds nobody.
    """
    if records is None or any(side.fault for side in sides.values()):
        return None
    facts = _with_records(sides, records)
    return attempt_key(facts["base"], facts["cand"])


def _remember(store: Path, ab_id: str, key: str | None, outcome: Outcome, *, crashed: bool = False) -> None:
    if key is not None:
        finished_at = datetime.now(timezone.utc)
        attempt = Attempt(key=key, ab_id=ab_id, outcome=outcome, crashed=crashed, finished_at=finished_at)
        add_attempt(ab_folder(store), attempt)


def _with_records(
    sides: Mapping[SideName, Side], records: tuple[RunRecord, RunRecord] | None
) -> dict[SideName, SideFacts]:
    if records is None:
        return {name: side.facts for name, side in sides.items()}
    return {"base": _told(sides["base"], records[0]), "cand": _told(sides["cand"], records[1])}


def _told(side: Side, record: RunRecord) -> SideFacts:
    """What a completed process of a side adds to what it is."""
    return side.facts.model_copy(
        update={
            "environment": record.environment,
            "data_sha256": record.data.sha256 if record.data else None,
            "weights_sha256": record.checkpoint.sha256 if record.checkpoint else None,
            "factory_sha256": factory_of(record),
        }
    )


def _evidence(measuring: Measuring, series: SpeedSeries | None, *, interrupted: bool) -> SpeedEvidence:
    log_ratios = paired_differences(tuple(measuring.pairs)).in_force
    return SpeedEvidence(
        rule=measuring.rule,
        series=series,
        so_far=look_at(log_ratios, measuring.rule) if log_ratios else None,
        quietness=measuring.quietness,
        base_failure=_first_failure(measuring.crashes, "base"),
        cand_failure=_first_failure(measuring.crashes, "cand"),
        not_comparable=measuring.not_comparable,
        pair_seconds=measuring.pair_seconds,
        affordable_pairs=measuring.affordable_pairs,
        one_side_only=measuring.one_side_only,
        interrupted=interrupted,
        context=_context(measuring.records),
    )


def _first_failure(crashes: list[Crash], side: SideName) -> Failure | None:
    return next((crash.failure for crash in crashes if crash.side == side), None)


def _context(records: tuple[RunRecord, RunRecord] | None) -> str:
    if records is None or not same_bits(records):
        return ""
    return "Weights, losses and predictions are the same bits on both sides"


def _as_facts(check: Check) -> CheckFacts:
    told = asdict(check) | {"numbers": dict(check.numbers)}
    return CheckFacts(**{name: told[name] for name in CheckFacts.model_fields})
