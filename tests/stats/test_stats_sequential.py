"""The quality rule: when it says fail, pass, go on, undecided, and when it must not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertbench.errors import VerdictError
from bertbench.stats import LookDecision, QualityRule, QualitySamples, decide_in_turn, decide_look, fewest_that_can_fail

ROWS = 300
RULE = QualityRule(alpha=0.0025)


def by_seed(hits: list[int], rows: int = ROWS) -> dict[int, float]:
    return {seed: k / rows for seed, k in enumerate(hits)}


def look_at(
    bank: list[int],
    candidate: list[int],
    *,
    look: int | None = None,
    rule: QualityRule = RULE,
    rows: int = ROWS,
    distinct: int | None = None,
) -> LookDecision:
    samples = QualitySamples(by_seed(bank, rows), by_seed(candidate, rows), rows, distinct)
    return decide_look(samples, look=look or len(candidate), rule=rule, generator=np.random.default_rng(0))


BANK = [285 + k for k in (0, 1, -1, 2, -2, 0, 1, -1, 0, 2, -2, 1, -1, 0, 0, 1, -1, 2, -2, 0)]
SAME = [285, 286, 284, 285]

BANKS = st.lists(st.integers(270, 300), min_size=20, max_size=20)
CANDIDATES = st.sampled_from([4, 8, 20]).flatmap(lambda n: st.lists(st.integers(270, 300), min_size=n, max_size=n))
FEW = settings(max_examples=60)
#: How far from 285 rows seeds that differ by chance alone end. Of a side that is moved by six rows all are worse, by
#: two rows or more, than all of the other: whatever is drawn, that is a fail at every look.
NEAR = st.integers(-2, 2)
BANKS_NEAR = st.lists(NEAR, min_size=20, max_size=20)
CANDIDATES_NEAR = st.sampled_from([4, 8, 20]).flatmap(lambda n: st.lists(NEAR, min_size=n, max_size=n))
SURE = 6


# The four words


def test_the_same_accuracies_pass_at_the_first_look() -> None:
    seen = look_at(BANK, SAME)
    assert seen.word == "pass"
    assert seen.upper_bound_points < 1.0
    assert seen.pass_confidence == pytest.approx(0.99)


def test_a_drop_of_two_points_fails_at_the_first_look() -> None:
    seen = look_at(BANK, [k - 6 for k in SAME])
    assert seen.word == "fail"
    assert seen.drop_points == pytest.approx(2.0)
    assert seen.p_value <= seen.fail_level == pytest.approx(0.0025 * 0.2)


def test_what_is_not_clear_goes_on_and_ends_undecided_with_a_plan() -> None:
    """Spread 1.4 points: 0.5 points of drop are neither shown nor excluded by 20 seeds."""
    wild = [285 + 4 * (k % 3 - 1) for k in range(20)]
    first = look_at(wild, [k - 3 for k in wild[:4]])
    assert (first.word, first.plan) == ("go on", None)
    last = look_at(wild, [k - 2 for k in wild])
    assert last.word == "undecided"
    assert last.plan is not None
    assert last.plan.both_sides is not None
    assert last.plan.both_sides > 20


def test_the_numbers_of_a_look_are_all_there() -> None:
    seen = look_at(BANK, SAME)
    assert (seen.look, seen.seeds, seen.bank_seeds, seen.rows, seen.shared_seeds) == (4, 4, 20, 300, 4)
    assert seen.smallest_possible_p == 1 / math.comb(24, 4)
    assert (seen.margin_points, seen.floor_points) == (1.0, 0.5)
    assert seen.interval_points[0] < seen.drop_points < seen.interval_points[1]
    assert seen.interval_points[1] == pytest.approx(2 * seen.drop_points - seen.interval_points[0])
    assert seen.baseline_spread_points == pytest.approx(100 * np.std(BANK, ddof=1) / 300)
    assert seen.candidate_spread_points == pytest.approx(100 * np.std(SAME, ddof=1) / 300)
    assert seen.exact


@pytest.mark.parametrize(("lost_rows", "small"), [(1, False), (2, True), (3, False)])
def test_between_floor_and_margin_it_is_a_small_drop(lost_rows: int, small: bool) -> None:
    """The floor and the margin are 1.5 and 3 rows of 300."""
    assert look_at([285] * 20, [285 - lost_rows] * 4).small_drop is small


# What fail needs


def test_a_drop_below_the_floor_never_fails_however_certain() -> None:
    """0.33 points on 20 + 20 seeds without spread: p is as small as it can be, and it is a pass."""
    seen = look_at([285] * 20, [284] * 20)
    assert seen.p_value == seen.smallest_possible_p < seen.fail_level
    assert seen.word == "pass"


def test_a_drop_of_just_the_floor_may_fail() -> None:
    """1.5 rows of 300 are half a point, also where doubles make 0.49999999999999 of it."""
    seen = look_at([285, 286] * 10, [284, 284, 284, 284])
    assert seen.drop_points == pytest.approx(0.5, abs=1e-12)
    assert seen.word == "fail"


def test_seeds_that_both_ran_must_have_fallen_too() -> None:
    """The bank's first seeds are its worst, and the candidate repeats them bit for bit: never accused."""
    bank = [280] * 4 + [286] * 16
    loose = QualityRule(alpha=0.05)
    equal = look_at(bank, [280] * 4, rule=loose)
    assert equal.p_value <= equal.fail_level
    assert equal.drop_points > equal.floor_points
    assert (equal.shared_drop_points, equal.shared_seeds_agree) == (0.0, False)
    assert equal.word != "fail"
    assert look_at(bank, [279] * 4, rule=loose).word == "fail"


