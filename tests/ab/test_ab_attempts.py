"""Attempts are counted, and a second one never erases a fail."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path

import pytest
from fake_sides import make_facts
from record_maker import make_record

from bertbench.ab.attempts import add_attempt, attempt_key, read_attempts, with_attempts
from bertbench.ab.fields import Attempt
from bertbench.errors import RecordError, RecordWriteError
from bertbench.verdict import Check, Outcome

KEY = "a" * 64


def attempt(outcome: Outcome, *, key: str = KEY, ab_id: str = "one", crashed: bool = False) -> Attempt:
    finished_at = datetime(2030, 1, 1, tzinfo=timezone.utc)
    return Attempt(key=key, ab_id=ab_id, outcome=outcome, crashed=crashed, finished_at=finished_at)


def check(outcome: Outcome) -> Check:
    return Check(
        name="speed_step", kind="comparison", outcome=outcome, observed="+1 %", promised="< 5 %", reason="so it is"
    )


def test_attempts_are_read_back_in_order_and_only_those_of_the_same_two_things(tmp_path: Path) -> None:
    assert read_attempts(tmp_path, KEY) == ()
    written = [attempt("undecided"), attempt("fail", key="b" * 64), attempt("pass", ab_id="two")]
    for one in written:
        add_attempt(tmp_path / "ab", one)
    assert read_attempts(tmp_path / "ab", KEY) == (written[0], written[2])


def test_lines_are_only_ever_added(tmp_path: Path) -> None:
    add_attempt(tmp_path, attempt("fail"))
    before = (tmp_path / "attempts.jsonl").read_bytes()
    add_attempt(tmp_path, attempt("pass"))
    after = (tmp_path / "attempts.jsonl").read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == 2


@pytest.mark.parametrize("damage", [b"{", b'{"key": "x"}', b"\xff\xfe", b"\n"])
def test_a_line_that_cannot_be_read_is_reported_for_it_may_be_a_fail(tmp_path: Path, damage: bytes) -> None:
    add_attempt(tmp_path, attempt("pass"))
    with (tmp_path / "attempts.jsonl").open("ab") as stream:
        stream.write(damage + b"\n")
    with pytest.raises(RecordError, match="restore the file"):
        read_attempts(tmp_path, KEY)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "ab").write_text("a file")
    with pytest.raises(RecordWriteError, match="cannot be written"):
        add_attempt(tmp_path / "ab", attempt("pass"))


def test_the_first_attempt_is_what_it_is() -> None:
    assert with_attempts(check("pass"), ()) == check("pass")


@pytest.mark.parametrize("outcome", ["pass", "undecided", "no_baseline"])
def test_a_fail_stays_a_fail(outcome: Outcome) -> None:
    judged = with_attempts(check(outcome), (attempt("undecided"), attempt("fail", ab_id="two")))
    assert judged.outcome == "fail"
    assert f"By itself this attempt is '{outcome}'" in judged.reason
    assert "Attempt 3 of the same comparison (attempt 1: undecided, attempt 2: fail)" in judged.reason
    assert "a fail stays a fail until what is compared changes" in judged.reason
    assert "--show two" in judged.next_step


def test_attempts_without_a_fail_are_told_and_change_nothing() -> None:
    judged = with_attempts(check("pass"), (attempt("undecided"),))
    assert (judged.outcome, judged.next_step) == ("pass", "")
    assert judged.reason.endswith("Attempt 2 of the same comparison (attempt 1: undecided)")
    assert with_attempts(check("fail"), (attempt("fail"),)).outcome == "fail"


def test_a_crash_is_told_as_such_and_does_not_bind() -> None:
    judged = with_attempts(check("pass"), (attempt("fail", crashed=True), attempt("no_baseline", crashed=True)))
    assert judged.outcome == "pass"
    assert judged.reason.endswith("(attempt 1: fail by a crash, attempt 2: no_baseline by a crash)")
    bound = with_attempts(check("pass"), (attempt("fail", crashed=True), attempt("fail", ab_id="two")))
    assert (bound.outcome, "--show two" in bound.next_step) == ("fail", True)


def test_an_attempt_of_an_older_version_did_not_say_of_crashes(tmp_path: Path) -> None:
    line = attempt("fail").model_dump_json(exclude={"crashed"})
    (tmp_path / "attempts.jsonl").write_text(f"{line}\n")
    assert read_attempts(tmp_path, KEY) == (attempt("fail"),)


def test_epochs_asked_for_are_no_part_of_what_is_compared() -> None:
    base, cand = make_facts("base", recipe_fingerprint="5" * 64), make_facts("cand", recipe_fingerprint="5" * 64)
    fewer = {"spec_fingerprint": "6" * 64}
    assert attempt_key(base.model_copy(update=fewer), cand.model_copy(update=fewer)) == attempt_key(base, cand)


def test_what_is_compared_is_recipe_rows_weights_code_and_numerics_and_not_where_it_lies() -> None:
    base, cand = make_facts("base"), make_facts("cand")
    same = attempt_key(base, cand)
    environment = make_record().environment
    assert environment is not None
    assert attempt_key(base.model_copy(update={"given": "x", "package": "/y", "interpreter": "z"}), cand) == same
    changed = (
        {"code_sha256": "3" * 64},
        {"commit": "4" * 40},
        {"recipe_fingerprint": "5" * 64},
        {"environment": environment},
        {"data_sha256": "6" * 64},
        {"weights_sha256": "7" * 64},
        {"factory_sha256": "8" * 64},
    )
    others = {attempt_key(base, cand.model_copy(update=change)) for change in changed}
    assert len(others | {same, attempt_key(cand, base)}) == 9


def test_without_a_factory_the_key_is_that_of_versions_that_knew_of_none() -> None:
    """Else every fail of theirs would be forgotten."""
    base, cand = make_facts("base"), make_facts("cand")
    known = [
        {
            "recipe": side.spec_fingerprint,
            "data": None,
            "weights": None,
            "code": side.code_sha256,
            "commit": None,
            "numerics": None,
        }
        for side in (base, cand)
    ]
    assert attempt_key(base, cand) == hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
