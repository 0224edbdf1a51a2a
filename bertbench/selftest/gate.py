"""The gate simulated on what was measured here, and random splits of the measured seeds, which check the code alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bertbench.selftest.figures import IntervalFacts, RateFacts
from bertbench.selftest.record import GateRow
from bertbench.stats import (
    FailedSeedRule,
    GateScenario,
    decide_many,
    exact_rate,
    measured_scenario,
    simulate_runs,
)
from bertbench.stats.many_comparisons import FAIL
from bertbench.stats.speed_rule import SpeedRule
from bertbench.stats.speed_simulation import SpeedScenario, simulate_speed_runs
from bertbench.verdict.quality_gate import QualityGate

#: Correlations below this, and uncertain ones, change nothing worth a line.
_SOME_CORRELATION = 0.1
_MOST_CORRELATION = 0.99
#: Where a drop of the margin is promised to be seen: points of spread, distinct rows.
_SEEN_UP_TO_SPREAD_POINTS, _SEEN_FROM_ROWS = 0.5, 300
#: Where a slowdown of the margin is promised to be seen: spread of processes.
_SEEN_UP_TO_PROCESS_SPREAD = 0.03
#: Random splits of one pool; more tell nothing more.
SPLITS = 2_000
_POINTS = 100.0


@dataclass(frozen=True)
class Measured:
    """What the simulation of quality rests on.

    Attributes:
        hits: Of the own class's seeds that did not fail, two or more.
        rows: Validation rows.
        distinct_rows: How many of these differ.
        failed: Seeds of the own class that failed, beside them.
        gate: Of one spec among those that the project gates.
        drops: Of each harmless class: its interval, by name.
        correlation: Of the same seeds, the largest seen; None if none is known.
    """

    hits: Sequence[int]
    rows: int
    distinct_rows: int
    failed: int
    gate: QualityGate
    drops: dict[str, IntervalFacts]
    correlation: float | None


def quality_rows(
    measured: Measured, *, gated_specs: int = 1, trials: int, generator: np.random.Generator
) -> tuple[GateRow, ...]:
    """How often each word comes in a CI run of all gated specs, seeds drawn from the measured ones.

    The other specs are taken to be like this one. A class concerns all of them, a drop or a larger spread befalls one.
    Every seed of a candidate fails with the allowed chance, or with the share that failed here if that is larger.

    Args:
        measured: What it rests on.
        gated_specs: Specs that share the error rates, this one among them.
        trials: Runs of each truth.
        generator: Source of the draws.
    """
    margin = measured.gate.rule.margin_points
    spread = float(np.std(_POINTS * np.asarray(measured.hits) / measured.rows, ddof=1))
    is_seen = spread <= _SEEN_UP_TO_SPREAD_POINTS and measured.distinct_rows >= _SEEN_FROM_ROWS
    one, each = _among(gated_specs)
    truths: list[tuple[str, str, dict[str, float], int]] = [(_nothing_changed(gated_specs), "same", {}, gated_specs)]
    if measured.correlation is not None and measured.correlation > _SOME_CORRELATION:
        correlation = min(measured.correlation, _MOST_CORRELATION)
        words = f"{_nothing_changed(gated_specs)}, same seeds correlate {correlation:.2f}"
        truths.append((words, "same", {"correlation": correlation}, gated_specs))
    for name, drop in measured.drops.items():
        words = f"class {name}, at the worst that is not excluded ({drop.high:.2f} points lower){each}"
        truths.append((words, "", {"drop_points": drop.high}, gated_specs))
    words = f"a drop of the margin ({margin:.2f} points){one}"
    truths.append((words, "point" if is_seen else "margin", {"drop_points": margin}, 1))
    truths.append((f"same mean, the candidate's spread doubled{one}", "", {"spread_ratio": 2.0}, 1))
    rows = []
    for words, truth, truth_is, concerned in truths:
        scenarios = [_scenario(measured, truth_is)] * concerned
        scenarios += [_scenario(measured, {})] * (gated_specs - concerned)
        rows.append(GateRow.of(words, truth, simulate_runs(scenarios, trials=trials, generator=generator)))
    return tuple(rows)


def speed_rows(
    rule: SpeedRule, process_spread: float, *, gated_specs: int = 1, trials: int, generator: np.random.Generator
) -> tuple[GateRow, ...]:
    """How often each word comes for the step times of a CI run, at the measured spread of processes.

    Args:
        rule: Of one spec among those that the project gates.
        process_spread: Standard deviation of a process's log step time.
        gated_specs: Specs that share the error rates; one of them is slower.
        trials: Runs of each truth.
        generator: Source of the draws.
    """
    is_seen = process_spread <= _SEEN_UP_TO_PROCESS_SPREAD
    one, _ = _among(gated_specs)
    truths = (
        (_nothing_changed(gated_specs), "same" if is_seen else "noisy", 0.0),
        (f"{100 * rule.margin:g} % slower{one}", "slower" if is_seen else "margin", rule.margin),
        (f"{100 * rule.floor:g} % slower{one}", "", rule.floor),
    )
    others = [SpeedScenario(rule, process_spread)] * (gated_specs - 1)
    rows = []
    for words, truth, slowdown in truths:
        scenarios = [SpeedScenario(rule, process_spread, slowdown), *others]
        rows.append(GateRow.of(words, truth, simulate_speed_runs(scenarios, trials=trials, generator=generator)))
    return tuple(rows)


def code_check(measured: Measured, *, generator: np.random.Generator) -> RateFacts | None:
    """Fails among random splits of the measured seeds into a bank and a candidate; None with too few for a look.

    It checks the code. It is blind to whatever all these seeds have in common, so it is no rate of false alarms; the
    interval of a binomial does not belong to it.
    """
    rule = measured.gate.rule
    spare = len(measured.hits) - rule.smallest_bank
    looks = tuple(look for look in rule.looks if look <= spare)
    if not looks:
        return None
    at_hand = replace(rule, looks=looks, shares=rule.shares[: len(looks)])
    pool = np.asarray(measured.hits)
    splits: NDArray[np.int64] = generator.permuted(np.tile(pool, (SPLITS, 1)), axis=1)
    bank, candidate = splits[:, : rule.smallest_bank], splits[:, rule.smallest_bank : rule.smallest_bank + looks[-1]]
    words = decide_many(
        bank,
        candidate,
        rows=measured.rows,
        rule=at_hand,
        distinct_rows=measured.distinct_rows,
        same_seeds=False,
    ).words
    return RateFacts.of(exact_rate(int((words == FAIL).sum()), SPLITS))


def _nothing_changed(gated_specs: int) -> str:
    return "nothing changed" if gated_specs == 1 else f"nothing changed, {gated_specs} gated specs"


def _among(gated_specs: int) -> tuple[str, str]:
    """How many of them something is true of: one, each; no words where there is only one."""
    if gated_specs == 1:
        return "", ""
    return f", in one of {gated_specs} gated specs", f", in each of {gated_specs} gated specs"


def _scenario(measured: Measured, truth: dict[str, float]) -> GateScenario:
    gate = measured.gate
    return measured_scenario(
        gate.rule,
        measured.hits,
        rows=measured.rows,
        distinct_rows=measured.distinct_rows,
        bank_seeds=gate.rule.smallest_bank,
        failed_rate=max(gate.allowed_failed_rate, measured.failed / (measured.failed + len(measured.hits))),
        failed_rule=FailedSeedRule(gate.failed_alpha, gate.allowed_failed_rate),
        **truth,
    )
