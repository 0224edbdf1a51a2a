"""The matrix product that is timed: it waits for the device, and for nothing else."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from bertbench.engines import products
from bertbench.engines.products import matmul_seconds

LIBRARIES = {"tensorflow": "tensorflow", "tf-keras": "tensorflow", "torch": "torch", "jax": "jax"}
EACH = pytest.mark.parametrize("library", LIBRARIES)


def load(library: str) -> None:
    if importlib.util.find_spec(LIBRARIES[library]) is None:
        pytest.skip(f"{library} is not installed")


@EACH
def test_it_is_the_product_of_two_fixed_matrices(library: str) -> None:
    load(library)
    arithmetic, left, right = products._prepared(8, library, "")
    generator = np.random.default_rng(0)
    one, other = (generator.standard_normal((8, 8), np.float32) for _ in range(2))
    product = arithmetic.multiply(left, right)
    arithmetic.wait(product)
    np.testing.assert_allclose(np.asarray(product), one @ other, rtol=1e-5, atol=1e-5)
    assert products._prepared(8, library, "")[1] is left  # made once


@EACH
def test_a_larger_product_takes_longer(library: str) -> None:
    load(library)
    small, large = (min(matmul_seconds(size, library) for _ in range(5)) for size in (16, 512))
    assert 0 < small < large


def test_what_is_timed_ends_when_the_device_is_done_and_begins_when_it_is_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A device that computes when it is waited for; a clock that counts what happened."""
    happened: list[str] = []
    arithmetic = products._Arithmetic(
        put=lambda values: values,
        multiply=lambda left, right: happened.append("multiply") or "product",
        wait=lambda array: happened.append("product done" if array == "product" else "idle"),
    )
    monkeypatch.setattr(products, "_prepared", lambda *_: (arithmetic, "left", "right"))
    monkeypatch.setattr(products.time, "perf_counter", lambda: happened.append("clock") or float(len(happened)))
    matmul_seconds(4, "torch")
    assert happened == ["idle", "clock", "multiply", "product done", "clock"]
