"""Bit for bit: whether two runs of one spec and seed are the same, and where they part."""

from __future__ import annotations

from bertbench.record import RunRecord, SeedRun
from bertbench.verdict.outcomes import Check, Outcome

NAME = "identity_on_repeat"


def judge_repeat(first: RunRecord, repeat: RunRecord) -> Check:
    """Hold a repeat in a fresh process against the run it repeats.

    Args:
        first: The run.
        repeat: The same spec in another process, with some or all of the seeds.
    """
    for record, which in ((first, "run"), (repeat, "repeat")):
        if record.outcome != "completed":
            return _check("fail", f"the {which} is {record.outcome}", f"the {which} is {record.outcome}")
    if not repeat.seeds:
        return _check("undecided", "nothing", "the repeat ran no seed")
    parted = [text for run in repeat.seeds if (text := difference(first.seed_run(run.seed), run))]
    seeds = ", ".join(str(run.seed) for run in repeat.seeds)
    if parted:
        where = _differing_environment(first, repeat)
        return _check("fail", "different bits", "; ".join(parted) + where)
    return _check("pass", "equal bits", f"weights, losses and predictions of seed {seeds} are equal in a fresh process")


def difference(first: SeedRun, second: SeedRun) -> str:
    """Where two runs of one seed part, in words; empty if they are the same bits."""
    if first.digests is None or second.digests is None:
        return f"seed {first.seed}: no digests to compare"
    names = [name for name in ("losses", "predictions", "weights") if _digest(first, name) != _digest(second, name)]
    if not names:
        return ""
    return f"seed {first.seed}: {' and '.join(names)} differ{_first_step(first, second)}"


def _digest(run: SeedRun, name: str) -> str:
    return str(getattr(run.digests, name))


def _first_step(first: SeedRun, second: SeedRun) -> str:
    """The first step whose loss or gradient norm is another, and by how much."""
    for name in ("loss", "gradient_norm"):
        one, other = getattr(first.steps, name), getattr(second.steps, name)
        if len(one) != len(other):
            return f"; {len(one)} steps against {len(other)}"
        for step, (a, b) in enumerate(zip(one, other, strict=True)):
            if a != b:
                return f"; first at step {step}: {name} {a!r} against {b!r}, {abs(a - b):.3g} apart"
    return "; every loss and gradient norm of the steps is equal"


def _differing_environment(first: RunRecord, second: RunRecord) -> str:
    """What differs between the two processes' numerics; a repeat should differ in nothing."""
    if first.environment is None or second.environment is None:
        return ""
    one, other = first.environment.numerics, second.environment.numerics
    differing = [f"{key}: {one.get(key)} against {other.get(key)}" for key in one if one.get(key) != other.get(key)]
    return f"; environments differ in {'; '.join(differing)}" if differing else ""


def _check(outcome: Outcome, observed: str, reason: str) -> Check:
    return Check(
        name=NAME,
        kind="identity",
        outcome=outcome,
        observed=observed,
        promised="equal bits",
        reason=reason,
        next_step=""
        if outcome == "pass"
        else "set runtime.deterministic = true; look for code that draws random numbers",
    )
