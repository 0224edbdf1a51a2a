"""Did quality get worse? The rule that decides, look by look, with as few seeds as it takes.

The baseline is a bank of 20 seeds or more. The candidate runs 4, 8, 20 seeds, the bank's own, and at each look:

- *fail* if the permutation test reaches alpha times the look's share, the drop seen is at least the floor, and the
  seeds that both sides ran say the same. By the union bound the chance of a fail, if nothing changed, is at most alpha
  over all looks, as far as sides are exchangeable (`permutation_test`).
- *pass* if the upper bound of the drop, at 5 % times the look's share, lies below the margin. A drop of the margin
  passes in at most 5 %, as far as means of seeds are normal.
- else *go on*, and after the last look *undecided*.

A look with so few seeds that the smallest possible p, 1 / C(B+S, S), is above its level cannot fail, whatever is seen.
What cannot accuse has not been asked: such a look does not pass either.

Between floor and margin either word may come: that is a *small drop*, and it is said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bertbench.errors import VerdictError
from bertbench.stats.noninferiority import DifferenceOfMeans, difference_of_means
from bertbench.stats.permutation import permutation_test
from bertbench.stats.samples import distinct_of, probability, rounding_spread, rows_told, whole_rows
from bertbench.stats.seed_plan import SeedPlan, SeedQuestion, plan_seeds

#: Candidate seeds at each look.
LOOKS = (4, 8, 20)
#: What each look may spend of both error rates. The first gets least: few seeds decide only what is plain.
SHARES = (0.2, 0.3, 0.5)
#: Fewest seeds of a bank.
SMALLEST_BANK = 20
#: Chance to pass a drop of the margin.
PASS_ALPHA = 0.05
#: Confidence of intervals that are shown.
SHOWN_CONFIDENCE = 0.99

_POINTS = 100.0
_FEWEST_FOR_SPREAD = 2
#: Numbers that are equal in exact arithmetic may differ by this in doubles; no whole row is as small.
ROUNDING_POINTS = 1e-9

Word = Literal["fail", "pass", "go on", "undecided"]


@dataclass(frozen=True)
class QualityRule:
    """What decides a comparison of quality; checked when it is made.

    Attributes:
        alpha: Chance of a fail if nothing changed, this check alone, over all its looks.
        margin_points: Drop that a pass excludes.
        floor_points: Smallest drop seen that may fail; None is half the margin.
        pass_alpha: Chance to pass a drop of the margin.
        looks: Candidate seeds at each look, rising.
        shares: What each look may spend of both error rates; together at most 1.
        smallest_bank: Fewest seeds of a baseline.
    """

    alpha: float
    margin_points: float = 1.0
    floor_points: float | None = None
    pass_alpha: float = PASS_ALPHA
    looks: tuple[int, ...] = LOOKS
    shares: tuple[float, ...] = SHARES
    smallest_bank: int = SMALLEST_BANK

    def __post_init__(self) -> None:
        """Refuse a rule that could not keep its error rates.

        Raises:
            VerdictError: If a field is outside its range.
        """
        probability("alpha", self.alpha)
        probability("pass_alpha", self.pass_alpha)
        if not (0 < self.margin_points < _POINTS and 0 < self.floor <= self.margin_points):
            raise VerdictError(
                f"margin {self.margin_points} and floor {self.floor} points were given, "
                "0 < floor <= margin < 100 was expected"
            )
        if not self.looks or any(late <= early for early, late in zip((1, *self.looks), self.looks, strict=False)):
            raise VerdictError(f"looks: {self.looks} was given, rising numbers of seeds from 2 were expected")
        if len(self.shares) != len(self.looks) or not all(share > 0 for share in self.shares):
            raise VerdictError(
                f"shares: {self.shares} was given, a positive share for each of {self.looks} was expected"
            )
        if not math.fsum(self.shares) <= 1 + ROUNDING_POINTS:
            raise VerdictError(f"shares: {self.shares} add to {math.fsum(self.shares):g}, at most 1 was expected")
        if self.smallest_bank < _FEWEST_FOR_SPREAD:
            raise VerdictError(f"smallest_bank: {self.smallest_bank} was given, two or more were expected")

    @property
    def floor(self) -> float:
        """Smallest drop that may fail, in points."""
        return self.margin_points / 2 if self.floor_points is None else self.floor_points


@dataclass(frozen=True)
class QualitySamples:
    """What is compared: accuracies by seed, on the same rows.

    Seeds that failed are left out by the caller and counted apart.

    Attributes:
        bank: The baseline's accuracy by seed, as shares of the rows.
        candidate: The candidate's, likewise.
        rows: All rows that the accuracies are of; each accuracy is a whole number of them.
        distinct_rows: How many of these differ; all if None. Margin and rounding rest on them: a row written twice adds
            nothing to what is known.
    """

    bank: Mapping[int, float]
    candidate: Mapping[int, float]
    rows: int
    distinct_rows: int | None = None

    @property
    def distinct(self) -> int:
        """Rows that differ; all of them where nobody counted."""
        return self.rows if self.distinct_rows is None else self.distinct_rows

    def hits(self) -> tuple[dict[int, int], dict[int, int]]:
        """Rows that are right, by seed: of the bank, of the candidate.

        Raises:
            VerdictError: If a value is NaN or no share of these rows.
        """
        return _hits("baseline", self.bank, self.rows), _hits("candidate", self.candidate, self.rows)


@dataclass(frozen=True)
class LookDecision:
    """One look: the word and every number it rests on. Drops are positive where the candidate is worse.

    Attributes:
        word: 'fail', 'pass', 'go on' (run up to the next look), 'undecided' (there is none).
        look: Candidate seeds that this look prescribes.
        seeds: Candidate seeds compared: those that did not fail.
        bank_seeds: Baseline seeds compared.
        rows: Rows that the shares are of.
        distinct_rows: Those that differ: margin and floor of the spread rest on them.
        drop_points: Estimate of D, in points.
        interval_points: Two-sided 99 % interval of D, for display; infinite with fewer than four seeds.
        p_value: Of the permutation test that the candidate is worse.
        p_value_better: Of the same test the other way round, for the notice 'better'.
        exact: Whether all splits are in the p values.
        fail_level: What p must not exceed here: alpha times the look's share.
        smallest_possible_p: The least p that any result could give here; above the level the look decides nothing.
        upper_bound_points: One-sided upper bound of D.
        pass_confidence: Of that bound: 1 - 5 % times the look's share.
        margin_points: What the bound must stay below to pass.
        floor_points: What the estimate must reach to fail.
        shared_seeds: Seeds that both sides ran.
        shared_drop_points: Mean drop over those alone; None if there are none.
        baseline_spread_points: Standard deviation over the bank's seeds.
        candidate_spread_points: Likewise of the candidate's.
        pooled_spread_points: The one that bound and interval rest on, floored at that of rounding to distinct rows.
        welch: Whether bound and interval take the variances apart.
        plan: Seeds that would decide; only where *word* is 'undecided'.
    """

    word: Word
    look: int
    seeds: int
    bank_seeds: int
    rows: int
    distinct_rows: int
    drop_points: float
    interval_points: tuple[float, float]
    p_value: float
    p_value_better: float
    exact: bool
    fail_level: float
    smallest_possible_p: float
    upper_bound_points: float
    pass_confidence: float
    margin_points: float
    floor_points: float
    shared_seeds: int
    shared_drop_points: float | None
    baseline_spread_points: float
    candidate_spread_points: float
    pooled_spread_points: float
    welch: bool
    plan: SeedPlan | None = None

    @property
    def can_fail(self) -> bool:
        """Whether any result of this look could have failed: the smallest possible p reaches the level.

        The numbers of seeds and the level decide that (where splits are drawn, their number too), never which
        accuracies were seen. A look that cannot fail does not pass.
        """
        return self.smallest_possible_p <= self.fail_level

    @property
    def reaches_fail(self) -> bool:
        """Whether p and the drop seen are those of a fail; it is one if the seeds of both sides agree."""
        return self.p_value <= self.fail_level and self.drop_points >= self.floor_points - ROUNDING_POINTS

    @property
    def shared_seeds_agree(self) -> bool:
        """Whether the seeds of both sides, where there are any, fell too: equal predictions are never accused."""
        return self.shared_drop_points is None or self.shared_drop_points > 0

    @property
    def small_drop(self) -> bool:
        """Whether the drop seen lies between floor and margin, where either word may come."""
        return self.floor_points - ROUNDING_POINTS <= self.drop_points < self.margin_points

    @property
    def better(self) -> bool:
        """Whether the fail rule, with the sides swapped, would fail: a notice beside the word, never a fail."""
        shared_rose = self.shared_drop_points is None or self.shared_drop_points < 0
        rose = -self.drop_points >= self.floor_points - ROUNDING_POINTS
        return self.p_value_better <= self.fail_level and rose and shared_rose


def decide_look(
    samples: QualitySamples, *, look: int, rule: QualityRule, generator: np.random.Generator
) -> LookDecision:
    """Apply the rule to what has run so far.

    Args:
        samples: What has run; of the candidate two seeds at least and *look* at most.
        look: One of the rule's looks: candidate seeds prescribed so far, failed ones included.
        rule: What decides.
        generator: For drawn splits; accuracies on up to some hundred thousand rows need none.

    Raises:
        VerdictError: If a value is NaN or no share of the rows, a sample is too small, *look* is none of the rule's, or
            the margin is less than one distinct row.
    """
    _refuse_what_no_look_decides(samples, look, rule)
    seen = _measure(samples, look, rule, generator)
    if _fails(seen):
        return replace(seen, word="fail")
    if _passes(seen):
        return replace(seen, word="pass")
    if look != rule.looks[-1]:
        return seen
    return replace(seen, word="undecided", plan=_plan(seen))


def decide_in_turn(
    samples: QualitySamples, *, seeds: Sequence[int], rule: QualityRule, generator: np.random.Generator
) -> tuple[LookDecision, ...]:
    """Take the looks one after the other until one decides, as a comparison does that runs seeds only when asked.

    Args:
        samples: All that has run; seeds of the candidate that did not run, or failed, are not in it.
        seeds: The prescribed order; a look of k takes the first k.
        rule: What decides.
        generator: For drawn splits.

    Returns:
        The looks taken, the last of which decides.

    Raises:
        VerdictError: If fewer seeds are prescribed than the last look needs, or as `decide_look` does.
    """
    if len(set(seeds)) != len(seeds) or len(seeds) < rule.looks[-1]:
        raise VerdictError(f"seeds {list(seeds)} were prescribed, {rule.looks[-1]} different ones were expected")
    taken: list[LookDecision] = []
    for look in rule.looks:
        so_far = {seed: samples.candidate[seed] for seed in seeds[:look] if seed in samples.candidate}
        taken.append(decide_look(replace(samples, candidate=so_far), look=look, rule=rule, generator=generator))
        if taken[-1].word != "go on":
            break
    return tuple(taken)


def _refuse_what_no_look_decides(samples: QualitySamples, look: int, rule: QualityRule) -> None:
    if look not in rule.looks:
        raise VerdictError(f"look: {look} was given, one of {rule.looks} was expected")
    if len(samples.candidate) > look:
        raise VerdictError(
            f"candidate: {len(samples.candidate)} seeds were given at the look of {look}, at most {look} were expected"
        )
    if len(samples.bank) < rule.smallest_bank:
        raise VerdictError(
            f"baseline: a bank of {len(samples.bank)} seeds was given, {rule.smallest_bank} or more are needed",
            remedy="accept a baseline with more seeds",
        )
    rows, distinct = samples.rows, samples.distinct
    if rule.margin_points * distinct < _POINTS * (1 - ROUNDING_POINTS):
        row = "one row" if distinct == rows else "one distinct row"
        size = f"{_POINTS / distinct:.3g} points" if distinct > 0 else "nothing"
        raise VerdictError(
            f"margin: {rule.margin_points:g} points of {rows_told(rows, distinct)} are less than {row} ({size})",
            remedy=f"raise the margin to {row} or more, or validate on more rows",
        )
    distinct_of("accuracies", distinct, rows)


def _measure(samples: QualitySamples, look: int, rule: QualityRule, generator: np.random.Generator) -> LookDecision:
    """All numbers of a look, before the word."""
    rows, (base, cand) = samples.rows, samples.hits()
    bank, candidate = list(samples.bank.values()), list(samples.candidate.values())
    difference = _difference(bank, candidate, samples.distinct)
    worse = permutation_test(bank, candidate, generator=generator, rows=rows)
    better = permutation_test(candidate, bank, generator=generator, rows=rows)
    shared = sorted(base.keys() & cand.keys())
    share = rule.shares[rule.looks.index(look)]
    return LookDecision(
        word="go on",
        look=look,
        seeds=len(cand),
        bank_seeds=len(base),
        rows=rows,
        distinct_rows=samples.distinct,
        drop_points=_drop_points(base, cand, rows),
        interval_points=difference.interval(SHOWN_CONFIDENCE),
        p_value=worse.p_value,
        p_value_better=better.p_value,
        exact=worse.exact,
        fail_level=rule.alpha * share,
        smallest_possible_p=worse.smallest_possible_p,
        upper_bound_points=difference.upper_bound(1 - rule.pass_alpha * share),
        pass_confidence=1 - rule.pass_alpha * share,
        margin_points=rule.margin_points,
        floor_points=rule.floor,
        shared_seeds=len(shared),
        shared_drop_points=_shared_drop_points(base, cand, shared, rows),
        baseline_spread_points=difference.baseline_spread,
        candidate_spread_points=difference.candidate_spread,
        pooled_spread_points=difference.spread,
        welch=difference.welch,
    )


def _fails(seen: LookDecision) -> bool:
    return seen.reaches_fail and seen.shared_seeds_agree


def _passes(seen: LookDecision) -> bool:
    return seen.can_fail and seen.upper_bound_points < seen.margin_points


def _plan(seen: LookDecision) -> SeedPlan:
    """What the last look would have needed: more seeds would be spent there."""
    question = SeedQuestion(
        margin=seen.margin_points,
        floor=seen.floor_points,
        fail_level=seen.fail_level,
        pass_level=1 - seen.pass_confidence,
    )
    return plan_seeds(question, spread=seen.pooled_spread_points, bank_seeds=seen.bank_seeds)


def _hits(name: str, shares: Mapping[int, float], rows: int) -> dict[int, int]:
    """Rows that are right, by seed."""
    whole = whole_rows(name, list(shares.values()), rows)
    return {seed: int(hits) for seed, hits in zip(shares, whole, strict=True)}


def _difference(bank: list[float], candidate: list[float], distinct_rows: int) -> DifferenceOfMeans:
    """The difference in points, with the spread floored at that of rounding to distinct rows."""
    return difference_of_means(
        [_POINTS * share for share in bank],
        [_POINTS * share for share in candidate],
        least_spread=_POINTS * rounding_spread(distinct_rows),
    )


def _drop_points(bank: Mapping[int, int], candidate: Mapping[int, int], rows: int) -> float:
    """Difference of the means, in points, from whole rows: one rounding, so swapping sides changes the sign alone."""
    lost_rows = sum(bank.values()) * len(candidate) - sum(candidate.values()) * len(bank)
    return _POINTS * lost_rows / (len(bank) * len(candidate) * rows)


def _shared_drop_points(
    bank: Mapping[int, int], candidate: Mapping[int, int], shared: Sequence[int], rows: int
) -> float | None:
    if not shared:
        return None
    return _POINTS * sum(bank[seed] - candidate[seed] for seed in shared) / (len(shared) * rows)
