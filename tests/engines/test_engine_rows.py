"""A row's logits are its own: whatever stands beside it, before it, or in what order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from engine_backends import BACKEND
from engine_examples import LONGEST, make_batch, select_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from bertbench.engines.native.engine import NativeEngine


#: One engine serves all examples; logits leave it as it was. On JAX most examples are a program to compile.
EXAMPLES = {"tensorflow": 40, "jax": 4, "torch": 10}
shared = settings(
    max_examples=EXAMPLES[BACKEND],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
LENGTHS = st.lists(st.integers(3, LONGEST), min_size=1, max_size=9)
TOLERANCE = 1e-6


@shared
@given(LENGTHS, st.integers(0, 99), st.booleans())
def test_packed_rows_equal_each_row_alone(
    shared_plain_engine: NativeEngine, lengths: list[int], seed: int, pairs: bool
) -> None:
    batch = make_batch(lengths, seed=seed, pairs=pairs)
    alone = [shared_plain_engine.logits(select_rows(batch, [row])) for row in range(len(lengths))]
    np.testing.assert_allclose(shared_plain_engine.logits(batch), np.concatenate(alone), rtol=0, atol=TOLERANCE)


@shared
@given(st.data())
def test_another_order_of_rows_is_another_order_of_logits(
    shared_plain_engine: NativeEngine, data: st.DataObject
) -> None:
    lengths = data.draw(LENGTHS)
    order = data.draw(st.permutations(range(len(lengths))))
    batch = make_batch(lengths, seed=data.draw(st.integers(0, 99)))
    expected = shared_plain_engine.logits(batch)[order]
    found = shared_plain_engine.logits(select_rows(batch, order))
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


def test_rows_differ_by_far_more_than_the_tolerance(plain_engine: NativeEngine) -> None:
    """What keeps the two tests above from passing on logits that are all alike."""
    logits = plain_engine.logits(make_batch([3, 7, 7, 12, 40, 3]))
    gaps = np.abs(logits[:, None] - logits[None]).max(axis=-1)
    assert gaps[~np.eye(len(logits), dtype=bool)].min() > 1000 * TOLERANCE


# A row of one token alone: Keras wonders whether a softmax over it is meant.
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
@pytest.mark.parametrize(
    "lengths", [[1], [1, 1], [2, 40], [40] * 5, [3] * 20, list(range(1, 41)), [40, 1, 1, 1, 1, 1, 1]]
)
def test_shapes_at_the_edges(plain_engine: NativeEngine, lengths: list[int]) -> None:
    """One token, one row, all alike, all different, one long among short ones."""
    batch = make_batch(lengths)
    alone = [plain_engine.logits(select_rows(batch, [row])) for row in range(len(lengths))]
    np.testing.assert_allclose(plain_engine.logits(batch), np.concatenate(alone), rtol=0, atol=TOLERANCE)


def test_a_row_that_comes_twice_has_the_same_logits_twice(plain_engine: NativeEngine) -> None:
    logits = plain_engine.logits(select_rows(make_batch([9, 14, 5]), [1, 0, 1, 2]))
    np.testing.assert_allclose(logits[0], logits[2], rtol=0, atol=TOLERANCE)


def test_rows_train_alike_in_any_order(plain_engine: NativeEngine) -> None:
    """Loss, norm and gradients too: labels and weights follow their rows."""
    batch = make_batch([5, 40, 9, 3, 9], row_weights=[1.0, 0.5, 2.0, 3.0, 0.25])
    order = [3, 0, 4, 1, 2]
    other = select_rows(batch, order)
    one, two = plain_engine.gradients(batch), plain_engine.gradients(other)
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, rtol=1e-4, atol=1e-7, err_msg=name)
    first = plain_engine.train_step(batch)
    plain_engine.prepare(0)
    second = plain_engine.train_step(other)
    assert second.loss == pytest.approx(first.loss, rel=1e-6)
    assert second.gradient_norm == pytest.approx(first.gradient_norm, rel=1e-5)
    assert second.predictions.tolist() == first.predictions[order].tolist()


def test_segments_matter(plain_engine: NativeEngine) -> None:
    single, pair = make_batch([9, 14, 5]), make_batch([9, 14, 5], pairs=True)
    assert np.abs(plain_engine.logits(single) - plain_engine.logits(pair)).max() > 1e-3


def test_the_order_of_words_matters(plain_engine: NativeEngine) -> None:
    batch = make_batch([9])
    before = plain_engine.logits(batch)
    batch.token_ids[1:] = batch.token_ids[1:][::-1].copy()
    assert np.abs(plain_engine.logits(batch) - before).max() > 1e-3
