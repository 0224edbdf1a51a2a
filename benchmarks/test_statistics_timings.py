"""How long the costliest piece of a comparison's arithmetic takes, by pytest-benchmark: the multi-bootstrap.

Nothing here passes or fails by time. Needs no network and no weights: `pytest benchmarks/test_statistics_timings.py`.
"""

from __future__ import annotations

import numpy as np

from bertbench.stats import multi_bootstrap

SEEDS, ROWS, RESAMPLES = 20, 3_000, 10_000
#: Shares of the baseline's predictions.
WRONG, FLIPPED = 0.1, 0.1


def test_multi_bootstrap(benchmark) -> None:
    """20 seeds on 3,000 rows, one prediction in ten flipped: hardly two rows differ alike, which is the slowest."""
    rng = np.random.default_rng(41)
    baseline = rng.random((SEEDS, ROWS)) >= WRONG
    candidate = baseline ^ (rng.random((SEEDS, ROWS)) < FLIPPED)

    result = benchmark.pedantic(
        lambda: multi_bootstrap(baseline, candidate, generator=np.random.default_rng(0), resamples=RESAMPLES),
        rounds=5,
        warmup_rounds=1,
    )

    benchmark.extra_info["interval_points"] = [100 * result.low, 100 * result.high]
    assert (result.resamples, result.rows) == (RESAMPLES, ROWS)
    assert result.low < baseline.mean() - candidate.mean() < result.high
