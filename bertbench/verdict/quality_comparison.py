"""Did accuracy fall against a bank of baseline seeds? The rule's decision, in words that say no more than it knows.

The estimand: expected accuracy of this recipe over fresh seeds, on these rows. Loads scipy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bertbench.baseline import Baseline
from bertbench.errors import VerdictError
from bertbench.record import RunRecord
from bertbench.stats import LookDecision, QualityRule, QualitySamples, decide_in_turn, multi_bootstrap
from bertbench.verdict.outcomes import Check, Outcome

#: Chance of a fail of one CI run in which nothing changed: its quality half.
QUALITY_ALPHA = 0.005
#: Where resamples begin: a verdict shown again is the same verdict.
_RESAMPLES_FROM = 0
_LEAST_MARGIN_POINTS = 1.0
#: Seeds whose flipped rows are told one by one.
_SHOWN = 8
_POINTS = 100.0
_OUTCOMES: dict[str, Outcome] = {"fail": "fail", "pass": "pass"}


def quality_rule(rows: int, *, gated_specs: int = 1) -> QualityRule:
    """The rule of a spec: an equal share of the error rate, a margin of one point and one row at least.

    Args:
        rows: Validation rows, at least 2.
        gated_specs: Specs whose quality the project gates, whatever was selected today.

    Raises:
        VerdictError: If there is no margin on so few rows, or no share.
    """
    if gated_specs < 1 or rows < 1:
        raise VerdictError(f"{gated_specs} gated specs and {rows} rows were given, one or more were expected")
    return QualityRule(alpha=QUALITY_ALPHA / gated_specs, margin_points=max(_LEAST_MARGIN_POINTS, _POINTS / rows))


@dataclass(frozen=True)
class _Compared:
    """What one comparison is made of: both sides, the order of seeds, and the looks that these seeds allow."""

    record: RunRecord
    baseline: Baseline
    rule: QualityRule
    wrong_rows: Mapping[int, Sequence[int]]

    @property
    def order(self) -> list[int]:
        """Seeds in the order of looks: as the run took them, then the bank's others."""
        ran = [run.seed for run in self.record.seeds]
        return ran + [seed.seed for seed in self.baseline.seeds if seed.seed not in ran]

    @property
    def looks(self) -> int:
        """How many looks the seeds at hand allow."""
        return sum(look <= len(self.record.seeds) for look in self.rule.looks)

    @property
    def samples(self) -> QualitySamples:
        rows = self.baseline.validation_rows
        return QualitySamples(
            bank={seed.seed: seed.hits / rows for seed in self.baseline.seeds},
            candidate={run.seed: run.final_epoch.validation.accuracy for run in self.record.seeds},
            rows=rows,
        )


def judge_quality(
    record: RunRecord,
    baseline: Baseline,
    *,
    name: str,
    rule: QualityRule,
    wrong_rows: Mapping[int, Sequence[int]],
    context: str,
) -> Check:
    """Apply the rule to the seeds that ran.

    Args:
        record: A completed run of the baseline's recipe, data and weights.
        baseline: The bank.
        name: Of the check.
        rule: What decides.
        wrong_rows: By seed, rows that the run had wrong at its end; may lack seeds.
        context: Said after the reason: where the baseline comes from, and what differs.
    """
    compared = _Compared(record, baseline, rule, wrong_rows)
    bank = len(baseline.seeds)
    if bank < rule.smallest_bank:
        return _nothing(
            name,
            "no_baseline",
            f"bits differ, and a bank of {bank} seeds says nothing of quality: {rule.smallest_bank} are needed",
            f"with the code of the baseline: bertbench run SPEC --seeds 0-{rule.smallest_bank - 1}, then accept",
            context,
        )
    try:
        if not compared.looks:
            compared.samples.hits()  # refuses what is no share of the rows, however few seeds there are
            ran = len(record.seeds)
            said = f"bits differ, and {ran} seeds ran; the first look needs {rule.looks[0]}"
            return _nothing(name, "undecided", said, _run_on(compared, rule.looks[0]), context)
        looks = _decisions(compared)
    except VerdictError as error:
        return _nothing(name, "undecided", error.message, error.remedy, context)
    return _judged(name, compared, looks[-1], context)


def _decisions(compared: _Compared) -> tuple[LookDecision, ...]:
    """Only the looks that the seeds at hand allow; each keeps its own share of the error rates."""
    rule, taken = compared.rule, compared.looks
    at_hand = replace(rule, looks=rule.looks[:taken], shares=rule.shares[:taken])
    generator = np.random.default_rng(_RESAMPLES_FROM)
    samples, order = compared.samples, compared.order
    ran = {seed: samples.candidate[seed] for seed in order[: at_hand.looks[-1]]}
    return decide_in_turn(
        replace(samples, candidate=ran), seeds=order[: at_hand.looks[-1]], rule=at_hand, generator=generator
    )


def _judged(name: str, compared: _Compared, seen: LookDecision, context: str) -> Check:
    outcome = _OUTCOMES.get(seen.word, "undecided")
    sentences = [
        sentence(seen),
        _why(seen, outcome),
        _notices(seen),
        *_rows_told(compared, compared.order[: seen.look]),
    ]
    next_steps: dict[Outcome, str] = {
        "fail": "look at what differs from the baseline; if the drop is meant: bertbench baseline accept SPEC",
        "undecided": _more_seeds(compared, seen),
    }
    return Check(
        name=name,
        kind="comparison",
        outcome=outcome,
        observed=_change(seen.drop_points),
        promised=f"drop < {seen.margin_points:.2f} points",
        reason=" ".join(part for part in sentences if part).removesuffix(".") + "." + context.removesuffix("."),
        next_step=next_steps.get(outcome, ""),
        observed_value=seen.drop_points,
        promised_value=seen.margin_points,
    )


