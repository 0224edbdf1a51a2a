"""The fields of a benchmark: what is fine-tuned, on what, how, and what is promised.

Each class is one table of the TOML file. All are frozen; nothing edits a spec later, derived values go to the record.
Every field says what it means, its unit and its range. Errors are made readable in `bertbench.spec.reading`.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from bertbench.quantities import BUDGETS, THRESHOLD_QUANTITIES, quality_of
from bertbench.spec.nearest import did_you_mean

Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
#: Fewer classes are nothing to tell apart, fewer seeds have no spread.
_TWO = 2
_PERCENT = 100
#: Shares that add to 1 in decimals may add to a little more in doubles.
_ROUNDING = 1e-9
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Table(BaseModel):
    """A TOML table: frozen, nothing unknown in it, no silent conversion of text to numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


def _is_default(table: Table, name: str) -> bool:
    """Whether a field has its default; a record writes every field, so 'was it written' would say nothing."""
    return bool(getattr(table, name) == type(table).model_fields[name].default)


def _known_quantity(value: str, known: Collection[str] = THRESHOLD_QUANTITIES) -> str:
    if value not in known:
        raise ValueError(f"unknown quantity{did_you_mean(value, known)}; known: {', '.join(known)}")
    return value


class CheckpointSpec(Table):
    """Which pretrained weights."""

    source: str = "embedded:minilm-l6"
    """`embedded:minilm-l6`, `path:<folder>` or `hub:<owner>/<name>@<revision>`; `${NAME}` reads the environment."""
    sha256: Sha256 | None = None
    """Expected SHA-256 of `model.safetensors`; checked before anything is read from it."""
    when_absent: Literal["error", "skip"] = "error"
    """`skip` reports the benchmark as skipped, with the remedy, where the weights cannot be had."""

    @field_validator("source")
    @classmethod
    def _known_kind(cls, value: str) -> str:
        kind, _, rest = value.partition(":")
        if kind not in ("embedded", "path", "hub") or not rest:
            raise ValueError("expected embedded:<name>, path:<folder> or hub:<owner>/<name>@<revision>")
        if kind == "hub" and not ("/" in rest and rest.partition("@")[2]):
            raise ValueError("a hub checkpoint is pinned by revision: hub:<owner>/<name>@<revision>")
        return value


