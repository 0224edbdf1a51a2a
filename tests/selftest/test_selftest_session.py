"""Whole self-tests on a machine whose truth is known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from fake_machine import FakeFault, FakeMachine, slower_steps, small_spec

from bertbench.errors import VerdictError
from bertbench.processes import Request
from bertbench.record import RunRecord
from bertbench.report.selftest_report import selftest_lines
from bertbench.selftest.classes import harmless_classes
from bertbench.selftest.fault_facts import FaultRow
from bertbench.selftest.record import SelfTest
from bertbench.selftest.session import self_test
from bertbench.selftest.settings import Settings
from bertbench.store import Store
from bertbench.suite import Benchmark

FAULTS = (
    FakeFault("labels-changed", drop_rows=6),
    FakeFault("learning-rate-up", place="spec", live={"iterations": 3}),
    FakeFault("not-a-number", place="network", crashes=True),
    FakeFault("last-batch-dropped", place="harness", new_bits=False),
    slower_steps(2),
    slower_steps(10),
)
#: Few simulated runs: what they come to is tested elsewhere.
QUICK: dict[str, Any] = {"simulated_runs": 400, "simulated_speed_runs": 50}


def run_on(machine: FakeMachine, folder: Path, seconds: float = 4_000, **settings: Any) -> SelfTest:
    found, _ = self_test(
        Benchmark(small_spec(), folder),
        folder / "out",
        Settings(seconds, **(QUICK | settings)),
        faults=machine.faults,
        runner=machine,
        clock=machine.clock,
    )
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[SelfTest, FakeMachine]:
    """All parts, with time for all; and the machine afterwards."""
    machine = FakeMachine(faults=FAULTS)
    return run_on(machine, tmp_path_factory.mktemp("whole"), most_trials=12, fault_seeds=20), machine


def row_of(found: SelfTest, name: str) -> FaultRow:
    return next(row for row in found.faults if row.name == name)


# Seeds


def test_every_class_runs_the_same_twenty_seeds(whole) -> None:
    found, _ = whole
    assert [one.name for one in found.classes] == ["own", "threads", "onednn"]
    assert [sorted(one.hits) for one in found.classes] == [list(range(1, seeds + 1)) for seeds in (40, 20, 20)]
    assert [one.changed for one in found.classes] == [
        "nothing",
        "threads 1 instead of 2",
        "oneDNN off instead of on",
    ]


def test_spread_tail_and_effect_have_intervals_that_hold_the_truth(whole) -> None:
    """The machine's seeds are normal with 0.6 points, rounded to whole rows; no class changes the mean."""
    found, _ = whole
    for one in found.classes:
        assert one.spread_points is not None
        assert one.spread_points.low < math.hypot(0.6, 0.29) < one.spread_points.high
        assert one.tail is not None
        assert one.tail.trials == len(one.hits)
    for effect in found.effects:
        assert (effect.equal_bits, effect.shared_seeds) == (0, 20)
        assert effect.drop_points is not None
        assert effect.drop_points.low < 0 < effect.drop_points.high
        assert effect.correlation is not None
        assert effect.correlation.low < 0 < effect.correlation.high


def test_the_gate_is_simulated_on_them(whole) -> None:
    found, _ = whole
    words = [row.words for row in found.quality_gate]
    assert words[0] == "nothing changed"
    assert any("class threads, at the worst" in word for word in words)
    drop = next(row for row in found.quality_gate if row.words.startswith("a drop of the margin"))
    assert drop.truth == "margin"  # on 100 rows nobody promises that it is seen
    assert drop.passed.rate < 0.1
    assert drop.fail.rate > 0.7


def test_a_ci_run_is_as_many_checks_as_there_are_gated_specs(tmp_path: Path) -> None:
    found = run_on(FakeMachine(), tmp_path, parts=("seeds", "processes"), gated_specs=3)
    for row in (found.quality_gate[0], found.speed_gate[0]):
        assert row.words == "nothing changed, 3 gated specs"


