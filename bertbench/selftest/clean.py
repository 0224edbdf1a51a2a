"""What runs with a fault are held against, and whether each layer clears it: one that does not convicts nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bertbench.baseline import Baseline
from bertbench.record import RunRecord
from bertbench.selftest.classes import NumericsClass
from bertbench.selftest.fault_facts import CleanFacts
from bertbench.selftest.judging import bank_of, parts_of
from bertbench.selftest.plan import REPEATED_SEEDS
from bertbench.selftest.runs import Runs, SeedOutcome, outcomes_of
from bertbench.verdict import judge_recipe, overall
from bertbench.verdict.quality_gate import QualityGate


@dataclass(frozen=True)
class Clean:
    """What runs with a fault are held against.

    Attributes:
        own: The spec's own class.
        outcomes: Of its clean seeds, in the order in which they ran; the faulty runs take the same ones.
        bank: The baseline that the first of them make; None with too few seeds.
        gate: What decides about quality.
        rows: Validation rows.
        distinct_rows: How many of these differ.
        facts: Which layers clear clean runs.
    """

    own: NumericsClass
    outcomes: Mapping[int, SeedOutcome]
    bank: Baseline | None
    gate: QualityGate
    rows: int
    distinct_rows: int
    facts: CleanFacts


def clean_facts(
    own: NumericsClass, records: Sequence[RunRecord], outcomes: Mapping[int, SeedOutcome], runs: Runs, *, seeds: int
) -> CleanFacts:
    """Hold every clean run against the recipe lock, and run the first seeds once more as a faulty run would.

    Two seeds if faulty runs have as many: a seed that leaks into the next has the same bits only where it comes first.

    Args:
        own: The spec's own class.
        records: Its clean runs.
        outcomes: Of their seeds.
        runs: Starts the process.
        seeds: With each fault.

    Raises:
        VerdictError: If the run does not complete.
    """
    repeated = tuple(outcomes)[: min(REPEATED_SEEDS, seeds)]
    locks = [judge_recipe(record) for record in records]
    again = outcomes_of(runs.clean(own, repeated))
    differing = [seed for seed in repeated if _bits(again.get(seed)) != _bits(outcomes[seed])]
    reasons = [lock.reason for lock in locks if lock.outcome != "pass"][:1]
    reasons += [f"seed {seed} came to other bits" for seed in differing]
    return CleanFacts(
        lock=overall(locks),
        identity="differs" if differing else "equal",
        repeated_seeds=repeated,
        reason="; ".join(reasons),
    )


def smallest_bank(
    records: Sequence[RunRecord], outcomes: Mapping[int, SeedOutcome], gate: QualityGate, runs: Runs
) -> Baseline | None:
    """The baseline of the first clean seeds that are enough for one; those after them are left to show harm."""
    good = [seed for seed, outcome in outcomes.items() if not outcome.failed][: gate.rule.smallest_bank]
    if len(good) < gate.rule.smallest_bank:
        return None
    return bank_of(parts_of(records, good), runs.store)


def _bits(outcome: SeedOutcome | None) -> tuple[object, ...]:
    """Digests, and numbers apart from them."""
    return (outcome.digests, outcome.numbers) if outcome else ()
