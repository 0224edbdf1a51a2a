"""The transformers-tf engine: TFBertForSequenceClassification by `compile` and `fit`, one object for all seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from bertbench.checkpoints import read_tensors
from bertbench.data.batches import PackedBatch
from bertbench.engines.dropout_rates import dropout_rates
from bertbench.engines.export import write_folder
from bertbench.engines.flops import training_step_flops
from bertbench.engines.fresh_layers import draw_under, drawn_digests_of_tensors, fresh_shapes
from bertbench.engines.fresh_layers import tensors_of as tensors_of_fresh
from bertbench.engines.keras_fit import FitStepper
from bertbench.engines.limits import (
    refuse_absent_pooler,
    refuse_long_rows,
    refuse_unknown_segments,
    refuse_unknown_words,
)
from bertbench.engines.padding import pad
from bertbench.engines.products import matmul_seconds
from bertbench.engines.protocol import StepResult, Task
from bertbench.engines.schedules import learning_rate_at
from bertbench.engines.transformers_tf.network import build, dropouts_of, tensors_of
from bertbench.engines.transformers_tf.recipe import live_recipe
from bertbench.engines.transformers_tf.state import LiveState
from bertbench.engines.transformers_tf.updates import create_optimizer, refuse_impossible
from bertbench.errors import EngineError
from bertbench.seeds import operation_seed

_WORDS = "bert.embeddings.word_embeddings.weight"
_POSITIONS = "bert.embeddings.position_embeddings.weight"
#: For the second of two looks at dropout; no operation's own seed but by chance.
_ANOTHER_SEED = 123_456_789


class TransformersTfEngine:
    """Implements `protocol.Engine`."""

    name = "transformers-tf"

    def __init__(self, task: Task) -> None:
        """Build the model and compile it. Nothing is traced, and no seed is set: see `prepare`.

        Raises:
            EngineError: If the spec asks for something that this checkpoint or tf-keras cannot do.
        """
        self._task, self._spec, self._config = task, task.spec, task.checkpoint.bert
        refuse_impossible(self._spec)
        _refuse_mixed_precision(task)
        refuse_long_rows(task)
        refuse_unknown_words(task.vocabulary_in_use, vocabulary_size=self._config.vocab_size, engine=self.name)
        self._pretrained = {f"bert.{name}": values for name, values in read_tensors(task.checkpoint).items()}
        refuse_absent_pooler(task, present="bert.pooler.dense.weight" in self._pretrained)

        self._rates = dropout_rates(self._spec.model, self._config)
        self._network = build(task.checkpoint, self._rates, labels=len(task.label_names))
        self._tensors = tensors_of(self._network)
        self._fresh = fresh_shapes(self._spec.model, self._config, labels=len(task.label_names))
        self._network.compile(
            optimizer=create_optimizer(self._spec.optimizer, self._tensors, self._config),
            loss=tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        self._live = LiveState(self._tensors, dropouts_of(self._network), self._network.optimizer)
        self._infer = _inference_of(self._network)
        self._stepper = FitStepper(self._network, total_steps=task.total_steps, logits_of=_logits_of)
        self._seed = -1
        self._dropout_seen: dict[str, Any] = {}

    def prepare(self, seed: int) -> None:
        """Put back pretrained weights, a head drawn from *seed*, fresh optimizer and dropouts; begin a new `fit`."""
        self._stepper.end()
        drawn = draw_under(seed, self._fresh, deviation=self._spec.model.head_standard_deviation)
        seeds = {name: operation_seed(seed, f"{name}.dropout") for name in dropouts_of(self._network)}
        self._live.begin(self._pretrained | tensors_of_fresh(drawn), seeds)
        self._seed = seed

    def trace(self, train: PackedBatch, validation: PackedBatch) -> None:
        """Compile what is compiled by running it once, look whether dropout acts, then put everything back."""
        loss = self.train_step(train).loss
        self.prepare(self._seed)
        logits = [self.logits(validation) for _ in range(2)]
        self._dropout_seen = {
            "in_inference": self._drawing(),
            "inference_repeats": logits[0].tobytes() == logits[1].tobytes(),
        }
        self._live.reseed(dict.fromkeys(dropouts_of(self._network), _ANOTHER_SEED))
        self._dropout_seen["loss_follows_seed"] = self.train_step(train).loss != loss
        self._dropout_seen["in_training"] = self._drawing()
        self.prepare(self._seed)

    def train_step(self, batch: PackedBatch) -> StepResult:
        """One step of `fit`; returns when the device is done."""
        rate = learning_rate_at(
            self._live.steps_done,
            peak=self._spec.optimizer.learning_rate,
            schedule=self._spec.schedule,
            total_steps=self._task.total_steps,
        )
        step = self._stepper.step(self._inputs(batch), batch.labels, batch.row_weights, learning_rate=rate)
        self._live.steps_done += 1
        return step

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        """float32 (rows, classes), dropout off; returns when the device is done."""
        return np.array(self._infer(**self._inputs(batch)).numpy())

    def recipe(self) -> Mapping[str, Any]:
        """Live values read back from the running engine; see `recipe.live_recipe`.

        Also `seed`, as it was prepared for; `drawn_weights`, digests of the fresh layers; `dropout_states`, seed and
        draws of each; and `dropout_seen`, what `trace` saw, as in the native engine.
        """
        tensors = {name: tensor.read() for name, tensor in self._tensors.items()}
        return {
            **live_recipe(self._network),
            "seed": self._seed,
            "drawn_weights": drawn_digests_of_tensors(tensors, self._spec.model),
            "dropout_states": self._live.dropout_states(),
            "dropout_seen": self._dropout_seen,
            "not_held": {},
        }

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Names (as in transformers' BertForSequenceClassification) and values, sorted by name.

        Of the word embeddings those in use only, in the order of `Task.vocabulary_in_use`; of the position embeddings
        those that the longest row reaches.
        """
        rows: dict[str, NDArray[Any]] = {
            _WORDS: self._task.vocabulary_in_use,
            _POSITIONS: np.arange(self._task.longest_row_tokens),
        }
        for name, tensor in sorted(self._tensors.items()):
            values = tensor.read()
            yield name, values[rows[name]] if name in rows else values

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
        return matmul_seconds(size, "tf-keras")

    def flops(self, batch: PackedBatch) -> float:
        """Floating-point operations that one training step on *batch* needs; see `flops.training_step_flops`."""
        return training_step_flops(self._config, batch, labels=len(self._task.label_names))

    def save(self, folder: Path) -> None:
        """Write a folder that transformers and KerasHub load."""
        write_folder(folder, self._task, {name: tensor.read() for name, tensor in self._tensors.items()}, self._rates)

    def _inputs(self, batch: PackedBatch) -> dict[str, NDArray[np.int64]]:
        """*batch* under transformers' names, padded to its longest row.

        Raises:
            EngineError: If a row has a segment that the checkpoint has no embedding for.
        """
        refuse_unknown_segments(batch, self._config, engine=self.name)
        padded = pad(batch)
        return {
            "input_ids": padded.input_ids,
            "token_type_ids": padded.token_type_ids,
            "attention_mask": padded.attention_mask,
        }

    def _drawing(self) -> list[str]:
        """Dropouts that have drawn random numbers since they were seeded, sorted."""
        return sorted(name for name, (_, draws) in self._live.dropout_states().items() if draws)


def _refuse_mixed_precision(task: Task) -> None:
    precision = task.spec.training.precision
    if precision != "float32":
        raise EngineError(
            f"training.precision: engine {task.spec.engine} computes in float32 alone, and the spec says {precision}",
            remedy="Write precision = 'float32' under [training], or use engine = 'native'.",
        )


def _logits_of(outputs: Any) -> Any:
    """(rows, classes), of the model's own output or of what its training step made of it."""
    return outputs["logits"] if isinstance(outputs, Mapping) else getattr(outputs, "logits", outputs)


def _inference_of(network: Any) -> Any:
    """The network with dropout off, traced once for batches of every shape."""
    ids = tf.TensorSpec([None, None], tf.int64)

    def infer(input_ids: Any, token_type_ids: Any, attention_mask: Any) -> Any:
        inputs = {"input_ids": input_ids, "token_type_ids": token_type_ids, "attention_mask": attention_mask}
        return network(inputs, training=False).logits

    return tf.function(infer, input_signature=[ids, ids, ids])
