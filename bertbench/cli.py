"""The command line: `bertbench run | show | data | tensorboard | doctor`.

Imports nothing heavy until a command needs it, and is the only place that exits.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from rich.console import Console

    from bertbench.suite import Result

#: Exit statuses, documented in --help.
PASS, FAIL, USAGE, UNDECIDED, INTERRUPTED = 0, 1, 2, 3, 130

_EPILOG = """exit status: 0 pass; 1 fail; 2 usage, or input that cannot be used;
3 undecided, skipped or nothing measured; 130 interrupted"""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Parse, run one command, exit."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Like `main`, but give the exit status back."""
    options = _parser().parse_args(arguments)
    from bertbench.errors import BertbenchError

    try:
        status: int = options.command(options)
    except BertbenchError as error:
        _errors().print(f"bertbench: {error}", style="red", markup=False, highlight=False)
        return USAGE
    except KeyboardInterrupt:
        _errors().print("bertbench: interrupted; the record says so", markup=False)
        return INTERRUPTED
    except BrokenPipeError:  # somebody closed the pipe we print to: 'bertbench show | head'
        sys.stderr.close()
        return PASS
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
    _add_show(commands)
    _add_data(commands)
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
        "--no-repeat", action="store_true", help="do not repeat in a fresh process; identity is then not judged"
    )
    run.add_argument("--logdir", type=Path, metavar="FOLDER", help="TensorBoard logs (STORE/tensorboard)")
    run.add_argument(
        "--save-models", type=Path, metavar="FOLDER", help="save each seed's model, for transformers and KerasHub"
    )
    run.add_argument("--json", type=Path, metavar="FILE", help="write all results here")
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
    from bertbench.report.logs import write_logs
    from bertbench.report.summary import write_summary
    from bertbench.spec import override
    from bertbench.store import Store
    from bertbench.suite import Benchmark, load_benchmark

    seeds = _seeds(options.seeds)
    benchmarks = [load_benchmark(path, seeds=seeds) for path in options.spec]  # all mistakes before any work
    if options.no_repeat:
        benchmarks = [Benchmark(override(b.spec, {"identity.repeat": "no"}), b.base_folder, b.file) for b in benchmarks]
    store = Store(options.store)
    console = _console()
    results = []
    for benchmark in benchmarks:
        result = _run_one(benchmark, store, console, save_models_to=options.save_models)
        write_logs(result, options.logdir or options.store / "tensorboard")
        results.append(result)
    if options.json:
        write_summary(options.json, results)
    _print_verdict(console, results)
    return _status(results)


def _run_one(benchmark: object, store: object, console: Console, *, save_models_to: Path | None) -> Result:
    from bertbench.report.epoch_table import epoch_table, run_summary
    from bertbench.report.run_progress import RunProgress
    from bertbench.suite import run_benchmark

    with RunProgress(_errors()) as progress:
        result = run_benchmark(
            benchmark,  # type: ignore[arg-type]  # typed at the only caller; importing the type here costs start-up
            store,  # type: ignore[arg-type]
            here=True,
            observers=(progress,),
            save_models_to=save_models_to,
        )
    if result.record is not None:
        if result.record.seeds:
            console.print(epoch_table(result.record.seeds[0]))  # 'bertbench show' has the others
        console.print(run_summary(result.record))
    return result


def _show(options: argparse.Namespace) -> int:
    from bertbench.report.epoch_table import epoch_table, run_summary
    from bertbench.report.run_list import run_list
    from bertbench.report.verdict_table import verdict_reasons, verdict_table
    from bertbench.store import Store
    from bertbench.suite import result_of

    store, console = Store(options.store), _console()
    if options.all:
        console.print(run_list(store.entries()))
        return PASS
    entry = store.find(options.run)
    if entry.record is None:
        _errors().print(f"{entry.run_id}: unreadable: {entry.problem}", markup=False)
        return FAIL
    console.print(run_summary(entry.record))
    if entry.status != entry.record.outcome:
        console.print(
            f"{entry.status}: process {entry.record.process.pid} is gone; this is as far as it got", style="bold red"
        )
    for seed in entry.record.seeds:
        if options.seed in (None, seed.seed) and seed.epochs:
            console.print(epoch_table(seed))
    result = result_of(entry.record, store)
    console.print(verdict_table([result]))
    for reason in verdict_reasons([result]):
        console.print(reason, markup=False, highlight=False, soft_wrap=True)
    return PASS


def _data(options: argparse.Namespace) -> int:
    from bertbench.report.data_table import data_table
    from bertbench.suite import load_benchmark
    from bertbench.training import read_inputs

    benchmark = load_benchmark(options.spec)
    facts = read_inputs(benchmark.spec, base_folder=benchmark.base_folder).data_facts()
    _console().print(data_table(facts))
    return FAIL if any(finding.severity == "hard" for finding in facts.findings) else PASS


def _tensorboard(options: argparse.Namespace) -> int:
    from bertbench.report.logs import write_store_logs
    from bertbench.store import Store

    logdir = options.logdir or options.store / "tensorboard"
    written = write_store_logs(Store(options.store), logdir)
    _errors().print(f"{written} runs in {logdir}", markup=False)
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
    from bertbench.report.verdict_table import verdict_reasons, verdict_sentence, verdict_table

    console.print(verdict_table(results))
    for reason in verdict_reasons(results):
        console.print(reason, markup=False, highlight=False, soft_wrap=True)
    console.print(verdict_sentence(results), markup=False, highlight=False)


def _status(results: list[Result]) -> int:
    from bertbench.verdict import overall

    if any(result.skipped for result in results):
        outcomes = [result.outcome for result in results]
        return FAIL if "fail" in outcomes else UNDECIDED
    outcome = overall(check for result in results for check in result.checks)
    return {"pass": PASS, "fail": FAIL}.get(outcome, UNDECIDED)


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
    from rich.console import Console

    return Console()


def _errors() -> Console:
    from rich.console import Console

    return Console(stderr=True)
