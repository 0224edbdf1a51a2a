"""What runs must have in common to be of one baseline or one candidate, besides the code: that is in `one_code`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bertbench.baseline.one_code import Group, factory_of
from bertbench.record import RunRecord
from bertbench.spec.fingerprint import recipe, recipe_fingerprint


def ground_of(record: RunRecord) -> dict[str, object]:
    """All that runs of one baseline have in common, by the words in which a difference is told.

    What a run that did not complete never came to know is None, and so is the factory of an engine that has none.
    """
    environment, data, checkpoint = record.environment, record.data, record.checkpoint
    return {
        "recipe": record.spec_fingerprint,
        "numerics": environment.numerics_fingerprint if environment else None,
        "data": data.sha256 if data else None,
        "tokenizer": data.tokenizer_sha256 if data else None,
        "labels": data.label_names if data else None,
        "validation rows": data.rows.get("validation", 0) if data else None,
        "weights": checkpoint.sha256 if checkpoint else None,
        "bertbench": record.bertbench_version,
        "factory": factory_of(record),
    }


def recipe_of(record: RunRecord) -> dict[str, Any] | None:
    """The recipe that a run's fingerprint is made of, table by table.

    None if the spec in the record does not give that fingerprint: fields that came later have been added to it, or the
    run is taken under a fingerprint that leaves some out.
    """
    fields = recipe(record.spec)
    return fields if recipe_fingerprint(fields) == record.spec_fingerprint else None


def conflict(records: Sequence[RunRecord]) -> tuple[RunRecord, RunRecord] | None:
    """The first two runs that are known to differ; None if all may be of one ground.

    Each is held against all before it: one that does not know a value may lie between two that do.
    """
    pairs = ((early, late) for number, late in enumerate(records) for early in records[:number])
    return next(((early, late) for early, late in pairs if other_ground(early, than=late)), None)


def parted(group: Group) -> list[Group]:
    """A run with those of its further seeds that are on its ground, and then each of the others alone.

    As after an edit, or an update of a library, between two of them. Where those on its ground are not on one ground
    among themselves, the run knows too little to say which of them are on its own, and all stand alone.

    Args:
        group: A run with the runs of its further seeds, that run first.

    Returns:
        One part or more, that of the run itself first.
    """
    first, *further = group
    beside = [run for run in further if not other_ground(run, than=first)]
    if conflict(beside) is not None:
        beside = []
    taken = {run.run_id for run in beside}
    return [(first, *beside), *((run,) for run in further if run.run_id not in taken)]


def differing(runs: Sequence[RunRecord], than: Sequence[RunRecord]) -> tuple[str, ...]:
    """Names of what any of *runs* is known to differ in from any of the others; the recipe before the factory."""
    names = {name for one in runs for two in than for name in other_ground(one, than=two)}
    return tuple(name for name in ground_of(than[0]) if name in names) if than else ()


def why_apart(runs: Sequence[RunRecord], newest: Sequence[RunRecord]) -> str:
    """Why runs are on another ground than newer ones, in words; empty if they are not known to be.

    The factory is code: `one_code.why_not` tells it.
    """
    names = [name for name in differing(runs, than=newest) if name != "factory"]
    return f"they differ from newer runs in {', '.join(names)}" if names else ""


def other_ground(record: RunRecord, than: RunRecord) -> dict[str, tuple[object, object]]:
    """What is known of both and differs: the values of *record* and of *than*."""
    one, two = ground_of(record), ground_of(than)
    return {
        name: (one[name], two[name]) for name in one if None not in (one[name], two[name]) and one[name] != two[name]
    }
