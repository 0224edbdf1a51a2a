"""One run as a whole: what ran, where, why it ended, and all its seeds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bertbench.record.fact import Fact, Moment, Outcome, Seconds
from bertbench.record.seed import Failure, SeedRun
from bertbench.record.surroundings import CheckpointFacts, DataFacts, EnvironmentFacts, ProcessFacts, Revision
from bertbench.spec import Spec

SCHEMA_VERSION = 4


class RunRecord(Fact):
    """One run: one spec, one process, some seeds."""

    schema_version: Literal[1, 2, 3, 4] = 4
    """See the history above."""
    run_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]*$")]
    """Name of the record's folder; begins with the UTC time."""
    bertbench_version: str
    """Of the package that wrote it."""
    spec: Spec
    """As it ran, options of the command line included."""
    spec_fingerprint: str
    """Of all that shapes the numbers."""
    repeats: str | None = None
    """The run that this one repeats in a fresh process, to see whether it comes to the same bits."""
    continues: str | None = None
    """The run whose further seeds this one ran, since a look at a comparison needed them."""
    fault: str | None = None
    """What was done wrong on purpose, by its name in `bertbench.faults`; the spec is as written all the same."""
    revision: Revision | None = None
    """Of the spec's repository when the run was asked for; None without git, repository or commit."""
    started_at: Moment
    """UTC."""
    finished_at: Moment | None = None
    """UTC; absent while running, or if the process was killed."""
    process: ProcessFacts
    """Who wrote it."""
    outcome: Outcome
    """`running` until the end; a reader decides by `process` whether it still does."""
    failure: Failure | None = None
    """Why it did not complete."""
    environment: EnvironmentFacts | None = None
    """Absent if the run failed before it could be read."""
    data: DataFacts | None = None
    """Absent if the run failed before."""
    checkpoint: CheckpointFacts | None = None
    """Absent if the run failed before."""
    phases_seconds: dict[str, Seconds] = Field(default_factory=dict)
    """import, data, tokenize, build, trace and total of the process; each seed has its own steps and validation."""
    seeds: tuple[SeedRun, ...] = ()
    """In the order they ran."""

    @model_validator(mode="after")
    def _completed_is_complete(self) -> RunRecord:
        if self.outcome == "completed":
            completed = tuple(seed.seed for seed in self.seeds if seed.outcome == "completed")
            if completed != self.spec.training.seeds:
                raise ValueError(
                    f"{self.run_id}: completed, but not every seed is: the spec has {self.spec.training.seeds}, "
                    f"completed are {completed}"
                )
            if self.environment is None or self.data is None or self.checkpoint is None or self.finished_at is None:
                raise ValueError(f"{self.run_id}: completed without environment, data, checkpoint or end")
        elif self.outcome in ("failed", "interrupted") and self.failure is None:
            raise ValueError(f"{self.run_id}: {self.outcome} without a reason")
        return self

    def seed_run(self, seed: int) -> SeedRun:
        """The run of one seed.

        Raises:
            KeyError: If it did not run.
        """
        for run in self.seeds:
            if run.seed == seed:
                return run
        raise KeyError(seed)
