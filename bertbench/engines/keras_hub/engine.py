"""The keras-hub engine: BertTextClassifier, by its own `compile` and `fit`, one object for all seeds of a spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from bertbench.checkpoints import read_tensors
from bertbench.data.batches import PackedBatch
from bertbench.engines.dropout_rates import dropout_rates
from bertbench.engines.export import write_folder
from bertbench.engines.flops import training_step_flops
from bertbench.engines.fresh_layers import draw_under, drawn_digests_of_tensors, fresh_shapes, tensors_of
from bertbench.engines.keras_fit import FitStepper
from bertbench.engines.keras_hub.inference import inference_of
from bertbench.engines.keras_hub.network import dropouts_of, load, variables_of
from bertbench.engines.keras_hub.recipe import live_recipe
from bertbench.engines.keras_hub.updates import create_optimizer
from bertbench.engines.keras_hub.weights import to_tensor, to_variable
from bertbench.engines.limits import (
    refuse_absent_pooler,
    refuse_long_rows,
    refuse_unknown_segments,
    refuse_unknown_words,
)
from bertbench.engines.native.backends import require_backend
from bertbench.engines.native.state import LiveState, numpy_of
from bertbench.engines.padding import pad
from bertbench.engines.products import matmul_seconds
from bertbench.engines.protocol import StepResult, Task
from bertbench.engines.schedules import learning_rate_at
from bertbench.engines.weight_decay import decayed_tensors
from bertbench.seeds import operation_seeds

_WORDS = "bert.embeddings.word_embeddings.weight"
_POSITIONS = "bert.embeddings.position_embeddings.weight"
#: For the second of two looks at dropout; no operation's own seed but by chance.
_ANOTHER_SEED = 123_456_789


class KerasHubEngine:
    """Implements `protocol.Engine`."""

    name = "keras-hub"

    def __init__(self, task: Task) -> None:
        """Load the classifier, compile it. Nothing is traced, and no seed is set: see `prepare`.

        Raises:
            EngineError: If the spec asks for something that this checkpoint or this backend cannot do.
        """
        self._task, self._spec, self._config = task, task.spec, task.checkpoint.bert
        require_backend(self._spec.runtime.backend)
        refuse_long_rows(task)
        refuse_unknown_words(task.vocabulary_in_use, vocabulary_size=self._config.vocab_size, engine=self.name)
        stored = read_tensors(task.checkpoint)
        has_pooler = "pooler.dense.weight" in stored
        refuse_absent_pooler(task, present=has_pooler)

        self._rates = dropout_rates(self._spec.model, self._config)
        precision = self._spec.training.precision
        self._classifier = load(
            task.checkpoint, self._rates, labels=len(task.label_names), policy=precision, with_weights=has_pooler
        )
        self._variables = variables_of(self._classifier, self._config)
        self._dropouts = dropouts_of(self._classifier)
        self._fresh = fresh_shapes(self._spec.model, self._config, labels=len(task.label_names))
        self._pretrained = {name: numpy_of(variable) for name, variable in self._variables.items()}
        if not has_pooler:  # KerasHub read nothing
            for name, tensor in stored.items():
                shape = tuple(self._variables[f"bert.{name}"].shape)
                self._pretrained[f"bert.{name}"] = to_variable(name, tensor, shape)

        self._optimizer = create_optimizer(
            self._spec.optimizer,
            self._classifier.trainable_variables,
            self._variables,
            decayed_tensors(self._config, self._spec.optimizer),
            precision=precision,
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self._classifier.compile(optimizer=self._optimizer, loss=loss, metrics=None, auto_scale_loss=False)
        self._stepper = FitStepper(self._classifier, total_steps=task.total_steps)
        self._infer = inference_of(self._classifier)
        seeded = {name: dropout for name, dropout in self._dropouts.items() if dropout.generator is not None}
        self._live = LiveState(self._variables, seeded, self._optimizer, engine=self.name)
        self._seed = -1
        self._dropout_seen: dict[str, Any] = {}

    def prepare(self, seed: int) -> None:
        """Put back pretrained weights, a head drawn from *seed*, fresh optimizer and dropout state; begin anew."""
        self._stepper.end()
        operations = [*(dropout.name for dropout in self._dropouts.values()), *self._fresh]
        seeds = operation_seeds(seed, operations, draws=self._task.total_steps)
        fresh = draw_under(seed, self._fresh, deviation=self._spec.model.head_standard_deviation)
        drawn = {
            name: to_variable(name, tensor, tuple(self._variables[name].shape))
            for name, tensor in tensors_of(fresh).items()
        }
        self._live.begin(self._pretrained | drawn, seeds)
        self._seed = seed

    def trace(self, train: PackedBatch, validation: PackedBatch) -> None:
        """Compile what is compiled by running it once, look whether dropout acts, then put everything back."""
        loss = self.train_step(train).loss
        self.prepare(self._seed)
        logits = [self.logits(validation) for _ in range(2)]
        self._dropout_seen = {
            "in_inference": sorted(self._drawing()),
            "inference_repeats": logits[0].tobytes() == logits[1].tobytes(),
        }
        for dropout in self._dropouts.values():
            if dropout.generator is not None:
                dropout.reseed(_ANOTHER_SEED)
        self._dropout_seen["loss_follows_seed"] = self.train_step(train).loss != loss
        self._dropout_seen["in_training"] = sorted(self._drawing())
        self.prepare(self._seed)

    def train_step(self, batch: PackedBatch) -> StepResult:
        """One step of `fit`; returns when the device is done."""
        rate = learning_rate_at(
            self._live.steps_done,
            peak=self._spec.optimizer.learning_rate,
            schedule=self._spec.schedule,
            total_steps=self._task.total_steps,
        )
        is_weighted = self._spec.training.class_weights is not None
        step = self._stepper.step(
            self._inputs(batch), batch.labels, batch.row_weights if is_weighted else None, learning_rate=rate
        )
        self._live.steps_done += 1
        return step

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        """float32 (rows, classes), dropout off; returns when the device is done."""
        with self._averaged():
            return self._infer(self._inputs(batch))

    def recipe(self) -> Mapping[str, Any]:
        """Live values read back from the running engine; see `recipe.live_recipe`.

        Also `seed`, as it was prepared for; `drawn_weights`, digests of the fresh layers; and `dropout_seen`, what
        `trace` saw, as in the native engine.
        """
        return {
            **live_recipe(self._classifier, self._variables, self._dropouts, self._optimizer),
            "seed": self._seed,
            "drawn_weights": drawn_digests_of_tensors(self._tensors(), self._spec.model),
            "dropout_seen": self._dropout_seen,
            "not_held": {},
        }

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Names (as in transformers' BertForSequenceClassification) and values, sorted by name.

        Of the word embeddings those in use only, in the order of `Task.vocabulary_in_use`; of the position embeddings
        those that the longest row reaches.
        """
        with self._averaged():
            tensors = self._tensors()
        tensors[_WORDS] = tensors[_WORDS][self._task.vocabulary_in_use]
        tensors[_POSITIONS] = tensors[_POSITIONS][: self._task.longest_row_tokens]
        yield from sorted(tensors.items())

    def state(self) -> dict[str, NDArray[Any]]:
        """All that a resumed run needs: weights, optimizer, dropout state, step."""
        return self._live.save()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a `state`, to the same bits, in a new `fit`.

        Raises:
            EngineError: If *state* is of another network or optimizer.
        """
        self._stepper.end()
        self._live.load(state)

    def matmul_seconds(self, size: int) -> float:
        """Seconds of one float32 matrix product size x size x size in this library, on this device."""
        return matmul_seconds(size, self._spec.runtime.backend)

    def flops(self, batch: PackedBatch) -> float:
        """Floating-point operations that one training step on *batch* needs; see `flops.training_step_flops`."""
        return training_step_flops(self._config, batch, labels=len(self._task.label_names))

    def save(self, folder: Path) -> None:
        """Write a folder that transformers and KerasHub load."""
        with self._averaged():
            write_folder(folder, self._task, self._tensors(), self._rates)

    def _inputs(self, batch: PackedBatch) -> dict[str, NDArray[np.int32]]:
        """*batch* under KerasHub's names, padded to its longest row.

        Raises:
            EngineError: If a row has a segment that the checkpoint has no embedding for.
        """
        refuse_unknown_segments(batch, self._config, engine=self.name)
        padded = pad(batch)
        return {
            "token_ids": padded.input_ids.astype(np.int32),
            "segment_ids": padded.token_type_ids.astype(np.int32),
            "padding_mask": padded.attention_mask.astype(np.int32),
        }

    def _tensors(self) -> dict[str, NDArray[np.float32]]:
        """All parameters as transformers has them."""
        return {name: to_tensor(name, numpy_of(variable)) for name, variable in self._variables.items()}

    def _drawing(self) -> Iterator[str]:
        """Dropouts that have drawn random numbers since they were seeded."""
        return (name for name, drop in self._dropouts.items() if drop.generator is not None and drop.draws)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Look at the moving average of the weights where the spec asks for one; training goes on with the weights."""
        if not self._spec.optimizer.use_ema or not self._live.steps_done:
            yield
            return
        weights = self._live.parameters()
        self._optimizer.finalize_variable_values(self._classifier.trainable_variables)
        try:
            yield
        finally:
            for name, variable in self._variables.items():
                variable.assign(weights[name])
