"""A matrix: one benchmark in many environments, each held against one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertbench.matrix.environment import Environment
from bertbench.record import Revision
from bertbench.verdict import Check, Outcome, overall


@dataclass(frozen=True)
class Cell:
    """One benchmark in one environment.

    Attributes:
        name: Of the environment, unique within the matrix.
        environment: What it is.
        runs: Ids of the runs that were taken: the newest of the environment and those known to be of its code.
        is_reference: Whether the others are held against this one.
        promises: What the spec promises, judged on the newest run, the fresh-process repeat included.
        quality: Held against the reference by the rule of a comparison; None of the reference itself, or without one.
        seeds: Completed seeds.
        failed_seeds: Seeds that ended in NaN.
        accuracy: Mean over completed seeds of the final validation accuracy; None if there are none.
        accuracy_spread: Standard deviation over them; None of fewer than two.
        group: Letter of those with equal bits; None if no seed completed.
        step_seconds: Median over seeds of a seed's median step; None if unknown, or test workers shared the machine.
        step_ratio: To the reference's step; None on another machine or without a number on either side.
        differs: Where the bits part from the reference's, in words; empty if they do not.
    """

    name: str
    environment: Environment
    runs: tuple[str, ...]
    is_reference: bool
    promises: tuple[Check, ...]
    quality: Check | None
    seeds: int
    failed_seeds: int
    accuracy: float | None
    accuracy_spread: float | None
    group: str | None
    step_seconds: float | None
    step_ratio: float | None
    differs: str = ""

    @property
    def completed(self) -> bool:
        """Whether the newest run did."""
        return self.promises[0].outcome == "pass"

    @property
    def promises_outcome(self) -> Outcome:
        """Of all promises together."""
        return overall(self.promises)

    @property
    def outcome(self) -> Outcome:
        """Of promises and quality; what cannot be compared is undecided, since nobody accepted a baseline."""
        checks = [*self.promises, *([self.quality] if self.quality else [])]
        outcome = overall(checks)
        return "undecided" if outcome == "no_baseline" else outcome


@dataclass(frozen=True)
class Matrix:
    """One benchmark in every environment that ran it at one commit.

    Attributes:
        benchmark: Name of the spec.
        fingerprint: Of its recipe without engine and runtime.
        revision: Of the spec's repository; None if the runs have none.
        cells: The reference first, then by engine and name.
        separations: What sets the groups of equal bits apart, in sentences.
        left_out: Runs of this benchmark that were not taken, and why, in words, by their ids.
    """

    benchmark: str
    fingerprint: str
    revision: Revision | None
    cells: tuple[Cell, ...]
    separations: tuple[str, ...]
    left_out: dict[str, str]

    @property
    def reference(self) -> Cell | None:
        """The one that the others are held against; None if no environment completed."""
        return next((cell for cell in self.cells if cell.is_reference), None)

    @property
    def outcome(self) -> Outcome:
        """The worst of all cells."""
        return worst([cell.outcome for cell in self.cells])


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Fail, else undecided, else pass; of nothing undecided."""
    found = set(outcomes)
    if "fail" in found:
        return "fail"
    return "pass" if found == {"pass"} else "undecided"