def test_other_seeds_than_the_banks_need_no_such_agreement() -> None:
    samples = QualitySamples(by_seed(BANK), dict.fromkeys((100, 101, 102, 103), 279 / 300), ROWS)
    seen = decide_look(samples, look=4, rule=RULE, generator=np.random.default_rng(0))
    assert (seen.shared_seeds, seen.shared_drop_points, seen.word) == (0, None, "fail")


def test_a_look_that_cannot_fail_says_so() -> None:
    """With asv's six samples a side: a smallest p above the level decides nothing, and is told."""
    tight = look_at(BANK, [200, 201, 202, 203], rule=QualityRule(alpha=1e-4))
    assert tight.p_value == tight.smallest_possible_p > tight.fail_level
    assert not tight.can_fail
    assert tight.word == "go on"
    assert look_at(BANK, [200, 201, 202, 203]).can_fail


def test_a_look_that_cannot_fail_does_not_pass_however_equal_both_sides_are() -> None:
    """A candidate that repeats its bank: 4 seeds against 20 reach 1/10,626, and the first level is 2e-5."""
    tight = QualityRule(alpha=1e-4)
    first = look_at(BANK, SAME, rule=tight)
    assert first.upper_bound_points < first.margin_points
    assert (first.word, first.can_fail) == ("go on", False)
    assert look_at(BANK, BANK[:8], rule=tight).word == "pass"
    only = QualityRule(alpha=1e-4, looks=(4,), shares=(1.0,))
    last = look_at(BANK, SAME, rule=replace(only, alpha=9e-5))
    assert (last.word, last.can_fail) == ("undecided", False)
    assert last.plan is not None
    assert last.plan.to_pass == 5  # four would be enough for the bound, but 1/C(25, 5) is the first in reach
    assert look_at(BANK, SAME, rule=only).word == "pass"  # 1/10,626 is 9.4e-5


def test_a_larger_bank_lets_the_same_seeds_decide() -> None:
    tight = QualityRule(alpha=1e-4)
    bank = fewest_that_can_fail(4, tight.alpha * tight.shares[0])
    assert bank is not None
    at_hand = (BANK * 2)[: bank - 1]
    assert look_at(at_hand, SAME, rule=tight).word == "go on"
    assert look_at([*at_hand, 285], SAME, rule=tight).word == "pass"


def test_a_failed_seed_takes_the_first_look_out_of_reach() -> None:
    """Three seeds against 20 reach 5.6e-4, and 5e-4 is needed: they wait for the second look."""
    assert look_at(BANK, SAME[:3], look=4).word == "go on"
    assert look_at(BANK, SAME, look=4).word == "pass"


def test_ties_do_not_keep_a_look_from_deciding() -> None:
    """All accuracies are equal, so this p is 1 whatever is split; other accuracies could have failed."""
    equal = look_at([285] * 20, [285] * 4)
    assert (equal.p_value, equal.can_fail, equal.word) == (1.0, True, "pass")


def test_two_samples_against_two_never_decide_a_failure() -> None:
    rule = QualityRule(alpha=0.0025, looks=(2,), shares=(1.0,), smallest_bank=2)
    seen = look_at([299, 300], [1, 2], rule=rule)
    assert (seen.word, seen.can_fail, seen.smallest_possible_p) == ("undecided", False, 1 / 6)
    assert seen.plan is not None


# What pass needs


