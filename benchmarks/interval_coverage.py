"""How often do the intervals that bertbench prints hold the truth, at the smallest sample each is printed for?

    python benchmarks/interval_coverage.py [--cases 10000] [--seed 0] [--out docs/method.md]

Known truth, fresh samples, and the very functions that the verdict calls. Takes some minutes on one core. Without --out
the table is printed; with it, it replaces what stands between the two marks of that file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from coverage_draws import Case
from coverage_of_others import of_others
from coverage_of_seeds import of_seeds
from marked import deliver, refuse_without_marks
from rich.console import Console
from rich.progress import track

from bertbench.stats import exact_rate

MARK = "benchmarks/interval_coverage.py"
#: Coverage this far below what is printed is said.
A_POINT = 0.01


def table(cases: int, generator: np.random.Generator) -> list[str]:
    """One line per interval and truth."""
    lines = ["| interval | printed | truth | covers, % | |", "|---|---|---|---|---|"]
    every = [*of_seeds(), *of_others()]
    for case in track(every, "coverage", console=Console(stderr=True), transient=True):
        trials = max(1, cases // case.share)
        seen = exact_rate(held(case, trials, generator), trials)
        shown = f"{100 * seen.rate:.1f} ({100 * seen.low:.1f} to {100 * seen.high:.1f})"
        short = "**covers less**" if seen.rate < case.nominal - A_POINT else ""
        lines.append(f"| {case.interval} | {100 * case.nominal:g} % | {case.truth} | {shown} | {short} |")
    return lines


def held(case: Case, trials: int, generator: np.random.Generator) -> int:
    """How many of so many printed intervals hold the truth; samples for which none is printed are drawn anew."""
    count = 0
    for _ in range(trials):
        while (covered := case.covers(generator)) is None:
            pass
        count += covered
    return count


def main(arguments: Sequence[str] | None = None) -> None:
    """Count, then print or write."""
    parser = argparse.ArgumentParser(description="Coverage of every printed interval at its smallest sample.")
    parser.add_argument("--cases", type=int, default=10_000, metavar="N", help="samples of each line (10000)")
    parser.add_argument("--seed", type=int, default=0, help="of the random generator (0)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="Markdown file with the marks (printed if not given)")
    options = parser.parse_args(arguments)
    refuse_without_marks(options.out, mark=MARK)
    command = f"`python {MARK} --cases {options.cases} --seed {options.seed}`"
    lines = table(options.cases, np.random.default_rng(options.seed))
    made = "\n".join(
        [f"{command} (a fifth of the cases where one is resampled), exact 95 % intervals:", "", *lines, ""]
    )
    deliver(made, options.out, mark=MARK)


if __name__ == "__main__":
    main()
