"""`bertbench selftest`: exit statuses, files, and what is handed on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from selftest_examples import made_selftest
from small_bench import write_small_bench

from bertbench import cli
from bertbench.faults import CATALOGUE
from bertbench.selftest import session
from bertbench.selftest.record import SelfTest, TrialFacts, TrialsFacts, read_selftest, write_selftest
from bertbench.selftest.settings import Settings
from bertbench.suite import Benchmark


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command asks for; `found` is what it gets."""
    asked: dict[str, Any] = {"found": made_selftest(outcome="pass")}

    def self_test(benchmark: Benchmark, out: Path, settings: Any, **more: Any) -> tuple[SelfTest, Path]:
        asked.update(benchmark=benchmark, settings=settings, **more)
        more["told"]("class own: 1 seed")
        return asked["found"], out / "one"

    monkeypatch.setattr(session, "self_test", self_test)
    return asked


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"outcome": "pass"}, 0),
        ({"outcome": "fail"}, 1),
        ({"outcome": "undecided"}, 3),
        ({"outcome": "undecided", "interrupted": True}, 130),
    ],
)
def test_the_exit_status_is_the_outcome(asked, tmp_path: Path, changes: dict[str, Any], status: int) -> None:
    asked["found"] = made_selftest(**changes)
    assert cli.run(["selftest", "--out", str(tmp_path)]) == status


def test_record_and_page_are_written_and_named(asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["selftest", "--out", str(tmp_path)])
    assert read_selftest(tmp_path / "one" / "selftest.json") == asked["found"]
    assert (tmp_path / "one" / "selftest.md").read_text().startswith("# Self-test of seed_card: pass")
    printed = capsys.readouterr().out
    assert str(tmp_path / "one" / "selftest.md") in printed
    last = printed.splitlines()[-1]
    assert last == "self-test of seed_card: pass: nothing that was seen contradicts a promise."


