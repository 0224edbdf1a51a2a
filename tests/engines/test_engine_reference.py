"""Logits against BERT written out in NumPy: all rows in the last layer, one row at a time, in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy_bert
import pytest
from engine_examples import LONGEST, NO_DROPOUT, VOCABULARY, make_batch, make_engine, weights_of
from tiny_bert import tiny_config, write_tiny_bert

ALL_WORDS = np.arange(VOCABULARY, dtype=np.int32)


@pytest.mark.parametrize(
    ("layers", "activation"),
    [(1, "gelu"), (3, "gelu"), (1, "gelu_new"), (3, "relu"), (1, "silu"), (1, "tanh")],
)
def test_logits_equal_numpy(tmp_path: Path, layers: int, activation: str) -> None:
    folder = write_tiny_bert(tmp_path, layers=layers, activation=activation)
    engine = make_engine(folder, words=ALL_WORDS, model=NO_DROPOUT)
    weights = weights_of(engine)
    for pairs in (False, True):
        batch = make_batch([3, 17, 8, LONGEST, 8], words=VOCABULARY, pairs=pairs)
        expected = numpy_bert.logits(weights, tiny_config(layers=layers, activation=activation), batch)
        np.testing.assert_allclose(engine.logits(batch), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("heads", [1, 4])
def test_heads_are_cut_as_in_the_paper(tmp_path: Path, heads: int) -> None:
    folder = write_tiny_bert(tmp_path, heads=heads)
    engine = make_engine(folder, words=ALL_WORDS, model=NO_DROPOUT)
    batch = make_batch([3, 17, 8], words=VOCABULARY)
    expected = numpy_bert.logits(weights_of(engine), tiny_config(heads=heads), batch)
    np.testing.assert_allclose(engine.logits(batch), expected, rtol=0, atol=2e-6)
    other = numpy_bert.logits(weights_of(engine), tiny_config(heads=2), batch)
    assert np.abs(expected - other).max() > 1e-3


def test_the_epsilon_of_layer_norms_is_the_checkpoints(tmp_path: Path) -> None:
    folder = write_tiny_bert(tmp_path, config_changes={"layer_norm_eps": 0.1})
    engine = make_engine(folder, words=ALL_WORDS, model=NO_DROPOUT)
    batch = make_batch([3, 17, 8], words=VOCABULARY)
    config = tiny_config() | {"layer_norm_eps": 0.1}
    expected = numpy_bert.logits(weights_of(engine), config, batch)
    np.testing.assert_allclose(engine.logits(batch), expected, rtol=0, atol=2e-6)
