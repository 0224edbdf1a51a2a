"""A process that fine-tunes the tiny BERT with one engine and says as JSON what it came to.

Libraries that engines are written in cannot all live in one process, so each engine answers from its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "engines"))
from engine_examples import LONGEST, NO_DROPOUT, WORDS_IN_USE, make_batch
from small_bench import small_spec, write_rows

from bertbench import runtime, training
from bertbench.checkpoints import open_checkpoint
from bertbench.data.batches import PackedBatch
from bertbench.digests import digest_arrays
from bertbench.engines import Task, create_engine, entry_of
from bertbench.engines.protocol import Engine
from bertbench.errors import BertbenchError
from bertbench.spec import AdamSpec, AdamWSpec, CheckpointSpec, ModelSpec, RuntimeSpec, ScheduleSpec, SGDSpec, Spec
from bertbench.verdict import judge_recipe

STEPS = 20
#: One thread: the tiny BERT has no work for two, and on a busy machine they wait for each other.
RUNTIME = RuntimeSpec(threads=1)
#: `adam without epsilon` has one so small that it does not matter where it is added.
OPTIMIZERS = {
    "adam": AdamSpec(learning_rate=1e-3),
    "adam without epsilon": AdamSpec(learning_rate=1e-3, epsilon=1e-20),
    "adamw": AdamWSpec(learning_rate=1e-3, weight_decay=0.1, epsilon=1e-20),
    "amsgrad": AdamSpec(learning_rate=1e-3, amsgrad=True, epsilon=1e-20),
    "global_clipnorm": AdamSpec(learning_rate=1e-3, global_clipnorm=0.5, epsilon=1e-20),
    "clipvalue": AdamSpec(learning_rate=1e-3, clipvalue=0.05, epsilon=1e-20),
    "sgd": SGDSpec(learning_rate=0.05),
    "momentum": SGDSpec(learning_rate=0.02, momentum=0.9, nesterov=True),
}
#: PyTorch keeps momentum without the learning rate and Keras with it: alike as long as the rate stays.
CONSTANT_RATE = {"momentum"}
ROWS = [[12, 30, 25], [5, 9, 40], [3, 3, 3], [18, 7]]
BATCHES = [
    make_batch(lengths, seed=n, pairs=n % 2 == 1, row_weights=np.linspace(0.5, 2.0, len(lengths)).tolist())
    for n, lengths in enumerate(ROWS)
]


def engine_of(folder: Path, name: str, **fields: Any) -> Engine:
    """An engine of the tiny BERT in *folder*, not prepared."""
    checkpoint = CheckpointSpec(source=f"path:{folder}")
    opened = open_checkpoint(checkpoint, base_folder=folder)
    spec = Spec(name="peer", engine=name, checkpoint=checkpoint, **{"runtime": RUNTIME, **fields})
    names = tuple(f"class {number}" for number in range(3))
    return create_engine(Task(spec, opened, names, WORDS_IN_USE, STEPS, LONGEST))


def logits(folder: Path, name: str, saved: Path) -> dict[str, Any]:
    """Of an untrained model."""
    engine = engine_of(folder, name, model=NO_DROPOUT)
    engine.prepare(0)
    return {"logits": [engine.logits(batch).tolist() for batch in BATCHES]}


def fine_tune(folder: Path, name: str, saved: Path) -> dict[str, Any]:
    """Steps without dropout under each optimizer; with dropout, the same steps in several ways."""
    answer: dict[str, Any] = {optimizer: _steps(folder, name, optimizer) for optimizer in OPTIMIZERS}
    answer |= logits(folder, name, saved)
    plain = engine_of(folder, name, model=NO_DROPOUT)
    plain.prepare(0)
    answer["flops"] = [plain.flops(batch) for batch in BATCHES]
    answer["weights before"] = {key: _summary(values) for key, values in plain.weights()}
    plain.save(saved)

    dropped = engine_of(folder, name, model=ModelSpec(pooler="fresh"), optimizer=AdamSpec(learning_rate=1e-3))
    dropped.prepare(0)
    dropped.trace(BATCHES[0], BATCHES[1])
    answer["seeds 0, 1, 0"] = [_losses(dropped, seed) for seed in (0, 1, 0)]
    answer["digest"] = digest_arrays(dropped.weights())
    dropped.prepare(0)
    first = [dropped.train_step(batch).loss for batch in BATCHES[:2]]
    state = dropped.state()
    kept = digest_arrays(sorted(state.items()))
    _losses(dropped, 1)
    answer["state is a copy"] = digest_arrays(sorted(state.items())) == kept
    dropped.restore(state)
    answer["resumed"] = first + [dropped.train_step(batch).loss for batch in BATCHES[2:]]
    answer["resumed digest"] = digest_arrays(dropped.weights())
    del state[next(iter(state))]
    answer["another state"] = refusal(lambda: dropped.restore(state))
    return answer


def refusal(function: Callable[[], Any]) -> str:
    """What the engine says when it refuses; empty if it does not."""
    try:
        function()
    except BertbenchError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _steps(folder: Path, name: str, optimizer: str) -> dict[str, Any]:
    schedule = ScheduleSpec() if optimizer in CONSTANT_RATE else ScheduleSpec(kind="linear", warmup_fraction=0.2)
    trained = engine_of(folder, name, model=NO_DROPOUT, optimizer=OPTIMIZERS[optimizer], schedule=schedule)
    trained.prepare(0)
    steps = [trained.train_step(_batch(number)) for number in range(STEPS)]
    return {
        "losses": [step.loss for step in steps],
        "norms": [step.gradient_norm for step in steps],
        "rates": [step.learning_rate for step in steps],
        "predictions": [step.predictions.tolist() for step in steps],
        "logits": trained.logits(BATCHES[0]).tolist(),
        "decayed": trained.recipe()["decayed"],
    }


def _batch(number: int) -> PackedBatch:
    return BATCHES[number % len(BATCHES)]


def _losses(engine: Engine, seed: int) -> list[float]:
    engine.prepare(seed)
    return [engine.train_step(batch).loss for batch in BATCHES]


def _summary(values: Any) -> list[Any]:
    return [list(values.shape), float(np.abs(values).sum())]


def judged(folder: Path, name: str, changes: Mapping[str, Callable[[Any], None]]) -> dict[str, list[str]]:
    """Whole runs of a small benchmark, each with an engine that was changed behind the spec's back.

    Returns:
        What the recipe lock says of each, outcome and reason; of `nothing`, a run that nobody changed, too.
    """
    here = folder.parent
    write_rows(here)
    spec = small_spec(folder, engine=name, runtime__threads=RUNTIME.threads)
    answer = {}
    for what, change in {"nothing": lambda _: None, **changes}.items():

        def changed(task: Task, change: Callable[[Any], None] = change) -> Engine:
            engine = create_engine(task)
            change(engine)
            return engine

        with mock.patch.object(training, "create_engine", changed):
            check = judge_recipe(training.run_spec(spec, base_folder=here))
        answer[what] = [check.outcome, check.reason]
    return answer


def refused(folder: Path, name: str, specs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What an engine says to specs that it cannot do, by the field that it should name."""

    def refusal_of(fields: Mapping[str, Any]) -> str:
        return refusal(lambda: engine_of(folder, name, **fields))

    return {field: refusal_of(fields) for field, fields in specs.items()}


def run(script: str | Path, *arguments: str | Path) -> dict[str, Any]:
    """Start *script* as a process of its own, and wait for its answer.

    Raises:
        RuntimeError: If it fails; with what it said.
    """
    here = Path(__file__).parent
    places = (Path(script).parent, here, here / "engines", here.parent)
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places)), "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def answers_of(folder: Path, name: str, saved: Path, *, only: str = "fine_tune") -> dict[str, Any]:
    """What `fine_tune` comes to in a process of its own; the untrained model is saved in *saved*."""
    return run(__file__, folder, name, saved, only)


if __name__ == "__main__":
    runtime.configure(RUNTIME, entry_of(sys.argv[2]).library)
    asked = {"fine_tune": fine_tune, "logits": logits}[sys.argv[4]]
    print(json.dumps(asked(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))))  # noqa: T201 - the answer
