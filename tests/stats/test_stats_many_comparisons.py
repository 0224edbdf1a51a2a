"""Many comparisons at once say what one by one they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bertbench.errors import VerdictError
from bertbench.stats import (
    FailedSeedRule,
    GateScenario,
    QualityRule,
    QualitySamples,
    decide_in_turn,
    decide_look,
    decide_many,
    judge_failed_seeds,
    permutation_test,
)
from bertbench.stats.many_comparisons import FAIL, PASS, UNDECIDED, WORDS, lower_tail_p_values
from bertbench.stats.simulation import draw_hits

RULE = QualityRule(alpha=0.05)
BANK = np.array([[290, 291, 289, 292, 288, 290, 291, 289, 290, 292] * 2])


def hits(*values: int) -> np.ndarray:
    """One candidate of twenty seeds that takes these values in turn."""
    return np.resize(np.array(values), (1, 20))


# The permutation test


@pytest.mark.parametrize(("correlation", "low", "high"), [(-0.9, 0.08, 0.12), (0.0, 0.025, 0.05), (0.9, 0.0, 0.002)])
def test_its_level_holds_unless_the_same_seeds_correlate_negatively(
    correlation: float, low: float, high: float
) -> None:
    """Twenty seeds against the same twenty, nothing changed, p <= 5 %: the share of 4,000 trials.

    Both sides are of one distribution. Ties make the test a little conservative; a negative correlation makes sides
    differ by more than splits do, which docs/method.md names as the case in which a fail is too frequent.
    """
    generator = np.random.default_rng(4)
    bank, apart = generator.standard_normal((2, 4_000, 20))
    candidate = correlation * bank + np.sqrt(1 - correlation**2) * apart
    rows = [np.rint(270 + 1.5 * deviations).astype(np.int64) for deviations in (bank, candidate)]
    assert low <= (lower_tail_p_values(*rows) <= 0.05).mean() <= high


@given(
    bank=arrays.arrays(np.int64, (3, 7), elements=st.integers(0, 40)),
    candidate=arrays.arrays(np.int64, (3, 4), elements=st.integers(0, 40)),
)
def test_p_values_are_those_of_the_test_itself(bank: np.ndarray, candidate: np.ndarray) -> None:
    """Exactly: both count all splits."""
    generator = np.random.default_rng(0)
    one_by_one = [
        permutation_test(base / 40, cand / 40, generator=generator, rows=40).p_value
        for base, cand in zip(bank, candidate, strict=True)
    ]
    assert lower_tail_p_values(bank, candidate).tolist() == one_by_one


def test_p_values_of_the_largest_bank_are_exact() -> None:
    generator = np.random.default_rng(1)
    bank, candidate = generator.integers(285, 295, (5, 40)), generator.integers(283, 293, (5, 20))
    one_by_one = [
        permutation_test(base / 300, cand / 300, generator=generator, rows=300).p_value
        for base, cand in zip(bank, candidate, strict=True)
    ]
    assert lower_tail_p_values(bank, candidate).tolist() == one_by_one


def test_p_values_do_not_depend_on_the_company_they_are_in() -> None:
    """Blocks of tables are an affair of memory."""
    generator = np.random.default_rng(2)
    bank, candidate = generator.integers(0, 900, (40, 20)), generator.integers(0, 900, (40, 8))
    together = lower_tail_p_values(bank, candidate)
    alone = [lower_tail_p_values(bank[row : row + 1], candidate[row : row + 1])[0] for row in range(40)]
    assert together.tolist() == alone


# The rule


@pytest.mark.parametrize(
    "scenario",
    [
        GateScenario(RULE, 0.5),
        GateScenario(RULE, 0.5, drop_points=1.0),
        GateScenario(RULE, 0.9, drop_points=0.7, spread_ratio=2.0, bank_seeds=25),
        GateScenario(RULE, 0.0, drop_points=1.0),
        GateScenario(QualityRule(0.2, margin_points=100 / 49), 1.6, rows=49, drop_points=1.0, mean_points=97),
        GateScenario(QualityRule(0.05, looks=(5, 20), shares=(0.5, 0.5)), 1.5, rows=1_000, correlation=0.8),
        GateScenario(RULE, 0.1, rows=1_000, distinct_rows=100, drop_points=0.4),
    ],
    ids=["same", "drop", "less stable", "no spread", "49 rows", "two looks", "copies"],
)
def test_words_and_looks_are_those_of_one_comparison(scenario: GateScenario) -> None:
    generator = np.random.default_rng(3)
    bank, candidate = draw_hits(scenario, 25, generator)
    many = decide_many(bank, candidate, rows=scenario.rows, rule=scenario.rule, distinct_rows=scenario.distinct_rows)
    for row in range(25):
        samples = QualitySamples(
            dict(enumerate((bank[row] / scenario.rows).tolist())),
            dict(enumerate((candidate[row] / scenario.rows).tolist())),
            scenario.rows,
            scenario.distinct_rows,
        )
        one = decide_in_turn(samples, seeds=range(20), rule=scenario.rule, generator=generator)[-1]
        assert (WORDS[many.words[row]], many.looks[row]) == (one.word, one.look)


@given(
    bank=arrays.arrays(np.int64, (4, 20), elements=st.integers(285, 295)),
    candidate=arrays.arrays(np.int64, (4, 20), elements=st.integers(283, 295)),
    broken=arrays.arrays(np.bool_, (4, 20), elements=st.integers(0, 3).map(lambda draw: draw == 0)),
    alpha=st.floats(1e-6, 0.5),
    looks=st.sampled_from([(2, 3, 20), (4, 8, 20), (3, 20)]),
)
@settings(max_examples=60, deadline=None)
def test_words_and_looks_are_those_of_one_comparison_where_some_looks_cannot_fail(
    bank: np.ndarray, candidate: np.ndarray, broken: np.ndarray, alpha: float, looks: tuple[int, ...]
) -> None:
    """Failed seeds and small levels: what cannot fail does not pass, here as there."""
    rule = QualityRule(alpha, looks=looks, shares=(1 / len(looks),) * len(looks))
    many = decide_many(bank, candidate, rows=300, rule=rule, failed=broken)
    for row in range(4):
        word, look = "undecided", looks[-1]
        for at in looks:
            good = {seed: candidate[row, seed] / 300 for seed in range(at) if not broken[row, seed]}
            if len(good) < 2:
                continue
            samples = QualitySamples(dict(enumerate((bank[row] / 300).tolist())), good, 300)
            one = decide_look(samples, look=at, rule=rule, generator=np.random.default_rng(0))
            assert one.can_fail or one.word not in {"fail", "pass"}
            if one.word in {"fail", "pass"}:
                word, look = one.word, at
                break
        assert (WORDS[many.words[row]], many.looks[row]) == (word, look)


def test_a_look_that_cannot_fail_waits_for_the_next() -> None:
    """4 seeds against 20 reach 9.4e-5, which the first level must be for them to pass."""
    loose, tight = (decide_many(BANK, BANK, rows=300, rule=QualityRule(alpha)) for alpha in (5e-4, 4e-4))
    assert (loose.words[0], loose.looks[0]) == (PASS, 4)
    assert (tight.words[0], tight.looks[0]) == (PASS, 8)
    never = QualityRule(9e-5, looks=(4,), shares=(1.0,))
    assert decide_many(BANK, BANK[:, :4], rows=300, rule=never).words[0] == UNDECIDED


def test_repeating_the_whole_row_set_changes_no_word_and_no_look() -> None:
    bank, candidate = draw_hits(GateScenario(RULE, 0.7, drop_points=0.5), 60, np.random.default_rng(4))
    once = decide_many(bank, candidate, rows=300, rule=RULE)
    thrice = decide_many(3 * bank, 3 * candidate, rows=900, rule=RULE, distinct_rows=300)
    assert set(once.words.tolist()) == {FAIL, UNDECIDED, PASS}
    assert (once.words.tolist(), once.looks.tolist()) == (thrice.words.tolist(), thrice.looks.tolist())


def test_copies_cannot_make_a_pass_out_of_equal_seeds() -> None:
    """A drop of 0.9 points on 1,000 rows that are 100 rows ten times: rounding alone leaves the margin in reach."""
    bank, candidate = np.full((1, 20), 950), np.full((1, 20), 941)
    rule = QualityRule(0.01, floor_points=1.0)
    assert decide_many(bank, candidate, rows=1_000, rule=rule).words[0] == PASS
    assert decide_many(bank, candidate, rows=1_000, rule=rule, distinct_rows=100).words[0] == UNDECIDED


@pytest.mark.parametrize("distinct", [0, -1, 301])
def test_impossible_numbers_of_distinct_rows_are_refused(distinct: int) -> None:
    with pytest.raises(VerdictError, match=f"{distinct} distinct rows of 300 were given"):
        decide_many(BANK, BANK, rows=300, rule=RULE, distinct_rows=distinct)


def test_one_bank_may_serve_all() -> None:
    candidates = np.concatenate([BANK, BANK - 6, hits(270, 300)])
    alone = decide_many(BANK, candidates, rows=300, rule=RULE)
    each = decide_many(np.repeat(BANK, 3, axis=0), candidates, rows=300, rule=RULE)
    assert alone.words.tolist() == each.words.tolist() == [PASS, FAIL, UNDECIDED]
    assert alone.looks.tolist() == each.looks.tolist() == [4, 4, 20]


def test_seeds_of_one_side_only_have_no_say_of_their_own() -> None:
    """The candidate lost nine rows a seed; the bank's own first four are low, so as pairs they say the opposite."""
    bank = BANK.copy()
    bank[0, :4] -= 20
    worse = BANK - 9
    rule = QualityRule(0.5, looks=(4,), shares=(1.0,), pass_alpha=0.01)
    assert decide_many(bank, worse[:, :4], rows=300, rule=rule).words[0] == UNDECIDED
    assert decide_many(bank, worse[:, :4], rows=300, rule=rule, same_seeds=False).words[0] == FAIL


