"""Speed in the one verdict: what is measured, what is said where nothing can be, and that neither is ever a pass."""

from __future__ import annotations

import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import fake_runs
import pytest
from fake_runs import set_runs
from fake_sides import FakeMachine, crash

from bertbench import gated_speed, suite
from bertbench.ab import comparing
from bertbench.ab.files import find_ab
from bertbench.ab.sides import Side
from bertbench.attempts import Ledger
from bertbench.baseline import build_baseline, write_baseline
from bertbench.comparing import Against, wrong_rows_of
from bertbench.errors import RecordError, SideError
from bertbench.project import SpeedBase
from bertbench.report.one_verdict import comparison_tables, one_sentence
from bertbench.report.terminal import rendered
from bertbench.session import Session
from bertbench.spec import spec_fingerprint
from bertbench.store import Store
from bertbench.suite import Result, load_benchmark, run_and_compare, run_benchmark, with_comparison

SPEC = 'name = "card"\n[data]\nsource = "embedded:helpdesk"\n[training]\nseeds = [0, 1]\n'
BASE = SpeedBase("git:HEAD", 600.0)


def git(*words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run([shutil.which("git") or "git", *who, *words], capture_output=True, check=True)


class Machine(FakeMachine):
    """Also notes which sides it was given."""

    sides: dict[str, Side]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Runs pairs in no time; nothing changed, unless a test says otherwise."""
    fake = Machine()

    def sampler(sides: dict[str, Side], _folder: Path) -> Machine:
        fake.sides = sides
        return fake

    monkeypatch.setattr(comparing, "process_sampler", sampler)
    return fake


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: Machine) -> Store:
    """A repository with one spec and its baseline of twenty seeds; runs take milliseconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    Path("card.toml").write_text(SPEC)
    git("init", "-q")
    git("add", "card.toml")
    git("commit", "-qm", "first")
    store = Store(tmp_path / "store")
    ran = run_benchmark(load_benchmark(Path("card.toml"), seeds=range(20)), store, repeat=False)
    assert ran.record is not None
    write_baseline(Path("baselines"), "rolling", build_baseline([ran.record], wrong_rows=partial(wrong_rows_of, store)))
    return store


def compared(store: Store, base: SpeedBase | None = BASE, **how: Any) -> Result:
    benchmark = load_benchmark(Path("card.toml"))
    return run_and_compare(benchmark, store, Against(("rolling",), speed=base), **how)


def test_a_spec_no_slower_than_its_base_passes_with_its_numbers(store: Store) -> None:
    result = compared(store)
    check = result.checks[-1]
    assert (check.name, check.kind, check.outcome, result.outcome) == ("speed_step", "comparison", "pass", "pass")
    assert check.numbers["slowdown_low"] <= check.numbers["slowdown"] <= check.numbers["slowdown_high"]
    assert check.numbers["upper_bound"] < check.numbers["margin"] == 0.05
    assert result.speed is not None
    assert result.speed.record == find_ab(store.folder)
    assert result.speed.record.base.commit is not None
    assert result.speed.record.cand.kind == "spec"


def test_a_slower_spec_fails_the_one_verdict_and_the_sentence_says_all(store: Store, machine: Machine) -> None:
    machine.slowdown = 0.08
    result = compared(store)
    assert [check.outcome for check in result.checks[-3:]] == ["pass", "pass", "fail"]  # identity, quality, speed
    assert result.outcome == "fail"
    said = one_sentence([result])
    assert said.startswith("card got slower: A training step of the candidate takes ")
    assert "99 % interval" in said
    assert "since git:HEAD (commit " in said
    assert "next: look at what differs between the sides" in said
    tables = "".join(rendered(table, width=200, colour=False) for table in comparison_tables([result]))
    assert "step_seconds" in tables


def test_where_the_project_gates_no_speed_nothing_is_measured(store: Store, machine: Machine) -> None:
    result = compared(store, base=None)
    assert (result.speed, machine.asked) == (None, [])
    assert "speed_step" not in [check.name for check in result.checks]


@pytest.mark.parametrize(
    ("base", "how", "outcome", "said"),
    [
        (SpeedBase("none", 600.0), {}, "undecided", "no base was named, as asked for"),
        (BASE, {"workers": 2}, "undecided", "2 test workers share the machine"),
        (SpeedBase("git:nowhere", 600.0), {}, "no_baseline", "git:nowhere"),
        (SpeedBase("no/such/python", 600.0), {}, "no_baseline", "no/such/python"),
    ],
)
def test_what_cannot_be_measured_is_never_a_pass(
    store: Store, machine: Machine, base: SpeedBase, how: dict[str, int], outcome: str, said: str
) -> None:
    result = compared(store, base, **how)
    check = result.checks[-1]
    assert (check.name, check.outcome, result.outcome) == ("speed_step", outcome, outcome)
    assert said in check.reason
    assert check.next_step
    assert machine.asked == []


def test_a_spec_that_the_base_does_not_have_has_no_baseline(store: Store) -> None:
    """Fail closed: a test absent on one side."""
    Path("new.toml").write_text(SPEC.replace("card", "new"))
    benchmark = load_benchmark(Path("new.toml"))
    check = run_and_compare(benchmark, store, Against(("rolling",), speed=BASE)).checks[-1]
    assert (check.name, check.outcome) == ("speed_step", "no_baseline")
    assert "new.toml" in check.reason


def test_another_recipe_is_other_work_and_has_no_baseline(store: Store, machine: Machine) -> None:
    """A heavier recipe is no slower code, and a lighter one hides slower code."""
    Path("card.toml").write_text(SPEC + "batch_size = 4\n")
    benchmark = load_benchmark(Path("card.toml"))
    machine.records = {"cand": {"spec": benchmark.spec}}
    check = run_and_compare(benchmark, store, Against(("rolling",), speed=BASE)).checks[-1]
    assert (check.name, check.outcome) == ("speed_step", "no_baseline")
    assert "the sides do not do the same work" in check.reason


def test_a_spec_that_was_changed_since_it_ran_is_undecided(store: Store, machine: Machine) -> None:
    benchmark = load_benchmark(Path("card.toml"))
    Path("card.toml").write_text(SPEC + "batch_size = 4\n")
    check = run_and_compare(benchmark, store, Against(("rolling",), speed=BASE)).checks[-1]
    assert (check.outcome, machine.asked) == ("undecided", [])
    assert "card.toml is of another recipe than when it ran" in check.reason


def test_a_spec_file_may_be_called_anything(store: Store) -> None:
    Path("card.spec").write_text(SPEC)
    git("add", "card.spec")
    git("commit", "-qm", "another name")
    benchmark = load_benchmark(Path("card.spec"))
    assert run_and_compare(benchmark, store, Against(("rolling",), speed=BASE)).checks[-1].outcome == "pass"


@pytest.mark.parametrize("side", ["git:nowhere", "no/such/python"])
def test_a_base_that_there_is_not_is_refused_before_any_work(store: Store, side: str) -> None:
    with pytest.raises(SideError):
        gated_speed.refuse_missing_base(SpeedBase(side, 600.0), [Path("card.toml")])
    gated_speed.refuse_missing_base(SpeedBase("none", 600.0), [Path("card.toml")])
    gated_speed.refuse_missing_base(BASE, [None, Path("card.toml")])


def test_attempts_that_cannot_be_read_are_refused_before_any_work(store: Store, machine: Machine) -> None:
    (store.folder / "ab").mkdir()
    (store.folder / "ab" / "attempts.jsonl").write_text("{")
    before = fake_runs.runs()
    with pytest.raises(RecordError, match="attempts"):
        compared(store)
    assert (fake_runs.runs(), machine.asked) == (before, [])


def test_whatever_ends_the_pairs_the_attempt_at_quality_is_counted(store: Store, machine: Machine) -> None:
    def step(_side: str, _number: int) -> float:
        raise KeyboardInterrupt

    machine.steps = step
    set_runs(accuracy={str(seed): 0.5 for seed in range(20)}, bits=1)
    with pytest.raises(KeyboardInterrupt):
        compared(store)
    (attempt,) = Ledger(store.folder).attempts()
    assert attempt.outcome == "fail"


def test_a_run_that_broke_off_is_not_measured(store: Store, machine: Machine) -> None:
    set_runs(failure={"kind": "DataError", "message": "no rows", "phase": "data"})
    result = compared(store)
    assert (result.outcome, machine.asked) == ("fail", [])
    assert result.checks[-1].outcome == "undecided"
    assert "the run is failed" in result.checks[-1].reason


def test_a_crash_of_the_base_is_no_baseline(store: Store, machine: Machine) -> None:
    machine.failures = {("base", 2): crash()}
    assert compared(store).checks[-1].outcome == "no_baseline"


def test_a_spec_that_was_skipped_is_not_measured_and_not_green(store: Store, machine: Machine) -> None:
    result = Result(load_benchmark(Path("card.toml")), None, None, (), skipped="no rows\n  remedy: bring them")
    checks = with_comparison(result, store, Against(("rolling",), speed=BASE)).checks
    assert [check.outcome for check in checks] == ["undecided"] * 3
    assert ("skipped: no rows" in checks[-1].reason, checks[-1].next_step) == (True, "bring them")
    assert machine.asked == []


def test_runs_that_were_made_before_leave_speed_undecided(store: Store, machine: Machine) -> None:
    """`bertbench compare` runs nothing: a gate that was not asked does not pass."""
    ran = run_benchmark(load_benchmark(Path("card.toml")), store)
    result = with_comparison(ran, store, Against(("rolling",), speed=BASE))
    assert (result.checks[-1].outcome, result.outcome, machine.asked) == ("undecided", "undecided", [])
    assert "bertbench run SPEC --compare" in result.checks[-1].next_step


def test_both_sides_run_what_took_the_place_of_the_specs_own(store: Store, machine: Machine) -> None:
    benchmark = load_benchmark(Path("card.toml"), seeds=[3], backend="jax")
    run_and_compare(benchmark, store, Against(("rolling",), speed=BASE))
    assert {side.spec.runtime.backend for side in machine.sides.values()} == {"jax"}
    assert {side.facts.recipe_fingerprint for side in machine.sides.values()} == {spec_fingerprint(benchmark.spec)}


def test_a_fault_is_put_into_the_candidate_alone_and_its_fail_binds_nobody(store: Store, machine: Machine) -> None:
    machine.slowdown = 0.08
    result = compared(store, fault="steps-10-percent-slower")
    assert result.checks[-1].outcome == "fail"
    assert {name: side.fault for name, side in machine.sides.items()} == {
        "base": None,
        "cand": "steps-10-percent-slower",
    }
    machine.slowdown = 0.0
    machine.asked.clear()
    assert compared(store).checks[-1].outcome == "pass"


def test_a_second_attempt_does_not_erase_a_fail(store: Store, machine: Machine) -> None:
    machine.slowdown = 0.08
    assert compared(store).outcome == "fail"
    machine.slowdown = 0.0
    machine.asked.clear()
    again = compared(store).checks[-1]
    assert again.outcome == "fail"
    assert "a fail stays a fail" in again.reason


def test_an_interrupted_comparison_ends_what_asked_for_it_and_is_counted(store: Store, machine: Machine) -> None:
    def step(side: str, number: int) -> float:
        if (side, number) == ("cand", 4):
            raise KeyboardInterrupt
        return 0.1 + 0.001 * number

    machine.steps = step
    with pytest.raises(KeyboardInterrupt):
        compared(store)
    assert find_ab(store.folder).interrupted
    machine.steps = None
    machine.asked.clear()
    assert "Attempt 2 of the same comparison (attempt 1: undecided)" in compared(store).checks[-1].reason


@pytest.mark.parametrize("workers", [1, 2])
def test_every_process_of_a_session_sees_the_same_speed(store: Store, workers: int) -> None:
    against = Against(("rolling",), speed=BASE)
    one = Session(store, "s", workers=workers, against=against)
    measured = one.result(load_benchmark(Path("card.toml")))
    (seen,) = Session(store, "s", workers=workers, against=against).results()
    assert seen.checks == measured.checks
    assert seen.speed == measured.speed
    assert seen.checks[-1].outcome == ("pass" if workers == 1 else "undecided")


def test_a_comparison_that_is_gone_is_not_taken_for_a_pass(store: Store) -> None:
    with pytest.raises(RecordError, match="gone"):
        gated_speed.kept_speed(store, "gone")
