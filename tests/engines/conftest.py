"""Engines that several files share: built and traced once, put back by `prepare` in every test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from engine_backends import BACKEND
from tiny_bert import write_tiny_bert

from bertbench import runtime
from bertbench.spec import RuntimeSpec

if TYPE_CHECKING:
    from bertbench.engines.native.engine import NativeEngine


@pytest.fixture(scope="session", autouse=True)
def _configured(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The process computes as specs say by default, before anything else loads its backend."""
    runtime.configure(RuntimeSpec(backend=BACKEND), cache_folder=tmp_path_factory.mktemp("programs"))


@pytest.fixture(scope="session")
def one_layer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of one layer, for engines that are built for one test: the graph is traced in half the time."""
    return write_tiny_bert(tmp_path_factory.mktemp("one_layer"), layers=1)


@pytest.fixture(scope="session")
def shared_plain_engine(tiny_bert_folder: Path) -> NativeEngine:
    """Adam, no dropout; see `plain_engine`."""
    from engine_examples import NO_DROPOUT, make_engine

    return make_engine(tiny_bert_folder, model=NO_DROPOUT)


@pytest.fixture
def plain_engine(shared_plain_engine: NativeEngine) -> NativeEngine:
    """Adam, no dropout, prepared for seed 0."""
    shared_plain_engine.prepare(0)
    return shared_plain_engine


@pytest.fixture(scope="session")
def shared_dropout_engine(tiny_bert_folder: Path) -> NativeEngine:
    """The checkpoint's own dropout rates; see `dropout_engine`."""
    from engine_examples import make_engine

    return make_engine(tiny_bert_folder)


@pytest.fixture
def dropout_engine(shared_dropout_engine: NativeEngine) -> NativeEngine:
    """Adam, dropout 0.1 everywhere, prepared for seed 0."""
    shared_dropout_engine.prepare(0)
    return shared_dropout_engine
