"""A process that fine-tunes the tiny BERT on one Keras backend and says as JSON what it came to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bertbench.checkpoints import open_checkpoint
from bertbench.engines import Task, create_engine
from bertbench.engines.protocol import Engine
from bertbench.spec import AdamSpec, AdamWSpec, CheckpointSpec, ModelSpec, RuntimeSpec, SGDSpec, Spec

OPTIMIZERS = {
    "adam": AdamSpec(learning_rate=1e-3),
    "adamw": AdamWSpec(learning_rate=1e-3, weight_decay=0.1, global_clipnorm=0.5),
    # At ten times this rate the loss climbs, and twenty steps make 3e-4 out of rounding.
    "sgd": SGDSpec(learning_rate=0.005, momentum=0.9, nesterov=True),
}
LENGTHS = [[12, 30, 25], [5, 9, 40], [3, 3, 3], [18, 7]]


def fine_tune(folder: Path, backend: str) -> dict[str, Any]:
    """Losses, norms and logits without dropout for each optimizer; with dropout, the same steps in several ways."""
    from parity_cases import LABELS, LONGEST, TOTAL_STEPS, mixed_rows

    checkpoint = CheckpointSpec(source=f"path:{folder}")
    opened = open_checkpoint(checkpoint, base_folder=folder)
    rows = [mixed_rows(60, seed=n, pairs=n % 2 == 1, lengths=lengths) for n, lengths in enumerate(LENGTHS)]

    def engine(**fields: Any) -> Engine:
        spec = Spec(name="backend", checkpoint=checkpoint, runtime=RuntimeSpec(backend=backend), **fields)
        names = tuple(f"class {number}" for number in range(LABELS))
        return create_engine(Task(spec, opened, names, _words(), TOTAL_STEPS, LONGEST))

    def losses(trained: Engine, seed: int) -> list[float]:
        trained.prepare(seed)
        return [trained.train_step(batch).loss for batch in rows]

    plain = ModelSpec(hidden_dropout_rate=0.0, attention_dropout_rate=0.0, head_standard_deviation=0.5)
    answer: dict[str, Any] = {}
    for name, optimizer in OPTIMIZERS.items():
        trained = engine(model=plain, optimizer=optimizer)
        trained.prepare(0)
        steps = [trained.train_step(rows[step % len(rows)]) for step in range(TOTAL_STEPS)]
        answer[name] = {
            "losses": [step.loss for step in steps],
            "norms": [step.gradient_norm for step in steps],
            "predictions": [step.predictions.tolist() for step in steps],
            "logits": trained.logits(rows[0]).tolist(),
        }
    dropped = engine()
    answer["seeds 0, 1, 0"] = [losses(dropped, seed) for seed in (0, 1, 0)]
    dropped.prepare(0)
    first = [dropped.train_step(batch).loss for batch in rows[:2]]
    state = dropped.state()
    losses(dropped, 1)
    dropped.restore(state)
    answer["resumed"] = first + [dropped.train_step(batch).loss for batch in rows[2:]]
    return answer


def _words() -> Any:
    import numpy as np

    return np.arange(60, dtype=np.int32)


def run(folder: Path, backend: str) -> dict[str, Any]:
    """Start this file as a process of its own, and wait for its answer.

    Raises:
        RuntimeError: If it fails; with what it said.
    """
    here = Path(__file__).parent
    inherited = [place for place in [os.environ.get("PYTHONPATH")] if place]
    path = os.pathsep.join([*(str(place) for place in (here, here.parent, here.parent.parent)), *inherited])
    done = subprocess.run(
        [sys.executable, __file__, str(folder), backend],
        env=os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    print(json.dumps(fine_tune(Path(sys.argv[1]), sys.argv[2])))  # noqa: T201 - the answer
