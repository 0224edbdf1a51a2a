"""Whole runs of the native engine on Keras' other backends: the same record, the same lock, the same promise of bits.

On TensorFlow, `test_end_to_end` has all of this and more.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from small_bench import write_small_bench
from whole_processes import run_bertbench

from bertbench.record import RunRecord
from bertbench.store import Store
from bertbench.verdict import judge_recipe

BACKEND = os.environ.get("BERTBENCH_TEST_BACKEND", "tensorflow")
pytestmark = pytest.mark.skipif(BACKEND == "tensorflow", reason="test_end_to_end is about whole runs on TensorFlow")


def records(folder: Path) -> list[RunRecord]:
    """In the order of their runs."""
    found = [entry.record for entry in Store(folder / ".bertbench").entries()]
    return [record for record in found if record is not None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_bert_folder: Path) -> Path:
    """A folder in which two seeds were run, and repeated in a fresh process."""
    folder = tmp_path_factory.mktemp("whole")
    write_small_bench(folder, tiny_bert_folder, training__seeds=(0, 1), runtime__backend=BACKEND)
    done = run_bertbench(folder, "run", "small.toml", "--save-models", "models")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Warning" not in done.stderr
    for promise in ("run", "recipe_lock", "identity_on_repeat"):
        assert re.search(rf"{promise} .* pass *$", done.stdout, re.MULTILINE), done.stdout
    return folder


def test_a_whole_run_is_recorded_as_on_tensorflow(whole: Path) -> None:
    record, repeat = records(whole)
    assert record.outcome == repeat.outcome == "completed"
    assert [run.steps.rows for run in record.seeds] == [(6, 6, 4) * 2] * 2
    assert set(record.phases_seconds) == {"data", "tokenize", "import", "build", "trace", "save", "total"}
    assert all(run.utilization is not None and run.utilization.value > 0 for run in record.seeds)
    assert all(run.variables and run.digests for run in record.seeds)
    assert record.seeds[0].digests != record.seeds[1].digests


def test_bits_are_the_same_in_a_fresh_process(whole: Path) -> None:
    record, repeat = records(whole)
    ours = {run.seed: run.digests for run in record.seeds}
    assert {run.seed: run.digests for run in repeat.seeds} == {run.seed: ours[run.seed] for run in repeat.seeds}


def test_the_environment_names_the_backend_and_its_libraries(whole: Path) -> None:
    environment = records(whole)[0].environment
    assert environment is not None
    numerics: dict[str, Any] = dict(environment.numerics)
    assert numerics["backend"] == BACKEND
    assert all(numerics["libraries"].values())
    assert {BACKEND, "keras"} <= set(numerics["libraries"])
    assert numerics["onednn"] is None
    assert numerics.get("compile_cache") is (True if BACKEND == "jax" else None)


def test_the_second_seed_alone_has_the_bits_it_has_among_others(whole: Path, tiny_bert_folder: Path) -> None:
    folder = whole / "alone"
    write_small_bench(folder, tiny_bert_folder, training__seeds=(1,), runtime__backend=BACKEND)
    done = run_bertbench(folder, "run", "small.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert records(folder)[0].seeds[0].digests == records(whole)[0].seeds[1].digests


@pytest.mark.parametrize(
    "changes",
    [
        {"training__precision": "mixed_bfloat16"},
        {"training__precision": "mixed_float16"},
        {"augmentation__deletion_rate": 0.2, "training__class_weights": "balanced"},
        {"training__shuffle": False, "optimizer": {"name": "adamw", "weight_decay": 0.1, "global_clipnorm": 1.0}},
    ],
    ids=["bfloat16", "float16", "rows that change their lengths", "adamw in the order of the file"],
)
def test_the_recipe_lock_holds_on_other_recipes(
    tmp_path: Path, tiny_bert_folder: Path, changes: dict[str, Any]
) -> None:
    write_small_bench(tmp_path, tiny_bert_folder, runtime__backend=BACKEND, **changes)
    done = run_bertbench(tmp_path, "run", "small.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    lock = judge_recipe(records(tmp_path)[0])
    assert lock.outcome == "pass", lock.reason
