"""The rule that decides about speed: its words, its looks, what it never does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.errors import VerdictError
from bertbench.stats.speed_rule import (
    Measure,
    PairedDifferences,
    SpeedRule,
    look_at,
    looks_in_turn,
    plan_look,
)

RULE = SpeedRule(alpha=0.005)
DIFFERENCES = st.lists(st.floats(-0.3, 0.3, allow_subnormal=False), min_size=1, max_size=24)


def around(log_ratio: float, pairs: int, *, spread: float = 0.01) -> list[float]:
    """So many differences with about this mean and this spread, all different and none of them zero."""
    return (log_ratio + spread * (np.linspace(-1.5, 1.5, pairs) + 1e-6)).tolist()


def given_once(in_force: Sequence[float], first_time: Sequence[float] | None = None) -> Measure:
    """Pairs that are there already; more than there are cannot be had."""
    first = in_force if first_time is None else first_time
    return lambda pairs: PairedDifferences(tuple(in_force[:pairs]), tuple(first[:pairs]))


def doubtful() -> list[float]:
    """A slowdown between floor and margin in processes of a wide spread."""
    return (math.log(1.025) + np.random.default_rng(3).normal(0, 0.03, 200)).tolist()


# The rule itself


def test_both_error_rates_are_halved_over_two_looks() -> None:
    assert (RULE.fail_level, RULE.pass_confidence) == (0.0025, 0.975)
    one = SpeedRule(alpha=0.005, looks=1)
    assert (one.fail_level, one.pass_confidence) == (0.005, 0.95)


@pytest.mark.parametrize(
    ("alpha", "looks", "fewest"),
    [(0.01, 1, 7), (0.002, 1, 9), (0.001, 1, 10), (0.005, 1, 8), (0.005, 2, 9), (0.1, 1, 6)],
)
def test_the_smallest_p_must_reach_the_level(alpha: float, looks: int, fewest: int) -> None:
    """Below 7 pairs nothing can fail at 0.01, below 9 at 0.002, below 10 at 0.001; the first plan takes 6 anyway."""
    assert SpeedRule(alpha=alpha, looks=looks).smallest_pairs == fewest


@pytest.mark.parametrize(
    "fields",
    [
        {"alpha": 0.0},
        {"alpha": math.nan},
        {"floor": 0.06},
        {"floor": 0.0},
        {"margin": math.nan},
        {"looks": 3},
        {"looks": 0},
        {"first_pairs": 1},
        {"most_pairs": 8},
        {"pass_alpha": 1.0},
    ],
)
def test_a_rule_that_could_not_keep_its_rates_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(VerdictError):
        SpeedRule(**({"alpha": 0.005} | fields))


# One look


def test_the_words() -> None:
    assert look_at(around(math.log(1.05), 9), RULE).word == "fail"
    assert look_at(around(0.0, 9), RULE).word == "pass"
    assert look_at(around(math.log(0.90), 9), RULE).word == "pass"
    assert look_at(around(math.log(1.03), 9, spread=0.1), RULE).word == "undecided"


def test_a_slowdown_below_the_floor_never_fails_however_certain() -> None:
    seen = look_at(around(math.log(1.015), 30, spread=0.001), RULE)
    assert seen.p_value < 1e-8
    assert (seen.word, seen.small) == ("pass", False)


def test_between_floor_and_margin_it_is_a_small_slowdown() -> None:
    seen = look_at(around(math.log(1.03), 20, spread=0.001), RULE)
    assert (seen.word, seen.small) == ("fail", True)


def test_too_few_pairs_decide_nothing_in_either_direction() -> None:
    """Anchors, row 10: a ten times slowdown in fewer pairs than could fail is undecided, and it says so."""
    seen = look_at(around(math.log(10), 8), RULE)
    assert (seen.word, seen.can_fail, seen.smallest_possible_p) == ("undecided", False, 2**-8)
    assert look_at(around(0.0, 8, spread=1e-6), RULE).word == "undecided"
    assert look_at(around(math.log(10), 9), RULE).can_fail


def test_one_pair_or_equal_times_are_no_slowdown() -> None:
    """Anchors, row 8: a constant sample against itself, one value against one."""
    assert look_at([0.5], RULE).word == "undecided"
    constant = look_at([0.0] * 12, RULE)
    assert (constant.p_value, constant.slowdown, constant.zeros) == (1.0, 0.0, 12)


@pytest.mark.parametrize("pairs", [1, 9, 12, 200])
def test_equal_times_are_undecided_however_many_pairs_there_are(pairs: int) -> None:
    """Their difference has no sign, so no coin was ever asked: p is 1 whatever the step takes."""
    constant = look_at([0.0] * pairs, RULE)
    assert (constant.word, constant.can_fail, constant.smallest_possible_p) == ("undecided", False, 1.0)
    assert look_at([1e-9 * (-1) ** pair for pair in range(12)], RULE).word == "pass"


@pytest.mark.parametrize("slowdown", [0.0, math.log(10)])
def test_pairs_without_a_difference_do_not_count_towards_those_a_look_needs(slowdown: float) -> None:
    """Eight pairs that differ cannot fail at 0.0025, nine can; zeros beside them change neither."""
    for zeros in (1, 3, 30):
        eight = look_at([*around(slowdown, 8), *[0.0] * zeros], RULE)
        assert (eight.word, eight.can_fail, eight.smallest_possible_p) == ("undecided", False, 2**-8)
    nine = look_at([*around(slowdown, 9), 0.0], RULE)
    assert (nine.can_fail, nine.word) == (True, "fail" if slowdown else "pass")


def test_the_plan_adds_the_pairs_without_a_difference_to_the_fewest() -> None:
    sizes = around(0.0, 6, spread=0.001)
    assert 0.0 not in sizes
    assert plan_look(sizes, looks_taken=0, rule=RULE) == 9
    assert plan_look([*sizes[:4], 0.0, 0.0], looks_taken=0, rule=RULE) == 11
    coarse = [0.0, 0.0, 0.0, *around(0.0, 50, spread=0.001)]
    series = looks_in_turn(given_once(coarse), RULE)
    assert (series.word, series.planned_pairs, series.looks[-1].zeros) == ("pass", (12,), 3)


def test_equal_times_end_after_both_looks() -> None:
    series = looks_in_turn(given_once([0.0] * 300), RULE)
    assert (series.word, series.planned_pairs) == ("undecided", (15, 24))
    assert [look.word for look in series.looks] == ["undecided", "undecided"]


def test_the_numbers_are_those_of_the_pairs() -> None:
    seen = look_at([0.01, 0.02, 0.04], SpeedRule(alpha=0.5, looks=1, first_pairs=2))
    assert seen.slowdown == pytest.approx(math.expm1(0.0225))  # the middle of .01 .015 .02 .025 .03 .04
    assert seen.p_value == 2**-3
    assert seen.interval == (-1.0, math.inf)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_and_never_passes(broken: float) -> None:
    """Anchors, rows 11 and 20: NaN neither slips through nor is dropped."""
    with pytest.raises(VerdictError, match="not finite"):
        look_at([*around(0.0, 9), broken], RULE)
    with pytest.raises(VerdictError, match="not finite"):
        looks_in_turn(given_once([broken, *around(0.0, 12)]), RULE)


@given(DIFFERENCES)
def test_swapping_sides_mirrors_estimate_and_interval(differences: list[float]) -> None:
    seen, turned = look_at(differences, RULE), look_at([-d for d in differences], RULE)
    assert math.log1p(turned.slowdown) == pytest.approx(-math.log1p(seen.slowdown), abs=1e-12)
    if math.isfinite(seen.interval[1]):
        low, high = (math.log1p(end) for end in seen.interval)
        assert [math.log1p(end) for end in turned.interval] == pytest.approx([-high, -low], abs=1e-12)
    assert not (seen.word == "fail" and turned.word == "fail")


@given(DIFFERENCES, st.floats(0.5, 2.0))
def test_another_unit_of_time_changes_nothing(differences: list[float], unit: float) -> None:
    """A factor on both sides' times leaves every ratio as it is."""
    sides = [(unit * 1.0, unit * math.exp(d)) for d in differences]
    again = look_at([math.log(cand / base) for base, cand in sides], RULE)
    assert again.slowdown == pytest.approx(look_at(differences, RULE).slowdown, abs=1e-9)


