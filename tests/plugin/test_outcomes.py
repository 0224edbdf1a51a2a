"""What a promise kept, broken or undecided looks like to pytest, JUnit and the exit status."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
from spec_files import write_spec


def set_runs(project: pytest.Pytester, **fake: object) -> None:
    (project.path / "fake.json").write_text(json.dumps(fake))


def runs(project: pytest.Pytester) -> list[str]:
    return (project.path / "runs.log").read_text().split("\n")[:-1]


def test_kept_promises_pass_with_one_run_and_one_repeat(project):
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=5)
    assert result.ret == 0
    assert len(runs(project)) == 2


def test_the_table_shows_every_promise_with_its_numbers(project):
    result = project.runpytest_subprocess()
    result.stdout.fnmatch_lines(
        [
            "*validation_accuracy_every_seed*0.9900*>= 0.9700*pass*",
            "*identity_on_repeat*equal bits*pass*",
            "5 promises of 1 benchmark: 5 pass",
        ]
    )


def test_a_missed_threshold_is_a_test_failure_in_words_and_in_junit(project):
    """pytest-benchmark reports a regression as an exception in the summary; JUnit then says failures=0."""
    set_runs(project, accuracy={"1": 0.9})
    result = project.runpytest_subprocess("--junitxml=junit.xml")
    result.assert_outcomes(passed=4, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*1 of 2 seeds missed it: seed 1: 0.9000*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    suite = ET.parse(project.path / "junit.xml").getroot().find("testsuite")
    assert suite.attrib["failures"] == "1"
    case = next(case for case in suite if case.attrib["name"] == "validation_accuracy_every_seed")
    properties = {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}
    assert properties["bertbench_observed"] == "0.9000"
    assert properties["bertbench_promised"] == ">= 0.9700"
    assert properties["bertbench_observed_value"] == "0.9"
    assert properties["bertbench_promised_value"] == "0.97"
    assert case.attrib["classname"] == "specs.card.toml"


def properties_of(project: pytest.Pytester, name: str) -> dict[str, str]:
    """What JUnit says of one promise."""
    cases = ET.parse(project.path / "junit.xml").getroot().iter("testcase")
    case = next(case for case in cases if case.attrib["name"] == name)
    return {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}


def test_junit_has_observed_and_promised_numbers_in_full_where_there_are_any(project):
    """The table rounds to four digits, and a time to three; what a machine reads is not rounded."""
    set_runs(project, accuracy={"0": 97 / 99, "1": 98 / 99})
    project.runpytest_subprocess("--junitxml=junit.xml", "--bertbench-json=out.json")
    threshold, budget = (
        properties_of(project, name) for name in ("validation_accuracy_every_seed", "budget_step_seconds")
    )
    assert (threshold["bertbench_observed"], threshold["bertbench_observed_value"]) == ("0.9798", repr(97 / 99))
    checks = {
        check["name"]: check for check in json.loads((project.path / "out.json").read_text())["specs"][0]["checks"]
    }
    for name, properties in (("validation_accuracy_every_seed", threshold), ("budget_step_seconds", budget)):
        assert float(properties["bertbench_observed_value"]) == checks[name]["observed_value"]
        assert float(properties["bertbench_promised_value"]) == checks[name]["promised_value"]
    assert properties_of(project, "run").keys().isdisjoint({"bertbench_observed_value", "bertbench_promised_value"})


def test_junit_and_json_have_the_numbers_of_an_identity_that_differs(project):
    set_runs(project, differs=True, loss_from_step={"2": 0.25})
    project.runpytest_subprocess("--junitxml=junit.xml", "--bertbench-json=out.json")
    properties = properties_of(project, "identity_on_repeat")
    [spec] = json.loads((project.path / "out.json").read_text())["specs"]
    [check] = [check for check in spec["checks"] if check["name"] == "identity_on_repeat"]
    assert (check["numbers"]["differing_seed"], check["numbers"]["first_differing_step"]) == (0, 2)
    assert check["numbers"]["loss_difference"] > 0
    for name, number in check["numbers"].items():
        assert properties[f"bertbench_{name}"] == str(number)


def test_nan_never_passes(project):
    set_runs(project, accuracy={"0": float("nan")})
    project.runpytest_subprocess().assert_outcomes(passed=4, failed=1)


def test_other_bits_in_the_repeat_fail_identity(project):
    set_runs(project, differs=True)
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["*seed 0: losses and predictions and weights differ*"])


def test_a_hyperparameter_that_drifted_is_named_with_both_values(project):
    """A default that an upgrade changed, say."""
    set_runs(project, live={"dtype_policy": "mixed_float16"})
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["*seeds 0-1: training.precision: 'float32' by the spec, 'mixed_float16' live*"])


def test_a_failed_run_fails_every_promise_and_is_not_run_again(project):
    set_runs(project, failure={"kind": "NonFiniteLossError", "message": "loss is nan at step 7", "phase": "steps"})
    result = project.runpytest_subprocess()
    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines(["*NonFiniteLossError in phase steps: loss is nan at step 7*"])
    assert len(runs(project)) == 1


def test_a_lone_promise_runs_the_spec_too(project):
    result = project.runpytest_subprocess("specs/card.toml::validation_accuracy_every_seed")
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("dist", ["load", "loadfile", "loadgroup", "each", "worksteal"])
def test_one_run_per_spec_whatever_xdist_does(project, dist):
    """Also with `--dist each`, where every worker asks for every item."""
    write_spec(project.path, "other")
    result = project.runpytest_subprocess("-n2", f"--dist={dist}", "--bertbench-json=out.json")
    assert sorted(line.split()[0] for line in runs(project)) == ["card"] * 2 + ["other"] * 2
    assert result.ret == 0
    assert [spec["name"] for spec in json.loads((project.path / "out.json").read_text())["specs"]] == ["card", "other"]
    result.stdout.fnmatch_lines(["*10 promises of 2 benchmarks: 2 undecided, 8 pass"])


def test_time_budgets_are_undecided_under_several_workers(project):
    result = project.runpytest_subprocess("-n2")
    result.assert_outcomes(passed=4, skipped=1)
    result.stdout.fnmatch_lines(["*2 test workers shared the machine*"])


def test_undecided_fails_under_strict(project):
    result = project.runpytest_subprocess("-n2", "--bertbench-strict")
    result.assert_outcomes(passed=4, failed=1)


def test_absent_data_is_skipped_with_the_remedy_and_a_session_of_only_that_is_not_green(project):
    write_spec(project.path, "absent")
    spec = project.path / "specs" / "absent.toml"
    spec.write_text(spec.read_text().replace("[data]", '[data]\nwhen_absent = "skip"'))
    set_runs(project, failure={"kind": "DataAbsentError", "message": "set BERTBENCH_DATA", "phase": "data"})
    result = project.runpytest_subprocess("specs/absent.toml")
    result.assert_outcomes(skipped=5)
    result.stdout.fnmatch_lines(["*absent: skipped: set BERTBENCH_DATA*", "*nothing was measured*"])
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_benchmark_only_skips_all_items_and_is_not_green(project):
    """pytest-benchmark's option skips every item that is not its own and exits 0."""
    result = project.runpytest_subprocess("--benchmark-only")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["*5 items of spec files were collected and none ran*"])


