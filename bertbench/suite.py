"""A benchmark run and judged: the only place that strings the rooms together.

A spec runs in a process of its own, so that nothing loaded before can change its bits, a crash takes nobody along, and
peak memory is its own. The repeat that identity is judged by is one more such process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bertbench.attempts import Ledger
from bertbench.baseline import baselines_folder, revision_of
from bertbench.baseline.ground import parted
from bertbench.comparing import Against, Compared, book_attempts, compare_runs, with_attempts
from bertbench.errors import CheckpointAbsentError, DataAbsentError, RecordError
from bertbench.gated_speed import (
    GatedSpeed,
    ShowPairs,
    measure_speed,
    refuse_unreadable_attempts,
    unmeasured_speed,
)
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
    hold_recipes,
    judge_run,
    locks_of,
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
        chosen: Fields of the recipe that took the place of the file's own, such as `engine`.
    """

    spec: Spec
    base_folder: Path
    file: Path | None = None
    chosen: tuple[tuple[str, object], ...] = ()

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
        speed: Where speed is gated; its check is among `checks`.
    """

    benchmark: Benchmark
    record: RunRecord | None
    repeat: RunRecord | None
    checks: tuple[Check, ...]
    skipped: str = ""
    further: tuple[RunRecord, ...] = ()
    compared: tuple[Compared, ...] = ()
    speed: GatedSpeed | None = None

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
    recipe = tuple((field, value) for field, value in changed.items() if field != "training.seeds")
    return Benchmark(spec, base_folder, file, recipe)


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
    return Result(benchmark, record, second, judge_run(record, second))


def result_of(record: RunRecord, store: Store, benchmark: Benchmark | None = None) -> Result:
    """A result again, from the records it came from.

    Args:
        record: The run.
        store: Holds its repeat, if there was one.
        benchmark: What was run; made from the record if not given.
    """
    repeat = store.repeat_of(record.run_id)
    return Result(benchmark or Benchmark(record.spec, Path()), record, repeat, judge_run(record, repeat))


def with_comparison(result: Result, store: Store, against: Against | None, *, book: bool = False) -> Result:
    """*result* with the checks of every baseline after its promises; as it is if nothing is to be compared.

    Runs nothing: where speed is gated and was not compared, it is undecided. Attempts that were counted are told. Where
    a run of further seeds is on another ground than the run that it continues, that run is compared with the others
    alone, and nothing passes. Nor does anything where a run that is counted drifted from its recipe; as an attempt it
    counts by its quality alone. Of a spec that was skipped every comparison is undecided, and no attempt is counted.

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
        skipped = [Compared(name, *skipped_comparison(name, result.skipped)) for name in names]
        return _compared_with(result, skipped, against)
    ran = (result.record, *result.further)
    of_one_ground, *others = parted(ran)
    candidate = Candidate(of_one_ground)
    promised = result.benchmark.spec.verdict
    compared = compare_runs(candidate, store, result.benchmark.baselines_folder, against, promised=promised)
    if others:
        compared = tuple(_with_checks(one, *doubt_two_grounds(*one.checks, ran)) for one in compared)
    if book:
        book_attempts(compared, candidate, store)
    compared = with_attempts(compared, candidate, store)
    locks = locks_of(candidate.records)
    return _compared_with(result, [_with_checks(one, *hold_recipes(*one.checks, locks)) for one in compared], against)


def _compared_with(result: Result, compared: Sequence[Compared], against: Against) -> Result:
    checks = (*result.checks, *(check for one in compared for check in one.checks))
    if against.speed is None:
        return replace(result, checks=checks, compared=tuple(compared))
    speed = result.speed or unmeasured_speed(against.speed, skipped=result.skipped)
    return replace(result, checks=(*checks, speed.check), compared=tuple(compared), speed=speed)


def run_and_compare(
    benchmark: Benchmark,
    store: Store,
    against: Against | None,
    *,
    workers: int = 1,
    watch: Watch | None = None,
    show_pairs: ShowPairs | None = None,
    **how: Any,
) -> Result:
    """Run, repeat, judge; then compare, and run what that needs: further seeds, and pairs of processes for speed.

    The spec's seeds come first, since promises are about them. If their bits are the baseline's, that is all. Else the
    seeds that a look lacks are run, in a run of their own, until every baseline has decided or the looks are used up. A
    run on another ground than the first, as after an edit meanwhile, ends that: nothing passes, and no more is run.

    Args:
        benchmark: What to run.
        store: Where the records and the attempts go.
        against: What to compare with; nothing if None.
        workers: Test workers that share the machine.
        watch: Told of records while they grow.
        show_pairs: Told of pairs of processes, where speed is gated.
        how: As for `run_benchmark`.

    Raises:
        RecordError: If what was written of earlier attempts cannot be read.
        RecordWriteError: If the store cannot be written.
    """
    if against is not None:
        Ledger(store.folder).attempts()  # what cannot be read is refused now, and not after an hour
        refuse_unreadable_attempts(store)
    result = run_benchmark(benchmark, store, workers=workers, watch=watch, **how)
    record = result.record
    if against is None or record is None:
        return with_comparison(result, store, against)
    result = replace(result, further=_further_seeds(benchmark, record, store, against, workers, watch))
    if against.speed is not None:
        with_comparison(result, store, against, book=True)  # whatever ends the pairs, quality's attempt is counted
        speed = measure_speed(
            benchmark.file,
            record,
            store,
            against.speed,
            gated_specs=against.gated_specs,
            changes=dict(benchmark.chosen),
            workers=workers,
            show_pairs=show_pairs,
        )
        result = replace(result, speed=speed)
    return with_comparison(result, store, against, book=True)


def _further_seeds(
    benchmark: Benchmark, first: RunRecord, store: Store, against: Against, workers: int, watch: Watch | None
) -> tuple[RunRecord, ...]:
    """Runs of the seeds that looks need, one after the other; the last may be on another ground, which ends it."""
    candidate = Candidate((first,))
    while True:
        compared = compare_runs(candidate, store, benchmark.baselines_folder, against, promised=benchmark.spec.verdict)
        wanted = next((one.quality.seeds_wanted for one in compared if one.quality.seeds_wanted), ())
        if not wanted:
            return candidate.records[1:]
        further = with_seeds(benchmark, wanted)
        request = new_request(further, store, workers=workers, continues=first.run_id, fault=first.fault)
        ran = (*candidate.records, run_request(request, watch=watch))
        if len(parted(ran)) > 1:
            return ran[1:]
        ended = Candidate(ran)
        if len(ended.order) == len(candidate.order) and not ended.problem:
            raise RecordError(f"{request.run_id}: ran none of the seeds {wanted}", remedy="bertbench show --all")
        candidate = ended


def _with_checks(compared: Compared, identity: Check, quality: Check) -> Compared:
    """What is now known of a comparison; what was shown beside it stays where it is as it was, or a fail as before."""
    stays = quality == compared.quality or quality.outcome == compared.quality.outcome == "fail"
    shown = compared.shown if stays else None
    return replace(compared, identity=identity, quality=quality, shown=shown)


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
