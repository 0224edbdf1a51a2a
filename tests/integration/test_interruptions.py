"""What is left of a run that does not reach its end, and of runs that meet each other in one store."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from small_bench import write_small_bench
from whole_processes import (
    PATIENCE_SECONDS,
    command,
    environment,
    run_bertbench,
    started,
    wait_for,
    wait_for_epoch,
)

from bertbench.record import RunRecord
from bertbench.selftest.record import read_selftest
from bertbench.store import Store

#: So many epochs do not end while a test waits; many more, and the seeds of two dropouts could meet, which is refused.
ENDLESS = 50_000
#: A script that runs the spec in a worker, as pytest does, and says what the record came to.
SCRIPT = """
import sys
import bertbench
try:
    record = bertbench.run("small.toml")
except KeyboardInterrupt:
    sys.exit(130)
print(record.outcome, record.failure.kind, record.failure.message, flush=True)
"""


def endless(folder: Path, checkpoint: Path) -> None:
    """A spec whose only seed goes on for ever."""
    write_small_bench(folder, checkpoint, training__epochs=ENDLESS)


def only_record(folder: Path) -> RunRecord:
    (entry,) = Store(folder / ".bertbench").entries()
    assert entry.record is not None, entry.problem
    return entry.record


def script() -> list[str]:
    return [sys.executable, "-c", SCRIPT]


# Interrupted


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_self_test_that_is_stopped_leaves_its_report(
    tmp_path: Path, tiny_bert_folder: Path, number: signal.Signals
) -> None:
    """SIGTERM is how CI cancels; after SIGKILL there is what was found before it."""
    write_small_bench(tmp_path, tiny_bert_folder)
    line = command("selftest", "small.toml", "--parts", "processes", "--budget", "1h", "--out", "out")
    with started(tmp_path, line) as process:
        wait_for(
            lambda: any('"processes":2' in path.read_text().replace(" ", "") for path in reports(tmp_path)), process
        )
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == (130 if number == signal.SIGTERM else -number), err
    (report,) = reports(tmp_path)
    found = read_selftest(report)
    assert (found.interrupted, found.outcome) == (True, "undecided")
    assert found.processes is not None
    assert "**interrupted**" in report.with_suffix(".md").read_text()
    assert ("interrupted: what follows had no time" in out) is (number == signal.SIGTERM)


def reports(folder: Path) -> list[Path]:
    return list(folder.glob("out/*/selftest.json"))


@pytest.mark.slow
def test_a_comparison_of_speed_that_ci_cancels_leaves_no_tree_behind(tmp_path: Path, tiny_bert_folder: Path) -> None:
    endless(tmp_path, tiny_bert_folder)

    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        line = [shutil.which("git") or "git", "-C", str(tmp_path), *who, *words]
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    with started(tmp_path, command("ab", "--base", "git:HEAD", "--cand", "git:HEAD", "small.toml")) as process:
        wait_for(lambda: any('"epoch":' in path.read_text() for path in records_of_ab(tmp_path)), process)
        assert len(git("worktree", "list").splitlines()) == 3
        process.send_signal(signal.SIGTERM)
        _out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130, err
    assert len(git("worktree", "list").splitlines()) == 1
    (record,) = records_of_ab(tmp_path)
    assert '"outcome":"interrupted"' in record.read_text().replace(" ", "")


def records_of_ab(folder: Path) -> list[Path]:
    return list(folder.glob(".bertbench/ab/*/runs/*/record.json"))


def test_ctrl_c_during_an_epoch_is_recorded_and_has_its_own_status(tmp_path: Path, tiny_bert_folder: Path) -> None:
    endless(tmp_path, tiny_bert_folder)
    with started(tmp_path, command("run", "small.toml")) as process:
        wait_for_epoch(tmp_path, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert err == "bertbench: interrupted; the record of a run says so\n"
    assert "Traceback" not in out
    record = only_record(tmp_path)
    assert record.failure is not None
    assert (record.outcome, record.failure.kind) == ("interrupted", "KeyboardInterrupt")
    (run,) = record.seeds
    assert run.outcome == "interrupted"
    assert len(run.epochs) == record.failure.epoch
    assert len(run.steps.loss) == record.failure.step
    done = run_bertbench(tmp_path, "show")
    assert done.returncode == 0
    assert "interrupted" in done.stdout


def test_ctrl_c_on_a_terminal_reaches_parent_and_worker_and_is_recorded_once(
    tmp_path: Path, tiny_bert_folder: Path
) -> None:
    """The parent passes it on, so the worker gets it twice; the second must not cut off the record of the first."""
    endless(tmp_path, tiny_bert_folder)
    with started(tmp_path, script()) as process:
        wait_for_epoch(tmp_path, process)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert only_record(tmp_path).outcome == "interrupted"


@pytest.mark.slow
def test_a_worker_that_is_interrupted_alone_says_so_to_its_parent(tmp_path: Path, tiny_bert_folder: Path) -> None:
    endless(tmp_path, tiny_bert_folder)
    with started(tmp_path, script()) as process:
        record = wait_for_epoch(tmp_path, process)
        os.kill(record.process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert out.startswith("interrupted KeyboardInterrupt")
    assert process.returncode == 0


# Killed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_worker_that_dies_is_recorded_as_failed_with_the_signal(
    tmp_path: Path, tiny_bert_folder: Path, name: str
) -> None:
    """The first is what the kernel does when memory runs out, the second a fault in a library's own code."""
    endless(tmp_path, tiny_bert_folder)
    with started(tmp_path, script()) as process:
        record = wait_for_epoch(tmp_path, process)
        os.kill(record.process.pid, getattr(signal, name))
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert out.startswith(f"failed ProcessDied the process ended with signal {name}")
    record = only_record(tmp_path)
    assert record.outcome == "failed"
    assert len(record.seeds[0].epochs) >= 1  # what was known is kept


