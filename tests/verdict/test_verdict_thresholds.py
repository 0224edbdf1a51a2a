"""Promises about quality: tables with known answers, and what no number may do."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from verdict_examples import ended, record_of, seed_with_values, threshold, with_rows

from bertbench.quantities import QUALITY, THRESHOLD_QUANTITIES, quality_of
from bertbench.verdict import judge_threshold, threshold_name

OVERS = ("every_seed", "mean", "lower_bound")


def judged(name: str, bound: float, *seeds: Sequence[float] | float, rows: int = 49, **more: Any) -> str:
    return judge_threshold(threshold(f"validation_{name}", bound, **more), record_of(name, *seeds, rows=rows)).outcome


# Every seed, and the mean


@pytest.mark.parametrize(
    ("name", "bound", "seeds", "every_seed", "mean"),
    [
        ("accuracy", 0.97, [48 / 49], "pass", "pass"),
        ("accuracy", 0.97, [47 / 49], "fail", "fail"),
        ("accuracy", 0.97, [1.0, 47 / 49], "fail", "pass"),
        ("accuracy", 0.97, [291 / 300], "pass", "pass"),
        ("accuracy", 0.9, [0.9, 0.9, 0.9], "pass", "pass"),
        ("accuracy", 0.0, [0.0], "pass", "pass"),
        ("accuracy", 1.0, [1.0, 1.0], "pass", "pass"),
        ("accuracy", 1.0, [1.0, 0.9999999], "fail", "fail"),
        ("loss", 0.2, [0.1514], "pass", "pass"),
        ("loss", 0.15, [0.1514], "fail", "fail"),
        ("loss", 0.2, [0.1, 0.25], "fail", "pass"),
        ("loss", 0.2, [0.2, 0.2], "pass", "pass"),
        ("loss", 0.0, [0.0], "pass", "pass"),
        ("macro_f1", 0.9, [0.91, 0.89], "fail", "pass"),
        ("matthews_correlation", -0.5, [-0.4, -0.6], "fail", "pass"),
        ("matthews_correlation", -1.0, [-1.0], "pass", "pass"),
    ],
)
def test_known_answers(name: str, bound: float, seeds: list[float], every_seed: str, mean: str) -> None:
    assert judged(name, bound, *seeds, over="every_seed") == every_seed
    assert judged(name, bound, *seeds, over="mean") == mean


@pytest.mark.parametrize("hits", range(245, 251))
def test_bound_written_in_decimals_is_met_by_the_rows_it_means(hits: int) -> None:
    """0.98 is not a sum of powers of two; 245 of 250 must meet it all the same, and 244 must not."""
    assert judged("accuracy", 0.98, hits / 250) == "pass"
    assert judged("accuracy", hits / 250, (hits - 1) / 250) == "fail"


def test_every_seed_names_those_that_missed() -> None:
    check = judge_threshold(threshold("validation_accuracy", 0.9), record_of("accuracy", 0.95, 0.85, 0.8, 0.9))
    assert (check.outcome, check.observed, check.observed_value) == ("fail", "0.8000", 0.8)
    assert check.promised == ">= 0.9000"
    assert check.reason == "2 of 4 seeds missed it: seed 1: 0.8500, seed 2: 0.8000"
    assert check.next_step


def test_pass_shows_the_worst_seed_and_asks_for_nothing() -> None:
    check = judge_threshold(threshold("train_loss", 0.5), record_of("loss", 0.1, 0.3, 0.2, split="train"))
    assert (check.outcome, check.observed, check.promised) == ("pass", "0.3000", "<= 0.5000")
    assert check.reason == "worst of 3 seeds is seed 1"
    assert check.next_step == ""


def test_train_and_validation_are_different_numbers() -> None:
    record = record_of("accuracy", 0.99, split="train")
    assert judge_threshold(threshold("train_accuracy", 0.9), record).outcome == "pass"
    assert judge_threshold(threshold("validation_accuracy", 0.9), record).outcome == "fail"


# Which epoch


@pytest.mark.parametrize(
    ("name", "values", "last", "best"),
    [
        ("accuracy", (0.5, 0.9, 0.7), 0.7, 0.9),
        ("loss", (0.5, 0.1, 0.3), 0.3, 0.1),
        ("matthews_correlation", (-0.5, -0.2), -0.2, -0.2),
        ("accuracy", (0.5,), 0.5, 0.5),
    ],
)
def test_last_and_best_epoch(name: str, values: tuple[float, ...], last: float, best: float) -> None:
    record = record_of(name, values)
    for epoch, expected in (("last", last), ("best", best)):
        check = judge_threshold(threshold(f"validation_{name}", 0.6, epoch=epoch), record)
        assert check.observed_value == expected


@pytest.mark.parametrize("restored", [0, 1, 2])
def test_seed_that_went_back_to_its_best_epoch_is_judged_there(restored: int) -> None:
    """Its weights are those of that epoch, whatever ran after it."""
    values = (0.5, 0.9, 0.7)
    seed = seed_with_values(0, "accuracy", values, best_epoch_restored=restored)
    record = with_rows(record_of("accuracy", 0.5), 49, (seed,))
    assert judge_threshold(threshold("validation_accuracy", 0.1), record).observed_value == values[restored]
    assert judge_threshold(threshold("validation_accuracy", 0.1, epoch="best"), record).observed_value == 0.9


def test_each_seed_is_judged_at_its_own_best_epoch() -> None:
    assert judged("accuracy", 0.9, (0.95, 0.5), (0.5, 0.91), epoch="best") == "pass"
    assert judged("accuracy", 0.9, (0.95, 0.5), (0.5, 0.91)) == "fail"


# What no number may do


@pytest.mark.parametrize("over", OVERS)
@pytest.mark.parametrize("epoch", ["last", "best"])
@pytest.mark.parametrize("quantity", THRESHOLD_QUANTITIES)
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_no_number_never_passes(quantity: str, epoch: str, over: str, broken: float, place: int) -> None:
    """pytest-benchmark's `value > limit` lets NaN through."""
    split, quality = quality_of(quantity)
    bound = {"higher": quality.low, "lower": 1e9}[quality.better]  # met by anything at all
    seeds = [(0.5, 0.5), (0.5, 0.5)]
    seeds[place] = (0.5, broken)
    check = judge_threshold(
        threshold(quantity, bound, epoch=epoch, over=over), record_of(quality.name, *seeds, split=split)
    )
    assert check.outcome == "fail"


