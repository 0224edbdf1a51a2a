"""Did accuracy fall against a bank of baseline seeds? The rule's decision, in words that say no more than it knows.

The estimand: expected accuracy of this recipe over fresh seeds that do not fail, on these rows. Failed seeds are
counted apart. Loads scipy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bertbench.baseline import Baseline
from bertbench.errors import VerdictError
from bertbench.stats import (
    UNEXPLAINED_BELOW,
    FailedSeeds,
    LookDecision,
    QualityRule,
    QualitySamples,
    chance_of_failed_seeds,
    decide_look,
)
from bertbench.verdict.candidate import Candidate
from bertbench.verdict.failed_seeds import failed_baseline_seeds, failed_candidate_seeds, failed_seeds_told
from bertbench.verdict.flipped_rows import rows_told
from bertbench.verdict.leak_checks import leak_checks, leak_checks_told, loss_told
from bertbench.verdict.outcomes import Check, Outcome, change_of_accuracy
from bertbench.verdict.quality_gate import QualityGate
from bertbench.verdict.quality_words import notices, sentence, what_can_fail, why

#: Where resamples begin: a verdict shown again is the same verdict.
_RESAMPLES_FROM = 0
#: Failed seeds told one by one.
_SHOWN = 8
#: Fewer seeds have no spread.
_TWO = 2


@dataclass(frozen=True)
class _Look:
    """Both questions at one look.

    Attributes:
        mean: Of the seeds that did not fail; None if fewer than two are left.
        failed: The number of those that did.
        chance_of_all: Of so many failed seeds or more, at the allowed rate, among all that ran: a seed that nobody had
            to look at failed all the same.
    """

    mean: LookDecision | None
    failed: FailedSeeds
    chance_of_all: float

    @property
    def outcome(self) -> Outcome:
        """Fail if either fails; pass if the mean passes and all failed seeds are explained; else undecided so far."""
        if self.failed.word == "fail" or (self.mean is not None and self.mean.word == "fail"):
            return "fail"
        explained = self.failed.word == "explained" and self.chance_of_all >= UNEXPLAINED_BELOW
        return "pass" if self.mean is not None and self.mean.word == "pass" and explained else "undecided"


@dataclass(frozen=True)
class _Compared:
    """What one comparison is made of: both sides, and the order of seeds."""

    candidate: Candidate
    baseline: Baseline
    gate: QualityGate
    wrong_rows: Mapping[int, Sequence[int]]

    @property
    def rule(self) -> QualityRule:
        return self.gate.rule

    @cached_property
    def failed(self) -> dict[int, str]:
        """Failed seeds of the candidate, and why."""
        return failed_candidate_seeds(self.candidate)

    @cached_property
    def failed_in_bank(self) -> frozenset[int]:
        return failed_baseline_seeds(self.baseline, self.candidate.majority_share)

    @property
    def bank(self) -> dict[int, float]:
        """Accuracy of the bank's seeds that did not fail."""
        seeds = (seed for seed in self.baseline.seeds if seed.seed not in self.failed_in_bank)
        return {seed.seed: seed.hits / self.baseline.validation_rows for seed in seeds}

    @cached_property
    def order(self) -> list[int]:
        """Seeds in the order of looks: as they ran, then the bank's others, then numbers that nobody has.

        What ran follows the spec's order or was asked for by a look, so no result has a say in it.
        """
        known = list(dict.fromkeys((*self.candidate.order, *(seed.seed for seed in self.baseline.seeds))))
        fresh = (number for number in range(self.rule.looks[-1] + len(known)) if number not in known)
        return known + [number for _, number in zip(range(self.rule.looks[-1]), fresh, strict=False)]

    @property
    def ran(self) -> int:
        return len(self.candidate.order)

    def samples(self, seeds: Sequence[int]) -> QualitySamples:
        """Both sides, the candidate's as far as *seeds* go, without those that failed."""
        accuracy = {run.seed: run.final_epoch.validation.accuracy for run in self.candidate.seeds}
        return QualitySamples(
            bank=self.bank,
            candidate={seed: accuracy[seed] for seed in seeds if seed not in self.failed},
            rows=self.baseline.validation_rows,
            distinct_rows=self.baseline.distinct_rows,
        )

    def looks(self) -> tuple[_Look, ...]:
        """The looks that the seeds at hand allow, one after the other until one decides."""
        generator = np.random.default_rng(_RESAMPLES_FROM)
        chance = chance_of_failed_seeds(len(self.failed), self.ran, allowed_rate=self.gate.allowed_failed_rate)
        taken: list[_Look] = []
        for look in (look for look in self.rule.looks if look <= self.ran):
            seeds = self.order[:look]
            samples = self.samples(seeds)
            mean = (
                decide_look(samples, look=look, rule=self.rule, generator=generator)
                if len(samples.candidate) >= _TWO
                else None
            )
            taken.append(_Look(mean, self.gate.count(sum(seed in self.failed for seed in seeds), look), chance))
            if taken[-1].outcome != "undecided":
                break
        return tuple(taken)


