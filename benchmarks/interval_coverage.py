"""How often do the intervals that bertbench prints hold the truth, at the smallest sample each is printed for?

    python benchmarks/interval_coverage.py [--cases 10000] [--seed 0] [--out docs/method.md]

Known truth, fresh samples, and the very functions that the verdict calls. Takes some minutes on one core. Without --out
the table is printed; with it, it replaces what stands between the two marks of that file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from marked import between_marks
from measured_seeds import HELPDESK, HELPDESK_ROWS, SEED_CARD, SEED_CARD_ROWS
from rich.console import Console
from rich.progress import track
from scipy import stats

from bertbench.stats import (
    correlation_interval,
    difference_of_means,
    exact_rate,
    exact_upper_bound,
    multi_bootstrap,
    rounding_spread,
    signed_rank_interval,
    signed_rank_upper_bound,
    spread_interval,
    tolerance_factor,
)

MARK = "benchmarks/interval_coverage.py"
#: Coverage this far below what is printed is said.
A_POINT = 0.01
#: A resampled case takes milliseconds.
RESAMPLED_SHARE = 5

Draw = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Case:
    """One printed interval under one truth."""

    interval: str
    nominal: float
    truth: str
    covers: Callable[[np.random.Generator], bool]
    share: int = 1


def normal(rows: int, spread: float) -> Draw:
    """Accuracies of seeds around 0.9, rounded to whole rows."""
    return lambda generator, seeds: np.clip(np.rint(generator.normal(0.9, spread, seeds) * rows) / rows, 0, 1)


def left_tail(rows: int, spread: float) -> Draw:
    """The same with skewness -1.5, a gamma of shape 16/9 turned round."""
    shape = 16 / 9

    def draw(generator: np.random.Generator, seeds: int) -> np.ndarray:
        seen = 0.9 + spread * (shape - generator.standard_gamma(shape, seeds)) / np.sqrt(shape)
        return np.clip(np.rint(seen * rows) / rows, 0, 1)

    return draw


def measured(pool: np.ndarray) -> Draw:
    """Seeds that were measured, with replacement."""
    return lambda generator, seeds: generator.choice(pool, seeds)


def mean_of(draw: Draw) -> float:
    """Its true mean, to a hundredth of what any interval here is wide."""
    return float(draw(np.random.default_rng(1), 4_000_000).mean())


#: Name, draw, rows.
SEEDS: tuple[tuple[str, Draw, int], ...] = (
    ("300 rows, normal, spread 0.5 points", normal(300, 0.005), 300),
    ("300 rows, left tail, spread 0.5 points", left_tail(300, 0.005), 300),
    ("helpdesk's measured seeds (300 rows)", measured(np.array(HELPDESK) / HELPDESK_ROWS), HELPDESK_ROWS),
    ("seed_card's measured seeds (49 rows)", measured(np.array(SEED_CARD) / SEED_CARD_ROWS), SEED_CARD_ROWS),
)


def differences() -> Iterator[Case]:
    """The drop D of a candidate of four seeds against a bank of twenty; nothing changed, so D is 0."""
    for truth, draw, rows in SEEDS:

        def interval(generator: np.random.Generator, draw: Draw = draw, rows: int = rows) -> bool:
            seen = difference_of_means(draw(generator, 20), draw(generator, 4), least_spread=rounding_spread(rows))
            low, high = seen.interval(0.99)
            return low <= 0 <= high

        def bound(generator: np.random.Generator, draw: Draw = draw, rows: int = rows) -> bool:
            seen = difference_of_means(draw(generator, 20), draw(generator, 4), least_spread=rounding_spread(rows))
            return seen.upper_bound(0.99) >= 0

        yield Case("drop D, two-sided (20 and 4 seeds)", 0.99, truth, interval)
        yield Case("drop D, upper bound of the first look (20 and 4 seeds)", 0.99, truth, bound)


def class_effects() -> Iterator[Case]:
    """The self-test's difference between two classes of as few seeds as it takes."""
    for truth, draw, rows in SEEDS:

        def covers(generator: np.random.Generator, draw: Draw = draw, rows: int = rows) -> bool:
            seen = difference_of_means(draw(generator, 5), draw(generator, 5), least_spread=rounding_spread(rows))
            low, high = seen.interval(0.95)
            return low <= 0 <= high

        yield Case("class effect (5 and 5 seeds)", 0.95, truth, covers)


def means() -> Iterator[Case]:
    """`over = "lower_bound"`: the mean over two seeds, and the tolerance bound of the audit over five."""
    for truth, draw, rows in SEEDS:
        mean, floor = mean_of(draw), rounding_spread(rows)

        def mean_bound(
            generator: np.random.Generator, draw: Draw = draw, mean: float = mean, floor: float = floor
        ) -> bool:
            seen = draw(generator, 2)
            spread = max(float(seen.std(ddof=1)), floor)
            return bool(seen.mean() - stats.t.ppf(0.95, 1) * spread / np.sqrt(2) <= mean)

        yield Case("lower bound of a mean (2 seeds)", 0.95, truth, mean_bound)
    factor = tolerance_factor(5)
    for truth, draw, rows in SEEDS:
        lowest = float(np.quantile(draw(np.random.default_rng(1), 1_000_000), 0.01)) + 0.5 / rows
        floor = rounding_spread(rows)

        def tolerance(
            generator: np.random.Generator, draw: Draw = draw, lowest: float = lowest, floor: float = floor
        ) -> bool:
            seen = draw(generator, 5)
            return bool(seen.mean() - factor * max(float(seen.std(ddof=1)), floor) <= lowest)

        yield Case("tolerance bound of 99 % of seeds (5 seeds)", 0.95, truth, tolerance)


