"""transformers-torch with runtime.compile = true: compiled once for every shape; said in one line where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch_compile_process
from peer_process import run
from tiny_bert import write_tiny_bert

pytestmark = [pytest.mark.parity, pytest.mark.slow]  # a minute of C++


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One layer, so that there is less to compile; no dropout, whose masks are others when compiled."""
    return write_tiny_bert(tmp_path_factory.mktemp("compile") / "bert", layers=1, dropout=0.0)


@pytest.fixture(scope="module")
def answer(folder: Path) -> dict[str, Any]:
    return run(torch_compile_process.__file__, folder)


def test_a_compiled_network_gives_its_bits_again(answer: dict[str, Any]) -> None:
    assert answer["refusal"] == ""
    assert answer["compiled"] is True
    assert answer["losses"] == answer["again"]
    assert answer["seen"]["in_inference"] == []


def test_a_compiled_network_computes_what_the_plain_one_does(answer: dict[str, Any], folder: Path) -> None:
    from peer_process import BATCHES, engine_of

    plain = engine_of(folder, torch_compile_process.ENGINE)
    plain.prepare(0)
    np.testing.assert_allclose([plain.train_step(batch).loss for batch in BATCHES], answer["losses"], rtol=0, atol=1e-5)


def test_without_a_compiler_it_is_said_in_one_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", str(tmp_path / "no compiler"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    said = run(torch_compile_process.__file__, folder)["refusal"]
    assert said.startswith("EngineError: runtime.compile: torch.compile cannot compile the network here: ")
    assert "Install a C++ compiler" in said
