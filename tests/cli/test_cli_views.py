"""`bertbench show`, `data`, `audit`, `tensorboard` and `doctor`, which train nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_shell import Shell, keep
from fake_runs import set_runs
from record_maker import STARTED, make_failed_record, make_record, make_seed

from bertbench import cli
from bertbench.record import ProcessFacts, RunRecord
from bertbench.store import Store
from bertbench.suite import load_benchmark

# show


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


def test_show_names_every_drift_however_many(shell: Shell) -> None:
    rates = {f"encoder.layer_{number}.attention.output": 0.5 for number in range(30)}
    set_runs(live={"dropout_rates": rates})
    shell("run", "small.toml")
    assert shell("show") == cli.PASS
    said = " ".join(shell.out.split())
    assert "more, all of them: bertbench show " in said
    for name in rates:
        assert f"recipe_lock: seed 0: dropout rate of {name}: 0.1 by the checkpoint, 0.5 live" in said


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


@pytest.mark.parametrize("lives", [True, False])
def test_a_repeat_that_still_runs_is_undecided_and_one_that_was_killed_failed(shell: Shell, lives: bool) -> None:
    import psutil

    here = ProcessFacts(pid=os.getpid(), host=os.uname().nodename, started=psutil.Process().create_time())
    keep(shell, make_record())
    keep(shell, running(run_id="x-repeat", repeats="20300102T030405Z-abc", **({"process": here} if lives else {})))
    assert shell("show", "20300102") == cli.PASS
    told = ["the repeat still runs", "undecided"] if lives else ["the repeat is failed", "fail"]
    assert re.search(rf"identity_on_repeat +{told[0]} +equal bits +{told[1]}", shell.out)
    assert ("wait until it has ended, then: bertbench show 20300102T030405Z-abc" in shell.out) == lives


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
    file.write_text(file.read_text().replace('"schema_version": 4', '"schema_version": 99'))
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


def test_audit_says_how_far_the_bar_is_and_which_drop_a_fresh_run_would_see(shell: Shell) -> None:
    set_runs(accuracy={str(seed): 0.99 + 0.01 * (seed % 2) for seed in range(40)})
    shell("run", "small.toml", "--seeds", "0-39", "--no-repeat")
    shell("audit", "small.toml")
    assert "a fresh seed misses it in 0.0% to 7.2% (exact one-sided 95 % bounds)" in shell.out
    assert re.search(r"misses it in 0\.0\d% \(t-predictive\); the mean is 2\.5 rows better than the bar", shell.out)
    seeds = len(load_benchmark("small.toml").spec.training.seeds)
    run = f"a fresh run of the {seeds} prescribed seed{'s' * (seeds != 1)} misses it with 90 %"
    assert re.search(rf"a drop of \d\.\d\d points is the smallest after which {run}", shell.out)


def test_audit_leaves_seeds_of_other_code_out_and_names_their_runs(shell: Shell) -> None:
    """In no repository, and without a seed in common."""
    set_runs(accuracy={})
    shell("run", "small.toml", "--seeds", "0-9", "--no-repeat")
    [old] = [entry.run_id for entry in Store(Path(".bertbench")).entries()]
    shell("run", "small.toml", "--seeds", "10-12", "--no-repeat")
    shell("audit", "small.toml")
    assert f"10 seeds of other code left out: {old}: nothing shows that they ran the code of newer runs" in shell.out
    assert re.search(r"^validation_accuracy_every_seed +>= 0\.9700 +3 +0 ", shell.out, re.MULTILINE)
    shell("run", "small.toml", "--seeds", "9-10", "--no-repeat")
    shell("audit", "small.toml")
    assert "left out" not in shell.out
    assert re.search(r"^validation_accuracy_every_seed +>= 0\.9700 +13 +0 ", shell.out, re.MULTILINE)


def test_audit_of_a_spec_that_never_ran_has_nothing_to_audit_and_says_what_to_run(shell: Shell) -> None:
    assert shell("audit", "small.toml") == cli.UNDECIDED
    assert "nothing to audit: .bertbench: no run of small as it now stands in which a seed came to an end" in shell.out
    assert "bertbench run small.toml --seeds 0-19 --no-repeat" in shell.err
    assert "not known" not in shell.out


def test_audit_of_a_promise_on_the_mean_is_about_a_fresh_run(shell: Shell) -> None:
    spec = Path("small.toml")
    spec.write_text(spec.read_text().replace("at_least = 0.97", 'at_least = 0.97\nover = "mean"'))
    seeds = len(load_benchmark("small.toml").spec.training.seeds)
    set_runs(accuracy={str(seed): 0.99 + 0.01 * (seed % 2) for seed in range(40)})
    shell("run", "small.toml", "--seeds", "0-39", "--no-repeat")
    assert shell("audit", "small.toml") == cli.PASS
    run = f"a fresh run of the {seeds} prescribed seed{'s' * (seeds != 1)}"
    assert f"validation_accuracy_mean: shown stable, if seeds are normal: {run} misses it in 0.0% to " in shell.out


def test_audit_of_a_spec_that_promises_nothing_about_quality_has_nothing_to_audit(shell: Shell) -> None:
    spec = Path("small.toml")
    before, _, after = spec.read_text().partition("[[expect]]")
    spec.write_text(before + after[after.index("\n[") :] if "\n[" in after else before)
    set_runs(accuracy={})
    shell("run", "small.toml", "--no-repeat")
    assert shell("audit", "small.toml") == cli.UNDECIDED
    assert "nothing to audit: small promises nothing about quality: no [[expect]]" in shell.out


def test_audit_says_which_rows_would_settle_it_beside_the_seeds(shell: Shell) -> None:
    """Twenty times 98 of 100 rows, where 98 are promised: half a row is nearer than rounding allows."""
    spec = Path("small.toml")
    spec.write_text(spec.read_text().replace("at_least = 0.97", "at_least = 0.979"))
    set_runs(accuracy={str(seed): 0.98 for seed in range(20)})
    shell("run", "small.toml", "--seeds", "0-19", "--no-repeat")
    assert shell("audit", "small.toml") == cli.UNDECIDED
    assert re.search(r"settle it; about [\d,]+ validation rows would with these 20 seeds", shell.out)


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


def test_doctor_says_of_each_engine_what_it_lacks(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is not the default is no failure."""
    from importlib import metadata

    real: Callable[[str], str] = metadata.version
    imagined = {"keras-hub": "0.32.0", "transformers": "4.57.6", "tf-keras": "2.21.0"}

    def version(name: str) -> str:
        if name.startswith("torch"):
            raise metadata.PackageNotFoundError(name)
        return imagined.get(name) or real(name)

    monkeypatch.setattr(metadata, "version", version)
    from bertbench.report.doctor import examine

    found = {finding.what: finding for finding in examine()}
    assert found["engine keras-hub"].present
    assert found["engine keras-hub"].said == "keras-hub 0.32.0"
    torch, tf = found["engine transformers-torch"], found["engine transformers-tf"]
    assert torch.said.startswith("torch is not installed (")
    assert "transformers 4.57.6 is installed, >=5.0 is needed" in torch.said
    assert torch.remedy == "python -m pip install 'bertbench[transformers-torch]'"
    assert tf.present
    assert shell("doctor") == cli.PASS


def test_doctor_finds_weights_that_are_not_as_pinned(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from bertbench.errors import CheckpointError
    from bertbench.report import doctor

    def damaged(*_: Any, **__: Any) -> None:
        raise CheckpointError("another digest", remedy="install it again")

    monkeypatch.setattr(doctor, "open_checkpoint", damaged)
    assert shell("doctor") == cli.FAIL
    assert re.search(r"embedded:minilm-l6 +no +another digest +install it again", shell.out)
