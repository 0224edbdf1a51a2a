"""Equal digests are equal bits: names, dtypes, shapes and values all count, memory layout and byte order do not."""

from __future__ import annotations

import hashlib
import struct

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bertbench.digests import digest_arrays, digest_numbers

ANY_ARRAY = arrays.arrays(
    dtype=st.sampled_from([np.float32, np.float64, np.float16, np.int32, np.int64, np.uint8, np.bool_]),
    shape=arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


def digest(array: np.ndarray, name: str = "a") -> str:
    return digest_arrays([(name, array)])


def test_is_sha256_of_name_dtype_shape_and_little_endian_bytes() -> None:
    expected = hashlib.sha256(b"a|<f4|(2,)|" + struct.pack("<2f", 1.0, -2.5)).hexdigest()
    assert digest(np.array([1.0, -2.5], np.float32)) == expected


def test_digest_of_nothing_and_of_an_empty_array_differ() -> None:
    assert len({digest_arrays([]), digest(np.zeros(0)), digest(np.zeros((0, 3))), digest(np.zeros((2, 0, 3)))}) == 4


@given(ANY_ARRAY)
def test_memory_layout_and_byte_order_do_not_count(array: np.ndarray) -> None:
    expected = digest(array)
    assert digest(array.copy()) == expected
    assert digest(np.array(array, order="F")) == expected
    assert digest(array.astype(array.dtype.newbyteorder(">"))) == expected
    assert digest(np.repeat(array[..., None], 2, axis=-1)[..., 0]) == expected, "a view with strides"


@given(ANY_ARRAY, ANY_ARRAY)
def test_equal_digests_are_equal_bits(first: np.ndarray, second: np.ndarray) -> None:
    same = (first.dtype, first.shape, first.tobytes()) == (second.dtype, second.shape, second.tobytes())
    assert (digest(first) == digest(second)) == same


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.array([0.0]), np.array([-0.0])),
        (np.array([1, 2], np.int32), np.array([1, 2], np.int64)),
        (np.array([1.0], np.float32), np.array([1.0], np.float64)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros(()), np.zeros((1,))),
        (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 3.0], [2.0, 4.0]])),
        (np.array([1.0], np.float16), np.array([1.0], ml_dtypes.bfloat16)),
        (np.array([1.0]), np.nextafter(np.array([1.0]), 2.0)),
    ],
    ids=["sign of zero", "width", "precision", "shape", "scalar", "order", "bfloat16", "last bit"],
)
def test_smallest_difference_shows(first: np.ndarray, second: np.ndarray) -> None:
    assert digest(first) != digest(second)


def test_names_and_their_order_count() -> None:
    one, two = np.ones(2), np.zeros(2)
    assert len({digest(one, "a"), digest(one, "b")}) == 2
    assert digest_arrays([("a", one), ("b", two)]) != digest_arrays([("b", two), ("a", one)])
    assert digest_arrays([("a", one), ("b", two)]) != digest_arrays([("a", two), ("b", one)])


def test_bfloat16_weights_have_a_digest() -> None:
    """NumPy's buffers know no bfloat16."""
    array = np.array([1.0, 2.0], ml_dtypes.bfloat16)
    assert digest(array) == digest(array.copy()) != digest(array[::-1])


def test_same_nan_is_the_same_bits() -> None:
    assert digest(np.array([np.nan])) == digest(np.array([np.nan]))


def test_arrays_of_python_objects_are_refused() -> None:
    """Their bytes are addresses: equal today, others tomorrow."""
    with pytest.raises(TypeError, match="a: an array of object has no bits of its own"):
        digest(np.array([object()]))


def test_arrays_are_read_one_at_a_time() -> None:
    """A large model must not be in memory twice."""
    alive: list[int] = []

    def weights():
        for index in range(3):
            alive.append(index)
            yield str(index), np.full(2, index)
            alive.remove(index)

    expected = digest_arrays([(str(index), np.full(2, index)) for index in range(3)])
    assert digest_arrays(weights()) == expected
    assert alive == []


@given(st.lists(st.floats(allow_nan=False)))
def test_numbers_are_digested_as_float64(numbers: list[float]) -> None:
    assert digest_numbers(numbers) == digest(np.array(numbers, np.float64), "numbers")
    assert digest_numbers(tuple(numbers)) == digest_numbers(numbers)
