"""From a TOML file to a verdict, with real processes, a real backend and a tiny BERT."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small_bench import write_small_bench
from whole_processes import PATIENCE_SECONDS, command, environment, run_bertbench

from bertbench.record import RunRecord
from bertbench.store import Store

#: What a BERT that was never trained keeps after two epochs, and what it does not.
KEPT = {"quantity": "validation_loss", "at_most": 2.0}
MISSED = {"quantity": "validation_loss", "at_most": 1e-6}


# One whole run, looked at from all sides


class Whole:
    """`bertbench run` on a spec of two seeds, done once."""

    def __init__(self, folder: Path, checkpoint: Path) -> None:
        self.folder = folder
        budget = ({"quantity": "total_seconds", "at_most": 1000.0},)
        write_small_bench(folder, checkpoint, training__seeds=(0, 1), expect=(KEPT,), budget=budget)
        self.done = run_bertbench(folder, "run", "small.toml", "--json", "all.json", "--save-models", "models")
        self.store = Store(folder / ".bertbench")

    @property
    def records(self) -> tuple[RunRecord, RunRecord]:
        """The run and its repeat."""
        run, repeat = (entry.record for entry in self.store.entries())
        assert run is not None
        assert repeat is not None
        return run, repeat


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_bert_folder: Path) -> Whole:
    return Whole(tmp_path_factory.mktemp("whole"), tiny_bert_folder)


def test_a_run_that_keeps_its_promises_exits_0_and_shows_them(whole: Whole) -> None:
    assert whole.done.returncode == 0, whole.done.stdout + whole.done.stderr
    for promise in ("run", "recipe_lock", "validation_loss_every_seed", "budget_total_seconds", "identity_on_repeat"):
        assert re.search(rf"{promise} .* pass *$", whole.done.stdout, re.MULTILINE), promise
    assert "5 promises of 1 benchmark: 5 pass" in whole.done.stdout


def test_it_prints_nothing_that_a_person_did_not_ask_for(whole: Whole) -> None:
    """No banner of TensorFlow, no warning, no control characters."""
    assert whole.done.stderr == ""
    assert [character for character in whole.done.stdout if ord(character) < 32 and character != "\n"] == []


def test_its_record_holds_the_run_and_where_it_happened(whole: Whole) -> None:
    record, _ = whole.records
    assert record.outcome == "completed"
    assert [run.seed for run in record.seeds] == [0, 1]
    assert [run.steps.rows for run in record.seeds] == [(6, 6, 4) * 2] * 2
    assert record.environment is not None
    assert record.environment.numerics["libraries"]["tensorflow"]
    assert record.environment.workers == 1
    assert set(record.phases_seconds) == {"data", "tokenize", "import", "build", "trace", "save", "total"}
    of_process = sum(seconds for phase, seconds in record.phases_seconds.items() if phase != "total")
    of_seeds = sum(sum(run.phases_seconds.values()) for run in record.seeds)
    assert of_process + of_seeds <= record.phases_seconds["total"]


def test_every_loss_and_norm_is_a_number_and_the_seeds_differ(whole: Whole) -> None:
    record, _ = whole.records
    first, second = record.seeds
    assert all(0 < loss < 5 for loss in first.steps.loss)
    assert all(norm > 0 for norm in first.steps.gradient_norm)
    assert first.digests is not None
    assert second.digests is not None
    assert first.digests.losses != second.digests.losses


def test_its_repeat_in_a_fresh_process_comes_to_the_same_bits(whole: Whole) -> None:
    record, repeat = whole.records
    assert repeat.repeats == record.run_id
    assert repeat.process.pid != record.process.pid
    assert [run.seed for run in repeat.seeds] == [0]
    assert repeat.seeds[0].digests == record.seeds[0].digests
    assert repeat.seeds[0].steps.loss == record.seeds[0].steps.loss


def test_its_predictions_are_those_its_accuracies_come_from(whole: Whole) -> None:
    record, _ = whole.records
    for run in record.seeds:
        logits, labels = whole.store.read_predictions(record.run_id, run.seed)
        assert logits.shape == (2, 8, 2)
        accuracies = [float((epoch.argmax(axis=1) == labels).mean()) for epoch in logits]
        assert accuracies == [row.validation.accuracy for row in run.epochs]


def test_its_logs_are_there_for_each_seed(whole: Whole) -> None:
    record, _ = whole.records
    logs = whole.folder / ".bertbench" / "tensorboard" / "small" / record.run_id
    assert list(logs.glob("events*"))
    assert sorted(path.parent.name for path in logs.glob("*/events*")) == ["seed-0", "seed-1"]


def test_its_summary_says_what_the_record_says(whole: Whole) -> None:
    record, repeat = whole.records
    (spec,) = json.loads((whole.folder / "all.json").read_text())["specs"]
    assert (spec["outcome"], spec["run_id"], spec["repeat_run_id"]) == ("pass", record.run_id, repeat.run_id)
    assert [seed["digests"] for seed in spec["seeds"]] == [
        run.digests.model_dump() if run.digests else None for run in record.seeds
    ]


def test_its_models_are_saved_as_checkpoints_that_can_be_fine_tuned_again(whole: Whole) -> None:
    done = run_bertbench(whole.folder, "data", str(write_small_bench(whole.folder / "again", "../models/seed-1")))
    assert done.returncode == 0, done.stderr
    assert (whole.folder / "models" / "seed-0" / "model.safetensors").read_bytes() != (
        whole.folder / "models" / "seed-1" / "model.safetensors"
    ).read_bytes()


def test_it_is_shown_again_with_the_same_verdict(whole: Whole) -> None:
    done = run_bertbench(whole.folder, "show")
    assert done.returncode == 0
    assert len(re.findall(r" pass *$", done.stdout, re.MULTILINE)) == 5
    assert "undecided" not in done.stdout


# Promises that are not kept


def test_a_missed_threshold_exits_1_whatever_else_is_undecided(tmp_path: Path, tiny_bert_folder: Path) -> None:
    write_small_bench(tmp_path, tiny_bert_folder, expect=(MISSED,))
    done = run_bertbench(tmp_path, "run", "small.toml", "--no-repeat")
    assert done.returncode == 1
    assert re.search(r"validation_loss_every_seed: fail: 1 of 1 seeds missed it: seed 0: 0\.\d", done.stdout)
    assert "identity_on_repeat: undecided" in done.stdout


def test_a_loss_that_is_not_finite_is_recorded_with_its_step_and_keeps_no_promise(
    tmp_path: Path, tiny_bert_folder: Path
) -> None:
    """Plain gradient descent with a rate of 1e30: the second step cannot come to anything."""
    optimizer = {"name": "sgd", "learning_rate": 1e30}
    write_small_bench(tmp_path, tiny_bert_folder, optimizer=optimizer, expect=(KEPT,))
    done = run_bertbench(tmp_path, "run", "small.toml")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    (entry,) = Store(tmp_path / ".bertbench").entries()  # no repeat of what failed
    record = entry.record
    assert record is not None
    assert record.failure is not None
    assert (record.outcome, record.failure.kind) == ("failed", "NonFiniteLossError")
    step = record.failure.step
    assert step is not None
    assert f"NonFiniteLossError in phase steps: seed 0: the training loss of step {step} is " in done.stdout
    assert len(record.seeds[0].steps.loss) == step + 1
    assert re.search("4 promises of 1 benchmark: 4 fail", done.stdout)


# Input that cannot be used


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("[trainig]\nepochs = 3\n", ["small.toml: trainig: unknown key; did you mean training?", "docs/spec.md"]),
        ('[data]\ntrain = "absent.jsonl"\n', ["absent.jsonl: no such file", "remedy: "]),
        ('[data]\ntrain = "broken.jsonl"\n', ["broken.jsonl:1", "remedy: "]),
        ('[data]\ntrain = "blank.jsonl"\n', ["blank.jsonl:2", "remedy: "]),
        ('[checkpoint]\nsource = "path:nowhere"\n', ["there is no folder nowhere", "remedy: Put config.json"]),
        ('[checkpoint]\nsource = "path:."\n', ["folder . has no model.safetensors"]),
    ],
    ids=["spec", "data absent", "data unreadable", "data with a hard fault", "checkpoint absent", "checkpoint empty"],
)
def test_input_that_cannot_be_used_exits_2_with_file_and_remedy(
    tmp_path: Path, tiny_bert_folder: Path, changes: str, said: list[str]
) -> None:
    write_small_bench(tmp_path, tiny_bert_folder, name="base")
    (tmp_path / "small.toml").write_text(f'extends = "base.toml"\nname = "small"\n{changes}')
    (tmp_path / "broken.jsonl").write_text('{"text": "no end\n')
    rows = [{"text": "late", "label": "delivery"}, {"text": " ", "label": "refund"}]
    (tmp_path / "blank.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    done = run_bertbench(tmp_path, "run", "small.toml")
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    for words in said:
        assert words in done.stdout + done.stderr


# A disk that is full


def no_file_larger_than(size: int) -> Any:
    """For `preexec_fn`: writing more fails, as on a full disk, with an OSError and nothing else."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.slow