def test_the_last_line_names_a_budget_that_would_do(asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked["found"] = made_selftest(enough_minutes=12)
    assert cli.run(["selftest", "--out", str(tmp_path), "--budget", "5s"]) == cli.UNDECIDED
    assert capsys.readouterr().out.splitlines()[-1].endswith("too little was measured to say. Next: --budget 12m.")
    assert "Next: --budget 12m." in (tmp_path / "one" / "selftest.md").read_text().splitlines()[2]
    for changes in ({"outcome": "pass"}, {"interrupted": True}):  # nothing to wait for; not for lack of time
        asked["found"] = made_selftest(**({"enough_minutes": 12} | changes))
        cli.run(["selftest", "--out", str(tmp_path)])
        assert "Next" not in capsys.readouterr().out


def test_what_was_found_so_far_is_on_disk_while_it_goes_on(asked, tmp_path: Path) -> None:
    """Whatever ends the process later."""
    cli.run(["selftest", "--out", str(tmp_path)])
    so_far = made_selftest(interrupted=True)
    asked["keep"](so_far, tmp_path / "two")
    assert read_selftest(tmp_path / "two" / "selftest.json") == so_far
    assert "**interrupted**" in (tmp_path / "two" / "selftest.md").read_text()


def test_sigterm_ends_it_as_ctrl_c_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one, from an impatient CI, does not cut off the report."""

    def self_test(_benchmark: Benchmark, out: Path, _settings: Any, **_more: Any) -> tuple[SelfTest, Path]:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        return made_selftest(interrupted=True), out / "one"

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(session, "self_test", self_test)
    assert cli.run(["selftest", "--out", str(tmp_path)]) == 130
    assert read_selftest(tmp_path / "one" / "selftest.json").interrupted
    assert signal.getsignal(signal.SIGTERM) == before


def test_without_a_spec_the_one_that_comes_along_is_measured(
    asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever one stands: no repository is needed."""
    monkeypatch.chdir(tmp_path)
    cli.run(["selftest"])
    spec = asked["benchmark"].spec
    assert (spec.name, spec.data.source, spec.checkpoint.source) == (
        "selftest",
        "embedded:helpdesk",
        "embedded:minilm-l6",
    )
    assert (tmp_path / ".bertbench" / "selftest" / "one" / "selftest.json").exists()


def test_options_are_handed_on(asked, tmp_path: Path) -> None:
    path = write_small_bench(tmp_path, "no-checkpoint-needed")
    line = "--budget 2h --parts seeds,trials --gated-specs 3 --trials 300 --candidates-per-bank 4 --fault-seeds 40"
    cli.run(
        ["selftest", str(path), "--out", str(tmp_path), *line.split(), "--random-seed", "7", "--first-seed", "2932"]
    )
    assert asked["settings"] == Settings(
        7200.0,
        parts=("seeds", "trials"),
        gated_specs=3,
        random_seed=7,
        most_trials=300,
        candidates_per_bank=4,
        fault_seeds=40,
        first_seed=2_932,
    )
    assert asked["benchmark"].spec.name == "small"
    assert asked["faults"] == tuple(CATALOGUE.values())


def test_faults_may_be_named(asked, tmp_path: Path) -> None:
    cli.run(["selftest", "--out", str(tmp_path), "--faults", "memory-leak, gelu-tanh"])
    assert asked["settings"].faults == ("memory-leak", "gelu-tanh")
    cli.run(["selftest", "--out", str(tmp_path)])
    assert asked["settings"].faults is None


def test_faults_that_there_are_not_are_a_usage_error_that_names_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything has run."""
    line = ["selftest", "--out", str(tmp_path / "out"), "--faults", "gelu-tan,memory-leak,labels-changed-100,zzz"]
    assert cli.run(line) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "there is no fault 'gelu-tan', 'labels-changed-100', 'zzz'" in said
    assert "did you mean gelu-tanh, labels-changed-10? bertbench run --list-faults lists them" in said
    assert not (tmp_path / "out").exists()


def test_gated_specs_are_those_of_the_project(
    asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a spec, of the project one stands in."""
    (tmp_path / "specs").mkdir()
    path = write_small_bench(tmp_path / "specs", "no-checkpoint-needed")
    (tmp_path / "pytest.ini").write_text("[pytest]\nbertbench_gated_specs = 4\n")
    monkeypatch.chdir(tmp_path)
    for spec in ([str(path)], []):
        cli.run(["selftest", *spec, "--out", "out"])
        assert asked["settings"].gated_specs == 4
        assert "gated specs: 4 (pytest.ini)\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--budget", "soon"], "--budget soon"),
        (["--gated-specs", "0"], "--gated-specs: 0 was given"),
        (["--parts", "everything"], "parts: 'everything'"),
        (["--parts", "trials"], "trials was given without seeds"),
        (["--first-seed", "0"], "first_seed = 0 was given, 1 or more"),
        (["--first-seed", "2000000000"], "first_seed = 2000000000 was given, 1073741824 or less"),
        (["--faults", "memory-leak", "--parts", "processes"], "faults: 'memory-leak' was given without the parts"),
        (["nowhere.toml"], "nowhere.toml"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    asked, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert cli.run(["selftest", "--out", str(tmp_path), *options]) == 2
    assert said in capsys.readouterr().err
    assert "settings" not in asked


def _report(folder: Path, word: str, *, first_seed: int) -> Path:
    """With 40 trials of equal verdict."""
    counted = [
        TrialFacts(bank_seeds=(seed,), candidate_seeds=(seed + 1,), look=1, word=word, drop_points=0.0)
        for seed in range(first_seed, first_seed + 80, 2)
    ]
    trials = TrialsFacts(candidate_class="onednn", counted=tuple(counted))
    write_selftest(folder, made_selftest(selftest_id=folder.name, trials=trials, first_seed=first_seed))
    return folder


@pytest.mark.parametrize(("word", "status"), [("pass", 0), ("fail", 1)])
def test_self_tests_are_added_up_and_the_promises_decide(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, status: int
) -> None:
    one, two = (_report(tmp_path / name, word, first_seed=seed) for name, seed in (("one", 1), ("two", 101)))
    page = tmp_path / "new" / "sum.md"
    assert cli.run(["selftest-sum", str(one), str(two / "selftest.json"), "--markdown", str(page)]) == status
    count = "0 of 80 (0.0 to 4.5 %)" if word == "pass" else "80 of 80 (95.5 to 100.0 %)"
    assert f"| fresh trials with class onednn | fail <= 1 % | {count} |" in page.read_text()
    printed = capsys.readouterr().out.splitlines()
    assert "self-tests counted together: 2" in printed
    assert printed[-1].startswith("self-test of seed_card: ")


def test_what_does_not_add_up_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = (_report(tmp_path / name, "pass", first_seed=seed) for name, seed in (("one", 1), ("two", 3)))
    page = tmp_path / "sum.md"
    assert cli.run(["selftest-sum", str(one), str(two), "--markdown", str(page)]) == 2
    assert "self-tests one and two used the same seeds" in " ".join(capsys.readouterr().err.split())
    assert not page.exists()
    assert cli.run(["selftest-sum", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
