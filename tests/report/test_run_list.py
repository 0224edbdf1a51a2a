"""One line for each run of a store, whatever became of it."""

from __future__ import annotations

import re

import pytest
from record_maker import make_failed_record, make_record, make_seed

from bertbench.report.run_list import run_list
from bertbench.report.terminal import rendered
from bertbench.store import Entry

RUN = "20300102T030405.678Z-seed_card-0123abcd"


def line(entry: Entry, width: int = 120) -> str:
    """What the list says of one run."""
    return rendered(run_list([entry]), width=width, colour=False).splitlines()[-1].rstrip()


def test_a_completed_run_has_its_worst_accuracy_and_its_time() -> None:
    worse = make_seed(1, epochs=4)
    record = make_record(seeds=(make_seed(0), worse))
    assert re.fullmatch(rf"{RUN} +completed +2/2 +0\.8750 +40\.0 s", line(Entry(RUN, "completed", record)))


@pytest.mark.parametrize("status", ["running", "killed", "interrupted", "failed"])
def test_a_run_that_did_not_complete_says_how_far_it_got(status: str) -> None:
    record = make_failed_record()
    assert re.fullmatch(rf"{RUN} +{status} +1/2 +0\.5000 +40\.0 s", line(Entry(RUN, status, record)))


def test_a_run_without_an_epoch_has_a_dash() -> None:
    record = make_failed_record().model_copy(update={"seeds": (), "phases_seconds": {}})
    assert re.fullmatch(rf"{RUN} +failed +0/2 +- +-", line(Entry(RUN, "failed", record)))


def test_a_repeat_is_marked() -> None:
    record = make_record(repeats="20300101T000000Z-other")
    assert " completed, repeat " in line(Entry(RUN, "completed", record))


def test_what_cannot_be_read_is_there_with_the_reason() -> None:
    assert "unreadable: schema version 9" in line(Entry(RUN, "unreadable", None, "schema version 9"))


def test_names_are_whole_and_never_read_as_markup() -> None:
    """A name in two lines cannot be copied; a folder may be called anything."""
    assert line(Entry(RUN, "completed", make_record()), width=80).startswith(RUN)
    assert line(Entry("[/]", "unreadable", None, "[bold]?")).startswith("[/]")
    assert "[bold]?" in line(Entry("[/]", "unreadable", None, "[bold]?"))


def test_runs_are_in_the_order_given() -> None:
    entries = [Entry(f"run-{number}", "completed", make_record()) for number in range(3)]
    shown = rendered(run_list(entries), width=100, colour=False)
    assert re.findall(r"run-\d", shown) == ["run-0", "run-1", "run-2"]
