"""`bertbench run`, in this process; only the runs themselves are replaced by records made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fake_runs
import pytest
from cli_shell import Shell
from fake_runs import set_runs
from small_bench import write_small_bench

from bertbench import cli, suite
from bertbench.errors import ReportError
from bertbench.record import RunRecord
from bertbench.report import logs
from bertbench.store import Store


def test_run_passes_where_every_promise_is_kept(shell: Shell) -> None:
    assert shell("run", "small.toml") == cli.PASS
    assert "identity_on_repeat" in shell.out
    assert "4 promises of 1 benchmark: 4 pass" in shell.out
    assert [entry.status for entry in shell.store.entries()] == ["completed", "completed"]
    assert list(shell.folder.glob(".bertbench/tensorboard/small/*/seed-0/events*"))


def test_run_shows_epochs_phases_and_seeds(shell: Shell) -> None:
    shell("run", "small.toml", "--seeds", "0,1")
    assert "validation accuracy" in shell.out
    assert "time" in shell.out
    assert "2 of 2" in shell.out


def test_run_fails_where_one_is_broken_and_says_which(shell: Shell) -> None:
    set_runs(accuracy={"0": 0.5})
    assert shell("run", "small.toml") == cli.FAIL
    assert "small: validation_accuracy_every_seed: fail: 1 of 1 seeds missed it: seed 0: 0.5000" in shell.out


def test_run_without_a_repeat_is_undecided(shell: Shell) -> None:
    assert shell("run", "small.toml", "--no-repeat") == cli.UNDECIDED
    assert "identity_on_repeat: undecided" in shell.out
    assert len(shell.store.entries()) == 1


def test_run_of_a_spec_that_asks_for_no_repeat_can_pass(shell: Shell) -> None:
    Path("once.toml").write_text('extends = "small.toml"\nname = "once"\n[identity]\nrepeat = "no"\n')
    assert shell("run", "once.toml") == cli.PASS


def test_absent_data_is_skipped_where_the_spec_allows_it_and_never_a_pass(shell: Shell) -> None:
    Path("skips.toml").write_text('extends = "small.toml"\nname = "skips"\n[data]\nwhen_absent = "skip"\n')
    set_runs(failure={"kind": "DataAbsentError", "message": "set BERTBENCH_DATA", "phase": "data"})
    assert shell("run", "skips.toml") == cli.UNDECIDED
    assert "skips: skipped: set BERTBENCH_DATA" in shell.out
    assert "0 promises of 1 benchmark: 1 skipped" in shell.out


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("DataError", cli.USAGE),
        ("DataAbsentError", cli.USAGE),
        ("CheckpointError", cli.USAGE),
        ("CheckpointAbsentError", cli.USAGE),
        ("SetupError", cli.USAGE),
        ("EngineError", cli.USAGE),
        ("NonFiniteLossError", cli.FAIL),
        ("ProcessDied", cli.FAIL),
        ("MemoryError", cli.FAIL),
    ],
)
def test_input_that_cannot_be_used_is_told_from_a_run_that_failed(shell: Shell, kind: str, status: int) -> None:
    set_runs(failure={"kind": kind, "message": "a.csv: no rows\n  remedy: add some", "phase": "data"})
    assert shell("run", "small.toml") == status
    assert f"{kind} in phase data: a.csv: no rows\n  remedy: add some" in shell.out


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ({"a": "pass", "b": "pass"}, cli.PASS),
        ({"a": "pass", "b": "fail"}, cli.FAIL),
        ({"a": "skip", "b": "pass"}, cli.UNDECIDED),
        ({"a": "skip", "b": "fail"}, cli.FAIL),
        ({"a": "fail", "b": "unusable"}, cli.USAGE),
        ({"a": "skip", "b": "skip"}, cli.UNDECIDED),
    ],
)
def test_several_specs_have_the_status_of_the_worst(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, outcomes: dict[str, str], status: int
) -> None:
    fakes: dict[str, dict[str, Any]] = {
        "pass": {},
        "fail": {"accuracy": {"0": 0.1}},
        "skip": {"failure": {"kind": "DataAbsentError", "message": "absent", "phase": "data"}},
        "unusable": {"failure": {"kind": "DataError", "message": "no rows", "phase": "data"}},
    }

    def run_request(request: Any, *_: Any, **__: Any) -> RunRecord:
        set_runs(**fakes[outcomes[request.spec.name]])
        return fake_runs.fake_run_request(request)

    monkeypatch.setattr(suite, "run_request", run_request)
    monkeypatch.setattr(suite, "run_request_here", run_request)
    for name in outcomes:
        Path(f"{name}.toml").write_text(f'extends = "small.toml"\nname = "{name}"\n[data]\nwhen_absent = "skip"\n')
    assert shell("run", *(f"{name}.toml" for name in outcomes), "--json", "all.json") == status
    assert [spec["name"] for spec in json.loads(Path("all.json").read_text())["specs"]] == list(outcomes)


def test_only_the_first_spec_runs_in_this_process(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it loads, and how it is set up, would be there for the second: other bits, another peak of memory."""
    here: list[str] = []

    def run_here(request: Any, _observers: Any) -> RunRecord:
        here.append(request.spec.name)
        return fake_runs.fake_run_request(request)

    monkeypatch.setattr(suite, "run_request_here", run_here)
    Path("other.toml").write_text('extends = "small.toml"\nname = "other"\n[runtime]\nthreads = 1\n')
    assert shell("run", "small.toml", "other.toml") == cli.PASS
    assert here == ["small"]
    assert len(shell.store.entries()) == 4


