"""A folder in which commands run, each in milliseconds."""

from __future__ import annotations

from pathlib import Path

import fake_runs
import pytest
from cli_shell import Shell
from small_bench import write_small_bench

from bertbench import suite

PROMISE = {"quantity": "validation_accuracy", "at_least": 0.97}


@pytest.fixture
def shell(
    tmp_path: Path, tiny_bert_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """`small.toml` with one threshold and identity; runs take milliseconds; messages are not broken at 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    monkeypatch.setattr(suite, "run_request_here", lambda request, _observers: fake_runs.fake_run_request(request))
    write_small_bench(tmp_path, tiny_bert_folder, expect=(PROMISE,))
    return Shell(tmp_path, capsys)
