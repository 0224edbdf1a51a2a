"""Fresh comparisons of the own class with a harmless one: nothing changed, so every fail is a false alarm.

Seeds are disjoint: each is run in one trial, on one side. The looks are taken as a comparison takes them, and further
seeds are run only for the trials that ask for them; seeds of several trials share a process, which changes no bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bertbench.baseline import Baseline
from bertbench.record import RunRecord
from bertbench.selftest.classes import NumericsClass
from bertbench.selftest.judging import bank_of, parts_of, quality_check
from bertbench.selftest.plan import TRIALS_PER_CHUNK, Costs, trial_seconds
from bertbench.selftest.record import EffectFacts, TrialFacts, TrialsFacts
from bertbench.selftest.runs import Runs, nan_seed
from bertbench.verdict import Check
from bertbench.verdict.quality_gate import QualityGate


@dataclass(frozen=True)
class TrialPlan:
    """How fresh comparisons are made.

    Attributes:
        own: Class of the banks.
        other: Class of the candidates.
        gate: What decides.
        first_seed: No smaller seed is used.
        trials: How many, if time allows.
        candidates_per_bank: Trials that share a bank.
        costs: What processes and seeds take, to begin nothing that will not fit.
    """

    own: NumericsClass
    other: NumericsClass
    gate: QualityGate
    first_seed: int
    trials: int
    candidates_per_bank: int
    costs: Costs


@dataclass(frozen=True)
class Trial:
    """Seeds of one comparison."""

    bank: tuple[int, ...]
    candidate: tuple[int, ...]


def class_for_trials(
    others: Sequence[NumericsClass], effects: Sequence[EffectFacts]
) -> tuple[NumericsClass | None, TrialsFacts]:
    """The first class that was measured and changes bits, and what is known before any trial.

    Args:
        others: Every harmless class that this machine can compute in.
        effects: Of those that were measured.
    """
    identical = [effect.name for effect in effects if effect.equal_bits == effect.shared_seeds]
    measured = {effect.name for effect in effects}
    other = next((one for one in others if one.name in measured and one.name not in identical), None)
    facts = TrialsFacts(
        candidate_class=other.name if other else "",
        by_identity=len(identical),
        not_measured=tuple(one.name for one in others if one.name not in measured),
    )
    return other, facts if other else facts.model_copy(update={"note": _why_none(identical, facts)})


def _why_none(identical: Sequence[str], facts: TrialsFacts) -> str:
    """There is no class for trials: since identity decides, or since nobody knows."""
    equal = f"class {', '.join(identical)} gives equal bits"
    if facts.identity_decides:
        return f"{equal}: identity decides, and no fresh trial can be counted"
    if not facts.not_measured:
        return "there is no harmless class on this machine"
    unknown = f"class {', '.join(facts.not_measured)} was not measured, so it is not known whether it changes bits"
    return f"{equal}; {unknown}" if identical else unknown


def fresh_trials(plan: TrialPlan, runs: Runs) -> Iterator[TrialFacts]:
    """Chunk by chunk, as long as the next chunk fits the time; those of a chunk come together."""
    first_seed, done = plan.first_seed, 0
    while done < plan.trials:
        chunk = min(TRIALS_PER_CHUNK, plan.trials - done)
        needed = trial_seconds(
            chunk,
            costs=plan.costs,
            bank_seeds=plan.gate.rule.smallest_bank,
            candidates_per_bank=plan.candidates_per_bank,
        )
        if needed > runs.seconds_left:
            return
        trials, first_seed = assigned(plan, chunk, first_seed)
        yield from _chunk(plan, trials, runs)
        done += chunk


def assigned(plan: TrialPlan, trials: int, first_seed: int) -> tuple[list[Trial], int]:
    """Seeds of some trials: banks first, then candidates, none twice; and the next seed that is free."""
    width, most = plan.gate.rule.smallest_bank, plan.gate.rule.looks[-1]
    candidates = first_seed + math.ceil(trials / plan.candidates_per_bank) * width
    made = []
    for trial in range(trials):
        bank = first_seed + width * (trial // plan.candidates_per_bank)
        candidate = candidates + most * trial
        made.append(Trial(tuple(range(bank, bank + width)), tuple(range(candidate, candidate + most))))
    return made, candidates + most * trials


def _chunk(plan: TrialPlan, trials: Sequence[Trial], runs: Runs) -> list[TrialFacts]:
    """All looks of some trials, further seeds as far as the trials that are open ask for them."""
    own = runs.each_seed(plan.own, sorted({seed for trial in trials for seed in trial.bank}))
    completed = {run.seed for record in own for run in record.seeds if run.outcome == "completed"}
    banks = [bank_of(parts_of(own, completed & set(trial.bank)), runs.store) for trial in trials]
    ran: list[RunRecord] = []
    facts: dict[int, TrialFacts] = {}
    before = 0
    for look in plan.gate.rule.looks:
        still_open = [index for index in range(len(trials)) if index not in facts]
        seeds = [seed for index in still_open for seed in trials[index].candidate[before:look]]
        ran += runs.each_seed(plan.other, seeds)
        for index in still_open:
            candidate = trials[index].candidate[:look]
            parts = parts_of(ran, candidate)
            if not before and any(nan_seed(part) is not None for part in parts):
                facts[index] = _prescribed_nan(banks[index], candidate)
                continue
            check = quality_check(parts, banks[index], plan.gate)
            if not check.seeds_wanted:
                facts[index] = _facts(banks[index], candidate, check)
        if len(facts) == len(trials):
            break
        before = look
    return [facts[index] for index in range(len(trials))]


def _prescribed_nan(bank: Baseline, candidate: tuple[int, ...]) -> TrialFacts:
    """The seeds of the first look stand for those that a spec prescribes: NaN in one of them fails a comparison."""
    return TrialFacts(
        bank_seeds=tuple(seed.seed for seed in bank.seeds),
        candidate_seeds=candidate,
        look=len(candidate),
        word="fail",
        drop_points=math.nan,
    )


def _facts(bank: Baseline, candidate: tuple[int, ...], check: Check) -> TrialFacts:
    """A bank that lost seeds to failure is too small for the gate: what it says is no pass, and is counted so."""
    drop = check.observed_value
    return TrialFacts(
        bank_seeds=tuple(seed.seed for seed in bank.seeds),
        candidate_seeds=candidate,
        look=len(candidate),
        word="undecided" if check.outcome == "no_baseline" else check.outcome,
        drop_points=math.nan if drop is None else drop,
    )
