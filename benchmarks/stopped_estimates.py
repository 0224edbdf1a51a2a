"""How far from the truth is the estimate at the look that decided? `python benchmarks/stopped_estimates.py`, no BERT.

A look decides where the estimate is far out, so estimates of decided comparisons are biased. docs/method.md has the
figures, in *Comparison*.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from bertbench.stats import GateScenario, difference_of_means, rounding_spread
from bertbench.stats.many_comparisons import FAIL, PASS, UNDECIDED, decide_many
from bertbench.stats.sequential import SHOWN_CONFIDENCE
from bertbench.stats.simulation import draw_hits
from bertbench.verdict.quality_gate import quality_gate

TRIALS = 20_000
ROWS = 300
_POINTS = 100.0
#: Spread over seeds and true drop, in points.
TRUTHS = ((0.5, 0.0), (0.5, 0.5), (0.5, 1.0), (0.8, 0.0), (0.8, 0.5), (0.8, 1.0))
WORDS = {"fail": FAIL, "pass": PASS, "undecided": UNDECIDED}


def main(trials: int = TRIALS) -> None:
    """Print one line for each truth: of each word how often it came and its mean estimate, and the coverage of all."""
    heading = ("spread", "true drop", *(f"{word}: share, mean estimate" for word in WORDS), "all", "99 % covers")
    _line(*heading)
    _line(*["---"] * len(heading))
    for spread, drop in TRUTHS:
        words, estimates, covered = stopped(spread, drop, trials)
        by_word = (_told(words == number, estimates) for number in WORDS.values())
        _line(f"{spread} points", f"{drop} points", *by_word, f"{estimates.mean():.2f}", f"{covered.mean():.1%}")


def stopped(
    spread: float, drop: float, trials: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Comparisons of one gated spec on 300 rows, a fresh bank of 20 seeds each.

    Returns:
        Of each comparison: its word; the estimate of D at the look that decided or was the last, in points; whether the
        99 % interval of that look holds the true drop.
    """
    scenario = GateScenario(quality_gate(ROWS).rule, spread, rows=ROWS, drop_points=drop)
    bank, candidate = draw_hits(scenario, trials, np.random.default_rng(23))
    decided = decide_many(bank, candidate, rows=ROWS, rule=scenario.rule)
    seen = [
        difference_of_means(base, cand[:look], least_spread=_POINTS * rounding_spread(ROWS))
        for base, cand, look in zip(_points(bank), _points(candidate), decided.looks, strict=True)
    ]
    estimates = np.array([one.estimate for one in seen])
    ends = np.array([one.interval(SHOWN_CONFIDENCE) for one in seen])
    return decided.words, estimates, (ends[:, 0] <= drop) & (drop <= ends[:, 1])


def _points(hits: NDArray[np.int64]) -> NDArray[np.float64]:
    return _POINTS * hits / ROWS


def _told(which: NDArray[np.bool_], estimates: NDArray[np.float64]) -> str:
    return f"{which.mean():.1%}, {estimates[which].mean():.2f}" if which.any() else "0.0%, -"


def _line(*cells: object) -> None:
    sys.stdout.write(f"| {' | '.join(map(str, cells))} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