def test_random_splits_of_the_pool_check_the_code(whole, tmp_path: Path) -> None:
    """A bank of twenty leaves twenty of forty; of twenty it leaves none."""
    found, _ = whole
    assert found.code_check is not None
    assert (found.code_check.trials, found.code_check.rate < 0.01) == (2_000, True)
    assert run_on(FakeMachine(), tmp_path, seconds=400, parts=("seeds",)).code_check is None


def test_a_class_that_lowers_accuracy_is_seen(tmp_path: Path) -> None:
    found = run_on(FakeMachine(class_drop_rows=3), tmp_path, parts=("seeds",))
    for effect in found.effects:
        assert effect.drop_points is not None
        assert effect.drop_points.low > 2
    worst = next(row for row in found.quality_gate if "class threads" in row.words)
    assert worst.fail.rate > 0.9


def test_seeds_that_vary_too_much_for_the_margin_fail_the_self_test(tmp_path: Path) -> None:
    found = run_on(FakeMachine(mean_hits=80, spread_hits=4.0), tmp_path, parts=("seeds",))
    assert found.outcome == "fail"
    violated = [promise.promise for promise in found.promises if promise.standing == "violated"]
    assert "pass >= 95 %" in violated


def test_failed_seeds_are_counted_and_simulated(tmp_path: Path) -> None:
    """Half a point above always the largest class: about a fifth of the seeds end no better than it."""
    found = run_on(FakeMachine(mean_hits=52, spread_hits=1.0), tmp_path, parts=("seeds",))
    own = found.classes[0]
    assert len(own.failed_seeds) >= 4
    assert len(own.failed_seeds) + len(own.hits) == 40
    assert found.quality_gate[0].fail.rate > 0.1
    assert found.outcome == "fail"


# Processes


def test_one_seed_comes_to_the_same_bits_in_every_process(whole) -> None:
    found, _ = whole
    assert found.processes is not None
    assert (found.processes.processes, found.processes.other_bits) == (12, ())
    assert found.processes.spread is not None
    assert found.processes.spread.low < 0.01 < found.processes.spread.high
    assert [row.truth for row in found.speed_gate] == ["same", "slower", ""]


def test_on_a_noisy_machine_speed_promises_no_more_than_not_to_accuse(tmp_path: Path) -> None:
    """At a spread of 40 % nearly all comparisons are undecided: that is said, and breaks nothing."""
    found = run_on(FakeMachine(noise=0.4), tmp_path, parts=("processes",))
    assert [row.truth for row in found.speed_gate] == ["noisy", "margin", ""]
    assert found.speed_gate[0].passed.rate < 0.9
    assert [one.promise for one in found.promises if one.about.startswith("speed")] == ["fail <= 1 %", "pass <= 5 %"]
    assert found.outcome == "pass"


def test_other_bits_are_a_broken_promise(tmp_path: Path) -> None:
    found = run_on(FakeMachine(irreproducible=True), tmp_path, parts=("processes",))
    assert found.processes is not None
    assert found.processes.other_bits == tuple(range(2, 13))
    assert found.outcome == "fail"


# Trials


def test_fresh_trials_use_each_seed_once(whole) -> None:
    found, _ = whole
    assert found.trials is not None
    assert found.trials.candidate_class == "threads"
    assert len(found.trials.counted) == 12
    used = [seed for trial in found.trials.counted for seed in (*trial.bank_seeds, *trial.candidate_seeds)]
    assert len(used) == len(set(used))
    assert min(used) == 41  # the pool's seeds are none of them
    assert {trial.look for trial in found.trials.counted} <= {4, 8, 20}
    assert all(len(trial.candidate_seeds) == trial.look for trial in found.trials.counted)


def test_further_seeds_run_only_for_trials_that_ask_for_them(whole) -> None:
    found, machine = whole
    assert found.trials is not None
    asked = sum(trial.look for trial in found.trials.counted)
    ran = [
        seed
        for request in machine.requests
        if request.spec.runtime.threads == 1
        for seed in request.spec.training.seeds
        if seed > 40
    ]
    assert len(ran) == len(set(ran)) == asked