# Failed seeds


def failed(*seeds: int) -> np.ndarray:
    return np.isin(np.arange(20), seeds)[None, :]


@pytest.mark.parametrize(
    ("seeds", "word", "look"),
    [
        ((), PASS, 4),
        ((7,), PASS, 4),  # not asked for by the look that decides
        ((0,), PASS, 8),  # one of 4 is not explained by 1 %, one of 8 is
        ((0, 1), FAIL, 4),
        ((1, 5, 6), FAIL, 8),
    ],
)
def test_failed_seeds_are_judged_before_the_means(seeds: tuple[int, ...], word: int, look: int) -> None:
    decided = decide_many(
        BANK, BANK.copy(), rows=300, rule=RULE, failed=failed(*seeds), failed_rule=FailedSeedRule(0.001)
    )
    assert (decided.words[0], decided.looks[0]) == (word, look)


def test_the_cases_above_are_those_of_the_rule_for_failed_seeds() -> None:
    assert judge_failed_seeds(1, 4).word == "unexplained"
    assert judge_failed_seeds(1, 8).word == "explained"


def test_means_leave_failed_seeds_out() -> None:
    """A seed of 50 rows right would ruin any mean."""
    ruined = BANK.copy()
    ruined[0, 3] = 50
    decided = decide_many(BANK, ruined, rows=300, rule=RULE, failed=failed(3))
    assert (decided.words[0], decided.looks[0]) == (PASS, 4)
    assert decide_many(BANK, ruined, rows=300, rule=RULE).words[0] != PASS


def test_a_single_seed_that_did_not_fail_decides_nothing() -> None:
    rule = QualityRule(0.9, looks=(2,), shares=(1.0,))
    decided = decide_many(BANK, BANK[:, :2] - 9, rows=300, rule=rule)
    assert decided.words[0] == FAIL
    one_left = failed(0)[:, :2]
    assert decide_many(BANK, BANK[:, :2] - 9, rows=300, rule=rule, failed=one_left).words[0] == UNDECIDED


@pytest.mark.parametrize(
    ("bank", "candidate", "said"),
    [
        (BANK[0], BANK, "shape"),
        (np.repeat(BANK, 2, axis=0), np.repeat(BANK, 3, axis=0), "shape"),
        (BANK[:, :19], BANK, "19 bank seeds"),
        (BANK, BANK[:, :8], "8 candidate seeds"),
        (BANK, BANK + 100, "hits from"),
        (BANK - 300, BANK, "hits from"),
    ],
)
def test_what_does_not_fit_is_refused(bank: np.ndarray, candidate: np.ndarray, said: str) -> None:
    with pytest.raises(VerdictError, match=said):
        decide_many(bank, candidate, rows=300, rule=RULE)
