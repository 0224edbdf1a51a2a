"""Trials of the speed gate on this machine: `python benchmarks/speed_trials.py --rounds 40 --keep times.jsonl`.

A round is one process without a fault and one with each fault, or each of `--faults`, in an order that a coin decides.
Processes are dear: a round is added to a file as soon as it is over, a later call adds more, and the table is made from
all that the file holds. The first round of a call fills caches and is not kept, as in `bertbench ab`. A round in which
the machine was disturbed, by its own signals alone, is kept and counted, and the next one takes its place in the
trials, as there.

The gate itself, `stats.speed_rule`, is asked twice of the same pairs: in trials that use each pair once, in the order
of measurement, and in trials that draw their pairs at random from all. The second rate is steadier; its trials share
pairs, so it has no exact interval.

The slowdown that a fault came to is itself an estimate, above what its name says or below. So each candidate has a
second row in which its pairs are moved, all by one amount, until the estimate is what the name says: the spread and the
tails of this machine, with a slowdown that is known.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bertbench.ab.fields import GATED
from bertbench.ab.measuring import values_of
from bertbench.machine_watch import MachineWatch, disturbances
from bertbench.processes import Request, run_request
from bertbench.spec import Spec, read_spec
from bertbench.stats import exact_rate
from bertbench.stats.speed_plan import pairs_needed, process_spread, spread_if_unchanged
from bertbench.stats.speed_rule import PairedDifferences, SpeedLook, SpeedSeries, look_at, looks_in_turn
from bertbench.training import new_run_id
from bertbench.verdict.speed_comparison import speed_rule

CLEAN = "clean"
#: By how much the fault slows a step, as its name says.
SLOWDOWNS = {"steps-5-percent-slower": 0.05, "steps-2-percent-slower": 0.02}
SEED = 1
DRAWS = 2_000
RULE = speed_rule()


def main() -> None:
    """Measure the rounds that are asked for, then show all that was ever kept."""
    options = _options()
    spec = _one_seed(read_spec(options.spec))
    generator = np.random.default_rng()
    for number in range(options.rounds + 1 if options.rounds else 0):
        order = [str(side) for side in generator.permutation([CLEAN, *options.faults])]
        seconds, disturbed = _round(spec, options.spec.parent, options.store, order)
        sys.stderr.write(f"round {number} of {options.rounds}: {seconds} {'; '.join(disturbed)}\n")
        if number:
            with options.keep.open("a") as lines:
                lines.write(json.dumps({"order": order, "seconds": seconds, "disturbed": disturbed}) + "\n")
    _show([json.loads(line) for line in options.keep.read_text().splitlines()])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=0, help="to add (0: only show what is kept)")
    parser.add_argument("--keep", type=Path, required=True, help="JSON lines, one for each round; added to")
    parser.add_argument("--faults", type=_faults, default=tuple(SLOWDOWNS), help=f"of a round ({','.join(SLOWDOWNS)})")
    parser.add_argument("--spec", type=Path, default=Path(__file__).parent / "specs" / "seed_card.toml")
    parser.add_argument("--store", type=Path, default=Path(".bertbench/speed_trials"), help="of the records")
    return parser.parse_args()


def _faults(names: str) -> tuple[str, ...]:
    chosen = tuple(names.split(","))
    if unknown := [name for name in chosen if name not in SLOWDOWNS]:
        expected = ", ".join(SLOWDOWNS)
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)!r} was given, some of {expected} were expected")
    return chosen


def _one_seed(spec: Spec) -> Spec:
    """What `bertbench ab` runs of a spec: one seed, nothing promised."""
    training = spec.training.model_copy(update={"seeds": (SEED,)})
    identity = spec.identity.model_copy(update={"repeat": "no"})
    return spec.model_copy(update={"training": training, "expect": (), "budget": (), "identity": identity})


def _round(spec: Spec, folder: Path, store: Path, order: Sequence[str]) -> tuple[dict[str, float], list[str]]:
    """Median step time of a process of each side, and what the machine says against any of them."""
    seconds, readings = {}, {}
    for side in order:
        run_id = new_run_id(f"{spec.name}-{side}")
        request = Request(
            spec=spec,
            run_id=run_id,
            base_folder=folder.resolve(),
            store=store.resolve(),
            fault=None if side == CLEAN else side,
        )
        watch = MachineWatch()
        watch.start()
        record = run_request(request)
        readings[side] = watch.stop()
        value = values_of(record)[GATED]
        if record.outcome != "completed" or value is None:
            sys.exit(f"{run_id}: {record.failure}")
        seconds[side] = value
    fastest = max(readings.values(), key=lambda reading: reading.frequency_megahertz or 0.0)
    said = {f"{side}: {word}" for side, reading in readings.items() for word in disturbances(reading, fastest)}
    return seconds, sorted(said)


def _show(rounds: Sequence[dict[str, Any]]) -> None:
    times = [one["seconds"] for one in rounds if not one["disturbed"]]
    clean = [one[CLEAN] for one in times]
    spread = f"{statistics.stdev(map(math.log, clean)):.1%}" if len(clean) > 1 else "-"
    disturbed = len(rounds) - len(times)
    _write(f"{len(rounds)} rounds, {disturbed} disturbed; spread of the other {CLEAN} processes {spread}\n")
    heading = ("candidate", "pairs", "process spread in pairs", "slowdown (99 %)")
    _line(*heading, "disjoint trials: fail / pass / undecided", "drawn trials: fail", "pass", "undecided", "mean pairs")
    _line(*["---"] * (len(heading) + 5))
    neighbours = [math.log(after / before) for before, after in zip(clean[::2], clean[1::2], strict=False)]
    _row("nothing changed (clean processes of neighbouring rounds)", neighbours)
    _row("the same, moved to no change", _moved(neighbours, 0.0))
    for side, slowdown in SLOWDOWNS.items():
        log_ratios = [math.log(one[side] / one[CLEAN]) for one in times if side in one]
        _row(side, log_ratios)
        _row(f"the same, moved to {slowdown:.0%}", _moved(log_ratios, slowdown))


def _moved(log_ratios: Sequence[float], slowdown: float) -> list[float]:
    """Pairs with the spread and tails that were measured, and an estimate of exactly *slowdown*."""
    if len(log_ratios) < RULE.smallest_pairs:
        return list(log_ratios)
    by = math.log1p(slowdown) - math.log1p(look_at(log_ratios, RULE).slowdown)
    return [one + by for one in log_ratios]


def _row(name: str, log_ratios: Sequence[float]) -> None:
    if len(log_ratios) < RULE.smallest_pairs:
        _line(name, len(log_ratios), *["-"] * 7)
        return
    seen = look_at(log_ratios, RULE)
    disjoint = [series.word for series in _disjoint(log_ratios)]
    drawn = list(_drawn(log_ratios, np.random.default_rng(0)))
    words = [series.word for series in drawn]
    rates = [f"{words.count(word) / len(words):.1%}" for word in ("fail", "pass", "undecided")]
    _line(
        name,
        len(log_ratios),
        f"{process_spread(statistics.stdev(log_ratios)):.1%}",
        _slowdown(seen),
        " / ".join(str(disjoint.count(word)) for word in ("fail", "pass", "undecided")) + _bound(disjoint),
        *rates,
        f"{statistics.fmean(series.pairs for series in drawn):.1f}",
    )


def _disjoint(log_ratios: Sequence[float]) -> Iterator[SpeedSeries]:
    """Trials in the order of measurement, each with pairs of its own.

    None is begun for which the pairs that are left may be too few, whatever it would come to: of those at the end only
    the quick ones would be counted. One that the pairs ran out for all the same is no trial.
    """
    used, longest = 0, pairs_needed(spread_if_unchanged([abs(one) for one in log_ratios]), RULE.question)
    while longest is not None and len(log_ratios) - used >= longest:
        series = looks_in_turn(_measure(log_ratios[used:]), RULE)
        wanted = series.planned_pairs[-1] if series.planned_pairs else None
        if wanted is not None and series.pairs < wanted:
            return
        yield series
        used += series.pairs


def _drawn(log_ratios: Sequence[float], generator: np.random.Generator) -> Iterator[SpeedSeries]:
    """Trials of pairs in a random order; none is put back within a trial."""
    for _ in range(DRAWS):
        yield looks_in_turn(_measure([float(one) for one in generator.permutation(log_ratios)]), RULE)


def _measure(log_ratios: Sequence[float]) -> Callable[[int], PairedDifferences]:
    def measure(pairs: int) -> PairedDifferences:
        seen = tuple(log_ratios[:pairs])
        return PairedDifferences(seen, seen)

    return measure


def _slowdown(seen: SpeedLook) -> str:
    return f"{seen.slowdown:+.1%} ({seen.interval[0]:+.1%} to {seen.interval[1]:+.1%})"


def _bound(words: Sequence[str]) -> str:
    if not words:
        return ""
    rate = exact_rate(words.count("fail"), len(words))
    return f" (fails {rate.low:.0%} to {rate.high:.0%})"


def _line(*cells: object) -> None:
    _write(f"| {' | '.join(map(str, cells))} |")


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