def judge_quality(
    candidate: Candidate,
    baseline: Baseline,
    *,
    name: str,
    gate: QualityGate,
    wrong_rows: Mapping[int, Sequence[int]],
    context: str,
    doubt: str = "bits differ",
) -> Check:
    """Apply the rule to the seeds that ran.

    Args:
        candidate: Runs of the baseline's recipe, data and weights.
        baseline: The bank.
        name: Of the check.
        gate: What decides.
        wrong_rows: By seed, rows that the candidate had wrong at its end; may lack seeds.
        context: Said after the reason: where the baseline comes from, and what differs.
        doubt: Why identity does not answer the question.
    """
    compared = _Compared(candidate, baseline, gate, wrong_rows)
    smallest, bank = gate.rule.smallest_bank, len(compared.bank)
    if bank < smallest:
        lost = len(compared.failed_in_bank)
        failed = f" ({lost} more failed)" if lost else ""
        return _nothing(
            name,
            "no_baseline",
            f"{doubt}, and a bank of {bank} seeds{failed} says nothing of quality: {smallest} are needed",
            f"with the code of the baseline: bertbench run SPEC --seeds 0-{smallest - 1 + lost}, then accept",
            context,
            numbers={"bank_seeds": bank, "smallest_bank_seeds": smallest},
        )
    try:
        _refuse_no_shares(compared)
        looks = compared.looks()
    except VerdictError as error:
        return _nothing(name, "undecided", error.message, error.remedy, context)
    if not looks:
        first = gate.rule.looks[0]
        said = f"{doubt}, and {compared.ran} seeds ran; the first look needs {first}"
        wanted = _wanted(compared, first)
        return _nothing(name, "undecided", said, _run_on(compared, first), context, seeds_wanted=wanted)
    return _judged(name, compared, looks[-1], context)


def _refuse_no_shares(compared: _Compared) -> None:
    """However few seeds there are: what is no share of these rows was measured on others."""
    values = {run.seed: run.final_epoch.validation.accuracy for run in compared.candidate.seeds}
    if values:
        QualitySamples(compared.bank, values, compared.baseline.validation_rows).hits()


def _judged(name: str, compared: _Compared, look: _Look, context: str) -> Check:
    outcome, seen = look.outcome, look.mean
    seeds = compared.order[: look.failed.seeds]
    counted = failed_seeds_told(look.failed, {seed: why for seed, why in compared.failed.items() if seed in seeds})
    sentences = [counted] if look.failed.word == "fail" else []
    if seen is not None:
        sentences += [sentence(seen), why(seen), notices(seen, leaks=_leaks(compared, seeds) if seen.better else "")]
    sentences += [counted] if look.failed.word != "fail" else []
    sentences += _beyond(compared, look)
    sentences += rows_told(
        compared.baseline, compared.wrong_rows, [seed for seed in seeds if seed not in compared.failed]
    )
    later = [later for later in compared.rule.looks if later > look.failed.seeds] if outcome == "undecided" else []
    next_steps: dict[Outcome, str] = {
        "fail": "look at what changed since the baseline; if the drop is meant: bertbench baseline accept SPEC",
        "undecided": (_run_on(compared, later[0]) if later else _plan(look, compared))
        + (what_can_fail(seen) if seen else ""),
    }
    by_count_alone = look.failed.word == "fail" and not (seen and seen.word == "fail")
    decisive = None if by_count_alone else seen
    failing = "bertbench show RUN; clip gradients, lower the learning rate, or allow more: verdict.allowed_failed_rate"
    return Check(
        name=name,
        kind="comparison",
        outcome=outcome,
        observed=change_of_accuracy(decisive.drop_points) if decisive else _count(look.failed),
        promised=f"drop < {compared.rule.margin_points:.2f} points",
        reason=" ".join(part for part in sentences if part).removesuffix(".") + "." + context.removesuffix("."),
        next_step=failing if look.failed.word == "fail" else next_steps.get(outcome, ""),
        observed_value=decisive.drop_points if decisive else None,
        promised_value=compared.rule.margin_points,
        numbers=_numbers(look),
        seeds_wanted=_wanted(compared, later[0]) if later else (),
    )


