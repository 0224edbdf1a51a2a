"""The fields of a benchmark: what is fine-tuned, on what, how, and what is promised.

Each class is one table of the TOML file; those of optimizers and promises have files of their own. All are frozen;
nothing edits a spec later, derived values go to the record. Every field says what it means, its unit and its range.
Errors are made readable in `bertbench.spec.reading`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from bertbench.spec.engine_names import OWN_LIBRARY, known_engine
from bertbench.spec.optimizers import AdamSpec, OptimizerSpec
from bertbench.spec.promises import BudgetSpec, ExpectSpec, IdentitySpec, VerdictSpec
from bertbench.spec.table import Count, NotNegative, Positive, Rate, Table, is_default, known_quantity

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
#: Fewer classes are nothing to tell apart, fewer seeds have no spread.
_TWO = 2


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
        wrong = [name for name in file_only if kind != "files" and not is_default(self, name)]
        embedded_wrong = ("train", "validation", "test", "text", "text_pair", "label", "validation_fraction")
        wrong += [name for name in embedded_wrong if kind == "embedded" and not is_default(self, name)]
        wrong += ["configuration"] if kind != "hub" and self.configuration is not None else []
        if wrong:
            raise ValueError(f"{wrong[0]}: has no meaning with source = {self.source!r}")
        if self.validation_fraction is None and not is_default(self, "split_seed"):
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
        if self.kind == "constant" and not is_default(self, "end_fraction"):
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
    """Changes of this size or smaller are no improvement."""
    restore_best: bool = False
    """End with the weights of the best epoch instead of the last."""

    @field_validator("quantity")
    @classmethod
    def _known(cls, value: str) -> str:
        return known_quantity(value)


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
    """Keras backend of the engines `native`, `keras-hub` and `python:`; the others have a library of their own."""
    deterministic: bool = True
    """Ask the backend for deterministic operations."""
    onednn: bool = True
    """TensorFlow's oneDNN kernels."""
    threads: Count | None = None
    """Threads within an operation; one for each core this process may use, if not given."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """`gpu` fails where there is none; `auto` takes a GPU if there is one."""
    compile: bool = False
    """Wrap the model in `torch.compile`; of the engine `transformers-torch` alone."""


class Spec(Table):
    """One benchmark: a recipe, its seeds, and what is promised of it."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
    """Short, lower case; names the benchmark in every surface."""
    title: str = ""
    """One line for people."""
    engine: str = "native"
    """`native`, `keras-hub`, `transformers-torch`, `transformers-tf`, or your own: `python:<module>:<factory>`."""
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

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        return known_engine(value)

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
        self._runtime_fits_engine()
        if self.runtime.backend != "tensorflow" and not self.runtime.onednn:
            raise ValueError("runtime.onednn: belongs to the tensorflow backend")
        if any(p.over == "lower_bound" for p in self.expect) and len(self.training.seeds) < _TWO:
            raise ValueError("expect: over = 'lower_bound' needs two seeds or more")
        return self

    def _runtime_fits_engine(self) -> None:
        own = OWN_LIBRARY.get(self.engine)
        if own is not None and self.runtime.backend not in ("tensorflow", own):
            raise ValueError(f"runtime.backend: engine {self.engine} computes with {own}, and Keras takes no part")
        if self.runtime.compile and self.engine != "transformers-torch":
            raise ValueError("runtime.compile: belongs to the engine transformers-torch")
