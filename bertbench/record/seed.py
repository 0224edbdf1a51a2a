"""What one fine-tune came to: its steps, its epochs, its digests, and why it ended."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field, model_validator

from bertbench.errors import NonFiniteLossError
from bertbench.record.fact import Fact, NotNegative, Outcome, Seconds


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
    train_rows: dict[str, str] = Field(default_factory=dict)
    """Of each part of the training rows of the first epoch, in the order of the split; see `DataFacts.rows_sha256`."""
    validation_rows: dict[str, str] = Field(default_factory=dict)
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
    phases_seconds: dict[str, Seconds] = Field(default_factory=dict)
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
    live_recipe: dict[str, Any] = Field(default_factory=dict)
    """What the running engine said of itself before the first step."""
    evidence: Evidence | None = None
    """What was seen to reach it."""
    variables: dict[str, VariableFacts] = Field(default_factory=dict)
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
