"""The native engine: BERT in Keras 3 on packed rows, one object for all seeds of a spec in one process."""

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
from bertbench.engines.fresh_layers import draw_layers, drawn_digests, fresh_layers
from bertbench.engines.limits import refuse_absent_pooler, refuse_long_rows, refuse_unknown_segments
from bertbench.engines.native.backends import create_steps, operations, require_backend
from bertbench.engines.native.bert import Bert
from bertbench.engines.native.layout import GROUPS, Layout, lay_out
from bertbench.engines.native.optimizers import create_optimizer
from bertbench.engines.native.parameters import parameter_shapes
from bertbench.engines.native.recipe import live_recipe
from bertbench.engines.native.state import LiveState, numpy_of
from bertbench.engines.native.tables import WordTable
from bertbench.engines.native.weights import correspondence, parameter_from_tensors, tensors_from_parameter
from bertbench.engines.protocol import StepResult, Task
from bertbench.engines.schedules import learning_rate_at
from bertbench.engines.weight_decay import is_decayed
from bertbench.errors import EngineError
from bertbench.seeds import operation_seeds

_WORDS, _POSITIONS = "embeddings.word.table", "embeddings.position.table"
#: For the second of two looks at dropout; no operation's own seed but by chance.
_ANOTHER_SEED = 123_456_789


