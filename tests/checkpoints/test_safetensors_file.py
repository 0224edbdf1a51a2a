"""The file format: read as the library writes it, refused where anything does not fit."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.numpy import save, save_file

from bertbench.checkpoints.safetensors_file import StoredTensor, read_floats, read_header
from bertbench.errors import CheckpointError


def written(folder: Path, content: bytes) -> Path:
    file = folder / "model.safetensors"
    file.write_bytes(content)
    return file


def with_header(header: object, data: bytes = b"") -> bytes:
    """A file whose header says *header*, whatever that is."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def values_of(file: Path) -> dict[str, np.ndarray]:
    header = read_header(file, where="here")
    return dict(zip(header, read_floats(file, list(header.values()), where="here"), strict=True))


def refusal(folder: Path, content: bytes) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        values_of(written(folder, content))
    assert caught.value.message.startswith("here: ")
    return caught.value


finite_floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tensors=st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda name: name != "__metadata__"),
        arrays(np.float32, array_shapes(min_dims=0, max_dims=3, max_side=4, min_side=0), elements=finite_floats),
        max_size=4,
    )
)
def test_what_the_library_writes_is_read_to_the_same_bits(tensors, tmp_path):
    file = written(tmp_path, save(tensors))
    read = values_of(file)
    assert set(read) == set(tensors)
    for name, values in tensors.items():
        assert read[name].dtype == np.float32
        assert read[name].shape == values.shape
        assert read[name].tobytes() == values.tobytes()


def test_metadata_is_no_tensor(tmp_path):
    save_file({"a": np.ones(2, np.float32)}, tmp_path / "a.safetensors", metadata={"format": "pt"})
    assert list(read_header(tmp_path / "a.safetensors", where="here")) == ["a"]


def test_header_says_where_a_tensor_lies(tmp_path):
    header = {"a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}
    file = written(tmp_path, with_header(header, b"\0" * 8))
    start = 8 + len(json.dumps(header))
    assert read_header(file, where="here") == {"a": StoredTensor("a", "F32", (1, 2), start, start + 8)}


def test_every_half_float_is_read_exactly(tmp_path):
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    read = values_of(written(tmp_path, save({"a": halves})))["a"]
    assert read.dtype == np.float32
    assert np.array_equal(read, halves.astype(np.float32))


def bfloat16(bits: np.ndarray) -> bytes:
    header = {"a": {"dtype": "BF16", "shape": [len(bits)], "data_offsets": [0, 2 * len(bits)]}}
    return with_header(header, bits.astype("<u2").tobytes())


@pytest.mark.parametrize(
    ("bits", "value"),
    [(0x3F80, 1.0), (0xC000, -2.0), (0x3E80, 0.25), (0x0000, 0.0), (0x4049, 3.140625), (0x0001, 2.0**-133)],
)
def test_known_bfloat16_values(tmp_path, bits, value):
    assert values_of(written(tmp_path, bfloat16(np.array([bits]))))["a"][0] == value


def test_every_finite_bfloat16_is_the_upper_half_of_its_float32(tmp_path):
    bits = np.arange(2**16, dtype=np.uint16)
    bits = bits[(bits >> 7) & 0xFF != 0xFF]
    read = values_of(written(tmp_path, bfloat16(bits)))["a"]
    assert np.array_equal(read.view(np.uint32), bits.astype(np.uint32) << 16)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_value_that_is_not_finite(tmp_path, bad, dtype):
    content = save({"good": np.ones(3, dtype), "layer": np.array([[1, bad], [bad, 0]], dtype)})
    assert "tensor layer: 2 of 4 values are NaN or infinite" in refusal(tmp_path, content).message


def test_bfloat16_that_is_not_finite(tmp_path):
    assert "tensor a: 1 of 2 values" in refusal(tmp_path, bfloat16(np.array([0x3F80, 0x7FC0]))).message


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.int32, np.int8, np.uint8, np.bool_])
def test_type_that_does_not_turn_into_float32_exactly(tmp_path, dtype):
    """In the file it may be; as a weight it may not."""
    file = written(tmp_path, save({"a": np.ones(3, dtype)}))
    assert read_header(file, where="here")["a"].shape == (3,)
    with pytest.raises(CheckpointError, match=r"tensor a: is \w+; expected F32, F16, BF16"):
        values_of(file)


