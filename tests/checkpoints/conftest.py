"""A small hub, and processes that open checkpoints from it; tests share them and differ in their repositories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_clients import Client, client
from small_hub import SmallHub, running_hub


@pytest.fixture(scope="module")
def hub() -> Iterator[SmallHub]:
    """A hub that answers."""
    with running_hub() as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """HF_HOME of all processes of a module, so that one sees what another has downloaded."""
    return tmp_path_factory.mktemp("hf_home")


@pytest.fixture(scope="module")
def online(hub, home) -> Iterator[Client]:
    """Opens sources where the hub can be reached."""
    with client(hub.address, home) as process:
        yield process


@pytest.fixture(scope="module")
def offline(hub, home) -> Iterator[Client]:
    """Opens sources under HF_HUB_OFFLINE=1."""
    with client(hub.address, home, HF_HUB_OFFLINE="1") as process:
        yield process


@pytest.fixture(scope="module")
def hub_is_down(home) -> Iterator[Client]:
    """Opens sources where nothing listens at the hub's address."""
    with running_hub() as gone:
        address = gone.address
    with client(address, home) as process:
        yield process
