"""`bertbench ab`: options, exit status, what is printed and kept. Only the processes are replaced."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_sides import FakeMachine, crash
from small_bench import write_small_bench

from bertbench import cli
from bertbench.ab import comparing
from bertbench.cli_ab import seconds_of
from bertbench.errors import SideError

Shell = Callable[..., tuple[int, str]]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    """Runs the processes; nothing changed, unless a test says otherwise."""
    fake = FakeMachine()
    monkeypatch.setattr(comparing, "process_sampler", lambda _sides, _folder: fake)
    return fake


@pytest.fixture
def shell(
    tmp_path: Path,
    tiny_bert_folder: Path,
    machine: FakeMachine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    """Runs one command in a folder with `old.toml` and `new.toml`; gives exit status and all it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")
    for name in ("old", "new"):
        write_small_bench(tmp_path, tiny_bert_folder, name=name, training__seeds=(0, 1))

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = cli.run(list(arguments))
        return status, "".join(capsys.readouterr())

    return run


SIDES = ("--base", "old.toml", "--cand", "new.toml")


def test_nothing_changed_exits_0_and_says_how_sure(shell: Shell) -> None:
    status, said = shell("ab", *SIDES)
    assert status == cli.PASS
    assert re.search(r"step_seconds +\S+ ms +\S+ ms +[+-]0\.\d% +.* pass", said)
    assert "new: speed_step: pass: A training step of the candidate takes " in said
    assert "97.5 % upper bound" in said


@pytest.mark.parametrize("slowdown", [0.06, 1.0, 10.0])
def test_a_slower_candidate_exits_1(shell: Shell, machine: FakeMachine, slowdown: float) -> None:
    """Anchors, row 7: pyperf exits 0 on a 2 times slowdown; row 10: asv calls a 10 times slowdown 'not different'."""
    machine.slowdown = slowdown
    status, said = shell("ab", *SIDES)
    assert status == cli.FAIL
    assert "new: speed_step: fail: " in said


def test_too_little_time_exits_3_and_says_what_would_be_enough(shell: Shell, machine: FakeMachine) -> None:
    machine.slowdown = 1.0
    status, said = shell("ab", *SIDES, "--budget", "0.000001s")
    assert status == cli.UNDECIDED
    assert "Next: a longer --budget: 9 pairs and the one that is discarded are needed" in said


def test_a_budget_that_the_first_process_uses_up_ends_it_there(shell: Shell, machine: FakeMachine) -> None:
    status, said = shell("ab", *SIDES, "--budget", "0.000001s")
    assert (status, len(machine.asked)) == (cli.UNDECIDED, 1)
    assert "0 pairs measured, and fewer than 9 can decide nothing." in said
    assert "0 pairs of processes counted, 0 discarded by rule" in said


def test_a_crash_of_the_candidate_exits_1_and_of_the_baseline_3(shell: Shell, machine: FakeMachine) -> None:
    machine.failures = {("cand", 1): crash()}
    status, said = shell("ab", *SIDES)
    assert (status, "a process of the candidate did not complete" in said) == (cli.FAIL, True)
    machine.failures = {("base", 3): crash()}
    machine.asked.clear()
    assert shell("ab", *SIDES, "--store", "other")[0] == cli.UNDECIDED


def test_a_baseline_whose_data_cannot_be_used_is_a_usage_error(shell: Shell, machine: FakeMachine) -> None:
    machine.failures = {("base", 0): crash("DataError", "no rows")}
    status, said = shell("ab", *SIDES)
    assert (status, "DataError" in said) == (cli.USAGE, True)


def test_a_comparison_is_shown_again_with_its_status(shell: Shell, machine: FakeMachine) -> None:
    machine.slowdown = 0.06
    status, said = shell("ab", *SIDES, "--coin-seed", "7", "--json", "out.json")
    ab_id = json.loads(Path("out.json").read_text())["ab_id"]
    for name in ((), ("latest",), (ab_id,)):
        assert shell("ab", "--show", *name) == (status, said)
    assert json.loads(Path("out.json").read_text())["coin_seed"] == 7
    assert json.loads(Path(f".bertbench/ab/{ab_id}/ab.json").read_text())["check"]["outcome"] == "fail"


def test_a_second_attempt_that_passes_still_exits_1(shell: Shell, machine: FakeMachine) -> None:
    machine.slowdown = 0.06
    shell("ab", *SIDES)
    machine.slowdown = 0.0
    status, said = shell("ab", *SIDES)
    assert status == cli.FAIL
    assert "Attempt 2 of the same comparison (attempt 1: fail)" in said


