"""Which pairs the machine disturbed, told one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fake_sides import FakeMachine, make_sides

from bertbench.ab.comparing import Plan, compare_speed
from bertbench.ab.fields import AbRecord
from bertbench.report.ab_disturbances import disturbance_lines
from bertbench.report.ab_table import ab_lines

BUSY = "other processes took 50% of the cores"


def record(folder: Path, **machine: Any) -> AbRecord:
    fake = FakeMachine(**machine)
    return compare_speed(make_sides(), folder, Plan(1_000.0, 1, 1), sampler=fake, clock=fake.clock)


def test_a_quiet_comparison_has_nothing_to_tell(tmp_path: Path) -> None:
    assert list(disturbance_lines(record(tmp_path))) == []


def test_the_discarded_pair_is_not_told_as_it_is_not_counted(tmp_path: Path) -> None:
    assert list(disturbance_lines(record(tmp_path, disturbed={("cand", 0)}))) == []


def test_each_disturbed_pair_is_told_with_side_signal_size_and_what_came_of_it(tmp_path: Path) -> None:
    """Pair 4's second measurement is the fifth process of each side, so pair 7 has the eighth."""
    one = record(tmp_path, disturbed={("cand", 4), ("base", 8), ("cand", 8)})
    assert list(disturbance_lines(one)) == [
        f"Disturbed, pair 4: candidate: {BUSY}; measured again, undisturbed.",
        f"Disturbed, pair 7: baseline: {BUSY}; candidate: {BUSY}; not measured again.",
    ]
    assert [pair.measured.disturbed for pair in one.pairs].index(True) == 4  # as in ab.json, where 0 is discarded


def test_a_second_measurement_that_was_disturbed_itself_says_so(tmp_path: Path) -> None:
    (line,) = disturbance_lines(record(tmp_path, disturbed={("cand", 4), ("base", 5)}))
    assert line == (f"Disturbed, pair 4: candidate: {BUSY}; measured again, and disturbed again: baseline: {BUSY}.")


def test_of_more_than_ten_the_others_are_counted(tmp_path: Path) -> None:
    often = record(tmp_path, slowdown=0.03, spread=0.03, disturbed={("base", number) for number in range(60)})
    number = sum(pair.measured.disturbed for pair in often.pairs if pair.counted)
    lines = list(disturbance_lines(often))
    assert number > 11
    assert (len(lines), lines[-1]) == (11, f"Disturbed, and {number - 10} more: see ab.json.")


def test_the_lines_come_after_the_verdict(tmp_path: Path) -> None:
    lines = list(ab_lines(record(tmp_path, disturbed={("cand", 4)})))
    assert lines[4].startswith("Disturbed, pair 4: candidate: ")