def test_trials_may_share_a_bank_and_say_so(tmp_path: Path) -> None:
    found = run_on(FakeMachine(), tmp_path, parts=("seeds", "trials"), most_trials=6, candidates_per_bank=3)
    assert found.trials is not None
    assert found.trials.candidates_per_bank == 3
    assert len({trial.bank_seeds for trial in found.trials.counted}) == 2
    candidates = [seed for trial in found.trials.counted for seed in trial.candidate_seeds]
    assert len(candidates) == len(set(candidates))


def test_a_candidate_class_that_is_worse_is_a_false_alarm(tmp_path: Path) -> None:
    """What trials are for: exchangeability, not arithmetic."""
    found = run_on(FakeMachine(class_drop_rows=4), tmp_path, parts=("seeds", "trials"), most_trials=10)
    assert found.trials is not None
    assert [trial.word for trial in found.trials.counted] == ["fail"] * 10
    assert all(trial.drop_points > 2 for trial in found.trials.counted)
    assert found.outcome == "fail"


def trials_of(machine: FakeMachine, folder: Path) -> dict[int, tuple[int, str]]:
    """Look and word of three trials, by the first seed of the candidate: 101, 121, 141; banks have 41 to 100."""
    found = run_on(machine, folder, parts=("seeds", "trials"), most_trials=3)
    assert found.trials is not None
    return {trial.candidate_seeds[0]: (trial.look, trial.word) for trial in found.trials.counted}


def test_a_trial_whose_first_seeds_end_in_nan_is_a_fail_and_the_others_go_on(tmp_path: Path) -> None:
    """As in a comparison: a seed that the spec prescribes must not fail, and the seeds after it have to run again."""
    machine = FakeMachine(nan_seeds=(122,), spread_hits=0.3)
    assert trials_of(machine, tmp_path) == {101: (4, "pass"), 121: (4, "fail"), 141: (4, "pass")}
    ran = [request.spec.training.seeds for request in machine.requests if 141 in request.spec.training.seeds]
    assert ran == [(101, 102, 103, 104, 121, 122, 123, 124, 141, 142, 143, 144), (123, 124, 141, 142, 143, 144)]


@pytest.mark.parametrize(("nan_seeds", "word_at_eight"), [(4, "fail"), (1, None)])
def test_nan_in_a_later_look_is_one_failed_seed(tmp_path: Path, nan_seeds: int, word_at_eight: str | None) -> None:
    """Four failed of eight are a fail; one is unexplained and waits for twenty, where it is explained."""
    further = [first + 4 + number for first in (101, 121, 141) for number in range(nan_seeds)]
    seen = trials_of(FakeMachine(nan_seeds=tuple(further), spread_hits=2.0), tmp_path)
    assert any(look > 4 for look, _ in seen.values())
    assert all((look, word) == (8, "fail") for look, word in seen.values() if look > 4) is (word_at_eight == "fail")
    if word_at_eight is None:
        assert 8 not in {look for look, _ in seen.values()}


def test_a_bank_that_nan_leaves_too_small_decides_nothing(tmp_path: Path) -> None:
    seen = trials_of(FakeMachine(nan_seeds=(65,), spread_hits=0.3), tmp_path)
    assert seen == {101: (4, "pass"), 121: (4, "undecided"), 141: (4, "pass")}


def test_a_trial_that_something_killed_breaks_the_part_off(tmp_path: Path) -> None:
    """Nothing is known of it, so nothing is counted."""
    found = run_on(FakeMachine(dies_after=5), tmp_path, parts=("seeds", "trials"), most_trials=3)
    part = next(part for part in found.parts if part.name == "trials")
    assert "it broke off: self-test: a run without a fault did not complete" in part.left_out
    assert found.outcome == "undecided"


