"""What a count says of a promise; and what all promises together say of a self-test."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selftest_examples import made_selftest

from bertbench.selftest.fault_facts import CleanFacts, FaultRow
from bertbench.selftest.figures import IntervalFacts, RateFacts
from bertbench.selftest.keeping import kept_promises, outcome_of
from bertbench.selftest.promises import DOUBTS, FALSE_ALARMS, PASSES, PROMISES, Promise
from bertbench.selftest.record import (
    EffectFacts,
    GateRow,
    ProcessFacts,
    PromiseFacts,
    SelfTest,
    TrialFacts,
    TrialsFacts,
)
from bertbench.stats import exact_rate


@pytest.mark.parametrize(
    ("promise", "count", "trials", "standing"),
    [
        (FALSE_ALARMS, 0, 1_000, "shown"),  # upper end 0.37 %
        (FALSE_ALARMS, 0, 300, "consistent"),  # 1.2 %
        (FALSE_ALARMS, 8, 300, "violated"),  # lower end 1.2 %
        (PASSES, 1_000, 1_000, "shown"),
        (PASSES, 94, 100, "consistent"),
        (PASSES, 80, 100, "violated"),
        (DOUBTS, 5, 100, "consistent"),
    ],
)
def test_a_count_shows_allows_or_contradicts(promise: Promise, count: int, trials: int, standing: str) -> None:
    assert promise.standing(exact_rate(count, trials), may_show=True) == standing


@pytest.mark.parametrize(
    ("promise", "count", "trials", "standing"),
    [
        (FALSE_ALARMS, 0, 1_000_000, "consistent"),
        (PASSES, 1_000_000, 1_000_000, "consistent"),
        (FALSE_ALARMS, 0, 300, "consistent"),
        (FALSE_ALARMS, 8, 300, "violated"),
        (PASSES, 80, 100, "violated"),
    ],
)
def test_a_simulation_allows_or_contradicts_and_shows_nothing(
    promise: Promise, count: int, trials: int, standing: str
) -> None:
    """However many trials: they cost nothing, and each is drawn from what it is meant to show."""
    assert promise.standing(exact_rate(count, trials), may_show=False) == standing


def test_promises_are_said_in_words() -> None:
    assert [promise.words for promise in PROMISES["same"]] == ["fail <= 1 %", "pass >= 95 %", "undecided <= 5 %"]


@given(st.floats(0.001, 0.2), st.integers(1, 40))
def test_checks_that_each_keep_their_part_make_a_run_that_keeps_the_whole(share: float, checks: int) -> None:
    """Independent ones: none of them fails, or all of them pass."""
    most, least = Promise("fail", at_most=share), Promise("pass", at_least=1 - share)
    part = most.of_each(checks).at_most
    assert part is not None
    assert 1 - (1 - part) ** checks == pytest.approx(share)
    rest = least.of_each(checks).at_least
    assert rest is not None
    assert rest**checks == pytest.approx(1 - share)


def test_one_check_alone_is_the_whole_run_and_of_three_each_has_a_third() -> None:
    assert FALSE_ALARMS.of_each(1) is FALSE_ALARMS
    assert [promise.of_each(3).words for promise in PROMISES["same"]] == [
        "fail <= 0.3345 %",
        "pass >= 98.3 %",
        "undecided <= 1.695 %",
    ]


def test_nan_keeps_no_promise() -> None:
    assert not FALSE_ALARMS.keeps(math.nan)
    assert not PASSES.keeps(math.nan)


def rate(count: int, trials: int = 1_000) -> RateFacts:
    return RateFacts.of(exact_rate(count, trials))


def gate_row(fail: int, passed: int, truth: str = "same") -> GateRow:
    return GateRow(
        words="w",
        truth=truth,
        fail=rate(fail),
        passed=rate(passed),
        undecided=rate(1_000 - fail - passed),
        samples=5,
    )


def standings(found: SelfTest) -> dict[tuple[str, str], str]:
    return {(one.about.split(",")[0], one.promise): one.standing for one in kept_promises(found)}


def test_a_simulated_gate_is_held_against_what_is_true() -> None:
    seen = standings(made_selftest(quality_gate=(gate_row(30, 960), gate_row(850, 20, "point"), gate_row(0, 0, ""))))
    assert seen == {
        ("quality", "fail <= 1 %"): "violated",
        ("quality", "pass >= 95 %"): "consistent",
        ("quality", "undecided <= 5 %"): "consistent",
        ("quality", "pass <= 5 %"): "consistent",
        ("quality", "fail >= 90 %"): "violated",
    }


def trials(*words: str) -> TrialsFacts:
    made = (
        TrialFacts(bank_seeds=(1,), candidate_seeds=(2,), look=4, word=word, drop_points=0.1)  # type: ignore[arg-type]
        for word in words
    )
    return TrialsFacts(candidate_class="threads", counted=tuple(made))


def test_fresh_trials_are_held_against_the_same_promises() -> None:
    seen = standings(made_selftest(trials=trials(*["fail"] * 3, *["pass"] * 7)))
    assert seen["fresh trials with class threads", "fail <= 1 %"] == "violated"
    assert seen["fresh trials with class threads", "pass >= 95 %"] == "violated"
    assert standings(made_selftest(trials=trials("pass")))["fresh trials with class threads", "fail <= 1 %"] == (
        "consistent"
    )


def test_a_trial_is_one_check_and_is_held_against_the_part_of_one() -> None:
    """Passing in 96 of 100, eight checks of a run would all pass in 72 %: the run is promised to pass in 95."""
    words = [*["pass"] * 960, *["undecided"] * 40]
    alone = standings(made_selftest(trials=trials(*words)))
    assert alone["fresh trials with class threads", "pass >= 95 %"] == "consistent"
    one_of_eight = standings(made_selftest(trials=trials(*words), gated_specs=8))
    assert one_of_eight["fresh trials with class threads", "pass >= 99.36 %"] == "violated"
    (about,) = {one.about for one in kept_promises(made_selftest(trials=trials("pass"), gated_specs=8))}
    assert about == "fresh trials with class threads, each one check of 8"


def test_a_fail_that_a_run_may_have_is_too_many_for_one_of_its_checks() -> None:
    words = [*["fail"] * 5, *["pass"] * 1_000]  # 0.5 % (0.16 to 1.2 %)
    alone = standings(made_selftest(trials=trials(*words)))
    assert alone["fresh trials with class threads", "fail <= 1 %"] == "consistent"
    one_of_ten = standings(made_selftest(trials=trials(*words), gated_specs=10))
    assert one_of_ten["fresh trials with class threads", "fail <= 0.1005 %"] == "violated"


def test_fresh_trials_may_show_what_a_simulation_may_not() -> None:
    counted = trials(*["pass"] * 1_000)
    seen = standings(made_selftest(trials=counted, quality_gate=(gate_row(0, 1_000),)))
    assert seen["fresh trials with class threads", "fail <= 1 %"] == "shown"
    assert seen["quality", "fail <= 1 %"] == "consistent"
    assert "shown" not in standings(made_selftest(speed_gate=(gate_row(0, 1_000),))).values()


def test_trials_that_share_a_bank_show_nothing_and_may_contradict() -> None:
    """They are no independent cases: the exact interval of their count is too short."""
    about = "fresh trials with class threads", "fail <= 1 %"
    shared = {"candidates_per_bank": 4}
    seen = standings(made_selftest(trials=trials(*["pass"] * 1_000).model_copy(update=shared)))
    assert seen[about] == "consistent"
    seen = standings(made_selftest(trials=trials(*["fail"] * 1_000).model_copy(update=shared)))
    assert seen[about] == "violated"


def test_one_process_with_other_bits_breaks_a_promise() -> None:
    processes = ProcessFacts(seed=0, processes=3, other_bits=(2,), step_seconds=(0.1,) * 3)
    (promise,) = kept_promises(made_selftest(processes=processes))
    assert (promise.standing, promise.note, promise.without_exception) == ("violated", "process 2", True)
    (alone,) = [processes.model_copy(update={"processes": 1, "other_bits": ()})]
    assert kept_promises(made_selftest(processes=alone)) == ()


def fault(name: str = "x", **fields: Any) -> FaultRow:
    usual: dict[str, Any] = {
        "does": "",
        "changes_numbers": True,
        "changed_numbers": True,
        "run": "pass",
        "lock": "pass",
    }
    return FaultRow(name=name, **(usual | {"identity": "equal"} | fields))


@pytest.mark.parametrize(
    ("row", "standing"),
    [
        (fault(identity="differs"), "consistent"),
        (fault(lock="fail"), "consistent"),
        (fault(run="fail", lock="", identity="", changed_numbers=None), "consistent"),
        (fault(), "violated"),
    ],
)
def test_a_fault_that_changed_a_number_must_be_seen(row: FaultRow, standing: str) -> None:
    (promise,) = kept_promises(made_selftest(faults=(row,)))
    assert promise.standing == standing
    assert promise.note == ("x" if standing == "violated" else "")


def test_a_fault_that_changed_nothing_is_no_miss() -> None:
    assert kept_promises(made_selftest(faults=(fault(changed_numbers=False), fault("y", run="")))) == ()


@pytest.mark.parametrize("untrusted", [{"lock": ""}, {"identity": ""}])
def test_where_a_layer_could_not_be_asked_nothing_was_missed(untrusted: dict[str, str]) -> None:
    rows = (fault(**untrusted), fault("y", changes_numbers=False, changed_numbers=None, identity=""))
    assert kept_promises(made_selftest(faults=rows)) == ()


def test_a_fault_of_time_alone_must_leave_the_bits_alone() -> None:
    slow = fault(changes_numbers=False, changed_numbers=False)
    (promise,) = kept_promises(made_selftest(faults=(slow,)))
    assert (promise.about, promise.standing) == ("faults of time and memory alone", "consistent")
    changed = slow.model_copy(update={"identity": "differs"})
    (promise,) = kept_promises(made_selftest(faults=(changed,)))
    assert promise.standing == "violated"


def test_faults_shown_harmful_must_fail() -> None:
    def harmful(number: int, quality: str, low: float, shown_by: str = "harm_points") -> FaultRow:
        drop = IntervalFacts(estimate=low + 1, low=low, high=low + 2, samples=40, confidence=0.95)
        return fault(f"f{number}", quality=quality, identity="differs", **{shown_by: drop})

    rows = [*(harmful(n, "pass", 1.5) for n in range(9)), harmful(9, "fail", 1.5)]
    unclear = [harmful(10, "pass", 0.9), harmful(11, "pass", 3.0, shown_by="drop_points")]
    found = made_selftest(faults=(*rows, *unclear), margin_points=1.0)
    promise = next(one for one in kept_promises(found) if "cost the margin" in one.about)
    assert (promise.seen.count, promise.seen.trials, promise.standing) == (1, 10, "violated")


def test_a_fault_that_makes_seeds_fail_is_harmful_though_it_has_no_drop() -> None:
    """Missed by quality, it is counted against the promise."""
    collapsed = fault("all-fail", identity="differs", quality="pass", harm_failed=rate(20, 20), fails_too_often=True)
    found = made_selftest(faults=(collapsed,))
    promise = next(one for one in kept_promises(found) if "to make seeds fail" in one.about)
    assert (promise.seen.count, promise.seen.trials) == (0, 1)
    caught = collapsed.model_copy(update={"quality": "fail"})
    promise = next(one for one in kept_promises(made_selftest(faults=(caught,))) if "to make seeds fail" in one.about)
    assert (promise.seen.count, promise.seen.trials) == (1, 1)
    explained = collapsed.model_copy(update={"harm_failed": rate(1, 20), "fails_too_often": False})
    assert not any("to make seeds fail" in one.about for one in kept_promises(made_selftest(faults=(explained,))))
    not_asked = collapsed.model_copy(update={"quality": ""})
    assert not any("to make seeds fail" in one.about for one in kept_promises(made_selftest(faults=(not_asked,))))


def promise(standing: str) -> PromiseFacts:
    return PromiseFacts(about="a", promise="p", seen=rate(0), standing=standing)  # type: ignore[arg-type]


CLEAN = CleanFacts(lock="pass", identity="equal", repeated_seeds=(1,))
EFFECT = EffectFacts(name="threads", equal_bits=0, shared_seeds=20)


def whole(**changes: Any) -> SelfTest:
    fields: dict[str, Any] = {
        "quality_gate": (gate_row(0, 1_000),),
        "effects": (EFFECT,),
        "processes": ProcessFacts(seed=0, processes=5, step_seconds=(0.1,) * 5),
        "trials": trials("pass"),
        "clean": CLEAN,
        "faults": (fault(),),
    }
    return made_selftest(**(fields | changes))


ALL = ("seeds", "processes", "trials", "faults", "speed")


def test_nothing_contradicted_is_a_pass() -> None:
    assert outcome_of([promise("shown"), promise("consistent")], whole(), asked=ALL) == "pass"


def test_one_violation_fails_whatever_else_is_missing() -> None:
    assert outcome_of([promise("shown"), promise("violated")], whole(trials=None), asked=ALL) == "fail"


@pytest.mark.parametrize(
    "missing",
    [
        {"quality_gate": ()},
        {"effects": ()},
        {"processes": None},
        {"processes": ProcessFacts(seed=0, processes=1, step_seconds=(0.1,))},
        {"trials": None},
        {"trials": trials()},
        {"faults": (fault(run="", identity=""),)},
        {"clean": None},
        {"clean": CLEAN.model_copy(update={"lock": "fail"})},
        {"clean": CLEAN.model_copy(update={"identity": "differs"})},
        {"interrupted": True},
    ],
)
def test_an_asked_part_that_saw_nothing_is_undecided(missing: dict[str, Any]) -> None:
    assert outcome_of([promise("shown")], whole(**missing), asked=ALL) == "undecided"


REFUSED = FaultRow(name="refused", does="", changes_numbers=True, reason="one batch an epoch")


def test_a_fault_that_the_spec_refuses_leaves_the_part_as_the_others_make_it() -> None:
    unseen = fault("y", run="", identity="")
    assert outcome_of([promise("consistent")], whole(faults=(fault(), REFUSED)), asked=ALL) == "pass"
    assert outcome_of([promise("consistent")], whole(faults=(unseen, REFUSED)), asked=ALL) == "undecided"


def test_where_every_fault_is_refused_the_other_parts_decide() -> None:
    found = whole(faults=(REFUSED,))
    assert outcome_of([promise("consistent")], found, asked=ALL) == "pass"
    assert outcome_of([], found, asked=("faults", "speed")) == "undecided"
    assert outcome_of([promise("consistent")], whole(faults=()), asked=ALL) == "undecided"
    assert outcome_of([promise("consistent")], whole(faults=(REFUSED,), clean=None), asked=ALL) == "pass"
    dirty = whole(faults=(REFUSED,), clean=CLEAN.model_copy(update={"lock": "fail"}))
    assert outcome_of([promise("consistent")], dirty, asked=ALL) == "undecided"


def test_a_part_that_was_not_asked_for_is_not_missed() -> None:
    assert outcome_of([promise("shown")], whole(trials=None), asked=("seeds", "faults")) == "pass"
    assert outcome_of([], whole(), asked=("speed",)) == "undecided"


def test_trials_that_identity_decides_are_an_answer() -> None:
    by_identity = TrialsFacts(candidate_class="", by_identity=1, note="equal bits")
    assert outcome_of([promise("shown")], whole(trials=by_identity), asked=ALL) == "pass"


@pytest.mark.parametrize(
    "nothing",
    [
        TrialsFacts(candidate_class="onednn", by_identity=1),
        TrialsFacts(candidate_class="", by_identity=1, not_measured=("onednn",)),
        TrialsFacts(candidate_class="", not_measured=("threads", "onednn")),
        TrialsFacts(candidate_class=""),
    ],
)
def test_where_identity_does_not_decide_for_all_and_no_trial_ran_nothing_was_seen(nothing: TrialsFacts) -> None:
    """A class that changes bits was not tried, or it is not known whether one does."""
    assert outcome_of([promise("shown")], whole(trials=nothing), asked=ALL) == "undecided"
