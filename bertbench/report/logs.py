"""TensorBoard logs of results and of whole stores."""

from __future__ import annotations

from pathlib import Path

from bertbench.record import RunRecord
from bertbench.report.tensorboard import write_run
from bertbench.report.verdict_table import verdict_reasons, verdict_sentence
from bertbench.store import Store
from bertbench.suite import Result, result_of


def write_logs(result: Result, logdir: Path) -> None:
    """Write what TensorBoard shows of *result*; nothing if it was skipped.

    Args:
        result: Of one benchmark; its repeat is not shown, since it is the same run.
        logdir: Folder that TensorBoard is pointed at.

    Raises:
        ReportError: If TensorBoard is not installed, or the folder cannot be written.
    """
    if result.record is not None:
        verdict = "\n".join([verdict_sentence([result]), *verdict_reasons([result])])
        write_run(result.record, logdir, verdict_text=verdict)


def write_store_logs(store: Store, logdir: Path) -> int:
    """Write every readable run of *store*; what is there already is left alone unless its run has gone on since.

    Returns:
        How many runs the logs hold.
    """
    entries = [entry.record for entry in store.entries() if entry.record is not None]
    records = [record for record in entries if record.repeats is None]  # a repeat is the same run
    for record in records:
        if not _is_written(record, store, logdir):
            write_logs(result_of(record, store), logdir)
    return len(records)


def _is_written(record: RunRecord, store: Store, logdir: Path) -> bool:
    """Whether the logs hold all there is: they are younger than the record, which changes no more."""
    written = [path.stat().st_mtime_ns for path in (logdir / record.spec.name / record.run_id).glob("events*")]
    kept = (store.run_folder(record.run_id) / "record.json").stat().st_mtime_ns
    return record.outcome != "running" and bool(written) and min(written) > kept
