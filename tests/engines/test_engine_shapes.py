"""Shapes that are known before the first step hold every batch that comes, and padding to them changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from engine_examples import LONGEST, make_batch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bertbench.data.packing import row_order
from bertbench.engines.native.layout import lay_out
from bertbench.engines.native.shapes import Shape, ShapeTable, shape_table

if TYPE_CHECKING:
    from bertbench.engines.native.engine import NativeEngine

HEADS, HEAD_SIZE = 2, 4
LENGTHS = st.lists(st.integers(2, 60), min_size=1, max_size=70)


def table_of(
    train: NDArray[np.int64] | list[int], *, validation: tuple[int, ...] = (), size: int = 8, shuffle: bool = True
) -> ShapeTable:
    return shape_table(
        np.array(train, np.int64),
        np.array(validation, np.int64),
        batch_sizes=(size, size),
        shuffle=shuffle,
        head_size=HEAD_SIZE,
    )


def sentences(rows: int = 13_784, *, seed: int = 0) -> NDArray[np.int64]:
    """Lengths as those of short messages: 12.5 tokens on average, 41 at most."""
    return np.clip(np.random.default_rng(seed).gamma(6.0, 2.1, rows).astype(np.int64), 4, 41)


@pytest.mark.parametrize(
    ("lengths", "held"),
    [
        ([2, 3, 9], True),
        ([4, 4, 9], True),
        ([2, 3, 10], False),  # the longest
        ([2, 5, 9], False),  # the longest of the first group
        ([4, 4, 9, 1], False),  # another number of rows
        ([2, 3], False),
    ],
)
def test_a_shape_holds_what_fits_into_tokens_and_rectangles(lengths: list[int], held: bool) -> None:
    assert Shape(17, ((2, 4), (1, 9))).holds(np.array(lengths)) is held
    assert not Shape(sum(lengths) - 1, ((2, 4), (1, 9))).holds(np.array(lengths))


@given(LENGTHS, st.integers(1, 16), st.integers(0, 5))
def test_every_full_batch_of_every_order_has_a_shape_in_the_table(lengths: list[int], size: int, seed: int) -> None:
    table = table_of(lengths, size=size)
    order = row_order(seed, 0, len(lengths), shuffle=True)
    for start in range(0, len(lengths) // size * size, size):
        batch = np.array(lengths)[order[start : start + size]]
        shape = table.shape_of(batch, training=True)
        assert shape in table.train
        assert shape.holds(np.sort(batch))


@given(LENGTHS, st.integers(1, 16))
def test_every_validation_batch_has_a_shape_in_the_table(lengths: list[int], size: int) -> None:
    table = table_of([5] * size, validation=tuple(lengths), size=size)
    for start in range(0, len(lengths), size):
        batch = np.array(lengths)[start : start + size]
        assert table.shape_of(batch, training=False) in table.validation
    assert len(table.validation) <= 3


@given(LENGTHS, st.integers(1, 16), st.booleans())
def test_there_are_few_shapes_and_none_has_more_tokens_than_places(
    lengths: list[int], size: int, shuffle: bool
) -> None:
    table = table_of(lengths, size=size, shuffle=shuffle)
    full = [shape for shape in table.train if shape.rows == size]
    assert len(full) <= 4
    assert len(table.train) - len(full) == bool(len(lengths) % size)
    for shape in table.train:
        assert shape.tokens <= min(shape.cells, np.sort(lengths)[-shape.rows :].sum())
        assert len(shape.rectangles) <= 2


def test_rows_in_the_order_of_the_file_are_known_one_by_one() -> None:
    lengths = np.sort(sentences(100))
    table = table_of(lengths, shuffle=False)
    for start in range(0, 100, 8):
        assert table.shape_of(lengths[start : start + 8], training=True) in table.train


def test_padding_to_the_table_adds_few_tokens() -> None:
    """To the longest row of each batch it would be four fifths more."""
    lengths = sentences()
    table = table_of(lengths, size=32)
    order = row_order(7, 0, len(lengths), shuffle=True)
    batches = [lengths[order[start : start + 32]] for start in range(0, len(lengths), 32)]
    padded = sum(table.shape_of(batch, training=True).tokens for batch in batches)
    assert 1.0 < padded / lengths.sum() < 1.08
    assert len({table.shape_of(batch, training=True) for batch in batches}) == 4  # the last batch has its own


def test_the_last_batch_of_an_epoch_hardly_ever_needs_another_shape() -> None:
    lengths = sentences()
    table = table_of(lengths, size=32)
    rest = len(lengths) % 32
    lasts = [lengths[row_order(seed, 0, len(lengths), shuffle=True)[-rest:]] for seed in range(60)]
    assert {table.shape_of(last, training=True) in table.train for last in lasts} == {True}


def test_one_long_row_does_not_make_all_others_pay() -> None:
    lengths = sentences(1000)
    lengths[3] = 400
    short, whole = (table_of(lengths, size=32).train[place] for place in (1, -1))
    assert len(short.rectangles) == 2
    assert short.cells < whole.cells / 2
    assert whole.holds(np.sort(lengths)[-32:])


def test_the_table_is_the_same_every_time_and_json() -> None:
    one, other = table_of(sentences(500)), table_of(sentences(500))
    assert one == other
    shapes = [shape.as_json() for shape in one.train]
    assert json.loads(json.dumps(shapes)) == shapes
    assert shapes[0][0] == one.train[0].tokens


@given(st.lists(st.integers(1, 60), min_size=1, max_size=9))
def test_a_batch_that_nobody_announced_has_a_shape_rounded_up(lengths: list[int]) -> None:
    shape = ShapeTable().shape_of(np.array(lengths), training=True)
    assert shape.holds(np.sort(lengths))
    assert shape.tokens <= shape.cells
    assert {longest & (longest - 1) for _, longest in shape.rectangles} == {0}


def shapes_around(lengths: list[int]) -> list[Shape]:
    """From no padding at all to much of it."""
    ordered = np.sort(lengths)
    exact = ((len(ordered) - 1, int(ordered[-2])), (1, int(ordered[-1])))
    wide = ((len(ordered) - 2, int(ordered[-1]) + 5), (2, int(ordered[-1]) + 9))
    total = int(ordered.sum())
    return [
        Shape(total, exact),
        Shape(min(total + 3, sum(rows * longest for rows, longest in exact)), exact),
        Shape(total, wide),
        Shape(total + 37, wide),
    ]


@given(st.lists(st.integers(2, 40), min_size=3, max_size=9), st.integers(0, 3))
def test_padding_stands_in_empty_places_alone(lengths: list[int], which: int) -> None:
    batch, shape = make_batch(lengths), shapes_around(lengths)[which]
    inputs = lay_out(batch, batch.token_ids, heads=HEADS, head_size=HEAD_SIZE, shape=shape).inputs
    real, pieces = batch.token_count * HEADS, shape.tokens * HEADS
    assert len(inputs.words) == len(inputs.segments) == len(inputs.positions) == shape.tokens
    assert len(inputs.cell_of_piece) == pieces
    assert len(inputs.piece_of_cell) == shape.cells * HEADS
    assert inputs.rectangles.tolist() == [size for rectangle in shape.rectangles for size in rectangle]
    assert (inputs.piece_of_cell[inputs.cell_of_piece[:real]] == np.arange(real)).all()
    assert (inputs.piece_of_cell[inputs.cell_of_piece[real:]] == pieces).all()
    assert (inputs.piece_of_cell == pieces).sum() == shape.cells * HEADS - real
    assert (inputs.positions[batch.token_count :] != 0).all()
    assert (inputs.positions == 0).sum() == len(lengths)


@pytest.mark.parametrize("which", range(4))
def test_padding_changes_nothing(plain_engine: NativeEngine, which: int) -> None:
    """Gradients of every parameter, the loss, its norm, predictions and logits: but for the order of additions."""
    lengths = [5, 9, 3, LONGEST, 9, 17]
    batch = make_batch(lengths, pairs=True, row_weights=[1.0, 0.5, 2.0, 1.5, 0.25, 1.0])
    layouts = [
        lay_out(
            batch,
            plain_engine._words.rows_of(batch.token_ids),
            heads=HEADS,
            head_size=HEAD_SIZE,
            shape=shape,
        )
        for shape in (shapes_around(lengths)[0], shapes_around(lengths)[which])
    ]
    steps = plain_engine._steps
    (expected, wanted), (gradients, logits) = [(steps.gradients(one), steps.logits(one)) for one in layouts]
    np.testing.assert_allclose(logits, wanted, rtol=0, atol=1e-6)
    for name, values in gradients.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=1e-7, err_msg=name)
    first = steps.train(layouts[0], 1e-3)
    plain_engine.prepare(0)
    second = steps.train(layouts[1], 1e-3)
    assert second.loss == pytest.approx(first.loss, rel=1e-6)
    assert second.gradient_norm == pytest.approx(first.gradient_norm, rel=1e-5)
    assert second.predictions.tolist() == first.predictions.tolist()
