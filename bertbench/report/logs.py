"""TensorBoard logs of results and of whole stores."""

from __future__ import annotations

from pathlib import Path

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
        done = logdir / record.spec.name / record.run_id
        if not done.exists() or record.outcome == "running":
            write_logs(result_of(record, store), logdir)
    return len(records)