def test_a_class_of_equal_bits_is_passed_over(tmp_path: Path) -> None:
    found = run_on(FakeMachine(same_bits=("threads",)), tmp_path, parts=("seeds", "trials"), most_trials=2)
    assert found.trials is not None
    assert (found.trials.candidate_class, found.trials.by_identity) == ("onednn", 1)


def test_where_no_class_changes_a_bit_identity_decides_and_nothing_is_counted(tmp_path: Path) -> None:
    machine = FakeMachine(same_bits=("threads", "onednn"))
    found = run_on(machine, tmp_path, parts=("seeds", "trials"))
    assert found.trials is not None
    assert found.trials.counted == ()
    assert found.trials.by_identity == 2
    assert "identity decides" in found.trials.note
    assert found.outcome == "pass"
    correlations = [effect.correlation for effect in found.effects]
    assert all(correlation is not None and correlation.estimate == 1.0 for correlation in correlations)


def test_ten_minutes_in_which_some_parts_saw_nothing_are_not_green(tmp_path: Path) -> None:
    """One class gives equal bits and answers for itself; the one that changes bits was not tried, and no pair was."""
    machine = FakeMachine(seed_seconds=3, same_bits=("threads",), faults=FAULTS)
    found = run_on(machine, tmp_path, seconds=600)
    assert found.trials is not None
    assert (found.trials.candidate_class, found.trials.by_identity, found.trials.counted) == ("onednn", 1, ())
    assert not any(row.speed for row in found.faults)
    assert found.outcome == "undecided"
    assert selftest_lines(found)[-1].endswith(f"Next: --budget {found.enough_minutes}m.")


def test_a_class_that_could_not_be_measured_leaves_it_open_whether_identity_decides(tmp_path: Path) -> None:
    machine = FakeMachine(same_bits=("threads",), breaks_in="onednn")
    found = run_on(machine, tmp_path, parts=("seeds", "trials"))
    assert found.trials is not None
    assert (found.trials.by_identity, found.trials.not_measured) == (1, ("onednn",))
    assert found.outcome == "undecided"
    part = next(part for part in found.parts if part.name == "trials")
    assert part.done == ""
    assert part.left_out.endswith(
        "class threads gives equal bits; class onednn was not measured, so it is not known whether it changes bits"
    )


# Faults


@pytest.mark.parametrize(
    ("name", "caught_by", "words"),
    [
        ("labels-changed", "identity", {"lock": "pass", "identity": "differs", "quality": "fail"}),
        ("learning-rate-up", "lock", {"lock": "fail", "identity": "differs", "quality": "pass"}),
        ("not-a-number", "run", {"run": "fail", "lock": "", "identity": "", "quality": ""}),
        ("last-batch-dropped", "none", {"lock": "pass", "identity": "equal", "quality": "pass"}),
        ("steps-10-percent-slower", "speed", {"lock": "pass", "identity": "equal", "speed": "fail"}),
    ],
)
def test_the_layer_that_sees_a_fault_is_named(whole, name: str, caught_by: str, words: dict[str, str]) -> None:
    found, _ = whole
    row = row_of(found, name)
    assert row.caught_by == caught_by
    assert {layer: getattr(row, layer) for layer in words} == words


def test_no_fault_is_tried_on_seed_0_alone(whole) -> None:
    """One that draws everything from seed 0 changes nothing there."""
    _, machine = whole
    assert all(0 not in request.spec.training.seeds for request in machine.requests)


def test_the_effect_of_a_fault_is_measured(whole) -> None:
    found, _ = whole
    drop = row_of(found, "labels-changed").drop_points
    assert drop is not None
    assert drop.low < 6 < drop.high
    slowdown = row_of(found, "steps-10-percent-slower").slowdown
    assert slowdown == pytest.approx(0.1, abs=0.02)