def test_nan_of_an_early_epoch_is_no_best_epoch() -> None:
    """max() steps over NaN, depending on where it stands."""
    for values in ((math.nan, 0.9), (0.9, math.nan), (0.9, math.nan, 0.8)):
        check = judge_threshold(threshold("validation_accuracy", 0.5, epoch="best"), record_of("accuracy", values))
        assert check.outcome == "fail"
        assert "no possible value" in check.reason


@pytest.mark.parametrize(("name", "value"), [("accuracy", 1.5), ("accuracy", -0.1), ("matthews_correlation", -2.0)])
def test_impossible_value_fails_even_if_it_is_on_the_right_side(name: str, value: float) -> None:
    assert judged(name, -0.99 if name.startswith("m") else 0.0, value) == "fail"


@pytest.mark.parametrize("over", OVERS)
@pytest.mark.parametrize("outcome", ["running", "failed", "interrupted"])
def test_run_that_did_not_complete_keeps_no_promise(over: str, outcome: str) -> None:
    """However good its numbers were up to then."""
    record = ended(record_of("accuracy", 1.0, 1.0, 1.0), outcome)
    check = judge_threshold(threshold("validation_accuracy", 0.1, over=over), record)
    assert (check.outcome, check.observed) == ("fail", "-")
    assert outcome in check.reason
    assert check.next_step == f"bertbench show {record.run_id}"


@pytest.mark.parametrize("name", ["accuracy", "loss"])
@pytest.mark.parametrize("bound", [-math.inf, 0.0, math.inf, math.nan])
def test_nan_is_on_no_side_of_any_bound(name: str, bound: float) -> None:
    assert not QUALITY[name].keeps(math.nan, bound)


# The bound on the mean


def bounds(values: Sequence[float], rows: int) -> tuple[float, float]:
    """By hand: mean minus and plus t(0.95, S - 1) s / sqrt(S), with s at least 1 / (n sqrt 12)."""
    spread = max(statistics.stdev(values), 1 / (rows * math.sqrt(12)))
    half = stats.t.ppf(0.95, len(values) - 1) * spread / math.sqrt(len(values))
    return statistics.fmean(values) - half, statistics.fmean(values) + half


