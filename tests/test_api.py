"""What scripts call; only the process that computes is replaced."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import fake_runs
import pytest
from fake_runs import runs, set_runs
from small_bench import write_small_bench

import bertbench
from bertbench import api, cli, suite
from bertbench.errors import (
    BaselineError,
    CheckpointAbsentError,
    DataError,
    ProjectError,
    RecordError,
    SpecError,
)


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


# Compare


@pytest.fixture
def bank(spec_file: Path) -> Path:
    """A rolling baseline of twenty seeds at 98 %."""
    set_runs(accuracy=accuracies(0.98))
    bertbench.run(spec_file, seeds=range(20))
    assert cli.run(["baseline", "accept", str(spec_file)]) == cli.PASS
    return spec_file


def commit() -> None:
    """The current folder, as it is, is a commit of a repository."""
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    Path(".gitignore").write_text(".bertbench\nfake.json\nruns.log\n")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "x")):
        subprocess.run([*git, *words], check=True, capture_output=True)


def accuracies(value: float) -> dict[str, float]:
    return {str(seed): round(value + 0.01 * (seed % 2), 2) for seed in range(20)}


@pytest.mark.parametrize(("accuracy", "outcome"), [(0.98, "pass"), (0.90, "fail")])
def test_compare_judges_what_ran_and_runs_nothing(bank: Path, accuracy: float, outcome: str) -> None:
    set_runs(accuracy=accuracies(accuracy), bits=1)
    bertbench.run(bank, seeds=range(4))
    before = runs()
    verdict = bertbench.compare(bank)
    assert verdict.outcome == verdict.result.outcome == outcome
    assert [check.name for check in verdict.checks] == ["identity_with_rolling", "quality_against_rolling"]
    assert f"small: quality_against_rolling: {outcome}: " in verdict.text
    assert "4 seeds against a bank of 20" in verdict.text
    assert list(verdict.left_out.values()) == ["they gave a seed other bits than newer runs"]
    assert runs() == before


def test_compare_takes_a_record_or_a_spec_and_names_as_one_text(bank: Path) -> None:
    record = bertbench.Store(Path(".bertbench")).find().record
    assert record is not None
    set_runs(accuracy=accuracies(0.90), bits=1)
    bertbench.run(bank, seeds=range(4))
    assert bertbench.compare(record).outcome == "pass"
    assert bertbench.compare(bertbench.read_spec(bank), ("rolling",)).outcome == "fail"
    both = bertbench.compare(record, "rolling, reference")
    assert [check.outcome for check in both.checks] == ["pass", "pass", "no_baseline", "no_baseline"]
    assert bertbench.compare(record, baselines=Path("elsewhere")).outcome == "no_baseline"


def test_compare_holds_the_recipe_of_every_run_that_it_counts(bank: Path) -> None:
    set_runs(accuracy=accuracies(0.98), bits=1, live={"iterations": 7})
    drifted = bertbench.run(bank, seeds=range(4))
    verdict = bertbench.compare(drifted)
    assert (verdict.outcome, [check.outcome for check in verdict.checks]) == ("fail", ["fail", "fail"])
    drift = "seeds 0-3: optimizer iterations before the first step: 0 by the spec, 7 live"
    assert f"the recipe drifted: {drifted.run_id}: {drift}" in verdict.text


def test_compare_is_counted_and_a_fail_stays_one(bank: Path) -> None:
    """At one clean commit, as of the command; judging the same runs again is no second attempt."""
    commit()
    set_runs(accuracy=accuracies(0.90), bits=1)
    failed = bertbench.run(bank, seeds=range(4))
    for _ in range(2):
        verdict = bertbench.compare(failed)
        assert (verdict.outcome, "Attempt 1 at commit " in verdict.text) == ("fail", True)
    assert len(Path(".bertbench/verdicts.jsonl").read_text().splitlines()) == 1
    smaller = bertbench.compare(failed, gated_specs=1000)
    assert (smaller.outcome, "the same runs, judged before, failed" in smaller.text) == ("fail", True)


def test_compare_takes_the_projects_shares_unless_they_are_given(bank: Path) -> None:
    set_runs(accuracy=accuracies(0.90), bits=1)
    bertbench.run(bank, seeds=range(4))
    Path("pytest.ini").write_text("[pytest]\nbertbench_gated_specs = 2\nbertbench_baselines = rolling\n")
    declared, given = bertbench.compare(bank), bertbench.compare(bank, gated_specs=4)
    assert declared.text.startswith("gated specs: 2 (pytest.ini)\ndeclared baselines: rolling (pytest.ini)\n")
    assert given.text.startswith("gated specs: 4 (gated_specs)\n")
    levels = [verdict.checks[-1].numbers["fail_level"] for verdict in (declared, given)]
    assert levels[0] == pytest.approx(2 * levels[1])


def test_compare_refuses_what_it_cannot_compare(bank: Path) -> None:
    record = bertbench.Store(Path(".bertbench")).find().record
    assert record is not None
    with pytest.raises(RecordError, match="holds no run of small as the spec now stands"):
        bertbench.compare(bank, store=Path("empty"))
    with pytest.raises(RecordError, match="holds another record of this run than the one given"):
        bertbench.compare(record.model_copy(update={"seeds": record.seeds[:4]}))
    with pytest.raises(BaselineError, match="no name of a baseline"):
        bertbench.compare(record, "Rolling")
    for wrong in (0, "3", True):
        with pytest.raises(ProjectError, match=f"gated_specs: {wrong!r} was given"):
            bertbench.compare(record, gated_specs=wrong)
    with pytest.raises(SpecError, match="compare: int was given, a TOML file, a spec or a record was expected"):
        bertbench.compare(42)
    Path("pytest.ini").write_text("[pytest]\nbertbench_gated_specs = many\n")
    with pytest.raises(ProjectError, match=r"pytest\.ini: bertbench_gated_specs: 'many' was given"):
        bertbench.compare(record)


def test_a_verdict_is_printed_as_its_text_and_shown_in_one_line(bank: Path) -> None:
    verdict = bertbench.compare(bank)
    assert str(verdict) == verdict.text
    assert repr(verdict) == "Verdict(outcome='pass')"


def test_compare_takes_a_record_with_nan_for_the_one_that_is_kept(bank: Path) -> None:
    """NaN is not equal to itself; it fails for what it is."""
    set_runs(accuracy={"0": float("nan")}, bits=1)
    verdict = bertbench.compare(bertbench.run(bank, seeds=range(4)))
    assert verdict.outcome == "fail"
    assert "seed 0: validation accuracy nan" in verdict.text


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
    script = (
        "import sys, bertbench; print([m for m in ('tensorflow', 'keras', 'pydantic', 'numpy') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