def test_a_fault_that_did_nothing_here_is_no_miss(whole) -> None:
    found, _ = whole
    assert row_of(found, "last-batch-dropped").changed_numbers is False
    seen = next(promise for promise in found.promises if "changed a number" in promise.about)
    assert (seen.seen.count, seen.seen.trials, seen.standing) == (3, 3, "consistent")


def test_a_fault_that_is_refused_was_seen_by_nobody(tmp_path: Path) -> None:
    """A run that is refused is no run that failed."""
    found = run_on(FakeMachine(faults=(FakeFault("x", refused=True), FAULTS[0])), tmp_path, parts=("faults",))
    row = row_of(found, "x")
    assert (row.run, row.caught_by, row.reason) == ("", "", "one batch an epoch")
    seen = next(promise for promise in found.promises if "changed a number" in promise.about)
    assert seen.seen.trials == 1


def test_faults_of_several_places_come_in_turn(tmp_path: Path) -> None:
    faults = tuple(FakeFault(f"{place}-{n}", place=place) for place in ("rows", "spec") for n in range(3))
    machine = FakeMachine(faults=faults)
    found = run_on(machine, tmp_path, seconds=72, parts=("faults",))
    ran = [row.name for row in found.faults if row.run]
    assert ran == ["rows-0", "spec-0", "rows-1", "spec-1"]
    assert "4 of 6 faults" in next(part.left_out for part in found.parts if part.name == "faults")


IDLE = FakeFault("idle", new_bits=False)


def test_a_lock_that_clean_runs_fail_convicts_no_fault(tmp_path: Path) -> None:
    """Else every fault would be 'caught by lock', also one that does nothing."""
    machine = FakeMachine(faults=(IDLE, FAULTS[0]), live={"iterations": 3})
    found = run_on(machine, tmp_path, parts=("faults",))
    assert found.clean is not None
    assert (found.clean.lock, found.clean.identity) == ("fail", "equal")
    assert "iterations" in found.clean.reason
    assert {row.name: (row.lock, row.identity, row.caught_by) for row in found.faults} == {
        "idle": ("", "equal", "none"),
        "labels-changed": ("", "differs", "identity"),
    }
    assert found.outcome == "undecided"


def test_bits_that_differ_without_a_fault_convict_none(tmp_path: Path) -> None:
    """Seeds 1 and 2 come to other bits each time: so does whatever a fault is put into."""
    found = run_on(FakeMachine(faults=(IDLE,), irreproducible=True), tmp_path, parts=("faults",))
    assert found.clean is not None
    assert (found.clean.lock, found.clean.identity, found.clean.repeated_seeds) == ("pass", "differs", (1,))
    (row,) = found.faults
    assert (row.identity, row.changed_numbers, row.caught_by) == ("", None, "none")
    assert found.outcome == "undecided"


def test_a_seed_that_leaks_into_the_next_is_no_fault_that_was_caught(tmp_path: Path) -> None:
    """Seed 2 came first in the pool; after seed 1 it has other bits, with a fault and without."""
    found = run_on(FakeMachine(faults=(IDLE,), leaks=True), tmp_path, parts=("seeds", "faults"), fault_seeds=4)
    assert found.clean is not None
    assert (found.clean.identity, found.clean.repeated_seeds) == ("differs", (1, 2))
    assert (row_of(found, "idle").caught_by, found.outcome) == ("none", "undecided")


def test_what_faults_are_held_against_is_clean(whole) -> None:
    found, _ = whole
    assert found.clean is not None
    assert (found.clean.lock, found.clean.identity, found.clean.reason) == ("pass", "equal", "")


def test_a_repeat_that_has_no_time_leaves_the_matrix_out(tmp_path: Path) -> None:
    found = run_on(FakeMachine(faults=(IDLE,)), tmp_path, seconds=30, parts=("faults",))
    assert (found.clean, found.outcome) == (None, "undecided")
    assert "0 of 1 faults" in next(part.left_out for part in found.parts if part.name == "faults")


