"""Bit for bit: whether two runs of one spec and seed are the same, and where they part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bertbench.record import RunRecord, SeedRun, VariableFacts
from bertbench.verdict.outcomes import Check, Outcome

NAME = "identity_on_repeat"


@dataclass(frozen=True)
class Parting:
    """Where two completed runs of one seed part.

    Attributes:
        told: In words.
        numbers: By name, as far as they are known: `differing_seed`; `first_differing_step` and `first_differing_epoch`
            (from 0); `loss_difference` or `gradient_norm_difference` there, or `train_loss_difference` of that epoch
            where steps are not known; `differing_variables` of `variables`, and `first_variable_norm_difference`.
    """

    told: str
    numbers: Mapping[str, float] = field(default_factory=dict)


def judge_repeat(first: RunRecord, repeat: RunRecord) -> Check:
    """Hold a repeat in a fresh process against the run it repeats.

    A seed that differs fails; a seed that should have been repeated and was not leaves the promise undecided, and so
    does a repeat that still runs.

    Args:
        first: The run.
        repeat: The same spec in another process, with some or all of the seeds; one that was killed as one that failed
            (`bertbench.store.Entry.settled`).
    """
    if (check := _not_completed(first, repeat)) is not None:
        return check
    if reason := _not_comparable(first, repeat):
        return _check("undecided", "not comparable", reason)
    repeated = [run for run in repeat.seeds if run.seed in first.spec.training.seeds]
    if parted := [one for run in repeated if (one := parting(first.seed_run(run.seed), run))]:
        told = "; ".join(one.told for one in parted) + _differing_environment(first, repeat)
        return _check("fail", "different bits", told, numbers=parted[0].numbers)
    if missing := _listed(_prescribed(first) - {run.seed for run in repeated}):
        return _check("undecided", "not repeated", f"seed {missing} was to be repeated and was not")
    if not repeated:
        return _check("undecided", "not repeated", "no seed of the run was repeated")
    seeds = _listed(run.seed for run in repeated)
    return _check("pass", "equal bits", f"weights, losses and predictions of seed {seeds} are equal in a fresh process")


def _not_completed(first: RunRecord, repeat: RunRecord) -> Check | None:
    """What is said where one of the two did not complete, or not yet; None if both did."""
    if first.outcome == "completed" and repeat.outcome == "running":
        said, next_step = "the repeat still runs", f"wait until it has ended, then: bertbench show {first.run_id}"
        return _check("undecided", said, f"{said} ({repeat.run_id}), so nothing was shown yet", next_step=next_step)
    for record, which in ((first, "run"), (repeat, "repeat")):
        if record.outcome != "completed":
            said = f"the {which} is {record.outcome}"
            return _check("fail", said, f"{said}, so nothing was shown", next_step=f"bertbench show {record.run_id}")
    return None


def _not_comparable(first: RunRecord, repeat: RunRecord) -> str:
    """Why the two say nothing of each other; empty if they do."""
    if repeat.repeats != first.run_id:
        return f"{repeat.run_id} is no repeat of {first.run_id}"
    if repeat.spec_fingerprint != first.spec_fingerprint:
        return f"{repeat.run_id} has another recipe than {first.run_id}"
    if any(run.digests is None for record in (first, repeat) for run in record.seeds):
        return "a seed has no digests"
    return ""


def _prescribed(first: RunRecord) -> set[int]:
    """The seeds that the spec wants to see again."""
    seeds = first.spec.training.seeds
    return set({"every_seed": seeds, "first_seed": seeds[:1], "no": ()}[first.spec.identity.repeat])


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))


def parting(first: SeedRun, second: SeedRun) -> Parting | None:
    """Where two completed runs of one seed part; None if they are the same bits."""
    names = [name for name in ("losses", "predictions", "weights") if _digest(first, name) != _digest(second, name)]
    if not names:
        return None
    step, variable = _first_step(first, second), _first_variable(first, second)
    return Parting(
        f"seed {first.seed}: {' and '.join(names)} differ{step.told}{variable.told}",
        {"differing_seed": first.seed, **step.numbers, **variable.numbers},
    )


def _digest(run: SeedRun, name: str) -> str:
    return str(getattr(run.digests, name))


def _first_step(first: SeedRun, second: SeedRun) -> Parting:
    """The first step whose loss or gradient norm is another, its epoch, and by how much."""
    names = ("loss", "gradient_norm")  # in the order in which a step computes them
    one, other = ([getattr(run.steps, name) for name in names] for run in (first, second))
    steps, other_steps = len(one[0]), len(other[0])
    for step in range(min(steps, other_steps)):
        for name, left, right in zip(names, one, other, strict=True):
            a, b = left[step], right[step]
            if a != b and not (math.isnan(a) and math.isnan(b)):
                # None if the run ended within that epoch
                epoch = next((row.epoch for row in first.epochs if step < row.steps_end), None)
                where = f"step {step}" + ("" if epoch is None else f" of epoch {epoch}")
                return Parting(
                    f"; first at {where}: {name} {a!r} against {b!r}, {_apart(a, b, is_norm=name != 'loss')}",
                    known_numbers(
                        first_differing_step=step,
                        first_differing_epoch=epoch,
                        **{f"{name}_difference": abs(a - b)},
                    ),
                )
    if steps != other_steps:
        return Parting(f"; {steps} steps against {other_steps}")
    return Parting("; every loss and gradient norm of the steps is equal")


def known_numbers(**numbers: float | None) -> dict[str, float]:
    """Those that are there and finite: a loss that is no number is no number away from another."""
    return {name: number for name, number in numbers.items() if number is not None and math.isfinite(number)}


def _apart(a: float, b: float, *, is_norm: bool) -> str:
    """The size of a difference; two vectors may be further apart than their norms, which are all that is kept."""
    return f"norms differ by {abs(a - b):.3g}" if is_norm else f"{abs(a - b):.3g} apart"


def _first_variable(first: SeedRun, second: SeedRun) -> Parting:
    """The first variable, on the way from tokens to logits, that ended as another, and how far apart the norms are."""
    if not first.variables or not second.variables:
        return Parting("")
    names = sorted(first.variables.keys() | second.variables.keys(), key=network_order)
    differing = [name for name in names if not _are_equal(first.variables.get(name), second.variables.get(name))]
    counted = {"differing_variables": len(differing), "variables": len(names)}
    if not differing:
        return Parting("; every variable is equal", counted)
    name = differing[0]
    one, other = first.variables.get(name), second.variables.get(name)
    count = f"{len(differing)} of {len(names)} variables"
    if one is None or other is None:
        return Parting(f"; {count}, first {name}, which only one run has", counted)
    apart = _apart(one.norm, other.norm, is_norm=True)
    return Parting(
        f"; {count}, first {name}: norm {one.norm!r} against {other.norm!r}, {apart}",
        counted | known_numbers(first_variable_norm_difference=abs(one.norm - other.norm)),
    )


def _are_equal(one: VariableFacts | None, other: VariableFacts | None) -> bool:
    """By their bits; norms are for people, and their last digit may be another where numpy adds up otherwise."""
    return one is not None and other is not None and one.sha256 == other.sha256


#: Where a part of transformers' BertForSequenceClassification stands between tokens and logits.
_PARTS = (
    "word_embeddings",
    "token_type_embeddings",
    "position_embeddings",
    "embeddings.LayerNorm",
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
    "pooler",
    "classifier",
)
#: First of all the embeddings, then the layers by their number, then the head.
_STAGES = ("bert.embeddings.", "bert.encoder.layer.", "")


def network_order(name: str) -> tuple[int, int, int, str]:
    """Sorts variables, by their names in transformers, in the order in which the network reads them."""
    stage = next(number for number, beginning in enumerate(_STAGES) if name.startswith(beginning))
    layer = name.removeprefix("bert.encoder.layer.").partition(".")[0]
    place = next((number for number, part in enumerate(_PARTS) if part in name), len(_PARTS))
    return stage, int(layer) if layer.isdigit() else -1, place, name


def _differing_environment(first: RunRecord, second: RunRecord) -> str:
    """What differs between the two processes' numerics; a repeat should differ in nothing."""
    if first.environment is None or second.environment is None:
        return ""
    differing = differing_facts(first.environment.numerics, second.environment.numerics)
    return f"; environments differ in {'; '.join(differing)}" if differing else ""


def differing_facts(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Facts that differ, side by side: `libraries.keras: 3.15.1 against 3.16.0`."""
    return [f"{name}: {left} against {right}" for name, left, right in side_by_side(one, other)]


def side_by_side(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Name and both values of every fact that differs; None where a side has none."""
    left, right = _flat(one), _flat(other)
    names = [name for name in {**left, **right} if left.get(name) != right.get(name)]
    return [(name, left.get(name), right.get(name)) for name in names]


def _flat(facts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Facts within facts by dotted names, such as `libraries.keras`."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _check(
    outcome: Outcome, observed: str, reason: str, *, next_step: str = "", numbers: Mapping[str, float] | None = None
) -> Check:
    next_steps: dict[Outcome, str] = {
        "fail": "set runtime.deterministic = true; look for code that draws random numbers",
        "undecided": "run the spec again, with its repeat",
    }
    return Check(
        name=NAME,
        kind="identity",
        outcome=outcome,
        observed=observed,
        promised="equal bits",
        reason=reason,
        next_step=next_step or next_steps.get(outcome, ""),
        numbers=numbers or {},
    )
