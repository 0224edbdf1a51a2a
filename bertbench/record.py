"""What happened: the record of one run of one spec, all its seeds.

A record is a fact. It is immutable, refuses nonsense at birth, carries its environment and a schema version, and is
written for every run, crashed ones included. Everything people see (terminal, TensorBoard, reports, verdicts) is a view
of it. `bertbench.store` keeps records on disk.

Schema history:
    1: first.
    2: `fault`; of a seed `variables` and `evidence`; of the checkpoint `config`; of the data `rows_sha256`,
       `words_in_use` and `longest_row_tokens`. Records of version 1 are read, and what they lack is not recorded.
    3: `revision`. Older records are read; which code they ran is not known.
"""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bertbench.errors import NonFiniteLossError
from bertbench.spec import Spec

SCHEMA_VERSION = 3

Outcome = Literal["running", "completed", "failed", "interrupted"]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Seconds = NotNegative


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


#: A date and time in UTC; one without a zone is taken to be UTC.
Moment = Annotated[datetime, AfterValidator(_utc)]


class Fact(BaseModel):
    """A frozen piece of a record. NaN and infinity are kept, as words, since they are what was measured."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings", use_attribute_docstrings=True)


class Quality(Fact):
    """How good one epoch was on one split."""

    loss: float
    """Mean over rows of the (class-weighted) cross-entropy, in nats."""
    accuracy: float
    """Share of rows right."""
    macro_f1: float
    """Mean over classes of F1; a class neither present nor predicted is left out."""
    matthews_correlation: float
    """Multi-class Matthews correlation; 0 where it is undefined."""


class EpochRow(Fact):
    """One line of the epoch table."""

    epoch: Annotated[int, Field(ge=0)]
    """From 0."""
    train: Quality
    """Of the training pass itself: dropout on, weights moving."""
    validation: Quality
    """After the epoch's last step: dropout off."""
    steps_end: Annotated[int, Field(ge=1)]
    """Training steps done by then."""
    seconds: Seconds
    """Training and validation of this epoch."""


class StepSeries(Fact):
    """One entry per training step, in order; all series have one length."""

    loss: tuple[float, ...] = ()
    """Mean over the batch's rows, in nats."""
    gradient_norm: tuple[float, ...] = ()
    """Euclidean norm over all gradients, before clipping."""
    learning_rate: tuple[float, ...] = ()
    """The rate applied."""
    seconds: tuple[Seconds, ...] = ()
    """From handing the batch to the engine until the device was done."""
    rows: tuple[int, ...] = ()
    """Rows of the batch."""
    tokens: tuple[int, ...] = ()
    """Tokens of the batch, none of them padding."""

    @model_validator(mode="after")
    def _one_length(self) -> StepSeries:
        lengths = {name: len(getattr(self, name)) for name in type(self).model_fields}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"step series of different lengths: {lengths}")
        return self


class Utilization(Fact):
    """How much of the machine's own matrix-product rate the training steps reached."""

    value: NotNegative
    """Effective floating-point operations per second of all steps, divided by the median SGEMM rate."""
    step_flops_per_second: NotNegative
    """Effective operations of all steps divided by their seconds."""
    sgemm_flops_per_second: Annotated[tuple[NotNegative, ...], Field(min_length=1)]
    """Every sample taken between the steps of the same run."""


class Digests(Fact):
    """SHA-256 of what a seed came to; equal digests are equal bits."""

    weights: str
    """Of all final weights, names and shapes included."""
    losses: str
    """Of every step's loss."""
    predictions: str
    """Of the validation logits of every epoch's end."""


class VariableFacts(Fact):
    """What one variable came to."""

    sha256: str
    """First 16 digits of the SHA-256 of its values."""
    norm: float
    """Euclidean norm of its values, added up in float64."""


