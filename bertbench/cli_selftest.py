"""The commands `bertbench selftest`, which asks whether the verdict keeps its promises here, and `selftest-sum`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bertbench.cli_ab import seconds_of
from bertbench.cli_shared import (
    EPILOG,
    INTERRUPTED,
    Commands,
    add_gated_specs,
    errors,
    output,
    say,
    status_of,
    told_gated_specs,
)
from bertbench.sigterm import interrupted_by_sigterm

if TYPE_CHECKING:
    from bertbench.selftest.record import SelfTest
    from bertbench.suite import Benchmark

#: As in `bertbench.selftest.plan`, without loading scipy.
_PARTS = ("seeds", "processes", "trials", "faults", "speed")
_REPORT = "selftest.md"


def add_selftest(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add `selftest` to the command line."""
    selftest = commands.add_parser(
        "selftest", help="does the verdict keep its promises on this machine? measures and says", epilog=EPILOG
    )
    selftest.add_argument("spec", type=Path, nargs="?", metavar="SPEC", help="TOML file (a small one that comes along)")
    selftest.add_argument("--budget", default="10m", metavar="TIME", help="time for everything: 90s, 10m, 2h (10m)")
    selftest.add_argument(
        "--out", type=Path, default=Path(".bertbench/selftest"), metavar="FOLDER", help="results (.bertbench/selftest)"
    )
    selftest.add_argument(
        "--parts", default=",".join(_PARTS), metavar="NAME[,NAME...]", help=f"only these (all: {', '.join(_PARTS)})"
    )
    add_gated_specs(selftest)
    selftest.add_argument("--trials", type=int, default=1_000, metavar="N", help="fresh trials at most (1000)")
    selftest.add_argument(
        "--candidates-per-bank",
        type=int,
        default=1,
        metavar="N",
        help="trials that share a bank; above 1 cheaper and not independent (1)",
    )
    selftest.add_argument("--fault-seeds", type=int, metavar="N", help="seeds with each fault (as many as fit)")
    selftest.add_argument(
        "--faults", metavar="NAME[,NAME...]", help="put in only these (all that bertbench run --list-faults lists)"
    )
    selftest.add_argument(
        "--first-seed",
        type=int,
        default=1,
        metavar="N",
        help="run no smaller seed; a report says where the next begins, so that trials of several days add up (1)",
    )
    selftest.add_argument("--random-seed", type=int, default=0, metavar="N", help="of simulated draws and coins (0)")
    selftest.set_defaults(command=_selftest)
    _add_sum(commands)


def _add_sum(commands: Commands[argparse.ArgumentParser]) -> None:
    total = commands.add_parser(
        "selftest-sum",
        help="fresh trials and faults of several self-tests, counted together; runs nothing",
        epilog=EPILOG,
    )
    total.add_argument("reports", type=Path, nargs="+", metavar="FOLDER", help="of a self-test, with its selftest.json")
    total.add_argument("--markdown", type=Path, metavar="FILE", help="write the whole of it here, as a page")
    total.set_defaults(command=_sum)


def _selftest(options: argparse.Namespace) -> int:
    budget_seconds = seconds_of(options.budget)

    from bertbench.atomic import write_text
    from bertbench.faults import CATALOGUE
    from bertbench.report.progress import ProgressBar
    from bertbench.report.selftest_report import selftest_lines, selftest_markdown, selftest_terminal
    from bertbench.selftest.record import FILE_NAME, write_selftest
    from bertbench.selftest.session import self_test
    from bertbench.selftest.settings import Settings

    settings = Settings(
        budget_seconds,
        parts=_names(options.parts),
        gated_specs=told_gated_specs(options, [options.spec.parent] if options.spec else []),
        random_seed=options.random_seed,
        most_trials=options.trials,
        candidates_per_bank=options.candidates_per_bank,
        fault_seeds=options.fault_seeds,
        first_seed=options.first_seed,
        faults=None if options.faults is None else _names(options.faults),
    )

    def keep(found: SelfTest, folder: Path) -> None:
        write_selftest(folder, found)
        write_text(folder / _REPORT, selftest_markdown(found))

    with interrupted_by_sigterm():
        with ProgressBar(errors()) as bar:
            found, folder = self_test(
                _benchmark(options.spec),
                options.out,
                settings,
                faults=tuple(CATALOGUE.values()),
                told=lambda words: bar.start(None, words),
                keep=keep,
            )
        keep(found, folder)
    output().print(selftest_terminal(found))
    for line in (f"{folder / _REPORT}, {folder / FILE_NAME}", *selftest_lines(found)):
        say(line)
    return INTERRUPTED if found.interrupted else status_of([found.outcome])


def _sum(options: argparse.Namespace) -> int:
    from bertbench.atomic import write_text
    from bertbench.report.selftest_report import selftest_lines, selftest_terminal
    from bertbench.report.selftest_sum_report import sum_markdown
    from bertbench.selftest.adding import added_up
    from bertbench.selftest.record import FILE_NAME, read_selftest

    reports = [read_selftest(path / FILE_NAME if path.is_dir() else path) for path in options.reports]
    total = added_up(reports)
    output().print(selftest_terminal(total))
    for line in (f"self-tests counted together: {len(reports)}", *selftest_lines(total)):
        say(line)
    if options.markdown:
        write_text(options.markdown, sum_markdown(reports, total))
    return status_of([total.outcome])


def _names(given: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in given.split(","))


def _benchmark(spec: Path | None) -> Benchmark:
    from bertbench.suite import load_benchmark

    if spec is not None:
        return load_benchmark(spec)
    from importlib.resources import as_file, files

    with as_file(files("bertbench.selftest") / "default.toml") as path:
        return load_benchmark(path)
