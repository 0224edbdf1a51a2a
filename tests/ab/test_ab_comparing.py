"""From two sides to a verdict that is kept. Only the processes are not real."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from baseline_examples import made_by
from fake_sides import SPEC, FakeMachine, crash, make_facts, make_sides
from record_maker import make_record

from bertbench.ab import comparing
from bertbench.ab.comparing import Plan, compare_speed, process_sampler
from bertbench.ab.fields import AbRecord, SideName
from bertbench.ab.files import ab_path, find_ab, read_ab, write_ab
from bertbench.ab.measuring import Ran
from bertbench.ab.sides import Side
from bertbench.errors import RecordError, RecordWriteError, VerdictError
from bertbench.processes import Request


def compare(
    store: Path,
    machine: FakeMachine,
    *,
    budget: float = 86_400.0,
    gated: int = 1,
    epochs: int | None = None,
    **sides: Any,
) -> AbRecord:
    plan = Plan(budget_seconds=budget, gated_specs=gated, coin_seed=1, epochs=epochs)
    return compare_speed(make_sides(epochs=epochs, **sides), store, plan, sampler=machine, clock=machine.clock)


# The verdict


@pytest.mark.parametrize(
    ("machine", "outcome"),
    [
        (FakeMachine(slowdown=0.06), "fail"),
        (FakeMachine(slowdown=2.0), "fail"),
        (FakeMachine(), "pass"),
        (FakeMachine(slowdown=-0.3), "pass"),
        (FakeMachine(failures={("cand", 3): crash()}), "fail"),
        (FakeMachine(failures={("base", 3): crash()}), "no_baseline"),
        (FakeMachine(failures={("base", 3): crash(), ("cand", 3): crash()}), "no_baseline"),
    ],
    ids=[
        "slower",
        "three times slower",
        "unchanged",
        "faster",
        "candidate crashed",
        "baseline crashed",
        "both crashed",
    ],
)
def test_outcomes(tmp_path: Path, machine: FakeMachine, outcome: str) -> None:
    assert compare(tmp_path, machine).check.outcome == outcome


def test_too_little_time_is_undecided(tmp_path: Path) -> None:
    record = compare(tmp_path, FakeMachine(slowdown=1.0), budget=19.0)
    assert record.check.outcome == "undecided"
    assert "8 fit" in record.check.next_step


def test_a_budget_that_the_first_process_uses_up_is_undecided_with_one_that_would_do(tmp_path: Path) -> None:
    record = compare(tmp_path, FakeMachine(seconds=100.0), budget=5.0)
    assert (record.spent_seconds, record.pairs, record.check.outcome) == (100.0, (), "undecided")
    assert "9 pairs and the one that is discarded are needed: about 34 min, and 0 fit" in record.check.next_step
    assert not (tmp_path / "ab" / "attempts.jsonl").exists()
    assert read_ab(ab_path(tmp_path, record.ab_id)) == record


@pytest.mark.parametrize(("coin_seed_side", "outcome"), [("base", "no_baseline"), ("cand", "undecided")])
def test_a_crash_that_used_the_time_up_accuses_no_candidate(tmp_path: Path, coin_seed_side: str, outcome: str) -> None:
    """Had there been time, the baseline might have crashed too."""
    failures = {(side, 0): crash() for side in ("base", "cand")}
    for coin_seed in range(20):
        machine = FakeMachine(seconds=100.0, failures=failures)
        plan = Plan(budget_seconds=5.0, gated_specs=1, coin_seed=coin_seed)
        record = compare_speed(make_sides(), tmp_path, plan, sampler=machine, clock=machine.clock)
        if machine.asked == [coin_seed_side]:
            assert record.check.outcome == outcome
            return
    pytest.fail("no coin in twenty fell so")


def test_sides_on_other_data_are_no_baseline(tmp_path: Path) -> None:
    data = make_record().data
    assert data is not None
    machine = FakeMachine(records={"cand": {"data": data.model_copy(update={"sha256": "9" * 64})}})
    record = compare(tmp_path, machine)
    assert record.check.outcome == "no_baseline"
    assert "data: dddddddddddd against 999999999999" in record.check.reason
    assert len(machine.asked) == 2


def test_disturbed_pairs_are_told_with_the_verdict(tmp_path: Path) -> None:
    record = compare(tmp_path, FakeMachine(disturbed={("cand", 4)}))
    assert record.check.outcome == "pass"
    assert "Disturbed: 1 of 9 pairs (baseline 0, candidate 1); 1 measured again" in record.check.reason


def test_equal_bits_are_told(tmp_path: Path) -> None:
    assert "the same bits on both sides" in compare(tmp_path, FakeMachine()).check.reason


def test_the_error_rate_is_shared(tmp_path: Path) -> None:
    assert compare(tmp_path, FakeMachine(), gated=5).rule.alpha == pytest.approx(0.001)
    with pytest.raises(VerdictError):
        compare(tmp_path, FakeMachine(), gated=0)


# What is kept


def test_everything_is_kept_and_read_back(tmp_path: Path) -> None:
    record = compare(tmp_path, FakeMachine(disturbed={("cand", 4)}))
    assert read_ab(ab_path(tmp_path, record.ab_id)) == record
    assert find_ab(tmp_path) == record
    assert find_ab(tmp_path, record.ab_id[:20]) == record
    assert len(record.pairs) == 10
    assert record.pairs[4].again is not None
    assert record.base.environment == make_record().environment
    assert (record.cand.data_sha256, record.cand.weights_sha256) == ("d" * 64, "c" * 64)
    assert (record.spent_seconds, record.coin_seed, record.seed) == (22.0, 1, 0)
    assert record.differences == ("code: 111111111111 against 222222222222",)


def test_the_newest_is_the_latest(tmp_path: Path) -> None:
    first, second = (compare(tmp_path, FakeMachine()) for _ in range(2))
    newest = max(first.ab_id, second.ab_id)
    assert find_ab(tmp_path, "latest").ab_id == newest


def test_a_comparison_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no comparison"):
        find_ab(tmp_path)
    compare(tmp_path, FakeMachine())
    with pytest.raises(RecordError, match="no comparison 'x'"):
        find_ab(tmp_path, "x")
    compare(tmp_path, FakeMachine())
    with pytest.raises(RecordError, match="2 comparisons begin with '2'"):
        find_ab(tmp_path, "2")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no comparison can be read"),
        ("[]", "no schema version"),
        ('{"schema_version": 2}', "schema version 2"),
        ('{"schema_version": 1}', "is no comparison: ab_id"),
    ],
)
def test_damage_is_reported(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "ab.json"
    path.write_text(content)
    with pytest.raises(RecordError, match=said):
        read_ab(path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    record = compare(tmp_path, FakeMachine())
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordWriteError):
        write_ab(tmp_path / "file" / "ab.json", record)


# Attempts


def test_a_second_attempt_does_not_erase_a_fail(tmp_path: Path) -> None:
    assert compare(tmp_path, FakeMachine(slowdown=0.06)).check.outcome == "fail"
    second = compare(tmp_path, FakeMachine())
    assert (second.check.outcome, [one.outcome for one in second.attempts]) == ("fail", ["fail"])
    assert "By itself this attempt is 'pass'. Attempt 2 of the same comparison (attempt 1: fail)" in second.check.reason
    third = compare(tmp_path, FakeMachine())
    assert [one.outcome for one in third.attempts] == ["fail", "pass"]


def test_a_crash_is_told_and_binds_nobody(tmp_path: Path) -> None:
    """A process that something killed once says nothing of its step time."""
    assert compare(tmp_path, FakeMachine(failures={("cand", 3): crash()})).check.outcome == "fail"
    second = compare(tmp_path, FakeMachine())
    assert second.check.outcome == "pass"
    assert "Attempt 2 of the same comparison (attempt 1: fail by a crash)" in second.check.reason


def test_a_crash_does_not_lift_the_fail_before_it(tmp_path: Path) -> None:
    compare(tmp_path, FakeMachine(slowdown=0.06))
    compare(tmp_path, FakeMachine(failures={("cand", 3): crash()}))
    assert compare(tmp_path, FakeMachine()).check.outcome == "fail"


def test_other_epochs_are_the_same_comparison(tmp_path: Path) -> None:
    """Else a fail would be shaken off by one more epoch."""
    assert compare(tmp_path, FakeMachine(slowdown=0.06)).check.outcome == "fail"
    second = compare(tmp_path, FakeMachine(), epochs=4)
    assert (second.check.outcome, len(second.attempts)) == ("fail", 1)


def test_another_candidate_is_another_comparison(tmp_path: Path) -> None:
    compare(tmp_path, FakeMachine(slowdown=0.06))
    changed = compare(tmp_path, FakeMachine(), cand={"code_sha256": "3" * 64})
    assert (changed.check.outcome, changed.attempts) == ("pass", ())


def compare_own(store: Path, factory: str, *, slowdown: float = 0.0) -> AbRecord:
    """Of an engine of one's own; the file of the candidate's factory has this digest."""
    machine = FakeMachine(slowdown=slowdown)

    def sample(name: SideName) -> Ran:
        ran = machine(name)
        assert ran.record is not None
        return ran._replace(record=made_by(ran.record, "e" * 64 if name == "base" else factory))

    return compare_speed(make_sides(), store, Plan(86_400.0, 1, 1), sampler=sample, clock=machine.clock)


def test_a_mended_factory_is_another_candidate_and_the_same_one_is_not(tmp_path: Path) -> None:
    slow = compare_own(tmp_path, "f" * 64, slowdown=0.06)
    assert (slow.check.outcome, slow.base.factory_sha256, slow.cand.factory_sha256) == ("fail", "e" * 64, "f" * 64)
    mended = compare_own(tmp_path, "d" * 64)
    assert (mended.check.outcome, mended.attempts) == ("pass", ())
    assert compare_own(tmp_path, "f" * 64).check.outcome == "fail"


def test_an_undecided_attempt_is_counted_and_decides_nothing(tmp_path: Path) -> None:
    compare(tmp_path, FakeMachine(), budget=19.0)
    second = compare(tmp_path, FakeMachine())
    assert second.check.outcome == "pass"
    assert "attempt 1: undecided" in second.check.reason


def test_a_side_that_never_completed_was_not_compared(tmp_path: Path) -> None:
    """What is not known to be the same must not hand a fail on, to the sides swapped for instance."""
    assert compare(tmp_path, FakeMachine(failures={("cand", 0): crash()})).check.outcome == "fail"
    second = compare(tmp_path, FakeMachine(failures={("base", 0): crash()}))
    assert (second.check.outcome, second.attempts) == ("no_baseline", ())
    assert compare(tmp_path, FakeMachine(failures={("cand", 3): crash()})).attempts == ()
    assert [one.outcome for one in compare(tmp_path, FakeMachine()).attempts] == ["fail"]


def interrupted_at(number: int, **machine: Any) -> FakeMachine:
    """Ctrl-C while either side's process of this number runs, from 0."""

    def steps(side: str, now: int) -> float:
        if now == number:
            raise KeyboardInterrupt
        return 0.11 if side == "cand" else 0.1

    return FakeMachine(steps=steps, **machine)


