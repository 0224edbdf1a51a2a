"""`bertbench compare` is bound by what failed, and takes no other code for the one under test; runs are replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_runs import set_runs
from test_cli_baseline import accuracies, commit, newest, shell  # noqa: F401 - a fixture

from bertbench import cli
from bertbench.attempts import Ledger
from bertbench.record import Failure
from bertbench.store import Store

Shell = Callable[..., tuple[int, str]]


@pytest.fixture
def bank(shell: Shell) -> Shell:  # noqa: F811 - it is the fixture
    """A rolling baseline of twenty seeds at 98 %, committed."""
    set_runs(accuracy=accuracies(0.98))
    commit()
    shell("run", "small.toml", "--no-repeat", "--seeds", "0-19")
    shell("baseline", "accept", "small.toml")
    commit()
    return shell


def test_the_runs_of_the_baseline_are_no_candidate_of_new_code(bank: Shell) -> None:
    """They share no seed with it, and would pass in its place."""
    old = newest()
    set_runs(accuracy={str(seed): 0.70 + 0.01 * (seed % 2) for seed in range(20, 40)}, bits=1)
    bank("run", "small.toml", "--no-repeat", "--seeds", "20-39")
    status, said = bank("compare", "small.toml")
    assert status == cli.FAIL
    assert "left out, since nothing shows that they ran the code of newer runs: no seed of equal bits, " in said
    assert old in said


def test_runs_of_one_clean_commit_are_one_candidate(bank: Shell) -> None:
    set_runs(accuracy=accuracies(0.94), bits=1)
    bank("run", "small.toml", "--no-repeat", "--seeds", "0,1")
    bank("run", "small.toml", "--no-repeat", "--seeds", "2,3")
    status, said = bank("compare", "small.toml")
    assert (status, "4 seeds against a bank of 20" in said) == (cli.FAIL, True)


def test_a_fail_at_a_commit_binds_a_run_that_was_not_compared_at_once(bank: Shell) -> None:
    set_runs(accuracy=accuracies(0.94), bits=1)
    assert bank("run", "small.toml", "--no-repeat", "--seeds", "0-3", "--compare")[0] == cli.FAIL
    failed = newest()
    set_runs(accuracy=accuracies(0.98), bits=2)
    bank("run", "small.toml", "--no-repeat", "--seeds", "4-7")
    status, said = bank("compare", "small.toml", "latest")
    assert (status, f"an earlier one failed ({failed}, " in said) == (cli.FAIL, True)
    assert "trying again does not erase a fail. By itself this one is pass." in said


def test_a_comparison_is_counted_once_however_often_it_is_asked_for(bank: Shell) -> None:
    set_runs(accuracy=accuracies(0.94), bits=1)
    bank("run", "small.toml", "--no-repeat", "--seeds", "0-3")
    for _ in range(2):
        status, said = bank("compare", "small.toml", newest())
        assert (status, "Attempt 1 at commit " in said) == (cli.FAIL, True)
    (attempt,) = Ledger(Path(".bertbench")).attempts()
    assert (attempt.outcome, attempt.runs) == ("fail", (newest(),))
    set_runs(accuracy=accuracies(0.98), bits=2)
    status, said = bank("run", "small.toml", "--no-repeat", "--seeds", "0-3", "--compare")
    assert (status, "Attempt 2 at commit " in said) == (cli.FAIL, True)


def test_other_numerics_are_told_and_no_way_round_a_fail(bank: Shell) -> None:
    set_runs(accuracy=accuracies(0.94), bits=1)
    bank("run", "small.toml", "--no-repeat", "--seeds", "0-3", "--compare")
    set_runs(accuracy=accuracies(0.98), bits=2, keras="3.99")
    status, said = bank("run", "small.toml", "--no-repeat", "--seeds", "0-3", "--compare")
    assert (status, "an earlier one under other numerics failed" in said) == (cli.FAIL, True)


def test_a_larger_share_of_the_error_rate_finds_no_other_verdict_on_the_same_runs(bank: Shell) -> None:
    """What failed at its share stays failed when it is judged at a smaller one."""
    set_runs(accuracy=accuracies(0.94), bits=1)
    bank("run", "small.toml", "--no-repeat", "--seeds", "0-3")
    assert bank("compare", "small.toml")[0] == cli.FAIL
    status, said = bank("compare", "small.toml", "--gated-specs", "1000")
    assert (status, "the same runs, judged before, failed" in said) == (cli.FAIL, True)


def test_a_run_of_further_seeds_or_a_repeat_is_not_compared_alone(bank: Shell) -> None:
    set_runs(accuracy=accuracies(0.98), bits=1)
    bank("run", "small.toml", "--compare")
    records = [entry.record for entry in Store(Path(".bertbench")).entries() if entry.record]
    for part, does in (
        (next(record for record in records if record.continues), "ran further seeds of"),
        (next(record for record in records if record.repeats), "repeats"),
    ):
        status, said = bank("compare", "small.toml", part.run_id)
        assert (status, f"{does} {part.continues or part.repeats}" in said) == (cli.USAGE, True)


def test_a_crash_of_yesterday_does_not_fail_the_comparison_of_today(bank: Shell) -> None:
    set_runs(accuracy=accuracies(0.98), bits=1)
    bank("run", "small.toml", "--no-repeat", "--compare")
    store = Store(Path(".bertbench"))
    further = next(entry.record for entry in store.entries() if entry.record and entry.record.continues)
    died = Failure(kind="ProcessDied", message="signal SIGKILL", phase="unknown")
    store.write(further.model_copy(update={"outcome": "failed", "failure": died}))
    assert bank("compare", "small.toml")[0] == cli.FAIL  # nothing newer
    bank("run", "small.toml", "--no-repeat", "--seeds", "0-3")
    status, said = bank("compare", "small.toml")
    assert status == cli.PASS
    assert "left out, since they, or runs of their further seeds, did not complete: " in said
    assert further.run_id in said


def test_runs_on_another_ground_are_named_with_what_differs(bank: Shell) -> None:
    """Older ones, and further seeds that ran after an update."""
    set_runs(accuracy=accuracies(0.98), bits=1, keras="9.9.9")
    bank("run", "small.toml", "--no-repeat", "--seeds", "0-3")
    older = newest()
    set_runs(accuracy=accuracies(0.98), bits=1)
    bank("run", "small.toml", "--no-repeat", "--compare")
    store = Store(Path(".bertbench"))
    further = next(entry.record for entry in store.entries() if entry.record and entry.record.continues)
    store.write(further.model_copy(update={"bertbench_version": "0.0.1"}))
    status, said = bank("compare", "small.toml")
    assert status == cli.UNDECIDED
    assert f"left out, since they differ from newer runs in numerics: {older}" in said
    assert f"left out, since they ran further seeds of {further.continues} and differ from it in bertbench: " in said
    assert further.run_id in said
