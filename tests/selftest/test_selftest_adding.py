"""Self-tests of several days as one: what is counted, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_maker import make_spec
from scipy.stats import binomtest
from selftest_examples import made_selftest

from bertbench.errors import VerdictError
from bertbench.record import EnvironmentFacts
from bertbench.selftest.adding import added_up
from bertbench.selftest.fault_facts import CleanFacts, FaultRow, UnchangedSpeed
from bertbench.selftest.figures import IntervalFacts, RateFacts
from bertbench.selftest.record import GateRow, PromiseFacts, SelfTest, TrialFacts, TrialsFacts
from bertbench.stats import exact_rate

CLEARED = CleanFacts(lock="pass", identity="equal", repeated_seeds=(1, 2))
ROW = {"does": "Does it.", "changes_numbers": True, "changed_numbers": True}


def trials(*words: str, first_seed: int = 1, other: str = "onednn", candidates_per_bank: int = 1) -> TrialsFacts:
    """Of 24 seeds each."""
    counted = [
        TrialFacts(
            bank_seeds=tuple(range(start, start + 20)),
            candidate_seeds=tuple(range(start + 20, start + 24)),
            look=4,
            word=word,
            drop_points=0.0,
        )
        for start, word in zip(range(first_seed, first_seed + 24 * len(words), 24), words, strict=True)
    ]
    return TrialsFacts(candidate_class=other, counted=tuple(counted), candidates_per_bank=candidates_per_bank)


def environment(**numerics: Any) -> EnvironmentFacts:
    facts = {"libraries": {"keras": "3.15.1"}, "threads": 1}
    return EnvironmentFacts(
        numerics=facts | numerics, machine={}, numerics_fingerprint="n" * 64, machine_fingerprint="m" * 64
    )


def fault(name: str, quality: str = "fail", harm_low: float | None = None, **changes: Any) -> FaultRow:
    harm = None if harm_low is None else IntervalFacts(estimate=9, low=harm_low, high=10, samples=20, confidence=0.95)
    seen: dict[str, Any] = {"run": "pass", "lock": "fail", "identity": "differs", "caught_by": "lock", "seeds": 40}
    return FaultRow(name=name, **(ROW | seen | {"quality": quality, "harm_points": harm} | changes))


def report(name: str, **changes: Any) -> SelfTest:
    return made_selftest(selftest_id=name, environment=environment(), **changes)


def promise(total: SelfTest, words: str) -> PromiseFacts:
    (found,) = [one for one in total.promises if one.promise == words]
    return found


def test_trials_are_counted_together_with_the_exact_interval_of_the_sum() -> None:
    total = added_up(
        [
            report("one", trials=trials(*["pass"] * 50)),
            report("two", trials=trials(*["pass"] * 47, "fail", "undecided", "undecided", first_seed=5_001)),
        ]
    )
    seen = promise(total, "fail <= 1 %")
    assert (seen.seen.count, seen.seen.trials) == (1, 100)
    by_scipy = binomtest(1, 100).proportion_ci(0.95, method="exact")
    assert (seen.seen.low, seen.seen.high) == pytest.approx((by_scipy.low, by_scipy.high))
    assert promise(total, "pass >= 95 %").seen.count == 97
    assert total.outcome == "pass"


@given(st.lists(st.lists(st.sampled_from(["fail", "pass", "undecided"]), max_size=6), min_size=1, max_size=4))
def test_the_sum_holds_every_trial_of_every_report_once(words: list[list[str]]) -> None:
    given_reports = [report(f"{n}", trials=trials(*some, first_seed=1 + 1_000 * n)) for n, some in enumerate(words)]
    if not any(words):
        with pytest.raises(VerdictError, match="no self-test that was given has fresh trials or faults"):
            added_up(given_reports)
        return
    total = added_up(given_reports)
    assert total.trials is not None
    assert [trial.word for trial in total.trials.counted] == [word for some in words for word in some]


def test_enough_trials_show_a_promise_that_each_report_alone_left_open() -> None:
    parts = [report(f"{n}", trials=trials(*["pass"] * 100, first_seed=1 + 3_000 * n)) for n in range(4)]
    assert promise(added_up(parts[:1]), "fail <= 1 %").standing == "consistent"
    assert promise(added_up(parts), "fail <= 1 %").standing == "shown"


def test_a_violated_promise_fails_the_sum_whatever_the_others_said() -> None:
    bad = report("bad", trials=trials(*["fail"] * 10, first_seed=9_001))
    total = added_up([report("good", trials=trials(*["pass"] * 50)), bad])
    assert promise(total, "fail <= 1 %").standing == "violated"
    assert total.outcome == "fail"


def test_with_one_report_of_shared_banks_the_sum_shows_nothing() -> None:
    parts = [report(f"{n}", trials=trials(*["pass"] * 100, first_seed=1 + 3_000 * n)) for n in range(4)]
    shared = report("shared", trials=trials("pass", first_seed=90_001, candidates_per_bank=10))
    assert promise(added_up([*parts, shared]), "fail <= 1 %").standing == "consistent"


def test_what_was_simulated_is_not_added() -> None:
    simulated = GateRow(
        words="nothing changed",
        truth="same",
        fail=RateFacts.of(exact_rate(900, 1_000)),
        passed=RateFacts.of(exact_rate(50, 1_000)),
        undecided=RateFacts.of(exact_rate(50, 1_000)),
        samples=4,
    )
    total = added_up([report("one", trials=trials("pass"), quality_gate=(simulated,))])
    assert total.quality_gate == ()
    assert {one.about for one in total.promises} == {"fresh trials with class onednn"}


def test_harmful_faults_of_all_reports_are_held_against_the_power() -> None:
    caught = [fault(f"f{n}", harm_low=2.0) for n in range(20)]
    total = added_up(
        [
            report("one", faults=tuple(caught[:12]), clean=CLEARED),
            report("two", faults=(*caught[12:], fault("missed", "pass", harm_low=2.0)), clean=CLEARED),
        ]
    )
    seen = promise(total, "fail >= 90 %")
    assert (seen.seen.count, seen.seen.trials, seen.standing) == (20, 21, "consistent")
    assert total.outcome == "pass"


def test_a_fault_that_one_report_had_no_time_for_is_the_row_of_another() -> None:
    not_run = FaultRow(name="late", **ROW)
    refused = FaultRow(name="idle", **ROW, reason="it decays nothing")
    total = added_up(
        [
            report("one", faults=(fault("first"), not_run, refused), clean=CLEARED),
            report("two", faults=(fault("late"), refused), clean=CLEARED),
        ]
    )
    assert [(row.name, bool(row.caught_by)) for row in total.faults] == [
        ("first", True),
        ("late", True),
        ("idle", False),
    ]


def test_faults_that_no_report_had_time_for_leave_the_trials_to_decide() -> None:
    not_run = FaultRow(name="late", **ROW)
    only_planned = report("one", faults=(not_run,), trials=trials(*["pass"] * 50))
    assert added_up([only_planned]).outcome == "pass"
    with pytest.raises(VerdictError, match="nothing else adds up"):
        added_up([report("one", faults=(not_run,))])


def test_a_fault_put_in_twice_counts_twice() -> None:
    total = added_up(
        [
            report("one", faults=(fault("same", harm_low=2.0),), clean=CLEARED),
            report("two", faults=(fault("same", "pass", harm_low=2.0),), clean=CLEARED),
        ]
    )
    assert [row.quality for row in total.faults] == ["fail", "pass"]
    assert promise(total, "fail >= 90 %").seen.trials == 2


def test_pairs_of_all_reports_are_counted_together() -> None:
    slow = FaultRow(
        name="slow",
        does="Slow.",
        changes_numbers=False,
        slows_median_step=True,
        median_step_slower_by=0.1,
        speed="fail",
        caught_by="speed",
    )
    unchanged = UnchangedSpeed(word="pass", pairs=9, could_fail=True)
    parts = [report(f"{n}", faults=(slow,), unchanged_speed=(unchanged,)) for n in range(3)]
    total = added_up(parts)
    assert promise(total, "fail <= 1 %").seen.trials == 3
    assert promise(total, "fail >= 95 %").seen.count == 3
    for word, outcome in (("fail", "pass"), ("pass", "undecided")):
        rows = (fault("first"), slow.model_copy(update={"speed": word}))
        assert added_up([report("one", faults=rows, clean=CLEARED)]).outcome == outcome


def test_faults_that_make_seeds_fail_count_as_harmful_in_the_sum() -> None:
    twenty = RateFacts.of(exact_rate(20, 20))
    collapsed = fault("collapsed", harm_failed=twenty, fails_too_often=True)
    total = added_up(
        [
            report("one", faults=(collapsed,), clean=CLEARED),
            report("two", faults=(fault("costly", harm_low=2.0),), clean=CLEARED),
        ]
    )
    assert promise(total, "fail >= 90 %").seen.trials == 2


def test_classes_of_equal_bits_are_not_counted_once_a_report() -> None:
    both = [
        report(f"{n}", trials=trials("pass", first_seed=1 + 100 * n).model_copy(update={"by_identity": 1}))
        for n in range(2)
    ]
    total = added_up(both)
    assert total.trials is not None
    assert total.trials.by_identity == 1


def test_clean_runs_that_one_report_did_not_clear_leave_the_faults_undecided() -> None:
    not_cleared = CLEARED.model_copy(update={"identity": "differs", "reason": "bits differ"})
    total = added_up(
        [
            report("one", faults=(fault("first"),), clean=CLEARED),
            report("two", faults=(fault("second", identity=""),), clean=not_cleared),
        ]
    )
    assert total.outcome == "undecided"
    assert total.clean == not_cleared


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"spec_fingerprint": "0" * 64}, "recipe: ffffffffffff against 000000000000"),
        ({"gated_specs": 3}, "gated specs: 1 against 3"),
        ({"margin_points": 2.0}, "margin in points: 1.0 against 2.0"),
        ({"bertbench_version": "0.2.0"}, "bertbench: 0.1.0 against 0.2.0"),
        ({"environment": environment(libraries={"keras": "3.12.0"})}, "libraries.keras: 3.15.1 against 3.12.0"),
        ({"spec": make_spec(verdict={"pass_alpha": 0.02})}, "verdict.pass_alpha: 0.05 against 0.02"),
        (
            {"trials": trials("pass", first_seed=7_001, other="threads")},
            "class of the candidates: onednn against threads",
        ),
    ],
)
def test_reports_of_another_ground_are_refused_with_both_values(changes: dict[str, Any], said: str) -> None:
    one = report("one", trials=trials("pass"))
    other = report("two", trials=trials("pass", first_seed=7_001)).model_copy(update=changes)
    with pytest.raises(VerdictError, match="self-tests one and two are no samples of one thing") as refused:
        added_up([one, other])
    assert said in refused.value.message


def test_classes_of_two_reports_are_compared_though_the_first_has_no_trial() -> None:
    one, two, three = (
        report("one", faults=(fault("first"),), clean=CLEARED),
        report("two", trials=trials("pass")),
        report("three", trials=trials("pass", first_seed=7_001, other="threads")),
    )
    with pytest.raises(VerdictError, match=r"two and three .* class of the candidates: onednn against threads"):
        added_up([one, two, three])


def test_a_seed_in_trials_of_two_reports_is_refused_and_the_next_one_that_is_free_is_named() -> None:
    with pytest.raises(VerdictError, match="1 of them, such as 24") as refused:
        added_up([report("one", trials=trials("pass")), report("two", trials=trials("pass", first_seed=24))])
    assert "--first-seed 25" in refused.value.remedy


def test_a_report_given_twice_is_refused() -> None:
    one = report("one", faults=(fault("first"),), clean=CLEARED)
    with pytest.raises(VerdictError, match="self-test one was given twice"):
        added_up([one, one])
