"""A benchmark run and judged: the only place that strings the rooms together.

A spec runs in a process of its own, so that nothing loaded before can change its bits, a crash takes nobody along, and
peak memory is its own. The repeat that identity is judged by is one more such process.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bertbench.attempts import Ledger
from bertbench.baseline import baseline_files, baselines_folder, revision_of
from bertbench.baseline.ground import parted
from bertbench.comparing import Against, Compared, book_attempts, compare_runs, with_attempts
from bertbench.errors import CheckpointAbsentError, DataAbsentError, RecordError, SpecError
from bertbench.observers import Observer
from bertbench.processes import Request, Watch, run_request, run_request_here
from bertbench.record import RunRecord
from bertbench.spec import Spec, override, read_spec
from bertbench.store import Store
from bertbench.training import new_run_id
from bertbench.verdict import (
    Candidate,
    Check,
    Outcome,
    doubt_two_grounds,
    judge_budget,
    judge_recipe,
    judge_repeat,
    judge_threshold,
    overall,
    skipped_comparison,
)


@dataclass(frozen=True)
class Benchmark:
    """A spec and where it stands.

    Attributes:
        spec: What to run.
        base_folder: Where its relative paths begin.
        file: The TOML file, if it came from one.
    """

    spec: Spec
    base_folder: Path
    file: Path | None = None

    @property
    def baselines_folder(self) -> Path:
        """Where its baselines are, unless somebody says otherwise."""
        return baselines_folder(self.base_folder)

    @property
    def key(self) -> str:
        """Names this benchmark, promises and seeds included: 16 hex digits."""
        content = f"{self.base_folder.resolve()}|{self.spec.model_dump_json()}"
        return hashlib.sha256(content.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Result:
    """A benchmark that ran, or did not.

    Attributes:
        benchmark: What was to run.
        record: The run; None if it was skipped.
        repeat: The repeat in a fresh process, if the spec asks for one.
        checks: Every promise, judged; if skipped, none but the comparisons that were asked for, undecided.
        skipped: Why it was skipped and what to do; empty if it ran.
        further: Runs of further seeds, as far as looks at the comparison needed them.
        compared: One for each baseline; their checks are among `checks`.
    """

    benchmark: Benchmark
    record: RunRecord | None
    repeat: RunRecord | None
    checks: tuple[Check, ...]
    skipped: str = ""
    further: tuple[RunRecord, ...] = ()
    compared: tuple[Compared, ...] = ()

    @property
    def outcome(self) -> Outcome | Literal["skipped"]:
        """Of all checks together."""
        return "skipped" if self.skipped else overall(self.checks)


def load_benchmark(
    source: Path | str | Spec,
    *,
    seeds: Sequence[int] | None = None,
    engine: str | None = None,
    backend: str | None = None,
) -> Benchmark:
    """A benchmark from a TOML file or a spec.

    Args:
        source: A file, or a spec whose relative paths begin in the current folder.
        seeds: In place of the spec's own.
        engine: Likewise.
        backend: Likewise, of Keras.

    Raises:
        SpecError: If it describes no possible benchmark, or none with what takes the place of its own.
    """
    if isinstance(source, Spec):
        spec, base_folder, file = source, Path.cwd(), None
    else:
        file = Path(source)
        spec, base_folder = read_spec(file), file.parent
    chosen = {
        "training.seeds": None if seeds is None else tuple(seeds),
        "engine": engine,
        "runtime.backend": backend,
    }
    if changed := {field: value for field, value in chosen.items() if value is not None}:
        words = ["other seeds"] if seeds is not None else []
        words += [f"{name} {value}" for name, value in (("engine", engine), ("backend", backend)) if value is not None]
        spec = override(spec, changed, where=f"{file or spec.name} with {' and '.join(words)}")
    return Benchmark(spec, base_folder, file)


def run_benchmark(  # noqa: PLR0913 - each is one thing that a caller names
    benchmark: Benchmark,
    store: Store,
    *,
    workers: int = 1,
    here: bool = False,
    observers: tuple[Observer, ...] = (),
    save_models_to: Path | None = None,
    watch: Watch | None = None,
    repeat: bool = True,
    fault: str | None = None,
) -> Result:
    """Run, repeat, judge.

    Args:
        benchmark: What to run.
        store: Where the records go.
        workers: Test workers that share the machine.
        here: Run in this process instead of one of its own; the repeat always has its own.
        observers: Told of the run's progress; only if it runs here.
        save_models_to: Where trained models go; nowhere if None.
        watch: Told of the record of a process of its own now and then while it grows.
        repeat: Whether to repeat where the spec asks for it; identity is undecided without.
        fault: What to do wrong on purpose, in the run and in its repeat, by its name in `bertbench.faults`. A session
            never asks for one, so that no normal run is taken for a faulty one, or the other way round.

    Returns:
        The result; a run that failed is a result too, with its reason in the record.

    Raises:
        KeyboardInterrupt: If it was interrupted; the record says so.
        RecordWriteError: If the store cannot be written.
    """
    request = new_request(benchmark, store, workers=workers, save_models_to=save_models_to, fault=fault)
    record = run_request_here(request, observers) if here else run_request(request, watch=watch)
    if reason := _absence(benchmark.spec, record):
        return Result(benchmark, None, None, (), skipped=reason)
    second = None
    if repeat and benchmark.spec.identity.repeat != "no" and record.outcome == "completed":
        again = new_request(_repetition(benchmark), store, workers=workers, repeats=record.run_id, fault=fault)
        second = run_request(again, watch=watch)
    return Result(benchmark, record, second, judge(record, second))


def judge(record: RunRecord, repeat: RunRecord | None) -> tuple[Check, ...]:
    """Hold every promise of a record's spec against it.

    Args:
        record: The run.
        repeat: Its repeat; without one, identity is undecided if the spec promises it and the run completed.
    """
    checks = [_ran(record), judge_recipe(record)]
    checks += [judge_threshold(expect, record) for expect in record.spec.expect]
    checks += [judge_budget(budget, record) for budget in record.spec.budget]
    if record.spec.identity.repeat != "no" and repeat is not None:
        checks.append(judge_repeat(record, repeat))
    elif record.spec.identity.repeat != "no":
        checks.append(_not_repeated(record))
    return tuple(checks)


def result_of(record: RunRecord, store: Store, benchmark: Benchmark | None = None) -> Result:
    """A result again, from the records it came from.

    Args:
        record: The run.
        store: Holds its repeat, if there was one.
        benchmark: What was run; made from the record if not given.
    """
    repeat = store.repeat_of(record.run_id)
    return Result(benchmark or Benchmark(record.spec, Path()), record, repeat, judge(record, repeat))


def with_comparison(result: Result, store: Store, against: Against | None, *, book: bool = False) -> Result:
    """*result* with the checks of every baseline after its promises; as it is if nothing is to be compared.

    Runs nothing. Attempts that were counted are told. Where a run of further seeds is on another ground than the run
    that it continues, that run is compared with the others alone, and nothing passes. Of a spec that was skipped every
    comparison is undecided, and no attempt is counted.

    Args:
        result: What ran.
        store: Where the records and the attempts are.
        against: What to compare with; nothing if None.
        book: Whether to count this as an attempt, if these runs were not judged before.

    Raises:
        RecordError: If what was written of earlier attempts cannot be read.
        RecordWriteError: If the attempt cannot be written.
    """
    if against is None:
        return result
    if result.record is None:
        names = against.names_for(result.benchmark.spec.name, result.benchmark.baselines_folder)
        return _compared_with(result, [Compared(name, *skipped_comparison(name, result.skipped)) for name in names])
    ran = (result.record, *result.further)
    of_one_ground, *others = parted(ran)
    candidate = Candidate(of_one_ground)
    promised = result.benchmark.spec.verdict
    compared = compare_runs(candidate, store, result.benchmark.baselines_folder, against, promised=promised)
    if others:
        compared = tuple(_doubted(one, ran) for one in compared)
    if book:
        book_attempts(compared, candidate, store)
    return _compared_with(result, with_attempts(compared, candidate, store))


def _compared_with(result: Result, compared: Sequence[Compared]) -> Result:
    checks = (*result.checks, *(check for one in compared for check in one.checks))
    return replace(result, checks=checks, compared=tuple(compared))


def run_and_compare(
    benchmark: Benchmark,
    store: Store,
    against: Against | None,
    *,
    workers: int = 1,
    watch: Watch | None = None,
    **how: Any,
) -> Result:
    """Run, repeat, judge; then compare, and run further seeds as far as the next look needs them.

    The spec's seeds come first, since promises are about them. If their bits are the baseline's, that is all. Else the
    seeds that a look lacks are run, in a run of their own, until every baseline has decided or the looks are used up. A
    run on another ground than the first, as after an edit meanwhile, ends that: nothing passes, and no more is run.

    Args:
        benchmark: What to run.
        store: Where the records and the attempts go.
        against: What to compare with; nothing if None.
        workers: Test workers that share the machine.
        watch: Told of records while they grow.
        how: As for `run_benchmark`.

    Raises:
        RecordError: If what was written of earlier attempts cannot be read.
        RecordWriteError: If the store cannot be written.
    """
    if against is not None:
        Ledger(store.folder).attempts()  # what cannot be read is refused now, and not after an hour
    result = run_benchmark(benchmark, store, workers=workers, watch=watch, **how)
    if against is None or result.record is None:
        return with_comparison(result, store, against)
    candidate = Candidate((result.record,))
    while True:
        compared = compare_runs(candidate, store, benchmark.baselines_folder, against, promised=benchmark.spec.verdict)
        wanted = next((one.quality.seeds_wanted for one in compared if one.quality.seeds_wanted), ())
        if not wanted:
            break
        further = with_seeds(benchmark, wanted)
        request = new_request(
            further, store, workers=workers, continues=result.record.run_id, fault=result.record.fault
        )
        ran = (*candidate.records, run_request(request, watch=watch))
        if len(parted(ran)) > 1:
            return with_comparison(replace(result, further=ran[1:]), store, against, book=True)
        ended = Candidate(ran)
        if len(ended.order) == len(candidate.order) and not ended.problem:
            raise RecordError(f"{request.run_id}: ran none of the seeds {wanted}", remedy="bertbench show --all")
        candidate = ended
    return with_comparison(replace(result, further=candidate.records[1:]), store, against, book=True)


def _doubted(compared: Compared, ran: Sequence[RunRecord]) -> Compared:
    identity, quality = doubt_two_grounds(compared.identity, compared.quality, ran)
    shown = compared.shown if quality.outcome == compared.quality.outcome == "fail" else None
    return replace(compared, identity=identity, quality=quality, shown=shown)


def orphaned_baselines(results: Sequence[Result], against: Against, folders: Iterable[Path] = ()) -> tuple[Path, ...]:
    """Baselines whose spec is gone: no spec file whose baselines would lie there has its name.

    What was selected today makes no difference. A spec file that cannot be read has no name.

    Args:
        results: Of all that ran.
        against: Says which baselines.
        folders: Where specs may have been, besides those of the results: a folder whose last spec is gone has none.
    """
    bases = {result.benchmark.base_folder for result in results if result.benchmark.file is not None}
    bases |= {base for folder in folders for base in (folder, folder / "specs")}
    sources: dict[Path, set[Path]] = {}
    for base in bases:
        sources.setdefault(against.folder or baselines_folder(base), set()).add(base)
    orphans = []
    for folder, bases_of_it in sorted(sources.items()):
        if files := [path for name in against.all_names for path in baseline_files(folder, name)]:
            names = {result.benchmark.spec.name for result in results}.union(*map(_spec_names, bases_of_it))
            orphans += [path for path in files if path.name.rpartition("-")[0] not in names]
    return tuple(orphans)


def _spec_names(folder: Path) -> set[str]:
    names = set()
    for path in folder.glob("*.toml"):
        if not path.name.startswith("_"):  # a base for others and no benchmark
            with contextlib.suppress(SpecError):
                names.add(read_spec(path).name)
    return names


def new_request(benchmark: Benchmark, store: Store, **more: Any) -> Request:
    """A new run of *benchmark*, of the code as it is now."""
    return Request(
        spec=benchmark.spec,
        run_id=new_run_id(benchmark.spec.name),
        base_folder=benchmark.base_folder,
        store=store.folder,
        revision=revision_of(benchmark.base_folder.resolve()),
        **more,
    )


def _repetition(benchmark: Benchmark) -> Benchmark:
    """The same spec with the seeds that are run again."""
    seeds = benchmark.spec.training.seeds
    return with_seeds(benchmark, seeds if benchmark.spec.identity.repeat == "every_seed" else seeds[:1])


def with_seeds(benchmark: Benchmark, seeds: tuple[int, ...]) -> Benchmark:
    """The same spec with other seeds; a promise on the bound of a mean, which one seed has not, is left out for one."""
    expect = tuple(promise for promise in benchmark.spec.expect if promise.over != "lower_bound" or len(seeds) > 1)
    training = benchmark.spec.training.model_copy(update={"seeds": seeds})
    spec = benchmark.spec.model_copy(update={"training": training, "expect": expect})
    return Benchmark(spec, benchmark.base_folder, benchmark.file)


def _absence(spec: Spec, record: RunRecord) -> str:
    """Why the spec is skipped: it says so of data or weights that are not there; empty if it is not."""
    kind = record.failure.kind if record.failure else ""
    skips = (kind == DataAbsentError.__name__ and spec.data.when_absent == "skip") or (
        kind == CheckpointAbsentError.__name__ and spec.checkpoint.when_absent == "skip"
    )
    return record.failure.message if record.failure and skips else ""


def _ran(record: RunRecord) -> Check:
    completed = record.outcome == "completed"
    reason = f"{len(record.seeds)} seeds completed" if completed else _what_went_wrong(record)
    return Check(
        name="run",
        kind="run",
        outcome="pass" if completed else "fail",
        observed=record.outcome,
        promised="completed",
        reason=reason,
        next_step="" if completed else f"bertbench show {record.run_id}",
    )


def _what_went_wrong(record: RunRecord) -> str:
    if record.failure is None:
        return f"the run is {record.outcome}"
    return f"{record.failure.kind} in phase {record.failure.phase}: {record.failure.message}"


def _not_repeated(record: RunRecord) -> Check:
    completed = record.outcome == "completed"
    return Check(
        name="identity_on_repeat",
        kind="identity",
        outcome="undecided" if completed else "fail",
        observed="not repeated",
        promised="equal bits",
        reason="no repeat in a fresh process was asked for" if completed else f"the run is {record.outcome}",
        next_step="run without --no-repeat" if completed else f"bertbench show {record.run_id}",
    )
