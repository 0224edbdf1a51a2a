"""Rows in an order that the seed alone decides, packed without losing or touching a token."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from data_examples import ids_of, tokenized_rows
from hypothesis import given
from hypothesis import strategies as st

from bertbench.data import class_weights, epoch_batches, row_order, steps_per_epoch
from bertbench.data.draws import raw_draws, uniform_draws
from bertbench.errors import DataError

ragged = st.lists(st.lists(st.integers(0, 40_000), min_size=1, max_size=9), max_size=20)

#: The first of `raw_draws(0, "row order", 0, ...)`.
PINNED_DRAWS = [12822195032927697, 9548308291294997422, 3458362814861299645]


# Draws


def test_draws_are_the_same_for_good() -> None:
    """These numbers are part of every baseline ever recorded."""
    assert raw_draws(0, "row order", 0, 3).tolist() == PINNED_DRAWS
    assert uniform_draws(0, "row order", 0, 3).tolist() == [draw // 2**11 / 2**53 for draw in PINNED_DRAWS]


def test_draws_are_made_as_documented() -> None:
    seed = int.from_bytes(hashlib.sha256(b"7|masking|2").digest(), "big")
    assert raw_draws(7, "masking", 2, 4).tolist() == np.random.PCG64(seed).random_raw(4).tolist()


def test_each_seed_purpose_and_epoch_has_a_stream_of_its_own() -> None:
    streams = [raw_draws(*key, 2).tolist() for key in [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1)]]
    assert len({tuple(stream) for stream in streams}) == 4


@pytest.mark.parametrize("count", [0, 1, 5])
def test_uniform_draws_lie_in_the_unit_interval(count: int) -> None:
    draws = uniform_draws(3, "x", 0, count)
    assert draws.shape == (count,)
    assert draws.dtype == np.float64
    assert bool(np.all((draws >= 0) & (draws < 1)))


# Order


def test_row_order_is_the_same_for_good() -> None:
    assert row_order(0, 0, 10, shuffle=True).tolist() == [0, 7, 8, 2, 1, 4, 3, 6, 5, 9]
    assert row_order(1, 3, 10, shuffle=True).tolist() == [5, 6, 9, 0, 3, 7, 2, 1, 4, 8]


@given(seed=st.integers(0, 2**31 - 1), epoch=st.integers(0, 1000), rows=st.integers(0, 200))
def test_row_order_takes_every_row_once(seed: int, epoch: int, rows: int) -> None:
    order = row_order(seed, epoch, rows, shuffle=True)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(rows))
    assert order.tolist() == row_order(seed, epoch, rows, shuffle=True).tolist()


def test_another_seed_or_epoch_gives_another_order() -> None:
    orders = {tuple(row_order(seed, epoch, 50, shuffle=True).tolist()) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_without_shuffling_rows_keep_the_order_of_the_file() -> None:
    assert row_order(5, 5, 4, shuffle=False).tolist() == [0, 1, 2, 3]


def test_every_place_is_equally_likely() -> None:
    """Chi-squared of where row 0 lands, 8 places, 4,000 epochs: above 24.3 once in a thousand; the draw is fixed."""
    places = [int(np.argmin(row_order(0, epoch, 8, shuffle=True))) for epoch in range(4_000)]
    counts = np.bincount(places, minlength=8)
    assert float(np.sum((counts - 500) ** 2 / 500)) < 24.3


# Batches


@pytest.mark.parametrize(("rows", "batch_size", "steps"), [(16, 8, 2), (17, 8, 3), (1, 8, 1), (0, 8, 0), (8, 1, 8)])
def test_the_last_smaller_batch_is_a_step_too(rows: int, batch_size: int, steps: int) -> None:
    assert steps_per_epoch(rows, batch_size) == steps
    split = tokenized_rows([[1]] * rows)
    assert len(list(epoch_batches(split, np.arange(rows), batch_size))) == steps


def test_a_batch_is_one_stream_with_offsets_and_positions() -> None:
    split = tokenized_rows([[5, 6, 7], [8], [9, 10]], segments=[[0, 0, 1], [0], [0, 1]])
    weights = np.array([0.5, 1.0, 2.0], dtype=np.float32)
    first, second = epoch_batches(split, np.array([2, 0, 1]), 2, row_weights=weights)
    assert first.token_ids.tolist() == [9, 10, 5, 6, 7]
    assert first.segment_ids.tolist() == [0, 1, 0, 0, 1]
    assert first.positions.tolist() == [0, 1, 0, 1, 2]
    assert first.offsets.tolist() == [0, 2, 5]
    assert first.labels.tolist() == [2, 0]
    assert first.row_weights.tolist() == [2.0, 0.5]
    assert first.rows.tolist() == [2, 0]
    assert second.token_ids.tolist() == [8]
    assert (first.row_count, first.token_count) == (2, 5)
    arrays = (first.token_ids, first.segment_ids, first.positions, first.offsets, first.labels)
    assert {array.dtype.name for array in arrays} == {"int32"}
    assert [first.row_weights.dtype.name, first.rows.dtype.name] == ["float32", "int64"]


@given(rows=ragged, seed=st.integers(0, 100), batch_size=st.integers(1, 7))
def test_an_epoch_holds_every_row_once_with_its_tokens_intact(
    rows: list[list[int]], seed: int, batch_size: int
) -> None:
    split = tokenized_rows(rows)
    seen: dict[int, list[int]] = {}
    for batch in epoch_batches(split, row_order(seed, 0, split.rows, shuffle=True), batch_size):
        assert 0 < batch.row_count <= batch_size
        assert batch.row_weights.tolist() == [1.0] * batch.row_count
        for place, row in enumerate(batch.rows.tolist()):
            tokens = slice(batch.offsets[place], batch.offsets[place + 1])
            assert row not in seen
            seen[row] = batch.token_ids[tokens].tolist()
            assert batch.positions[tokens].tolist() == list(range(len(rows[row])))
            assert batch.labels[place] == split.labels[row]
    assert [seen[row] for row in range(split.rows)] == rows == ids_of(split)


# Class weights


def test_no_weights_are_ones() -> None:
    assert class_weights(np.array([0, 1], dtype=np.int32), ("a", "b"), None).tolist() == [1.0, 1.0]


def test_balanced_weights_make_classes_equally_heavy() -> None:
    labels = np.array([0, 0, 0, 1], dtype=np.int32)
    weights = class_weights(labels, ("a", "b"), "balanced")
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, [4 / 6, 4 / 6, 4 / 6, 2.0], rtol=1e-6)


@given(st.lists(st.integers(0, 4), min_size=1).filter(lambda labels: len(set(labels)) == 5))
def test_balanced_weights_have_mean_one(labels: list[int]) -> None:
    array = np.array(labels, dtype=np.int32)
    weights = class_weights(array, "abcde", "balanced")
    assert float(weights.mean()) == pytest.approx(1.0, rel=1e-5)
    np.testing.assert_allclose(np.bincount(array, weights=weights), len(labels) / 5, rtol=1e-5)


def test_weights_by_name_reach_the_rows_of_their_class() -> None:
    labels = np.array([1, 0, 1], dtype=np.int32)
    assert class_weights(labels, ("ham", "spam"), {"spam": 3.0, "ham": 0.5}).tolist() == [3.0, 0.5, 3.0]


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"ham": 1.0}, "no weight for 'spam'"),
        ({"ham": 1.0, "spam": 1.0, "egg": 1.0}, "no class 'egg'"),
        ({}, "for 'ham'"),
    ],
)
def test_weights_of_other_classes_are_refused(weights: dict[str, float], said: str) -> None:
    with pytest.raises(DataError, match=said):
        class_weights(np.array([0, 1], dtype=np.int32), ("ham", "spam"), weights)
