"""Did a step get slower? The rule that decides, look by look, on pairs of whole processes.

A sample is one process, the median of its step times; a pair is a process of the baseline and one of the candidate, one
right after the other in an order that a coin decided; d = log(candidate / baseline). At each of at most two looks:

- *fail* if the exact signed-rank test reaches the look's share of alpha and the estimate (Hodges & Lehmann) is at
  least the floor. By the union bound the chance of a fail, if nothing changed, is at most alpha over all looks: the
  coin makes signs fair, and nothing else is assumed.
- *pass* if the upper bound of the change, by the same test inverted, at the look's share of 5 %, lies below the margin.
  Assumption: differences are symmetric about the change.
- else go on, and after the last look *undecided*.

A look that cannot fail, because the smallest possible p is above its level, does not pass either: what cannot accuse
has not been asked. Pairs without a difference have no sign, so they do not count towards the pairs that a look needs.

How many pairs a look takes is planned from the sizes of the differences so far, never from their signs: the first look
by the change and the spread they show if all have one sign, the last by the margin and the spread they show if nothing
changed (`speed_plan`). So a step of twice the time is found by few pairs, however wide the spread.

A pair that the machine disturbed may have been measured twice. Then each look is taken twice, with the second
measurements and with the first, and their words must agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from bertbench.errors import VerdictError
from bertbench.stats.samples import finite, probability
from bertbench.stats.sequential import SHOWN_CONFIDENCE
from bertbench.stats.signed_rank import signed_rank_interval, signed_rank_test, signed_rank_upper_bound
from bertbench.stats.speed_plan import SpeedQuestion, pairs_needed, spread_if_changed, spread_if_unchanged

#: Two looks with the error rates halved; a third would cost more pairs than it saves.
MOST_LOOKS = 2
#: A second look at hardly more pairs is the first look again.
_LATER_LOOK_GROWS = 1.5
#: Times the smallest number of pairs: a look that is not the last need not wait for a spread to be overcome.
_FIRST_LOOK_AT_MOST = 2
_FEWEST_FOR_SPREAD = 2

Word = Literal["fail", "pass", "undecided"]


@dataclass(frozen=True)
class SpeedRule:
    """What decides a comparison of speed; checked when it is made.

    Attributes:
        alpha: Chance of a fail if nothing changed, over all looks.
        floor: Smallest slowdown seen that may fail, as a share: 0.02 is 2 %.
        margin: Slowdown that a pass excludes, as a share.
        pass_alpha: Chance to pass a slowdown of the margin, over all looks.
        looks: One or two; each spends an equal share of both error rates.
        first_pairs: Pairs whose sizes the first plan is made from.
        most_pairs: More are no plan.
        power: Chance to see a slowdown of the margin that plans aim at.
    """

    alpha: float
    floor: float = 0.02
    margin: float = 0.05
    pass_alpha: float = 0.05
    looks: int = MOST_LOOKS
    first_pairs: int = 6
    most_pairs: int = 200
    power: float = 0.95

    def __post_init__(self) -> None:
        """Refuse a rule that could not keep its error rates.

        Raises:
            VerdictError: If a field is outside its range.
        """
        for name in ("alpha", "pass_alpha", "power"):
            probability(name, getattr(self, name))
        if not 0 < self.floor <= self.margin < 1:
            raise VerdictError(
                f"floor {self.floor} and margin {self.margin} were given, 0 < floor <= margin < 1 was expected"
            )
        if self.looks not in range(1, MOST_LOOKS + 1):
            raise VerdictError(f"looks: {self.looks} was given, 1 or {MOST_LOOKS} was expected")
        if self.first_pairs < _FEWEST_FOR_SPREAD:
            raise VerdictError(f"first_pairs: {self.first_pairs} was given, two or more have a spread")
        if self.most_pairs < self.smallest_pairs:
            raise VerdictError(
                f"most_pairs: {self.most_pairs} was given; alpha {self.alpha:g} over {self.looks} looks needs "
                f"{self.smallest_pairs} pairs at least"
            )

    @property
    def fail_level(self) -> float:
        """Level of one look's test."""
        return self.alpha / self.looks

    @property
    def pass_confidence(self) -> float:
        """Of one look's upper bound."""
        return 1 - self.pass_alpha / self.looks

    @property
    def smallest_pairs(self) -> int:
        """Fewer pairs cannot fail, whatever their times: 2^-pairs, the smallest possible p, is above the level.

        Pairs without a difference do not count.
        """
        can_fail = next(pairs for pairs in range(1, 1075) if 0.5**pairs <= self.fail_level)
        return max(self.first_pairs, can_fail)

    @property
    def question(self) -> SpeedQuestion:
        """What one look has to tell apart."""
        level = min(self.fail_level, 1 - self.pass_confidence)
        return SpeedQuestion(math.log1p(self.margin), level, self.power, self.smallest_pairs, self.most_pairs)


@dataclass(frozen=True)
class SpeedLook:
    """What one look sees; slowdowns are shares, 0.05 is 5 % slower, below 0 is faster.

    Attributes:
        word: The decision; `undecided` also means go on.
        pairs: Pairs looked at.
        zeros: Pairs without a difference.
        slowdown: Hodges-Lehmann estimate, exp(log ratio) - 1.
        interval: Two-sided 99 %; (-1, inf) is 'nothing is excluded'.
        p_value: One-sided, against 'nothing changed'.
        fail_level: What p must reach.
        smallest_possible_p: With so many pairs that differ; above the level nothing can fail, so nothing passes.
        upper_bound: One-sided, of the slowdown.
        pass_confidence: Of the upper bound.
        small: Estimate between floor and margin: either word may come.
    """

    word: Word
    pairs: int
    zeros: int
    slowdown: float
    interval: tuple[float, float]
    p_value: float
    fail_level: float
    smallest_possible_p: float
    upper_bound: float
    pass_confidence: float
    small: bool

    @property
    def can_fail(self) -> bool:
        """Whether any signs of these pairs could have failed; if not, the look does not pass either."""
        return self.smallest_possible_p <= self.fail_level