def test_no_spread_passes_only_as_far_as_rounding_lets_it() -> None:
    """All equal: the spread of rounding, 0.29 rows, keeps the bound above the estimate."""
    seen = look_at([285] * 20, [285] * 4)
    assert seen.word == "pass"
    assert seen.upper_bound_points == pytest.approx(2.5083 * 100 / (300 * math.sqrt(12)) * math.sqrt(0.3), rel=1e-4)


def test_49_rows_with_a_margin_below_one_row_are_refused() -> None:
    with pytest.raises(VerdictError, match="less than one row"):
        look_at([47] * 20, [47] * 4, rows=49)
    assert look_at([47] * 20, [47] * 4, rows=49, rule=QualityRule(0.0025, margin_points=100 / 49)).word == "pass"


def test_a_margin_of_one_row_is_enough() -> None:
    assert look_at([97] * 20, [97] * 4, rows=100, rule=QualityRule(0.0025, margin_points=1.0)).rows == 100
    with pytest.raises(VerdictError, match="less than one row"):
        look_at([96] * 20, [96] * 4, rows=99, rule=QualityRule(0.0025, margin_points=1.0))


def test_a_wilder_candidate_is_judged_by_its_own_spread() -> None:
    seen = look_at([285, 286] * 10, [285, 291, 280, 286])
    assert seen.welch
    assert seen.word == "go on"


# Better


def test_better_is_a_notice_beside_a_pass() -> None:
    """MLPerf's reference check never flags the good side."""
    seen = look_at(BANK, [k + 6 for k in SAME])
    assert (seen.word, seen.better) == ("pass", True)
    assert not look_at(BANK, SAME).better


# What is refused


@pytest.mark.parametrize("broken", [math.nan, math.inf, 0.9801, -0.1, 1.1])
@pytest.mark.parametrize("side", ["bank", "candidate"])
def test_nan_never_passes(broken: float, side: str) -> None:
    samples = QualitySamples(by_seed(BANK), by_seed(SAME), ROWS)
    samples = replace(samples, **{side: {**getattr(samples, side), 2: broken}})
    with pytest.raises(VerdictError, match=r"not finite|no share"):
        decide_look(samples, look=4, rule=RULE, generator=np.random.default_rng(0))


@pytest.mark.parametrize("rows", [0, -5])
def test_no_rows_are_refused(rows: int) -> None:
    samples = QualitySamples(by_seed(BANK), by_seed(SAME), rows)
    with pytest.raises(VerdictError, match="row"):
        decide_look(samples, look=4, rule=RULE, generator=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("bank", "candidate", "look", "match"),
    [
        (BANK[:19], SAME, 4, "a bank of 19 seeds"),
        ([], SAME, 4, "a bank of 0 seeds"),
        (BANK, [], 4, "0 values were given"),
        (BANK, [285], 4, "1 values were given"),
        (BANK, SAME, 5, "look: 5"),
        (BANK, [*SAME, 285], 4, "5 seeds were given at the look of 4"),
    ],
)
def test_samples_that_cannot_answer_are_refused(bank: list[int], candidate: list[int], look: int, match: str) -> None:
    with pytest.raises(VerdictError, match=match):
        look_at(bank, candidate, look=look)


def test_a_failed_seed_leaves_a_smaller_look_with_its_own_smallest_p() -> None:
    seen = look_at(BANK, [270, 271, 272], look=4)
    assert (seen.look, seen.seeds, seen.smallest_possible_p) == (4, 3, 1 / math.comb(23, 3))
    assert not seen.can_fail


@pytest.mark.parametrize(
    "fields",
    [
        {"alpha": 0.0},
        {"alpha": math.nan},
        {"pass_alpha": 1.0},
        {"margin_points": 0.0},
        {"margin_points": math.nan},
        {"floor_points": 1.5},
        {"floor_points": 0.0},
        {"looks": (8, 4, 20)},
        {"looks": ()},
        {"looks": (1, 4, 8)},
        {"shares": (0.5, 0.5)},
        {"shares": (0.5, 0.5, 0.5)},
        {"shares": (0.5, 0.5, 0.0)},
        {"smallest_bank": 1},
    ],
)
def test_rules_that_could_not_keep_their_word_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(VerdictError, match="|".join(next(iter(fields)).split("_"))):
        QualityRule(**({"alpha": 0.0025} | fields))


# What has to hold


@given(BANKS, CANDIDATES, st.randoms(use_true_random=False))
@FEW
def test_the_order_and_the_naming_of_seeds_change_nothing(bank: list[int], candidate: list[int], order) -> None:
    names = order.sample(range(1_000), 20)
    there = QualitySamples(by_seed(bank), by_seed(candidate), ROWS)
    renamed = [[(names[seed], share) for seed, share in side.items()] for side in (there.bank, there.candidate)]
    for side in renamed:
        order.shuffle(side)
    turned = QualitySamples(dict(renamed[0]), dict(renamed[1]), ROWS)
    first, second = (
        decide_look(s, look=len(candidate), rule=RULE, generator=np.random.default_rng(0)) for s in (there, turned)
    )
    assert first == second


