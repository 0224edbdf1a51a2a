"""How many seeds would decide? For a comparison that came out undecided."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from bertbench.errors import VerdictError
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
        to_pass: Candidate seeds, against this bank, that would pass if nothing changed; None if no number would,
            because the bank's own mean is not known well enough.
        to_fail: Candidate seeds that would fail if the drop is the margin; None likewise.
        both_sides: Seeds of baseline *and* candidate that would do both; None above 1,000.
        power: The chance aimed at.
    """

    to_pass: int | None
    to_fail: int | None
    both_sides: int | None
    power: float


def plan_seeds(
    *,
    spread: float,
    bank_seeds: int,
    margin: float,
    floor: float,
    fail_level: float,
    pass_level: float,
    power: float = POWER,
) -> SeedPlan:
    """The smallest numbers of seeds at which one look reaches *power*.

    Approximations: seeds are normal with this spread on both sides; the permutation test has the power of Student's t
    (its efficiency tends to 1), but never below its smallest possible p; the floor is met apart from the test. It is a
    plan, not a promise: a spread estimated from few seeds is itself uncertain.

    Args:
        spread: Standard deviation over seeds, above 0, in the unit of *margin*.
        bank_seeds: Seeds of the baseline, two or more.
        margin: Drop that a pass excludes and a fail should see, above 0.
        floor: Smallest estimate that may fail, at most *margin*.
        fail_level: Level of the look that would fail.
        pass_level: Level of the look that would pass.
        power: Chance to plan for.

    Raises:
        VerdictError: If an argument is outside its range.
    """
    if not (spread > 0 and bank_seeds > 1 and 0 <= floor <= margin and margin > 0):
        raise VerdictError(
            f"seed plan: spread {spread}, {bank_seeds} bank seeds, margin {margin}, floor {floor} were given; a positive "
            "spread and margin, two or more bank seeds and a floor of at most the margin were expected"
        )
    for name, value in (("fail_level", fail_level), ("pass_level", pass_level), ("power", power)):
        probability(name, value)

    def passes(bank: int, seeds: int) -> bool:
        return chance_beyond(margin, spread, bank, seeds, pass_level) >= power

    def fails(bank: int, seeds: int) -> bool:
        error = spread * math.sqrt(1 / bank + 1 / seeds)
        return (
            math.comb(bank + seeds, seeds) * fail_level >= 1
            and chance_beyond(margin, spread, bank, seeds, fail_level) >= power
            and float(stats.norm.cdf((margin - floor) / error)) >= power
        )

    return SeedPlan(
        to_pass=smallest_enough(lambda seeds: passes(bank_seeds, seeds)),
        to_fail=smallest_enough(lambda seeds: fails(bank_seeds, seeds)),
        both_sides=smallest_enough(lambda seeds: passes(seeds, seeds) and fails(seeds, seeds)),
        power=power,
    )


def chance_beyond(distance: float, spread: float, bank_seeds: int, seeds: int, level: float) -> float:
    """Chance that a one-sided pooled t test at *level* tells two means apart that lie *distance* apart.

    By the noncentral t distribution: P(T > t(1 - level, df)), df = B + S - 2, noncentrality distance / standard error.
    The same number answers both questions: a drop of the margin against none, and none against a drop of the margin.
    """
    freedom = bank_seeds + seeds - 2
    critical = float(stats.t.ppf(1 - level, freedom))
    noncentrality = distance / (spread * math.sqrt(1 / bank_seeds + 1 / seeds))
    if noncentrality > critical * _FAR:  # certain to every digit, and beyond what the series of nct can do
        return 1.0
    return float(stats.nct.sf(critical, freedom, noncentrality))