def spreads() -> Iterator[Case]:
    """Spread and correlation, as the self-test prints them."""
    for truth, draw, _ in SEEDS:
        spread = float(draw(np.random.default_rng(1), 4_000_000).std())

        def covers(generator: np.random.Generator, draw: Draw = draw, spread: float = spread) -> bool:
            seen = spread_interval(draw(generator, 8))
            return seen.low <= spread <= seen.high

        yield Case("spread over seeds (8 seeds)", 0.95, truth, covers)
    for correlation in (0.0, 0.7):

        def correlated(generator: np.random.Generator, correlation: float = correlation) -> bool:
            common, one, other = generator.standard_normal((3, 8))
            left, right = (
                np.rint(4 * (np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)) for own in (one, other)
            )
            seen = correlation_interval(left, right)
            return seen.low <= correlation <= seen.high

        yield Case("correlation of same seeds (8 seeds)", 0.95, f"normal, correlation {correlation}", correlated)


def rates() -> Iterator[Case]:
    """Counts: exact, so at least what is printed."""
    for chance in (0.01, 0.2):

        def two_sided(generator: np.random.Generator, chance: float = chance) -> bool:
            seen = exact_rate(int(generator.binomial(5, chance)), 5)
            return seen.low <= chance <= seen.high

        def bound(generator: np.random.Generator, chance: float = chance) -> bool:
            return exact_upper_bound(int(generator.binomial(4, chance)), 4) >= chance

        yield Case("exact rate, two-sided (5 trials)", 0.95, f"a chance of {chance:.0%}", two_sided)
        yield Case("exact rate, upper bound (4 seeds)", 0.95, f"a chance of {chance:.0%}", bound)


def pairs() -> Iterator[Case]:
    """Speed: the fewest pairs with a finite interval, and with a finite bound."""
    draws: tuple[tuple[str, Draw], ...] = (
        ("normal", lambda generator, size: generator.normal(0.05, 0.02, size)),
        ("t with 3 degrees of freedom", lambda generator, size: 0.05 + 0.02 * generator.standard_t(3, size)),
    )
    for truth, draw in draws:

        def interval(generator: np.random.Generator, draw: Draw = draw) -> bool:
            low, high = signed_rank_interval(draw(generator, 8), confidence=0.99)
            return low <= 0.05 <= high  # noqa: PLR2004 - the truth

        def bound(generator: np.random.Generator, draw: Draw = draw) -> bool:
            return signed_rank_upper_bound(draw(generator, 6), confidence=0.975) >= 0.05  # noqa: PLR2004 - the truth

        yield Case("slowdown, two-sided (8 pairs)", 0.99, f"log ratios {truth}", interval)
        yield Case("slowdown, upper bound of a look (6 pairs)", 0.975, f"log ratios {truth}", bound)


def other_messages() -> Iterator[Case]:
    """The approximate line: rows of beta-distributed difficulty, seeds flip them; nothing changed for any message."""
    for rows, seeds in ((49, 4), (300, 4), (300, 20)):

        def covers(generator: np.random.Generator, rows: int = rows, seeds: int = seeds) -> bool:
            right = generator.beta(0.9, 0.02, rows)  # nearly all rows are always right, a few open
            before, after = generator.random((2, seeds, rows)) < right
            seen = multi_bootstrap(before, after, generator=generator, resamples=1_000)
            return seen.low <= 0 <= seen.high

        truth = f"{rows} rows, nothing changed"
        yield Case(f"other messages, approximate ({seeds} seeds)", 0.99, truth, covers, RESAMPLED_SHARE)


def table(cases: int, generator: np.random.Generator) -> list[str]:
    """One line per interval and truth."""
    lines = ["| interval | printed | truth | covers, % | |", "|---|---|---|---|---|"]
    every = [*differences(), *class_effects(), *means(), *spreads(), *rates(), *pairs(), *other_messages()]
    for case in track(every, "coverage", console=Console(stderr=True), transient=True):
        trials = max(1, cases // case.share)
        seen = exact_rate(sum(case.covers(generator) for _ in range(trials)), trials)
        shown = f"{100 * seen.rate:.1f} ({100 * seen.low:.1f} to {100 * seen.high:.1f})"
        short = "**covers less**" if seen.rate < case.nominal - A_POINT else ""
        lines.append(f"| {case.interval} | {100 * case.nominal:g} % | {case.truth} | {shown} | {short} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Count, then print or write."""
    parser = argparse.ArgumentParser(description="Coverage of every printed interval at its smallest sample.")
    parser.add_argument("--cases", type=int, default=10_000, metavar="N", help="samples of each line (10000)")
    parser.add_argument("--seed", type=int, default=0, help="of the random generator (0)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="Markdown file with the marks (printed if not given)")
    options = parser.parse_args(arguments)
    if options.out:
        between_marks(options.out.read_text(encoding="utf-8"), "", mark=MARK)
    command = f"`python {MARK} --cases {options.cases} --seed {options.seed}`"
    lines = table(options.cases, np.random.default_rng(options.seed))
    made = "\n".join(
        [f"{command} (a fifth of the cases where one is resampled), exact 95 % intervals:", "", *lines, ""]
    )
    if options.out:
        text = options.out.read_text(encoding="utf-8")
        options.out.write_text(between_marks(text, made, mark=MARK), encoding="utf-8")
    else:
        sys.stdout.write(made)


if __name__ == "__main__":
    main()