class DataSpec(Table):
    """Which rows, and how they become WordPieces."""

    source: str = "embedded:helpdesk"
    """`embedded:helpdesk`, `files`, or `hub:<owner>/<name>@<revision>` (a Hugging Face data set)."""
    folder: str = "."
    """For `files`: where they lie, relative to the spec; `${NAME}` reads the environment."""
    train: str | None = None
    """For `files`: file name. For `hub`: name of the split, `train` if not given."""
    validation: str | None = None
    """Like `train`. For `files` without it, `validation_fraction` splits the train file."""
    test: str | None = None
    """Like `train`; a test split is read and checked, never trained on and never in a verdict."""
    configuration: str | None = None
    """For `hub`: name of the data set's configuration (subset)."""
    format: Literal["csv", "tsv", "jsonl", "parquet"] | None = None
    """Of `files`; by the file's ending if not given."""
    encoding: str = "utf-8"
    """Of text files."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Of CSV and TSV files; comma and tab if not given. TSV has no quoting."""
    header: bool = True
    """Whether CSV and TSV files start with a line of column names; without it columns are numbered from 0."""
    text: str | int = "text"
    """Column of the (first) sentence."""
    text_pair: str | int | None = None
    """Column of the second sentence of a pair."""
    label: str | int = "label"
    """Column of the class."""
    labels: tuple[str, ...] | None = None
    """Keep only these classes, numbered in this order; all, sorted by name, if not given."""
    train_rows: Count | None = None
    """Keep this many train rows, classes in turn in the order of the file; all if not given."""
    validation_rows: Count | None = None
    """Like `train_rows`, for validation."""
    test_rows: Count | None = None
    """Like `train_rows`, for test."""
    validation_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    """Share of the train file's rows that become the validation split, drawn within each class."""
    split_seed: Annotated[int, Field(ge=0)] = 0
    """Seed of that draw; fixed, so that every training seed sees the same rows."""
    deduplicate: Literal["no", "exact", "folded"] = "no"
    """Drop later rows whose text came before, over all splits, validation first; `folded` ignores case and spacing."""
    max_length_tokens: Annotated[int, Field(ge=3, le=512)] = 128
    """Longer rows are cut, special tokens included; the share of rows cut is recorded."""
    when_absent: Literal["error", "skip"] = "error"
    """`skip` reports the benchmark as skipped, with the remedy, where the data cannot be had."""

    @field_validator("text", "text_pair", "label", mode="before")
    @classmethod
    def _name_or_number(cls, value: Any) -> Any:
        named = value is None or isinstance(value, str)
        if not named and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise ValueError("expected a column's name, or its number from 0")
        return value

    @field_validator("labels")
    @classmethod
    def _two_classes(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and (len(value) < _TWO or len(set(value)) < len(value)):
            raise ValueError("expected two or more different class names")
        return value

    @model_validator(mode="after")
    def _fields_fit_source(self) -> DataSpec:
        kind, _, rest = self.source.partition(":")
        if kind not in ("embedded", "files", "hub") or (kind != "files") != bool(rest):
            raise ValueError("source: expected embedded:helpdesk, files or hub:<owner>/<name>@<revision>")
        if kind == "hub" and not ("/" in rest and rest.partition("@")[2]):
            raise ValueError("source: a hub data set is pinned by revision: hub:<owner>/<name>@<revision>")
        if kind == "files" and self.train is None:
            raise ValueError("train: a source of files needs the name of the train file")
        if kind != "embedded" and (self.validation is None) == (self.validation_fraction is None):
            raise ValueError("validation: give either validation or validation_fraction, not both, not neither")
        file_only = ("folder", "format", "encoding", "delimiter", "header")
        wrong = [name for name in file_only if kind != "files" and not _is_default(self, name)]
        embedded_wrong = ("train", "validation", "test", "text", "text_pair", "label", "validation_fraction")
        wrong += [name for name in embedded_wrong if kind == "embedded" and not _is_default(self, name)]
        wrong += ["configuration"] if kind != "hub" and self.configuration is not None else []
        if wrong:
            raise ValueError(f"{wrong[0]}: has no meaning with source = {self.source!r}")
        if self.validation_fraction is None and not _is_default(self, "split_seed"):
            raise ValueError("split_seed: has no meaning without validation_fraction")
        return self


class ModelSpec(Table):
    """What is set on the network; the architecture itself is the checkpoint's."""

    hidden_dropout_rate: Rate | None = None
    """After embeddings, attention output and feed-forward; the checkpoint's own if not given."""
    attention_dropout_rate: Rate | None = None
    """On attention probabilities; the checkpoint's own if not given."""
    classifier_dropout_rate: Rate | None = None
    """Before the classifying layer; the checkpoint's own, else `hidden_dropout_rate`, if not given."""
    pooler: Literal["pretrained", "fresh"] = "pretrained"
    """`fresh` draws the pooler anew from the seed; needed for checkpoints without one."""
    head_standard_deviation: Positive = 0.02
    """Of the normal distribution from which fresh layers are drawn (BERT's initializer_range)."""


class _Optimizer(Table):
    """What every Keras optimizer takes."""

    learning_rate: Positive = 3e-5
    """Peak learning rate; `schedule` shapes it."""
    weight_decay: Positive | None = None
    """Decoupled weight decay per step, as in Keras."""
    clipnorm: Positive | None = None
    """Each variable's gradient is scaled to at most this Euclidean norm."""
    clipvalue: Positive | None = None
    """Each gradient element is clipped to plus or minus this."""
    global_clipnorm: Positive | None = None
    """All gradients together are scaled to at most this Euclidean norm."""
    use_ema: bool = False
    """Evaluate and save an exponential moving average of the weights."""
    ema_momentum: Rate = 0.99
    """Of that average."""
    ema_overwrite_frequency: Count | None = None
    """Steps after which the weights are overwritten with their average; only at the end if not given."""
    loss_scale_factor: Positive | None = None
    """Multiplies the loss before, divides the gradients after differentiation."""
    gradient_accumulation_steps: Annotated[int, Field(ge=2)] | None = None
    """Batches whose mean gradient makes one update."""

    def model_post_init(self, _context: Any) -> None:
        """Count the name as written: without it a table that is passed on reads as Adam."""
        self.model_fields_set.add("name")

    @model_validator(mode="after")
    def _one_clipping(self) -> _Optimizer:
        given = [name for name in ("clipnorm", "clipvalue", "global_clipnorm") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{given[1]}: at most one way of clipping gradients, and {given[0]} is set too")
        for name in ("ema_momentum", "ema_overwrite_frequency"):
            if not self.use_ema and not _is_default(self, name):
                raise ValueError(f"{name}: has no meaning without use_ema = true")
        return self


class AdamSpec(_Optimizer):
    """Adam, with Keras' epsilon convention."""

    name: Literal["adam"] = "adam"
    """Kingma & Ba 2015."""
    beta_1: Rate = 0.9
    """Decay of the first moment."""
    beta_2: Rate = 0.999
    """Decay of the second moment."""
    epsilon: Positive = 1e-7
    """'Epsilon hat' of the paper: added before bias correction, as Keras does."""
    amsgrad: bool = False
    """Use the largest second moment seen."""


class AdamWSpec(AdamSpec):
    """Adam with decoupled weight decay, not applied to biases and layer norms."""

    name: Literal["adamw"] = "adamw"  # type: ignore[assignment]  # a narrower name is the point of the subclass
    """Loshchilov & Hutter 2019."""
    weight_decay: Positive | None = 0.004
    """Keras' default."""
    decay_excluded: tuple[str, ...] = ("bias", "layer_norm")
    """Variables whose path contains one of these are not decayed."""


class SGDSpec(_Optimizer):
    """Stochastic gradient descent."""

    name: Literal["sgd"] = "sgd"
    """Robbins & Monro 1951."""
    momentum: Rate = 0.0
    """Of the velocity."""
    nesterov: bool = False
    """Nesterov momentum."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> SGDSpec:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov: has no meaning without momentum")
        return self


def optimizer_name(table: Any) -> str:
    """Which optimizer a table means: Adam, unless it says otherwise."""
    return str(table.get("name", "adam") if isinstance(table, dict) else getattr(table, "name", table))


OptimizerSpec = Annotated[
    Annotated[AdamSpec, Tag("adam")] | Annotated[AdamWSpec, Tag("adamw")] | Annotated[SGDSpec, Tag("sgd")],
    Discriminator(
        optimizer_name,
        custom_error_type="unknown_optimizer",
        custom_error_message="unknown optimizer; known: adam, adamw, sgd",
    ),
]


class ScheduleSpec(Table):
    """How the learning rate changes over the run."""

    kind: Literal["constant", "linear", "cosine"] = "constant"
    """`linear` and `cosine` fall from the peak to `end_fraction` of it at the last step."""
    warmup_fraction: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Share of all steps over which the rate rises linearly from zero to the peak."""
    end_fraction: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Final rate as a fraction of the peak."""

    @model_validator(mode="after")
    def _constant_has_no_end(self) -> ScheduleSpec:
        if self.kind == "constant" and not _is_default(self, "end_fraction"):
            raise ValueError("end_fraction: has no meaning with kind = 'constant'")
        return self


class AugmentationSpec(Table):
    """Seeded noise on the WordPieces of training rows, drawn anew each epoch; special tokens are never touched."""

    deletion_rate: Rate = 0.0
    """Chance of each WordPiece to be left out; one always stays."""
    swap_rate: Rate = 0.0
    """Chance of each WordPiece to change places with its right neighbour."""
    masking_rate: Rate = 0.0
    """Chance of each WordPiece to be replaced by [MASK]."""


class EarlyStoppingSpec(Table):
    """When to stop before the last epoch."""

    quantity: str = "validation_loss"
    """What is watched."""
    patience_epochs: Count = 3
    """Epochs without improvement before stopping."""
    min_delta: NotNegative = 0.0
    """Smaller changes are no improvement."""
    restore_best: bool = False
    """End with the weights of the best epoch instead of the last."""

    @field_validator("quantity")
    @classmethod
    def _known(cls, value: str) -> str:
        return _known_quantity(value)


class TrainingSpec(Table):
    """How long, in what pieces, how exactly."""

    epochs: Count = 3
    """Passes over the training rows."""
    batch_size: Count = 32
    """Rows per step; the last batch of an epoch may be smaller and is never dropped."""
    shuffle: bool = True
    """A new order of rows each epoch, from the seed alone."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Keras dtype policy; float32 means float32, TensorFloat-32 is off."""
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...] = (0,)
    """One fine-tune each, in this order."""
    class_weights: Literal["balanced"] | dict[str, Positive] | None = None
    """Weight of each class in the loss; `balanced` is rows / (classes x rows of the class)."""
    early_stopping: EarlyStoppingSpec | None = None
    """Never, if not given."""

    @field_validator("class_weights", mode="before")
    @classmethod
    def _balanced_or_table(cls, value: Any) -> Any:
        if value is None or value == "balanced":
            return value
        if not isinstance(value, dict) or not value:
            raise ValueError("expected 'balanced' or a table with the weight of each class")
        for name, weight in value.items():
            is_number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
            if not is_number or not 0 < weight < math.inf:
                raise ValueError(f"{name}: expected a number greater than 0")
        return value

    @field_validator("seeds")
    @classmethod
    def _different(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value:
            raise ValueError("expected one seed or more")
        if len(set(value)) < len(value):
            raise ValueError("expected different seeds: the same seed twice gives the same bits twice")
        return value


class RuntimeSpec(Table):
    """How the process computes; part of the numerics fingerprint."""

    backend: Literal["tensorflow", "jax", "torch"] = "tensorflow"
    """Keras backend; the native engine has a training step for `tensorflow` and for `torch`."""
    deterministic: bool = True
    """Ask the backend for deterministic operations."""
    onednn: bool = True
    """TensorFlow's oneDNN kernels."""
    threads: Count | None = None
    """Threads within an operation; one for each core this process may use, if not given."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """`gpu` fails where there is none; `auto` takes a GPU if there is one."""


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
        return _known_quantity(value)

    @model_validator(mode="after")
    def _one_bound(self) -> ExpectSpec:
        _, quantity = quality_of(self.quantity)
        right, wrong = ("at_least", "at_most") if quantity.better == "higher" else ("at_most", "at_least")
        if getattr(self, wrong) is not None:
            raise ValueError(f"{wrong}: {self.quantity} is better when {quantity.better}; write {right}")
        bound = getattr(self, right)
        if bound is None:
            raise ValueError(f"{right}: missing; a threshold needs its number")
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
        return _known_quantity(value, BUDGETS)

    @model_validator(mode="after")
    def _one_bound(self) -> BudgetSpec:
        quantity = BUDGETS[self.quantity]
        right, wrong = ("at_least", "at_most") if quantity.better == "higher" else ("at_most", "at_least")
        if getattr(self, wrong) is not None:
            raise ValueError(f"{wrong}: {self.quantity} is better when {quantity.better}; write {right}")
        bound = getattr(self, right)
        if bound is None:
            raise ValueError(f"{right}: missing; a budget needs its number")
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
    """Drop of validation accuracy, in points, that a pass excludes; one point, and one row at least, if not given."""
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


class Spec(Table):
    """One benchmark: a recipe, its seeds, and what is promised of it."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
    """Short, lower case; names the benchmark in every surface."""
    title: str = ""
    """One line for people."""
    engine: Literal["native"] = "native"
    """Which library computes."""
    checkpoint: CheckpointSpec = CheckpointSpec()
    """Pretrained weights."""
    data: DataSpec = DataSpec()
    """Rows."""
    model: ModelSpec = ModelSpec()
    """Dropout and head."""
    optimizer: OptimizerSpec = AdamSpec()
    """Update rule."""
    schedule: ScheduleSpec = ScheduleSpec()
    """Learning rate over the run."""
    augmentation: AugmentationSpec = AugmentationSpec()
    """Noise on training rows."""
    training: TrainingSpec = TrainingSpec()
    """Epochs, batches, seeds."""
    runtime: RuntimeSpec = RuntimeSpec()
    """Backend, determinism, threads."""
    identity: IdentitySpec = IdentitySpec()
    """Fresh-process repeat."""
    verdict: VerdictSpec = VerdictSpec()
    """Comparison with a baseline."""
    expect: tuple[ExpectSpec, ...] = ()
    """Thresholds."""
    budget: tuple[BudgetSpec, ...] = ()
    """Budgets."""

    @field_validator("expect", "budget")
    @classmethod
    def _no_promise_twice(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        seen: set[str] = set()
        for promise in value:
            key = " ".join(str(getattr(promise, part, "")) for part in ("quantity", "epoch", "over"))
            if key in seen:
                raise ValueError(f"{promise.quantity} is promised twice in the same way")
            seen.add(key)
        return value

    @model_validator(mode="after")
    def _parts_fit(self) -> Spec:
        weights = self.training.class_weights
        if isinstance(weights, dict) and self.data.labels is not None and set(weights) != set(self.data.labels):
            raise ValueError("training.class_weights: needs exactly the classes of data.labels")
        if self.runtime.backend != "tensorflow" and not self.runtime.onednn:
            raise ValueError("runtime.onednn: belongs to the tensorflow backend")
        if any(p.over == "lower_bound" for p in self.expect) and len(self.training.seeds) < _TWO:
            raise ValueError("expect: over = 'lower_bound' needs two seeds or more")
        return self
