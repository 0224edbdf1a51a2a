"""The peers are loaded after this process is configured, so that they find TensorFlow as specs want it."""

from __future__ import annotations

import pytest

from bertbench import runtime
from bertbench.spec import RuntimeSpec


@pytest.fixture(scope="session", autouse=True)
def _deterministic_tensorflow() -> None:
    """As specs say by default."""
    runtime.configure(RuntimeSpec())
