"""The transformers-torch engine: BertForSequenceClassification on padded batches, one object for all seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bertbench.checkpoints import read_tensors
from bertbench.data.batches import PackedBatch
from bertbench.engines.dropout_rates import dropout_rates
from bertbench.engines.export import write_folder
from bertbench.engines.flops import training_step_flops
from bertbench.engines.fresh_layers import draw_under, drawn_digests_of_tensors, fresh_shapes, tensors_of
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
from bertbench.engines.transformers_torch.dropouts import drawing
from bertbench.engines.transformers_torch.network import compiled, is_of_compiling, load
from bertbench.engines.transformers_torch.recipe import live_recipe
from bertbench.engines.transformers_torch.state import LiveState, copy_of
from bertbench.engines.transformers_torch.updates import create_clipping, create_optimizer, refuse_impossible
from bertbench.errors import EngineError
from bertbench.seeds import operation_seed

_WORDS = "bert.embeddings.word_embeddings.weight"
_POSITIONS = "bert.embeddings.position_embeddings.weight"
#: PyTorch has one stream of random numbers for all dropouts of a model; this is its name.
_STREAM = "model"
#: For the second of two looks at dropout; no seed of a run but by chance.
_ANOTHER_SEED = 123_456_789


class TransformersTorchEngine:
    """Implements `protocol.Engine`."""

    name = "transformers-torch"

    def __init__(self, task: Task) -> None:
        """Load the model, build the optimizer. Nothing is compiled, and no seed is set: see `prepare`.

        Raises:
            EngineError: If the spec asks for something that this checkpoint or PyTorch cannot do.
        """
        self._task, self._spec, self._config = task, task.spec, task.checkpoint.bert
        refuse_impossible(self._spec)
        _refuse_float16(task)
        refuse_long_rows(task)
        refuse_unknown_words(task.vocabulary_in_use, vocabulary_size=self._config.vocab_size, engine=self.name)
        refuse_absent_pooler(task, present="pooler.dense.weight" in read_tensors(task.checkpoint))

        self._device = torch.device(_device_of(task))
        self._rates = dropout_rates(self._spec.model, self._config)
        network = load(task.checkpoint, self._rates, labels=len(task.label_names))
        self._network = network.to(self._device)
        self._parameters = dict(self._network.named_parameters())
        self._fresh = fresh_shapes(self._spec.model, self._config, labels=len(task.label_names))
        self._pretrained = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}

        self._model = compiled(self._network) if self._spec.runtime.compile else self._network
        self._autocast = torch.autocast(
            self._device.type, dtype=torch.bfloat16, enabled=self._spec.training.precision == "mixed_bfloat16"
        )
        self._optimizer = create_optimizer(self._spec.optimizer, self._parameters, self._config)
        self._clipping = create_clipping(self._spec.optimizer)
        self._generator = _generator_of(self._device)
        self._live = LiveState(self._parameters, self._optimizer, self._generator)
        self._seed = -1
        self._dropout_seen: dict[str, Any] = {}

    def prepare(self, seed: int) -> None:
        """Put back pretrained weights, a head drawn from *seed*, fresh optimizer and random numbers."""
        fresh = draw_under(seed, self._fresh, deviation=self._spec.model.head_standard_deviation)
        drawn = {name: torch.from_numpy(values) for name, values in tensors_of(fresh).items()}
        self._live.begin(self._pretrained | drawn, seed=operation_seed(seed, f"{_STREAM}.dropout"))
        self._seed = seed

    def trace(self, train: PackedBatch, validation: PackedBatch) -> None:
        """Look whether dropout acts, compile what is compiled by running it once, then put everything back.

        Raises:
            EngineError: If torch.compile cannot compile here.
        """
        with torch.no_grad():
            with drawing(self._network.train(), self._generator) as in_training:
                self._scores(self._network, train)
            with drawing(self._network.eval(), self._generator) as in_inference:
                self._scores(self._network, validation)
        self.prepare(self._seed)
        try:
            loss = self.train_step(train).loss
            logits = [self.logits(validation) for _ in range(2)]
        except RuntimeError as error:
            self._refuse_uncompilable(error)
            raise
        self.prepare(self._seed)
        torch.manual_seed(_ANOTHER_SEED)
        self._dropout_seen = {
            "in_training": sorted(in_training),
            "in_inference": sorted(in_inference),
            "inference_repeats": logits[0].tobytes() == logits[1].tobytes(),
            "loss_follows_seed": self.train_step(train).loss != loss,
        }
        self.prepare(self._seed)

    def train_step(self, batch: PackedBatch) -> StepResult:
        """One update of the weights; returns when the device is done."""
        rate = learning_rate_at(
            self._live.steps_done,
            peak=self._spec.optimizer.learning_rate,
            schedule=self._spec.schedule,
            total_steps=self._task.total_steps,
        )
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._network.train()
        self._optimizer.zero_grad()
        scores = self._scores(self._model, batch)
        labels, weights = self._tensor(batch.labels.astype(np.int64)), self._tensor(batch.row_weights)
        losses = torch.nn.functional.cross_entropy(scores, labels, reduction="none")
        loss = (losses * weights).sum() / batch.row_count
        loss.backward()
        norm = self._clipping(list(self._parameters.values()))
        self._optimizer.step()
        self._live.steps_done += 1
        return StepResult(
            loss=float(loss.detach()),
            gradient_norm=float(norm),
            predictions=copy_of(scores.argmax(dim=-1)).astype(np.int32),
            learning_rate=float(self._optimizer.param_groups[0]["lr"]),
        )

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        """float32 (rows, classes), dropout off; returns when the device is done."""
        self._network.eval()
        with torch.no_grad():
            return copy_of(self._scores(self._model, batch))

    def recipe(self) -> Mapping[str, Any]:
        """Live values read back from the running engine; see `recipe.live_recipe`.

        Also `seed`, as it was prepared for; `drawn_weights`, digests of the fresh layers; `dropout_states`, seed and
        draws of the one stream that all dropouts share; and `dropout_seen`, what `trace` saw, as in the native engine.
        """
        tensors = {name: copy_of(parameter) for name, parameter in self._parameters.items()}
        return {
            **live_recipe(self._network, self._optimizer, self._clipping, self._autocast),
            "seed": self._seed,
            "drawn_weights": drawn_digests_of_tensors(tensors, self._spec.model),
            "dropout_states": {_STREAM: list(self._live.draws)},
            "dropout_seen": self._dropout_seen,
            "compiled": self._model is not self._network,
            "not_held": {},
        }

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Names (as in transformers' BertForSequenceClassification) and values, sorted by name.

        Of the word embeddings those in use only, in the order of `Task.vocabulary_in_use`; of the position embeddings
        those that the longest row reaches.
        """
        rows = {
            _WORDS: torch.from_numpy(self._task.vocabulary_in_use.astype(np.int64)),
            _POSITIONS: torch.arange(self._task.longest_row_tokens),
        }
        for name, parameter in sorted(self._parameters.items()):
            values = parameter.detach()
            yield name, copy_of(values[rows[name].to(self._device)] if name in rows else values)

    def state(self) -> dict[str, NDArray[Any]]:
        """All that a resumed run needs: weights, optimizer, random numbers, step."""
        return self._live.save()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a `state`, to the same bits.

        Raises:
            EngineError: If *state* is of another network or optimizer.
        """
        self._live.load(state)

    def matmul_seconds(self, size: int) -> float:
        """Seconds of one float32 matrix product size x size x size in this library, on this device."""
        return matmul_seconds(size, "torch", device=self._device.type)

    def flops(self, batch: PackedBatch) -> float:
        """Floating-point operations that one training step on *batch* needs; see `flops.training_step_flops`."""
        return training_step_flops(self._config, batch, labels=len(self._task.label_names))

    def save(self, folder: Path) -> None:
        """Write a folder that transformers and KerasHub load."""
        write_folder(
            folder, self._task, {name: copy_of(values) for name, values in self._parameters.items()}, self._rates
        )

    def _scores(self, model: Any, batch: PackedBatch) -> torch.Tensor:
        """float32 (rows, classes), in the mode that the network is in.

        Raises:
            EngineError: If a row has a segment that the checkpoint has no embedding for.
        """
        refuse_unknown_segments(batch, self._config, engine=self.name)
        padded = pad(batch)
        with self._autocast:
            scores = model(
                input_ids=self._tensor(padded.input_ids),
                token_type_ids=self._tensor(padded.token_type_ids),
                attention_mask=self._tensor(padded.attention_mask),
            ).logits
        return scores.float()

    def _tensor(self, values: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(values).to(self._device)

    def _refuse_uncompilable(self, error: RuntimeError) -> None:
        """Raise what *error* means if it came out of torch.compile."""
        if not self._spec.runtime.compile or not is_of_compiling(error):
            return
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise EngineError(
            f"runtime.compile: torch.compile cannot compile the network here: {first}",
            remedy="Install a C++ compiler (g++) and Python's headers, or leave compile out under [runtime].",
        ) from error


def _refuse_float16(task: Task) -> None:
    if task.spec.training.precision == "mixed_float16":
        raise EngineError(
            f"training.precision: engine {task.spec.engine} does not scale the loss, without which small gradients "
            "vanish in float16",
            remedy="Write precision = 'mixed_bfloat16' or 'float32' under [training], or use engine = 'native'.",
        )


def _device_of(task: Task) -> str:
    """`cuda` where there is one and the spec does not say otherwise."""
    return "cuda" if task.spec.runtime.device != "cpu" and torch.cuda.is_available() else "cpu"


def _generator_of(device: torch.device) -> torch.Generator:
    """The generator that dropout on *device* draws from."""
    if device.type == "cpu":
        return torch.default_generator
    torch.cuda.init()
    return torch.cuda.default_generators[torch.cuda.current_device()]
