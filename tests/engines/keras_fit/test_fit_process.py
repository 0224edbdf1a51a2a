"""A process ends as any other does, wherever its fit stands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from engine_backends import tensorflow_only

pytestmark = [tensorflow_only, pytest.mark.slow]

ROOT = Path(__file__).parents[3]


def start(how: str) -> subprocess.Popen[str]:
    here = Path(__file__).parent
    return subprocess.Popen(
        [sys.executable, str(here / "fit_process.py"), how],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(here), str(ROOT)))},
        # As from a terminal: a shell that starts in the background lets its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )


def test_it_ends_in_the_middle_of_fit() -> None:
    with start("once") as process:
        said, errors = process.communicate()
    assert (process.returncode, said) == (0, "stepped\n"), errors
    assert "Fatal" not in errors


def test_it_ends_by_an_interrupt_in_the_middle_of_a_step() -> None:
    with start("on and on") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stepped\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == -signal.SIGINT, errors
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert "Fatal" not in errors
