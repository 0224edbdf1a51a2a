"""Whether what ran is what the spec says: values read back from the running engine and from what it was given.

A hyperparameter that drifted (a default changed by an upgrade, a refactoring that forgot an argument) is named with
both values, after one run and without statistics. What a record does not hold leaves the lock undecided: nothing was
shown of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from bertbench.record import RunRecord, SeedRun
from bertbench.verdict.decay_drifts import decay_drifts
from bertbench.verdict.drifts import Drift, held, not_held
from bertbench.verdict.network_drifts import network_drifts
from bertbench.verdict.outcomes import Check, Outcome
from bertbench.verdict.rows_drifts import rows_drifts
from bertbench.verdict.training_drifts import training_drifts

NAME = "recipe_lock"

_COMPARE = "compare library versions and the code that builds network, optimizer and batches"
#: Different drifts named in one reason; beyond that the check keeps all of them as `details`.
_SHOWN = 20


def judge_recipe(record: RunRecord) -> Check:
    """Hold the live values of every seed against spec, data and checkpoint.

    Args:
        record: The run; if it is not completed there is nothing to hold.

    Returns:
        Fail if anything drifted; undecided if nothing did, but something is not in the record; else pass.
    """
    if record.outcome != "completed":
        said = f"the run is {record.outcome}"
        return _check("fail", said, f"{said}, so nothing was shown", f"bertbench show {record.run_id}")
    return judge_completed_seeds(record)


def judge_completed_seeds(record: RunRecord) -> Check:
    """As `judge_recipe`, of the seeds that completed, whatever became of the run after them.

    Args:
        record: The run; if no seed of it completed there is nothing to hold, and nothing drifted.
    """
    completed = [run for run in record.seeds if run.outcome == "completed"]
    found = [(run.seed, drift) for run in completed for drift in _drifts(record, run)]
    if any(drift.recorded for _, drift in found):
        return _drifted(record, [(seed, drift) for seed, drift in found if drift.recorded])
    if missing := list(dict.fromkeys(drift.text for _, drift in found)):
        reason = f"the record lacks what an older version did not write: {', '.join(missing)}"
        return _check("undecided", "not recorded", reason, "run the spec again")
    reason = f"live values of {len(completed)} seeds are those of the spec"
    unseen = {part: why for run in completed for part, why in not_held(run.live_recipe).items()}
    if unseen:
        left_out = "; ".join(f"{part.replace('_', ' ')} ({why})" for part, why in sorted(unseen.items()))
        reason += f". Not held, since engine {record.spec.engine} cannot show it: {left_out}"
    return _check("pass", "as specified", reason, "")


def _drifted(record: RunRecord, found: Sequence[tuple[int, Drift]]) -> Check:
    """Every different drift with the seeds that have it; where they are many, the first of each sort before others."""
    seeds: dict[Drift, list[int]] = {}
    for seed, drift in found:
        seeds.setdefault(drift, []).append(seed)
    named = [f"{_seeds(numbers)}: {drift.text}" for drift, numbers in seeds.items()]
    shown, more = named, ""
    if len(named) > _SHOWN:
        shown = [named[number] for number in _first_of_each_sort(list(seeds))]
        more = f"; and {len(named) - _SHOWN} more, all of them: bertbench show {record.run_id}"
    details = tuple(named) if more else ()
    return _check("fail", f"{len(named)} drifted", "; ".join(shown) + more, _COMPARE, details=details)


def _first_of_each_sort(drifts: Sequence[Drift]) -> list[int]:
    """Which drifts to show, in their order: none is left out because there were many of another sort."""
    times: dict[str, int] = {}
    ranks = []
    for number, drift in enumerate(drifts):
        sort = drift.one_of or drift.text
        ranks.append((times.get(sort, 0), number))
        times[sort] = times.get(sort, 0) + 1
    return sorted(number for _, number in sorted(ranks)[:_SHOWN])


def _seeds(numbers: Iterable[int]) -> str:
    """In words, such as `seed 7` and `seeds 0-4, 9`."""
    ranges = []
    for _, neighbours in groupby(enumerate(sorted(numbers)), key=lambda placed: placed[1] - placed[0]):
        ends = [number for _, number in neighbours]
        ranges.append(str(ends[0]) if len(ends) == 1 else f"{ends[0]}-{ends[-1]}")
    is_one = len(ranges) == 1 and "-" not in ranges[0]
    return f"seed{'' if is_one else 's'} {', '.join(ranges)}"


def _drifts(record: RunRecord, run: SeedRun) -> Iterator[Drift]:
    """Everything that is not shown to be as the spec, the data and the checkpoint say."""
    pinned = record.spec.checkpoint.sha256
    if pinned is not None and record.checkpoint is not None:
        yield from held("checkpoint.sha256", pinned, record.checkpoint.sha256)
    yield from training_drifts(record, run)
    yield from decay_drifts(record, run)
    yield from network_drifts(record, run)
    yield from rows_drifts(record, run)


def _check(outcome: Outcome, observed: str, reason: str, next_step: str, *, details: tuple[str, ...] = ()) -> Check:
    return Check(
        name=NAME,
        kind="lock",
        outcome=outcome,
        observed=observed,
        promised="as specified",
        reason=reason,
        next_step=next_step,
        details=details,
    )