@given(DIFFERENCES, st.randoms(use_true_random=False))
def test_the_order_of_pairs_within_a_look_changes_nothing(differences: list[float], order) -> None:
    before = look_at(differences, RULE)
    order.shuffle(differences)
    assert look_at(differences, RULE) == before


@given(DIFFERENCES)
def test_a_look_that_cannot_fail_decides_nothing(differences: list[float]) -> None:
    seen = look_at(differences, RULE)
    assert seen.smallest_possible_p == 0.5 ** sum(d != 0 for d in differences)
    assert seen.can_fail == (seen.smallest_possible_p <= 0.0025)
    assert seen.can_fail or seen.word == "undecided"
    assert seen.pairs - seen.zeros >= RULE.smallest_pairs or seen.word == "undecided"


@given(st.lists(st.sampled_from([-0.01, 0.0, 0.01]), min_size=1, max_size=40))
def test_coarse_times_decide_nothing_until_enough_of_them_differ(differences: list[float]) -> None:
    seen = look_at(differences, RULE)
    assert sum(d != 0 for d in differences) >= 9 or seen.word == "undecided"


@given(DIFFERENCES)
def test_a_pass_excludes_the_margin_and_a_fail_shows_the_floor(differences: list[float]) -> None:
    seen = look_at(differences, RULE)
    if seen.word == "pass":
        assert seen.upper_bound < RULE.margin
    if seen.word == "fail":
        assert seen.slowdown >= RULE.floor
        assert seen.p_value <= RULE.fail_level