def test_file_cut_at_any_byte_is_refused(tmp_path):
    content = save({"first": np.ones(2, np.float32), "second": np.ones((2, 2), np.float32)})
    for length in range(len(content)):
        refusal(tmp_path, content[:length])


def test_truncated_file_names_the_tensor_that_it_lost(tmp_path):
    content = save({"a": np.ones(2, np.float32), "b": np.ones(4, np.float32)})
    error = refusal(tmp_path, content[:-1])
    assert f"is truncated: tensor b needs bytes up to {len(content)}, the file has {len(content) - 1}" in error.message
    assert "again" in error.remedy


def test_file_that_is_too_long(tmp_path):
    content = save({"a": np.ones(2, np.float32)})
    assert f"has {len(content) + 1} bytes; its header accounts for" in refusal(tmp_path, content + b"\0").message


def entry(dtype="F32", shape=(2,), offsets=(0, 8)) -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no safetensors file"),
        (b"\x80\x04\x95 a pickle, this", "is no safetensors file"),
        (struct.pack("<Q", 2**63), "no header of a possible length"),
        (struct.pack("<Q", 100) + b"{}", "its header needs 108 bytes, the file has 10"),
        (with_header(b"{'a': 1}"), "its header is not JSON"),
        (with_header(b"\xff\xff\xff\xff"), "its header is not JSON"),
        (with_header(b"[" * 50_000), "its header is not JSON"),
        (with_header([]), "not a JSON object"),
        (with_header(b'{"a": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}, "a": {}}'), "a key comes twice"),
        (with_header({"a": 1}), "tensor a: damaged header"),
        (with_header({"a": {}}), "tensor a: damaged header"),
        (with_header({"a": entry(shape=(-2,))}), "tensor a: damaged header"),
        (with_header({"a": entry(shape=(2.0,))}), "tensor a: damaged header"),
        (with_header({"a": entry(shape=(True, 2))}), "tensor a: damaged header"),
        (with_header({"a": entry(offsets=(0, 8, 16))}), "tensor a: damaged header"),
        (with_header({"a": entry(offsets=(8, 0))}), "its offsets span -8"),
        (with_header({"a": entry(shape=(3,))}), "F32 (3,) takes 12 bytes, its offsets span 8"),
        (with_header({"a": entry(shape=(2**70,))}), "its offsets span 8"),
        (with_header({"a": entry(dtype="F4")}), "unknown type 'F4'"),
        (with_header({"a": entry(dtype=4)}), "tensor a: damaged header"),
        (with_header({"a": entry(), "b": entry()}, b"\0" * 8), "tensor b: damaged header: starts at byte"),
        (with_header({"a": entry(offsets=(8, 16))}, b"\0" * 16), "tensor a: damaged header: starts at byte"),
        (with_header({"a": entry()}), "is truncated: tensor a needs"),
    ],
)
def test_damaged_file(tmp_path, content, reason):
    assert reason in refusal(tmp_path, content).message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_no_damage_raises_anything_else_than_a_checkpoint_error(data, tmp_path):
    content = bytearray(save({"a": np.ones(2, np.float32), "b": np.zeros((2, 1), np.float16)}))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(CheckpointError):
        values_of(written(tmp_path, bytes(content)))


def test_missing_file(tmp_path):
    with pytest.raises(CheckpointError, match="here: cannot be read: No such file"):
        read_header(tmp_path / "nothing", where="here")


def test_file_that_shrinks_between_header_and_values(tmp_path):
    content = save({"a": np.ones(2, np.float32)})
    file = written(tmp_path, content)
    header = read_header(file, where="here")
    file.write_bytes(content[:-4])
    with pytest.raises(CheckpointError, match="became shorter while tensor a"):
        list(read_floats(file, list(header.values()), where="here"))
    file.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        list(read_floats(file, list(header.values()), where="here"))
