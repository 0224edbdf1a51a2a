"""Groups of rows for attention: none lost, none cheaper, and the way into the rectangles undone by the way back."""

from __future__ import annotations

from itertools import combinations_with_replacement, pairwise

import numpy as np
import pytest
from engine_examples import make_batch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bertbench.engines.native.grouping import group_by_length
from bertbench.engines.native.layout import GROUPS, lay_out

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=9)
HEADS, HEAD_SIZE = 3, 4


def cost(groups: list[NDArray[np.int64]]) -> int:
    return sum(len(group) * int(group.max()) * (int(group.max()) + HEAD_SIZE) for group in groups if len(group))


def cheapest(lengths: list[int], groups: int) -> int:
    """By trying every way of cutting the sorted rows."""
    rows = np.sort(lengths)
    cuts = combinations_with_replacement(range(len(rows) + 1), groups - 1)
    return min(cost([rows[begin:end] for begin, end in pairwise([0, *cut, len(rows)])]) for cut in cuts)


@given(LENGTHS, st.integers(1, 4))
def test_groups_hold_every_row_once_and_none_are_cheaper(lengths: list[int], groups: int) -> None:
    given_lengths = np.array(lengths, np.int64)
    found = group_by_length(given_lengths, groups=groups, head_size=HEAD_SIZE)
    assert len(found) == groups
    assert sorted(np.concatenate([rows for rows, _ in found])) == list(range(len(lengths)))
    assert [longest for _, longest in found] == [int(max(given_lengths[rows], default=0)) for rows, _ in found]
    assert cost([given_lengths[rows] for rows, _ in found]) == cheapest(lengths, groups)


@pytest.mark.parametrize(
    ("lengths", "groups", "expected"),
    [
        ([5, 5, 5], 2, [([0, 1, 2], 5), ([], 0)]),
        ([9], 3, [([0], 9), ([], 0), ([], 0)]),
        ([40, 3, 4, 3], 2, [([1, 3, 2], 4), ([0], 40)]),
        ([40, 3, 20, 3], 3, [([1, 3], 3), ([2], 20), ([0], 40)]),
        ([8, 2, 6], 1, [([1, 2, 0], 8)]),
    ],
)
def test_known_groups(lengths: list[int], groups: int, expected: list[tuple[list[int], int]]) -> None:
    found = group_by_length(np.array(lengths, np.int64), groups=groups, head_size=HEAD_SIZE)
    assert [(rows.tolist(), longest) for rows, longest in found] == expected


@given(LENGTHS, st.integers(0, 99))
def test_the_way_into_attention_is_undone_by_the_way_back(lengths: list[int], seed: int) -> None:
    batch = make_batch(lengths, seed=seed)
    layout = lay_out(batch, batch.token_ids, heads=HEADS, head_size=HEAD_SIZE)
    inputs = layout.inputs
    pieces = np.arange(batch.token_count * HEADS)
    assert (inputs.piece_of_cell[inputs.cell_of_piece] == pieces).all()
    empty = np.delete(inputs.piece_of_cell, inputs.cell_of_piece)
    assert (empty == len(pieces)).all()
    assert len(inputs.rectangles) == 2 * GROUPS
    assert len(inputs.piece_of_cell) == HEADS * int(inputs.rectangles[0::2] @ inputs.rectangles[1::2])


@given(LENGTHS, st.integers(0, 99))
def test_a_row_of_a_rectangle_is_one_head_of_one_row_of_the_batch(lengths: list[int], seed: int) -> None:
    batch = make_batch(lengths, seed=seed)
    inputs = lay_out(batch, batch.token_ids, heads=HEADS, head_size=HEAD_SIZE).inputs
    row_of_token = np.repeat(np.arange(len(lengths)), np.diff([*inputs.first_tokens, batch.token_count]))
    begin = first_row = 0
    for rows, longest in inputs.rectangles.reshape(-1, 2):
        cells = inputs.piece_of_cell[begin : begin + rows * HEADS * longest].reshape(rows, HEADS, longest)
        for row, head in np.ndindex(rows, HEADS):
            tokens, heads = np.divmod(cells[row, head][cells[row, head] < batch.token_count * HEADS], HEADS)
            assert (heads == head).all()
            assert (row_of_token[tokens] == first_row + row).all()
            assert (inputs.positions[tokens] == np.arange(len(tokens))).all()
        begin, first_row = begin + cells.size, first_row + rows


@given(LENGTHS, st.integers(0, 99))
def test_rows_keep_their_words_labels_and_weights(lengths: list[int], seed: int) -> None:
    weights = np.random.default_rng(seed).uniform(0.5, 2.0, len(lengths)).tolist()
    batch = make_batch(lengths, seed=seed, row_weights=weights)
    layout = lay_out(batch, batch.token_ids, heads=HEADS, head_size=HEAD_SIZE)
    inputs = layout.inputs
    ends = [*inputs.first_tokens[1:], batch.token_count]
    for row, place in enumerate(layout.place_of_row):
        span = slice(batch.offsets[row], batch.offsets[row + 1])
        here = slice(inputs.first_tokens[place], ends[place])
        assert (inputs.words[here] == batch.token_ids[span]).all()
        assert (inputs.positions[here] == batch.positions[span]).all()
        assert inputs.labels[place] == batch.labels[row]
        assert inputs.row_weights[place] == batch.row_weights[row]