class NativeEngine:
    """Implements `protocol.Engine`."""

    name = "native"

    def __init__(self, task: Task) -> None:
        """Read the checkpoint, build network and optimizer. Nothing is traced, and no seed is set: see `prepare`.

        Raises:
            EngineError: If the spec asks for something that this checkpoint or this backend cannot do.
        """
        self._task, self._spec, self._config = task, task.spec, task.checkpoint.bert
        require_backend(self._spec.runtime.backend)
        refuse_long_rows(task)
        optimizer = self._spec.optimizer
        self._words = WordTable(
            task.vocabulary_in_use, vocabulary_size=self._config.vocab_size, whole=is_decayed(_WORDS, optimizer)
        )
        self._positions = (
            self._config.max_position_embeddings if is_decayed(_POSITIONS, optimizer) else task.longest_row_tokens
        )
        shapes = parameter_shapes(
            self._config,
            words=len(self._words.ids),
            positions=self._positions,
            labels=len(task.label_names),
        )
        self._names = correspondence(self._config)
        self._pretrained = self._read_parameters(shapes)
        self._drawn = {name: shape for name, shape in shapes.items() if name not in self._pretrained}
        policy = keras.DTypePolicy(self._spec.training.precision)
        rates = dropout_rates(self._spec.model, self._config)
        self._bert = Bert(self._config, shapes, rates, policy, operations())
        self._optimizer = create_optimizer(optimizer, list(self._bert.variables.values()), precision=policy.name)
        self._steps = create_steps(self._bert, self._optimizer, task)
        self._live = LiveState(self._bert.variables, self._bert.dropouts, self._optimizer)
        self._seed = -1
        self._dropout_seen: dict[str, Any] = {}

    def prepare(self, seed: int) -> None:
        """Put back pretrained weights, a head drawn from *seed*, fresh optimizer and dropout state."""
        operations = [*(dropout.name for dropout in self._bert.dropouts.values()), *self._drawn]
        # Dropout on attention probabilities draws once for each group of rows.
        seeds = operation_seeds(seed, operations, draws=GROUPS * self._task.total_steps)
        drawn = draw_layers(self._drawn, seeds, deviation=self._spec.model.head_standard_deviation)
        self._live.begin(self._pretrained | drawn, seeds)
        self._seed = seed

    def trace(self, train: PackedBatch, validation: PackedBatch) -> None:
        """Compile what is compiled, look at a step or two whether dropout acts, then put everything back."""
        self._steps.compile()
        loss = self.train_step(train).loss
        self.prepare(self._seed)
        logits = [self.logits(validation) for _ in range(2)]
        self._dropout_seen = {"in_inference": sorted(self._drawing()), "inference_repeats": _are_equal(*logits)}
        for dropout in self._bert.dropouts.values():
            dropout.reseed(_ANOTHER_SEED)
        self._dropout_seen["loss_follows_seed"] = self.train_step(train).loss != loss
        self._dropout_seen["in_training"] = sorted(self._drawing())
        self.prepare(self._seed)

    def train_step(self, batch: PackedBatch) -> StepResult:
        """One update of the weights; returns when the device is done."""
        rate = learning_rate_at(
            self._live.steps_done,
            peak=self._spec.optimizer.learning_rate,
            schedule=self._spec.schedule,
            total_steps=self._task.total_steps,
        )
        step = self._steps.train(self._lay_out(batch, training=True), rate)
        self._live.steps_done += 1
        return step

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        """float32 (rows, classes), dropout off; returns when the device is done."""
        with self._averaged():
            return self._steps.logits(self._lay_out(batch, training=False))

    def gradients(self, batch: PackedBatch) -> dict[str, NDArray[np.float32]]:
        """Dense gradients of the loss, under the names of `weights`; dropout as in training, nothing updated."""
        return dict(self._tensors(self._steps.gradients(self._lay_out(batch, training=True))))

    def recipe(self) -> Mapping[str, Any]:
        """Live values read back from the running engine; see `recipe.live_recipe`.

        Also `seed`, as it was prepared for; `drawn_weights`, digests of the fresh layers; and `dropout_seen`, what
        `trace` saw: the operations that drew random numbers `in_training` and `in_inference`, whether the loss of a
        training step is another under other dropout seeds (`loss_follows_seed`), and whether two passes of inference
        are equal (`inference_repeats`). On JAX also the `shapes` that batches are padded to, and of its `programs` how
        many came from the cache on disk.
        """
        return {
            **live_recipe(self._bert, self._optimizer),
            **self._steps.facts(),
            "seed": self._seed,
            "drawn_weights": drawn_digests({name: numpy_of(self._bert.variables[name]) for name in self._drawn}),
            "dropout_seen": self._dropout_seen,
        }

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Names (as in transformers' BertForSequenceClassification) and values, sorted by name.

        Of the word embeddings those in use only, in the order of `Task.vocabulary_in_use`; of the position embeddings
        those that the longest row reaches.
        """
        with self._averaged():
            tensors = dict(self._tensors(self._live.parameters()))
        words = "bert.embeddings.word_embeddings.weight"
        tensors[words] = self._words.in_use(tensors[words])
        yield from sorted(tensors.items())

    def state(self) -> dict[str, NDArray[Any]]:
        """All that a resumed run needs: weights, optimizer, dropout state, step."""
        return self._live.save()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a `state`, to the same bits.

        Raises:
            EngineError: If *state* is of another network, optimizer or data.
        """
        self._live.load(state)

    def matmul_seconds(self, size: int) -> float:
        """Seconds of one float32 matrix product size x size x size in this library, on this device."""
        return self._steps.matmul_seconds(size)

    def flops(self, batch: PackedBatch) -> float:
        """Floating-point operations that one training step on *batch* needs; see `flops.training_step_flops`."""
        return training_step_flops(self._config, batch, labels=len(self._task.label_names))

    def save(self, folder: Path) -> None:
        """Write a folder that transformers and KerasHub load, the embedding tables in full."""
        with self._averaged():
            tensors = dict(self._tensors(self._live.parameters()))
        pretrained = read_tensors(self._task.checkpoint)
        for table, rows in (("word", self._words.ids), ("position", np.arange(self._positions))):
            name = f"embeddings.{table}_embeddings.weight"
            pretrained[name][rows] = tensors[f"bert.{name}"]
            tensors[f"bert.{name}"] = pretrained[name]
        write_folder(folder, self._task, tensors, self._bert.rates)

    def _read_parameters(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
        """Every parameter that the checkpoint gives, in the rows that take part.

        Raises:
            EngineError: If the spec asks for a pretrained pooler and the checkpoint has none.
        """
        tensors = {f"bert.{name}": values for name, values in read_tensors(self._task.checkpoint).items()}
        refuse_absent_pooler(self._task, present="bert.pooler.dense.weight" in tensors)
        drawn = fresh_layers(self._spec.model)
        given = [name for name in shapes if name.rpartition(".")[0] not in drawn]
        parameters = {name: parameter_from_tensors(name, tensors, self._names) for name in given}
        parameters[_WORDS] = parameters[_WORDS][self._words.ids]
        parameters[_POSITIONS] = parameters[_POSITIONS][: self._positions]
        return parameters

    def _drawing(self) -> Iterator[str]:
        """Dropouts that have drawn random numbers since they were seeded."""
        return (name for name, dropout in self._bert.dropouts.items() if dropout.draws)

    def _lay_out(self, batch: PackedBatch, *, training: bool) -> Layout:
        """*batch* as the network reads it, padded where the backend needs known shapes.

        Raises:
            EngineError: If it holds what the embedding tables have no row for.
        """
        refuse_unknown_segments(batch, self._config, engine=self.name)
        if (position := int(batch.positions.max())) >= self._positions:
            raise EngineError(
                f"native engine: a row has {position + 1} tokens, and the longest was announced with {self._positions}",
                remedy="Give the longest row of all splits in Task.longest_row_tokens.",
            )
        words = self._words.rows_of(batch.token_ids)
        config = self._config
        shapes = self._steps.shapes
        shape = (
            shapes.shape_of(np.diff(batch.offsets).astype(np.int64), training=training) if shapes is not None else None
        )
        return lay_out(batch, words, heads=config.num_attention_heads, head_size=config.head_size, shape=shape)

    def _tensors(self, parameters: Mapping[str, NDArray[np.float32]]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """*parameters* under transformers' names."""
        for name, values in parameters.items():
            yield from tensors_from_parameter(name, values, self._names)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Look at the moving average of the weights where the spec asks for one; training goes on with the weights."""
        if not self._spec.optimizer.use_ema or not self._live.steps_done:
            yield
            return
        weights = self._live.parameters()
        self._optimizer.finalize_variable_values(list(self._bert.variables.values()))
        try:
            yield
        finally:
            for name, variable in self._bert.variables.items():
                variable.assign(weights[name])


def _are_equal(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return one.tobytes() == other.tobytes()