class Evidence(Fact):
    """What was seen to reach the engine in one seed: taken down by the harness, whatever the engine says of itself.

    Digests are the first 16 digits of a SHA-256. What was not seen is None or empty.
    """

    weights_prescribed: str | None = None
    """Of all pretrained weights that take part, as they stand in the checkpoint's file."""
    weights_before: str | None = None
    """Of the same weights, as the engine held them before the first step."""
    weights_differing: tuple[str, ...] = ()
    """Names of those that differ, the first five."""
    weights_unmoved: tuple[str, ...] | None = None
    """Names of those whose values at the end of the seed are, all of them, what they were before the first step."""
    row_orders: tuple[str, ...] = ()
    """For each epoch, of the numbers of the training rows in the order in which the engine was given them."""
    train_rows: dict[str, str] = {}
    """Of each part of the training rows of the first epoch, in the order of the split; see `DataFacts.rows_sha256`."""
    validation_rows: dict[str, str] = {}
    """Of each part of the validation rows of the first epoch, in the order in which the engine was given them."""
    rows_by_class: tuple[int, ...] = ()
    """Training rows of each class in the first epoch."""
    weights_by_class: tuple[float | None, ...] = ()
    """Weight of each class in the loss; None for a class whose rows were weighted differently, or that had none."""


class Failure(Fact):
    """Why a run or seed did not complete."""

    kind: str
    """Name of the exception."""
    message: str
    """What it said."""
    phase: str
    """Part of the run in which it happened."""
    seed: int | None = None
    """If it happened in one."""
    epoch: int | None = None
    """From 0."""
    step: int | None = None
    """From 0, over all epochs."""


class SeedRun(Fact):
    """One fine-tune."""

    seed: Annotated[int, Field(ge=0)]
    """As in the spec."""
    outcome: Outcome
    """A seed that was cut off is kept as far as it got."""
    failure: Failure | None = None
    """Why it did not complete."""
    steps: StepSeries = StepSeries()
    """Per training step."""
    epochs: tuple[EpochRow, ...] = ()
    """Per epoch."""
    phases_seconds: dict[str, Seconds] = {}
    """steps and validation of this seed."""
    utilization: Utilization | None = None
    """Absent if no probe was possible."""
    peak_memory_mebibytes: NotNegative | None = None
    """Highest resident memory of the process up to the end of this seed."""
    digests: Digests | None = None
    """Of completed seeds."""
    validation_confusion: tuple[tuple[int, ...], ...] | None = None
    """Rows: truth; columns: prediction; after the last epoch."""
    best_epoch_restored: Annotated[int, Field(ge=0)] | None = None
    """With early stopping and `restore_best`: the epoch whose weights the seed ended with."""
    live_recipe: dict[str, Any] = {}
    """What the running engine said of itself before the first step."""
    evidence: Evidence | None = None
    """What was seen to reach it."""
    variables: dict[str, VariableFacts] = {}
    """Of completed seeds, every variable at the end, by its name in transformers' BertForSequenceClassification."""

    @model_validator(mode="after")
    def _epochs_are_in_order(self) -> SeedRun:
        ends = [row.steps_end for row in self.epochs]
        if [row.epoch for row in self.epochs] != list(range(len(ends))) or ends != sorted(set(ends)):
            raise ValueError(f"seed {self.seed}: epochs are not numbered from 0, or do not end one after another")
        if ends and ends[-1] > len(self.steps.loss):
            raise ValueError(f"seed {self.seed}: {len(self.steps.loss)} steps, and an epoch that ends at {ends[-1]}")
        if self.best_epoch_restored is not None and self.best_epoch_restored >= len(ends):
            raise ValueError(f"seed {self.seed}: epoch {self.best_epoch_restored} restored, and {len(ends)} epochs ran")
        return self

    @model_validator(mode="after")
    def _completed_is_complete(self) -> SeedRun:
        if self.outcome == "completed":
            if not self.epochs or self.digests is None:
                raise ValueError(f"seed {self.seed}: completed without epochs or digests")
            if self.epochs[-1].steps_end != len(self.steps.loss):
                raise ValueError(f"seed {self.seed}: completed with steps after its last epoch")
            losses = [*self.steps.loss, *(side.loss for row in self.epochs for side in (row.train, row.validation))]
            if not all(math.isfinite(loss) for loss in losses):
                raise ValueError(f"seed {self.seed}: completed with a loss that is not finite")
        elif self.outcome in ("failed", "interrupted") and self.failure is None:
            raise ValueError(f"seed {self.seed}: {self.outcome} without a reason")
        return self

    @property
    def final_epoch(self) -> EpochRow:
        """The epoch whose weights the seed ended with: the last, or with `restore_best` the best.

        Raises:
            IndexError: If no epoch ended.
        """
        return self.epochs[-1 if self.best_epoch_restored is None else self.best_epoch_restored]

    @property
    def is_not_finite(self) -> bool:
        """Whether it ended in NaN or infinity."""
        kind = self.failure.kind if self.failure else ""
        return self.outcome == "failed" and kind == NonFiniteLossError.__name__

    @property
    def came_to_an_end(self) -> bool:
        """Whether it completed, or ended in NaN or infinity; one that somebody or something broke off did not."""
        return self.outcome == "completed" or self.is_not_finite