@pytest.mark.parametrize(
    ("seeds", "t"),
    [(2, 6.3138), (3, 2.9200), (4, 2.3534), (5, 2.1318), (10, 1.8331), (20, 1.7291)],
)
def test_half_width_is_that_of_the_t_table(seeds: int, t: float) -> None:
    """0.9 and 0.92 in turn: the spread is known by hand, t from any table."""
    values = [0.9 + 0.02 * (seed % 2) for seed in range(seeds)]
    check = judge_threshold(threshold("validation_accuracy", 0.5, over="lower_bound"), record_of("accuracy", *values))
    expected = statistics.fmean(values) - t * statistics.stdev(values) / math.sqrt(seeds)
    assert check.observed_value == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("bound", "outcome"), [(0.90, "pass"), (0.93, "undecided"), (0.95, "undecided"), (0.99, "fail")]
)
def test_pass_undecided_fail_around_the_mean(bound: float, outcome: str) -> None:
    """Mean 0.94, spread 0.02, five seeds: the 95 % bounds are 0.9209 and 0.9591."""
    values = (0.92, 0.92, 0.94, 0.96, 0.96)
    assert bounds(values, 49) == pytest.approx((0.9209, 0.9591), abs=1e-4)
    assert judged("accuracy", bound, *values, over="lower_bound") == outcome


@pytest.mark.parametrize(("bound", "outcome"), [(0.30, "pass"), (0.26, "undecided"), (0.21, "fail")])
def test_bound_of_a_loss_is_above_it(bound: float, outcome: str) -> None:
    assert judged("loss", bound, 0.23, 0.25, 0.27, 0.25, 0.25, over="lower_bound") == outcome


def test_one_seed_has_no_spread() -> None:
    record = record_of("accuracy", 1.0)
    check = judge_threshold(threshold("validation_accuracy", 0.1, over="lower_bound"), record)
    assert check.outcome == "undecided"
    assert "two or more" in check.reason
    assert check.next_step == "give training.seeds more seeds"


@pytest.mark.parametrize("rows", [49, 300, 3000])
def test_equal_accuracies_never_claim_certainty(rows: int) -> None:
    """A constant sample is significant to pyperf. Shares of rows are rounded, and rounding is a spread."""
    values = (48 / 49,) * 5
    lower, upper = bounds(values, rows)
    assert lower < values[0] < upper
    half = 2.13185 * (1 / (rows * math.sqrt(12))) / math.sqrt(5)
    assert lower == pytest.approx(values[0] - half, abs=1e-7)
    assert judged("accuracy", values[0], *values, rows=rows, over="lower_bound") == "undecided"
    assert judged("accuracy", values[0] - 0.9 * half, *values, rows=rows, over="lower_bound") == "undecided"
    assert judged("accuracy", values[0] - 1.1 * half, *values, rows=rows, over="lower_bound") == "pass"
    assert judged("accuracy", values[0] + 1.1 * half, *values, rows=rows, over="lower_bound") == "fail"


def test_the_bound_rests_on_distinct_rows_and_says_so() -> None:
    """Five equal seeds on 300 rows, 49 of them distinct: rounding is that of 49."""
    values, promise = (294 / 300,) * 5, threshold("validation_accuracy", 0.975, over="lower_bound")
    plain = judge_threshold(promise, record_of("accuracy", *values, rows=300))
    copies = judge_threshold(promise, record_of("accuracy", *values, rows=300, distinct=49))
    assert (plain.outcome, plain.observed_value) == ("pass", pytest.approx(bounds(values, 300)[0]))
    assert (copies.outcome, copies.observed_value) == ("undecided", pytest.approx(bounds(values, 49)[0]))
    assert "300 rows, 49 of them distinct" in copies.reason
    assert "distinct" not in plain.reason


@given(st.lists(st.integers(200, 300), min_size=2, max_size=8), st.integers(2, 5), st.sampled_from([0.7, 0.9, 0.97]))
def test_repeating_the_whole_row_set_leaves_the_bound(hits: list[int], times: int, bound: float) -> None:
    promise, values = threshold("validation_accuracy", bound, over="lower_bound"), [k / 300 for k in hits]
    once = judge_threshold(promise, record_of("accuracy", *values, rows=300))
    repeated = judge_threshold(promise, record_of("accuracy", *values, rows=300 * times, distinct=300))
    assert (repeated.outcome, repeated.observed_value) == (once.outcome, once.observed_value)


