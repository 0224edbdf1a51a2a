"""What keeps bertbench itself from its work is told once, in words, and takes no verdict away."""

from __future__ import annotations

from typing import Any

import fake_runs
import pytest

from bertbench import suite
from bertbench.errors import RecordWriteError
from bertbench.record import RunRecord


@pytest.fixture
def here(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The project, in this process."""
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    project.makeconftest("")  # nothing replaces what a test puts in its place
    (project.path / "afile").write_text("a file where a folder is wanted")
    return project


def told_in_words(result: pytest.RunResult) -> bool:
    """No line of our own code, as a traceback has."""
    text = result.stdout.str() + result.stderr.str()
    return "INTERNALERROR" not in text and not any(f"{name}.py:" in text for name in ("suite", "items", "fixtures"))


def test_what_keeps_a_run_from_being_recorded_is_met_once_and_told_of_every_promise(
    here: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: with a spec of an hour, running it again for each promise would be an hour per promise."""
    asked = []

    def full(*request: Any, **_: Any) -> RunRecord:
        asked.append(request)
        raise RecordWriteError("record.json: No space left on device", remedy="free space")

    monkeypatch.setattr(suite, "run_request", full)
    result = here.runpytest_inprocess()
    result.assert_outcomes(failed=5)
    assert len(asked) == 1
    said = [line for line in result.outlines if line == "record.json: No space left on device"]
    assert len(said) == 5
    assert told_in_words(result)


def test_a_store_that_cannot_be_made_is_told_in_words(here: pytest.Pytester) -> None:
    result = here.runpytest_inprocess("--bertbench-store=afile/store")
    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines(["*afile/store/*: cannot be written: *", "*remedy: *--store*"])
    assert told_in_words(result)
    assert not (here.path / "runs.log").exists()


@pytest.mark.parametrize(
    ("options", "not_written"),
    [
        (["--bertbench-json=afile/out.json"], 1),
        (["--bertbench-logdir=afile"], 1),
        (["--bertbench-json=afile/out.json", "--bertbench-logdir=afile"], 2),
    ],
)
def test_a_view_that_cannot_be_written_takes_no_verdict_away_and_is_not_green(
    here: pytest.Pytester, options: list[str], not_written: int
) -> None:
    result = here.runpytest_inprocess(*options)
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(
        ["*identity_on_repeat*equal bits*pass*", "*bertbench: what was asked for could not be written*"]
    )
    assert len([line for line in result.outlines if "afile" in line and "cannot be written" in line]) == not_written
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert told_in_words(result)


def test_the_other_view_is_written_all_the_same(here: pytest.Pytester) -> None:
    here.runpytest_inprocess("--bertbench-json=afile/out.json", "--bertbench-logdir=logs")
    assert list((here.path / "logs" / "card").glob("*/seed-0/events*"))


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ('"specs/crad.toml"', "*specs/crad.toml*"),
        ('"specs/card.toml", seeds=(7, 7)', "*expected different seeds*"),
    ],
)
def test_a_mistake_in_a_marker_is_told_in_words(here: pytest.Pytester, marker: str, said: str) -> None:
    here.makepyfile(
        test_own=f"""
        import pytest

        @pytest.mark.bertbench({marker})
        def test_it(bertbench_record):
            pass
        """
    )
    result = here.runpytest_inprocess("test_own.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])
    assert told_in_words(result)


def test_a_store_that_cannot_be_made_fails_a_test_of_ones_own_in_words(here: pytest.Pytester) -> None:
    here.makepyfile(test_own="def test_it(bertbench): bertbench.run('specs/card.toml')")
    result = here.runpytest_inprocess("test_own.py", "--bertbench-store=afile/store")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*cannot be written*"])
    assert told_in_words(result)