def test_an_interrupted_attempt_is_counted(tmp_path: Path) -> None:
    """Else whoever watches the times in the store could stop in time."""
    compare(tmp_path, interrupted_at(5))
    assert [one.outcome for one in compare(tmp_path, FakeMachine()).attempts] == ["undecided"]


def test_an_interrupted_comparison_is_kept_with_the_pairs_so_far(tmp_path: Path) -> None:
    record = compare(tmp_path, interrupted_at(5, disturbed={("cand", 2)}))
    assert read_ab(ab_path(tmp_path, record.ab_id)) == record
    assert (record.interrupted, record.check.outcome, record.planned_pairs) == (True, "undecided", ())
    assert [(pair.counted, pair.again is not None) for pair in record.pairs] == [
        (False, False),
        (True, False),
        (True, True),
        (True, False),
    ]
    assert record.check.reason.startswith("interrupted after 3 pairs, before anything was decided. A training step of ")
    assert "Disturbed: 1 of 3 pairs (baseline 0, candidate 1); 1 measured again" in record.check.reason
    assert record.check.next_step == "compare again, to the end; the interrupted attempt stays counted"
    assert not compare(tmp_path, FakeMachine()).interrupted


def test_an_interrupted_comparison_after_a_fail_stays_one(tmp_path: Path) -> None:
    compare(tmp_path, FakeMachine(slowdown=0.06))
    record = compare(tmp_path, interrupted_at(5))
    assert (record.interrupted, record.check.outcome) == (True, "fail")
    assert "By itself this attempt is 'undecided'" in record.check.reason


