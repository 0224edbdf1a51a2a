"""Matrices as files: JSON for machines, Markdown for a pull request or a log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bertbench.atomic import write_text
from bertbench.matrix.fields import Cell, Matrix, worst
from bertbench.report.matrix_table import markdown
from bertbench.verdict import Check
from bertbench.version import VERSION

#: Rises when a field changes its meaning or goes; not when one is added.
MATRIX_SCHEMA_VERSION = 1


def matrix_json(matrices: Sequence[Matrix]) -> dict[str, Any]:
    """The content of the file, as plain values."""
    return {
        "schema_version": MATRIX_SCHEMA_VERSION,
        "bertbench_version": VERSION,
        "created_at": datetime.now(timezone.utc).isoformat(),
        "outcome": worst([matrix.outcome for matrix in matrices]),
        "benchmarks": [_benchmark(matrix) for matrix in matrices],
    }


def write_json(path: Path, matrices: Sequence[Matrix]) -> None:
    """Write the JSON file in one piece.

    Raises:
        RecordWriteError: If it cannot be written.
    """
    write_text(path, json.dumps(matrix_json(matrices), indent=1, allow_nan=False, default=str))


def write_markdown(path: Path, matrices: Sequence[Matrix]) -> None:
    """Write the page in one piece.

    Raises:
        RecordWriteError: If it cannot be written.
    """
    write_text(path, markdown(matrices))


def _benchmark(matrix: Matrix) -> dict[str, Any]:
    return {
        "name": matrix.benchmark,
        "fingerprint": matrix.fingerprint,
        "git_commit": matrix.revision.commit if matrix.revision else None,
        "git_dirty": matrix.revision.dirty if matrix.revision else None,
        "outcome": matrix.outcome,
        "reference": matrix.reference.name if matrix.reference else None,
        "separations": list(matrix.separations),
        "left_out": matrix.left_out,
        "environments": [_cell(cell) for cell in matrix.cells],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "name": cell.name,
        "engine": cell.environment.engine,
        "backend": cell.environment.backend,
        "packages": dict(cell.environment.packages),
        "settings": dict(cell.environment.settings),
        "runs": list(cell.runs),
        "outcome": cell.outcome,
        "promises": [_check(check) for check in cell.promises],
        "quality": _check(cell.quality) if cell.quality else None,
        "seeds": cell.seeds,
        "failed_seeds": cell.failed_seeds,
        "accuracy": cell.accuracy,
        "accuracy_spread": cell.accuracy_spread,
        "step_seconds": cell.step_seconds,
        "step_ratio": cell.step_ratio,
        "bits": cell.group,
        "differs": cell.differs or None,
    }


def _check(check: Check) -> dict[str, Any]:
    fields = asdict(check)
    numbers = {name: _finite(value) for name, value in check.numbers.items()}
    return {name: _finite(value) for name, value in fields.items()} | {
        "numbers": numbers,
        "seeds_wanted": list(check.seeds_wanted),
    }


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity; they are written as words."""
    return str(value) if isinstance(value, float) and value - value != 0 else value