def around(rows: int, near: list[int]) -> list[int]:
    return [rows + away for away in near]


@pytest.mark.parametrize("lost_rows", [SURE, 2, 0])
@given(bank=BANKS_NEAR, candidate=CANDIDATES_NEAR, times=st.integers(2, 5))
@FEW
def test_repeating_the_whole_row_set_changes_nothing(
    lost_rows: int, bank: list[int], candidate: list[int], times: int
) -> None:
    """300 rows written twice are 600 rows, 300 of them distinct: every number but that of the rows is the same."""
    bank, candidate = around(285, bank), around(285 - lost_rows, candidate)
    there = look_at(bank, candidate)
    assert there.word == "fail" or lost_rows != SURE
    repeated = look_at([times * k for k in bank], [times * k for k in candidate], rows=times * ROWS, distinct=ROWS)
    assert repeated == replace(there, rows=times * ROWS)


@given(BANKS, CANDIDATES)
@FEW
def test_where_all_rows_are_distinct_it_makes_no_difference_whether_they_were_counted(
    bank: list[int], candidate: list[int]
) -> None:
    assert look_at(bank, candidate, distinct=ROWS) == look_at(bank, candidate)


def test_copies_widen_what_rests_on_rounding_and_nothing_else() -> None:
    """Seeds that are all alike on 300 rows, 60 of them distinct: the spread is that of rounding to 60."""
    alike, rule = [285] * 20, QualityRule(0.0025, margin_points=2.0)
    plain, copies = look_at(alike, alike[:4], rule=rule), look_at(alike, alike[:4], rule=rule, distinct=60)
    assert plain.pooled_spread_points == pytest.approx(100 / (300 * math.sqrt(12)))
    assert copies.pooled_spread_points == pytest.approx(100 / (60 * math.sqrt(12)))
    assert copies.upper_bound_points == pytest.approx(5 * plain.upper_bound_points)
    assert copies.interval_points == pytest.approx([5 * end for end in plain.interval_points])
    assert (copies.drop_points, copies.p_value) == (plain.drop_points, plain.p_value)
    assert (copies.rows, copies.distinct_rows, plain.distinct_rows) == (300, 60, 300)


def test_a_share_of_all_rows_need_be_no_whole_number_of_distinct_ones() -> None:
    """A row that was written twice counts twice: 287 of 300 is no share of 290."""
    seen = look_at([287] * 20, [287] * 4, distinct=290)
    assert (seen.word, seen.drop_points) == ("pass", 0.0)


@pytest.mark.parametrize(
    ("rows", "distinct", "said"),
    [
        (49, None, r"margin: 1 points of 49 rows are less than one row \(2.04 points\)"),
        (300, 49, r"margin: 1 points of 300 rows, 49 of them distinct are less than one distinct row \(2.04 points"),
        (300, 0, r"300 rows, 0 of them distinct are less than one distinct row \(nothing\)"),
        (300, -3, r"300 rows, -3 of them distinct are less than one distinct row \(nothing\)"),
    ],
)
def test_a_margin_below_one_distinct_row_is_refused(rows: int, distinct: int | None, said: str) -> None:
    with pytest.raises(VerdictError, match=said) as caught:
        look_at([40] * 20, [40] * 4, rows=rows, distinct=distinct)
    assert "raise the margin to one" in caught.value.remedy


def test_a_margin_of_just_one_distinct_row_is_enough() -> None:
    rule = QualityRule(0.0025, margin_points=100 / 49)
    assert look_at([280] * 20, [280] * 4, distinct=49, rule=rule).word == "pass"


def test_more_distinct_rows_than_rows_are_refused() -> None:
    """They would make margin and spread finer than the accuracies are."""
    with pytest.raises(VerdictError, match="301 distinct rows of 300 were given"):
        look_at(BANK, SAME, distinct=301)


