"""Planned seeds, against statsmodels' power and the sizes that were planned with."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import TTestIndPower

from bertbench.errors import VerdictError
from bertbench.stats import SeedQuestion, fewest_that_can_fail, plan_seeds
from bertbench.stats.search import smallest_enough
from bertbench.stats.seed_plan import chance_beyond


@pytest.mark.parametrize(
    ("alpha", "bank", "sizes"),
    [(0.01, 20, (2, 5, 17)), (0.01, 40, (2, 4, 12)), (0.002, 20, (3, 7, 31)), (0.002, 40, (2, 6, 18))],
)
def test_seeds_to_see_a_point_at_spreads_of_3_5_and_8_tenths(alpha: float, bank: int, sizes: tuple[int, ...]) -> None:
    question = SeedQuestion(margin=1, floor=0, fail_level=alpha, pass_level=alpha)
    planned = tuple(plan_seeds(question, spread=spread, bank_seeds=bank).to_fail for spread in (0.3, 0.5, 0.8))
    assert planned == sizes


@pytest.mark.parametrize(("spread", "seeds"), [(0.3, 5), (0.5, 9), (0.8, 19)])
def test_seeds_a_side_of_two_independent_groups(spread: float, seeds: int) -> None:
    question = SeedQuestion(margin=1, floor=0, fail_level=0.01, pass_level=0.01)
    assert plan_seeds(question, spread=spread, bank_seeds=20).both_sides == seeds


@given(st.floats(0.2, 5), st.integers(5, 60), st.integers(3, 40), st.floats(0.001, 0.2))
@settings(max_examples=60)
def test_the_chance_is_statsmodels_power(effect: float, bank: int, seeds: int, level: float) -> None:
    theirs = TTestIndPower().power(effect, nobs1=bank, alpha=level, ratio=seeds / bank, alternative="larger")
    ours = chance_beyond(effect / math.sqrt(1 / bank + 1 / seeds), bank + seeds - 2, level)
    assert ours == pytest.approx(theirs, abs=5e-4)  # scipy 1.13 stops at 0.9999 where the chance is nearer to 1


@pytest.mark.parametrize("freedom", [4, 22, 38, 1_998])
@pytest.mark.parametrize("level", [1e-4, 0.025])
def test_more_distance_is_never_harder_to_see(freedom: int, level: float) -> None:
    """Also where the series of the noncentral t ends and certainty takes over."""
    chances = [chance_beyond(distance, freedom, level) for distance in np.geomspace(0.01, 300, 120)]
    assert all(later >= earlier - 1e-9 for earlier, later in itertools.pairwise(chances))
    assert chances[-1] == 1.0


def test_a_bank_that_is_known_too_badly_is_said_to_be() -> None:
    """At a spread of 2 points, 20 baseline seeds leave the mean open by more than half a point: no candidate helps."""
    question = SeedQuestion(margin=1, floor=0.5, fail_level=0.001, pass_level=0.025)
    plan = plan_seeds(question, spread=2.0, bank_seeds=20)
    assert (plan.to_pass, plan.to_fail) == (None, None)
    assert plan.both_sides is not None
    assert plan.both_sides > 20


def test_a_level_that_few_seeds_cannot_reach_asks_for_more() -> None:
    """However small the spread: 1/C(B+S, S) has to reach the level."""
    question = SeedQuestion(margin=1, floor=0.5, fail_level=1e-4, pass_level=0.01)
    plan = plan_seeds(question, spread=0.001, bank_seeds=20)
    assert plan.to_fail == 4
    assert math.comb(23, 3) * 1e-4 < 1 <= math.comb(24, 4) * 1e-4
    assert plan.to_pass == 4  # two would show it, and a look that cannot fail does not pass
    assert plan.both_sides == 8
    assert math.comb(14, 7) * 1e-4 < 1 <= math.comb(16, 8) * 1e-4


@given(st.integers(2, 60), st.floats(1e-5, 0.2))
@settings(max_examples=60)
def test_the_fewest_seeds_that_can_fail_are_the_first_in_reach_of_the_level(other: int, level: float) -> None:
    fewest = fewest_that_can_fail(other, level)
    if fewest is None:
        assert 1 / math.comb(1_000 + other, other) > level
    else:
        assert 1 / math.comb(fewest + other, other) <= level
        assert fewest == 2 or 1 / math.comb(fewest - 1 + other, other) > level


def test_two_seeds_reach_no_tiny_level_against_any_bank() -> None:
    """C(1,002, 2) is 501,501."""
    assert fewest_that_can_fail(2, 1e-6) is None
    with pytest.raises(VerdictError, match="fail_level"):
        fewest_that_can_fail(4, 0.0)


def test_the_floor_alone_can_ask_for_more_seeds() -> None:
    """A floor at the margin is reached in half of all cases, whatever the seeds."""
    question = SeedQuestion(margin=1, floor=1, fail_level=0.01, pass_level=0.05)
    assert plan_seeds(question, spread=0.5, bank_seeds=40).to_fail is None


@pytest.mark.parametrize("change", [{"spread": 0.0}, {"spread": math.nan}, {"bank_seeds": 1}, {"power": 1.0}])
def test_impossible_plans_are_refused(change: dict[str, float]) -> None:
    arguments = {"spread": 0.5, "bank_seeds": 20} | change
    with pytest.raises(VerdictError, match=next(iter(change)).split("_", maxsplit=1)[0]):
        plan_seeds(SeedQuestion(1, 0.5, 0.001, 0.025), **arguments)


@pytest.mark.parametrize(
    "fields", [(0, 0, 0.1, 0.1), (1, 2, 0.1, 0.1), (1, -1, 0.1, 0.1), (1, 0.5, 0, 0.1), (1, 0.5, 0.1, 1)]
)
def test_impossible_questions_are_refused(fields: tuple[float, ...]) -> None:
    with pytest.raises(VerdictError, match=r"margin|level"):
        SeedQuestion(*fields)


@given(st.integers(2, 1_000), st.integers(2, 500))
def test_the_search_finds_the_smallest(truth: int, most: int) -> None:
    asked: list[int] = []

    def is_enough(seeds: int) -> bool:
        asked.append(seeds)
        return seeds >= truth

    assert smallest_enough(is_enough, most=most) == (truth if truth <= most else None)
    assert max(asked) <= most
