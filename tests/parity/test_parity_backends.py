"""The native engine on Keras' other backends against itself on TensorFlow: same network, optimizers, promises."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_process import OPTIMIZERS, run

pytestmark = pytest.mark.parity

OTHERS = ("jax", "torch")
on_other_backends = pytest.mark.parametrize(
    "backend",
    [
        pytest.param(name, marks=pytest.mark.skipif(not find_spec(name), reason=f"{name} is not installed"))
        for name in OTHERS
    ],
)


@pytest.fixture(scope="module")
def answers(tiny_bert_folder: Path) -> dict[str, dict[str, Any]]:
    """What the backends that are installed came to."""
    installed = [backend for backend in ("tensorflow", *OTHERS) if find_spec(backend)]
    return {backend: run(tiny_bert_folder, backend) for backend in installed}


@on_other_backends
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_twenty_steps_are_alike_without_dropout(
    answers: dict[str, dict[str, Any]], backend: str, optimizer: str
) -> None:
    ours, theirs = answers[backend][optimizer], answers["tensorflow"][optimizer]
    assert len(ours["losses"]) == 20
    np.testing.assert_allclose(ours["losses"], theirs["losses"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours["norms"], theirs["norms"], rtol=1e-4)
    np.testing.assert_allclose(ours["logits"], theirs["logits"], rtol=0, atol=2e-4)
    assert ours["predictions"] == theirs["predictions"]


@on_other_backends
def test_a_seed_gives_its_bits_again_after_another(answers: dict[str, dict[str, Any]], backend: str) -> None:
    first, other, again = answers[backend]["seeds 0, 1, 0"]
    assert first == again
    assert first != other


@on_other_backends
def test_a_restored_state_goes_on_to_the_same_bits(answers: dict[str, dict[str, Any]], backend: str) -> None:
    assert answers[backend]["resumed"] == answers[backend]["seeds 0, 1, 0"][0]
