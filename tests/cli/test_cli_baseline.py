"""`bertbench baseline`, `bertbench compare` and `bertbench run --compare`; only the runs are replaced."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import fake_runs
import pytest
from fake_runs import set_runs
from small_bench import write_small_bench

from bertbench import cli, suite
from bertbench.baseline import read_baseline
from bertbench.errors import BaselineError
from bertbench.store import Store

FILE = Path("baselines/rolling/small-aaaaaaaa.json")


@pytest.fixture
def shell(
    tmp_path: Path, tiny_bert_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Runs one command in a folder with `small.toml`; gives exit status and all it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    monkeypatch.setattr(suite, "run_request_here", lambda request, _observers: fake_runs.fake_run_request(request))
    write_small_bench(tmp_path, tiny_bert_folder, training__seeds=(0, 1))

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = cli.run(list(arguments))
        return status, "".join(capsys.readouterr())

    return run


def newest() -> str:
    return Store(Path(".bertbench")).find().run_id


def commit() -> None:
    """The current folder, as it is, is a commit of a repository."""
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c")
    Path(".gitignore").write_text(".bertbench\nfake.json\nruns.log\nout.json\n")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run([*git, *words], check=True, capture_output=True)


def accuracies(value: float) -> dict[str, float]:
    return {str(seed): round(value + 0.01 * (seed % 2), 2) for seed in range(20)}


# accept


def test_accept_writes_what_ran_and_says_so(shell) -> None:
    shell("run", "small.toml")
    status, said = shell("baseline", "accept", "small.toml")
    assert status == cli.PASS
    assert "small-aaaaaaaa.json: written: recipe " in said
    assert "2 seeds on 100 validation rows" in said
    assert "quality needs 20: bertbench run small.toml --seeds 0-19" in said
    assert [seed.seed for seed in read_baseline(FILE).seeds] == [0, 1]
    assert "replaced" in shell("baseline", "accept", "small.toml")[1]


def test_accept_goes_beside_the_folder_of_specs_or_where_it_is_told(shell) -> None:
    Path("specs").mkdir()
    Path("specs/small.toml").write_text(Path("small.toml").read_text())
    shell("run", "specs/small.toml")
    shell("baseline", "accept", "specs/small.toml", "--name", "reference")
    assert Path("baselines/reference/small-aaaaaaaa.json").exists()
    shell("baseline", "accept", "specs/small.toml", "--baselines", "elsewhere")
    assert Path("elsewhere/rolling/small-aaaaaaaa.json").exists()


def test_accept_takes_every_seed_of_the_recipe_but_no_repeat(shell) -> None:
    commit()
    shell("run", "small.toml")
    shell("run", "small.toml", "--seeds", "2-19")
    _, said = shell("baseline", "accept", "small.toml")
    assert len(read_baseline(FILE).seeds) == 20
    assert len(read_baseline(FILE).runs) == 2
    assert "quality needs" not in said


def test_accept_refuses_runs_of_two_codes_until_they_are_named(shell) -> None:
    """Half of the bank before a change and half after it would be the baseline of neither."""
    set_runs(accuracy=accuracies(0.96))
    commit()
    shell("run", "small.toml", "--seeds", "0-9")
    first = newest()
    set_runs(accuracy=accuracies(0.70))
    commit()
    shell("run", "small.toml", "--seeds", "10-19")
    status, said = shell("baseline", "accept", "small.toml")
    assert (status, FILE.exists()) == (cli.USAGE, False)
    assert re.search(rf"{first} \(commit \w{{10}}\): nothing shows that this is the code of {newest()} \(commit", said)
    assert f"--runs {newest()}" in said
    assert shell("baseline", "accept", "small.toml", "--runs", first, newest())[0] == cli.PASS
    assert read_baseline(FILE).git_commit is None


def test_accept_takes_runs_of_trees_that_nobody_can_name_if_a_seed_is_equal(shell) -> None:
    shell("run", "small.toml")
    shell("run", "small.toml", "--seeds", "2-19")
    assert shell("baseline", "accept", "small.toml")[0] == cli.USAGE
    shell("run", "small.toml", "--seeds", "1,2")
    assert shell("baseline", "accept", "small.toml")[0] == cli.PASS
    assert len(read_baseline(FILE).runs) == 3


def test_a_bank_is_of_the_commit_that_its_runs_were_made_at(shell) -> None:
    """And not of the one at which somebody accepts them."""
    commit()
    shell("run", "small.toml")
    ran = Store(Path(".bertbench")).find().record.revision
    Path("code.py").write_text("changed")
    commit()
    shell("baseline", "accept", "small.toml")
    assert (read_baseline(FILE).git_commit, read_baseline(FILE).git_dirty) == (ran.commit, False)
    assert f"runs of commit {ran.commit[:10]}" in shell("baseline", "show", "small.toml")[1]


def test_accept_refuses_fewer_seeds_than_prescribed(shell) -> None:
    shell("run", "small.toml", "--seeds", "1")
    status, said = shell("baseline", "accept", "small.toml")
    assert status == cli.USAGE
    assert "all prescribed seeds or none: 0 did not run" in said
    assert not FILE.exists()


def test_accept_refuses_where_nothing_ran_or_it_failed(shell) -> None:
    assert shell("baseline", "accept", "small.toml")[0] == cli.USAGE
    set_runs(failure={"kind": "NonFiniteLossError", "message": "nan", "phase": "steps"})
    shell("run", "small.toml")
    status, said = shell("baseline", "accept", "small.toml")
    assert status == cli.USAGE
    assert "holds no completed run of small as the spec now stands" in said
    status, said = shell("baseline", "accept", "small.toml", "--runs", newest())
    assert status == cli.USAGE
    assert not FILE.exists()


def test_accept_refuses_runs_that_disagree_until_one_is_named(shell) -> None:
    shell("run", "small.toml")
    set_runs(bits=1)
    shell("run", "small.toml")
    status, said = shell("baseline", "accept", "small.toml")
    assert status == cli.USAGE
    assert "came to different bits" in said
    assert shell("baseline", "accept", "small.toml", "--runs", newest())[0] == cli.PASS


def test_accept_refuses_runs_of_another_recipe(shell) -> None:
    shell("run", "small.toml")
    Path("small.toml").write_text(Path("small.toml").read_text().replace("epochs = 2", "epochs = 3"))
    assert shell("baseline", "accept", "small.toml")[0] == cli.USAGE
    status, said = shell("baseline", "accept", "small.toml", "--runs", newest())
    assert status == cli.USAGE
    assert "ran another recipe" in said


def test_accept_refuses_a_run_whose_recipe_drifted(shell) -> None:
    set_runs(live={"dtype_policy": "mixed_float16"})
    shell("run", "small.toml")
    status, said = shell("baseline", "accept", "small.toml")
    assert status == cli.USAGE
    assert "its recipe drifted: seeds 0-1: training.precision" in said


def test_accept_refuses_a_repeat(shell) -> None:
    shell("run", "small.toml")
    repeat = next(e.run_id for e in Store(Path(".bertbench")).entries() if e.record and e.record.repeats)
    status, said = shell("baseline", "accept", "small.toml", "--runs", repeat)
    assert status == cli.USAGE
    assert "repeats another run" in said


def test_accept_refuses_a_name_that_is_a_path(shell) -> None:
    shell("run", "small.toml")
    assert shell("baseline", "accept", "small.toml", "--name", "../up")[0] == cli.USAGE


def test_accept_without_predictions_is_refused(shell) -> None:
    shell("run", "small.toml")
    (Store(Path(".bertbench")).run_folder(newest()) / "seed-1" / "predictions.npz").unlink()
    status, said = shell("baseline", "accept", "small.toml")
    assert status == cli.USAGE
    assert "no predictions can be read" in said


def test_a_reference_is_accepted_once_and_kept(shell) -> None:
    """Else many small accepted drops would be seen by nobody."""
    commit()
    shell("run", "small.toml")
    shell("baseline", "accept", "small.toml", "--name", "reference")
    kept = Path("baselines/reference/small-aaaaaaaa.json")
    before, accepted = kept.read_text(), read_baseline(kept)
    set_runs(accuracy=accuracies(0.90), bits=1)
    shell("run", "small.toml")
    command = ("baseline", "accept", "small.toml", "--name", "reference", "--runs", newest())
    status, said = shell(*command)
    assert (status, kept.read_text()) == (cli.USAGE, before)
    assert (
        f"small-aaaaaaaa.json: is there already, accepted {accepted.accepted_at:%Y-%m-%d %H:%M} UTC, runs of " in said
    )
    assert f"commit {accepted.git_commit[:10]}" in said
    assert "--name rolling" in said
    assert "--replace" in said
    status, said = shell(*command, "--replace")
    assert (status, "small-aaaaaaaa.json: replaced: " in said) == (cli.PASS, True)
    assert read_baseline(kept).seeds[0].quality.accuracy == 0.90


def test_a_reference_of_other_numerics_is_kept_too(shell) -> None:
    """Runs of all numerics are held against it: one accepted after an upgrade would forget what was lost before."""
    shell("run", "small.toml")
    shell("baseline", "accept", "small.toml", "--name", "reference")
    kept = Path("baselines/reference/small-aaaaaaaa.json")
    other = Path("baselines/reference/small-bbbbbbbb.json")
    other.write_text(kept.read_text().replace('"numerics_fingerprint": "aaaaaaaa', '"numerics_fingerprint": "bbbbbbbb'))
    kept.unlink()
    status, said = shell("baseline", "accept", "small.toml", "--name", "reference")
    assert (status, kept.exists()) == (cli.USAGE, False)
    assert "small-bbbbbbbb.json: is there already, accepted " in said
    assert "of other numerics, and runs of these are held against it too" in said
    status, said = shell("baseline", "accept", "small.toml", "--name", "reference", "--replace")
    assert (status, other.exists(), "small-aaaaaaaa.json: written" in said) == (cli.PASS, True, True)
    assert "then accept again with --replace" in said


def test_a_reference_that_cannot_be_read_is_kept_too(shell) -> None:
    """It may have been damaged by a merge, and version control has it."""
    shell("run", "small.toml")
    kept = Path("baselines/reference/small-aaaaaaaa.json")
    kept.parent.mkdir(parents=True)
    kept.write_text("<<<<<<< HEAD")
    status, said = shell("baseline", "accept", "small.toml", "--name", "reference")
    assert (status, kept.read_text()) == (cli.USAGE, "<<<<<<< HEAD")
    assert "is there already, which cannot be read (" in said
    assert shell("baseline", "accept", "small.toml", "--name", "reference", "--replace")[0] == cli.PASS


# list, show, diff


def test_list_shows_each_baseline_and_those_that_cannot_be_read(shell) -> None:
    shell("run", "small.toml")
    shell("baseline", "accept", "small.toml")
    shell("baseline", "accept", "small.toml", "--name", "reference")
    FILE.write_text("{")
    status, said = shell("baseline", "list", "small.toml")
    assert status == cli.PASS
    assert re.search(r"reference/small-aaaaaaaa\.json +2 +100 +0\.9900 +accepted ", said)
    assert re.search(r"rolling/small-aaaaaaaa\.json +.*no baseline", said)
    assert "reference/small-aaaaaaaa.json" in shell("baseline", "list")[1]


def test_list_and_show_of_nothing_are_refused(shell) -> None:
    assert shell("baseline", "list")[0] == cli.USAGE
    assert shell("baseline", "show", "small.toml")[0] == cli.USAGE
    assert shell("baseline", "diff", "small.toml")[0] == cli.USAGE


def test_show_gives_seeds_and_origin(shell) -> None:
    shell("run", "small.toml")
    shell("baseline", "accept", "small.toml")
    status, said = shell("baseline", "show", "small.toml")
    assert status == cli.PASS
    assert "small: accepted " in said
    assert re.search(r"\n +1 +0\.9900 +0\.7400 ", said)


def test_diff_shows_what_accepting_would_change_and_changes_nothing(shell) -> None:
    shell("run", "small.toml")
    shell("baseline", "accept", "small.toml")
    assert "rolling and what would be accepted are the same" in shell("baseline", "diff", "small.toml")[1]
    set_runs(accuracy={"1": 0.98}, bits=1)
    shell("run", "small.toml")
    before = FILE.read_text()
    status, said = shell("baseline", "diff", "small.toml", "--runs", newest())
    assert status == cli.PASS
    assert '-   "hits": 99,' in said
    assert '+   "hits": 98,' in said
    assert "accepted_at" not in said
    assert FILE.read_text() == before


def test_diff_between_two_baselines(shell) -> None:
    shell("run", "small.toml")
    shell("baseline", "accept", "small.toml")
    shell("run", "small.toml", "--seeds", "1,2")
    shell("baseline", "accept", "small.toml", "--name", "reference")
    said = shell("baseline", "diff", "small.toml", "--to", "reference")[1]
    assert '+   "seed": 2,' in said
    assert '-   "seed"' not in said


def test_a_changed_learning_rate_is_named_by_run_and_diff(shell) -> None:
    shell("run", "small.toml")
    shell("baseline", "accept", "small.toml")
    Path("small.toml").write_text(Path("small.toml").read_text() + "\n[optimizer]\nlearning_rate = 1e-06\n")
    told = "optimizer.learning_rate: 3e-05 in the baseline, 1e-06 now"
    assert f"is of another recipe ({told})" in shell("run", "small.toml", "--compare")[1]
    said = shell("baseline", "diff", "small.toml")[1]
    assert "recipe: optimizer.learning_rate: 3e-05 in rolling, 1e-06 now\n--- rolling\n" in said
    assert '-   "learning_rate": 3e-05,\n' in said
    shell("baseline", "accept", "small.toml", "--name", "reference")
    said = shell("baseline", "diff", "small.toml", "--to", "reference")[1]
    assert "recipe: optimizer.learning_rate: 3e-05 in rolling, 1e-06 in reference\n" in said


# compare


def test_run_compares_and_exits_with_the_verdict(shell) -> None:
    status, said = shell("run", "small.toml", "--compare")
    assert status == cli.UNDECIDED
    assert "identity_with_rolling: no_baseline: " in said
    assert "Next: bertbench baseline accept SPEC --name rolling" in said
    shell("baseline", "accept", "small.toml")
    status, said = shell("run", "small.toml", "--compare", "rolling", "--json", "out.json")
    assert status == cli.PASS
    assert re.search(r"quality_against_rolling +unchanged +no worse +pass", said)
    kinds = [check["kind"] for check in json.loads(Path("out.json").read_text())["specs"][0]["checks"]]
    assert kinds[-2:] == ["comparison", "comparison"]


def test_a_drop_exits_with_a_fail(shell) -> None:
    """Anchors, row 7: pyperf exits 0 on a regression."""
    set_runs(accuracy=accuracies(0.98))
    shell("run", "small.toml", "--seeds", "0-19")
    shell("baseline", "accept", "small.toml")
    set_runs(accuracy=accuracies(0.94), bits=1)
    status, said = shell("run", "small.toml", "--seeds", "0-3", "--compare")
    assert status == cli.FAIL
    assert "accuracy fell by 4.00 points" in said
    assert "Rows lost/won by seed: 0: 4/0, 1: 4/0, 2: 4/0, 3: 4/0." in said


def test_better_is_told_although_it_passes(shell) -> None:
    """Anchors, row 13."""
    set_runs(accuracy=accuracies(0.90))
    shell("run", "small.toml", "--seeds", "0-19")
    shell("baseline", "accept", "small.toml")
    set_runs(accuracy=accuracies(0.96), bits=1)
    status, said = shell("run", "small.toml", "--seeds", "0-3", "--compare")
    assert status == cli.PASS
    assert "small: quality_against_rolling: pass: " in said
    assert "Notice: better than chance explains; make sure that no validation row leaked into training" in said


def test_compare_judges_a_run_again_and_starts_none(shell) -> None:
    set_runs(accuracy=accuracies(0.98))
    shell("run", "small.toml", "--seeds", "0-19")
    shell("baseline", "accept", "small.toml")
    first = newest()
    set_runs(accuracy=accuracies(0.94), bits=1)
    shell("run", "small.toml", "--seeds", "0-3")
    runs = len(Path("runs.log").read_text().splitlines())
    status, said = shell("compare", "small.toml", "--json", "out.json")
    assert (status, "accuracy fell by 4.00 points" in said) == (cli.FAIL, True)
    status, said = shell("compare", "small.toml", first)
    assert (status, "for certain" in said) == (cli.PASS, True)
    assert shell("compare", "small.toml", first, "--name", "rolling,reference")[0] == cli.UNDECIDED
    assert len(Path("runs.log").read_text().splitlines()) == runs
    assert json.loads(Path("out.json").read_text())["outcome"] == "fail"


def test_compare_takes_all_runs_of_the_newest_ones_code_and_says_which_seeds_to_run(shell) -> None:
    set_runs(accuracy=accuracies(0.98))
    shell("run", "small.toml", "--seeds", "0-19")
    shell("baseline", "accept", "small.toml")
    bank = newest()
    set_runs(accuracy={"0": 0.96, "1": 0.98, "2": 0.97, "3": 0.98}, bits=1)
    commit()
    shell("run", "small.toml")
    status, said = shell("compare", "small.toml")
    assert (status, f"other bits than newer runs: {bank}" in said) == (cli.UNDECIDED, True)
    assert "run 4 seeds: bertbench run SPEC --seeds 0,1,2,3" in said
    shell("run", "small.toml", "--seeds", "2,3")
    status, said = shell("compare", "small.toml")
    assert "4 seeds against a bank of 20" in said
    assert "run 8 seeds: bertbench run SPEC --seeds 0,1,2,3,4,5,6,7" in said
    assert "first look needs 4" in shell("compare", "small.toml", newest())[1]  # a run that is named stands alone


def test_compare_takes_further_seeds_with_their_run(shell) -> None:
    set_runs(accuracy=accuracies(0.98))
    shell("run", "small.toml", "--seeds", "0-19")
    shell("baseline", "accept", "small.toml")
    set_runs(accuracy=accuracies(0.94), bits=1)
    ran, said = shell("run", "small.toml", "--compare")
    assert (ran, "Attempt 1 " in said) == (cli.FAIL, True)
    original = newest()  # not the run of further seeds, which is younger
    assert len(Store(Path(".bertbench")).read(original).seeds) == 2
    status, said = shell("compare", "small.toml", original)
    assert (status, "4 seeds against a bank of 20" in said, "Attempt 1 " in said) == (cli.FAIL, True, True)
    assert "further seeds" in shell("show", "--all")[1]


def test_without_a_name_rolling_and_a_reference_that_exists_share_the_rate(shell) -> None:
    set_runs(accuracy=accuracies(0.98))
    shell("run", "small.toml", "--seeds", "0-19")
    shell("baseline", "accept", "small.toml")
    shell("baseline", "accept", "small.toml", "--name", "reference")
    set_runs(accuracy=accuracies(0.94), bits=1)
    status, said = shell("run", "small.toml", "--seeds", "0-3", "--compare")
    assert status == cli.FAIL
    assert said.count("and 0.0004 or less is a fail") == 2
    assert "quality_against_reference" in said
    assert "and 0.0008 or less is a fail" in shell("compare", "small.toml", "--name", "rolling")[1]


def test_compare_shares_the_error_rate_among_the_specs_of_the_project(shell) -> None:
    set_runs(accuracy=accuracies(0.98))
    shell("run", "small.toml", "--seeds", "0-19")
    shell("baseline", "accept", "small.toml")
    set_runs(accuracy=accuracies(0.94), bits=1)
    shell("run", "small.toml", "--seeds", "0-3")
    assert "and 0.0008 or less is a fail" in shell("compare", "small.toml")[1]
    assert "and 0.0004 or less is a fail" in shell("compare", "small.toml", "--gated-specs", "2")[1]
    assert shell("compare", "small.toml", "--gated-specs", "0")[0] == cli.USAGE


def test_commands_take_the_shares_that_the_project_declares_for_pytest(shell) -> None:
    """One project, one error rate; the option wins; what was used is said."""
    set_runs(accuracy=accuracies(0.98))
    shell("run", "small.toml", "--seeds", "0-19")
    shell("baseline", "accept", "small.toml")
    set_runs(accuracy=accuracies(0.94), bits=1)
    Path("pyproject.toml").write_text("[tool.pytest.ini_options]\nbertbench_gated_specs = 2\n")
    status, said = shell("run", "small.toml", "--seeds", "0-3", "--compare")
    assert status == cli.FAIL
    assert "gated specs: 2 (pyproject.toml)\n" in said
    assert "and 0.0004 or less is a fail" in said
    assert "and 0.0004 or less is a fail" in shell("compare", "small.toml")[1]
    said = shell("compare", "small.toml", "--gated-specs", "4")[1]
    assert "gated specs: 4 (--gated-specs)\n" in said
    assert "and 0.0002 or less is a fail" in said
    Path("pyproject.toml").unlink()
    assert "gated specs" not in shell("compare", "small.toml")[1]


def test_a_baseline_that_the_project_declares_is_compared_and_shares_the_rate(shell) -> None:
    set_runs(accuracy=accuracies(0.98))
    shell("run", "small.toml", "--seeds", "0-19")
    shell("baseline", "accept", "small.toml")
    set_runs(accuracy=accuracies(0.94), bits=1)
    shell("run", "small.toml", "--seeds", "0-3")
    Path("pytest.ini").write_text("[pytest]\nbertbench_baselines = rolling, reference\n")
    status, said = shell("compare", "small.toml")
    assert (status, "declared baselines: rolling, reference (pytest.ini)\n" in said) == (cli.FAIL, True)
    assert "quality_against_reference: no_baseline" in said
    assert "and 0.0004 or less is a fail" in said
    said = shell("compare", "small.toml", "--name", "rolling")[1]
    assert "quality_against_reference" not in said
    assert "and 0.0004 or less is a fail" in said


@pytest.mark.parametrize("command", [("run", "small.toml", "--compare"), ("compare", "small.toml")])
def test_settings_that_cannot_be_meant_are_refused_before_any_work(shell, command: tuple[str, ...]) -> None:
    Path("tox.ini").write_text("[pytest]\nbertbench_gated_specs = many\n")
    status, said = shell(*command)
    assert (status, "tox.ini: bertbench_gated_specs: 'many' was given" in said) == (cli.USAGE, True)
    assert not Path("runs.log").exists()
    assert shell("run", "small.toml")[0] == cli.PASS  # nothing is compared, nothing is shared


def test_more_specs_than_share_the_error_rate_are_refused_before_any_work(shell) -> None:
    Path("other.toml").write_text('extends = "small.toml"\nname = "other"\n')
    status, said = shell("run", "small.toml", "other.toml", "--compare")
    assert status == cli.USAGE
    assert "2 specs are compared, and 1 gated" in said
    assert "--gated-specs 2" in said
    assert not Path("runs.log").exists()
    assert shell("run", "small.toml", "other.toml", "--compare", "--gated-specs", "2")[0] == cli.UNDECIDED


def test_compare_of_no_run_or_another_specs_run_is_refused(shell) -> None:
    assert shell("compare", "small.toml")[0] == cli.USAGE
    Path("other.toml").write_text('extends = "small.toml"\nname = "other"\n')
    shell("run", "other.toml")
    status, said = shell("compare", "small.toml", newest())
    assert status == cli.USAGE
    assert "is a run of other" in said


def test_compare_of_a_run_of_a_recipe_that_has_changed_since_is_refused(shell) -> None:
    """Else an old run would speak for a new spec."""
    shell("run", "small.toml")
    shell("baseline", "accept", "small.toml")
    run = newest()
    Path("small.toml").write_text(Path("small.toml").read_text().replace("epochs = 2", "epochs = 3"))
    assert shell("compare", "small.toml")[0] == cli.USAGE
    status, said = shell("compare", "small.toml", run)
    assert (status, "ran another recipe than small now has" in said) == (cli.USAGE, True)


def test_a_run_that_goes_on_is_not_compared(shell) -> None:
    shell("run", "small.toml")
    store = Store(Path(".bertbench"))
    record = store.read(newest())
    store.write(record.model_copy(update={"outcome": "running", "finished_at": None}))
    status, said = shell("compare", "small.toml", record.run_id)
    assert (status, "has not ended" in said) == (cli.USAGE, True)


def test_a_spec_that_the_option_swallowed_is_a_usage_error(shell) -> None:
    status, said = shell("run", "small.toml", "--compare", "small.toml")
    assert status == cli.USAGE
    assert "no name of a baseline" in said


def test_two_names_alike_are_refused() -> None:
    from bertbench.comparing import Against

    with pytest.raises(BaselineError, match="different names"):
        Against(("rolling", "rolling"))


@pytest.mark.parametrize("command", [("compare",), ("baseline",), ("baseline", "accept"), ("baseline", "diff")])
def test_every_command_explains_itself(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.run([*command, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: bertbench {' '.join(command)} ")


# Speed in the one verdict

#: A program that is no Python.
TRUE = shutil.which("true") or "true"


def test_a_run_is_held_against_a_speed_base_too(shell) -> None:
    shell("run", "small.toml", "--seeds", "0-3")
    shell("baseline", "accept", "small.toml")
    status, said = shell("run", "small.toml", "--compare", "--speed-base", TRUE)
    assert status == cli.UNDECIDED
    assert f"speed is held against {TRUE} (--speed-base)" in said
    assert re.search(rf"speed_step +not measured +no slower than {TRUE} +no_baseline", said)


@pytest.mark.parametrize("base", ["no/such/python", ""])
def test_a_speed_base_that_there_is_not_is_a_usage_error_before_any_work(shell, base: str) -> None:
    status, said = shell("run", "small.toml", "--compare", "--speed-base", base)
    assert status == cli.USAGE
    assert "is no program" in said or "empty text was given" in said
    assert not Path("runs.log").exists()


def test_a_speed_base_without_a_comparison_is_a_usage_error(shell) -> None:
    for option in (("--speed-base", "git:main"), ("--speed-base", ""), ("--speed-budget", "5m")):
        assert shell("run", "small.toml", *option)[0] == cli.USAGE
    status, said = shell("run", "small.toml", "--speed-base", "git:main")
    assert (status, "--compare was not given" in said) == (cli.USAGE, True)
