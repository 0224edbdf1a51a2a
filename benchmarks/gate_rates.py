"""How often does the gate cry wolf, and how often does it miss one? The tables of docs/method.md.

    python benchmarks/gate_rates.py [--trials 20000] [--seed 0] [--banks 500] [--out docs/method.md]

Each trial is a whole CI run: fresh banks, fresh candidates, all gated checks, one verdict. Seeds are drawn from those
that were measured (docs/log.md), with replacement, and for the grid from normal and left-skewed distributions. The rule
is the one that `bertbench run --compare` applies, failed seeds included; runs of quality and speed add the one of
`bertbench ab`. Takes half an hour on one core.

Without --out the tables are printed; with it they replace what stands between the two marks of that file.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from marked import deliver, refuse_without_marks
from measured_seeds import HELPDESK, HELPDESK_ROWS, SEED_CARD, SEED_CARD_ROWS
from rich.console import Console
from rich.progress import track

from bertbench.selftest.promises import FALSE_ALARMS, PROMISES
from bertbench.stats import (
    BankRates,
    ExactRate,
    FailedSeedRule,
    GateRates,
    GateScenario,
    QualityRule,
    SpeedScenario,
    draw_runs,
    draw_speed_runs,
    measured_scenario,
    rates_of_words,
    simulate_banks,
)
from bertbench.verdict.quality_gate import MEAN_SHARE, QUALITY_ALPHA
from bertbench.verdict.speed_comparison import speed_rule

#: Chance of a seed to fail in every trial: all that a spec allows, so the worst that is still 'nothing changed'.
FAILED_RATE = 0.01
ONE_ROW_OF_49 = 100 / 49
#: On fewer rows a point is less than a row.
POINT_ROWS = 100
#: Trials of a case whose tables of counts are ten times as wide.
WIDE_ROWS, WIDE_SHARE = 1_000, 5

MARK = "benchmarks/gate_rates.py"


@dataclass(frozen=True)
class Case:
    """One line of a table: a truth, and the checks of a run in which it holds; speed is judged where it has any."""

    words: str
    checks: tuple[GateScenario, ...]
    goal: str = ""
    speed: tuple[SpeedScenario, ...] = ()


def rule(gated_specs: int, margin_points: float = 1.0, baselines: int = 1) -> QualityRule:
    """What judges the mean of one of so many gated specs against one of so many baselines."""
    return QualityRule(alpha=MEAN_SHARE * QUALITY_ALPHA / (gated_specs * baselines), margin_points=margin_points)


def failed_rule(gated_specs: int) -> FailedSeedRule:
    """What judges its failed seeds."""
    return FailedSeedRule(alpha=(1 - MEAN_SHARE) * QUALITY_ALPHA / gated_specs)


def seed_card(bank_seeds: int, baselines: int = 1, **truth: float) -> GateScenario:
    """One of two gated specs, 49 rows, margin one row."""
    return measured_scenario(
        rule(2, ONE_ROW_OF_49, baselines),
        SEED_CARD,
        rows=SEED_CARD_ROWS,
        bank_seeds=bank_seeds,
        failed_rate=FAILED_RATE,
        failed_rule=failed_rule(2),
        baselines=baselines,
        **truth,
    )


def helpdesk(bank_seeds: int, baselines: int = 1, **truth: float) -> GateScenario:
    """The other, 300 rows, margin one point."""
    return measured_scenario(
        rule(2, baselines=baselines),
        HELPDESK,
        rows=HELPDESK_ROWS,
        bank_seeds=bank_seeds,
        failed_rate=FAILED_RATE,
        failed_rule=failed_rule(2),
        baselines=baselines,
        **truth,
    )


def whole_runs() -> Iterator[Case]:
    """Two gated specs, each with its measured seeds."""
    for bank in (20, 40):
        both = f"bank {bank}: "
        yield Case(f"{both}nothing changed", (seed_card(bank), helpdesk(bank)), "same")
        same = {"correlation": 0.9}
        pair = seed_card(bank, **same), helpdesk(bank, **same)
        yield Case(f"{both}nothing changed, same seeds correlate 0.9", pair, "same")
        wild = {"spread_ratio": 2.0}
        yield Case(
            f"{both}same means, the candidate's spread doubled", (seed_card(bank, **wild), helpdesk(bank, **wild))
        )
        row, point = {"drop_points": ONE_ROW_OF_49}, {"drop_points": 1.0}
        yield Case(f"{both}helpdesk drops by its margin (1 point)", (seed_card(bank), helpdesk(bank, **point)), "point")
        yield Case(f"{both}seed_card drops by its margin (1 row)", (seed_card(bank, **row), helpdesk(bank)), "margin")
        yield Case(f"{both}both drop by their margins", (seed_card(bank, **row), helpdesk(bank, **point)), "margin")


def more_asked() -> Iterator[Case]:
    """The same two specs at a bank of 20, where a run asks more: a reference too, or speed too."""
    row, point = {"drop_points": ONE_ROW_OF_49}, {"drop_points": 1.0}
    both = "rolling and reference: "
    yield Case(f"{both}nothing changed", (seed_card(20, 2), helpdesk(20, 2)), "same")
    yield Case(f"{both}helpdesk drops by its margin (1 point)", (seed_card(20, 2), helpdesk(20, 2, **point)), "point")
    yield Case(f"{both}seed_card drops by its margin (1 row)", (seed_card(20, 2, **row), helpdesk(20, 2)), "margin")
    quality = seed_card(20), helpdesk(20)
    for spread in (0.02, 0.03):
        both = f"quality and speed, process spread {spread:.0%}: "
        same, slower = (SpeedScenario(speed_rule(gated_specs=2), spread, slowdown=slowdown) for slowdown in (0, 0.05))
        yield Case(f"{both}nothing changed", quality, "same", (same, same))
        yield Case(f"{both}helpdesk drops by 1 point", (quality[0], helpdesk(20, **point)), "point", (same, same))
        yield Case(f"{both}steps of one spec 5 % slower", quality, "slower", (slower, same))


def grid() -> Iterator[Case]:
    """One gated spec, normal seeds unless the line says otherwise."""
    for bank in (20, 40):
        for spread in (0.3, 0.5, 0.8):
            goal = "point" if spread <= 0.5 else "margin"  # noqa: PLR2004 - the goal is for spreads up to that
            for drop in (0.0, 1.0):
                yield one(f"300 rows, spread {spread}, bank {bank}", drop, goal, spread_points=spread, bank_seeds=bank)
    for drop in (0.0, 1.0):
        yield one("300 rows, spread 0.5, left tail (skewness -1.5)", drop, "point", spread_points=0.5, skewness=-1.5)
        yield one("300 rows, spread 0.5, same seeds correlate 0.9", drop, "point", spread_points=0.5, correlation=0.9)
        yield one("300 rows, spread 0.5, the candidate's 1.0", drop, "", spread_points=0.5, spread_ratio=2.0)
        yield one("3,000 rows, spread 0.5", drop, "point", spread_points=0.5, rows=3_000)
    for drop in (0.0, ONE_ROW_OF_49):
        yield one("49 rows, spread 1.0, margin one row", drop, "margin", spread_points=1.0, rows=49)


def one(words: str, drop_points: float, goal: str, **truth: float) -> Case:
    """A run of a single gated check."""
    rows = int(truth.pop("rows", 300))
    told = "nothing changed" if not drop_points else f"{'one row' if rows < POINT_ROWS else '1 point'} lower"
    scenario = GateScenario(
        rule(1, max(1.0, 100 / rows)),
        rows=rows,
        drop_points=drop_points,
        failed_rate=FAILED_RATE,
        failed_rule=failed_rule(1),
        **truth,  # type: ignore[arg-type]  # numbers all, by their names
    )
    return Case(f"{words}: {told}", (scenario,), ("same" if goal else "") if not drop_points else goal)


def percent(rate: ExactRate) -> str:
    """A rate with its exact 95 % interval."""
    return f"{100 * rate.rate:.2f} ({100 * rate.low:.2f} to {100 * rate.high:.2f})"


def kept(case: Case, seen: GateRates) -> str:
    """Which promises the rates keep, in words; those that they miss first."""
    promises = PROMISES.get(case.goal, ())
    missed = [promise.words for promise in promises if not promise.keeps(promise.rate_of(seen).rate)]
    if not promises:
        return "no goal"
    return f"**missed: {', '.join(missed)}**" if missed else "kept"


def rates(case: Case, trials: int, generator: np.random.Generator) -> GateRates:
    """Of whole runs: the worst word of quality, and of speed where it is judged."""
    runs = draw_runs(case.checks, trials=trials, generator=generator)
    words = runs.words
    if case.speed:
        words = np.minimum(words, draw_speed_runs(case.speed, trials=trials, generator=generator)[0])
    return rates_of_words(words, mean_seeds=float(runs.looks.mean()) / len(case.checks))


def table(cases: Sequence[Case], trials: int, generator: np.random.Generator) -> list[str]:
    """One line per case."""
    lines = [
        "| truth | fail, % | pass, % | undecided, % | seeds a check | goals |",
        "|---|---|---|---|---|---|",
    ]
    for case in track(cases, "runs", console=Console(stderr=True), transient=True):
        fewer = trials // WIDE_SHARE if any(check.rows > WIDE_ROWS for check in case.checks) else trials
        seen = rates(case, max(fewer, 1), generator)
        words = " | ".join(percent(rate) for rate in (seen.fail, seen.passed, seen.undecided))
        lines.append(f"| {case.words} | {words} | {seen.mean_seeds:.1f} | {kept(case, seen)} |")
    return lines


def bank_table(banks: int, trials: int, generator: np.random.Generator) -> list[str]:
    """How the rate of false alarms differs from one accepted baseline to the next."""
    lines = [
        "| baselines | mean, % | median, % | 95 of 100 below, % | share of baselines above 1 %, % |",
        "|---|---|---|---|---|",
    ]
    cases: list[tuple[str, tuple[GateScenario, ...]]] = [
        (f"seed_card + helpdesk, measured seeds, bank {bank}", (seed_card(bank), helpdesk(bank))) for bank in (20, 40)
    ]
    cases += [
        (f"one spec, 300 rows, spread 0.5, bank {bank}", one("", 0.0, "", spread_points=0.5, bank_seeds=bank).checks)
        for bank in (20, 40)
    ]
    for words, checks in track(cases, "baselines", console=Console(stderr=True), transient=True):
        seen: BankRates = simulate_banks(checks, banks=banks, trials=trials, generator=generator)
        figures = [100 * value for value in (seen.mean, seen.quantile(0.5), seen.quantile(0.95))]
        numbers = " | ".join(f"{figure:.2f}" for figure in figures)
        lines.append(f"| {words} | {numbers} | {percent(seen.above(FALSE_ALARMS.at_most or 0))} |")
    return lines


def tables(options: argparse.Namespace) -> str:
    """All of them, in Markdown."""
    generator = np.random.default_rng(options.seed)
    parts = [
        "Whole CI runs of two gated specs, seed_card (49 rows, margin one row) and helpdesk (300 rows, one point):",
        *table(list(whole_runs()), options.trials, generator),
        "",
        "The same runs asked more, at banks of 20. What shares an error rate must all pass:",
        *table(list(more_asked()), options.trials, np.random.default_rng(options.seed + 1)),
        "",
        "One gated spec, seeds drawn from distributions:",
        *table(list(grid()), options.trials, generator),
        "",
        f"False alarms of single baselines ({options.banks} of each kind, {options.bank_trials:,} runs each):",
        *bank_table(options.banks, options.bank_trials, generator),
    ]
    made = (
        f"{options.trials:,} runs a line ({options.trials // WIDE_SHARE:,} on 3,000 rows), seed {options.seed}, "
        "exact 95 % intervals:"
    )
    return "\n".join(
        [f"`python benchmarks/gate_rates.py --trials {options.trials} --seed {options.seed}`, {made}", ""]
    ) + ("\n".join(parts).replace(":\n|", ":\n\n|") + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, then print or write."""
    parser = argparse.ArgumentParser(description="Error rates of the quality gate, simulated.")
    parser.add_argument("--trials", type=int, default=20_000, metavar="N", help="CI runs of each case (20000)")
    parser.add_argument("--seed", type=int, default=0, help="of the random generator (0)")
    parser.add_argument("--banks", type=int, default=500, metavar="N", help="baselines of each kind (500)")
    parser.add_argument("--bank-trials", type=int, default=4_000, metavar="N", help="runs against each (4000)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="Markdown file with the marks (printed if not given)")
    options = parser.parse_args(arguments)
    refuse_without_marks(options.out, mark=MARK)
    made = tables(options)
    deliver(made, options.out, mark=MARK)


if __name__ == "__main__":
    main()