SKIP_ALL = """
import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.skip("not today"))
"""


def test_a_conftest_that_skips_all_items_is_not_green_under_xdist_either(project):
    """There the workers collect, and the controller, which has seen no item, judges."""
    project.makepyfile(**{"specs/conftest": SKIP_ALL})
    result = project.runpytest_subprocess("-n2")
    result.assert_outcomes(skipped=5)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["*5 items of spec files were collected and none ran*"])


def test_deselecting_by_ones_own_word_is_green(project):
    project.makepyfile(test_plain="def test_plain(): pass")
    assert project.runpytest_subprocess("-k", "plain").ret == 0


def test_json_is_written_and_says_what_the_table_says(project):
    set_runs(project, accuracy={"1": 0.9})
    project.runpytest_subprocess("--bertbench-json=deep/out.json")
    summary = json.loads((project.path / "deep" / "out.json").read_text())
    assert summary["schema_version"] == 1
    assert summary["outcome"] == "fail"
    checks = {check["name"]: check for check in summary["specs"][0]["checks"]}
    assert checks["validation_accuracy_every_seed"]["observed_value"] == 0.9
    assert checks["identity_on_repeat"]["outcome"] == "pass"


def test_logs_and_records_go_where_options_say(project):
    project.runpytest_subprocess("--bertbench-store=records", "--bertbench-logdir=logs")
    assert len(list((project.path / "records" / "runs").iterdir())) == 2
    assert list((project.path / "logs" / "card").glob("*/seed-0/events*"))
    assert not (project.path / ".bertbench").exists()


def test_sessions_leave_no_locks_behind(project):
    project.runpytest_subprocess("-n2")
    assert list((project.path / ".bertbench" / "sessions").iterdir()) == []
