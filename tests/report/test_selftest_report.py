"""A self-test as people read it."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from selftest_examples import made_selftest

from bertbench.report.selftest_report import selftest_lines, selftest_markdown, selftest_terminal
from bertbench.report.selftest_sum_report import sum_markdown
from bertbench.report.selftest_tables import interval
from bertbench.report.terminal import rendered
from bertbench.selftest.fault_facts import CleanFacts, FaultRow, UnchangedSpeed
from bertbench.selftest.figures import IntervalFacts, RateFacts
from bertbench.selftest.record import (
    ClassFacts,
    EffectFacts,
    GateRow,
    PartFacts,
    ProcessFacts,
    PromiseFacts,
    TrialFacts,
    TrialsFacts,
)
from bertbench.stats import exact_rate


def rate(count: int, trials: int) -> RateFacts:
    return RateFacts.of(exact_rate(count, trials))


def facts(estimate: float, low: float, high: float) -> IntervalFacts:
    return IntervalFacts(estimate=estimate, low=low, high=high, samples=20, confidence=0.95)


SHOWN = PromiseFacts(about="a | b", promise="fail <= 1 %", seen=rate(0, 1_000), standing="shown")
BROKEN = PromiseFacts(
    about="bits", promise="equal", seen=rate(2, 3), without_exception=True, standing="violated", note="process 2"
)
ROW = {"does": "Does it.", "changes_numbers": True}
FAULTS = (
    FaultRow(name="seen", **ROW, run="pass", lock="fail", identity="differs", caught_by="lock", seeds=4),
    FaultRow(name="idle", **ROW, run="pass", lock="pass", identity="equal", caught_by="none", changed_numbers=False),
    FaultRow(
        name="slow",
        does="Slow.",
        changes_numbers=False,
        slows_median_step=True,
        run="pass",
        speed="fail",
        caught_by="speed",
        slowdown=0.1,
    ),
    FaultRow(name="later", **ROW),
    FaultRow(name="refused", **ROW, reason="there is no second sentence"),
)


FINE = {"lock": "pass", "identity": "equal", "reason": ""}


def page(**changes: Any) -> str:
    return selftest_markdown(made_selftest(**changes))


def test_promises_stand_first_and_broken_ones_stand_out() -> None:
    text = page(promises=(SHOWN, BROKEN))
    assert r"| a \| b | fail <= 1 % | 0 of 1000 (0.0 to 0.4 %) | shown |" in text
    assert "| bits | equal | 2 of 3 (not: process 2) | **violated** |" in text
    assert text.index("## Promises") < text.index("## What was planned")


@pytest.mark.parametrize(
    ("outcome", "said"), [("pass", "Nothing that was seen"), ("fail", "contradicted"), ("undecided", "Too little")]
)
def test_the_outcome_is_said_in_words(outcome: str, said: str) -> None:
    text = page(outcome=outcome)
    assert text.startswith(f"# Self-test of seed_card: {outcome}\n")
    assert said in text


def test_the_page_says_why_a_simulation_shows_nothing() -> None:
    assert "What was simulated is consistent at best" in page(promises=(SHOWN,))


def test_what_was_left_out_is_said() -> None:
    part = PartFacts(name="speed", planned="0 faults", left_out="0 of 5 faults; all need 19 min")
    found = made_selftest(parts=(part,), interrupted=True)
    assert "| speed | 0 faults |  | 0 s | 0 of 5 faults; all need 19 min |" in selftest_markdown(found)
    assert selftest_lines(found) == [
        "interrupted: what follows had no time",
        "speed: 0 of 5 faults; all need 19 min",
        "self-test of seed_card: undecided: too little was measured to say.",
    ]


def test_the_seeds_that_ran_are_said_so_that_others_can_follow() -> None:
    found = made_selftest(first_seed=1_001, last_seed=2_931)
    words = "seeds 1001 to 2931; others begin with --first-seed 2932"
    assert f"\n- {words}\n" in selftest_markdown(found)
    assert words in selftest_lines(found)
    assert "others begin" not in selftest_markdown(made_selftest())  # of a schema that did not know


def test_a_page_of_some_faults_says_that_no_others_were_asked_for() -> None:
    assert "\n- asked for these faults alone: seen, idle\n" in page(faults_asked=("seen", "idle"))
    assert "alone" not in page()


def test_seeds_and_effects_have_their_intervals() -> None:
    own = ClassFacts(
        name="own",
        changed="nothing",
        numerics_fingerprint="a",
        hits={0: 96, 1: 98},
        spread_points=facts(0.5, 0.4, math.inf),
        tail=rate(1, 20),
    )
    effect = EffectFacts(
        name="threads", equal_bits=3, shared_seeds=20, drop_points=facts(0.1, -0.2, 0.4), note="no spread"
    )
    text = page(classes=(own,), effects=(effect,))
    assert "| own | nothing | 2 | 0 | 97.00 | 0.50 (0.40 to unknown) | 1 of 20 (0.1 to 24.9 %) |" in text
    assert "| threads | 3 of 20 | 0.10 (-0.20 to 0.40) | no spread |" in text
    assert "half the margin (0.50 points)" in text
    few = effect.model_copy(update={"drop_points": None})
    assert "| threads | 3 of 20 | - | no spread |" in page(classes=(own,), effects=(few,))


def test_processes_show_every_median_and_the_spread_in_percent() -> None:
    processes = ProcessFacts(
        seed=0, processes=2, other_bits=(2,), step_seconds=(0.1, 0.1204), spread=facts(0.02, 0.01, 0.05)
    )
    text = page(processes=processes)
    assert "2 fresh processes: equal bits in 1." in text
    assert "100.0, 120.4" in text
    assert "2.0 (1.0 to 5.0) % (95 %)" in text


def test_splits_of_a_pool_are_called_a_code_check() -> None:
    row = GateRow(
        words="nothing", truth="same", fail=rate(1, 100), passed=rate(98, 100), undecided=rate(1, 100), samples=5
    )
    text = page(quality_gate=(row,), code_check=rate(4, 2_000))
    assert re.search(r"\| nothing \| 1\.00 \(0\.03 to 5\.45\) \| 98\.00 .* \| 5\.0 \|", text)
    assert "Code check: 4 of 2,000 random splits" in text
    assert "no rate of false alarms" in text


def test_trials_are_listed_and_shared_banks_admitted() -> None:
    trial = TrialFacts(bank_seeds=(20, 39), candidate_seeds=(40, 43), look=4, word="pass", drop_points=-0.25)
    text = page(trials=TrialsFacts(candidate_class="threads", counted=(trial,), candidates_per_bank=2, by_identity=1))
    assert "each run used once: 0 fail, 0 undecided, 1 pass." in text
    assert "Harmless classes with equal bits, where identity decides each comparison and none is counted: 1." in text
    assert "2 trials share a bank" in text
    assert "| 20 to 39 | 40 to 43 | 4 | -0.25 | pass |" in text
    assert "Nobody knows why." in page(trials=TrialsFacts(candidate_class="", note="nobody knows why"))


def test_the_matrix_shows_every_layer_and_who_was_first() -> None:
    text = page(faults=FAULTS)
    assert "| seen | Does it. | pass | **fail** | differs | - | - | lock | 4 | - |  |" in text
    assert "| slow | Slow. | pass | - | - | - | **fail** | speed |  | - | +10.0% |" in text
    assert "Not run: later." in text
    assert "so there was nothing to see: idle." in text
    assert "slow change no number of a run" in text


def test_what_the_spec_refused_is_told_in_one_line() -> None:
    refused = tuple(FaultRow(name=f"refused-{number}", **ROW, reason="a long reason") for number in range(3))
    (line,) = [line for line in page(faults=(*FAULTS[:2], *refused)).splitlines() if "refused-" in line]
    assert "they would change nothing, and counted nowhere: refused-0, refused-1, refused-2." in line
    assert "Refused" not in page(faults=FAULTS[:-1])


def test_a_fault_that_no_layer_looks_at_is_not_gated_and_not_missed() -> None:
    leak = FaultRow(name="leak", does="Leaks.", changes_numbers=False, run="pass", identity="equal", caught_by="none")
    text = page(faults=(*FAULTS, leak))
    assert "| leak | Leaks. | pass | - | equal | - | - | not gated |" in text
    assert "leak change no number of a run and slow no median step" in text
    assert "slow change no number of a run: invisible" in text
    assert "leak change no number of a run: invisible" not in text
    assert "not gated" not in page(faults=FAULTS)


def test_a_fault_of_time_that_pairs_did_not_see_is_none_that_is_not_gated() -> None:
    (slow,) = [row for row in FAULTS if row.name == "slow"]
    unseen = slow.model_copy(update={"speed": "pass", "caught_by": "none"})
    text = page(faults=(unseen,))
    assert "| pass | none |" in text
    assert "not gated" not in text


def test_harm_is_measured_and_not_declared() -> None:
    def shown(name: str, quality: str, drop: IntervalFacts) -> FaultRow:
        return FaultRow(name=name, **ROW, run="pass", quality=quality, caught_by="none", harm_points=drop)

    judged_alone = FaultRow(
        name="same", **ROW, run="pass", quality="fail", caught_by="none", drop_points=facts(3, 2, 4)
    )
    rows = (
        judged_alone,
        shown("bad", "fail", facts(3, 1.2, 4)),
        shown("worse", "undecided", facts(4, 1.0, 5)),
        shown("nil", "pass", facts(0, -0.3, 0.3)),
        shown("unclear", "fail", facts(0.6, 0.2, 1.1)),
    )
    text = page(faults=rows)
    by = "by seeds that quality did not judge (95 %)"
    harmful = f"Shown to cost 1.00 points or more, or to make seeds fail, {by}"
    assert f"{harmful}: bad, worse. Quality failed 1 of 2 (1.3 to 98.7 %)." in text
    assert f"Shown to cost less than 0.50 {by}: nil. Quality failed 0 of 1 (0.0 to 97.5 %)." in text


def test_a_layer_that_does_not_clear_clean_runs_is_said_to_convict_nobody() -> None:
    clean = CleanFacts(lock="fail", identity="differs", repeated_seeds=(1, 2), reason="seed 1: epochs 3, not 2")
    text = page(faults=FAULTS, clean=clean)
    assert "Without a fault the lock says fail and bits of seeds 1, 2 differ when run again: " in text
    assert "seed 1: epochs 3, not 2" in text
    assert "asked of no fault" in text
    assert "asked of no fault" not in page(faults=FAULTS, clean=clean.model_copy(update=FINE))


def test_a_run_that_broke_off_is_in_no_count() -> None:
    killed = FaultRow(name="killed", **ROW, seeds=4, broke_off="ProcessDied: signal SIGKILL")
    text = page(faults=(*FAULTS, killed))
    assert "Broke off, so nothing is said of them there: killed (ProcessDied: signal SIGKILL)." in text
    assert "Not run: later." in text


def test_every_table_has_as_many_cells_as_headings() -> None:
    text = page(promises=(SHOWN, BROKEN), faults=FAULTS)
    for block in text.split("\n\n"):
        lines = [line.replace(r"\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1


def test_the_terminal_has_a_line_for_each_promise() -> None:
    text = rendered(selftest_terminal(made_selftest(promises=(SHOWN, BROKEN))), width=120, colour=False)
    assert re.search(r"fail <= 1 % +0 of 1000 \(0.0 to 0.4 %\) +shown", text)
    assert "violated" in text


def test_the_terminal_has_what_the_page_has_in_80_columns() -> None:
    own = ClassFacts(
        name="own", changed="nothing", numerics_fingerprint="a", hits={0: 96, 1: 98}, spread_points=facts(0.5, 0.4, 0.7)
    )
    effect = EffectFacts(name="onednn", equal_bits=3, shared_seeds=20, drop_points=facts(0.1, -0.2, 0.4), note="few")
    truth = GateRow(
        words="class onednn, at the worst that is not excluded (0.40 points lower)",
        truth="",
        fail=rate(1, 100),
        passed=rate(98, 100),
        undecided=rate(1, 100),
        samples=5,
    )
    trial = TrialFacts(bank_seeds=(20,), candidate_seeds=(40,), look=4, word="pass", drop_points=-0.25)
    long = FAULTS[0].model_copy(update={"name": "adam-without-bias-correction"})
    found = made_selftest(
        classes=(own,),
        effects=(effect,),
        processes=ProcessFacts(seed=0, processes=2, step_seconds=(0.1, 0.12), spread=facts(0.02, 0.01, 0.05)),
        quality_gate=(truth,),
        speed_gate=(truth,),
        trials=TrialsFacts(candidate_class="onednn", counted=(trial,)),
        faults=(long, *FAULTS[1:]),
        unchanged_speed=(UnchangedSpeed(word="pass", pairs=9, could_fail=True, slowdown=0.001),),
        promises=(SHOWN, BROKEN),
    )
    lines = rendered(selftest_terminal(found), width=80, colour=False).splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(re.sub(" +", " ", line).strip() for line in lines)
    assert "own 2 0 97.00 0.50 (0.40 to 0.70)" in text
    assert "onednn 3 of 20 0.10 (-0.20 to 0.40) few" in text
    assert "equal bits in 2." in text
    assert "98.00 (92.96 to" in text
    assert "1 comparisons of the own class with class onednn" in text
    assert "0 fail, 0 undecided, 1 pass" in " ".join(text.split())
    assert "nothing changed - - - - pass -" in text
    assert "adam-without-bias-correction pass fail differs - - lock" in text
    assert "slow pass - - - fail speed" in text
    assert text.index("slow pass") < text.index("fail <= 1 %") < text.index("violated")


def test_nothing_known_is_an_empty_cell() -> None:
    assert interval(None, 2) == ""


@pytest.mark.parametrize(
    ("distinct", "said"),
    [
        (90, "100 validation rows, 90 of them distinct, margin 1.00 points"),
        (100, "100 validation rows, margin 1.00 points"),
        (None, "100 validation rows, margin 1.00 points"),
    ],
)
def test_rows_are_told_with_the_distinct_ones_where_they_differ(distinct: int | None, said: str) -> None:
    assert said in page(distinct_validation_rows=distinct)


def test_the_page_of_a_sum_says_what_each_report_gave() -> None:
    counted = TrialFacts(bank_seeds=(1,), candidate_seeds=(2,), look=1, word="pass", drop_points=0.0)
    trials = TrialsFacts(candidate_class="onednn", counted=(counted,))
    one = made_selftest(selftest_id="monday", first_seed=1, last_seed=50, trials=trials)
    two = made_selftest(selftest_id="tuesday", faults=FAULTS)
    total = made_selftest(outcome="pass", trials=trials, faults=FAULTS, promises=(SHOWN,))
    text = sum_markdown([one, two], total)
    assert text.startswith("# Self-tests of seed_card, added up: pass\n\nNothing that was seen")
    assert "| monday | 1 to 50 | 1 | 0 |" in text
    assert "| tuesday | - | 0 | 3 |" in text
    assert "1 comparisons of the own class with class onednn" in text
    assert "## Faults put in on purpose" in text
    assert "What was planned" not in text