@pytest.mark.slow
def test_a_command_that_is_killed_leaves_a_run_that_is_shown_as_killed(tmp_path: Path, tiny_bert_folder: Path) -> None:
    endless(tmp_path, tiny_bert_folder)
    with started(tmp_path, command("run", "small.toml")) as process:
        wait_for_epoch(tmp_path, process)
        shown = run_bertbench(tmp_path, "show")
        assert "running" in shown.stdout
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    shown = run_bertbench(tmp_path, "show")
    assert shown.returncode == 0
    assert "killed" in shown.stdout
    assert "as far as it got" in shown.stdout


#: Many seeds of one epoch: each is written when it is done, so that a kill often falls into a write.
_MANY_SEEDS: dict[str, Any] = {"training__seeds": tuple(range(60)), "training__epochs": 1}


@pytest.mark.slow
def test_killing_at_any_moment_leaves_a_store_that_can_be_read(tmp_path: Path, tiny_bert_folder: Path) -> None:
    """SIGKILL at 20 random times: while it starts, reads, traces, trains, writes, repeats."""
    write_small_bench(tmp_path, tiny_bert_folder, **_MANY_SEEDS)
    began = time.monotonic()
    assert run_bertbench(tmp_path, "run", "small.toml").returncode == 0
    whole = time.monotonic() - began
    draw = random.Random(0)  # noqa: S311 - moments, no secrets
    for number in range(20):
        # Half of them anywhere; half in what comes after the record is there, where most writes are.
        with started(tmp_path, command("run", "small.toml")) as process:
            if number % 2:
                before = len(Store(tmp_path / ".bertbench").entries())
                wait_for(lambda before=before: len(Store(tmp_path / ".bertbench").entries()) > before, process)
                time.sleep(draw.uniform(0.0, whole / 2))
            else:
                time.sleep(draw.uniform(0.0, whole))
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        everything, latest = run_bertbench(tmp_path, "show", "--all"), run_bertbench(tmp_path, "show")
        assert (everything.returncode, latest.returncode) == (0, 0), everything.stderr + latest.stderr
        assert "unreadable" not in everything.stdout
        statuses = {entry.status for entry in Store(tmp_path / ".bertbench").entries()}
        assert statuses <= {"completed", "killed"}
    assert "killed" in statuses
    # And what was killed is in nobody's way.
    assert run_bertbench(tmp_path, "run", "small.toml").returncode == 0


# Together


