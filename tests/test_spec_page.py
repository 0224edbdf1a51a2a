"""The page that documents the spec, and the specs that are shipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bertbench.spec import Spec, read_spec, spec_fields
from bertbench.spec.describing import page

ROOT = Path(__file__).parents[1]
SPECS = sorted((ROOT / "benchmarks" / "specs").glob("[!_]*.toml"))


# docs/spec.md


def test_the_page_is_what_the_fields_make_of_it() -> None:
    """Run `python -m bertbench.spec.describing > docs/spec.md` after a change of the fields."""
    assert (ROOT / "docs" / "spec.md").read_text(encoding="utf-8") == page()


def test_the_module_prints_the_page() -> None:
    said = subprocess.run([sys.executable, "-m", "bertbench.spec.describing"], capture_output=True, check=True)
    assert said.stdout.decode() == page()
    assert said.stderr == b""


@pytest.mark.parametrize("dotted", spec_fields())
def test_every_field_is_on_the_page_with_its_meaning(dotted: str) -> None:
    key = dotted.rpartition(".")[2]
    lines = [line for line in page().splitlines() if line.startswith(f"| `{key}` |")]
    assert lines
    for line in lines:
        _, _, _, meaning, _ = line.replace(r"\|", "").split("|")
        assert len(meaning.strip()) > 10, line


def test_every_line_of_a_table_has_three_cells() -> None:
    """A bar within a cell would break the table."""
    rows = [line for line in page().splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {4}


# benchmarks/specs


def test_the_benchmarks_shipped_are_these() -> None:
    assert [path.stem for path in SPECS] == ["bert_base", "helpdesk", "seed_card", "sms_spam", "snips"]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_shipped_spec_reads_is_named_as_its_file_and_promises_something(path: Path) -> None:
    spec = read_spec(path)
    assert spec.name == path.stem
    assert spec.title
    assert spec.expect


def test_their_names_are_different() -> None:
    assert len({read_spec(path).name for path in SPECS}) == len(SPECS)


def shipped(name: str) -> Spec:
    return read_spec(ROOT / "benchmarks" / "specs" / f"{name}.toml")


def test_the_seed_card_is_the_recipe_it_reproduces() -> None:
    """The published figures: Adam 3e-5, float32, 20 epochs, 49 validation messages of two classes."""
    spec = shipped("seed_card")
    adam = spec.optimizer
    assert (adam.name, adam.learning_rate, adam.weight_decay) == ("adam", 3e-5, None)
    assert (adam.beta_1, adam.beta_2, adam.epsilon, adam.amsgrad) == (0.9, 0.999, 1e-7, False)
    assert (spec.training.epochs, spec.training.precision, spec.schedule.kind) == (20, "float32", "constant")
    assert (spec.data.validation_rows, spec.data.train_rows, len(spec.data.labels or ())) == (49, 16, 2)
    assert len(spec.training.seeds) == 5


def test_bert_base_is_the_seed_card_on_other_weights() -> None:
    """`extends` takes everything but what it names."""
    base, other = shipped("seed_card"), shipped("bert_base")
    for table in ("data", "optimizer", "schedule", "augmentation", "model", "expect"):
        assert getattr(other, table) == getattr(base, table)
    assert other.checkpoint.source.startswith("hub:google-bert/bert-base-uncased@")
    assert other.checkpoint.sha256 is not None
    assert other.training.seeds == (0,)


# What they need and do not have


def run_bertbench(tmp_path: Path, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`bertbench run` with an empty home of Hugging Face, no network and no data, in a folder of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "BERTBENCH_", "COLUMNS"))}
    spec = ROOT / "benchmarks" / "specs" / f"{name}.toml"
    return subprocess.run(
        [sys.executable, "-m", "bertbench", "run", str(spec)],
        cwd=tmp_path,
        env={**kept, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["snips", "sms_spam"])
def test_examples_on_users_files_are_skipped_with_the_remedy(tmp_path: Path, name: str) -> None:
    done = run_bertbench(tmp_path, name)
    assert done.returncode == 3
    assert f"{name}: skipped: " in done.stdout
    assert "BERTBENCH_DATA" in done.stdout
    assert "0 promises of 1 benchmark: 1 skipped" in done.stdout
    assert "Traceback" not in done.stderr + done.stdout


def test_a_folder_without_the_files_is_skipped_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "snips").mkdir()
    done = run_bertbench(tmp_path, "snips", BERTBENCH_DATA=str(tmp_path))
    assert done.returncode == 3
    assert "snips: skipped: " in done.stdout
    assert "train.jsonl" in done.stdout


def test_bert_base_is_skipped_offline_with_the_way_to_bring_the_weights(tmp_path: Path) -> None:
    done = run_bertbench(tmp_path, "bert_base")
    assert done.returncode == 3
    assert "bert_base: skipped: " in done.stdout
    assert "google-bert/bert-base-uncased" in done.stdout
    assert "remedy: " in done.stdout
    assert "path:" in done.stdout
    assert "Traceback" not in done.stderr + done.stdout
