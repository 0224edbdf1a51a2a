"""A user's compiled Keras model as an engine: stepped through its own `fit`, made anew for each seed."""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from bertbench.atomic import explained
from bertbench.data.batches import PackedBatch
from bertbench.engines.export import TOKENIZER_FILES
from bertbench.engines.keras_fit import FitStepper, LibraryThread, torch_random
from bertbench.engines.keras_fit.stepper import library_of
from bertbench.engines.own_model.factory import Factory, told
from bertbench.engines.own_model.inputs import feeding_of
from bertbench.engines.own_model.live_model import LiveModel, Values, value_of
from bertbench.engines.own_model.outputs import Scores, scores_in
from bertbench.engines.own_model.recipe import forgetful_layers, live_recipe, random_layers
from bertbench.engines.products import matmul_seconds
from bertbench.engines.protocol import StepResult, Task
from bertbench.errors import BertbenchError, EngineError
from bertbench.seeds import operation_seed

#: For the second of two looks at dropout; no seed of a run but by chance.
_ANOTHER_SEED = 123_456_789
_STEPS_DONE = "engine/steps_done"


class Made(NamedTuple):
    """What the factory returned."""

    model: Any
    inputs: Any
    """What it said of the inputs; None if nothing."""


def make(factory: Factory, task: Task, seed: int) -> Any:
    """Call the factory after seeding Python, NumPy and the library for *seed*.

    Raises:
        EngineError: If it raises anything.
    """
    _seed_everything(operation_seed(seed, "factory"))
    return factory(task)


def is_keras_model(thing: Any) -> bool:
    """Whether *thing* is a model of Keras 3 or tf-keras; neither is loaded for that."""
    bases = type(thing).__mro__
    return any(base.__module__.split(".")[0] in ("keras", "tf_keras") and base.__name__ == "Model" for base in bases)


