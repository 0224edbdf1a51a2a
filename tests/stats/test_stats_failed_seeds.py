"""The rule for failed seeds, against the binomial distribution and the numbers it is documented with."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as second_opinion

from bertbench.errors import VerdictError
from bertbench.stats import failed_seed_limits, judge_failed_seeds


def test_the_default_rule_is_two_of_4_three_of_8_four_of_20() -> None:
    rule = failed_seed_limits()
    assert (rule.looks, rule.limits) == ((4, 8, 20), (2, 3, 4))
    assert round(100 * rule.level, 2) == 0.07  # percent, at a true rate of 1 %


@pytest.mark.parametrize(
    ("seeds", "limit", "seen"),
    [(4, 2, (0.05, 0.35, 0.69)), (8, 3, (0.04, 0.45, 0.86)), (20, 4, (0.13, 0.89, 0.999))],
)
def test_what_a_look_sees_of_rates_of_10_30_and_50_percent(seeds: int, limit: int, seen: tuple[float, ...]) -> None:
    for rate, documented in zip((0.1, 0.3, 0.5), seen, strict=True):
        assert second_opinion.binom.sf(limit - 1, seeds, rate) == pytest.approx(documented, abs=0.005)
        assert judge_failed_seeds(limit, seeds).limit == limit


@pytest.mark.parametrize(
    ("failed", "seeds", "word"),
    [
        (0, 4, "explained"),
        (1, 4, "unexplained"),  # 3.9 % at an allowed 1 %
        (2, 4, "fail"),
        (4, 4, "fail"),
        (1, 8, "explained"),
        (2, 8, "unexplained"),
        (3, 8, "fail"),
        (0, 20, "explained"),
        (1, 20, "explained"),
        (2, 20, "unexplained"),
        (3, 20, "unexplained"),
        (4, 20, "fail"),
    ],
)
def test_the_word_of_every_count(failed: int, seeds: int, word: str) -> None:
    judged = judge_failed_seeds(failed, seeds)
    assert judged.word == word
    assert judged.p_value == pytest.approx(
        second_opinion.binomtest(failed, seeds, 0.01, alternative="greater").pvalue, rel=1e-9
    )


def test_no_failed_seed_of_20_shows_at_most_13_9_percent() -> None:
    assert judge_failed_seeds(0, 20).upper_bound == pytest.approx(0.139, abs=0.0005)


@given(st.floats(0.001, 0.3), st.floats(1e-6, 0.2))
@settings(max_examples=50)
def test_the_level_is_what_it_says_and_within_alpha(rate: float, alpha: float) -> None:
    """Added up over every way in which 2, 1 and 2 seeds can fail."""
    rule = failed_seed_limits(looks=(2, 3, 5), allowed_rate=rate, alpha=alpha)
    level = 0.0
    for failed in itertools.product((0, 1), repeat=5):
        if any(sum(failed[:look]) >= limit for look, limit in zip(rule.looks, rule.limits, strict=True)):
            level += rate ** sum(failed) * (1 - rate) ** (5 - sum(failed))
    assert rule.level == pytest.approx(level, abs=1e-12)
    assert rule.level <= alpha


def test_a_look_that_no_count_can_fail_says_so() -> None:
    """Four of four failed seeds have chance 1e-8 at 1 %; at alpha 1e-9 even they cannot fail."""
    judged = judge_failed_seeds(4, 4, alpha=1e-9)
    assert not judged.can_fail
    assert judged.word == "unexplained"
    assert judge_failed_seeds(3, 4, alpha=1e-7).can_fail


def test_a_smaller_alpha_takes_more_failed_seeds() -> None:
    assert failed_seed_limits(alpha=0.001 / 3).limits == (3, 3, 4)


def test_simulated_seeds_reach_the_limits_as_often_as_it_says() -> None:
    rule = failed_seed_limits(allowed_rate=0.1, alpha=0.05)
    failed = np.random.default_rng(2).random((20_000, 20)) < 0.1
    reached = np.zeros(20_000, bool)
    for look, limit in zip(rule.looks, rule.limits, strict=True):
        reached |= failed[:, :look].sum(axis=1) >= limit
    assert reached.mean() == pytest.approx(rule.level, abs=4 * (0.05 / 20_000) ** 0.5)


@pytest.mark.parametrize(("failed", "seeds"), [(0, 0), (0, 5), (-1, 4), (5, 4)])
def test_impossible_counts_and_looks_are_refused(failed: int, seeds: int) -> None:
    with pytest.raises(VerdictError, match=f"{seeds}"):
        judge_failed_seeds(failed, seeds)


@pytest.mark.parametrize("looks", [(), (4, 4), (8, 4), (0, 4)])
def test_looks_that_do_not_rise_are_refused(looks: tuple[int, ...]) -> None:
    with pytest.raises(VerdictError, match="looks"):
        failed_seed_limits(looks=looks)


@pytest.mark.parametrize(
    "change", [{"allowed_rate": 0.0}, {"allowed_rate": 1.0}, {"alpha": 0.0}, {"alpha": float("nan")}]
)
def test_impossible_rates_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(VerdictError, match=next(iter(change))):
        failed_seed_limits(**change)
