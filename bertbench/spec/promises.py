"""What is promised of a recipe, and what decides whether it is kept; none of it changes what a run computes."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from bertbench.quantities import BUDGETS, Better, quality_of
from bertbench.spec.table import Table, known_quantity

_PERCENT = 100
#: Shares that add to 1 in decimals may add to a little more in doubles.
_ROUNDING = 1e-9


def _bound_of(promise: ExpectSpec | BudgetSpec, better: Better, what: str) -> tuple[str, float]:
    """The key that holds the number promised, and the number.

    Raises:
        ValueError: If there is none, or one on the side where nothing is promised.
    """
    right, wrong = ("at_least", "at_most") if better == "higher" else ("at_most", "at_least")
    if getattr(promise, wrong) is not None:
        raise ValueError(f"{wrong}: {promise.quantity} is better when {better}; write {right}")
    bound: float | None = getattr(promise, right)
    if bound is None:
        raise ValueError(f"{right}: missing; {what} needs its number")
    return right, bound


class ExpectSpec(Table):
    """A promise about quality."""

    quantity: str
    """`validation_` or `train_` with accuracy, macro_f1, matthews_correlation or loss."""
    at_least: float | None = None
    """Lower bound, for quantities that are better when higher."""
    at_most: float | None = None
    """Upper bound, for quantities that are better when lower."""
    epoch: Literal["last", "best"] = "last"
    """At the last epoch, or at the epoch where this quantity was best."""
    over: Literal["every_seed", "mean", "lower_bound"] = "every_seed"
    """Each seed; the mean over seeds; or the 95 % one-sided confidence bound of the mean on the bad side."""

    @field_validator("quantity")
    @classmethod
    def _known(cls, value: str) -> str:
        return known_quantity(value)

    @model_validator(mode="after")
    def _one_bound(self) -> ExpectSpec:
        _, quantity = quality_of(self.quantity)
        right, bound = _bound_of(self, quantity.better, "a threshold")
        if not quantity.is_valid(bound):
            percent = f"; in percent? write {bound / _PERCENT:g}" if quantity.is_valid(bound / _PERCENT) else ""
            raise ValueError(f"{right}: {bound:g} is impossible, {self.quantity} is {quantity.allowed()}{percent}")
        return self

    @property
    def bound(self) -> float:
        """The number promised."""
        return next(bound for bound in (self.at_least, self.at_most) if bound is not None)


class BudgetSpec(Table):
    """A promise about time or memory."""

    quantity: str
    """A phase with `_seconds`, `step_seconds` (median), `utilization` or `peak_memory_mebibytes`."""
    at_least: float | None = None
    """Lower bound, for `utilization`."""
    at_most: float | None = None
    """Upper bound, for all others."""

    @field_validator("quantity")
    @classmethod
    def _known(cls, value: str) -> str:
        return known_quantity(value, BUDGETS)

    @model_validator(mode="after")
    def _one_bound(self) -> BudgetSpec:
        quantity = BUDGETS[self.quantity]
        right, bound = _bound_of(self, quantity.better, "a budget")
        if not 0 < bound < math.inf:
            raise ValueError(f"{right}: {bound:g} is impossible; expected more than 0 {quantity.unit}".rstrip())
        if self.quantity == "utilization" and bound > 1:
            percent = f"; in percent? write {bound / _PERCENT:g}" if bound <= _PERCENT else ""
            raise ValueError(f"{right}: {bound:g} is impossible; expected a fraction of at most 1{percent}")
        return self

    @property
    def bound(self) -> float:
        """The number promised."""
        return next(bound for bound in (self.at_least, self.at_most) if bound is not None)


class IdentitySpec(Table):
    """Whether the run is repeated in a fresh process and compared bit for bit."""

    repeat: Literal["first_seed", "every_seed", "no"] = "first_seed"
    """Which seeds are run again."""


class VerdictSpec(Table):
    """What decides a comparison with a baseline; docs/method.md has the rules and their error rates."""

    margin_points: Annotated[float, Field(gt=0.0, lt=100.0)] | None = None
    """Drop of validation accuracy, in points, that a pass excludes; if not given a point, one distinct row at least."""
    floor_points: Annotated[float, Field(gt=0.0, lt=100.0)] | None = None
    """Smallest drop seen, in points, that may fail; half the margin if not given."""
    looks: tuple[Annotated[int, Field(ge=2)], ...] = (4, 8, 20)
    """Seeds after which a run may be decided, rising; further seeds are run only as far as the next look needs."""
    shares: tuple[Annotated[float, Field(gt=0.0, le=1.0)], ...] = (0.2, 0.3, 0.5)
    """What each look may spend of the error rates; together at most 1."""
    pass_alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05
    """Chance to pass a drop of the margin, over all looks."""
    smallest_bank: Annotated[int, Field(ge=2)] = 20
    """Seeds that a baseline needs before it says anything of quality."""
    allowed_failed_rate: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.01
    """Share of seeds that may fail (NaN, or no better than always the largest class) and be nobody's regression."""

    @model_validator(mode="after")
    def _a_rule_that_keeps_its_word(self) -> VerdictSpec:
        if not self.looks or list(self.looks) != sorted(set(self.looks)):
            raise ValueError(f"looks: {list(self.looks)} was given, rising numbers of seeds were expected")
        if len(self.shares) != len(self.looks):
            raise ValueError(
                f"shares: {len(self.shares)} for {len(self.looks)} looks; each look needs its share of the error rates"
            )
        if not math.fsum(self.shares) <= 1 + _ROUNDING:
            raise ValueError(f"shares: they add to {math.fsum(self.shares):g}, and more than 1 spends a rate twice")
        margin = self.margin_points
        if self.floor_points is not None and margin is not None and self.floor_points > margin:
            raise ValueError(
                f"floor_points: {self.floor_points:g} exceeds margin_points = {margin:g}: a drop of the margin that is "
                "certain could not fail"
            )
        if self.floor_points is not None and margin is None and self.floor_points > 1:
            raise ValueError("floor_points: more than one point needs a margin_points of at least as much")
        return self
