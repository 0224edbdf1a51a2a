"""A faulty run is shown as one everywhere, and is taken for a normal one nowhere; only the runs are replaced."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import fake_runs
import pytest
from record_maker import make_record
from small_bench import write_small_bench

from bertbench import cli, suite
from bertbench.errors import RecordError
from bertbench.faults import CATALOGUE
from bertbench.gathering import candidate_to_compare
from bertbench.processes import Request
from bertbench.report.epoch_table import run_summary
from bertbench.report.summary import summary
from bertbench.report.tensorboard.words import run_words
from bertbench.report.terminal import rendered
from bertbench.session import Session
from bertbench.store import Store
from bertbench.suite import load_benchmark, run_benchmark

FAULT = "gelu-tanh"


@pytest.fixture
def shell(
    tmp_path: Path, tiny_bert_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Runs one command in a folder with `small.toml`; gives exit status and all it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    monkeypatch.setattr(suite, "run_request_here", lambda request, _observers: fake_runs.fake_run_request(request))
    write_small_bench(tmp_path, tiny_bert_folder)

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = cli.run(list(arguments))
        return status, "".join(capsys.readouterr())

    return run


STORE = Store(Path(".bertbench"))


def faults_of_the_store() -> list[tuple[str | None, bool]]:
    """Of each run: its fault, and whether it is a repeat."""
    records = [entry.record for entry in STORE.entries() if entry.record is not None]
    return [(record.fault, record.repeats is not None) for record in records]


# The command line


def test_a_run_and_its_repeat_have_the_fault_and_say_so(shell) -> None:
    status, said = shell("run", "small.toml", "--fault", FAULT)
    assert faults_of_the_store() == [(FAULT, False), (FAULT, True)]
    assert f"{FAULT}, put in on purpose" in said  # in the summary of the run
    assert f"small (fault: {FAULT})" in said  # beside the verdict
    assert status == cli.PASS
    assert f"completed, fault {FAULT}" in shell("show", "--all")[1]
    assert f"completed, repeat, fault {FAULT}" in shell("show", "--all")[1]
    assert f"{FAULT}, put in on purpose" in shell("show")[1]


def test_a_run_without_a_fault_says_nothing_of_any(shell) -> None:
    said = shell("run", "small.toml")[1] + shell("show", "--all")[1] + shell("show")[1]
    assert "fault" not in said


def test_reasons_name_the_fault_too(shell) -> None:
    Path("fake.json").write_text(json.dumps({"live": {"iterations": 7}}))
    status, said = shell("run", "small.toml", "--fault", FAULT)
    assert status == cli.FAIL
    assert f"small (fault: {FAULT}): recipe_lock: fail: seed 0: optimizer iterations" in said


def test_the_catalogue_is_listed_without_a_spec(shell, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.run(["run", "--list-faults"])
    assert not caught.value.code
    said = capsys.readouterr().out
    for name, fault in CATALOGUE.items():
        (line,) = [line for line in said.splitlines() if line.startswith(f"{name} ")]
        assert fault.does in line
        assert ("Changes no number of the run." in line) == (not fault.changes_numbers)


def test_help_says_what_it_is_for(shell, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.run(["run", "--help"])
    assert "for tests and self-tests only" in " ".join(capsys.readouterr().out.split())


def test_a_fault_that_is_none_is_refused_before_any_work(shell) -> None:
    status, said = shell("run", "small.toml", "--fault", "gelu-tan")
    assert status == cli.USAGE
    assert "did you mean gelu-tanh?" in said
    assert faults_of_the_store() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--fault", "weight-decay-everywhere"), "weight-decay-everywhere: small has no weight decay"),
        (("--fault", "seeds-all-the-same", "--seeds", "0"), "draws everything from seed 0, and small runs no other"),
        (("--fault", FAULT, "--engine", "keras-hub"), "acts inside the native engine, and this run has 'keras-hub'"),
    ],
)
def test_a_fault_that_the_spec_shows_to_do_nothing_is_refused_before_any_process(
    shell, arguments: tuple[str, ...], said: str
) -> None:
    """A usage error in one sentence, and no promise that failed."""
    status, printed = shell("run", "small.toml", *arguments)
    assert status == cli.USAGE
    assert said in printed
    assert "promises" not in printed
    assert faults_of_the_store() == []


def test_one_spec_of_several_that_leaves_no_room_is_refused_before_any_of_them_runs(
    shell, tmp_path: Path, tiny_bert_folder: Path
) -> None:
    write_small_bench(tmp_path, tiny_bert_folder, name="short", training__epochs=1)
    status, said = shell("run", "small.toml", "short.toml", "--fault", "fewer-epochs")
    assert (status, "fewer-epochs: short is the same spec with it" in said) == (cli.USAGE, True)
    assert faults_of_the_store() == []


# What counts runs


def test_a_faulty_run_makes_no_baseline(shell) -> None:
    shell("run", "small.toml", "--fault", FAULT, "--no-repeat")
    status, said = shell("baseline", "accept", "small.toml")
    assert status == cli.USAGE
    assert "holds no completed run of small as the spec now stands" in said
    status, said = shell("baseline", "accept", "small.toml", "--runs", STORE.find().run_id)
    assert status == cli.USAGE
    assert f"was made faulty on purpose ({FAULT})" in said
    shell("run", "small.toml")
    assert shell("baseline", "accept", "small.toml")[0] == cli.PASS


def test_a_faulty_run_is_compared_if_it_is_named_and_not_as_the_newest(shell) -> None:
    shell("run", "small.toml", "--no-repeat")
    normal = STORE.find().run_id
    shell("run", "small.toml", "--no-repeat", "--fault", FAULT)
    faulty = STORE.find().run_id
    spec = load_benchmark("small.toml").spec
    assert [run.run_id for run in candidate_to_compare(spec, STORE)[0].records] == [normal]
    assert [run.fault for run in candidate_to_compare(spec, STORE, faulty)[0].records] == [FAULT]
    shell("baseline", "accept", "small.toml")
    assert "identity_with_rolling" in shell("run", "small.toml", "--no-repeat", "--fault", FAULT, "--compare")[1]


def test_faulty_runs_alone_are_nothing_to_compare(shell) -> None:
    shell("run", "small.toml", "--no-repeat", "--fault", FAULT)
    with pytest.raises(RecordError, match="holds no run of small"):
        candidate_to_compare(load_benchmark("small.toml").spec, STORE)


def test_an_audit_counts_no_faulty_run(shell) -> None:
    spec = load_benchmark("small.toml").spec
    shell("run", "small.toml", "--no-repeat", "--fault", FAULT)
    assert STORE.runs_of(spec) == ()
    shell("run", "small.toml", "--no-repeat")
    shell("run", "small.toml", "--no-repeat", "--fault", FAULT)
    assert [record.fault for record in STORE.runs_of(spec)] == [None]


def test_a_session_runs_its_own_and_remembers_no_faulty_one(shell) -> None:
    benchmark = load_benchmark("small.toml")
    run_benchmark(benchmark, STORE, fault=FAULT)
    record = Session(STORE, "session").result(benchmark).record
    assert record is not None
    assert record.fault is None
    assert len(Path(fake_runs.LOG).read_text().splitlines()) == 4  # two runs, each with its repeat


# Other views


def test_every_view_of_a_record_says_so(shell) -> None:
    record = make_record(fault=FAULT)
    assert f"{FAULT}, put in on purpose" in rendered(run_summary(record), width=120, colour=False)
    assert "fault put in on purpose" in run_words(record, None)["outcome"]
    result = run_benchmark(load_benchmark("small.toml"), STORE, fault=FAULT)
    assert [spec["fault"] for spec in summary([result])["specs"]] == [FAULT]
    assert [spec["fault"] for spec in summary([run_benchmark(load_benchmark("small.toml"), STORE)])["specs"]] == [None]


def test_a_process_of_its_own_is_asked_for_it(shell) -> None:
    request = suite.new_request(load_benchmark("small.toml"), STORE, fault=FAULT)
    assert Request.model_validate_json(request.model_dump_json(exclude_unset=True)).fault == FAULT
