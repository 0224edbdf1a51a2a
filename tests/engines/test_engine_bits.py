"""The same spec and seed give the same bits: again, after others, in another process, after a kill."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from engine_backends import tensorflow_only
from engine_examples import make_batch, make_engine
from engine_process import BATCHES, SEED, start, train
from numpy.typing import NDArray

from bertbench.digests import digest_arrays
from bertbench.engines.native.layout import GROUPS
from bertbench.errors import EngineError
from bertbench.seeds import operation_seeds

if TYPE_CHECKING:
    from bertbench.engines.native.engine import NativeEngine


def assert_same_state(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> None:
    assert one.keys() == other.keys()
    different = [name for name in one if not np.array_equal(one[name], other[name])]
    assert not different


def test_a_seed_gives_its_bits_again_after_another(dropout_engine: NativeEngine) -> None:
    results = []
    for seed in (0, 1, 0):
        dropout_engine.prepare(seed)
        results.append(train(dropout_engine, slice(None)))
    assert results[0] == results[2]
    assert results[0]["weights"] != results[1]["weights"]
    assert all(one != other for one, other in zip(results[0]["losses"], results[1]["losses"], strict=True))


def test_a_seed_reaches_the_dropout_masks_too(dropout_engine: NativeEngine) -> None:
    """With the same head, two seeds still differ."""
    losses = []
    for seed in (0, 1):
        dropout_engine.prepare(0)
        state = dropout_engine.state()
        dropout_engine.prepare(seed)
        masks = {name: values for name, values in dropout_engine.state().items() if name.startswith("random/")}
        dropout_engine.restore(state | masks)
        losses.append(dropout_engine.train_step(BATCHES[0]).loss)
    assert losses[0] != losses[1]


def test_every_random_operation_has_a_stream_of_its_own(dropout_engine: NativeEngine) -> None:
    streams = {n: tuple(v) for n, v in dropout_engine.state().items() if n.startswith("random/")}
    assert len(set(streams.values())) == len(streams) == 2 + 3 * 2
    assert {draws for _, draws in streams.values()} == {0}
    dropout_engine.train_step(BATCHES[0])
    after = {n: tuple(v) for n, v in dropout_engine.state().items() if n.startswith("random/")}
    assert all(after[name][0] == seed for name, (seed, _) in streams.items())
    assert {draws for _, draws in after.values()} == {1, GROUPS}


def test_seeds_are_kept_apart_for_every_draw_of_the_run(
    one_layer_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bertbench.engines.native import engine as module

    asked = []

    def spying(seed: int, names: list[str], *, draws: int) -> dict[str, int]:
        asked.append(draws)
        return operation_seeds(seed, names, draws=draws)

    monkeypatch.setattr(module, "operation_seeds", spying)
    make_engine(one_layer_folder, total_steps=12)
    assert asked == [12 * GROUPS]


def test_tracing_leaves_everything_as_prepared(dropout_engine: NativeEngine) -> None:
    dropout_engine.prepare(SEED)
    prepared = dropout_engine.state()
    dropout_engine.trace(BATCHES[0], BATCHES[1])
    assert_same_state(dropout_engine.state(), prepared)
    dropout_engine.train_step(BATCHES[0])
    moved = dropout_engine.state()
    assert any(not np.array_equal(moved[name], prepared[name]) for name in prepared)


def test_validation_in_between_moves_nothing(dropout_engine: NativeEngine) -> None:
    undisturbed = train(dropout_engine, slice(None))
    dropout_engine.prepare(0)
    losses = []
    for batch in BATCHES:
        before = dropout_engine.state()
        dropout_engine.logits(BATCHES[1])
        dropout_engine.recipe()
        list(dropout_engine.weights())
        assert_same_state(dropout_engine.state(), before)
        losses.append(dropout_engine.train_step(batch).loss)
    assert {"losses": losses, "weights": digest_arrays(dropout_engine.weights())} == undisturbed


def test_a_state_is_a_copy_that_later_steps_do_not_change(dropout_engine: NativeEngine) -> None:
    state = dropout_engine.state()
    kept = {name: values.copy() for name, values in state.items()}
    dropout_engine.train_step(BATCHES[0])
    assert_same_state(state, kept)


def test_logits_are_repeatable(dropout_engine: NativeEngine) -> None:
    assert np.array_equal(dropout_engine.logits(BATCHES[1]), dropout_engine.logits(BATCHES[1]))


@tensorflow_only
def test_one_trace_serves_all_seeds_and_shapes(dropout_engine: NativeEngine) -> None:
    for seed, lengths in enumerate([[12, 30, 25], [7], [3] * 16, [40, 3], list(range(3, 23)), [9, 9]]):
        dropout_engine.prepare(seed)
        batch = make_batch(lengths, pairs=bool(seed % 2))
        dropout_engine.train_step(batch)
        dropout_engine.logits(batch)
    assert dropout_engine._steps.traces == {"train": 1, "logits": 1}


def test_killed_and_resumed_in_new_processes_to_the_same_bits(
    dropout_engine: NativeEngine, tiny_bert_folder: Path, tmp_path: Path
) -> None:
    """Two steps here against two in a fresh process, then a kill, then the rest in another fresh process."""
    dropout_engine.prepare(SEED)
    two, four = train(dropout_engine, slice(2)), train(dropout_engine, slice(2, None))

    with start("first", tiny_bert_folder, tmp_path / "state.npz") as process:
        assert process.stdout is not None
        fresh = process.stdout.readline()
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert json.loads(fresh) == two

    with start("second", tiny_bert_folder, tmp_path / "state.npz") as process:
        resumed, _ = process.communicate()
    assert process.returncode == 0
    assert json.loads(resumed) == four


def test_resuming_without_the_dropout_state_is_another_run(dropout_engine: NativeEngine) -> None:
    """What keeps the test above from passing on masks that do not matter."""
    train(dropout_engine, slice(2))
    state = dropout_engine.state()
    expected = train(dropout_engine, slice(2, None))
    for change, same in [({}, True), ({n: v * 0 for n, v in state.items() if n.startswith("random/")}, False)]:
        dropout_engine.prepare(9)
        dropout_engine.restore(state | change)
        assert (train(dropout_engine, slice(2, None)) == expected) == same


@pytest.mark.parametrize("fault", ["missing", "unknown", "shape"])
def test_a_state_of_another_network_is_refused_and_changes_nothing(dropout_engine: NativeEngine, fault: str) -> None:
    state = dropout_engine.state()
    dropout_engine.train_step(BATCHES[0])
    before = dropout_engine.state()
    name = "model/classifier.kernel"
    if fault == "missing":
        del state[name]
    elif fault == "unknown":
        state["model/adapter.kernel"] = state[name]
    else:
        state[name] = state[name][:, :2]
    expected = "model/adapter.kernel" if fault == "unknown" else name
    with pytest.raises(EngineError, match=f"cannot continue from this state: {expected} has shape") as refusal:
        dropout_engine.restore(state)
    assert refusal.value.remedy
    assert_same_state(dropout_engine.state(), before)


def test_a_state_of_other_layers_or_labels_is_refused(
    dropout_engine: NativeEngine, tiny_bert_folder: Path, one_layer_folder: Path
) -> None:
    for other in (make_engine(one_layer_folder), make_engine(tiny_bert_folder, labels=2)):
        with pytest.raises(EngineError, match="cannot continue from this state"):
            other.restore(dropout_engine.state())
