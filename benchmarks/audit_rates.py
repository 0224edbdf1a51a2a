"""How often is the threshold audit's word wrong, where the true chance to miss is next to 1 %?

    python benchmarks/audit_rates.py [--cases 10000] [--seed 0] [--out docs/method.md]

Known truths, fresh samples, the audit's own factors and exact bounds. Takes seconds on one core. Without --out the
table is printed; with it, it replaces what stands between the two marks of that file.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from coverage_draws import SEEDS, Seeds
from marked import deliver, refuse_without_marks
from scipy import special

from bertbench.stats import distance_of_chance, exact_lower_bound, rounding_spread
from bertbench.stats.fresh_run import BOUND_CONFIDENCE, Over
from bertbench.stats.threshold_audit import MISS_LIMIT, needed_rows
from bertbench.stats.tolerance import CONFIDENCE, factor_of_distance

MARK = "benchmarks/audit_rates.py"
#: Runs that a true chance is computed from.
TRUTH_RUNS = 200_000
TRUTHS = (
    *SEEDS,
    Seeds("49 rows, normal, spread 1.5 points", 49, "normal", 0.015),
    Seeds("49 rows, normal, spread 0.6 points", 49, "normal", 0.006),
)
#: What the promise is about, seeds of a run, seeds seen. The audit takes no factor for a bound: these lines say why.
CASES: tuple[tuple[Over, int, int], ...] = (
    *(("every_seed", 1, seen) for seen in (5, 20, 40)),
    *(("mean", run, seen) for run in (2, 5) for seen in (5, 20, 40)),
    *(("lower_bound", 5, seen) for seen in (20, 40)),
)


@dataclass(frozen=True)
class Promise:
    """One promise of runs of so many seeds under one truth, at a bar."""

    over: Over
    run_seeds: int
    truth: Seeds

    def observed(self, runs: np.ndarray) -> np.ndarray:
        """What a bar is held against: (..., seeds) shares give (...) means, or bounds, to a billionth of a share."""
        mean = runs.mean(axis=-1)
        if self.over == "lower_bound":
            spread = np.maximum(runs.std(axis=-1, ddof=1), rounding_spread(self.truth.rows))
            quantile = special.stdtrit(self.run_seeds - 1, BOUND_CONFIDENCE)
            mean = mean - quantile * spread / math.sqrt(self.run_seeds)
        return np.round(mean, 9)

    def bars(self, generator: np.random.Generator) -> tuple[tuple[float, float], tuple[float, float]]:
        """The last bar that is missed in 1 % or less, and the next, of all rows of a run; each with its true chance."""
        observed = np.sort(
            self.observed(self.truth.draw(generator, TRUTH_RUNS * self.run_seeds).reshape(TRUTH_RUNS, -1))
        )
        last = float(observed[int(TRUTH_RUNS * MISS_LIMIT)])
        following = float(observed[np.searchsorted(observed, last, "right")])
        kept, missed = (float((observed < bar).mean()) for bar in (last, following))
        return (last, kept), (following, missed)

    def words(self, samples: np.ndarray, bar: float) -> tuple[np.ndarray, np.ndarray]:
        """Of (samples, seeds) shares, which are called flaky and which stable, by factors and exact lower bounds."""
        rows, seen = self.truth.rows, samples.shape[1]
        runs = samples[:, : seen // self.run_seeds * self.run_seeds].reshape(len(samples), -1, self.run_seeds)
        missed, trials = (self.observed(runs) < bar).sum(axis=1), runs.shape[1]
        exact = np.array([exact_lower_bound(count, trials) if trials else 0.0 for count in range(trials + 1)])[missed]
        effective = bar
        if self.over != "lower_bound":
            # A billionth lower: the bar is a number of rows, rounded.
            effective = (needed_rows(bar - 1e-9, rows * self.run_seeds) - 0.5) / (rows * self.run_seeds)
        true = distance_of_chance(self.over, self.run_seeds, MISS_LIMIT)
        stable, flaky = (factor_of_distance(true, seen, confidence=one) for one in (CONFIDENCE, 1 - CONFIDENCE))
        distance, deviation = samples.mean(axis=1) - effective, samples.std(axis=1, ddof=1)
        spread = np.maximum(deviation, rounding_spread(rows))
        short = distance < flaky * (deviation if flaky > 0 else spread)
        if self.over == "every_seed":  # of one seed only counts accuse
            short = np.zeros(len(samples), bool)
        return short | (exact > MISS_LIMIT), (missed == 0) & (distance >= stable * spread)


def table(cases: int, generator: np.random.Generator) -> Iterator[str]:
    """One line per promise, seeds and truth."""
    yield "| promise | seeds seen | truth | flaky, % (true chance to miss) | stable, % (true chance) |"
    yield "|---|---|---|---|---|"
    for over, run_seeds, seen in CASES:
        for truth in TRUTHS:
            promise = Promise(over, run_seeds, truth)
            (kept, kept_chance), (missed, missed_chance) = promise.bars(generator)
            samples = truth.draw(generator, cases * seen).reshape(cases, seen)
            flaky, stable = promise.words(samples, kept)[0].mean(), promise.words(samples, missed)[1].mean()
            name = over if over == "every_seed" else f"{over} of {run_seeds} seeds"
            name += ", by factors of normal seeds" * (over == "lower_bound")
            yield (
                f"| {name} | {seen} | {truth.name} | {100 * flaky:.1f} ({100 * kept_chance:.2f}) "
                f"| {100 * stable:.1f} ({100 * missed_chance:.2f}) |"
            )


def main(arguments: Sequence[str] | None = None) -> None:
    """Count, then print or write."""
    parser = argparse.ArgumentParser(description="How often the threshold audit's word is wrong.")
    parser.add_argument("--cases", type=int, default=10_000, metavar="N", help="samples of each line (10000)")
    parser.add_argument("--seed", type=int, default=0, help="of the random generator (0)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="Markdown file with the marks (printed if not given)")
    options = parser.parse_args(arguments)
    refuse_without_marks(options.out, mark=MARK)
    command = f"`python {MARK} --cases {options.cases} --seed {options.seed}`"
    lines = list(table(options.cases, np.random.default_rng(options.seed)))
    made = "\n".join([f"{command}, {options.cases:,} samples a line:", "", *lines, ""])
    deliver(made, options.out, mark=MARK)


if __name__ == "__main__":
    main()
