"""The command line, in this process; only the runs themselves are replaced by records made by hand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import fake_runs
import pytest
from fake_runs import set_runs
from record_maker import STARTED, make_failed_record, make_record, make_seed
from small_bench import write_small_bench

from bertbench import cli, suite
from bertbench.errors import ReportError
from bertbench.record import ProcessFacts, RunRecord
from bertbench.report import logs
from bertbench.store import Store
from bertbench.version import VERSION

PROMISE = {"quantity": "validation_accuracy", "at_least": 0.97}


class Shell:
    """A folder with a spec, and what the last command said."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        """Run one command; gives its exit status."""
        self._capsys.readouterr()
        status = cli.run(list(arguments))
        self.out, self.err = self._capsys.readouterr()
        return status

    def refused(self, *arguments: str) -> str:
        """Run a command that argparse refuses; gives what it said."""
        with pytest.raises(SystemExit) as caught:
            self(*arguments)
        assert caught.value.code == cli.USAGE
        return self._capsys.readouterr().err

    @property
    def store(self) -> Store:
        return Store(self.folder / ".bertbench")


@pytest.fixture
def shell(
    tmp_path: Path, tiny_bert_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """`small.toml` with one threshold and identity; runs take milliseconds; messages are not broken at 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    monkeypatch.setattr(suite, "run_request_here", lambda request, _observers: fake_runs.fake_run_request(request))
    write_small_bench(tmp_path, tiny_bert_folder, expect=(PROMISE,))
    return Shell(tmp_path, capsys)


# Help


