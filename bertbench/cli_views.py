"""The commands that train nothing: `bertbench show | data | audit | tensorboard | doctor`."""

from __future__ import annotations

import argparse
from pathlib import Path

from bertbench.cli_shared import (
    EPILOG,
    FAIL,
    PASS,
    UNDECIDED,
    Commands,
    add_store,
    output,
    print_promises,
    say,
    say_aside,
)


def add_views(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add `show`, `data`, `audit`, `tensorboard` and `doctor` to the command line."""
    _add_show(commands)
    _add_data(commands)
    _add_audit(commands)
    _add_tensorboard(commands)
    _add_doctor(commands)


def _add_show(commands: Commands[argparse.ArgumentParser]) -> None:
    show = commands.add_parser("show", help="show a run, or all runs", epilog=EPILOG)
    show.add_argument(
        "run", nargs="?", default="latest", metavar="RUN", help="id or its beginning, spec name, or 'latest'"
    )
    show.add_argument("--all", action="store_true", help="one line for each run of the store")
    show.add_argument("--seed", type=int, help="epoch table of this seed only")
    add_store(show)
    show.set_defaults(command=_show)


def _add_data(commands: Commands[argparse.ArgumentParser]) -> None:
    data = commands.add_parser("data", help="read and check a spec's rows, without training", epilog=EPILOG)
    data.add_argument("spec", type=Path, metavar="SPEC", help="TOML file")
    data.set_defaults(command=_data)


def _add_audit(commands: Commands[argparse.ArgumentParser]) -> None:
    audit = commands.add_parser(
        "audit", help="are a spec's thresholds stable over fresh seeds, flaky, or not known?", epilog=EPILOG
    )
    audit.add_argument("spec", type=Path, metavar="SPEC", help="TOML file")
    add_store(audit)
    audit.set_defaults(command=_audit)


def _add_tensorboard(commands: Commands[argparse.ArgumentParser]) -> None:
    board = commands.add_parser("tensorboard", help="write the store's runs as logs and serve them")
    board.add_argument("--logdir", type=Path, metavar="FOLDER", help="where logs are (STORE/tensorboard)")
    board.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    board.add_argument("--port", type=int, default=6006, help="port to listen on (6006); 0 chooses a free one")
    board.add_argument("--write-only", action="store_true", help="write the logs and do not serve")
    add_store(board)
    board.set_defaults(command=_tensorboard)


def _add_doctor(commands: Commands[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser("doctor", help="what this machine has, lacks, and how to get it", epilog=EPILOG)
    doctor.set_defaults(command=_doctor)


def _show(options: argparse.Namespace) -> int:
    from bertbench.errors import RecordError
    from bertbench.report.epoch_table import epoch_table, run_summary
    from bertbench.report.run_list import run_list
    from bertbench.store import Store
    from bertbench.suite import result_of

    store, console = Store(options.store), output()
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
        result = result_of(record, store)
        print_promises([result])
        for check in result.checks:
            for line in check.details:
                say(f"{check.name}: {line}")
    return PASS


def _data(options: argparse.Namespace) -> int:
    from bertbench.data import remedies
    from bertbench.report.data_table import data_table
    from bertbench.suite import load_benchmark
    from bertbench.training import read_inputs

    benchmark = load_benchmark(options.spec)
    inputs = read_inputs(benchmark.spec, base_folder=benchmark.base_folder)
    output().print(data_table(inputs.data_facts()))
    for remedy in remedies(inputs.findings):
        say(f"remedy: {remedy}")
    return FAIL if any(finding.severity == "hard" for finding in inputs.findings) else PASS


def _audit(options: argparse.Namespace) -> int:
    from bertbench.report.audit_table import audit_sentences, audit_table, left_out_line
    from bertbench.store import Store
    from bertbench.suite import load_benchmark
    from bertbench.verdict.audit import audit_spec

    spec = load_benchmark(options.spec).spec
    runs = Store(options.store).runs_of(spec, completed=False)
    if not spec.expect:
        say(f"nothing to audit: {spec.name} promises nothing about quality: no [[expect]]")
        return UNDECIDED
    if not runs:
        say(f"nothing to audit: {options.store}: no run of {spec.name} as it now stands in which a seed came to an end")
        say_aside(f"bertbench run {options.spec} --seeds 0-19 --no-repeat")
        return UNDECIDED
    audit = audit_spec(spec, runs)
    output().print(audit_table(audit.thresholds))
    for threshold in audit.thresholds:
        for sentence in audit_sentences(threshold):
            say(sentence)
    for left_out in audit.left_out:
        say(left_out_line(left_out))
    words = {threshold.word for threshold in audit.thresholds}
    return FAIL if "shown flaky" in words else PASS if words == {"shown stable"} else UNDECIDED


def _tensorboard(options: argparse.Namespace) -> int:
    from bertbench.report.logs import write_store_logs
    from bertbench.store import Store

    logdir = options.logdir or options.store / "tensorboard"
    written = write_store_logs(Store(options.store), logdir)
    say_aside(f"{written} runs in {logdir}")
    if not options.write_only:
        from bertbench.report.tensorboard import serve

        serve(logdir, host=options.host, port=options.port)
    return PASS


def _doctor(options: argparse.Namespace) -> int:
    del options
    from bertbench.report.doctor import doctor_table, examine

    findings = examine()
    output().print(doctor_table(findings))
    return PASS if all(finding.present or finding.optional for finding in findings) else FAIL
