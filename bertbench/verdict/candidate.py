"""What is compared with a baseline: one run, and the runs of further seeds that a later look asked for."""

from __future__ import annotations

from dataclasses import dataclass

from bertbench.baseline.ground import conflict, other_ground
from bertbench.errors import VerdictError
from bertbench.record import RunRecord, SeedRun


@dataclass(frozen=True)
class Candidate:
    """Runs that are compared as one; checked when it is made.

    Attributes:
        records: Of one ground (`baseline.ground`), as far as it is known, in the order in which they ran. The first is
            the run that promises are held against; the others ran further seeds. A seed that several of them ran counts
            once, as the first of them ran it.
    """

    records: tuple[RunRecord, ...]

    def __post_init__(self) -> None:
        """Refuse what is not one candidate.

        Raises:
            VerdictError: If there is no run, or two are of different grounds.
        """
        if not self.records:
            raise VerdictError("a candidate of no runs was given, one or more were expected")
        if (two := conflict(self.records)) is not None:
            raise VerdictError(
                f"{two[0].run_id} and {two[1].run_id} are not one candidate: they differ in "
                f"{', '.join(other_ground(two[0], than=two[1]))}",
                remedy="compare runs of one recipe, one environment, one version of bertbench and one factory",
            )

    @property
    def first(self) -> RunRecord:
        """The run that promises are held against."""
        return self.records[0]

    @property
    def seeds(self) -> tuple[SeedRun, ...]:
        """Completed seeds, each once, in the order in which they ran."""
        return tuple(run for run in self._each_once() if run.outcome == "completed")

    @property
    def not_finite(self) -> tuple[SeedRun, ...]:
        """Seeds that ended in NaN or infinity."""
        return tuple(run for run in self._each_once() if run.is_not_finite)

    @property
    def order(self) -> tuple[int, ...]:
        """Numbers of the seeds that came to an end, NaN included, in the order in which they ran."""
        return tuple(run.seed for run in self._each_once() if run.came_to_an_end)

    @property
    def majority_share(self) -> float | None:
        """Accuracy of always answering the largest class of the validation rows; None if no seed counted them."""
        confusions = (run.validation_confusion for run in self.seeds)
        rows = next(([sum(row) for row in confusion] for confusion in confusions if confusion), None)
        return max(rows) / sum(rows) if rows and sum(rows) else None

    @property
    def problem(self) -> str:
        """Why the runs show nothing, in words; empty if they do.

        The first run must have completed: its promises are about all prescribed seeds. Of the others, one that a seed
        ended by NaN has shown that seed to have failed, and says nothing of those after it.
        """
        for record in self.records:
            if record.outcome == "completed" or (record is not self.first and _ended_by_a_seed(record)):
                continue
            return _what_went_wrong(record)
        return ""

    @property
    def broke_off(self) -> bool:
        """Whether a run ended for another reason than a seed: that shows nothing of the code under test."""
        return any(record.outcome != "completed" and not _ended_by_a_seed(record) for record in self.records)

    def _each_once(self) -> tuple[SeedRun, ...]:
        by_seed: dict[int, SeedRun] = {}
        for record in self.records:
            for run in record.seeds:
                by_seed.setdefault(run.seed, run)
        return tuple(by_seed.values())


def _ended_by_a_seed(record: RunRecord) -> bool:
    return record.outcome == "failed" and any(run.is_not_finite for run in record.seeds)


def _what_went_wrong(record: RunRecord) -> str:
    said = f"{record.run_id} is {record.outcome}"
    if record.failure is None:
        return said
    if not _ended_by_a_seed(record):
        return f"{said}: {record.failure.kind} in phase {record.failure.phase}: {record.failure.message}"
    where = "".join(
        f", {name} {value}"
        for name, value in (("epoch", record.failure.epoch), ("step", record.failure.step))
        if value is not None
    )
    return (
        f"{said}: seed {record.failure.seed} failed ({record.failure.message}{where}), and the seeds after it did not "
        "run; a seed that the spec prescribes must not fail"
    )
