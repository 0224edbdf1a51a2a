"""What holds on JAX alone: programs are compiled beforehand, one for each shape, and kept on disk."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_backends import jax_only
from engine_examples import NO_DROPOUT, distance, make_batch, make_engine, make_task, weights_of

from bertbench.data.batches import PackedBatch
from bertbench.spec import TrainingSpec

pytestmark = jax_only

SIZE = 4
#: Row lengths of 18 training and 10 validation rows: batches of 4, the last of 2; of validation one of 10.
TRAIN = np.array([5, 9, 3, 7, 12, 30, 25, 4, 6, 8, 3, 3, 10, 11, 5, 5, 20, 9], np.int64)
VALIDATION = np.array([12, 9, 8, 4, 7, 30, 25, 9, 5, 6], np.int64)


def announced(folder: Path, **fields: Any) -> Any:
    """An engine that knows the lengths of all rows."""
    from bertbench.engines.native.engine import NativeEngine

    task = make_task(folder, training=TrainingSpec(batch_size=SIZE), **fields)
    engine = NativeEngine(replace(task, train_lengths=TRAIN, validation_lengths=VALIDATION))
    engine.prepare(0)
    return engine


def batches() -> list[PackedBatch]:
    """One epoch of training."""
    return [make_batch(TRAIN[start : start + SIZE].tolist(), seed=start) for start in range(0, len(TRAIN), SIZE)]


def test_tracing_compiles_every_shape_and_steps_compile_none(one_layer_folder: Path) -> None:
    engine = announced(one_layer_folder)
    engine.trace(batches()[0], make_batch(VALIDATION.tolist()))
    shapes = engine.recipe()["shapes"]
    traced = dict(engine._steps.traces)
    assert traced == {"train": len(shapes["train"]), "logits": len(shapes["validation"])}
    for seed in (0, 1):
        engine.prepare(seed)
        for batch in batches():
            engine.train_step(batch)
        engine.logits(make_batch(VALIDATION.tolist()))
    assert engine._steps.traces == traced


def test_shapes_are_recorded(one_layer_folder: Path) -> None:
    engine = announced(one_layer_folder)
    recipe = engine.recipe()
    assert json.loads(json.dumps(recipe)) == recipe
    assert {shape[0] for shape in recipe["shapes"]["train"]} == {s.tokens for s in engine._steps.shapes.train}


def test_a_batch_that_nobody_announced_is_trained_on_all_the_same(one_layer_folder: Path) -> None:
    engine, other = announced(one_layer_folder, model=NO_DROPOUT), make_engine(one_layer_folder, model=NO_DROPOUT)
    batch = make_batch([3, 40, 7])
    assert engine.train_step(batch).loss == pytest.approx(other.train_step(batch).loss, rel=1e-6)


def test_announced_shapes_train_to_the_same_weights_as_rounded_ones(one_layer_folder: Path) -> None:
    engine, other = announced(one_layer_folder, model=NO_DROPOUT), make_engine(one_layer_folder, model=NO_DROPOUT)
    for batch in batches():
        one, two = engine.train_step(batch), other.train_step(batch)
        assert one.loss == pytest.approx(two.loss, rel=1e-5)
    assert distance(weights_of(engine), weights_of(other)) < 1e-5


def test_float32_is_nothing_but_float32(plain_engine: Any) -> None:
    plain_engine.train_step(make_batch([12, 30, 25]))
    plain_engine.logits(make_batch([12, 30, 25]))
    for program in plain_engine._steps._programs.values():
        types = set(re.findall(r"\b(f\d+|bf16)\[", program.as_text()))
        assert types == {"f32"}


def test_pretrained_weights_are_not_given_away(one_layer_folder: Path) -> None:
    """Training gives its old state's memory to the new one; what was put in stays the engine's own."""
    engine = make_engine(one_layer_folder)
    before = {name: values.copy() for name, values in engine._pretrained.items()}
    state = engine.state()
    kept = {name: values.copy() for name, values in state.items()}
    for _ in range(3):
        engine.restore(state)
        engine.train_step(make_batch([12, 30, 25]))
    assert all(np.array_equal(engine._pretrained[name], values) for name, values in before.items())
    assert all(np.array_equal(state[name], values) for name, values in kept.items())


SCRIPT = """
import json, sys
from pathlib import Path
from bertbench import runtime
from bertbench.spec import RuntimeSpec
spec = RuntimeSpec(backend="jax")
runtime.configure(spec, cache_folder=Path(sys.argv[2]))
from bertbench.digests import digest_arrays
from engine_examples import make_batch, make_engine
engine = make_engine(Path(sys.argv[1]))
batch = make_batch([12, 30, 25])
engine.trace(batch, batch)
losses = [engine.train_step(batch).loss for _ in range(3)]
answer = {"losses": losses, "weights": digest_arrays(engine.weights()), "programs": engine.recipe()["programs"]}
print(json.dumps(answer | {"cache": runtime.environment_facts(spec).numerics["compile_cache"]}))
"""


def test_a_program_from_the_cache_gives_the_bits_of_one_that_was_compiled(
    one_layer_folder: Path, tmp_path: Path
) -> None:
    here = Path(__file__).parent
    path = os.pathsep.join(map(str, (here, here.parent, here.parent.parent)))
    answers = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(one_layer_folder), str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": path, "BERTBENCH_TEST_BACKEND": "jax"},
        )
        answers.append(json.loads(done.stdout))
    cold, warm = answers
    assert cold["programs"]["from_disk"] == 0
    assert warm["programs"]["from_disk"] > 0
    assert cold["cache"] is warm["cache"] is True
    assert (cold["losses"], cold["weights"]) == (warm["losses"], warm["weights"])