def test_sigterm_ends_it_as_ctrl_c_does_and_leaves_no_tree(shell: Shell, machine: FakeMachine) -> None:
    """A cancelled CI job: the pairs so far are kept and shown, the attempt counts, the repository is as it was."""

    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        line = [shutil.which("git") or "git", *who, *words]
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout

    def cancelled(_side: str, number: int) -> float:
        if number == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return 0.1

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    machine.steps = cancelled
    before = signal.getsignal(signal.SIGTERM)
    status, said = shell("ab", "--base", "git:HEAD", "--cand", "new.toml", "new.toml", "--json", "out.json")
    assert status == cli.INTERRUPTED
    assert "new: speed_step: undecided: interrupted after 4 pairs, before anything was decided." in said
    assert "4 pairs of processes counted, 1 discarded by rule; seed 0" in said
    assert json.loads(Path("out.json").read_text())["interrupted"] is True
    assert len(git("worktree", "list").splitlines()) == 1
    assert signal.getsignal(signal.SIGTERM) == before
    assert shell("ab", "--show") == (cli.UNDECIDED, said)
    (attempt,) = Path(".bertbench/ab/attempts.jsonl").read_text().splitlines()
    assert json.loads(attempt)["outcome"] == "undecided"


def test_ctrl_c_before_there_is_a_pair_leaves_nothing_to_show(shell: Shell, machine: FakeMachine) -> None:
    def cancelled(_side: str, _number: int) -> float:
        raise KeyboardInterrupt

    machine.steps = cancelled
    status, said = shell("ab", *SIDES)
    assert (status, "bertbench: interrupted" in said) == (cli.INTERRUPTED, True)
    assert not Path(".bertbench").exists()


def test_epochs_are_those_asked_for_and_told(shell: Shell) -> None:
    status, said = shell("ab", *SIDES, "--epochs", "1")
    assert status == cli.PASS
    assert "seed 0, 1 epochs; coins from" in said
    assert "epochs;" not in shell("ab", *SIDES)[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--base is missing"),
        (("--base", "old.toml"), "--cand is missing"),
        (("--base", sys.executable, "--cand", "new.toml"), "a spec to run is missing"),
        (("--base", "old.toml", "--cand", "none.toml"), "there is no such spec"),
        ((*SIDES, "--budget", "soon"), "a time above 0 was expected"),
        ((*SIDES, "--epochs", "0"), "training.epochs"),
        ((*SIDES, "--gated-specs", "0"), "--gated-specs: 0 was given, a whole number was expected"),
        ((*SIDES, "--show"), "sides were given too"),
        (("--show",), "holds no comparison of speed"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    status, told = shell("ab", *arguments)
    assert (status, said in told) == (cli.USAGE, True), told


def test_the_error_rate_is_shared_among_the_specs_of_the_project(shell: Shell, machine: FakeMachine) -> None:
    machine.slowdown = 0.06
    assert "and 0.0025 or less is a fail" in shell("ab", *SIDES)[1]
    assert "and 0.00083 or less is a fail" in shell("ab", *SIDES, "--gated-specs", "3")[1]


def test_the_share_is_the_one_that_the_project_declares_unless_the_option_says_another(
    shell: Shell, machine: FakeMachine
) -> None:
    Path("pytest.ini").write_text("[pytest]\nbertbench_gated_specs = 3\n")
    machine.slowdown = 0.06
    said = shell("ab", *SIDES)[1]
    assert "and 0.00083 or less is a fail" in said
    assert "gated specs: 3 (pytest.ini)\n" in said
    assert "gated specs: 1 (--gated-specs)\n" in shell("ab", *SIDES, "--gated-specs", "1")[1]
    Path("pytest.ini").write_text("[pytest]\nbertbench_gated_specs = 0\n")
    status, said = shell("ab", *SIDES)
    assert (status, "pytest.ini: bertbench_gated_specs: '0' was given" in said) == (cli.USAGE, True)


def test_a_spec_beside_two_specs_is_told_to_be_of_no_use(shell: Shell) -> None:
    status, said = shell("ab", *SIDES, "old.toml")
    assert status == cli.PASS
    assert "old.toml: is not used: both sides are specs" in said


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0), (" 2m ", 120.0)])
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "-1m", "0s", "1d", "1m30s", "nanm"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(SideError, match="90s, 10m or 2h"):
        seconds_of(text)


def test_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.run(["ab", "--help"])
    assert caught.value.code == 0
    assert "path/to/python, git:REV or SPEC.toml" in " ".join(capsys.readouterr().out.split())
