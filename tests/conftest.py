"""What all tests share. Its being here also puts this folder on the import path: ``from tiny_bert import ...``."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tiny_bert import write_tiny_bert

pytest_plugins = ["pytester"]

# What a script starts in the background ignores Ctrl-C, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure.
settings.register_profile("bertbench", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bertbench")


@pytest.fixture(scope="session")
def tiny_bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with default arguments; shared by the whole session, so read it only."""
    return write_tiny_bert(tmp_path_factory.mktemp("tiny_bert"))