def test_mistakes_in_any_spec_are_told_before_anything_runs(shell: Shell) -> None:
    Path("wrong.toml").write_text('extends = "small.toml"\n[training]\nepoch = 3\n')
    assert shell("run", "small.toml", "wrong.toml") == cli.USAGE
    assert "wrong.toml: training.epoch: unknown key; did you mean epochs? (given: 3)" in shell.err
    assert "Traceback" not in shell.err
    assert shell.store.entries() == ()


def test_a_spec_that_is_not_there_is_named_with_its_nearest(shell: Shell) -> None:
    assert shell("run", "smal.toml") == cli.USAGE
    assert "smal.toml: there is no such spec" in shell.err
    assert "did you mean small.toml?" in shell.err


@pytest.mark.parametrize(("option", "seeds"), [("7", [7]), ("0,2", [0, 2]), ("3-5", [3, 4, 5]), ("0,4-5", [0, 4, 5])])
def test_seeds_of_the_option_replace_the_specs_own(shell: Shell, option: str, seeds: list[int]) -> None:
    shell("run", "small.toml", "--seeds", option)
    first = shell.store.entries()[0].record
    assert first is not None
    assert [run.seed for run in first.seeds] == seeds
    assert list(first.spec.training.seeds) == seeds


@pytest.mark.parametrize("option", ["", "a", "5-3", "1,,2", "0-99999999", "-1", "1.5", "0,0", "2147483648"])
def test_seeds_that_are_none_are_refused(shell: Shell, option: str) -> None:
    assert shell("run", "small.toml", f"--seeds={option}") == cli.USAGE
    assert "seeds" in shell.err
    assert shell.store.entries() == ()


def test_results_are_written_as_json_where_asked(shell: Shell) -> None:
    shell("run", "small.toml", "--json", "deep/all.json")
    summary = json.loads(Path("deep/all.json").read_text())
    assert summary["outcome"] == "pass"
    assert summary["specs"][0]["name"] == "small"


def test_a_json_file_that_cannot_be_written_is_told_after_the_verdict(shell: Shell) -> None:
    assert shell("run", "small.toml", "--json", "small.toml/all.json") == cli.USAGE
    assert "4 pass" in shell.out
    assert "small.toml/all.json: cannot be written" in shell.err
    assert "Traceback" not in shell.err


def test_logs_and_records_go_where_asked(shell: Shell) -> None:
    shell("run", "small.toml", "--store", "records", "--logdir", "logs")
    assert len(Store(Path("records")).entries()) == 2
    assert list(Path("logs/small").glob("*/seed-0/events*"))
    assert not Path(".bertbench").exists()


@pytest.mark.parametrize(("names", "folders"), [(["a"], {"models"}), (["a", "b"], {"models/a", "models/b"})])
def test_models_of_several_specs_do_not_overwrite_each_other(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, names: list[str], folders: set[str]
) -> None:
    asked: set[str] = set()

    def run_request(request: Any, *_: Any, **__: Any) -> RunRecord:
        asked.update([str(request.save_models_to)] if request.save_models_to else [])
        return fake_runs.fake_run_request(request)

    monkeypatch.setattr(suite, "run_request", run_request)
    monkeypatch.setattr(suite, "run_request_here", run_request)
    for name in names:
        Path(f"{name}.toml").write_text(f'extends = "small.toml"\nname = "{name}"\n')
    shell("run", *(f"{name}.toml" for name in names), "--save-models", "models")
    assert asked == folders


def no_tensorboard(*_: Any, **__: Any) -> None:
    raise ReportError("TensorBoard is not installed here", remedy="pip install 'bertbench[tensorboard]'")


def test_without_tensorboard_a_run_has_its_verdict_all_the_same(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra, and nobody asked for logs."""
    monkeypatch.setattr(logs, "write_run", no_tensorboard)
    assert shell("run", "small.toml") == cli.PASS
    assert "no TensorBoard logs: TensorBoard is not installed here" in shell.err
    assert "4 pass" in shell.out


def test_without_tensorboard_logs_that_were_asked_for_are_an_error(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "write_run", no_tensorboard)
    assert shell("run", "small.toml", "--logdir", "logs") == cli.USAGE
    assert "pip install 'bertbench[tensorboard]'" in shell.err


def test_logs_that_cannot_be_written_take_neither_the_verdict_nor_the_summary_away(shell: Shell) -> None:
    Path("file").write_text("no folder")
    write_small_bench(shell.folder, "nowhere", name="other")
    arguments = ("small.toml", "other.toml", "--logdir", "file/logs", "--json", "all.json")
    assert shell("run", *arguments) == cli.USAGE
    assert "TensorBoard's events cannot be written" in shell.err
    assert "benchmarks: " in shell.out
    assert len(json.loads(Path("all.json").read_text())["specs"]) == 2


def test_an_interrupt_has_its_own_status(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> RunRecord:
        raise KeyboardInterrupt

    monkeypatch.setattr(suite, "run_request_here", interrupted)
    assert shell("run", "small.toml") == cli.INTERRUPTED
    assert "interrupted" in shell.err


def test_a_store_that_cannot_be_written_is_an_error_with_its_place(shell: Shell) -> None:
    Path("taken").write_text("a file is no folder")
    assert shell("run", "small.toml", "--store", "taken/store") == cli.USAGE
    assert "taken/store" in shell.err
    assert "cannot be written" in shell.err