def test_a_run_that_was_killed_is_no_fault_that_was_caught(tmp_path: Path) -> None:
    """Out of memory, for instance: it is neither caught nor missed."""
    faults = (FakeFault("killed", dies=True), FakeFault("not-a-number", crashes=True), FAULTS[0])
    found = run_on(FakeMachine(faults=faults), tmp_path, parts=("faults",))
    row = row_of(found, "killed")
    assert (row.run, row.caught_by, row.broke_off) == ("", "", "ProcessDied: signal SIGKILL")
    assert row_of(found, "not-a-number").caught_by == "run"
    seen = next(promise for promise in found.promises if "changed a number" in promise.about)
    assert (seen.seen.count, seen.seen.trials) == (2, 2)


def test_a_process_that_was_killed_makes_no_fault_slower(tmp_path: Path) -> None:
    dies = FakeFault("dies", changes_numbers=False, new_bits=False, median_step_slower_by=0.1, dies=True)
    found = run_on(FakeMachine(faults=(dies,)), tmp_path, parts=("speed",))
    (row,) = found.faults
    assert (row.speed, row.caught_by) == ("", "")
    assert row.broke_off == "ProcessDied: signal SIGKILL (between pairs of processes)"


def test_harm_is_shown_by_seeds_that_quality_did_not_judge(tmp_path: Path) -> None:
    """The same seeds, once lower by chance, would be chosen as harmful and then fail: that promise could not break."""
    machine = FakeMachine(faults=(FAULTS[0],))
    found = run_on(machine, tmp_path, parts=("seeds", "faults"), fault_seeds=40)
    harm = found.faults[0].harm_points
    assert harm is not None
    assert harm.samples == 40  # the last twenty of either side
    assert harm.low < 6 < harm.high
    assert any("cost the margin" in promise.about for promise in found.promises)


def test_without_seeds_to_spare_no_harm_is_shown(whole) -> None:
    """Twenty seeds with each fault are all judged."""
    found, _ = whole
    row = row_of(found, "labels-changed")
    assert (row.quality, row.harm_points) == ("fail", None)
    assert not any("cost the margin" in promise.about for promise in found.promises)


def test_without_a_bank_quality_is_not_asked(tmp_path: Path) -> None:
    found = run_on(FakeMachine(faults=FAULTS[:1]), tmp_path, parts=("faults",), fault_seeds=8)
    assert (found.faults[0].quality, found.faults[0].identity) == ("", "differs")


# The whole


def test_a_whole_self_test_passes_and_keeps_its_runs(whole) -> None:
    found, machine = whole
    assert found.outcome == "pass", [one for one in found.promises if one.standing == "violated"]
    assert found.interrupted is False
    assert all(part.done for part in found.parts)
    kept = Store(machine.requests[0].store).entries()
    assert {entry.run_id for entry in kept} == {request.run_id for request in machine.requests}


def test_no_run_holds_a_promise_of_the_spec(tmp_path: Path) -> None:
    spec = small_spec(expect=[{"quantity": "validation_accuracy", "at_least": 0.9999}])
    machine = FakeMachine()
    self_test(
        Benchmark(spec, tmp_path),
        tmp_path / "out",
        Settings(40, parts=("processes",), **QUICK),
        faults=(),
        runner=machine,
        clock=machine.clock,
    )
    assert all(request.spec.expect == () and request.spec.identity.repeat == "no" for request in machine.requests)


@pytest.mark.parametrize("seconds", [30.0, 200.0, 900.0])
def test_the_budget_is_kept(tmp_path: Path, seconds: float) -> None:
    """One process more than fits is the most that can be begun: none is, but for the first."""
    machine = FakeMachine(faults=FAULTS)
    found = run_on(machine, tmp_path, seconds=seconds)
    assert machine.now <= seconds
    assert any(part.left_out for part in found.parts)


