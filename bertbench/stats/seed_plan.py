"""How many seeds would decide? For a comparison that came out undecided."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from bertbench.errors import VerdictError
from bertbench.stats.noncentral_t import noncentral_t_sf
from bertbench.stats.permutation import smallest_possible_p
from bertbench.stats.samples import probability
from bertbench.stats.search import smallest_enough

#: Chance that a plan aims at.
POWER = 0.9
#: A noncentrality this many times the critical value is passed for certain: T would have to be a tenth of it, and the
#: series behind nct does not reach so far.
_FAR = 10


@dataclass(frozen=True)
class SeedPlan:
    """Seeds that would decide with the chance *power*, if the spread stays what it is.

    Attributes:
        to_pass: Candidate seeds, against this bank, that would pass if nothing changed, enough for a fail too (a look
            that cannot fail does not pass); None if no number would, because the bank's own mean is not known well
            enough.
        to_fail: Candidate seeds that would fail if the drop is the margin; None likewise.
        both_sides: Seeds of baseline *and* candidate that would do both; None above 1,000.
        power: The chance aimed at.
    """

    to_pass: int | None
    to_fail: int | None
    both_sides: int | None
    power: float


@dataclass(frozen=True)
class SeedQuestion:
    """What one look has to tell apart, in the unit of the spread.

    Attributes:
        margin: Drop that a pass excludes and a fail should see, above 0.
        floor: Smallest estimate that may fail, from 0 to *margin*.
        fail_level: Level of the look that would fail.
        pass_level: Level of the look that would pass.
    """

    margin: float
    floor: float
    fail_level: float
    pass_level: float

    def __post_init__(self) -> None:
        """Refuse what is no question.

        Raises:
            VerdictError: If a field is outside its range.
        """
        if not (self.margin > 0 and 0 <= self.floor <= self.margin):
            raise VerdictError(
                f"seed plan: margin {self.margin} and floor {self.floor} were given, 0 <= floor <= margin and a "
                "positive margin were expected"
            )
        probability("fail_level", self.fail_level)
        probability("pass_level", self.pass_level)


def plan_seeds(question: SeedQuestion, *, spread: float, bank_seeds: int, power: float = POWER) -> SeedPlan:
    """The smallest numbers of seeds at which one look reaches *power*.

    Approximations: seeds are normal with this spread on both sides; the permutation test has the power of Student's t
    (its efficiency tends to 1), but never below its smallest possible p; the floor is met apart from the test. It is a
    plan, not a promise: a spread estimated from few seeds is itself uncertain.

    Args:
        question: What to tell apart.
        spread: Standard deviation over seeds, above 0.
        bank_seeds: Seeds of the baseline, two or more.
        power: Chance to plan for.

    Raises:
        VerdictError: If an argument is outside its range.
    """
    probability("power", power)
    if not (spread > 0 and bank_seeds > 1):
        raise VerdictError(
            f"seed plan: spread {spread} and {bank_seeds} bank seeds were given, a positive spread and two or more "
            "seeds were expected"
        )

    def error(bank: int, seeds: int) -> float:
        return spread * math.sqrt(1 / bank + 1 / seeds)

    def passes(bank: int, seeds: int) -> bool:
        return (
            smallest_possible_p(bank, seeds) <= question.fail_level
            and chance_beyond(question.margin / error(bank, seeds), bank + seeds - 2, question.pass_level) >= power
        )

    def fails(bank: int, seeds: int) -> bool:
        return (
            smallest_possible_p(bank, seeds) <= question.fail_level
            and chance_beyond(question.margin / error(bank, seeds), bank + seeds - 2, question.fail_level) >= power
            and float(stats.norm.cdf((question.margin - question.floor) / error(bank, seeds))) >= power
        )

    return SeedPlan(
        to_pass=smallest_enough(lambda seeds: passes(bank_seeds, seeds)),
        to_fail=smallest_enough(lambda seeds: fails(bank_seeds, seeds)),
        both_sides=smallest_enough(lambda seeds: passes(seeds, seeds) and fails(seeds, seeds)),
        power=power,
    )


def fewest_that_can_fail(other_side: int, fail_level: float) -> int | None:
    """The fewest seeds of one side with which a look can fail, and so decide: the smallest possible p is in reach.

    Both ways round: of the bank against so many candidate seeds, of the candidate against so large a bank.

    Args:
        other_side: Seeds of the other side, at least 1.
        fail_level: Level of the look, between 0 and 1.

    Returns:
        Two or more; None above 1,000.

    Raises:
        VerdictError: If the level is outside its range.
    """
    level = probability("fail_level", fail_level)
    return smallest_enough(lambda seeds: smallest_possible_p(seeds, other_side) <= level)


def chance_beyond(noncentrality: float, degrees_of_freedom: int, level: float) -> float:
    """Chance that a one-sided t test at *level* tells two means apart.

    By the noncentral t distribution: P(T > t(1 - level, df)). The same number answers both questions: a drop of the
    margin against none, and none against a drop of the margin.

    Args:
        noncentrality: True distance of the means in standard errors.
        degrees_of_freedom: B + S - 2.
        level: Between 0 and 1.
    """
    critical = float(stats.t.ppf(1 - level, degrees_of_freedom))
    if noncentrality > critical * _FAR:
        return 1.0
    return noncentral_t_sf(critical, degrees_of_freedom, noncentrality)
