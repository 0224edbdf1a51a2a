"""What runs must have in common to be of one baseline or one candidate, besides the code: that is in `one_code`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bertbench.baseline.one_code import factory_of
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


def other_ground(record: RunRecord, than: RunRecord) -> dict[str, tuple[object, object]]:
    """What is known of both and differs: the values of *record* and of *than*."""
    one, two = ground_of(record), ground_of(than)
    return {
        name: (one[name], two[name]) for name in one if None not in (one[name], two[name]) and one[name] != two[name]
    }
