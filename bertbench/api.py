"""What scripts call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bertbench.processes import run_request
from bertbench.record import DataFacts, RunRecord
from bertbench.spec import Spec
from bertbench.store import DEFAULT_STORE, Store
from bertbench.suite import Result, load_benchmark, new_request, run_benchmark
from bertbench.training import read_inputs


def run(source: str | Path | Spec, *, seeds: Sequence[int] | None = None, store: Path = DEFAULT_STORE) -> RunRecord:
    """Fine-tune as a spec says, in a process of its own, and keep the record.

    Args:
        source: A TOML file or a spec.
        seeds: In place of the spec's own.
        store: Folder of records.

    Returns:
        The record, whatever its outcome; a run that failed has `failure`.

    Raises:
        SpecError: If *source* describes no possible benchmark.
        RecordWriteError: If the store cannot be written.
    """
    return run_request(new_request(load_benchmark(source, seeds=seeds), Store(store)))


def run_and_judge(
    source: str | Path | Spec, *, seeds: Sequence[int] | None = None, store: Path = DEFAULT_STORE
) -> Result:
    """Like `run`, then repeat if the spec asks for it and hold every promise against the record.

    Args:
        source: A TOML file or a spec.
        seeds: In place of the spec's own.
        store: Folder of records.

    Returns:
        Record, repeat and checks.

    Raises:
        SpecError: If *source* describes no possible benchmark.
        RecordWriteError: If the store cannot be written.
    """
    return run_benchmark(load_benchmark(source, seeds=seeds), Store(store))


def check_data(source: str | Path | Spec) -> DataFacts:
    """Read and check the rows of a spec, without training.

    Args:
        source: A TOML file or a spec.

    Returns:
        What was read, with all findings.

    Raises:
        SpecError: If *source* describes no possible benchmark.
        DataError: If the rows cannot be read.
        CheckpointError: If there is no tokenizer.
    """
    benchmark = load_benchmark(source)
    return read_inputs(benchmark.spec, base_folder=benchmark.base_folder).data_facts()
