"""The marker and the fixtures for tests of one's own."""

from __future__ import annotations


def test_a_test_gets_the_record_its_marker_names(project):
    tests = project.makepyfile(
        """
        import pytest

        @pytest.mark.bertbench("specs/card.toml")
        def test_last_epoch(bertbench_record):
            assert bertbench_record.seeds[0].epochs[-1].validation.accuracy == 0.99

        @pytest.mark.bertbench("specs/card.toml", seeds=(7,))
        def test_other_seeds(bertbench_record):
            assert [run.seed for run in bertbench_record.seeds] == [7]

        def test_result(bertbench):
            assert bertbench.run("specs/card.toml").outcome == "pass"
        """
    )
    result = project.runpytest_subprocess("--strict-markers", "specs", tests)
    result.assert_outcomes(passed=8)
    assert len((project.path / "runs.log").read_text().splitlines()) == 4  # two benchmarks, each with its repeat


def test_a_record_without_a_marker_is_an_error_that_says_so(project):
    project.makepyfile("def test_it(bertbench_record): pass")
    result = project.runpytest_subprocess("test_a_record_without_a_marker_is_an_error_that_says_so.py")
    result.stdout.fnmatch_lines(["*needs @pytest.mark.bertbench('file.toml')*"])
    assert result.ret != 0


def test_a_failed_run_fails_the_test_with_the_reason(project):
    (project.path / "fake.json").write_text('{"failure": {"kind": "DataError", "message": "no rows", "phase": "data"}}')
    project.makepyfile(
        """
        import pytest

        @pytest.mark.bertbench("specs/card.toml")
        def test_it(bertbench_record):
            pass
        """
    )
    result = project.runpytest_subprocess("test_a_failed_run_fails_the_test_with_the_reason.py")
    result.stdout.fnmatch_lines(["*DataError in phase data: no rows*"])
    result.assert_outcomes(errors=1)
