"""The command `bertbench run`: fine-tune as specs say, judge, compare, record."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bertbench.cli_baseline import add_compare_options, against_of
from bertbench.cli_faults import add_fault_options, refuse_fault
from bertbench.cli_shared import EPILOG, USAGE, Commands, add_store, errors, output, print_verdict, say_aside, status_of
from bertbench.errors import UNUSABLE_INPUT

if TYPE_CHECKING:
    from bertbench.comparing import Against
    from bertbench.store import Store
    from bertbench.suite import Benchmark, Result


def add_run(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add `run` to the command line."""
    run = commands.add_parser("run", help="fine-tune as a spec says, judge, record", epilog=EPILOG)
    run.add_argument("spec", type=Path, nargs="+", metavar="SPEC", help="TOML file")
    run.add_argument("--seeds", metavar="N[,N...]", help="in place of the spec's own: 0,1,2 or 0-4")
    run.add_argument("--engine", metavar="NAME", help="in place of the spec's own: native, keras-hub, ...")
    run.add_argument("--backend", choices=("tensorflow", "jax", "torch"), help="of Keras, in place of the spec's own")
    run.add_argument(
        "--no-repeat", action="store_true", help="do not repeat in a fresh process; identity is then undecided"
    )
    run.add_argument("--logdir", type=Path, metavar="FOLDER", help="TensorBoard logs (STORE/tensorboard)")
    run.add_argument(
        "--save-models", type=Path, metavar="FOLDER", help="save each seed's model, for transformers and KerasHub"
    )
    run.add_argument("--json", type=Path, metavar="FILE", help="write all results here")
    add_compare_options(run)
    add_fault_options(run)
    add_store(run)
    run.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    from bertbench.gated_speed import refuse_missing_base
    from bertbench.project import GATED_SPECS
    from bertbench.report.summary import write_summary
    from bertbench.store import Store
    from bertbench.suite import load_benchmark

    seeds, against = _seeds(options.seeds), against_of(options, options.spec)
    benchmarks = [  # all mistakes before any work
        load_benchmark(path, seeds=seeds, engine=options.engine, backend=options.backend) for path in options.spec
    ]
    refuse_fault(options.fault, [benchmark.spec for benchmark in benchmarks])
    if against is not None:
        specs = {benchmark.spec.name for benchmark in benchmarks}
        against.refuse_more_specs(
            len(specs), setting=f"--gated-specs {len(specs)}, or {GATED_SPECS} in the project's pytest settings"
        )
        if against.speed is not None:
            refuse_missing_base(against.speed, (benchmark.file for benchmark in benchmarks))
    store = Store(options.store)
    results: list[Result] = []
    for benchmark in benchmarks:
        results.append(_run_one(benchmark, store, options, against, here=not results))
        _print_run(results[-1])
    # The verdict first: no view that cannot be written takes it away, nor the other views.
    print_verdict(results)
    if options.json:
        write_summary(options.json, results)
    for result in results:
        _write_logs(result, options)
    return _status(results)


def _run_one(
    benchmark: Benchmark, store: Store, options: argparse.Namespace, against: Against | None, *, here: bool
) -> Result:
    """Run one benchmark, the first in this process, which is still fresh; watched by a progress bar."""
    from bertbench.report.ab_progress import PairProgress
    from bertbench.report.run_progress import RecordProgress, RunProgress
    from bertbench.suite import run_and_compare

    watch = RecordProgress(errors())

    def show_pairs() -> PairProgress:
        watch.stop()  # one bar at a time
        return PairProgress(errors())

    try:
        with RunProgress(errors()) as progress:
            return run_and_compare(
                benchmark,
                store,
                against,
                here=here,
                observers=(progress,),
                save_models_to=_models_folder(benchmark, options),
                watch=watch,
                show_pairs=show_pairs,
                repeat=not options.no_repeat,
                fault=options.fault,
            )
    finally:
        watch.stop()


def _models_folder(benchmark: Benchmark, options: argparse.Namespace) -> Path | None:
    """Where the models of a benchmark go: with several benchmarks, each has a folder of its own."""
    if options.save_models is None or len(options.spec) == 1:
        folder: Path | None = options.save_models
        return folder
    return Path(options.save_models) / benchmark.spec.name


def _print_run(result: Result) -> None:
    from bertbench.report.epoch_table import epoch_table, run_summary

    console = output()
    if result.record is not None:
        if result.record.seeds:
            console.print(epoch_table(result.record.seeds[0]))  # 'bertbench show' has the others
        console.print(run_summary(result.record))


def _write_logs(result: Result, options: argparse.Namespace) -> None:
    """Write TensorBoard's logs; where nobody asked for them, that TensorBoard is not installed is no fault."""
    from bertbench.errors import ReportError
    from bertbench.report.logs import write_logs

    try:
        write_logs(result, options.logdir or options.store / "tensorboard")
    except ReportError as error:
        if options.logdir is not None:
            raise
        say_aside(f"bertbench: no TensorBoard logs: {error}")


def _status(results: list[Result]) -> int:
    """The worst there is; that of a usage error where input could not be used."""
    failures = [result.record.failure for result in results if result.record is not None]
    if any(failure is not None and failure.kind in UNUSABLE_INPUT for failure in failures):
        return USAGE
    return status_of(result.outcome for result in results)


def _seeds(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    from bertbench.errors import SpecError
    from bertbench.seed_list import parse_seeds

    try:
        return parse_seeds(text)
    except ValueError as error:
        raise SpecError(f"--seeds: {error}", remedy="bertbench run SPEC --seeds 0-4") from None