class CompiledModelEngine:
    """Implements `protocol.Engine`."""

    def __init__(self, task: Task, factory: Factory, made: Made, thread: LibraryThread) -> None:
        """Look at the first model.

        Args:
            task: What is fine-tuned on what.
            factory: Called anew for each seed.
            made: By *factory* under the first seed of the spec.
            thread: Where it was made.

        Raises:
            EngineError: If the model is not compiled, or takes or gives something else than it should.
        """
        self.name = task.spec.engine
        self._task, self._spec, self._factory, self._thread = task, task.spec, factory, thread
        self._seed = task.spec.training.seeds[0]
        self._dropout_seen: dict[str, Any] = {}
        self._dropped: dict[str, float] = {}
        self._beginning: Values = {}
        self._live: LiveModel
        self._library = library_of(made.model)
        self._thread.call(lambda: self._adopt(made))

    def prepare(self, seed: int) -> None:
        """Everything as the factory makes it under *seed*; begin a new `fit`."""
        self._stepper.end()
        self._thread.call(lambda: self._begin_again(seed))
        self._seed, self._steps_done = seed, 0

    def trace(self, train: PackedBatch, validation: PackedBatch) -> None:
        """Compile what is compiled by running it once, look whether dropout acts, then put everything back."""
        loss = self.train_step(train).loss
        if self._library != "tensorflow":  # nothing to look at
            self.prepare(self._seed)
            return
        drawn = self._draws()
        self.prepare(self._seed)
        logits = [self.logits(validation) for _ in range(2)]
        in_inference = sorted(path for path, draws in self._draws().items() if draws)
        for layer in self._random_layers().values():
            layer.seed_generator.state.assign([_ANOTHER_SEED, 0])
        self._dropout_seen = {
            "in_training": sorted(path for path, draws in drawn.items() if draws),
            "in_inference": in_inference,
            "inference_repeats": logits[0].tobytes() == logits[1].tobytes(),
            "loss_follows_seed": self.train_step(train).loss != loss,
        }
        layers = self._random_layers()
        self._dropped = {path: float(getattr(layers[path], "rate", 1.0)) for path in self._dropout_seen["in_training"]}
        self.prepare(self._seed)

    def train_step(self, batch: PackedBatch) -> StepResult:
        """One step of the model's own `fit`; returns when the device is done.

        Raises:
            EngineError: If the model raises anything; with the line.
        """
        weights = batch.row_weights if self._spec.training.class_weights is not None else None
        labels = self._scores.labels(batch.labels, width=self._width)
        try:
            step = self._stepper.step(self._feeding(batch), labels, weights)
        except BertbenchError:
            raise
        except Exception as error:
            raise told(error, self.name) from error
        self._steps_done += 1
        return step

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        """float32 (rows, classes), by the model's own `predict_on_batch`; returns when the device is done."""
        return self._scores.logits(self._stepper.call(lambda: self._outputs(batch)))

    def recipe(self) -> Mapping[str, Any]:
        """Live values read back from the running model; see `recipe.live_recipe`.

        Also `engine` and `seed`; `factory`, digest of the file that it is written in; `dropout_seen`, as in the native
        engine, and `dropout_rates` of the layers that were seen dropping.
        """
        return {
            "engine": self.name,
            **live_recipe(self._live, library=self._library, schedule=self._spec.schedule),
            "dropout_rates": self._dropped,
            "dropout_seen": self._dropout_seen,
            "seed": self._seed,
            "factory": self._factory.facts(),
        }

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """All weights, sorted by the model's own names for them."""
        yield from sorted(self._live.weights().items())

    def state(self) -> dict[str, NDArray[Any]]:
        """Weights, optimizer, step; of Keras 3 also the random state: see `restore` for tf-keras."""
        random = torch_random.save() if self._library == "torch" else {}
        return self._live.values() | random | {_STEPS_DONE: np.array(self._steps_done, np.int64)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a `state` in a new `fit`, to the same bits.

        Raises:
            EngineError: If *state* is of another model, or of tf-keras where random numbers would go on as others.
        """
        steps_done = int(state.get(_STEPS_DONE, np.array(0)))
        self._refuse_forgotten_draws(steps_done)
        self._stepper.end()
        beside = (_STEPS_DONE, *torch_random.NAMES)
        values = {name: array for name, array in state.items() if name not in beside}
        self._live.load(values, engine=self.name)
        if self._library == "torch":
            torch_random.load(state)
        self._steps_done = steps_done

    def matmul_seconds(self, size: int) -> float:
        """Seconds of one float32 matrix product size x size x size in this library, on this device."""
        return matmul_seconds(size, self._library)

    def flops(self, batch: PackedBatch) -> float:  # noqa: ARG002 - of the protocol
        """0: how many operations a model of the user's own needs is not known."""
        return 0.0

    def save(self, folder: Path) -> None:
        """Write what Keras' users write: `model.keras` if the model can be, `model.weights.h5`, and the tokenizer."""
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._stepper.call(lambda: _save(self._live.model, folder))
            for name in TOKENIZER_FILES:
                if (file := self._task.checkpoint.folder / name).is_file():
                    shutil.copyfile(file, folder / name)

    # In the thread

    def _begin_again(self, seed: int) -> None:
        """Everything as the factory makes it under *seed*.

        Another seed's values go into the model that is already traced, where they fit. In tf-keras a part of the random
        state would be left behind, so there every beginning has a model of its own.
        """
        if self._library == "tf-keras":
            if seed != self._seed or self._steps_done:
                self._adopt(as_made(make(self._factory, self._task, seed)))
        elif seed == self._seed:
            self._live.take_over(self._beginning.values())
        else:
            made = as_made(make(self._factory, self._task, seed))
            self._build(made.model, feeding_of(made.model, made.inputs))
            other = LiveModel(made.model)
            if self._live.fits(other):
                self._beginning = other.values()
                self._live.take_over(self._beginning.values())
            else:
                self._adopt(made)
        _seed_everything(operation_seed(seed, "fit"))

    def _adopt(self, made: Made) -> None:
        """Make *made* the model that is trained."""
        self._feeding = feeding_of(made.model, made.inputs)
        self._scores = Scores(made.model, len(self._task.label_names))
        outputs = self._build(made.model, self._feeding)
        self._scores.refuse_other_width(outputs.shape)
        self._width = int(outputs.shape[1])
        self._scores.are_logits(self._width)  # refused before the first step
        self._stepper = FitStepper(
            made.model,
            total_steps=self._task.total_steps,
            logits_of=lambda outputs: self._scores.ranked(scores_in(outputs)),
            thread=self._thread,
        )
        self._live = LiveModel(made.model, like=getattr(self, "_live", None))
        self._beginning = {} if self._library == "tf-keras" else self._live.values()
        self._steps_done = 0
        _seed_everything(operation_seed(self._seed, "fit"))

    def _refuse_forgotten_draws(self, steps_done: int) -> None:
        """Raise if random numbers were drawn, for the state or since `prepare`, by layers that cannot be put back.

        Raises:
            EngineError: With the layers.
        """
        if self._library != "tf-keras" or not (steps_done or self._steps_done):
            return
        if forgetful := forgetful_layers(self._live.model):
            raise EngineError(
                f"engine {self.name}: cannot continue to the same bits after {max(steps_done, self._steps_done)} "
                f"steps: tf-keras keeps the random state of {', '.join(forgetful)} where nobody can put it back",
                remedy="Train from the beginning, or build the model with Keras 3, whose layers keep theirs.",
            )

    def _build(self, model: Any, feeding: Any) -> NDArray[Any]:
        """Outputs for two short rows: a model that is not built yet makes its variables.

        Raises:
            EngineError: If the model raises anything; with the line.
        """
        try:
            return _predicted(model, feeding(_two_rows(self._task)))
        except BertbenchError:
            raise
        except Exception as error:
            raise told(error, self.name) from error

    def _outputs(self, batch: PackedBatch) -> NDArray[Any]:
        return _predicted(self._live.model, self._feeding(batch))

    def _draws(self) -> dict[str, int]:
        """How often each layer that can draw random numbers has done so since its seed was set."""
        return {path: int(value_of(layer.seed_generator.state)[1]) for path, layer in self._random_layers().items()}

    def _random_layers(self) -> dict[str, Any]:
        return random_layers(self._live.model)


def _predicted(model: Any, inputs: Any) -> NDArray[Any]:
    """(rows, classes), by the model's own `predict_on_batch`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # on PyTorch Keras reads tensors in NumPy 1's way
        return np.asarray(scores_in(model.predict_on_batch(inputs)))


def _save(model: Any, folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras 3 reads variables in NumPy 1's way; tf-keras advises on formats
        model.save_weights(str(folder / "model.weights.h5"))
        try:
            model.save(str(folder / "model.keras"))
        except (NotImplementedError, TypeError, ValueError):  # a class that does not say how it is made again
            (folder / "model.keras").unlink(missing_ok=True)


def as_made(returned: Any) -> Made:
    """What a factory returned: a model, or a model and what it takes."""
    two = 2
    if isinstance(returned, tuple) and len(returned) == two and is_keras_model(returned[0]):
        return Made(*returned)
    return Made(returned, None)


def _seed_everything(seed: int) -> None:
    """Python, NumPy and the libraries; each Keras has a stream of its own for layers that are not seeded."""
    keras.utils.set_random_seed(seed)
    if (legacy := sys.modules.get("tf_keras")) is not None:
        legacy.utils.set_random_seed(seed)


def _two_rows(task: Task) -> PackedBatch:
    words = np.resize(task.vocabulary_in_use, 6).astype(np.int32)
    return PackedBatch(
        token_ids=words,
        segment_ids=np.zeros(6, np.int32),
        positions=np.array([0, 1, 2, 0, 1, 2], np.int32),
        offsets=np.array([0, 3, 6], np.int32),
        labels=np.zeros(2, np.int32),
        row_weights=np.ones(2, np.float32),
        rows=np.arange(2),
    )