def test_a_full_disk_is_a_message_and_leaves_the_former_record(tmp_path: Path, tiny_bert_folder: Path) -> None:
    """The record outgrows the limit while the run goes on."""
    write_small_bench(tmp_path, tiny_bert_folder, training__epochs=300, identity__repeat="no")
    done = subprocess.run(
        command("run", "small.toml"),
        cwd=tmp_path,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=no_file_larger_than(40_000),
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "record.json: cannot be written: File too large" in done.stderr
    assert "remedy: free space" in done.stderr
    (entry,) = Store(tmp_path / ".bertbench").entries()
    assert entry.status == "killed"  # its last word could not be written
    assert entry.record is not None
    assert run_bertbench(tmp_path, "show").returncode == 0
    assert list((tmp_path / ".bertbench" / "runs").rglob(".*.new")) == []


def test_a_disk_that_is_full_from_the_start_is_a_message(tmp_path: Path, tiny_bert_folder: Path) -> None:
    write_small_bench(tmp_path, tiny_bert_folder)
    done = subprocess.run(
        command("run", "small.toml"),
        cwd=tmp_path,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=no_file_larger_than(100),
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 2
    assert "cannot be written: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert Store(tmp_path / ".bertbench").entries() == ()


# From Python


@pytest.mark.slow
def test_a_script_gets_the_record_and_a_verdict(tmp_path: Path, tiny_bert_folder: Path) -> None:
    write_small_bench(tmp_path, tiny_bert_folder, expect=(KEPT,))
    script = (
        "import bertbench, sys\n"
        "result = bertbench.run_and_judge('small.toml')\n"
        "print(result.outcome, len(result.record.seeds[0].epochs), 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "pass 2 False\n"
