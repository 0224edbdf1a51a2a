"""How much of the machine's own matrix-product rate the training steps reach.

The rate is measured between the steps of the same run, so that a slow or busy machine slows both sides alike.
"""

from __future__ import annotations

import statistics
from typing import Protocol

from bertbench.record import Utilization

#: Rows, columns and depth of the probe's product: 2.1 GFLOP, large enough to reach the full rate of a processor.
PROBE_SIZE = 1024
#: Time between two probes is at least this many times a probe, so that probing costs under 1 % of a run.
PROBE_INTERVAL = 120


class Probed(Protocol):
    """What can multiply matrices."""

    def matmul_seconds(self, size: int) -> float:
        """Seconds of one float32 matrix product size x size x size."""


class UtilizationProbe:
    """Collects the two sides of the ratio over one seed."""

    def __init__(self, engine: Probed) -> None:
        """Warm the probe up (memory, kernels) with two products that do not count, then take the first sample."""
        self._engine = engine
        for _ in range(2):
            engine.matmul_seconds(PROBE_SIZE)
        self._sgemm_seconds = [engine.matmul_seconds(PROBE_SIZE)]
        self._since_probe = 0.0
        self._flops = 0.0
        self._seconds = 0.0

    def step(self, flops: float, seconds: float) -> None:
        """Count one training step, and probe if it is time to.

        Args:
            flops: Effective floating-point operations of the step.
            seconds: Its duration.
        """
        self._flops += flops
        self._seconds += seconds
        self._since_probe += seconds
        if self._since_probe >= PROBE_INTERVAL * self._sgemm_seconds[-1]:
            self._sgemm_seconds.append(self._engine.matmul_seconds(PROBE_SIZE))
            self._since_probe = 0.0

    def result(self) -> Utilization | None:
        """The ratio, with every sample; takes a last one so that a short run has two.

        None if no operation was counted in any step: an engine that does not know how many it needs says 0.
        """
        if self._seconds and not self._flops:
            return None
        self._sgemm_seconds.append(self._engine.matmul_seconds(PROBE_SIZE))
        rates = tuple(2.0 * PROBE_SIZE**3 / seconds for seconds in self._sgemm_seconds)
        rate = self._flops / self._seconds if self._seconds else 0.0
        return Utilization(
            value=rate / statistics.median(rates), step_flops_per_second=rate, sgemm_flops_per_second=rates
        )
