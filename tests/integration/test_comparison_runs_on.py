"""A comparison with real processes: equal bits end it; where bits differ, the seeds of the next look are really run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from small_bench import write_small_bench
from whole_processes import run_bertbench

from bertbench.attempts import Ledger
from bertbench.store import Store


@pytest.mark.slow
def test_further_seeds_are_fine_tuned_for_the_first_look(tmp_path: Path, tiny_bert_folder: Path) -> None:
    """A tiny BERT that learns to tell the two classes apart; the bank's losses are changed by hand to be other bits."""
    learns = {"training__epochs": 16, "optimizer__learning_rate": 5e-3}
    write_small_bench(tmp_path, tiny_bert_folder, training__seeds=(0, 1), identity__repeat="no", **learns)
    assert run_bertbench(tmp_path, "run", "small.toml", "--seeds", "0-19").returncode == 0
    assert run_bertbench(tmp_path, "baseline", "accept", "small.toml").returncode == 0

    equal = run_bertbench(tmp_path, "run", "small.toml", "--compare")
    assert equal.returncode == 0, equal.stdout + equal.stderr
    assert "small is no worse: quality unchanged, since rolling (accepted " in equal.stdout
    assert len(Store(tmp_path / ".bertbench").entries()) == 2

    (file,) = (tmp_path / "baselines" / "rolling").iterdir()
    file.write_text(re.sub(r'("losses": )"[0-9a-f]{4}', r'\1"0000', file.read_text()))
    other = run_bertbench(tmp_path, "run", "small.toml", "--compare")
    assert other.returncode == 0, other.stdout + other.stderr
    assert "4 seeds against a bank of 20" in other.stdout
    runs = [entry.record for entry in Store(tmp_path / ".bertbench").entries()]
    assert [[seed.seed for seed in run.seeds] for run in runs if run is not None and run.continues] == [[2, 3]]
    assert [attempt.outcome for attempt in Ledger(tmp_path / ".bertbench").attempts()] == ["pass", "pass"]