# Look by look


def test_a_plain_case_takes_one_look_at_the_fewest_pairs() -> None:
    series = looks_in_turn(given_once(around(0.0, 50, spread=0.001)), RULE)
    assert (series.word, series.planned_pairs, series.pairs) == ("pass", (9,), 9)


def test_a_doubtful_case_takes_a_second_look_at_more_pairs() -> None:
    series = looks_in_turn(given_once(doubtful()), RULE)
    assert len(series.looks) == 2
    assert [look.pairs for look in series.looks] == list(series.planned_pairs)
    assert series.looks[1].pairs >= 1.5 * series.looks[0].pairs


def test_time_that_is_up_gives_a_look_at_what_there_is() -> None:
    series = looks_in_turn(given_once(around(0.0, 7)), RULE)
    assert (series.word, series.pairs, len(series.looks)) == ("undecided", 7, 1)
    first, second = looks_in_turn(given_once(doubtful()), RULE).looks
    series = looks_in_turn(given_once(doubtful()[: second.pairs - 1]), RULE)
    assert [look.pairs for look in series.looks] == [first.pairs, second.pairs - 1]
    series = looks_in_turn(given_once(doubtful()[: first.pairs]), RULE)
    assert (series.looks, series.planned_pairs) == ((first,), (first.pairs, second.pairs))


def test_less_than_the_first_pairs_gives_no_look() -> None:
    series = looks_in_turn(given_once(around(0.0, 5)), RULE)
    assert (series.word, series.looks, series.planned_pairs, series.pairs) == ("undecided", (), (), 5)
    assert looks_in_turn(given_once([]), RULE).spread is None


def test_a_spread_that_no_plan_overcomes_ends_it_after_one_early_look() -> None:
    wild = np.random.default_rng(2).normal(0, 0.5, 300).tolist()
    series = looks_in_turn(given_once(wild), RULE)
    assert (series.planned_pairs[1:], len(series.looks), series.word) == ((None,), 1, "undecided")
    assert series.pairs <= 2 * RULE.smallest_pairs
    only = looks_in_turn(given_once(wild), SpeedRule(alpha=0.005, looks=1))
    assert (only.planned_pairs, only.looks, only.pairs, only.word) == ((None,), (), 6, "undecided")


@pytest.mark.parametrize("factor", [2.0, 10.0])
def test_a_slowdown_by_a_factor_is_found_by_few_pairs_however_wide_the_spread(factor: float) -> None:
    """A plan for 5 % would ask for more than 200 pairs, and nobody would hear of a step of twice the time."""
    wild = (math.log(factor) + np.random.default_rng(2).normal(0, 0.2, 300)).tolist()
    series = looks_in_turn(given_once(wild), RULE)
    assert (series.word, series.pairs) == ("fail", 9)


@given(st.lists(st.floats(0.0005, 0.05), min_size=6, max_size=20), st.lists(st.booleans(), min_size=20, max_size=20))
def test_the_plan_does_not_see_signs(sizes: list[float], flips: list[bool]) -> None:
    """Or the test would not be exact: 'add pairs until decided' has a level of 3 to 4 % at a nominal 1 %."""
    signed = [-size if flip else size for size, flip in zip(sizes, flips, strict=False)]
    for looks_taken in (0, 1):
        plans = {plan_look(values, looks_taken=looks_taken, rule=RULE) for values in (sizes, signed)}
        assert len(plans) == 1


# Pairs that were measured again


def test_words_with_and_without_the_repeats_must_agree() -> None:
    """Else whoever disturbs the machine at the right moment decides."""
    slow = around(math.log(1.06), 9, spread=0.002)
    disturbed = [-0.5, -0.4, *slow[2:]]
    series = looks_in_turn(given_once(slow, disturbed), RULE)
    assert series.looks[-1].word == "fail"
    assert series.without_repeats is not None
    assert series.without_repeats.word != "fail"
    assert (series.agrees, series.word) == (False, "undecided")


def test_repeats_that_change_nothing_leave_the_word() -> None:
    fine = around(0.0, 9, spread=0.002)
    series = looks_in_turn(given_once(fine, [0.01, *fine[1:]]), RULE)
    assert (series.agrees, series.word) == (True, "pass")
    assert series.without_repeats is not None
    assert looks_in_turn(given_once(fine), RULE).without_repeats is None