def test_a_class_that_turns_out_slow_leaves_less_for_the_next(tmp_path: Path) -> None:
    """Planned by the first seed, 60 s for three pools; the second class takes as long as that alone."""
    machine = FakeMachine(process_seconds=1, slower_in={"threads": 3.0})
    found = run_on(machine, tmp_path, seconds=90, parts=("seeds",))
    assert [one.name for one in found.classes] == ["own", "threads"]
    assert machine.now <= 90
    assert "planned, and then too late: class onednn" in found.parts[0].left_out


def test_a_budget_for_one_seed_is_undecided(tmp_path: Path) -> None:
    found = run_on(FakeMachine(faults=FAULTS), tmp_path, seconds=12)
    assert found.outcome == "undecided"
    assert found.classes == ()
    assert all(part.left_out for part in found.parts)


@pytest.mark.parametrize("seconds", [5.0, 11.0, 12.0])
def test_where_nothing_fits_after_the_first_process_no_other_is_started(tmp_path: Path, seconds: float) -> None:
    """And the last line says which budget has room for all that was asked for; with that one nothing is left out."""
    short = FakeMachine(faults=FAULTS)
    found = run_on(short, tmp_path / "short", seconds=seconds)
    assert (len(short.requests), found.outcome) == (1, "undecided")
    assert found.enough_minutes is not None
    assert selftest_lines(found)[-1].endswith(
        f"too little was measured to say. Next: --budget {found.enough_minutes}m."
    )
    enough = FakeMachine(faults=FAULTS)
    again = run_on(enough, tmp_path / "enough", seconds=60 * found.enough_minutes)
    assert again.outcome != "undecided"
    assert again.enough_minutes is None
    assert all(row.run for row in again.faults)
    assert all(row.speed for row in again.faults if row.slows_median_step)
    assert enough.now <= 60 * found.enough_minutes


def test_a_budget_that_was_enough_is_followed_by_no_other(whole) -> None:
    found, _ = whole
    assert found.enough_minutes is None
    assert "Next" not in selftest_lines(found)[-1]


def test_pairs_that_have_become_too_late_are_not_begun(tmp_path: Path) -> None:
    """Planned by seeds of a second; in the second class they take fifteen, and of the time too little is left."""
    machine = FakeMachine(process_seconds=1, slower_in={"threads": 15.0}, faults=(slower_steps(10),))
    found = run_on(machine, tmp_path, seconds=340, parts=("seeds", "speed"))
    speed = next(part for part in found.parts if part.name == "speed")
    assert speed.planned.startswith("1 faults")
    assert speed.left_out == "planned, and then too late: 1 of them"
    assert not any(request.fault for request in machine.requests)
    assert found.enough_minutes is not None
    assert found.enough_minutes >= 10


def test_pairs_are_begun_by_what_a_process_of_their_own_class_takes(tmp_path: Path) -> None:
    """However slow the other class was: a pair never runs it."""
    machine = FakeMachine(process_seconds=1, slower_in={"threads": 15.0}, faults=(slower_steps(10),))
    found = run_on(machine, tmp_path, seconds=450, parts=("seeds", "speed"))
    assert next(part for part in found.parts if part.name == "speed").left_out == ""
    assert any(request.fault for request in machine.requests)


def test_the_same_seed_draws_the_same(tmp_path: Path) -> None:
    one, two = (run_on(FakeMachine(), tmp_path / name, parts=("seeds",)) for name in ("one", "two"))
    assert one.quality_gate == two.quality_gate
    other = run_on(FakeMachine(), tmp_path / "three", parts=("seeds",), random_seed=1)
    assert other.quality_gate != one.quality_gate


def test_an_interrupt_keeps_what_was_measured(tmp_path: Path) -> None:
    found = run_on(FakeMachine(stop_after=4), tmp_path)
    assert found.interrupted
    assert [one.name for one in found.classes] == ["own", "threads", "onednn"]
    assert found.outcome == "undecided"


