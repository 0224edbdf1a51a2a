"""A comparison of speed for a terminal: the table, the lines, the bar."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from fake_sides import FakeMachine, make_sides
from rich.console import Console

from bertbench.ab.comparing import Plan, compare_speed
from bertbench.ab.fields import COMPARED, AbRecord
from bertbench.report import ab_progress
from bertbench.report.ab_progress import PairProgress
from bertbench.report.ab_table import ab_lines, ab_table, estimates
from bertbench.report.terminal import rendered


def record(folder: Path, *, budget: float = 1_000.0, **machine: Any) -> AbRecord:
    fake = FakeMachine(**machine)
    return compare_speed(make_sides(), folder, Plan(budget, 1, 1), sampler=fake, clock=fake.clock)


def table_of(one: AbRecord) -> list[list[str]]:
    lines = rendered(ab_table(one), width=200, colour=False).splitlines()
    return [line.split() for line in lines]


def test_only_the_step_has_a_vote(tmp_path: Path) -> None:
    _heading, *rows = table_of(record(tmp_path, slowdown=0.06))
    assert [row[0] for row in rows] == list(COMPARED)
    assert [row[-1] for row in rows] == ["fail"] + ["shown"] * 5
    assert rows[0][1:3] == ["100", "ms"]
    assert rows[0][5].startswith("+6.")
    assert rows[1][1:] == ["62.5", "ms", "62.5", "ms", "+0.0%", "+0.0%", "to", "+0.0%", "shown"]


def test_every_quantity_has_its_own_estimate(tmp_path: Path) -> None:
    slow = {"phases_seconds": {"import": 4.5, "tokenize": 0.25, "total": 41.0}}
    one = record(tmp_path, records={"cand": slow})
    seen = {estimate.name: estimate for estimate in estimates(one)}
    look = seen["import_seconds"].look
    assert look is not None
    assert (seen["import_seconds"].base, seen["import_seconds"].cand) == (3.0, 4.5)
    assert look.slowdown == pytest.approx(0.5)
    lines = "\n".join(ab_lines(one))
    assert "Without a vote: import_seconds +50.0% (+50.0% to +50.0%); total_seconds +2.5%" in lines
    assert one.check.outcome == "pass"


def test_what_was_not_measured_is_shown_as_such(tmp_path: Path) -> None:
    one = record(tmp_path, records={"cand": {"phases_seconds": {}}})
    row = next(row for row in table_of(one) if row[0] == "import_seconds")
    assert row == ["import_seconds", "-", "-", "-", "-", "shown"]


def test_too_few_pairs_exclude_nothing(tmp_path: Path) -> None:
    one = record(tmp_path, budget=19.0)
    assert table_of(one)[1][-3:] == ["nothing", "excluded", "undecided"]


def test_the_lines_say_who_what_and_where_it_is_kept(tmp_path: Path) -> None:
    one = record(tmp_path)
    lines = list(ab_lines(one))
    assert lines[0] == ("baseline: base/bin/python: bertbench 0.1.0 in /base/lib/bertbench, run by /base/bin/python")
    assert lines[2] == (
        "9 pairs of processes counted, 1 discarded by rule, planned 9; seed 0; coins from 1; 20 of 1000 s"
    )
    assert lines[3].startswith("seed_card: speed_step: pass: A training step of the candidate takes ")
    assert "The sides differ in: code: 111111111111 against 222222222222." in lines
    assert lines[-1] == f"Kept as {one.ab_id}: bertbench ab --show {one.ab_id}"


def test_many_differences_are_counted(tmp_path: Path) -> None:
    many = record(tmp_path).model_copy(update={"differences": tuple(f"fact {number}" for number in range(15))})
    assert any("fact 11; and 3 more in ab.json." in line for line in ab_lines(many))


# The bar


def test_the_bar_follows_pairs_and_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    class Bar:
        def __init__(self, _console: Console) -> None:
            pass

        def start(self, total: int | None, description: str) -> None:
            told.append((total, description))

        def advance(self, number: int) -> None:
            told.append(number)

        def stop(self) -> None:
            told.append("stop")

    monkeypatch.setattr(ab_progress, "ProgressBar", Bar)
    with PairProgress(Console(file=io.StringIO())) as progress:
        for done, planned in ((0, 9), (1, 9), (2, 14)):
            progress(done, planned)
    assert told == [
        (None, "first pair, which is discarded"),
        (9, "pairs of processes"),
        0,
        1,
        (14, "pairs of processes"),
        2,
        "stop",
    ]
