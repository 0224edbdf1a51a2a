"""The verdict for a terminal: every promise in a line, every doubt in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_maker import make_failed_record, make_record, make_spec
from rich.table import Table

from bertbench.record import RunRecord
from bertbench.report.terminal import rendered
from bertbench.report.verdict_table import verdict_reasons, verdict_sentence, verdict_table
from bertbench.suite import Benchmark, Result
from bertbench.verdict import Check


def check(outcome: Any, name: str = "validation_accuracy_every_seed", **more: Any) -> Check:
    fields = {"observed": "0.9000", "promised": ">= 0.9700", "reason": f"it is {outcome}", "next_step": "look again"}
    return Check(name=name, kind="threshold", outcome=outcome, **{**fields, **more})


def result(*checks: Check, record: RunRecord | None = None, name: str = "card", skipped: str = "") -> Result:
    return Result(Benchmark(make_spec(name=name), Path()), record, None, checks, skipped=skipped)


def lines(table: Table, width: int = 120) -> list[str]:
    return rendered(table, width=width, colour=False).splitlines()


def test_each_promise_has_a_line_and_the_benchmark_is_named_once() -> None:
    shown = lines(verdict_table([result(check("pass"), check("fail", "other"))]))
    assert re.fullmatch(r"benchmark +promise +observed +promised +verdict *", shown[0])
    assert re.fullmatch(r"card +validation_accuracy_every_seed +0\.9000 +>= 0\.9700 +pass *", shown[1])
    assert re.fullmatch(r" +other +0\.9000 +>= 0\.9700 +fail *", shown[2])


def test_what_was_skipped_has_a_line_too() -> None:
    assert re.fullmatch(r"card +skipped *", lines(verdict_table([result(skipped="no data")]))[1])


@pytest.mark.parametrize("outcome", ["pass", "fail", "undecided", "no_baseline"])
def test_every_outcome_is_written_out(outcome: str) -> None:
    """Colour is never the only sign."""
    assert lines(verdict_table([result(check(outcome))]))[1].rstrip().endswith(outcome)


def test_nothing_is_lost_on_a_narrow_terminal() -> None:
    """Long names are folded, not cut."""
    shown = "".join(line[10:30].strip() for line in lines(verdict_table([result(check("pass"))]), width=60)[1:])
    assert "validation_accuracy" in shown.replace(" ", "")


USUAL = (
    check("pass", observed="as specified", promised="as specified"),
    check("undecided", "budget_peak_memory_mebibytes", observed="1,320 MiB", promised="<= 4,096 MiB"),
)
WORDY = check("fail", "quality_against_rolling", observed="fell by 4.00 points", promised="drop < 1.00 points")


def test_usual_promises_have_a_line_each_on_80_columns() -> None:
    shown = lines(verdict_table([result(*USUAL, name="seed_card")]), width=80)
    assert [line[10:40].strip() for line in shown] == ["promise", *(promise.name for promise in USUAL)]


def test_words_fold_before_names_do() -> None:
    shown = lines(verdict_table([result(*USUAL, WORDY, name="seed_card")]), width=80)
    assert [line[10:40].strip() for line in shown] == ["promise", *(promise.name for promise in (*USUAL, WORDY)), ""]
    assert shown[-1].split() == ["points", "points"]
    assert max(map(len, shown)) <= 80


@given(st.integers(40, 160))
def test_whatever_the_width_every_letter_is_there_and_no_line_is_too_long(width: int) -> None:
    shown = lines(verdict_table([result(*USUAL, WORDY)]), width=width)
    assert max(map(len, shown)) <= width
    wide = lines(verdict_table([result(*USUAL, WORDY)]), width=200)
    assert sorted("".join(shown).replace(" ", "")) == sorted("".join(wide).replace(" ", ""))


def test_text_of_others_is_no_markup() -> None:
    shown = "\n".join(lines(verdict_table([result(check("fail", observed="[red]1[/]"))])))
    assert "[red]1[/]" in shown


def test_what_is_no_pass_says_why_and_what_to_do() -> None:
    assert verdict_reasons([result(check("pass"), check("undecided", "other"))]) == [
        "card: other: undecided: it is undecided. Next: look again."
    ]


@pytest.mark.parametrize("sign", [".", "?", "!", ""])
def test_a_sentence_ends_with_one_sign(sign: str) -> None:
    asked = check("fail", reason=f"so it is{sign}", next_step=f"is the machine busy{sign}")
    sign = sign or "."
    assert verdict_reasons([result(asked)]) == [
        f"card: validation_accuracy_every_seed: fail: so it is{sign} Next: is the machine busy{sign}"
    ]


def test_a_skip_says_why() -> None:
    assert verdict_reasons([result(skipped="set BERTBENCH_DATA")]) == ["card: skipped: set BERTBENCH_DATA"]


def test_troubles_of_a_run_are_told_even_where_every_promise_is_kept() -> None:
    """A threshold that is kept is no reason to keep quiet about gradients that explode."""
    record = make_record()
    run = record.seeds[0]
    norms = (*run.steps.gradient_norm[:-1], 1e9)
    exploding = run.model_copy(update={"steps": run.steps.model_copy(update={"gradient_norm": norms})})
    record = record.model_copy(update={"seeds": (exploding,)})
    (reason,) = [r for r in verdict_reasons([result(check("pass"), record=record)]) if "exploding" in r]
    assert reason.startswith("card: exploding gradients: seed 0: gradient norm 1e+09 at step 79")
    assert "Cure: " in reason


def test_the_sentence_counts_worst_first() -> None:
    results = [result(check("pass"), check("fail")), result(check("undecided"), check("pass")), result(skipped="x")]
    assert verdict_sentence(results) == "4 promises of 3 benchmarks: 1 fail, 1 undecided, 2 pass, 1 skipped"


def test_the_sentence_counts_one_in_the_singular() -> None:
    assert verdict_sentence([result(check("pass"))]) == "1 promise of 1 benchmark: 1 pass"


def test_the_sentence_of_nothing_says_so() -> None:
    assert verdict_sentence([]) == "0 promises of 0 benchmarks: nothing was measured"


def test_a_failed_run_is_shown_with_its_failure() -> None:
    record = make_failed_record()
    (reason,) = verdict_reasons([result(check("fail", "run", reason="NonFiniteLossError"), record=record)])[:1]
    assert reason == "card: run: fail: NonFiniteLossError. Next: look again."


# Colour


@pytest.mark.parametrize(
    ("colour", "no_colour", "coloured"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_colour_is_used_where_it_is_wanted_and_not_refused(
    monkeypatch: pytest.MonkeyPatch, colour: bool, no_colour: str, coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    if no_colour:
        monkeypatch.setenv("NO_COLOR", no_colour)
    text = rendered(verdict_table([result(check("pass"))]), width=100, colour=colour)
    assert bool(re.search(r"\x1b\[[\d;]*32m", text)) == coloured


def test_promises_that_fell_with_the_run_are_one_line() -> None:
    """What is wrong stands once, not seven times; a promise that failed for a reason of its own keeps its line."""
    record = make_failed_record()
    said = f"the run is {record.outcome}, so nothing was shown"
    checks = (
        check("fail", "run", reason="EngineError: keras-hub is not installed"),
        check("fail", "recipe_lock", reason=said),
        check("fail", "train_accuracy", reason=said),
        check("fail", "budget", reason="of its own"),
    )
    assert verdict_reasons([result(*checks, record=record)])[:3] == [
        "card: run: fail: EngineError: keras-hub is not installed. Next: look again.",
        "card: budget: fail: of its own. Next: look again.",
        "card: so 2 further promises could not be tried",
    ]
    assert len(verdict_reasons([result(*checks, record=make_record())])) >= 4, "a run that completed hides nothing"
