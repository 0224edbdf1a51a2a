"""`pytest --bertbench-compare`: two more items for each baseline, and nothing green that was not compared."""

from __future__ import annotations

import json
import shutil
import sys
import xml.etree.ElementTree as ET

import fake_runs
import pytest
from spec_files import write_spec

import bertbench.stats  # noqa: F401 - before pytester notes which modules were there
from bertbench import cli, suite

TWENTY = "--bertbench-seeds=0-19"
#: A program that is no Python.
TRUE = shutil.which("true") or "true"


@pytest.fixture
def here(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The project, its sessions in this process: a comparison loads scipy, and this file has."""
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    return project


def set_runs(project: pytest.Pytester, **fake: object) -> None:
    (project.path / "fake.json").write_text(json.dumps(fake))


def accept(project: pytest.Pytester, *arguments: str, name: str = "rolling") -> None:
    """Run the spec and accept what it came to."""
    project.runpytest_inprocess(*arguments)
    assert cli.run(["baseline", "accept", "specs/card.toml", "--name", name]) == cli.PASS


def accuracies(value: float) -> dict[str, float]:
    """Of twenty seeds, with a spread of half a row around *value*."""
    return {str(seed): round(value + 0.01 * (seed % 2), 2) for seed in range(20)}


def test_without_a_baseline_the_items_fail_and_say_how_to_accept_one(here):
    """Anchors, row 1: pytest-benchmark passes where nothing matches."""
    result = here.runpytest_inprocess("--bertbench-compare", "--junitxml=junit.xml")
    result.assert_outcomes(passed=5, failed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*card: identity_with_rolling: no_baseline*",
            "*holds no baseline of card; it holds none at all*",
            "*next: bertbench baseline accept SPEC --name rolling*",
        ]
    )
    suite = ET.parse(here.path / "junit.xml").getroot().find("testsuite")
    assert suite.attrib["failures"] == "2"


def test_equal_bits_pass(here):
    accept(here)
    assert [path.name for path in (here.path / "baselines" / "rolling").iterdir()] == ["card-aaaaaaaa.json"]
    result = here.runpytest_inprocess("--bertbench-compare")
    result.assert_outcomes(passed=7)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["bertbench: records in *, compared with rolling, *", "*identity_with_rolling*pass*"])


def test_a_drop_is_a_failure_of_a_test_in_words_and_in_junit(here):
    """Anchors, rows 2 and 3: there JUnit says failures=0, and an accuracy may fall as it likes."""
    set_runs(here, accuracy=accuracies(0.98))
    accept(here, TWENTY)
    set_runs(here, accuracy=accuracies(0.94), bits=1, keras="3.99")
    result = here.runpytest_inprocess(TWENTY, "--bertbench-compare", "--junitxml=junit.xml", "-k", "quality")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*On these 100 validation messages, averaged over fresh seeds, accuracy fell by 4.00 points*keras: 3.99 *",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    suite = ET.parse(here.path / "junit.xml").getroot().find("testsuite")
    assert suite.attrib["failures"] == "1"
    properties = {p.attrib["name"]: p.attrib["value"] for p in suite.iter("property")}
    assert properties["bertbench_outcome"] == "fail"
    assert properties["bertbench_observed"] == "fell by 4.00 points"


def test_other_bits_of_the_same_quality_pass(here):
    set_runs(here, accuracy=accuracies(0.98))
    accept(here, TWENTY)
    set_runs(here, accuracy=accuracies(0.98), bits=1, keras="3.99")
    result = here.runpytest_inprocess(TWENTY, "--bertbench-compare")
    result.assert_outcomes(passed=7)


def test_a_comparison_of_a_run_that_drifted_fails_also_where_it_alone_is_selected(here):
    set_runs(here, accuracy=accuracies(0.98))
    accept(here, TWENTY)
    set_runs(here, accuracy=accuracies(0.98), bits=1, live={"iterations": 7})
    result = here.runpytest_inprocess(TWENTY, "--bertbench-compare", "-k", "quality or identity_with")
    result.assert_outcomes(failed=2, deselected=5)
    result.stdout.fnmatch_lines(
        ["*the recipe drifted: *: seeds 0-19: optimizer iterations before the first step: 0 by the spec, 7 live*"]
    )


def test_further_seeds_are_run_as_far_as_the_look_needs_them_and_once_for_all_workers(here):
    set_runs(here, accuracy=accuracies(0.98))
    accept(here, TWENTY)
    set_runs(here, accuracy=accuracies(0.98), bits=1)
    (here.path / "runs.log").unlink()
    result = here.runpytest_subprocess("-n2", "--bertbench-compare", "--bertbench-json=out.json")
    result.assert_outcomes(passed=6, skipped=1)  # the time budget: workers share the machine
    assert len((here.path / "runs.log").read_text().splitlines()) == 3  # the run, its repeat, seeds 2 and 3
    (spec,) = json.loads((here.path / "out.json").read_text())["specs"]
    assert len(spec["further_run_ids"]) == 1
    assert [run["seed"] for run in spec["seeds"]] == [0, 1]  # promises are about the seeds that the spec prescribes
    assert spec["checks"][-1]["numbers"]["seeds"] == 4


def accept_wide_bank(project: pytest.Pytester) -> None:
    """A bank so wide that twenty seeds settle nothing; from now on, runs are a point worse."""
    wide = {str(seed): round(0.90 + 0.08 * (seed % 2), 2) for seed in range(20)}
    set_runs(project, accuracy=wide)
    spec = project.path / "specs" / "card.toml"
    spec.write_text(spec.read_text().replace("at_least = 0.97", "at_least = 0.5"))
    accept(project, TWENTY)
    set_runs(project, accuracy={seed: value - 0.01 for seed, value in wide.items()}, bits=1)


def test_an_undecided_comparison_is_skipped_and_the_session_is_not_green(here):
    """The status is none of pytest's own; the section says which comparisons, and what to do."""
    accept_wide_bank(here)
    result = here.runpytest_inprocess("--bertbench-compare")
    result.assert_outcomes(passed=5, skipped=2)
    assert result.ret == 30
    assert result.ret not in list(pytest.ExitCode)
    result.stdout.fnmatch_lines(
        [
            "*bertbench: undecided*",
            "specs/card.toml::identity_with_rolling",
            "  next: see quality_against_rolling",
            "specs/card.toml::quality_against_rolling",
            "  next: *",
            "neither a pass nor a fail: the session is not green and ends with 30; under --bertbench-strict *",
        ]
    )
    chosen = here.runpytest_inprocess("--bertbench-compare", "-k", "recipe_lock")
    assert chosen.ret == 0  # what was not selected is not asked
    chosen.stdout.no_fnmatch_line("*bertbench: undecided*")


def test_an_undecided_comparison_is_not_green_under_xdist_either(here):
    """The controller hears of it from the item's report."""
    accept_wide_bank(here)
    result = here.runpytest_subprocess("-n1", "--bertbench-compare", "-k", "quality_against")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*bertbench: undecided*", "specs/card.toml::quality_against_rolling"])
    assert result.ret == 30


def test_an_undecided_comparison_fails_under_strict(here):
    accept_wide_bank(here)
    result = here.runpytest_inprocess("--bertbench-compare", "--bertbench-strict", "-k", "quality_against")
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_failure_beside_an_undecided_comparison_is_a_failure(here):
    accept_wide_bank(here)
    here.makepyfile(test_plain="def test_plain(): assert False")
    assert here.runpytest_inprocess("--bertbench-compare").ret == pytest.ExitCode.TESTS_FAILED


def one_of_two_is_skipped(project: pytest.Pytester) -> None:
    """Both have a baseline; from now on the rows of one are not there."""
    write_spec(project.path, "absent")
    spec = project.path / "specs" / "absent.toml"
    spec.write_text(spec.read_text().replace("[data]", '[data]\nwhen_absent = "skip"'))
    accept(project)
    assert cli.run(["baseline", "accept", "specs/absent.toml"]) == cli.PASS
    message = "no rows in /data\n  remedy: set BERTBENCH_DATA"
    failure = {"kind": "DataAbsentError", "message": message, "phase": "data"}
    set_runs(project, of_spec={"absent": {"failure": failure}})


TWO_SPECS = ("-o", "bertbench_gated_specs=2", "--bertbench-json=out.json")


def test_a_skipped_spec_that_was_to_be_compared_is_not_green_beside_one_that_passes(here: pytest.Pytester) -> None:
    one_of_two_is_skipped(here)
    result = here.runpytest_inprocess("--bertbench-compare", *TWO_SPECS)
    result.assert_outcomes(passed=7, skipped=7)
    assert result.ret == 30
    result.stdout.fnmatch_lines(
        [
            "*absent: skipped: no rows in /data*",
            "*bertbench: undecided*",
            "specs/absent.toml::identity_with_rolling",
            "  next: set BERTBENCH_DATA",
            "specs/absent.toml::quality_against_rolling",
            "  next: set BERTBENCH_DATA",
        ]
    )
    said = json.loads((here.path / "out.json").read_text())
    assert (said["outcome"], [spec["outcome"] for spec in said["specs"]]) == ("undecided", ["skipped", "pass"])
    chosen = here.runpytest_inprocess("--bertbench-compare", *TWO_SPECS, "-k", "card or recipe_lock")
    assert chosen.ret == 0  # what was not selected is not asked


def test_a_skipped_spec_is_green_beside_one_that_passes_where_nothing_is_compared(here: pytest.Pytester) -> None:
    one_of_two_is_skipped(here)
    result = here.runpytest_inprocess("--bertbench-json=out.json")
    result.assert_outcomes(passed=5, skipped=5)
    assert result.ret == 0
    assert json.loads((here.path / "out.json").read_text())["outcome"] == "pass"


def test_a_skipped_spec_that_was_to_be_compared_fails_under_strict(here: pytest.Pytester) -> None:
    one_of_two_is_skipped(here)
    result = here.runpytest_inprocess("--bertbench-compare", *TWO_SPECS, "--bertbench-strict")
    result.assert_outcomes(passed=7, skipped=5, failed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_skipped_spec_that_was_to_be_compared_is_not_green_under_xdist_either(here: pytest.Pytester) -> None:
    one_of_two_is_skipped(here)
    result = here.runpytest_subprocess("-n1", "--bertbench-compare", *TWO_SPECS, "-k", "quality or identity")
    result.stdout.fnmatch_lines(["*bertbench: undecided*", "specs/absent.toml::identity_with_rolling"])
    assert result.ret == 30


OWN_TESTS = """
    import pytest

    def test_run(bertbench):
        assert bertbench.run("specs/absent.toml").outcome == "pass"

    @pytest.mark.bertbench("specs/absent.toml")
    def test_record(bertbench_record):
        pass
"""


def test_a_test_of_ones_own_whose_spec_was_skipped_is_not_green_where_it_was_to_be_compared(
    here: pytest.Pytester,
) -> None:
    """The test had no say in it: its spec has no result."""
    one_of_two_is_skipped(here)
    tests = here.makepyfile(test_own=OWN_TESTS)
    compared = here.runpytest_inprocess("specs/card.toml", tests, "--bertbench-compare", *TWO_SPECS)
    compared.assert_outcomes(passed=7, skipped=2)
    assert compared.ret == 30
    compared.stdout.fnmatch_lines(["test_own.py::test_run", "  next: set *", "test_own.py::test_record", "  next: *"])
    strict = here.runpytest_inprocess("specs/card.toml", tests, "--bertbench-compare", *TWO_SPECS, "--bertbench-strict")
    strict.assert_outcomes(passed=7, failed=1, errors=1)
    assert here.runpytest_inprocess("specs/card.toml", tests).ret == 0


def test_rolling_and_reference_are_compared_beside_each_other(here):
    """A drift in small steps, each accepted, is seen against the reference."""
    set_runs(here, accuracy=accuracies(0.98))
    accept(here, TWENTY, name="reference")
    set_runs(here, accuracy=accuracies(0.94), bits=1, keras="3.98")
    accept(here, TWENTY)
    set_runs(here, accuracy=accuracies(0.94), bits=2, keras="3.99")
    compare = ("--bertbench-compare=rolling,reference", "--bertbench-json=out.json", "-k", "quality")
    here.runpytest_inprocess(TWENTY, *compare).assert_outcomes(passed=1, failed=1)
    checks = json.loads((here.path / "out.json").read_text())["specs"][0]["checks"]
    assert [check["name"] for check in checks] == [
        "run",
        "recipe_lock",
        "validation_accuracy_every_seed",
        "budget_step_seconds",
        "identity_on_repeat",
        "identity_with_rolling",
        "quality_against_rolling",
        "identity_with_reference",
        "quality_against_reference",
    ]
    outcomes = {check["name"]: check["outcome"] for check in checks if check["kind"] == "comparison"}
    assert outcomes["quality_against_rolling"] == "pass"
    assert outcomes["quality_against_reference"] == "fail"


def test_a_corrupt_baseline_fails(here):
    accept(here)
    (here.path / "baselines" / "rolling" / "card-aaaaaaaa.json").write_text("<<<<<<< HEAD")
    result = here.runpytest_inprocess("--bertbench-compare")
    result.assert_outcomes(passed=5, failed=2)
    result.stdout.fnmatch_lines(["*card-aaaaaaaa.json: no baseline can be read*"])


def test_a_spec_without_a_counterpart_fails_beside_one_that_has_one(here):
    """Anchors, row 1: both sides are named."""
    accept(here)
    write_spec(here.path, "other")
    result = here.runpytest_inprocess("--bertbench-compare", "-o", "bertbench_gated_specs=2")
    result.assert_outcomes(passed=12, failed=2)
    result.stdout.fnmatch_lines(["*holds no baseline of other; it holds card*"])


def test_a_baseline_whose_spec_is_gone_is_named_and_not_green(here):
    """Anchors, row 1, the other side; a spec that is only not selected is not gone."""
    write_spec(here.path, "gone")
    accept(here)
    kept = here.path / "baselines" / "rolling" / "card-aaaaaaaa.json"
    kept.with_name("gone-aaaaaaaa.json").write_text(kept.read_text())
    assert here.runpytest_inprocess("specs/card.toml", "--bertbench-compare").ret == 0
    (here.path / "specs" / "gone.toml").unlink()
    result = here.runpytest_inprocess("--bertbench-compare")
    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines(["*baselines without a spec*", "*gone-aaaaaaaa.json: no spec of this name is left*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def only_a_unit_test_is_left(project: pytest.Pytester) -> None:
    """The one spec is gone with its folder, as version control leaves it; its baseline is there."""
    accept(project)
    (project.path / "specs" / "card.toml").unlink()
    (project.path / "specs").rmdir()
    project.makepyfile(test_plain="def test_plain(): pass")


@pytest.mark.parametrize("arguments", [("--bertbench-compare=rolling",), ("--bertbench-compare", "-k", "plain")])
def test_a_baseline_whose_spec_is_gone_is_named_where_no_spec_is_left(here, arguments):
    """Whatever else is selected: the baseline lies where the arguments are."""
    only_a_unit_test_is_left(here)
    result = here.runpytest_inprocess(*arguments)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*baselines without a spec*", "*card-aaaaaaaa.json: no spec of this name is left*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_baseline_whose_spec_is_gone_is_named_under_xdist_too(here):
    """Only the workers know which folders were searched."""
    only_a_unit_test_is_left(here)
    result = here.runpytest_subprocess("-n1", "--bertbench-compare")
    result.stdout.fnmatch_lines(["*card-aaaaaaaa.json: no spec of this name is left*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_session_that_compared_nothing_is_not_green(here):
    """No spec and no baseline: the option was given, and did nothing."""
    only_a_unit_test_is_left(here)
    (here.path / "baselines" / "rolling" / "card-aaaaaaaa.json").unlink()
    result = here.runpytest_inprocess("--bertbench-compare")
    result.stdout.fnmatch_lines(["*nothing was compared*", "*--bertbench-compare was given, and no spec was coll*"])
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert here.runpytest_inprocess("--bertbench-compare", "-k", "plain").ret == 0  # one's own word
    assert here.runpytest_inprocess().ret == 0


def test_specs_beside_their_folder_and_in_it_have_one_folder_of_baselines(here):
    """Neither is taken for an orphan of the other's."""
    write_spec(here.path, "other")
    (here.path / "specs" / "other.toml").rename(here.path / "other.toml")
    here.runpytest_inprocess("specs/card.toml", "other.toml")
    for spec in ("specs/card.toml", "other.toml"):
        assert cli.run(["baseline", "accept", spec]) == cli.PASS
    result = here.runpytest_inprocess("specs/card.toml", "--bertbench-compare")
    result.assert_outcomes(passed=7)
    assert result.ret == 0


def test_nan_is_no_quality(here):
    """Anchors, row 11."""
    accept(here)
    set_runs(here, accuracy={"0": float("nan")}, bits=1)
    result = here.runpytest_inprocess("--bertbench-compare", "-k", "quality_against")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*seed 0: validation accuracy nan*"])


def test_a_session_that_ran_nothing_is_not_green(here):
    """Anchors, rows 6 and 19: options that skip the measuring pass there."""
    accept(here)
    result = here.runpytest_inprocess("--bertbench-compare", "--benchmark-only")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_run_that_failed_fails_the_comparison(here):
    accept(here)
    set_runs(here, failure={"kind": "NonFiniteLossError", "message": "nan", "phase": "steps"})
    here.runpytest_inprocess("--bertbench-compare").assert_outcomes(failed=7)


@pytest.mark.parametrize("option", ["--bertbench-compare=Nonsense!", "--bertbench-compare=rolling,rolling"])
def test_names_that_cannot_be_are_usage_errors(here, option):
    result = here.runpytest_inprocess(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_folder_that_the_option_swallowed_is_a_usage_error(here):
    result = here.runpytest_inprocess("--bertbench-compare", "specs")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*write *--bertbench-compare=rolling*"])


def test_a_declared_baseline_that_is_missing_is_no_baseline(here):
    """A folder that is called 'refrence' by mistake takes no check away, and no share of the error rate back."""
    set_runs(here, accuracy=accuracies(0.98))
    accept(here, TWENTY)
    set_runs(here, accuracy=accuracies(0.94), bits=1)
    declared = ("-o", "bertbench_baselines=rolling, reference", "-k", "quality")
    result = here.runpytest_inprocess(TWENTY, "--bertbench-compare", *declared)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*compared with rolling, reference*", "*holds no baseline of card*"])
    result.stdout.fnmatch_lines(["*and 0.0004 or less is a fail*"])
    here.runpytest_inprocess(TWENTY, "--bertbench-compare=rolling", *declared).stdout.fnmatch_lines(
        ["*and 0.0004 or less is a fail*"]
    )
    wrong = here.runpytest_inprocess("--bertbench-compare", "-o", "bertbench_baselines=rolling,rolling")
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_more_specs_than_share_the_error_rate_are_a_usage_error(here, workers):
    """Each of them would spend the share of one."""
    write_spec(here.path, "other")
    result = here.runpytest_subprocess("--bertbench-compare", *workers)
    assert result.ret != 0
    assert "2 specs are compared, and 1 gated" in f"{result.stdout}{result.stderr}"
    assert "bertbench_gated_specs = 2" in f"{result.stdout}{result.stderr}"
    assert not (here.path / "runs.log").exists()


def test_specs_that_are_not_selected_spend_nothing(here):
    write_spec(here.path, "other")
    result = here.runpytest_inprocess("--bertbench-compare", "--bertbench-specs=other", "specs")
    result.assert_outcomes(passed=5, failed=2)  # no baseline


def test_shares_are_those_of_the_project(here):
    result = here.runpytest_inprocess("--bertbench-compare", "-o", "bertbench_gated_specs=none")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*bertbench_gated_specs: 'none' was given*"])


def test_a_misspelt_setting_is_a_usage_error(here: pytest.Pytester) -> None:
    """Pytest itself only warns of it, and nothing would be shared or missed."""
    here.makeini("[pytest]\nbertbench_gate_specs = 2\n")
    result = here.runpytest_inprocess("--bertbench-compare")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*tox.ini: bertbench_gate_specs: there is no such setting*"])


# Speed in the one verdict


def speed_declared(project: pytest.Pytester, base: str) -> None:
    project.makeini(
        f"[pytest]\naddopts = -p no:cacheprovider\nbertbench_audit = false\nbertbench_speed_base = {base}\n"
    )


def test_a_declared_speed_base_is_one_more_item_and_its_absence_no_pass(here):
    """The Python is there, and has no bertbench."""
    accept(here)
    speed_declared(here, TRUE)
    result = here.runpytest_inprocess("--bertbench-compare", "--bertbench-json=out.json")
    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(
        [
            "bertbench: records in *, speed with *true",
            "*card: speed_step: no_baseline*",
            "*speed is held against *true: *did not answer*",
        ]
    )
    (spec,) = json.loads((here.path / "out.json").read_text())["specs"]
    assert (spec["checks"][-1]["name"], spec["outcome"]) == ("speed_step", "no_baseline")


def test_a_speed_base_that_there_is_not_is_a_usage_error_before_any_work(here):
    speed_declared(here, "no/such/python")
    result = here.runpytest_inprocess("--bertbench-compare")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no/such/python: is no program*"])
    assert not (here.path / "runs.log").exists()


def test_speed_that_is_left_out_today_is_not_green(here):
    accept(here)
    result = here.runpytest_inprocess("--bertbench-compare", "--bertbench-speed-base=none")
    result.assert_outcomes(passed=7, skipped=1)
    assert result.ret == 30
    result.stdout.fnmatch_lines(["*speed_step*", "*next: name one: bertbench_speed_base*", "*ends with 30*"])


def test_workers_leave_speed_undecided_for_all_of_them(here):
    accept(here)
    result = here.runpytest_subprocess("-n2", "--bertbench-compare", f"--bertbench-speed-base={sys.executable}")
    result.assert_outcomes(passed=6, skipped=2)  # the time budget too
    assert result.ret == 30
    result.stdout.fnmatch_lines(["*2 test workers share the machine, so times say nothing*"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--bertbench-speed-base=git:HEAD",), "give --bertbench-compare, too"),
        (("--bertbench-compare", "--bertbench-speed-base=card.toml"), "git:REV or path/to/python"),
        (
            ("--bertbench-compare", "--bertbench-speed-base=none", "--bertbench-speed-budget=soon"),
            "a time above 0 was exp",
        ),
        (("--bertbench-compare", "--bertbench-speed-budget=20m"), "no side to hold speed against"),
        (("--bertbench-compare", "--bertbench-speed-base="), "empty text was given"),
    ],
)
def test_a_speed_base_that_cannot_be_meant_is_a_usage_error(here, arguments: tuple[str, ...], said: str):
    result = here.runpytest_inprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}*"])
