"""What pairs of processes with slower steps, and with clean ones on both sides, say of the promises of speed."""

from __future__ import annotations

import pytest
from selftest_examples import made_selftest

from bertbench.selftest.fault_facts import FaultRow, UnchangedSpeed
from bertbench.selftest.keeping import kept_promises, outcome_of


def slow(speed: str, by: float | None = 0.1, name: str = "slow") -> FaultRow:
    return FaultRow(
        name=name, does="", changes_numbers=False, slows_median_step=True, median_step_slower_by=by, speed=speed
    )  # type: ignore[arg-type]


SLOWER = "steps 5 % slower or more"


@pytest.mark.parametrize(
    ("words", "seen", "standing"),
    [
        (["fail"] * 100, (100, 100), "shown"),
        (["fail"] * 2, (2, 2), "consistent"),
        (["fail", "undecided"], (1, 1), "consistent"),
        (["pass"] * 2, (0, 2), "violated"),
        ([*["fail"] * 80, *["pass"] * 20], (80, 100), "violated"),
    ],
)
def test_steps_slower_by_the_margin_are_held_against_the_power_of_speed(
    words: list[str], seen: tuple[int, int], standing: str
) -> None:
    """Counted over the pairs that decided."""
    (promise,) = kept_promises(made_selftest(faults=tuple(slow(word) for word in words)))
    assert (promise.promise, promise.about.split(",")[0]) == ("fail >= 95 %", SLOWER)
    assert (promise.seen.count, promise.seen.trials) == seen
    assert promise.standing == standing


def test_of_steps_slower_by_less_than_the_margin_nothing_is_promised() -> None:
    assert kept_promises(made_selftest(faults=(slow("pass", 0.02), slow("pass", None), slow("undecided")))) == ()
    (promise,) = kept_promises(made_selftest(faults=(slow("pass", 0.02), slow("fail", 0.05))))
    assert promise.seen.trials == 1


def unchanged(word: str, *, could_fail: bool = True) -> UnchangedSpeed:
    return UnchangedSpeed(word=word, pairs=9, could_fail=could_fail)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "standing"), [(["pass"], "consistent"), (["fail"], "violated"), (["pass"] * 400, "shown")]
)
def test_clean_processes_in_pairs_must_not_fail(words: list[str], standing: str) -> None:
    (promise,) = kept_promises(made_selftest(unchanged_speed=tuple(map(unchanged, words))))
    assert (promise.about, promise.promise) == ("pairs of clean processes", "fail <= 1 %")
    assert promise.standing == standing


def test_a_comparison_that_could_not_have_failed_is_no_sign_that_none_does() -> None:
    few = unchanged("undecided", could_fail=False)
    assert kept_promises(made_selftest(unchanged_speed=(few,))) == ()
    (promise,) = kept_promises(made_selftest(unchanged_speed=(few, unchanged("undecided")), gated_specs=3))
    assert (promise.about, promise.promise) == ("pairs of clean processes, each one check of 3", "fail <= 0.3345 %")
    assert (promise.seen.count, promise.seen.trials) == (0, 1)


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ([slow("fail"), slow("pass", 0.02)], "pass"),
        ([slow("fail"), slow("undecided", 0.05)], "pass"),
        ([slow("pass"), slow("pass", 0.02)], "undecided"),  # one is no rate, and nothing to be green by
        ([slow("undecided"), slow("fail", 0.02)], "undecided"),
        ([slow(""), slow("", 0.02)], "undecided"),
        ([slow("pass", 0.02)], "pass"),  # all that was asked about, and decided
        ([slow("undecided", 0.02)], "undecided"),
    ],
)
def test_speed_is_a_part_like_the_others(rows: list[FaultRow], outcome: str) -> None:
    found = made_selftest(faults=tuple(rows))
    assert outcome_of(kept_promises(found), found, asked=("speed",)) == outcome
