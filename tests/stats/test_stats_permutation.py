"""The permutation test, against scipy's, Fisher's, and what has to hold of any such test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats as second_opinion

from bertbench.errors import VerdictError
from bertbench.stats import permutation_test

ROWS = 49
HITS = st.lists(st.integers(30, ROWS), min_size=1, max_size=6)


def shares(hits: list[int]) -> list[float]:
    return [k / ROWS for k in hits]


def fresh() -> np.random.Generator:
    return np.random.default_rng(7)


def p_of(baseline: list[float], candidate: list[float], rows: int | None = ROWS) -> float:
    return permutation_test(baseline, candidate, generator=fresh(), rows=rows).p_value


# Known answers


@pytest.mark.parametrize(("right", "p_value"), [(4, 1 / 70), (3, 17 / 70), (2, 53 / 70)])
def test_fishers_lady_tasting_tea(right: int, p_value: float) -> None:
    """Fisher 1935: eight cups, four of a kind; of the four named 'tea first', *right* are. 1, 16, 36, 16, 1 of 70."""
    tea_first, milk_first = [1] * right + [0] * (4 - right), [0] * right + [1] * (4 - right)
    by_counting = permutation_test(tea_first, milk_first, generator=fresh(), rows=1)
    by_listing = permutation_test(tea_first, milk_first, generator=fresh())
    assert by_counting.p_value == by_listing.p_value == pytest.approx(p_value, abs=1e-15)
    assert by_counting.splits == by_listing.splits == 70


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_on_right_and_wrong_it_is_fishers_exact_test(bank: int, seeds: int, data: st.DataObject) -> None:
    base, cand = data.draw(st.integers(0, bank)), data.draw(st.integers(0, seeds))
    ours = permutation_test(
        [1] * base + [0] * (bank - base), [1] * cand + [0] * (seeds - cand), generator=fresh(), rows=1
    )
    table = [[base, bank - base], [cand, seeds - cand]]
    assert ours.p_value == pytest.approx(second_opinion.fisher_exact(table, alternative="greater").pvalue, rel=1e-9)


@given(HITS, HITS)
@settings(max_examples=40)
def test_exact_p_is_scipys(baseline: list[int], candidate: list[int]) -> None:
    assume(min(len(baseline), len(candidate)) > 1)  # scipy's takes no single value
    theirs = second_opinion.permutation_test(
        (baseline, candidate),
        lambda x, y, axis: np.mean(y, axis=axis) - np.mean(x, axis=axis),
        alternative="less",
        n_resamples=math.inf,
        vectorized=True,
    )
    assert p_of(shares(baseline), shares(candidate)) == pytest.approx(theirs.pvalue, rel=1e-12)
    assert p_of(shares(baseline), shares(candidate), rows=None) == pytest.approx(theirs.pvalue, rel=1e-12)


@pytest.mark.parametrize(
    ("bank", "seeds", "splits"),
    [(20, 3, 1_771), (20, 4, 10_626), (40, 4, 135_751), (20, 8, 3_108_105), (20, 20, 137_846_528_820)],
)
def test_all_splits_of_whole_rows_are_counted_at_every_look(bank: int, seeds: int, splits: int) -> None:
    """Also where they could never be listed; and the smallest p is reached by the clearest loss there is."""
    baseline = [(290 + k % 5) / 300 for k in range(bank)]
    result = permutation_test(baseline, [(270 + k % 5) / 300 for k in range(seeds)], generator=fresh(), rows=300)
    assert (result.exact, result.splits) == (True, splits)
    assert result.p_value == result.smallest_possible_p == 1 / splits


def test_three_seeds_against_a_bank_of_20_reach_six_in_ten_thousand() -> None:
    assert 1 / math.comb(23, 3) == pytest.approx(0.0006, abs=5e-5)
    assert p_of([1.0] * 20, [0.0] * 3, rows=1) == 1 / math.comb(23, 3)


# Drawn splits


def test_drawn_splits_agree_with_the_exact_count() -> None:
    rng = np.random.default_rng(3)
    baseline, candidate = (np.rint(rng.normal(m, 0.006, 20) * 300) / 300 for m in (0.95, 0.947))
    exact = permutation_test(baseline, candidate, generator=fresh(), rows=300)
    drawn = permutation_test(baseline, candidate, generator=fresh())
    assert (drawn.exact, drawn.splits) == (False, 99_999)
    error = math.sqrt(exact.p_value * (1 - exact.p_value) / drawn.splits)
    assert abs(drawn.p_value - exact.p_value) < 5 * error


def test_drawn_splits_never_reach_zero() -> None:
    """Phipson & Smyth: (b + 1) / (m + 1), so 99,999 draws end at 1e-5 and say so."""
    baseline, candidate = np.linspace(0.9, 0.95, 20), np.linspace(0.1, 0.15, 20)
    drawn = permutation_test(baseline, candidate, generator=fresh())
    assert drawn.p_value == drawn.smallest_possible_p == pytest.approx(1e-5)
    few = permutation_test(baseline, candidate, generator=fresh(), max_splits=99)
    assert few.p_value == few.smallest_possible_p == 0.01


def test_the_generator_alone_decides_the_draws() -> None:
    rng = np.random.default_rng(5)
    baseline, candidate = rng.normal(size=20), rng.normal(size=20)
    first, again, other = (
        permutation_test(baseline, candidate, generator=np.random.default_rng(seed)).p_value for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_whole_rows_beyond_counting_are_drawn() -> None:
    """A table of 10^9 cells is not made; the result says that it is not exact."""
    baseline, candidate = np.linspace(0.1, 0.9, 17), np.linspace(0.1, 0.9, 17)
    result = permutation_test(baseline, candidate, generator=fresh(), rows=10**7, max_splits=999)
    assert (result.exact, result.splits) == (False, 999)
    assert 0.3 < result.p_value < 0.8


# What has to hold


@given(HITS, HITS, st.randoms(use_true_random=False))
def test_the_order_of_seeds_changes_nothing(baseline: list[int], candidate: list[int], order) -> None:
    before = p_of(shares(baseline), shares(candidate)), p_of(shares(baseline), shares(candidate), rows=None)
    order.shuffle(baseline)
    order.shuffle(candidate)
    assert before == (p_of(shares(baseline), shares(candidate)), p_of(shares(baseline), shares(candidate), rows=None))


def test_the_order_of_seeds_changes_no_drawn_split_either() -> None:
    rng = np.random.default_rng(5)
    baseline, candidate = rng.normal(size=20), rng.normal(size=20)
    turned = permutation_test(baseline[::-1], candidate[::-1], generator=fresh())
    assert permutation_test(baseline, candidate, generator=fresh()) == turned


@given(HITS, HITS)
def test_swapping_sides_mirrors(baseline: list[int], candidate: list[int]) -> None:
    """Worse on one scale is better on the scale turned round."""
    lost = [ROWS - k for k in baseline], [ROWS - k for k in candidate]
    assert p_of(shares(baseline), shares(candidate)) == p_of(shares(lost[1]), shares(lost[0]))


@given(HITS, HITS)
def test_both_directions_together_count_each_split_once_and_ties_twice(
    baseline: list[int], candidate: list[int]
) -> None:
    worse, better = (p_of(shares(a), shares(b)) for a, b in ((baseline, candidate), (candidate, baseline)))
    assert worse + better > 1


@given(HITS, HITS, st.integers(2, 5))
def test_repeating_the_whole_row_set_changes_nothing(baseline: list[int], candidate: list[int], times: int) -> None:
    repeated = [[k * times / (ROWS * times) for k in side] for side in (baseline, candidate)]
    assert p_of(repeated[0], repeated[1], rows=ROWS * times) == p_of(shares(baseline), shares(candidate))


@given(HITS, HITS)
def test_ties_and_zero_spread_never_give_less_than_the_smallest_p(baseline: list[int], candidate: list[int]) -> None:
    for rows in (ROWS, None):
        result = permutation_test(shares(baseline), shares(candidate), generator=fresh(), rows=rows)
        assert result.smallest_possible_p <= result.p_value <= 1
        assert result.smallest_possible_p == 1 / math.comb(len(baseline) + len(candidate), len(candidate))


@pytest.mark.parametrize("rows", [ROWS, None])
def test_equal_values_say_nothing(rows: int | None) -> None:
    """To asv and pyperf a constant sample differs 'significantly' from itself."""
    assert p_of([48 / 49] * 20, [48 / 49] * 4, rows=rows) == 1.0


def test_equal_sums_count_though_doubles_add_them_up_differently() -> None:
    """0.1 + 0.2 is not 0.3 in doubles: the split as seen has to count itself, and its equals."""
    baseline, candidate = [0.3, 0.0, 0.5], [0.1, 0.2, 0.5]
    assert 0.1 + 0.2 != 0.3 + 0.0
    whole = permutation_test(baseline, candidate, generator=fresh(), rows=10)
    assert permutation_test(baseline, candidate, generator=fresh()) == whole


# What is refused


@pytest.mark.parametrize("sides", [([], [0.5]), ([0.5], []), ([math.nan], [0.5]), ([0.5], [math.inf])])
@pytest.mark.parametrize("rows", [10, None])
def test_empty_and_not_finite_are_refused(sides: tuple[list[float], list[float]], rows: int | None) -> None:
    with pytest.raises(VerdictError, match=r"baseline|candidate"):
        permutation_test(*sides, generator=fresh(), rows=rows)


def test_no_splits_are_refused() -> None:
    with pytest.raises(VerdictError, match="max_splits 0"):
        permutation_test([1.0], [0.5], generator=fresh(), max_splits=0)


# Level


@pytest.mark.parametrize("skewed", [False, True])
def test_level_is_kept_whatever_the_seeds_are(skewed: bool) -> None:
    """Nothing changed, 2,000 comparisons of 20 and 8: p <= 0.05 in at most 5 %, but for chance (0.1 % one-sided)."""
    rng = np.random.default_rng(11)
    draw = (lambda n: -rng.exponential(size=n)) if skewed else rng.standard_normal
    alarms = 0
    for _ in range(2_000):
        values = np.clip(np.rint(285 + 2 * draw(28)), 0, 300) / 300
        alarms += permutation_test(values[:20], values[20:], generator=rng, rows=300).p_value <= 0.05
    assert alarms <= second_opinion.binom.ppf(0.999, 2_000, 0.05)
    assert alarms > 40  # a test that never speaks would keep any level


def test_more_splits_than_a_double_can_count_are_drawn() -> None:
    hits = np.arange(600) % 2
    result = permutation_test(hits, hits, generator=fresh(), rows=1, max_splits=99)
    assert (result.exact, result.splits) == (False, 99)
