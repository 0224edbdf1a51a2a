"""Processes that open checkpoints, each with a hub and a cache of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Client:
    """A process that opens checkpoints on request."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def try_to_open(self, source: str, sha256: str | None = None) -> dict[str, Any]:
        """What came of it: the description of a checkpoint, or an error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"source": source, "sha256": sha256}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the process ended without an answer; its error is in the captured output"
        return json.loads(line)

    def open(self, source: str, sha256: str | None = None) -> dict[str, Any]:
        """The description of a checkpoint that must open."""
        answer = self.try_to_open(source, sha256)
        assert "error" not in answer, answer["message"]
        return answer

    def refusal(self, source: str, sha256: str | None = None) -> dict[str, str]:
        """The `error`, `message` and `remedy` of a checkpoint that must not open."""
        answer = self.try_to_open(source, sha256)
        assert "error" in answer, answer
        assert source in answer["message"]
        return answer


@contextmanager
def client(endpoint: str, home: Path, **environment: str) -> Iterator[Client]:
    """A process for which *endpoint* is the hub and *home* holds the cache."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGINGFACE_"))}
    settings = {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",  # the small hub does not speak it
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_VERBOSITY": "error",
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("opening_process.py"))],
        env=inherited | settings | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with process:  # closes the pipes, which ends the process, and waits for it
        yield Client(process)