def test_of_a_comparison_that_was_interrupted_before_both_sides_completed_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        compare(tmp_path, interrupted_at(0))
    assert list(tmp_path.iterdir()) == []


# Processes


def side(tmp_path: Path, script: str) -> Side:
    return Side(make_facts(), SPEC, tmp_path, (sys.executable, "-c", script), None)


READ = "import sys; from bertbench.processes import Request; r = Request.model_validate_json(sys.stdin.read())\n"


def test_a_process_that_dies_without_a_record_is_a_crash_with_its_last_words(tmp_path: Path) -> None:
    dying = side(tmp_path, f"{READ}print('last words'); sys.exit(3)")
    ran = process_sampler({"base": dying, "cand": dying}, tmp_path / "ab")("cand")
    assert ran.record is None
    assert ran.failure is not None
    assert "last words" in ran.failure.message
    assert ran.reading.seconds > 0


def test_each_process_finds_no_tokenized_rows_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokenization is timed, and a cache would make every process but the first look fast."""
    seen: list[tuple[str, list[str]]] = []

    def run(request: Request, **started: Any) -> Any:
        cache = request.store / "cache"
        seen.append((started["command"][0], sorted(path.name for path in cache.rglob("*") if path.is_file())))
        (cache / "jax" / "a-processor").mkdir(parents=True, exist_ok=True)
        for name in ("wordpieces-0.npz", "wordpieces-1.npz", "jax/a-processor/a-program"):
            (cache / name).write_bytes(b"")
        return make_record(run_id=request.run_id)

    monkeypatch.setattr(comparing, "run_request", run)
    sample = process_sampler(make_sides(), tmp_path / "ab")
    assert [sample(name).failure for name in ("base", "cand", "cand")] == [None] * 3
    programs = ["a-program"]  # compiled once, or every process would compile them anew
    assert seen == [(sys.executable, []), (sys.executable, programs), (sys.executable, programs)]


def test_a_run_that_did_not_complete_is_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = make_record().model_copy(update={"outcome": "failed", "failure": crash("DataError", "no rows")})
    monkeypatch.setattr(comparing, "run_request", lambda *_args, **_more: failed)
    failure = process_sampler(make_sides(), tmp_path)("base").failure
    assert (failure and failure.kind, failure and failure.message) == ("DataError", "no rows")


def test_an_interrupt_is_passed_on_and_the_watch_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: Any, **_more: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(comparing, "run_request", interrupted)
    with pytest.raises(KeyboardInterrupt):
        process_sampler(make_sides(), tmp_path)("base")
