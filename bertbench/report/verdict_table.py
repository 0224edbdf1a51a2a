"""The verdict for a terminal: one line per promise, one sentence for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from bertbench.report.name_table import NameTable
from bertbench.report.wording import counted, sentence, with_next_step
from bertbench.suite import Result
from bertbench.verdict import PRECEDENCE, Check, diagnose

#: How each outcome looks; colour is never the only sign.
_STYLES = {"pass": "green", "fail": "bold red", "undecided": "yellow", "no_baseline": "yellow", "skipped": "cyan"}


def verdict_table(results: Sequence[Result]) -> Table:
    """One line per promise of each benchmark."""
    headings = ("benchmark", "promise", "observed", "promised", "verdict")
    table = NameTable(headings, names=("benchmark", "promise", "verdict"))
    for result in results:
        name = shown_name(result)
        if result.skipped:
            table.add_row(name, "", "", "", outcome_text("skipped"))
            name = ""
        for check in result.checks:
            table.add_row(name, check.name, Text(check.observed), Text(check.promised), outcome_text(check.outcome))
            name = ""
    return table


def verdict_reasons(results: Sequence[Result]) -> list[str]:
    """In words, everything that is not a pass: why, and what to do next; and the troubles that show in the run.

    Of comparisons a pass too: it says how much changed, and that better than chance explains is suspicious.
    """
    return [line for result in results for line in _reasons(result)]


def _reasons(result: Result) -> Iterator[str]:
    name = shown_name(result)
    if result.skipped:
        yield f"{name}: skipped: {result.skipped}"
    untried = _untried(result)
    for check in result.checks:
        if check in untried:
            continue
        if check.outcome != "pass" or check.kind == "comparison":
            yield f"{name}: {check.name}: {check.outcome}: {with_next_step(check.reason, check.next_step)}"
    if untried:
        yield f"{name}: so {counted(len(untried), 'further promise')} could not be tried"
    for found in diagnose(result.record) if result.record else ():
        yield f"{name}: {found.trouble}: {sentence(found.evidence)} Cure: {sentence(found.cure)}"


def _untried(result: Result) -> list[Check]:
    """Promises that failed with the run itself and for no reason of their own: one line for all of them."""
    if result.record is None or result.record.outcome == "completed":
        return []
    said = f"the run is {result.record.outcome}"
    return [check for check in result.checks if check.outcome == "fail" and check.reason.startswith(said)]


def shown_name(result: Result) -> str:
    """Of the benchmark; with the fault, if the run was made faulty on purpose."""
    name = result.benchmark.spec.name
    fault = result.record.fault if result.record is not None else None
    return f"{name} (fault: {fault})" if fault else name


def verdict_sentence(results: Sequence[Result]) -> str:
    """How many of which, worst first."""
    outcomes = [check.outcome for result in results for check in result.checks]
    counts = [f"{outcomes.count(outcome)} {outcome}" for outcome in PRECEDENCE if outcome in outcomes]
    skipped = sum(bool(result.skipped) for result in results)
    counts += [f"{skipped} skipped"] if skipped else []
    promises, benchmarks = counted(len(outcomes), "promise"), counted(len(results), "benchmark")
    return f"{promises} of {benchmarks}: {', '.join(counts) or 'nothing was measured'}"


def outcome_text(outcome: str) -> Text:
    """The word, in its colour."""
    return Text(outcome, style=_STYLES[outcome])
