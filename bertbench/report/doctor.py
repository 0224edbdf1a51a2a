"""What this machine has, lacks, and how to get it; imports none of what it looks for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from bertbench import runtime
from bertbench.checkpoints import open_checkpoint
from bertbench.engines.catalogue import CATALOGUE, EngineEntry, require_libraries
from bertbench.errors import CheckpointError, EngineError
from bertbench.spec import CheckpointSpec


@dataclass(frozen=True)
class Finding:
    """One thing looked for.

    Attributes:
        what: Its name.
        present: Whether it is there.
        said: Version, or what is missing.
        remedy: How to get it.
        optional: Whether the main job works without it.
    """

    what: str
    present: bool
    said: str
    remedy: str = ""
    optional: bool = False


def examine() -> tuple[Finding, ...]:
    """Look for everything that a run on the embedded default needs, and for what makes it more useful."""
    return (
        _library("tensorflow", "tensorflow", optional=False),
        _library("keras", "", optional=False),
        _embedded_weights(),
        _library("pytest", "pytest", optional=True),
        _library("pytest-benchmark", "pytest", optional=True),
        _library("tensorboard", "tensorboard", optional=True),
        _library("datasets", "datasets", optional=True),
        _library("jax", "jax", optional=True),
        _library("torch", "torch", optional=True),
        *(_engine(entry) for entry in CATALOGUE.values() if entry.needs),
        _data_folder(),
        Finding("cores", present=True, said=f"{runtime.available_cores()} may be used"),
    )


def doctor_table(findings: tuple[Finding, ...]) -> Table:
    """One line for each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("what", "there", "", "how to get it"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        sign = (
            Text("yes", style="green") if finding.present else Text("no", style="yellow" if finding.optional else "red")
        )
        table.add_row(finding.what, sign, Text(finding.said), Text("" if finding.present else finding.remedy))
    return table


def _library(name: str, extra: str, *, optional: bool) -> Finding:
    remedy = f"python -m pip install 'bertbench[{extra}]'" if extra else f"python -m pip install {name}"
    version = runtime.library_version(name)
    return Finding(name, present=version is not None, said=version or "not installed", remedy=remedy, optional=optional)


def _engine(entry: EngineEntry) -> Finding:
    """Whether its libraries are there, in versions that it is written for."""
    try:
        require_libraries(entry)
    except EngineError as error:
        said = error.message.removeprefix(f"engine {entry.name}: ")
        return Finding(f"engine {entry.name}", present=False, said=said, remedy=error.remedy, optional=True)
    versions = ", ".join(f"{name} {runtime.library_version(name)}" for name in entry.distributions)
    return Finding(f"engine {entry.name}", present=True, said=versions, optional=True)


def _embedded_weights() -> Finding:
    try:
        checkpoint = open_checkpoint(CheckpointSpec(), base_folder=Path())
    except CheckpointError as error:
        return Finding("embedded:minilm-l6", present=False, said=error.message, remedy=error.remedy)
    return Finding("embedded:minilm-l6", present=True, said=f"sha256 {checkpoint.sha256[:12]}, as pinned")


def _data_folder() -> Finding:
    folder = os.environ.get("BERTBENCH_DATA")
    remedy = "set BERTBENCH_DATA to the folder of snips/ and sms_spam/; only those two examples need it"
    if folder is None:
        return Finding("BERTBENCH_DATA", present=False, said="not set", remedy=remedy, optional=True)
    return Finding("BERTBENCH_DATA", present=Path(folder).is_dir(), said=folder, remedy=remedy, optional=True)
