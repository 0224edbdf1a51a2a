"""What the gate promises, as numbers that a count can contradict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bertbench.stats import ExactRate, GateRates

Standing = Literal["shown", "consistent", "violated"]


@dataclass(frozen=True)
class Promise:
    """A bound on how often a verdict comes.

    Attributes:
        verdict: Which.
        at_most: Largest rate promised; None if the promise is a least rate.
        at_least: Smallest rate promised; None likewise.
    """

    verdict: Literal["fail", "pass", "undecided"]
    at_most: float | None = None
    at_least: float | None = None

    @property
    def words(self) -> str:
        """As in 'fail <= 1 %'."""
        if self.at_most is not None:
            return f"{self.verdict} <= {100 * self.at_most:.4g} %"
        return f"{self.verdict} >= {100 * (self.at_least or 0):.4g} %"

    def of_each(self, checks: int) -> Promise:
        """What each of so many checks must keep, so that one CI run of all of them keeps this.

        Assumption: checks are independent. A word that may come in a share q of runs may come in 1 - (1 - q)^(1/checks)
        of each; one that must come in q of them must come in q^(1/checks).

        Args:
            checks: Of one CI run, 1 or more.
        """
        if checks == 1:
            return self
        most, least = self.at_most, self.at_least
        return Promise(
            self.verdict,
            at_most=None if most is None else 1 - (1 - most) ** (1 / checks),
            at_least=None if least is None else least ** (1 / checks),
        )

    def keeps(self, rate: float) -> bool:
        """Whether a known rate keeps it; NaN does not."""
        if self.at_most is not None:
            return rate <= self.at_most
        return self.at_least is not None and rate >= self.at_least

    def standing(self, seen: ExactRate, *, may_show: bool) -> Standing:
        """What a count says: the whole interval keeps the promise, contradicts it, or the promise lies within it.

        Args:
            seen: The count, with its interval.
            may_show: Whether it counts independent runs. A simulation draws from seeds taken to be exchangeable, so it
                shows the arithmetic of the rule and not what a change does to real seeds, and its interval shrinks with
                trials that cost nothing; trials that share a bank have a longer interval than the exact one. Both can
                contradict a promise, and show none.
        """
        ends = self.keeps(seen.low), self.keeps(seen.high)
        if not any(ends):
            return "violated"
        return "shown" if all(ends) and may_show else "consistent"

    def rate_of(self, rates: GateRates) -> ExactRate:
        """The rate that it is about."""
        return {"fail": rates.fail, "pass": rates.passed, "undecided": rates.undecided}[self.verdict]


#: Of one CI run, all its gated checks together.
FALSE_ALARMS = Promise("fail", at_most=0.01)
PASSES = Promise("pass", at_least=0.95)
DOUBTS = Promise("undecided", at_most=0.05)
MISSES = Promise("pass", at_most=0.05)
POWER = Promise("fail", at_least=0.9)
SPEED_POWER = Promise("fail", at_least=0.95)

#: By what is true of the candidate. `point` is a drop of one point, which is also the margin, on 300 rows or more and
#: with a spread over seeds of half a point or less; at larger spreads or on fewer rows a drop of the margin need only
#: not pass. `slower` is a step slower by the margin, at a spread of processes of 3 % or less; a `noisy` machine is
#: above it: a comparison takes many pairs or stays undecided, and no more is promised than not to accuse.
PROMISES: dict[str, tuple[Promise, ...]] = {
    "same": (FALSE_ALARMS, PASSES, DOUBTS),
    "margin": (MISSES,),
    "point": (MISSES, POWER),
    "slower": (MISSES, SPEED_POWER),
    "noisy": (FALSE_ALARMS,),
}
