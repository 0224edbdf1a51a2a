"""What scripts call; only the process that computes is replaced."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import fake_runs
import pytest
from small_bench import write_small_bench

import bertbench
from bertbench import api, suite
from bertbench.errors import CheckpointAbsentError, DataError, SpecError


@pytest.fixture
def spec_file(tmp_path: Path, tiny_bert_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real small spec; runs of it take milliseconds."""
    monkeypatch.chdir(tmp_path)
    for module in (api, suite):
        monkeypatch.setattr(module, "run_request", fake_runs.fake_run_request)
    promise = ({"quantity": "validation_accuracy", "at_least": 0.97},)
    return write_small_bench(tmp_path, tiny_bert_folder, expect=promise)


def test_run_gives_the_record_and_keeps_it(spec_file: Path, tmp_path: Path) -> None:
    record = bertbench.run(spec_file, store=tmp_path / "records")
    assert record.outcome == "completed"
    assert bertbench.Store(tmp_path / "records").read(record.run_id) == record


def test_run_takes_text_or_a_spec_and_other_seeds(spec_file: Path) -> None:
    assert bertbench.run(str(spec_file), seeds=[3]).seeds[0].seed == 3
    spec = bertbench.read_spec(spec_file)
    assert [run.seed for run in bertbench.run(spec, seeds=(5, 4)).seeds] == [5, 4]


def test_run_gives_a_failed_record_back(spec_file: Path) -> None:
    Path("fake.json").write_text(json.dumps({"failure": {"kind": "DataError", "message": "no rows", "phase": "data"}}))
    record = bertbench.run(spec_file)
    assert record.outcome == "failed"
    assert record.failure is not None


@pytest.mark.parametrize(("accuracy", "outcome"), [(0.99, "pass"), (0.5, "fail")])
def test_run_and_judge_holds_every_promise(spec_file: Path, accuracy: float, outcome: str) -> None:
    Path("fake.json").write_text(json.dumps({"accuracy": {"0": accuracy}}))
    result = bertbench.run_and_judge(spec_file)
    assert result.outcome == outcome
    assert [check.name for check in result.checks] == [
        "run",
        "recipe_lock",
        "validation_accuracy_every_seed",
        "identity_on_repeat",
    ]


def test_a_spec_with_a_mistake_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text('nmae = "x"\n')
    with pytest.raises(SpecError, match="did you mean name"):
        bertbench.run(tmp_path / "wrong.toml")


def test_check_data_reads_and_trains_nothing(spec_file: Path) -> None:
    facts = bertbench.check_data(spec_file)
    assert facts.rows == {"train": 16, "validation": 8}
    assert not any(finding.severity == "hard" for finding in facts.findings)
    assert not Path(".bertbench").exists()


def test_check_data_names_what_is_missing(spec_file: Path) -> None:
    spec = bertbench.read_spec(spec_file).model_dump(exclude_unset=True)
    with pytest.raises(CheckpointAbsentError):
        bertbench.check_data(bertbench.build_spec(spec | {"checkpoint": {"source": "path:nowhere"}}))
    with pytest.raises(DataError, match=r"absent\.jsonl"):
        bertbench.check_data(bertbench.build_spec(spec | {"data": spec["data"] | {"train": "absent.jsonl"}}))


# The package itself


def test_every_public_name_is_loaded_from_its_room() -> None:
    for name in bertbench.__all__:
        assert getattr(bertbench, name).__name__ == name
    assert dir(bertbench) == sorted(bertbench.__all__)


def test_a_name_that_is_not_there_is_an_error_that_lists_those_that_are() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'rnu'; it has .*run_and_judge"):
        _: Any = bertbench.rnu


def test_importing_the_package_loads_nothing() -> None:
    """Neither a backend nor pydantic: `import bertbench` costs nothing until a name is used."""
    import subprocess

    script = (
        "import sys, bertbench; print([m for m in ('tensorflow', 'keras', 'pydantic', 'numpy') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