@dataclass(frozen=True)
class PairedDifferences:
    """log(candidate / baseline) of each counted pair, in the order of measurement.

    Attributes:
        in_force: Of a pair that was measured again, the second measurement.
        first_time: Of every pair the first.
    """

    in_force: tuple[float, ...]
    first_time: tuple[float, ...]

    @property
    def repeated(self) -> bool:
        """Whether any pair was measured again."""
        return self.in_force != self.first_time


@dataclass(frozen=True)
class SpeedSeries:
    """A comparison from its first pair to its last.

    Attributes:
        planned_pairs: Of each look that was planned; None is 'more than are a plan'.
        looks: Those that were taken.
        agrees: Whether the last look has the same word without the repeats.
        without_repeats: The last look at the first measurements; None if nothing was measured again.
        pairs: Measured at the end.
        spread: Standard deviation of log ratios about zero at the end; None below two pairs.
    """

    planned_pairs: tuple[int | None, ...]
    looks: tuple[SpeedLook, ...]
    agrees: bool
    without_repeats: SpeedLook | None
    pairs: int
    spread: float | None

    @property
    def word(self) -> Word:
        """The decision; without a look, or where repeats decided, undecided."""
        return self.looks[-1].word if self.looks and self.agrees else "undecided"


#: Measures until there are so many counted pairs, or fewer if time is up; gives all there are.
Measure = Callable[[int], PairedDifferences]


def look_at(log_ratios: ArrayLike, rule: SpeedRule) -> SpeedLook:
    """Decide on the pairs at hand.

    Args:
        log_ratios: log(candidate / baseline) of each pair.
        rule: What decides.

    Raises:
        VerdictError: If there are none, or one is not finite.
    """
    test = signed_rank_test(log_ratios)
    low, high = signed_rank_interval(log_ratios, confidence=SHOWN_CONFIDENCE)
    bound = signed_rank_upper_bound(log_ratios, confidence=rule.pass_confidence)
    seen = SpeedLook(
        word="undecided",
        pairs=test.pairs,
        zeros=test.zeros,
        slowdown=math.expm1(test.estimate),
        interval=(math.expm1(low), math.expm1(high)),
        p_value=test.p_value,
        fail_level=rule.fail_level,
        smallest_possible_p=test.smallest_possible_p,
        upper_bound=math.expm1(bound),
        pass_confidence=rule.pass_confidence,
        small=rule.floor <= math.expm1(test.estimate) < rule.margin,
    )
    return replace(seen, word=_word(seen, rule))


def looks_in_turn(measure: Measure, rule: SpeedRule) -> SpeedSeries:
    """Plan, measure, look, until it is decided, the looks are used up or *measure* gives fewer pairs than planned.

    Raises:
        VerdictError: If a difference is not finite.
    """
    seen = measure(rule.first_pairs)
    planned: list[int | None] = []
    looks: list[SpeedLook] = []
    agrees, other = True, None
    while len(seen.in_force) >= rule.first_pairs and len(looks) < rule.looks:
        pairs = plan_look(seen.in_force, looks_taken=len(looks), rule=rule)
        planned.append(pairs)
        if pairs is None:
            break
        before = len(seen.in_force)
        seen = measure(pairs)
        if looks and len(seen.in_force) == before:
            break
        looks.append(look_at(seen.in_force, rule))
        other = look_at(seen.first_time, rule) if seen.repeated else None
        agrees = other is None or other.word == looks[-1].word
        if len(seen.in_force) < pairs or (agrees and looks[-1].word != "undecided"):
            break
    sizes = finite("log ratios", np.abs(seen.in_force), at_least=0)
    spread = spread_if_unchanged(sizes) if sizes.size >= _FEWEST_FOR_SPREAD else None
    return SpeedSeries(tuple(planned), tuple(looks), agrees, other, len(seen.in_force), spread)


def plan_look(log_ratios: ArrayLike, *, looks_taken: int, rule: SpeedRule) -> int | None:
    """Pairs of the next look, from the sizes of *log_ratios* alone; None if that is more than any plan has.

    Pairs without a difference do not count towards the fewest that can decide: so many more are planned.
    """
    sizes = np.abs(np.asarray(log_ratios, np.float64))
    zeros = int(np.count_nonzero(sizes == 0))
    question = replace(rule.question, fewest=rule.smallest_pairs + zeros)
    if looks_taken + 1 < rule.looks:
        change = max(float(sizes.mean()), question.margin)
        pairs = pairs_needed(spread_if_changed(sizes), replace(question, margin=change))
        latest = _FIRST_LOOK_AT_MOST * rule.smallest_pairs
        return max(min(pairs or latest, latest), sizes.size)
    pairs = pairs_needed(spread_if_unchanged(sizes), question)
    grown = max(pairs or rule.most_pairs + 1, math.ceil(_LATER_LOOK_GROWS * sizes.size) if looks_taken else sizes.size)
    return grown if grown <= rule.most_pairs else None


def _word(seen: SpeedLook, rule: SpeedRule) -> Word:
    if seen.pairs < rule.smallest_pairs or not seen.can_fail:
        return "undecided"
    if seen.p_value <= rule.fail_level and seen.slowdown >= rule.floor:
        return "fail"
    return "pass" if seen.upper_bound < rule.margin else "undecided"
