"""The gate simulated as whole CI runs: of all specs that share the error rates, not of one of them."""

from __future__ import annotations

import numpy as np
import pytest
from fake_machine import ROWS, small_spec

from bertbench.selftest.figures import IntervalFacts
from bertbench.selftest.gate import Measured, quality_rows, speed_rows
from bertbench.selftest.record import GateRow
from bertbench.stats import FailedSeedRule, SpeedScenario, measured_scenario, simulate_gate, simulate_speed
from bertbench.verdict.quality_gate import quality_gate
from bertbench.verdict.speed_comparison import speed_rule

#: Spread enough for some checks to stay undecided.
HITS = (94, 95, 95, 95, 96, 96, 96, 96, 96, 96, 96, 96, 97, 97, 97, 97, 97, 97, 98, 98)
EFFECT = IntervalFacts(estimate=0.0, low=-0.5, high=0.5, samples=40, confidence=0.95)


def quality(gated_specs: int, trials: int = 2_000) -> dict[str, GateRow]:
    """By what is true, as far as the first words say it."""
    gate = quality_gate(ROWS, small_spec().verdict, gated_specs=gated_specs)
    measured = Measured(HITS, ROWS, ROWS, 0, gate, {"threads": EFFECT}, None)
    rows = quality_rows(measured, gated_specs=gated_specs, trials=trials, generator=np.random.default_rng(3))
    names = ("nothing changed", "class threads", "a drop", "same mean")
    return {name: next(row for row in rows if row.words.startswith(name)) for name in names}


def speed(gated_specs: int, spread: float, trials: int = 400) -> list[GateRow]:
    rule = speed_rule(gated_specs=gated_specs)
    generator = np.random.default_rng(3)
    return list(speed_rows(rule, spread, gated_specs=gated_specs, trials=trials, generator=generator))


def test_a_run_passes_if_all_its_specs_do() -> None:
    """Four checks at a quarter of the level: none may be undecided."""
    gate = quality_gate(ROWS, small_spec().verdict, gated_specs=4)
    rule = FailedSeedRule(gate.failed_alpha, gate.allowed_failed_rate)
    alone = simulate_gate(
        measured_scenario(gate.rule, HITS, rows=ROWS, failed_rate=0.01, failed_rule=rule),
        trials=2_000,
        generator=np.random.default_rng(4),
    )
    assert 0.6 < alone.passed.rate < 0.97
    four = quality(4)["nothing changed"]
    assert four.passed.rate == pytest.approx(alone.passed.rate**4, abs=0.06)
    assert four.fail.rate <= 0.01


def test_what_concerns_all_specs_is_told_apart_from_what_befalls_one() -> None:
    rows = quality(4, trials=20)
    assert rows["nothing changed"].words == "nothing changed, 4 gated specs"
    assert rows["class threads"].words.endswith("(0.50 points lower), in each of 4 gated specs")
    assert rows["a drop"].words == "a drop of the margin (1.00 points), in one of 4 gated specs"
    assert rows["same mean"].words == "same mean, the candidate's spread doubled, in one of 4 gated specs"
    assert quality(1, trials=20)["a drop"].words == "a drop of the margin (1.00 points)"


def test_one_spec_that_fell_among_four_makes_the_run_no_pass() -> None:
    """Were all four lower, a pass would be impossible and nothing would be shown of the one."""
    row = quality(4)["a drop"]
    assert 0 < row.passed.rate <= 0.05


def test_speed_is_simulated_as_a_run_too() -> None:
    alone = simulate_speed(
        SpeedScenario(speed_rule(gated_specs=4), 0.1), trials=150, generator=np.random.default_rng(4)
    )
    same, slower, _ = speed(4, 0.1, trials=60)
    assert alone.passed.rate > 0.4
    assert same.passed.rate == pytest.approx(alone.passed.rate**4, abs=0.15)
    assert (same.words, slower.words) == (
        "nothing changed, 4 gated specs",
        "5 % slower, in one of 4 gated specs",
    )
    assert [row.words for row in speed(1, 0.001, trials=5)] == ["nothing changed", "5 % slower", "2 % slower"]


def test_a_drop_of_a_point_is_promised_to_be_seen_on_as_many_distinct_rows_alone() -> None:
    hits, gate = (290, 291, 289, 290) * 5, quality_gate(300)
    truths = []
    for distinct in (300, 299):
        measured = Measured(hits, 300, distinct, 0, gate, {}, None)
        rows = quality_rows(measured, trials=5, generator=np.random.default_rng(3))
        truths += [row.truth for row in rows if row.words.startswith("a drop")]
    assert truths == ["point", "margin"]
