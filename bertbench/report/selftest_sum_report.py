"""Several self-tests that were added up, as a page: what each gave to it, and what the promises are worth together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bertbench.report.selftest_report import (
    OUTCOMES,
    fault_lines,
    machine_lines,
    page_of,
    promise_lines,
    question_lines,
    trial_lines,
)
from bertbench.report.word_table import WordTable
from bertbench.selftest.record import SelfTest


def sum_markdown(reports: Sequence[SelfTest], total: SelfTest) -> str:
    """The page of several self-tests that were added up, and of what each gave to it."""
    parts = [_heading(reports, total), promise_lines(total.promises), trial_lines(total), fault_lines(total)]
    return page_of(parts)


def _heading(reports: Sequence[SelfTest], total: SelfTest) -> Iterator[str]:
    yield f"# Self-tests of {total.spec.name}, added up: {total.outcome}"
    yield ""
    said = OUTCOMES[total.outcome]
    yield said[0].upper() + said[1:]
    yield ""
    yield from machine_lines(total)
    yield f"- bertbench {total.bertbench_version}"
    yield from question_lines(total)
    yield ""
    rows = [
        (
            report.selftest_id,
            f"{report.first_seed} to {report.last_seed}" if report.last_seed is not None else "-",
            str(len(report.trials.counted) if report.trials else 0),
            str(sum(bool(row.caught_by) for row in report.faults)),
        )
        for report in reports
    ]
    yield from WordTable(("self-test", "seeds", "fresh trials", "faults"), rows).markdown()