class FindingRow(Fact):
    """One thing the data checks saw."""

    name: str
    """Of the check."""
    severity: Literal["hard", "soft", "note"]
    """Hard ones stop a run; notes say that nothing is wrong."""
    split: str
    """Where."""
    message: str
    """In words."""
    rows: tuple[str, ...] = ()
    """Which, the first twenty."""
    value: float | None = None
    """The number behind it."""


class DataFacts(Fact):
    """What was read."""

    source: str
    """In words."""
    sha256: str
    """Of all texts, labels and splits."""
    tokenizer_sha256: str
    """Of what decides the ids."""
    label_names: tuple[str, ...]
    """In the order of their numbers."""
    rows: dict[str, int]
    """Of each split."""
    tokens: dict[str, int]
    """Of each split."""
    findings: tuple[FindingRow, ...] = ()
    """Of the checks."""
    rows_sha256: dict[str, dict[str, str]] = {}
    """Of each split, the first 16 digits of the SHA-256 of `words`, `segments`, `positions`, `lengths`, `labels`."""
    words_in_use: int | None = None
    """WordPieces that occur in any split, and the special ones."""
    longest_row_tokens: int | None = None
    """Of any split."""


class CheckpointFacts(Fact):
    """What was loaded."""

    source: str
    """As in the spec."""
    revision: str
    """Commit on the hub, version of the package, or empty for a folder."""
    sha256: str
    """Of `model.safetensors`."""
    config: dict[str, Any] = {}
    """Architecture and dropout rates as `config.json` has them, under its names."""


class EnvironmentFacts(Fact):
    """Where it happened, with the two fingerprints."""

    numerics: dict[str, Any]
    """What can change bits: libraries, instruction set, threads, flags, determinism."""
    machine: dict[str, Any]
    """What can change speed: processor, cores, memory, GPU, driver."""
    numerics_fingerprint: str
    """SHA-256 of the first."""
    machine_fingerprint: str
    """SHA-256 of the second."""
    workers: Annotated[int, Field(ge=1)] = 1
    """Test workers of the session; under more than one, times say nothing."""


class ProcessFacts(Fact):
    """Which process wrote the record, so that a reader can tell a running one from a killed one."""

    pid: Annotated[int, Field(ge=0)]
    """Process id."""
    host: str
    """Name of the machine."""
    started: float
    """When the process began, seconds since 1970; a pid alone may have been given to another process."""


class Revision(Fact):
    """A state of a repository."""

    commit: str
    """40 hex digits, or 64."""
    dirty: bool
    """Whether tracked files differ from it; files that git does not track say nothing."""


class RunRecord(Fact):
    """One run: one spec, one process, some seeds."""

    schema_version: Literal[1, 2, 3] = 3
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
    phases_seconds: dict[str, Seconds] = {}
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
