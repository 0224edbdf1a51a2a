"""`bertbench compare` is bound by what failed, and takes no other code for the one under test; runs are replaced."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_runs import set_runs
from test_cli_baseline import accuracies, commit, newest, shell  # noqa: F401 - a fixture

from bertbench import cli
from bertbench.attempts import Ledger
from bertbench.record import Failure, ProcessFacts
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


def test_a_skipped_spec_that_was_to_be_compared_is_no_pass_in_json_either(bank: Shell) -> None:
    Path("absent.toml").write_text('extends = "small.toml"\nname = "absent"\n[data]\nwhen_absent = "skip"\n')
    failure = {"kind": "DataAbsentError", "message": "no rows\n  remedy: set DATA", "phase": "data"}
    set_runs(accuracy=accuracies(0.98), of_spec={"absent": {"failure": failure}})
    status, said = bank("run", "small.toml", "absent.toml", "--compare", "--gated-specs", "2", "--json", "out.json")
    assert (status, json.loads(Path("out.json").read_text())["outcome"]) == (cli.UNDECIDED, "undecided")
    assert "absent: quality_against_rolling: undecided: the spec was skipped, so there is nothing to compare: " in said
    assert "Next: set DATA." in said


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


def test_an_older_run_whose_recipe_drifted_passes_nobody(bank: Shell) -> None:
    """It is of the code of the newest run, and would be counted with it."""
    set_runs(accuracy=accuracies(0.98), bits=1, live={"iterations": 7})
    bank("run", "small.toml", "--no-repeat", "--seeds", "0,1")
    drifted = newest()
    set_runs(accuracy=accuracies(0.98), bits=1)
    bank("run", "small.toml", "--no-repeat", "--seeds", "2,3")
    status, said = bank("compare", "small.toml")
    drift = "seeds 0-1: optimizer iterations before the first step: 0 by the spec, 7 live"
    assert (status, f"the recipe drifted: {drifted}: {drift}" in said) == (cli.FAIL, True)
    bank("run", "small.toml", "--no-repeat", "--seeds", "4-7")
    assert bank("compare", "small.toml", newest())[0] == cli.PASS


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


def test_runs_of_several_commits_and_one_code_stand_for_the_newest_commit(bank: Shell) -> None:
    """A baseline is committed between two runs: the second joins the first by its bits, and a fail binds."""
    set_runs(accuracy=accuracies(0.94), bits=1)
    bank("run", "small.toml", "--no-repeat", "--seeds", "0,1")
    Path("note.txt").write_text("another commit")
    commit()
    bank("run", "small.toml", "--no-repeat", "--seeds", "1-3")
    status, said = bank("compare", "small.toml")
    newer = Store(Path(".bertbench")).read(newest()).revision
    assert newer is not None
    assert (status, f"Attempt 1 at commit {newer.commit[:10]}." in said) == (cli.FAIL, True)
    (attempt,) = Ledger(Path(".bertbench")).attempts()
    assert (attempt.git_commit, attempt.git_dirty, len(attempt.runs)) == (newer.commit, False, 2)


def test_an_older_run_of_a_tree_with_changes_frees_the_newest_from_no_fail(bank: Shell) -> None:
    """It is of the same code by its bits: what was pooled is judged as what the newest stands for."""
    set_runs(accuracy=accuracies(0.94), bits=1)
    Path("loose.py").write_text("")
    bank("run", "small.toml", "--no-repeat", "--seeds", "0-1")
    Path("loose.py").unlink()
    bank("run", "small.toml", "--no-repeat", "--seeds", "0-3")
    assert bank("compare", "small.toml", newest())[0] == cli.FAIL
    assert bank("compare", "small.toml")[0] == cli.FAIL
    one, pooled = Ledger(Path(".bertbench")).attempts()
    assert (len(one.runs), len(pooled.runs)) == (1, 2)
    assert (one.git_commit, one.git_dirty) == (pooled.git_commit, pooled.git_dirty) == (one.git_commit, False)


def test_a_run_that_cannot_be_read_is_named(bank: Shell) -> None:
    """It may have been a fail."""
    set_runs(accuracy=accuracies(0.98), bits=1)
    bank("run", "small.toml", "--no-repeat", "--seeds", "0-3")
    lost = newest()
    bank("run", "small.toml", "--no-repeat", "--seeds", "0-3")
    path = Path(".bertbench/runs") / lost / "record.json"
    path.write_text(path.read_text()[:500])
    status, said = bank("compare", "small.toml")
    assert status == cli.PASS
    assert "left out, since their record cannot be read (" in said
    assert lost in said


def test_the_newest_run_was_killed_and_nothing_older_stands_for_it(bank: Shell) -> None:
    set_runs(accuracy=accuracies(0.98), bits=1)
    for _ in range(2):
        bank("run", "small.toml", "--no-repeat", "--seeds", "0-3")
    store = Store(Path(".bertbench"))
    record = store.read(newest())
    gone = ProcessFacts(pid=2**22 + 1, host=platform.node(), started=0.0)
    store.write(record.model_copy(update={"outcome": "running", "finished_at": None, "process": gone}))
    for command in (("compare", "small.toml"), ("compare", "small.toml", record.run_id)):
        status, said = bank(*command)
        assert (status, "is gone" in said) == (cli.FAIL, True)


def test_a_run_that_goes_on_is_named(bank: Shell) -> None:
    set_runs(accuracy=accuracies(0.98), bits=1)
    for _ in range(2):
        bank("run", "small.toml", "--no-repeat", "--seeds", "0-3")
    store = Store(Path(".bertbench"))
    record = store.read(newest())
    elsewhere = ProcessFacts(pid=1, host="elsewhere", started=0.0)
    store.write(record.model_copy(update={"outcome": "running", "finished_at": None, "process": elsewhere}))
    status, said = bank("compare", "small.toml")
    assert (status, f"left out, since they have not ended: {record.run_id}" in said) == (cli.PASS, True)
    first = next(entry.run_id for entry in store.entries() if entry.run_id != record.run_id and entry.record)
    store.write(store.read(record.run_id).model_copy(update={"continues": first}))
    assert f"left out, since they have not ended: {record.run_id}" in bank("compare", "small.toml")[1]


def test_the_margin_is_that_of_the_spec_as_it_now_stands(bank: Shell) -> None:
    """`[verdict]` is no part of the recipe: runs are judged by what is promised now."""
    set_runs(accuracy=accuracies(0.94), bits=1)
    bank("run", "small.toml", "--no-repeat", "--seeds", "0-3")
    spec = Path("small.toml")
    spec.write_text(spec.read_text() + "\n[verdict]\nmargin_points = 20.0\n")
    status, said = bank("compare", "small.toml")
    assert (status, "the margin of 20.00" in said) == (cli.PASS, True)
