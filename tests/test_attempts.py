"""A second attempt never erases a fail: what was judged is written down, line by line, and what is doubtful refused."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.attempts import FILE, Attempt, Ledger
from bertbench.errors import RecordError

NOON = datetime(2030, 1, 2, 12, tzinfo=timezone.utc)


def attempt(run: str, outcome: Any = "pass", **changes: Any) -> Attempt:
    fields: dict[str, Any] = {
        "at": NOON,
        "spec": "card",
        "spec_fingerprint": "f" * 64,
        "numerics_fingerprint": "a" * 64,
        "baseline": "rolling",
        "baseline_sha256": "b" * 64,
        "git_commit": "c" * 40,
        "git_dirty": False,
        "runs": (run, f"{run}-further"),
        "outcome": outcome,
        "observed": "fell by 2.00 points",
    }
    return Attempt(**fields | changes)


def standing(folder: Path, run: str, name: str = "rolling", digest: str = "b" * 64) -> tuple[int, str | None] | None:
    """Number of the attempt, and the run of its kind that failed."""
    found = Ledger(folder).standing((run, f"{run}-further"), name, digest)
    return found and (found.number, found.failed.runs[0] if found.failed else None)


def test_attempts_at_one_commit_are_counted_and_a_fail_stays(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "store")
    for run, outcome in (("one", "pass"), ("two", "fail"), ("three", "pass")):
        ledger.add([attempt(run, outcome)])
    folder = tmp_path / "store"
    assert [standing(folder, run) for run in ("one", "two", "three")] == [(1, "two"), (2, "two"), (3, "two")]
    assert standing(folder, "unknown") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": "other"},
        {"spec_fingerprint": "0" * 64},
        {"baseline": "reference"},
        {"baseline_sha256": "0" * 64},
        {"git_commit": "0" * 40},
        {"git_dirty": True},
    ],
)
def test_another_commit_recipe_or_baseline_starts_anew(tmp_path: Path, changes: dict[str, Any]) -> None:
    ledger = Ledger(tmp_path)
    ledger.add([attempt("one", "fail", **changes), attempt("two")])
    assert standing(tmp_path, "two") == (1, None)


@pytest.mark.parametrize("tree", [{"git_dirty": True}, {"git_commit": None, "git_dirty": None}])
def test_a_tree_that_nobody_can_name_is_counted_and_binds_nobody(tmp_path: Path, tree: dict[str, Any]) -> None:
    Ledger(tmp_path).add([attempt("one", "fail", **tree), attempt("two", **tree)])
    assert standing(tmp_path, "two") == (2, None)


@pytest.mark.parametrize(("changes", "bound"), [({}, "old"), ({"git_commit": "0" * 40}, None), ({"spec": "b"}, None)])
def test_a_fail_of_the_first_schema_binds_whatever_its_digest_of_the_baseline(
    tmp_path: Path, changes: dict[str, Any], bound: str | None
) -> None:
    """Its digest was of another text, and nobody knows whether the baseline was this one."""
    Ledger(tmp_path).add([attempt("old", "fail", schema_version=1, baseline_sha256="0" * 64, **changes)])
    Ledger(tmp_path).add([attempt("new")])
    assert standing(tmp_path, "new") == (2 if bound else 1, bound)


def test_an_undecided_attempt_binds_nobody(tmp_path: Path) -> None:
    Ledger(tmp_path).add([attempt("one", "undecided"), attempt("two")])
    assert standing(tmp_path, "two") == (2, None)


def test_other_numerics_are_no_way_round_a_fail(tmp_path: Path) -> None:
    """A re-run on another processor of hosted CI is another numerics, at the same commit."""
    Ledger(tmp_path).add([attempt("one", "fail", numerics_fingerprint="0" * 64), attempt("two")])
    assert standing(tmp_path, "two") == (2, "one")


def test_a_fail_binds_whatever_was_judged_first(tmp_path: Path) -> None:
    """Else one of two runs could be judged when it is known which."""
    Ledger(tmp_path).add([attempt("one"), attempt("two", "fail", at=NOON + timedelta(hours=1))])
    assert standing(tmp_path, "one") == (1, "two")


def test_the_same_runs_judged_again_are_no_new_attempt(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for run in ("one", "two", "one", "two"):
        ledger.add([attempt(run, at=NOON + timedelta(hours=len(ledger.attempts())))])
    assert [one.runs[0] for one in ledger.attempts()] == ["one", "two"]
    ledger.add([attempt("one", "fail")])  # with a larger share: not another attempt either, but known
    assert standing(tmp_path, "one") == (1, "one")
    assert standing(tmp_path, "two") == (2, "one")


def test_nothing_to_add_writes_nothing(tmp_path: Path) -> None:
    Ledger(tmp_path / "store").add([])
    assert not (tmp_path / "store").exists()
    assert Ledger(tmp_path / "store").attempts() == ()


@given(st.lists(st.sampled_from(["pass", "fail", "undecided"]), min_size=1, max_size=6))
def test_whatever_came_before_stays_as_it_was_and_the_first_fail_binds_all(
    tmp_path_factory: pytest.TempPathFactory, outcomes: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("store")
    ledger = Ledger(folder)
    seen = ""
    for number, outcome in enumerate(outcomes):
        ledger.add([attempt(f"run{number}", outcome)])
        text = (folder / FILE).read_text()
        assert text.startswith(seen)
        seen = text
        bound = f"run{outcomes.index('fail')}" if "fail" in outcomes[: number + 1] else None
        assert standing(folder, f"run{number}") == (number + 1, bound)


@pytest.mark.parametrize("line", ["", "{", "{}", json.dumps({"schema_version": 2})])
def test_a_line_that_cannot_be_read_may_have_been_a_fail(tmp_path: Path, line: str) -> None:
    ledger = Ledger(tmp_path)
    ledger.add([attempt("one")])
    with (tmp_path / FILE).open("a") as stream:
        stream.write(f"{line}\n")
    with pytest.raises(RecordError, match="line 2 cannot be read") as caught:
        ledger.attempts()
    assert "failed before" in caught.value.remedy
    with pytest.raises(RecordError):
        ledger.add([attempt("two")])
