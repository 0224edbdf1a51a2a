"""A process that fine-tunes the tiny BERT, in halves if it is told to, and says as JSON what it came to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from engine_backends import BACKEND
from engine_examples import make_batch, make_engine

from bertbench import runtime
from bertbench.digests import digest_arrays
from bertbench.spec import RuntimeSpec

if TYPE_CHECKING:
    from bertbench.engines.native.engine import NativeEngine

SEED = 3
#: Four steps; the last batch is smaller, as at the end of an epoch.
BATCHES = [make_batch(lengths, seed=n) for n, lengths in enumerate([[12, 30, 25], [5, 9, 40], [3, 3, 3], [18, 7]])]


def train(engine: NativeEngine, steps: slice) -> dict[str, Any]:
    """Do some of the four steps."""
    losses = [engine.train_step(batch).loss for batch in BATCHES[steps]]
    return {"losses": losses, "weights": digest_arrays(engine.weights())}


def first_half(checkpoint: Path, state: Path) -> None:
    """Two steps, the state to a file, then on and on until somebody kills the process."""
    engine = make_engine(checkpoint, seed=SEED)
    result = train(engine, slice(2))
    np.savez(state, **engine.state())
    _say(result)
    while True:
        train(engine, slice(None))


def second_half(checkpoint: Path, state: Path) -> None:
    """The other two steps, from the file alone: another seed is prepared, and used, before."""
    engine = make_engine(checkpoint, seed=SEED + 1)
    train(engine, slice(1))
    with np.load(state, allow_pickle=False) as saved:
        engine.restore(dict(saved))
    _say(train(engine, slice(2, None)))


def _say(result: dict[str, Any]) -> None:
    print(json.dumps(result), flush=True)  # noqa: T201 - the answer


def start(half: str, checkpoint: Path, state: Path) -> subprocess.Popen[str]:
    """Start this file as a process of its own; it answers with one line."""
    here = Path(__file__).parent
    path = os.pathsep.join(str(folder) for folder in (here, here.parent, here.parent.parent))
    return subprocess.Popen(
        [sys.executable, __file__, half, str(checkpoint), str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


if __name__ == "__main__":
    runtime.configure(RuntimeSpec(backend=BACKEND))
    {"first": first_half, "second": second_half}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
