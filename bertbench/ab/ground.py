"""Do both sides do the same work? And what differs between them?"""

from __future__ import annotations

from typing import Any

from bertbench.ab.fields import SideFacts
from bertbench.record import RunRecord
from bertbench.spec import Spec
from bertbench.spec.fingerprint import recipe
from bertbench.verdict.identity import differing_facts


def not_comparable(base: SideFacts, cand: SideFacts, records: tuple[RunRecord, RunRecord]) -> str:
    """Why times of the two say nothing of each other; empty if they do.

    Two specs are meant to differ in what they say, checkpoint and folder of rows included. Other sides, and two specs
    that say the same, must agree in recipe, data and pretrained weights.

    Args:
        base: What it is.
        cand: Likewise.
        records: Of a completed process each.
    """
    first, second = (_says(record.spec) for record in records)
    if base.kind == cand.kind == "spec" and first != second:
        return ""
    return "; ".join(_work(*records))


def differences(base: SideFacts, cand: SideFacts, records: tuple[RunRecord, RunRecord]) -> tuple[str, ...]:
    """What differs, side by side: work, code, environment, and what the running engines said of themselves."""
    first, second = records
    told = _work(first, second)
    told += differing_facts(_code(base), _code(cand))
    one, other = first.environment, second.environment
    if one is not None and other is not None:
        told += differing_facts(one.numerics, other.numerics) + differing_facts(one.machine, other.machine)
    told += [f"engine: {fact}" for fact in differing_facts(*map(_engine, records))]
    return tuple(told)


def same_bits(records: tuple[RunRecord, RunRecord]) -> bool:
    """Whether weights, losses and predictions of the seed are equal on both sides."""
    first, second = (record.seeds[0].digests for record in records)
    return first is not None and first == second


def _says(spec: Spec) -> dict[str, Any]:
    """The recipe, and where weights and rows come from."""
    return recipe(spec) | {"source": spec.checkpoint.source, "folder": spec.data.folder}


def _work(first: RunRecord, second: RunRecord) -> list[str]:
    """Differences in what has to be computed."""
    told = [f"recipe: {fact}" for fact in differing_facts(recipe(first.spec), recipe(second.spec))]
    for what, one, other in (
        ("data", *(record.data.sha256 if record.data else None for record in (first, second))),
        ("tokenizer", *(record.data.tokenizer_sha256 if record.data else None for record in (first, second))),
        ("weights", *(record.checkpoint.sha256 if record.checkpoint else None for record in (first, second))),
    ):
        if one != other:
            told.append(f"{what}: {str(one)[:12]} against {str(other)[:12]}")
    return told


def _engine(record: RunRecord) -> dict[str, Any]:
    """What the engine said of itself; who found the other's programs on disk was decided by a coin."""
    return {name: fact for name, fact in record.seeds[0].live_recipe.items() if name != "programs"}


def _code(side: SideFacts) -> dict[str, str | None]:
    return {
        "bertbench": side.bertbench_version,
        "code": side.code_sha256[:12],
        "commit": side.commit[:12] if side.commit else None,
    }
