"""The keras-hub engine and the native one on the tiny BERT; as a process, what a fine-tune came to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from parity_cases import LABELS, LONGEST, TOTAL_STEPS, mixed_rows

from bertbench.checkpoints import open_checkpoint
from bertbench.digests import digest_arrays
from bertbench.engines import Task
from bertbench.spec import CheckpointSpec, ModelSpec, RuntimeSpec, Spec

if TYPE_CHECKING:
    from bertbench.engines.keras_hub.engine import KerasHubEngine
    from bertbench.engines.native.engine import NativeEngine

#: WordPieces of the tiny BERT that rows are made of.
WORDS = 60
BATCHES = [
    mixed_rows(WORDS, seed=n, pairs=n % 2 == 1, lengths=lengths)
    for n, lengths in enumerate([[12, 30, 25], [5, 9, 40], [3, 3, 3], [18, 7]])
]
#: A head wide enough for logits of the order of one.
NO_DROPOUT = ModelSpec(hidden_dropout_rate=0.0, attention_dropout_rate=0.0, head_standard_deviation=0.3)


#: A model of a user's own, on any backend.
OWN = """
import keras


def build(task):
    ids = keras.Input((None,), dtype="int32", name="ids")
    hidden = keras.layers.Dropout(0.3)(keras.layers.Embedding(400, 8)(ids))
    hidden = keras.layers.GlobalAveragePooling1D()(hidden)
    model = keras.Model(ids, keras.layers.Dense(len(task.label_names), activation="softmax")(hidden))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model
"""


def make_task(folder: Path, **spec: Any) -> Task:
    """A task on the checkpoint in *folder*; *spec* are fields of the spec."""
    checkpoint = CheckpointSpec(source=f"path:{folder}")
    names = tuple(f"class {number}" for number in range(LABELS))
    opened = open_checkpoint(checkpoint, base_folder=folder)
    made = Spec(**{"name": "hub", "engine": "keras-hub", "checkpoint": checkpoint, **spec})
    return Task(made, opened, names, np.arange(WORDS, dtype=np.int32), TOTAL_STEPS, LONGEST)


def hub_engine(folder: Path, **spec: Any) -> KerasHubEngine:
    """Prepared for seed 0."""
    from bertbench.engines.keras_hub.engine import KerasHubEngine

    engine = KerasHubEngine(make_task(folder, **spec))
    engine.prepare(0)
    return engine


def native_engine(folder: Path, **spec: Any) -> NativeEngine:
    """Prepared for seed 0."""
    from bertbench.engines.native.engine import NativeEngine

    engine = NativeEngine(make_task(folder, engine="native", **spec))
    engine.prepare(0)
    return engine


def train(engine: Any, batches: list[Any] = BATCHES) -> dict[str, Any]:
    """A step on each batch: losses, and what the weights came to."""
    losses = [engine.train_step(batch).loss for batch in batches]
    return {"losses": losses, "weights": digest_arrays(engine.weights())}


def run_elsewhere(folder: Path, backend: str = "tensorflow") -> dict[str, Any]:
    """`train` in a process of its own.

    Raises:
        RuntimeError: If it fails; with what it said.
    """
    here = Path(__file__).parent
    path = os.pathsep.join(str(place) for place in (here, here.parent, here.parent.parent))
    done = subprocess.run(
        [sys.executable, __file__, str(folder), backend],
        env=os.environ | {"PYTHONPATH": path, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def own_on_this_backend(folder: Path, runtime: RuntimeSpec) -> list[dict[str, Any]]:
    """A small model of one's own under seeds 0, 1, 0; and the last two steps once more, from a state."""
    from dataclasses import replace

    from bertbench.engines import create_engine

    (folder / "own_small.py").write_text(OWN)
    task = make_task(folder, engine="python:own_small:build", runtime=runtime)
    engine = create_engine(replace(task, base_folder=folder))
    results = []
    for seed in (0, 1, 0):
        engine.prepare(seed)
        results.append(train(engine))
    engine.prepare(0)
    train(engine, BATCHES[:2])
    state = engine.state()
    results.append(train(engine, BATCHES[2:]))
    engine.prepare(1)
    engine.restore(state)
    results.append(train(engine, BATCHES[2:]))
    return results


def _as_a_process(folder: Path, backend: str) -> None:
    from bertbench import runtime

    spec = RuntimeSpec(backend=backend)
    runtime.configure(spec)
    plain = hub_engine(folder, model=NO_DROPOUT, runtime=spec)
    steps = [plain.train_step(batch) for batch in BATCHES]
    answer: dict[str, Any] = {"plain": {"losses": [s.loss for s in steps], "norms": [s.gradient_norm for s in steps]}}
    dropping = hub_engine(folder, runtime=spec)
    answer["dropped"] = train(dropping)
    for seed in (1, 0):
        dropping.prepare(seed)
        answer[f"dropped, then {seed}"] = train(dropping)
    answer["own"] = own_on_this_backend(folder, spec)
    print(json.dumps(answer))  # noqa: T201 - the answer


if __name__ == "__main__":
    _as_a_process(Path(sys.argv[1]), sys.argv[2])
