"""The table of docs/method.md, section Speed: `python benchmarks/speed_gate.py`. Arithmetic, no BERT."""

from __future__ import annotations

import sys

import numpy as np

from bertbench.stats import ExactRate
from bertbench.stats.speed_simulation import SpeedScenario, simulate_speed
from bertbench.verdict.speed_comparison import speed_rule

TRIALS = 4_000
SLOWDOWNS = (0.0, 0.02, 0.05)
SPREADS = (0.01, 0.02, 0.03, 0.05)
#: Specs that share the error rate, and the share of processes that something slows by 10 % without being seen.
CASES = ((1, 0.0), (3, 0.0), (1, 0.08))


def main() -> None:
    """Print one line for each case, spread and slowdown."""
    heading = (
        "gated specs",
        "disturbed",
        "process spread",
        "slowdown",
        "fail",
        "pass",
        "undecided",
        "99 % covers",
        "pairs",
    )
    _line(*heading)
    _line(*["---"] * len(heading))
    for specs, disturbed in CASES:
        for spread in SPREADS:
            for slowdown in SLOWDOWNS:
                scenario = SpeedScenario(speed_rule(gated_specs=specs), spread, slowdown, disturbed)
                seen = simulate_speed(scenario, trials=TRIALS, generator=np.random.default_rng(8))
                covered = "-" if seen.covered is None else f"{seen.covered.rate:.1%}"
                rates = (_rate(seen.fail), _rate(seen.passed), _rate(seen.undecided))
                _line(
                    specs,
                    f"{disturbed:.0%}",
                    f"{spread:.0%}",
                    f"{slowdown:.0%}",
                    *rates,
                    covered,
                    f"{seen.mean_pairs:.1f}",
                )


def _rate(rate: ExactRate) -> str:
    return f"{rate.rate:.2%}"


def _line(*cells: object) -> None:
    sys.stdout.write(f"| {' | '.join(map(str, cells))} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