@pytest.mark.slow
def test_two_processes_that_run_one_spec_at_once_both_complete_with_the_same_bits(
    tmp_path: Path, tiny_bert_folder: Path
) -> None:
    """One store, one cache of WordPieces, one folder of logs."""
    write_small_bench(tmp_path, tiny_bert_folder)
    line = command("run", "small.toml")
    with started(tmp_path, line) as one, started(tmp_path, line) as other:
        said = [process.communicate(timeout=PATIENCE_SECONDS) for process in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0), said
    records = [entry.record for entry in Store(tmp_path / ".bertbench").entries()]
    assert [record.outcome for record in records if record is not None] == ["completed"] * 4
    assert len({record.seeds[0].digests for record in records if record is not None}) == 1
    assert run_bertbench(tmp_path, "show", "--all").stdout.count("completed") == 4


@pytest.mark.slow
def test_two_processes_of_one_session_share_one_run(tmp_path: Path, tiny_bert_folder: Path) -> None:
    """As test workers do: whoever comes second waits for the record of the first."""
    write_small_bench(tmp_path, tiny_bert_folder)
    script = """
import os
from pathlib import Path
from bertbench.store import Store
from bertbench.session import Session
from bertbench.suite import load_benchmark
session = Session(Store(Path(".bertbench")), "s1", workers=2)
result = session.result(load_benchmark("small.toml"))
print(result.outcome, result.record.run_id, result.repeat.run_id, result.record.environment.workers)
"""
    line = [sys.executable, "-c", script]
    with started(tmp_path, line) as one, started(tmp_path, line) as other:
        said = {process.communicate(timeout=PATIENCE_SECONDS)[0] for process in (one, other)}
    assert (one.returncode, other.returncode) == (0, 0)
    assert len(said) == 1
    assert said.pop().endswith(" 2\n")
    assert len(Store(tmp_path / ".bertbench").entries()) == 2


@pytest.mark.slow
def test_specs_that_compute_differently_run_in_one_command(tmp_path: Path, tiny_bert_folder: Path) -> None:
    """One process computes in one way only: the second spec has a process of its own."""
    write_small_bench(tmp_path, tiny_bert_folder, name="one", identity__repeat="no")
    write_small_bench(tmp_path, tiny_bert_folder, name="two", identity__repeat="no", runtime__onednn=False)
    done = run_bertbench(tmp_path, "run", "one.toml", "two.toml")
    assert done.returncode == 0, done.stdout
    facts = [entry.record.environment for entry in Store(tmp_path / ".bertbench").entries() if entry.record is not None]
    assert [fact.numerics["onednn"] for fact in facts if fact is not None] == [True, False]


# The same bits


def digests_of_pairs(folder: Path, pairs: int) -> set[object]:
    """Weights, losses and predictions of so many runs and their repeats, each a fresh process."""
    for _ in range(pairs):
        done = subprocess.run(
            command("run", "small.toml"),
            cwd=folder,
            env=environment(PYTHONHASHSEED="random"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
    records = [entry.record for entry in Store(folder / ".bertbench").entries()]
    assert len(records) == 2 * pairs
    return {record.seeds[0].digests for record in records if record is not None}


@pytest.mark.slow
def test_ten_pairs_of_fresh_processes_come_to_the_same_bits(tmp_path: Path, tiny_bert_folder: Path) -> None:
    """With everything that draws random numbers: dropout, order of rows, augmentation, a fresh head."""
    augmentation = {"deletion_rate": 0.1, "swap_rate": 0.1, "masking_rate": 0.1}
    write_small_bench(tmp_path, tiny_bert_folder, augmentation=augmentation, model__pooler="fresh")
    assert len(digests_of_pairs(tmp_path, 10)) == 1


@pytest.mark.slow
def test_ten_pairs_of_the_seed_card_come_to_the_same_bits(tmp_path: Path) -> None:
    """Real weights, real messages; two epochs of its twenty, one seed of its five."""
    card = Path(__file__).parents[2] / "benchmarks" / "specs" / "seed_card.toml"
    (tmp_path / "small.toml").write_text(
        f'extends = "{card.as_posix()}"\nname = "small"\nexpect = []\n[training]\nepochs = 2\nseeds = [0]\n'
    )
    assert len(digests_of_pairs(tmp_path, 10)) == 1
