"""The command `bertbench ab`: is a training step of the candidate slower than the baseline's?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bertbench.cli_shared import (
    EPILOG,
    INTERRUPTED,
    USAGE,
    Commands,
    add_gated_specs,
    add_store,
    errors,
    output,
    say,
    say_aside,
    status_of,
    told_gated_specs,
)
from bertbench.errors import UNUSABLE_INPUT, SideError
from bertbench.sigterm import interrupted_by_sigterm
from bertbench.time_spans import seconds_in

if TYPE_CHECKING:
    from bertbench.ab.fields import AbRecord

_SIDE = "path/to/python, git:REV or SPEC.toml"


def add_ab(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add `ab` to the command line."""
    ab = commands.add_parser("ab", help="is the candidate's training step slower? runs both in turn", epilog=EPILOG)
    ab.add_argument("spec", type=Path, nargs="?", metavar="SPEC", help="TOML file; not needed where both sides are one")
    ab.add_argument("--base", metavar="SIDE", help=f"what to compare with: {_SIDE}")
    ab.add_argument("--cand", metavar="SIDE", help=f"what is judged: {_SIDE}")
    ab.add_argument("--budget", default="10m", metavar="TIME", help="time for all pairs: 90s, 10m, 2h (10m)")
    ab.add_argument("--epochs", type=int, metavar="N", help="in place of the spec's own, on both sides")
    add_gated_specs(ab)
    ab.add_argument("--coin-seed", type=int, metavar="N", help="where the order of pairs comes from (a new one)")
    ab.add_argument("--show", nargs="?", const="latest", metavar="ID", help="show a comparison again (latest)")
    ab.add_argument("--json", type=Path, metavar="FILE", help="write the comparison here, too")
    add_store(ab)
    ab.set_defaults(command=_ab)


def _ab(options: argparse.Namespace) -> int:
    record = _shown(options) if options.show else _compared(options)
    _print(record)
    if options.json:
        from bertbench.ab.files import write_ab

        write_ab(options.json, record)
    return INTERRUPTED if record.interrupted and not options.show else _status(record)


def _shown(options: argparse.Namespace) -> AbRecord:
    from bertbench.ab.files import find_ab

    if options.base or options.cand or options.spec:
        raise SideError("--show prints a comparison that was made; sides were given too", remedy="leave one out")
    return find_ab(options.store, options.show)


def _compared(options: argparse.Namespace) -> AbRecord:
    if not options.base or not options.cand:
        raise SideError(
            f"bertbench ab: {'--base' if not options.base else '--cand'} is missing; {_SIDE} was expected",
            remedy="bertbench ab --base SIDE --cand SIDE SPEC",
        )
    budget_seconds = seconds_of(options.budget)

    import secrets

    from bertbench.ab.comparing import Plan, compare_speed
    from bertbench.ab.sides import open_sides
    from bertbench.report.ab_progress import PairProgress

    if options.spec and all(side.endswith(".toml") for side in (options.base, options.cand)):
        say_aside(f"{options.spec}: is not used: both sides are specs")
    specs = [Path(side) for side in (options.base, options.cand) if side.endswith(".toml")] or [options.spec]
    gated_specs = told_gated_specs(options, [spec.parent for spec in specs if spec])
    coin_seed = secrets.randbits(32) if options.coin_seed is None else options.coin_seed
    plan = Plan(budget_seconds, gated_specs, coin_seed, options.epochs)
    with (
        interrupted_by_sigterm(),
        open_sides(base=options.base, cand=options.cand, spec=options.spec, epochs=options.epochs) as sides,
        PairProgress(errors()) as progress,
    ):
        return compare_speed(sides, options.store, plan, progress=progress)


def seconds_of(budget: str) -> float:
    """Seconds of a time such as `90s`, `10m` or `2h`.

    Raises:
        SideError: If it is none, or none above 0.
    """
    try:
        return seconds_in(budget)
    except ValueError as error:
        raise SideError(f"--budget {error}") from None


def _print(record: AbRecord) -> None:
    from bertbench.report.ab_table import ab_lines, ab_table

    output().print(ab_table(record))
    for line in ab_lines(record):
        say(line)


def _status(record: AbRecord) -> int:
    """Of a baseline whose input cannot be used, that of a usage error."""
    kinds = [crash.failure.kind for crash in record.crashes if crash.side == "base"]
    if any(kind in UNUSABLE_INPUT for kind in kinds):
        return USAGE
    return status_of([record.check.outcome])
