"""The native engine on Keras' PyTorch backend against itself on TensorFlow: same network, optimizers, promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_process import OPTIMIZERS, run

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def answers(tiny_bert_folder: Path) -> dict[str, dict[str, Any]]:
    """What both backends came to."""
    return {backend: run(tiny_bert_folder, backend) for backend in ("tensorflow", "torch")}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_are_alike_without_dropout(answers: dict[str, dict[str, Any]], optimizer: str) -> None:
    ours, theirs = answers["torch"][optimizer], answers["tensorflow"][optimizer]
    np.testing.assert_allclose(ours["losses"], theirs["losses"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours["norms"], theirs["norms"], rtol=1e-4)
    np.testing.assert_allclose(ours["logits"], theirs["logits"], rtol=0, atol=2e-4)
    assert ours["predictions"] == theirs["predictions"]


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_a_seed_gives_its_bits_again_after_another(answers: dict[str, dict[str, Any]], backend: str) -> None:
    first, other, again = answers[backend]["seeds 0, 1, 0"]
    assert first == again
    assert first != other


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_a_restored_state_goes_on_to_the_same_bits(answers: dict[str, dict[str, Any]], backend: str) -> None:
    assert answers[backend]["resumed"] == answers[backend]["seeds 0, 1, 0"][0]