@pytest.mark.parametrize("lost_rows", [SURE, 2, 0, -SURE])
@given(bank=BANKS_NEAR, candidate=BANKS_NEAR)
@FEW
def test_swapping_sides_mirrors_and_fail_becomes_better(lost_rows: int, bank: list[int], candidate: list[int]) -> None:
    bank, candidate = around(285, bank), around(285 - lost_rows, candidate)
    there, back = look_at(bank, candidate), look_at(candidate, bank)
    assert there.drop_points == -back.drop_points
    assert there.interval_points == pytest.approx((-back.interval_points[1], -back.interval_points[0]), abs=1e-9)
    assert (there.p_value, there.p_value_better) == (back.p_value_better, back.p_value)
    assert (there.word == "fail") == back.better
    assert (back.word == "fail") == there.better
    assert there.word == "fail" or lost_rows != SURE
    assert back.word == "fail" or lost_rows != -SURE


@pytest.mark.parametrize("lost_rows", [SURE, 2, 0])
@given(bank=BANKS_NEAR, candidate=CANDIDATES_NEAR)
@FEW
def test_every_word_is_backed_by_its_numbers(lost_rows: int, bank: list[int], candidate: list[int]) -> None:
    bank, candidate = around(285, bank), around(285 - lost_rows, candidate)
    seen = look_at(bank, candidate)
    assert seen.word == "fail" or lost_rows != SURE
    assert seen.smallest_possible_p <= seen.p_value <= 1
    assert seen.smallest_possible_p == 1 / math.comb(20 + len(candidate), len(candidate))
    if seen.word == "fail":
        assert seen.can_fail
        assert seen.p_value <= seen.fail_level
        assert seen.drop_points >= seen.floor_points - 1e-9
        assert seen.shared_drop_points > 0
    if seen.word == "pass":
        assert seen.can_fail
        assert seen.upper_bound_points < seen.margin_points
    if seen.word == "go on":
        assert len(candidate) < 20
        assert seen.upper_bound_points >= seen.margin_points
    assert (seen.plan is not None) == (seen.word == "undecided")


@given(BANKS, st.lists(st.integers(270, 300), min_size=2, max_size=4), st.floats(1e-6, 0.2))
@FEW
def test_a_look_that_cannot_fail_decides_nothing(bank: list[int], candidate: list[int], alpha: float) -> None:
    """The numbers of seeds and the level decide what can fail, whatever was seen."""
    rule = QualityRule(alpha=alpha)
    seen = look_at(bank, candidate, look=4, rule=rule)
    in_reach = 1 / math.comb(20 + len(candidate), len(candidate)) <= alpha * rule.shares[0]
    assert seen.can_fail == in_reach
    assert in_reach or seen.word == "go on"


@given(
    worst=st.lists(st.integers(278, 279), min_size=8, max_size=8),
    others=st.lists(st.integers(283, 300), min_size=32, max_size=32),
)
@FEW
def test_equal_predictions_are_never_accused(worst: list[int], others: list[int]) -> None:
    """The first seeds of a bank of 40 are its worst, and the candidate repeats them bit for bit: p is that of a fail.

    A split with one of the others is never as low as they are, so at most C(16, 8) of C(48, 8) count. Against a bank of
    20 too many do: each of its first seeds is there twice, and half of their splits are as low.
    """
    bank = [*worst, *others]
    seen = look_at(bank, bank[:8])
    assert seen.reaches_fail
    assert (seen.shared_drop_points, seen.shared_seeds_agree) == (0.0, False)
    for look in RULE.looks:
        assert look_at(bank, bank[:look]).word != "fail"
    assert look_at(bank, [rows - 1 for rows in worst]).word == "fail"


# Look after look


def test_looks_are_taken_until_one_decides() -> None:
    wild = [285 + 3 * (k % 3 - 1) for k in range(20)]
    samples = QualitySamples(by_seed(wild), by_seed(wild), ROWS)
    taken = decide_in_turn(samples, seeds=range(20), rule=RULE, generator=np.random.default_rng(0))
    assert [decision.look for decision in taken] == [4, 8]
    assert [decision.word for decision in taken] == ["go on", "pass"]


def test_a_look_uses_the_prescribed_seeds_and_no_others() -> None:
    """Seeds that ran early are no reason to look at them."""
    candidate = by_seed([285] * 4 + [100] * 16)
    samples = QualitySamples(by_seed(BANK), candidate, ROWS)
    taken = decide_in_turn(samples, seeds=range(20), rule=RULE, generator=np.random.default_rng(0))
    assert (len(taken), taken[0].seeds, taken[0].word) == (1, 4, "pass")


@pytest.mark.parametrize("seeds", [range(19), [0] * 20])
def test_too_few_prescribed_seeds_are_refused(seeds) -> None:
    samples = QualitySamples(by_seed(BANK), by_seed(BANK), ROWS)
    with pytest.raises(VerdictError, match="20 different ones"):
        decide_in_turn(samples, seeds=seeds, rule=RULE, generator=np.random.default_rng(0))