@pytest.mark.parametrize("command", ["run", "show", "data", "audit", "tensorboard", "doctor"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.run([command, "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: bertbench {command} ")
    for option in re.findall(r"^  (--?\w[\w-]*)", said, re.MULTILINE):
        assert option in ("-h", "--version") or re.search(rf"{option}\b.*\S", said)


def test_help_lists_the_commands_and_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.run(["--help"])
    said = capsys.readouterr().out
    for word in (
        "run",
        "show",
        "data",
        "audit",
        "tensorboard",
        "doctor",
        "exit status: 0 pass; 1 fail; 2",
        "130 interrupted",
    ):
        assert word in said


def test_version(shell: Shell) -> None:
    assert shell("--version") == 0
    assert shell.out == f"bertbench {VERSION}\n"


def test_no_command_is_a_usage_error_that_shows_the_help(shell: Shell) -> None:
    assert shell() == cli.USAGE
    assert "usage: bertbench" in shell.out


def test_help_loads_nothing_heavy() -> None:
    """Help in a fifth of a second needs that nothing is imported that help does not need."""
    script = (
        "import sys; from bertbench import cli\n"
        "try: cli.run(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('tensorflow', 'keras', 'numpy', 'pydantic', 'rich') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ("rnu", "small.toml"),
        ("run",),
        ("run", "small.toml", "--sedes", "1"),
        ("show", "one", "two"),
        ("show", "--seed", "first"),
        ("data",),
        ("tensorboard", "--port", "many"),
        ("doctor", "now"),
    ],
)
def test_bad_options_are_usage_errors(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell.refused(*arguments).startswith("usage: bertbench")


# run


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


# show


def keep(shell: Shell, record: RunRecord) -> RunRecord:
    shell.store.write(record)
    return record


def running(**changes: Any) -> RunRecord:
    """A run in its second seed, written by a process that is gone."""
    cut = make_seed(1, epochs=1).model_copy(update={"outcome": "running", "digests": None})
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    process = ProcessFacts(pid=int(gone.stdout), host=os.uname().nodename, started=STARTED.timestamp())
    fields = {"outcome": "running", "finished_at": None, "seeds": (make_seed(0), cut), "process": process}
    return make_record(**(fields | changes))


def test_show_shows_the_newest_run_with_every_seed_and_its_verdict(shell: Shell) -> None:
    shell("run", "small.toml", "--seeds", "0,1")
    assert shell("show") == cli.PASS
    assert "small" in shell.out
    assert "seed 0" in shell.out
    assert "seed 1" in shell.out
    assert re.search(r"identity_on_repeat +equal bits +equal bits +pass", shell.out)  # its repeat is found
    assert "undecided" not in shell.out


@pytest.mark.parametrize("name", ["20300102T030405Z-abc", "20300102", "seed_card", "latest"])
def test_a_run_is_found_by_id_by_its_beginning_by_spec_or_as_the_newest(shell: Shell, name: str) -> None:
    keep(shell, make_record())
    assert shell("show", name) == cli.PASS
    assert "20300102T030405Z-abc" in shell.out


def test_show_one_seed(shell: Shell) -> None:
    keep(shell, make_record())
    shell("show", "--seed", "1")
    assert re.search(r"^ +seed 1 *$", shell.out, re.MULTILINE)
    assert not re.search(r"^ +seed 0 *$", shell.out, re.MULTILINE)


def test_a_seed_that_did_not_run_is_an_error(shell: Shell) -> None:
    """Silence would look like a seed without epochs."""
    keep(shell, make_record())
    assert shell("show", "--seed", "7") == cli.USAGE
    assert "seed 7 did not run; seeds that did: 0, 1" in shell.err


def test_a_failed_run_says_where_and_why(shell: Shell) -> None:
    keep(shell, make_failed_record())
    assert shell("show") == cli.PASS
    assert "in steps, seed 1, epoch 1, step 5: NonFiniteLossError: loss is nan" in shell.out
    assert "fail" in shell.out


def test_a_killed_run_says_so_and_accuses_nobody(shell: Shell) -> None:
    keep(shell, running())
    assert shell("show") == cli.PASS
    assert "killed" in shell.out
    assert "is gone; this is as far as it got" in shell.out
    assert "fail" not in shell.out
    assert shell("show", "--all") == cli.PASS
    assert re.search(r"20300102T030405Z-abc +killed +1/2", shell.out)


def test_a_run_that_goes_on_is_shown_as_far_as_it_is(shell: Shell) -> None:
    import psutil

    here = ProcessFacts(pid=os.getpid(), host=os.uname().nodename, started=psutil.Process().create_time())
    keep(shell, running(process=here))
    assert shell("show") == cli.PASS
    assert "running" in shell.out
    assert "fail" not in shell.out
    assert "killed" not in shell.out


def test_an_unreadable_run_is_an_error_with_the_reason(shell: Shell) -> None:
    keep(shell, make_record())
    shell.store.run_folder("20300102T030405Z-abc").joinpath("record.json").write_text('{"schema_version": 1')
    assert shell("show") == cli.USAGE
    assert "20300102T030405Z-abc: unreadable: " in shell.err
    assert shell("show", "--all") == cli.PASS
    assert "unreadable" in shell.out


def test_a_record_of_a_newer_bertbench_is_an_error_that_says_what_to_do(shell: Shell) -> None:
    keep(shell, make_record())
    file = shell.store.run_folder("20300102T030405Z-abc") / "record.json"
    file.write_text(file.read_text().replace('"schema_version": 3', '"schema_version": 99'))
    assert shell("show") == cli.USAGE
    assert "schema version 99" in shell.err


@pytest.mark.parametrize("name", ["latest", "20310101", "no_such_spec"])
def test_a_run_that_is_not_there_is_an_error(shell: Shell, name: str) -> None:
    assert shell("show", name) == cli.USAGE
    assert "holds no runs" in shell.err
    keep(shell, make_record())
    if name != "latest":
        assert shell("show", name) == cli.USAGE
        assert f"no run '{name}'" in shell.err


def test_an_ambiguous_beginning_lists_the_runs(shell: Shell) -> None:
    for end in ("abc", "abd"):
        keep(shell, make_record(run_id=f"20300102T030405Z-{end}"))
    assert shell("show", "20300102") == cli.USAGE
    assert "20300102T030405Z-abc, 20300102T030405Z-abd" in shell.err


def test_the_list_has_a_line_for_each_run_and_marks_repeats(shell: Shell) -> None:
    shell("run", "small.toml")
    shell("show", "--all")
    lines = [line for line in shell.out.splitlines() if "-small-" in line]
    assert len(lines) == 2
    assert "repeat" in lines[1]
    assert "0.9900" in lines[0]


def test_the_list_of_an_empty_store_is_empty(shell: Shell) -> None:
    assert shell("show", "--all") == cli.PASS
    assert shell.out == ".bertbench: holds no runs\n"


# data


def test_data_shows_rows_and_trains_nothing(shell: Shell) -> None:
    assert shell("data", "small.toml") == cli.PASS
    assert re.search(r"train +16", shell.out)
    assert re.search(r"validation +8", shell.out)
    assert "classes: delivery, refund" in shell.out
    assert shell.store.entries() == ()


def test_data_fails_on_a_hard_fault_and_names_the_rows(shell: Shell) -> None:
    with Path("train.jsonl").open("a") as stream:
        stream.write('{"text": " ", "label": "refund"}\n')
    assert shell("data", "small.toml") == cli.FAIL
    assert re.search(r"hard +train +.*without text.*train\.jsonl:17", shell.out)


def test_data_says_once_what_to_do_about_the_findings(shell: Shell) -> None:
    for split in ("train", "validation"):
        with Path(f"{split}.jsonl").open("a") as stream:
            stream.write('{"text": " ", "label": "refund"}\n')
    shell("data", "small.toml")
    assert re.findall("^remedy: .*$", shell.out, re.MULTILINE)[0] == "remedy: leave these rows out"
    assert shell.out.count("leave these rows out") == 1


def test_data_that_is_sound_asks_for_nothing(shell: Shell) -> None:
    shell("data", "small.toml")
    assert "remedy" not in shell.out


def test_data_that_cannot_be_read_is_an_error(shell: Shell) -> None:
    Path("train.jsonl").write_text("{")
    assert shell("data", "small.toml") == cli.USAGE
    assert "train.jsonl:1" in shell.err
    assert "remedy: " in shell.err


# audit


@pytest.mark.parametrize(
    ("accuracy", "word", "status"),
    [
        ({}, "shown stable", cli.PASS),
        ({str(seed): 0.5 for seed in range(0, 40, 2)}, "shown flaky", cli.FAIL),
        ({"0": 0.5}, "not known", cli.UNDECIDED),
    ],
)
def test_audit_says_of_each_threshold_whether_it_is_stable_over_seeds(
    shell: Shell, accuracy: dict[str, float], word: str, status: int
) -> None:
    set_runs(accuracy=accuracy)
    shell("run", "small.toml", "--seeds", "0-39", "--no-repeat")
    assert shell("audit", "small.toml") == status
    assert word in shell.out


def test_audit_of_a_spec_that_never_ran_knows_nothing(shell: Shell) -> None:
    assert shell("audit", "small.toml") == cli.UNDECIDED
    assert "not known" in shell.out
    assert "no completed run of this recipe; bertbench run small.toml --seeds 0-19 --no-repeat" in shell.err


def test_the_audit_of_a_usual_threshold_fits_into_80_columns(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    set_runs(accuracy={})
    shell("run", "small.toml", "--seeds", "0-39", "--no-repeat")
    monkeypatch.setenv("COLUMNS", "80")
    shell("audit", "small.toml")
    assert re.search(r"^validation_accuracy_every_seed +>= .* shown stable$", shell.out, re.MULTILINE)


# tensorboard


def test_tensorboard_writes_the_stores_runs_but_no_repeats(shell: Shell) -> None:
    shell("run", "small.toml", "--logdir", "elsewhere")
    assert shell("tensorboard", "--write-only") == cli.PASS
    assert "1 runs in .bertbench/tensorboard" in shell.err
    assert len(list(Path(".bertbench/tensorboard/small").iterdir())) == 1


def test_a_run_that_went_on_since_is_written_again(shell: Shell) -> None:
    """Logs written while it ran hold half of it."""

    def points() -> int:
        return sum(path.stat().st_size for path in Path(".bertbench/tensorboard").rglob("events*"))

    keep(shell, running())
    shell("tensorboard", "--write-only")
    half = points()
    keep(shell, make_record())
    shell("tensorboard", "--write-only")
    assert points() > half


def test_a_run_that_is_written_is_left_alone(shell: Shell) -> None:
    keep(shell, make_record())
    shell("tensorboard", "--write-only")
    (events,) = Path(".bertbench/tensorboard/seed_card/20300102T030405Z-abc").glob("events*")
    before = events.stat().st_mtime_ns
    shell("tensorboard", "--write-only")
    assert events.stat().st_mtime_ns == before


def test_tensorboard_of_an_empty_store_with_nothing_to_serve_is_an_error(shell: Shell) -> None:
    assert shell("tensorboard") == cli.USAGE
    assert "there is no such folder" in shell.err


# doctor


def test_doctor_names_what_is_there(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BERTBENCH_DATA", raising=False)
    assert shell("doctor") == cli.PASS
    for what in ("tensorflow", "keras", "embedded:minilm-l6", "tensorboard", "cores"):
        assert re.search(rf"{what} +yes", shell.out), what
    assert re.search(r"BERTBENCH_DATA +no +not set +set BERTBENCH_DATA", shell.out)


def test_doctor_fails_and_gives_the_remedy_where_something_needed_is_missing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import metadata

    real: Callable[[str], str] = metadata.version

    def version(name: str) -> str:
        if name.startswith("tensorflow"):
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    assert shell("doctor") == cli.FAIL
    assert "python -m pip install 'bertbench[tensorflow]'" in shell.out


def test_doctor_finds_weights_that_are_not_as_pinned(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from bertbench.errors import CheckpointError
    from bertbench.report import doctor

    def damaged(*_: Any, **__: Any) -> None:
        raise CheckpointError("another digest", remedy="install it again")

    monkeypatch.setattr(doctor, "open_checkpoint", damaged)
    assert shell("doctor") == cli.FAIL
    assert re.search(r"embedded:minilm-l6 +no +another digest +install it again", shell.out)


# What is printed


def control_characters(text: str) -> list[str]:
    return [character for character in text if ord(character) < 32 and character != "\n"]


def test_no_control_characters_where_output_is_piped(shell: Shell) -> None:
    for arguments in (("run", "small.toml"), ("show",), ("show", "--all"), ("data", "small.toml"), ("doctor",)):
        shell(*arguments)
        assert control_characters(shell.out + shell.err) == [], arguments


def test_no_colour_is_honoured_where_colour_is_forced(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    keep(shell, make_failed_record())
    shell("show")
    assert "\x1b[" in shell.out
    monkeypatch.setenv("NO_COLOR", "1")
    shell("show")
    assert not re.search(r"\x1b\[[\d;]*3\d", shell.out)  # bold stays, colour goes


def test_messages_are_not_broken_at_the_width_of_the_terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path or a command in two lines cannot be copied."""
    monkeypatch.setenv("COLUMNS", "40")
    path = f"{'deep/' * 20}absent.toml"
    shell("run", path)
    assert path in shell.err
    set_runs(accuracy={"0": 0.5})
    shell("run", "small.toml")
    assert "small: validation_accuracy_every_seed: fail: 1 of 1 seeds missed it: seed 0: 0.5000" in shell.out


def test_text_of_others_is_never_read_as_markup(shell: Shell) -> None:
    set_runs(failure={"kind": "DataError", "message": "[bold]a.csv[/bold] [MASK] [/]", "phase": "data"})
    assert shell("run", "small.toml") == cli.USAGE
    assert "[bold]a.csv[/bold] [MASK] [/]" in shell.out


def piped(folder: Path, *arguments: str, lines: int) -> tuple[int, str, str]:
    """A command whose reader goes away after so many lines: exit status, what was read, standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bertbench", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    read = "".join(process.stdout.readline() for _ in range(lines))
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    return process.wait(), read, said


@pytest.mark.parametrize("arguments", [("show",), ("show", "--all")])
def test_a_reader_that_goes_away_sees_no_traceback(shell: Shell, arguments: tuple[str, ...]) -> None:
    """`bertbench show | head -1`. More runs than a pipe holds, so that writing certainly fails."""
    for number in range(1500 if "--all" in arguments else 1):
        keep_light(shell, number)
    status, read, said = piped(shell.folder, *arguments, lines=1)
    assert read
    assert said == ""
    assert status in (0, 141)


def keep_light(shell: Shell, number: int) -> None:
    """An unreadable run: a folder alone makes a line of the list."""
    if number == 0:
        keep(shell, make_record())
    else:
        shell.store.run_folder(f"20300101T{number:06}Z-light").mkdir(parents=True)


def test_a_command_is_a_module_too(shell: Shell) -> None:
    """`python -m bertbench.cli` once did nothing, and exited 0."""
    for module in ("bertbench", "bertbench.cli"):
        done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"bertbench {VERSION}\n"


def test_main_exits_with_the_status(shell: Shell) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["show"])
    assert caught.value.code == cli.USAGE


def test_a_later_run_is_the_newest(shell: Shell) -> None:
    keep(shell, make_record())
    keep(shell, make_record(run_id="20300103T000000Z-xyz", started_at=STARTED + timedelta(days=1)))
    shell("show")
    assert "20300103T000000Z-xyz" in shell.out