def _leaks(compared: _Compared, seeds: Sequence[int]) -> str:
    """What says whether better is a leak: the checks, and the loss of the seeds of the look."""
    bank = [seed.quality.loss for seed in compared.baseline.seeds if seed.seed not in compared.failed_in_bank]
    runs = [run for run in compared.candidate.seeds if run.seed in seeds and run.seed not in compared.failed]
    told = leak_checks_told(leak_checks(compared.candidate, compared.baseline))
    return f"{told} {loss_told(bank, [run.final_epoch.validation.loss for run in runs])}".rstrip()


def _count(failed: FailedSeeds) -> str:
    return f"{failed.failed} of {failed.seeds} seeds failed"


def _beyond(compared: _Compared, look: _Look) -> list[str]:
    """Failed seeds that ran and that the deciding look did not need; nothing if there are none."""
    beyond = [seed for seed in compared.order[look.failed.seeds : compared.ran] if seed in compared.failed]
    if not beyond:
        return []
    named = "; ".join(f"seed {seed}: {compared.failed[seed]}" for seed in beyond[:_SHOWN])
    of_all = f"Of all {compared.ran} seeds that ran {len(compared.failed)} failed"
    rare = f"at the allowed rate the chance of so many or more is {look.chance_of_all:.2g}"
    unexplained = "; nothing passes while that is unexplained" * (look.chance_of_all < UNEXPLAINED_BELOW)
    return [f"{of_all}, beyond this look {len(beyond)} ({named}): {rare}{unexplained}."]


def _numbers(look: _Look) -> dict[str, float]:
    """What the verdict rests on, for machines."""
    failed, seen = look.failed, look.mean
    numbers: dict[str, float] = {
        "look_seeds": failed.seeds,
        "failed_seeds": failed.failed,
        "failed_seeds_limit": failed.limit,
        "all_failed_p_value": look.chance_of_all,
        "failed_rate_upper_bound": failed.upper_bound,
        "failed_p_value": failed.p_value,
    }
    if seen is not None:
        low, high = seen.interval_points
        interval = {"drop_low_points": low, "drop_high_points": high} if math.isfinite(high - low) else {}
        numbers |= {
            "drop_points": seen.drop_points,
            **interval,
            "drop_upper_bound_points": seen.upper_bound_points,
            "p_value": seen.p_value,
            "fail_level": seen.fail_level,
            "seeds": seen.seeds,
            "bank_seeds": seen.bank_seeds,
            "margin_points": seen.margin_points,
            "floor_points": seen.floor_points,
            "baseline_spread_points": seen.baseline_spread_points,
            "spread_points": seen.candidate_spread_points,
        }
    return numbers


def _plan(look: _Look, compared: _Compared) -> str:
    """What would decide after the last look."""
    plan = look.mean.plan if look.mean else None
    if look.mean is not None and look.mean.word == "pass":  # only the failed seeds stand in the way
        return "look at the failed seeds (bertbench show RUN); if they are nobody's fault: verdict.allowed_failed_rate"
    if look.mean is not None and look.mean.reaches_fail:  # only the guard of the same seeds stands in the way
        seeds = ",".join(str(seed.seed) for seed in compared.baseline.seeds[: compared.rule.looks[-1]])
        return f"run the seeds of the bank, in a run of their own: bertbench run SPEC --seeds {seeds} --compare"
    if plan is None or plan.both_sides is None:
        return "validate on more rows: at this spread over seeds, not even 1,000 seeds a side would decide"
    if plan.to_pass is not None and plan.to_fail is not None:
        wanted = f"{plan.to_pass} seeds would pass if nothing changed, {plan.to_fail} fail if the drop is the margin"
        return f"{wanted} (each in {plan.power:.0%}); or accept a bank of {plan.both_sides} seeds"
    return f"accept a bank of {plan.both_sides} seeds and run as many (decides in {plan.power:.0%})"


def _wanted(compared: _Compared, look: int) -> tuple[int, ...]:
    """Seeds that a look needs and that have not run."""
    return tuple(compared.order[compared.ran : look])


def _run_on(compared: _Compared, look: int) -> str:
    listed = ",".join(map(str, compared.order[:look]))
    return f"run {look} seeds: bertbench run SPEC --seeds {listed} with the same --compare"


def _nothing(
    name: str,
    outcome: Outcome,
    reason: str,
    next_step: str,
    context: str,
    *,
    seeds_wanted: tuple[int, ...] = (),
    numbers: Mapping[str, float] | None = None,
) -> Check:
    return Check(
        name=name,
        kind="comparison",
        outcome=outcome,
        observed="nothing to compare" if outcome == "no_baseline" else "not decided",
        promised="no worse",
        reason=f"{reason}.{context.removesuffix('.')}",
        next_step=next_step,
        numbers=numbers or {},
        seeds_wanted=seeds_wanted,
    )