@pytest.mark.parametrize(("part", "stops"), [("processes", 4), ("trials", 7), ("faults", 6)])
def test_whatever_ends_the_process_what_was_seen_is_kept(tmp_path: Path, part: str, stops: int) -> None:
    """Nothing can be done after SIGKILL, so it has to be done before."""
    kept: list[SelfTest] = []
    parts = {"processes": ("processes",), "trials": ("seeds", "trials"), "faults": ("seeds", "faults")}[part]
    machine = FakeMachine(faults=FAULTS, spread_hits=0.3)

    def killed(request: Request) -> RunRecord:
        if len(machine.requests) == stops:
            raise MemoryError
        return machine(request)

    with pytest.raises(MemoryError):
        self_test(
            Benchmark(small_spec(), tmp_path),
            tmp_path / "out",
            Settings(8_000, **(QUICK | {"parts": parts, "most_trials": 20})),
            faults=machine.faults,
            runner=killed,
            clock=machine.clock,
            keep=lambda found, _folder: kept.append(found),
        )
    last = kept[-1]
    assert (last.interrupted, last.outcome) == (True, "undecided")
    assert next(one.done for one in last.parts if one.name == part)
    seen = {
        "processes": last.processes is not None and last.processes.processes == 4,
        "trials": last.trials is not None and len(last.trials.counted) == 10,
        "faults": any(row.identity for row in last.faults),
    }
    assert seen[part]


def test_only_what_came_to_its_end_is_not_interrupted(tmp_path: Path) -> None:
    kept: list[SelfTest] = []
    machine = FakeMachine()
    found, folder = self_test(
        Benchmark(small_spec(), tmp_path),
        tmp_path / "out",
        Settings(4_000, **(QUICK | {"parts": ("processes",)})),
        faults=(),
        runner=machine,
        clock=machine.clock,
        keep=lambda found, _folder: kept.append(found),
    )
    assert (found.interrupted, kept[-1].interrupted, folder.parent) == (False, True, tmp_path / "out")
    assert [one.processes.processes for one in kept if one.processes][:3] == [2, 3, 4]


def test_an_interrupt_of_the_first_seed_is_one(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_on(FakeMachine(stop_after=0), tmp_path)


def test_a_spec_that_does_not_complete_has_nothing_to_test(tmp_path: Path) -> None:
    with pytest.raises(VerdictError, match="loss is nan") as caught:
        run_on(FakeMachine(breaks_in="own"), tmp_path)
    assert "bertbench show" in caught.value.remedy


def test_a_class_that_breaks_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = run_on(FakeMachine(breaks_in="onednn", faults=FAULTS[:1]), tmp_path, parts=("seeds", "processes", "faults"))
    seeds = next(part for part in found.parts if part.name == "seeds")
    assert "class onednn: NonFiniteLossError" in seeds.left_out
    assert [one.name for one in found.classes] == ["own", "threads"]
    assert found.quality_gate
    assert found.processes is not None
    assert found.faults[0].run == "pass"


@pytest.mark.parametrize("parts", [(), ("seed",), ("trials",)])
def test_parts_that_cannot_be_meant_are_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(VerdictError, match="parts"):
        Settings(600, parts=parts)


@pytest.mark.parametrize(
    "wrong", [{"gated_specs": 0}, {"most_trials": -1}, {"candidates_per_bank": 0}, {"fault_seeds": 0}]
)
def test_numbers_that_cannot_be_meant_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(VerdictError, match=next(iter(wrong))):
        Settings(600, **wrong)


def test_classes_are_those_that_the_machine_and_the_backend_know() -> None:
    assert [one.name for one in harmless_classes(small_spec(), cores=1)] == ["own", "threads", "onednn"]
    one_thread = small_spec(runtime={"threads": 1})
    assert [one.name for one in harmless_classes(one_thread, cores=1)] == ["own", "onednn"]
    assert harmless_classes(one_thread, cores=2)[1].spec.runtime.threads == 2
    jax = small_spec(runtime={"backend": "jax", "threads": 2})
    assert [one.name for one in harmless_classes(jax, cores=2)] == ["own", "threads"]