@pytest.mark.parametrize("name", ["loss", "macro_f1", "matthews_correlation"])
def test_equal_values_of_what_is_no_share_of_rows_are_undecided(name: str) -> None:
    """Nobody knows how finely they are rounded, so no spread means no bound, on either side."""
    for bound in (0.1, 0.9):
        record = record_of(name, 0.5, 0.5, 0.5)
        check = judge_threshold(threshold(f"validation_{name}", bound, over="lower_bound"), record)
        assert check.outcome == "undecided"
        assert "without a spread there is no bound" in check.reason
        assert "every_seed" in check.next_step


def test_spread_below_rounding_counts_as_rounding() -> None:
    values = (0.9, 0.9 + 1e-9)
    check = judge_threshold(threshold("validation_accuracy", 0.5, over="lower_bound"), record_of("accuracy", *values))
    assert check.observed_value == pytest.approx(bounds(values, 49)[0])


def test_reason_shows_mean_bound_and_seeds() -> None:
    record = record_of("accuracy", 0.92, 0.92, 0.94, 0.96, 0.96)
    check = judge_threshold(threshold("validation_accuracy", 0.93, over="lower_bound"), record)
    assert check.reason == "mean 0.9400 over 5 seeds, 95 % bound 0.9209: too few seeds to tell"


# Names


def test_names_are_different_for_promises_that_may_stand_side_by_side() -> None:
    promises = [
        threshold(quantity, 0.5, epoch=epoch, over=over)
        for quantity in THRESHOLD_QUANTITIES
        for epoch in ("last", "best")
        for over in OVERS
    ]
    names = [threshold_name(promise) for promise in promises]
    assert len(set(names)) == len(promises)
    assert "validation_accuracy_every_seed" in names
    assert "validation_loss_best_epoch_lower_bound" in names


# Properties

ACCURACIES = st.lists(st.integers(0, 49).map(lambda hits: hits / 49), min_size=2, max_size=8)
LOSSES = st.lists(st.floats(0.0, 5.0), min_size=2, max_size=8)
SAMPLES = st.one_of(st.tuples(st.just("accuracy"), ACCURACIES), st.tuples(st.just("loss"), LOSSES))
STRICTNESS = {"pass": 0, "undecided": 1, "fail": 2}


def judge(sample: tuple[str, list[float]], bound: float, over: str) -> str:
    name, values = sample
    return judged(name, bound, *values, over=over)


@given(SAMPLES, st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.sampled_from(OVERS))
def test_stricter_bound_never_turns_fail_into_pass(
    sample: tuple[str, list[float]], first: float, second: float, over: str
) -> None:
    easy, strict = sorted((first, second), reverse=sample[0] == "loss")
    assert STRICTNESS[judge(sample, strict, over)] >= STRICTNESS[judge(sample, easy, over)]


@given(SAMPLES, st.floats(0.0, 1.0), st.sampled_from(OVERS), st.randoms())
def test_order_of_seeds_changes_nothing(sample: tuple[str, list[float]], bound: float, over: str, random: Any) -> None:
    name, values = sample
    shuffled = list(values)
    random.shuffle(shuffled)
    promise = threshold(f"validation_{name}", bound, over=over)
    one, other = (judge_threshold(promise, record_of(name, *seeds)) for seeds in (values, shuffled))
    assert (one.outcome, one.observed) == (other.outcome, other.observed)


@given(SAMPLES, st.floats(0.0, 1.0))
def test_pass_on_every_seed_is_a_pass_on_the_mean(sample: tuple[str, list[float]], bound: float) -> None:
    assume(abs(statistics.fmean(sample[1]) - bound) > 1e-12)  # the mean of equal values may be off by a rounding
    if judge(sample, bound, "every_seed") == "pass":
        assert judge(sample, bound, "mean") == "pass"


@given(SAMPLES, st.floats(0.0, 1.0))
def test_pass_by_the_bound_is_a_pass_on_the_mean_and_so_is_a_fail(
    sample: tuple[str, list[float]], bound: float
) -> None:
    outcome = judge(sample, bound, "lower_bound")
    assert outcome in ("undecided", judge(sample, bound, "mean"))


@given(ACCURACIES, st.floats(0.0, 1.0), st.integers(0, 7))
def test_a_better_seed_never_turns_pass_into_fail_on_every_seed_or_the_mean(
    values: list[float], bound: float, place: int
) -> None:
    better = list(values)
    better[place % len(values)] = 1.0
    for over in ("every_seed", "mean"):
        assert (
            STRICTNESS[judge(("accuracy", better), bound, over)]
            <= (STRICTNESS[judge(("accuracy", values), bound, over)])
        )
