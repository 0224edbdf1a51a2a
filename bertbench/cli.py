"""The command line: `bertbench run | compare | ab | selftest | baseline | show | data | audit | tensorboard | doctor`.

Imports nothing heavy until a command needs it, and is the only place that exits.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bertbench.cli_ab import add_ab
from bertbench.cli_baseline import add_commands, add_compare_options, against_of
from bertbench.cli_faults import add_fault_options, refuse_unknown_fault
from bertbench.cli_selftest import add_selftest
from bertbench.errors import UNUSABLE_INPUT

if TYPE_CHECKING:
    from rich.console import Console

    from bertbench.comparing import Against
    from bertbench.store import Store
    from bertbench.suite import Benchmark, Result

#: Exit statuses, documented in --help.
PASS, FAIL, USAGE, UNDECIDED, INTERRUPTED = 0, 1, 2, 3, 130
#: What shells report of a program whose reader went away.
_NOBODY_READS = 141

_EPILOG = """exit status: 0 pass; 1 fail; 2 usage, or input that cannot be used;
3 undecided, no baseline, skipped or nothing measured; 130 interrupted"""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Parse, run one command, exit."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Like `main`, but give the exit status back."""
    options = _parser().parse_args(arguments)
    from bertbench.errors import BertbenchError

    try:
        status: int = options.command(options)
        sys.stdout.flush()
    except BertbenchError as error:
        _say(f"bertbench: {error}", style="red")
        return USAGE
    except KeyboardInterrupt:
        _say("bertbench: interrupted; the record of a run says so")
        return INTERRUPTED
    except BrokenPipeError:  # somebody closed the pipe we print to: 'bertbench show | head'
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
        return _NOBODY_READS
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bertbench",
        description="Fine-tune BERT under a spec, hold its promises, keep the record.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.set_defaults(command=_version_or_help, parser=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_run(commands)
    add_commands(commands, epilog=_EPILOG)
    add_ab(commands, epilog=_EPILOG)
    add_selftest(commands, epilog=_EPILOG)
    _add_show(commands)
    _add_data(commands)
    _add_audit(commands)
    _add_tensorboard(commands)
    _add_doctor(commands)
    return parser


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", type=Path, default=Path(".bertbench"), metavar="FOLDER", help="records (.bertbench)")


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser("run", help="fine-tune as a spec says, judge, record", epilog=_EPILOG)
    run.add_argument("spec", type=Path, nargs="+", metavar="SPEC", help="TOML file")
    run.add_argument("--seeds", metavar="N[,N...]", help="in place of the spec's own: 0,1,2 or 0-4")
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
    _add_store(run)
    run.set_defaults(command=_run)


