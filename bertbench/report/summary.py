"""All results of a session as one JSON file; docs/summary.md documents the schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bertbench.atomic import write_text
from bertbench.comparing import Compared
from bertbench.record import SeedRun
from bertbench.suite import Result
from bertbench.verdict import Check, overall
from bertbench.version import VERSION

#: Rises when a field changes its meaning or goes; not when one is added.
SUMMARY_SCHEMA_VERSION = 1


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """The content of the file, as plain values."""
    return {
        "schema_version": SUMMARY_SCHEMA_VERSION,
        "bertbench_version": VERSION,
        "created_at": datetime.now(timezone.utc).isoformat(),
        "outcome": overall(check for result in results for check in result.checks),
        "specs": [_spec(result) for result in results],
    }


def write_summary(path: Path, results: Sequence[Result]) -> None:
    """Write the file in one piece.

    Raises:
        RecordWriteError: If it cannot be written.
    """
    write_text(path, json.dumps(summary(results), indent=1, allow_nan=False, default=str))


def _spec(result: Result) -> dict[str, Any]:
    record = result.record
    return {
        "name": result.benchmark.spec.name,
        "file": str(result.benchmark.file) if result.benchmark.file else None,
        "outcome": result.outcome,
        "skipped": result.skipped or None,
        "run_id": record.run_id if record else None,
        "fault": record.fault if record else None,
        "repeat_run_id": result.repeat.run_id if result.repeat else None,
        "further_run_ids": [further.run_id for further in result.further],
        "spec_fingerprint": record.spec_fingerprint if record else None,
        "numerics_fingerprint": record.environment.numerics_fingerprint if record and record.environment else None,
        "machine_fingerprint": record.environment.machine_fingerprint if record and record.environment else None,
        "phases_seconds": record.phases_seconds if record else {},
        "checks": [_check(check) for check in result.checks],
        "speed_comparison_id": result.speed.ab_id if result.speed else None,
        "comparisons": [_comparison(compared) for compared in result.compared],
        "seeds": [_seed(run) for run in record.seeds] if record else [],
    }


def _comparison(compared: Compared) -> dict[str, Any]:
    baseline, standing, shown = compared.baseline, compared.standing, compared.shown
    return {
        "baseline": compared.name,
        "accepted_at": baseline.accepted_at.isoformat() if baseline else None,
        "git_commit": baseline.git_commit if baseline else None,
        "bertbench_version": baseline.bertbench_version if baseline else None,
        "attempt": standing.number if standing else None,
        "failed_attempt": list(standing.failed.runs) if standing and standing.failed else [],
        "deciding_look": _finite(asdict(shown.decides)) if shown and shown.decides else None,
        "decided_by_failed_seeds": shown.failed_seeds or None if shown else None,
        "seeds_ran": shown.ran if shown else None,
        "shown": [_finite(asdict(quantity)) for quantity in shown.quantities] if shown else [],
        "same_seed_correlation": shown.correlation if shown else None,
        "flipped_rows": [asdict(flipped) for flipped in shown.flipped] if shown else [],
    }


def _check(check: Check) -> dict[str, Any]:
    fields = _finite(asdict(check))
    return fields | {
        "numbers": _finite(dict(check.numbers)),
        "seeds_wanted": list(check.seeds_wanted),
        "details": list(check.details),
    }


def _seed(run: SeedRun) -> dict[str, Any]:
    last = run.epochs[-1] if run.epochs else None
    return {
        "seed": run.seed,
        "outcome": run.outcome,
        "epochs": len(run.epochs),
        "train": _finite(last.train.model_dump()) if last else None,
        "validation": _finite(last.validation.model_dump()) if last else None,
        "phases_seconds": run.phases_seconds,
        "utilization": run.utilization.value if run.utilization else None,
        "peak_memory_mebibytes": run.peak_memory_mebibytes,
        "digests": run.digests.model_dump() if run.digests else None,
    }


def _finite(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN and no infinity; they are written as words."""
    return {
        key: str(value) if isinstance(value, float) and value - value != 0 else value for key, value in fields.items()
    }
