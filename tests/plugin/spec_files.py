"""Spec files of the plugin's tests."""

from __future__ import annotations

from pathlib import Path

SPEC = """
name = "{name}"
[data]
train_rows = 4
[training]
epochs = 2
batch_size = 8
seeds = [0, 1]
[[expect]]
quantity = "validation_accuracy"
at_least = 0.97
[[budget]]
quantity = "step_seconds"
at_most = 1.0
"""


def write_spec(folder: Path, name: str, more: str = "") -> None:
    """One more spec file."""
    (folder / "specs" / f"{name}.toml").write_text(SPEC.format(name=name) + more)
