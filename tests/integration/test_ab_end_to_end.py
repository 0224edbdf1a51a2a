"""`bertbench ab` with real processes, real backends and a tiny BERT: a Python and a revision, two specs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_bench import write_small_bench
from tiny_bert import write_tiny_bert
from whole_processes import command, environment, run_bertbench

from bertbench.ab.files import find_ab
from bertbench.store import Store

pytestmark = pytest.mark.slow


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    line = [shutil.which("git") or "git", "-C", str(folder), *who, *words]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


def test_a_python_and_a_revision_are_run_recorded_and_told_apart(tmp_path: Path, tiny_bert_folder: Path) -> None:
    """With a budget that holds the discarded pair and too few others: what is tested is that both sides really run."""
    write_small_bench(tmp_path, tiny_bert_folder)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    sides = ("--base", sys.executable, "--cand", "git:HEAD")
    done = run_bertbench(tmp_path, "ab", *sides, "small.toml", "--epochs", "1", "--budget", "60s")
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stderr == ""
    ab = find_ab(tmp_path / ".bertbench")
    assert (ab.crashes, ab.pairs[0].counted) == ((), False)
    assert ab.cand.commit == git(tmp_path, "rev-parse", "HEAD").strip()
    assert all(value is not None for value in ab.pairs[0].measured.cand.values.values())
    records = [entry.record for entry in Store(tmp_path / ".bertbench" / "ab" / ab.ab_id).entries()]
    assert len(records) >= 2 * len(ab.pairs)
    assert {record and record.outcome for record in records} == {"completed"}
    assert len(git(tmp_path, "worktree", "list").splitlines()) == 1


def test_six_times_the_layers_are_a_slower_step(tmp_path: Path, tiny_bert_folder: Path) -> None:
    write_small_bench(tmp_path, tiny_bert_folder, training__epochs=8)
    deep = write_tiny_bert(tmp_path / "deep", layers=12)
    write_small_bench(tmp_path, deep, name="deep", training__epochs=8)
    arguments = ("ab", "--base", "small.toml", "--cand", "deep.toml", "--budget", "2h")
    done = subprocess.run(
        command(*arguments), cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "deep: speed_step: fail: A training step of the candidate takes" in done.stdout
    assert "weights: " in done.stdout
    ab = find_ab(tmp_path / ".bertbench")
    assert ab.check.observed_value is not None
    assert ab.check.observed_value > 0.5
    shown = run_bertbench(tmp_path, "ab", "--show")
    assert (shown.returncode, shown.stdout) == (1, done.stdout)
