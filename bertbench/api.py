"""What scripts call: run a spec, judge it, compare it with what was accepted, look at its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bertbench.comparing import Against
from bertbench.errors import RecordError, SpecError
from bertbench.gathering import candidate_to_compare
from bertbench.processes import run_request
from bertbench.project import names_in, project_of
from bertbench.record import DataFacts, RunRecord
from bertbench.spec import Spec
from bertbench.store import DEFAULT_STORE, Store
from bertbench.suite import Result, load_benchmark, new_request, run_benchmark, with_comparison
from bertbench.training import read_inputs
from bertbench.verdict import Candidate, Check, Outcome, overall


@dataclass(frozen=True)
class Verdict:
    """What a comparison came to.

    Attributes:
        outcome: Of all checks together: `pass`, `fail`, `undecided` or `no_baseline`.
        checks: Identity and quality for each baseline.
        text: In words: who shares the error rate, each check with its reason and what to do next, one sentence for all.
        result: What was compared, baselines included.
        left_out: Why runs of the store were not taken, in words, by their ids.
    """

    outcome: Outcome
    checks: tuple[Check, ...] = field(repr=False)
    text: str = field(repr=False)
    result: Result = field(repr=False)
    left_out: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """What a person reads: `text`."""
        return self.text


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


def compare(
    source: str | Path | Spec | RunRecord,
    names: str | Sequence[str] = (),
    *,
    store: Path = DEFAULT_STORE,
    baselines: Path | None = None,
    gated_specs: int | None = None,
) -> Verdict:
    """Hold what ran against baselines, like `bertbench compare`: runs nothing, and is counted like any other attempt.

    Args:
        source: A TOML file or a spec, of which the newest run is taken with all that ran the same code; or the record
            of one run, which is taken with its further seeds.
        names: Of baselines, as in `("rolling", "reference")` or `"rolling,reference"`; if there are none, those that
            the project declares, else `rolling`, and `reference` where there is one.
        store: Folder of records; has the runs, and keeps the attempt.
        baselines: Their folder; None is beside the spec file, or for a spec or a record in the current folder.
        gated_specs: Specs that share the project's error rate, 1 or more; None is as the project declares in its pytest
            settings, looked for from the spec file's folder upwards, else from the current one.

    Returns:
        The verdict; what has nothing to be compared with is `no_baseline`.

    Raises:
        SpecError: If *source* describes no possible benchmark.
        ProjectError: If what the project declares cannot be read or meant, or *gated_specs* cannot.
        BaselineError: If a name can be none or is given twice.
        RecordError: If the store holds no run to compare, not this record, or attempts that cannot be read.
        RecordWriteError: If the attempt cannot be written.
    """
    if not isinstance(source, str | Path | Spec | RunRecord):
        raise SpecError(f"compare: {type(source).__name__} was given, a TOML file, a spec or a record was expected")
    benchmark = load_benchmark(source.spec if isinstance(source, RunRecord) else source)
    project = project_of([benchmark.base_folder], gated_specs=gated_specs, option="gated_specs")
    against = Against(
        names_in(names) if isinstance(names, str) else tuple(names),
        declared=project.baselines,
        gated_specs=project.gated_specs,
        folder=baselines,
        speed=project.speed,
    )
    kept = Store(store)
    run_id = source.run_id if isinstance(source, RunRecord) else None
    candidate, left_out = candidate_to_compare(benchmark.spec, kept, run_id)
    if isinstance(source, RunRecord):
        _refuse_another(source, candidate, kept)
    ran = Result(benchmark, candidate.first, None, (), further=candidate.records[1:])
    result = with_comparison(ran, kept, against, book=True)
    return Verdict(overall(result.checks), result.checks, _in_words(result, project.told), result, left_out)


def _refuse_another(record: RunRecord, candidate: Candidate, store: Store) -> None:
    """A record in hand that the store does not hold as it is would be judged by what somebody else wrote."""
    if record.model_dump_json() != candidate.first.model_dump_json():  # NaN is not equal to itself, its text is
        raise RecordError(
            f"{record.run_id}: {store.run_folder(record.run_id)} holds another record of this run than the one given",
            remedy="compare what bertbench.run returned or Store.read gives, unchanged, and with the store it is in",
        )


def _in_words(result: Result, told: Sequence[str]) -> str:
    from bertbench.report.one_verdict import one_sentence
    from bertbench.report.verdict_table import verdict_reasons, verdict_sentence

    lines = [*told, *verdict_reasons([result]), verdict_sentence([result]), one_sentence([result])]
    return "\n".join(filter(None, lines))