def _add_show(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = commands.add_parser("show", help="show a run, or all runs", epilog=_EPILOG)
    show.add_argument(
        "run", nargs="?", default="latest", metavar="RUN", help="id or its beginning, spec name, or 'latest'"
    )
    show.add_argument("--all", action="store_true", help="one line for each run of the store")
    show.add_argument("--seed", type=int, help="epoch table of this seed only")
    _add_store(show)
    show.set_defaults(command=_show)


def _add_data(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    data = commands.add_parser("data", help="read and check a spec's rows, without training", epilog=_EPILOG)
    data.add_argument("spec", type=Path, metavar="SPEC", help="TOML file")
    data.set_defaults(command=_data)


def _add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    audit = commands.add_parser(
        "audit", help="are a spec's thresholds stable over fresh seeds, flaky, or not known?", epilog=_EPILOG
    )
    audit.add_argument("spec", type=Path, metavar="SPEC", help="TOML file")
    _add_store(audit)
    audit.set_defaults(command=_audit)


def _add_tensorboard(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    board = commands.add_parser("tensorboard", help="write the store's runs as logs and serve them")
    board.add_argument("--logdir", type=Path, metavar="FOLDER", help="where logs are (STORE/tensorboard)")
    board.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    board.add_argument("--port", type=int, default=6006, help="port to listen on (6006); 0 chooses a free one")
    board.add_argument("--write-only", action="store_true", help="write the logs and do not serve")
    _add_store(board)
    board.set_defaults(command=_tensorboard)


def _add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser("doctor", help="what this machine has, lacks, and how to get it", epilog=_EPILOG)
    doctor.set_defaults(command=_doctor)


def _version_or_help(options: argparse.Namespace) -> int:
    if options.version:
        from bertbench.version import VERSION

        sys.stdout.write(f"bertbench {VERSION}\n")
        return PASS
    options.parser.print_help()
    return USAGE


def _run(options: argparse.Namespace) -> int:
    from bertbench.report.summary import write_summary
    from bertbench.store import Store
    from bertbench.suite import load_benchmark

    seeds, against = _seeds(options.seeds), against_of(options)
    refuse_unknown_fault(options.fault)
    benchmarks = [load_benchmark(path, seeds=seeds) for path in options.spec]  # all mistakes before any work
    store, console = Store(options.store), _console()
    results: list[Result] = []
    for benchmark in benchmarks:
        results.append(_run_one(benchmark, store, options, against, here=not results))
        _print_run(console, results[-1])
    # The verdict first: no view that cannot be written takes it away, nor the other views.
    _print_verdict(console, results)
    if options.json:
        write_summary(options.json, results)
    for result in results:
        _write_logs(result, options)
    return _status(results)


def _run_one(
    benchmark: Benchmark, store: Store, options: argparse.Namespace, against: Against | None, *, here: bool
) -> Result:
    """Run one benchmark, the first in this process, which is still fresh; watched by a progress bar."""
    from bertbench.report.run_progress import RecordProgress, RunProgress
    from bertbench.suite import run_and_compare

    watch = RecordProgress(_errors())
    try:
        with RunProgress(_errors()) as progress:
            return run_and_compare(
                benchmark,
                store,
                against,
                here=here,
                observers=(progress,),
                save_models_to=_models_folder(benchmark, options),
                watch=watch,
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


def _print_run(console: Console, result: Result) -> None:
    from bertbench.report.epoch_table import epoch_table, run_summary

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
        _say(f"bertbench: no TensorBoard logs: {error}")


def _show(options: argparse.Namespace) -> int:
    from bertbench.errors import RecordError
    from bertbench.report.epoch_table import epoch_table, run_summary
    from bertbench.report.run_list import run_list
    from bertbench.store import Store
    from bertbench.suite import result_of

    store, console = Store(options.store), _console()
    if options.all:
        entries = store.entries()
        console.print(run_list(entries) if entries else f"{store.folder}: holds no runs", markup=False, highlight=False)
        return PASS
    entry = store.find(options.run)
    record = entry.record
    if record is None:
        raise RecordError(f"{entry.run_id}: unreadable: {entry.problem}", remedy="run the spec again")
    if options.seed is not None and options.seed not in [seed.seed for seed in record.seeds]:
        ran = ", ".join(str(seed.seed) for seed in record.seeds) or "none"
        raise RecordError(f"{record.run_id}: seed {options.seed} did not run; seeds that did: {ran}")
    console.print(run_summary(record))
    for seed in record.seeds:
        if options.seed in (None, seed.seed) and seed.epochs:
            console.print(epoch_table(seed))
    if entry.status == "killed":
        console.print(f"killed: process {record.process.pid} is gone; this is as far as it got", style="bold red")
    elif entry.status != "running":  # of a run that goes on nothing can be said yet
        _print_promises(console, [result_of(record, store)])
    return PASS


def _data(options: argparse.Namespace) -> int:
    from bertbench.data import remedies
    from bertbench.report.data_table import data_table
    from bertbench.suite import load_benchmark
    from bertbench.training import read_inputs

    benchmark = load_benchmark(options.spec)
    inputs = read_inputs(benchmark.spec, base_folder=benchmark.base_folder)
    console = _console()
    console.print(data_table(inputs.data_facts()))
    for remedy in remedies(inputs.findings):
        console.print(f"remedy: {remedy}", markup=False, highlight=False, soft_wrap=True)
    return FAIL if any(finding.severity == "hard" for finding in inputs.findings) else PASS


def _audit(options: argparse.Namespace) -> int:
    from bertbench.report.audit_table import audit_sentence, audit_table
    from bertbench.store import Store
    from bertbench.suite import load_benchmark
    from bertbench.verdict.audit import audit_thresholds

    spec = load_benchmark(options.spec).spec
    runs = Store(options.store).runs_of(spec)
    audited = audit_thresholds(spec, runs)
    console = _console()
    console.print(audit_table(audited))
    for threshold in audited:
        console.print(audit_sentence(threshold), markup=False, highlight=False, soft_wrap=True)
    if not runs:
        _say(f"{options.store}: no completed run of this recipe; bertbench run {options.spec} --seeds 0-19 --no-repeat")
    words = {threshold.word for threshold in audited}
    return FAIL if "shown flaky" in words else PASS if words == {"shown stable"} else UNDECIDED


def _tensorboard(options: argparse.Namespace) -> int:
    from bertbench.report.logs import write_store_logs
    from bertbench.store import Store

    logdir = options.logdir or options.store / "tensorboard"
    written = write_store_logs(Store(options.store), logdir)
    _say(f"{written} runs in {logdir}")
    if not options.write_only:
        from bertbench.report.tensorboard import serve

        serve(logdir, host=options.host, port=options.port)
    return PASS


def _doctor(options: argparse.Namespace) -> int:
    del options
    from bertbench.report.doctor import doctor_table, examine

    findings = examine()
    _console().print(doctor_table(findings))
    return PASS if all(finding.present or finding.optional for finding in findings) else FAIL


def _print_verdict(console: Console, results: list[Result]) -> None:
    from bertbench.report.one_verdict import comparison_tables, one_sentence
    from bertbench.report.verdict_table import verdict_sentence

    _print_promises(console, results)
    for table in comparison_tables(results):
        console.print(table)
    console.print(verdict_sentence(results), markup=False, highlight=False)
    if sentence := one_sentence(results):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _print_promises(console: Console, results: list[Result]) -> None:
    from bertbench.report.verdict_table import verdict_reasons, verdict_table

    console.print(verdict_table(results))
    for reason in verdict_reasons(results):
        console.print(reason, markup=False, highlight=False, soft_wrap=True)


def _status(results: list[Result]) -> int:
    """The worst there is; a pass only if every benchmark passes."""
    failures = [result.record.failure for result in results if result.record is not None]
    if any(failure is not None and failure.kind in UNUSABLE_INPUT for failure in failures):
        return USAGE
    outcomes = {result.outcome for result in results}
    if "fail" in outcomes:
        return FAIL
    return PASS if outcomes == {"pass"} else UNDECIDED


def _seeds(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    from bertbench.errors import SpecError
    from bertbench.seed_list import parse_seeds

    try:
        return parse_seeds(text)
    except ValueError as error:
        raise SpecError(f"--seeds: {error}", remedy="bertbench run SPEC --seeds 0-4") from None


def _console() -> Console:
    """Standard output; who stops reading it is noticed by `run`, not by rich."""
    from rich.console import Console

    class Output(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Output()


def _errors() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def _say(text: str, *, style: str | None = None) -> None:
    """One message on standard error, in whole lines: nothing breaks a path or a command in two."""
    _errors().print(text, style=style, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":  # else 'python -m bertbench.cli run SPEC' would do nothing and exit 0
    main()