def sentence(seen: LookDecision) -> str:
    """What is known, on these rows and over seeds; never 'on unseen data', never 'the model'."""
    low, high = _oriented(seen.drop_points, seen.interval_points)
    return (
        f"On these {seen.rows} validation messages, averaged over fresh seeds, accuracy {_change(seen.drop_points)} "
        f"(99 % interval {low:.2f} to {high:.2f})."
    )


def _change(drop_points: float) -> str:
    if not drop_points:
        return "did not change"
    return f"{'fell' if drop_points > 0 else 'rose'} by {abs(drop_points):.2f} points"


def _oriented(drop_points: float, interval: tuple[float, float]) -> tuple[float, float]:
    """An interval in the direction of the verb: of a rise where accuracy rose."""
    low, high = interval
    return (-high, -low) if drop_points < 0 else (low, high)


def _why(seen: LookDecision, outcome: Outcome) -> str:
    """The numbers that the word rests on."""
    sides = f"{seen.seeds} seeds against a bank of {seen.bank_seeds}"
    if outcome == "fail":
        small = " A small drop: between floor and margin either verdict may come." if seen.small_drop else ""
        return f"{sides}: p = {seen.p_value:.2g}, and {seen.fail_level:.2g} or less is a fail.{small}"
    bound = f"{_POINTS * seen.pass_confidence:g} % upper bound of the drop {seen.upper_bound_points:.2f} points"
    side = "below" if outcome == "pass" else "not below"
    small = " A small drop: between floor and margin either verdict may come." if seen.small_drop else ""
    cannot = (
        ""
        if seen.can_fail or outcome == "pass"
        else (f" This look cannot fail: the smallest possible p is {seen.smallest_possible_p:.2g}.")
    )
    return f"{sides}: {bound}, {side} the margin of {seen.margin_points:.2f}; p = {seen.p_value:.2g}.{small}{cannot}"


def _notices(seen: LookDecision) -> str:
    """Without a vote: better than chance explains, or less stable."""
    spreads = f"{seen.baseline_spread_points:.2f} to {seen.candidate_spread_points:.2f} points"
    better = "Notice: better than chance explains; make sure that no validation row leaked into training." * seen.better
    less_stable = f"Notice: less stable: the spread over seeds went from {spreads}." * seen.welch
    return " ".join(part for part in (better, less_stable) if part)


def _rows_told(compared: _Compared, seeds: Sequence[int]) -> list[str]:
    """Flipped rows by seed, and what may be so for other messages; nothing without the run's predictions."""
    bank = {seed.seed: set(seed.wrong_rows) for seed in compared.baseline.seeds}
    shared = [seed for seed in seeds if seed in bank and seed in compared.wrong_rows]
    if not shared:
        return []
    flips = [_flipped(seed, bank[seed], set(compared.wrong_rows[seed])) for seed in shared]
    more = f", and of {len(flips) - _SHOWN} more seeds" if len(flips) > _SHOWN else ""
    told = [f"Flipped rows: {', '.join(flips[:_SHOWN])}{more}."]
    rows = compared.baseline.validation_rows
    try:
        other = multi_bootstrap(
            np.stack([_right(bank[seed], rows) for seed in shared]),
            np.stack([_right(set(compared.wrong_rows[seed]), rows) for seed in shared]),
            generator=np.random.default_rng(_RESAMPLES_FROM),
        )
    except VerdictError:
        return told  # one shared seed, or a handful of rows, says nothing of other messages
    low, high = _oriented(other.estimate, (_POINTS * other.low, _POINTS * other.high))
    direction = "rise" if other.estimate < 0 else "drop"
    told.append(
        f"For other messages like these the {direction} may lie between {low:.2f} and {high:.2f} points "
        f"(approximate: multi-bootstrap over the {len(shared)} shared seeds)."
    )
    return told


def _flipped(seed: int, before: set[int], now: set[int]) -> str:
    return f"seed {seed}: {len(now - before)} lost, {len(before - now)} won"


def _right(wrong: set[int], rows: int) -> NDArray[np.float64]:
    """1 where a row is right, float64 (rows,)."""
    right = np.ones(rows)
    right[sorted(wrong)] = 0.0
    return right


def _more_seeds(compared: _Compared, seen: LookDecision) -> str:
    """What would decide: the next look, or after the last one the plan."""
    later = [look for look in compared.rule.looks if look > seen.look]
    if later:
        return _run_on(compared, later[0])
    plan = seen.plan
    if plan is None or plan.both_sides is None:
        return "validate on more rows: at this spread over seeds, not even 1,000 seeds a side would decide"
    if plan.to_pass is not None and plan.to_fail is not None:
        wanted = f"{plan.to_pass} seeds would pass if nothing changed, {plan.to_fail} fail if the drop is the margin"
        return f"{wanted} (each in {plan.power:.0%}); or accept a bank of {plan.both_sides} seeds"
    return f"accept a bank of {plan.both_sides} seeds and run as many (decides in {plan.power:.0%})"


def _run_on(compared: _Compared, seeds: int) -> str:
    listed = ",".join(map(str, compared.order[:seeds]))
    return f"run {seeds} seeds: bertbench run SPEC --seeds {listed} with the same --compare"


def _nothing(name: str, outcome: Outcome, reason: str, next_step: str, context: str) -> Check:
    return Check(
        name=name,
        kind="comparison",
        outcome=outcome,
        observed="nothing to compare" if outcome == "no_baseline" else "not decided",
        promised="no worse",
        reason=f"{reason}.{context.removesuffix('.')}",
        next_step=next_step,
    )
