"""The two sides of utilization: steps, and matrix products between them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.utilization import PROBE_INTERVAL, PROBE_SIZE, UtilizationProbe

PRODUCT_FLOPS = 2.0 * PROBE_SIZE**3


class Machine:
    """Says how long a matrix product took; the first products of a process are slow, as on a real one."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self.sizes: list[int] = []
        self._seconds = seconds

    def matmul_seconds(self, size: int) -> float:
        self.sizes.append(size)
        return self._seconds(len(self.sizes))

    @property
    def products(self) -> int:
        return len(self.sizes)


def steady(seconds: float = 0.016) -> Machine:
    return Machine(lambda _: seconds)


def test_utilization_is_the_steps_rate_over_the_products_rate() -> None:
    probe = UtilizationProbe(steady(0.5))
    for _ in range(4):
        probe.step(flops=PRODUCT_FLOPS, seconds=1.0)
    result = probe.result()
    assert result.value == pytest.approx(0.5)
    assert result.step_flops_per_second == pytest.approx(PRODUCT_FLOPS)
    assert result.sgemm_flops_per_second == pytest.approx((2 * PRODUCT_FLOPS, 2 * PRODUCT_FLOPS))


def test_first_two_products_warm_up_and_do_not_count() -> None:
    machine = Machine(lambda product: 100.0 if product <= 2 else 0.5)
    result = UtilizationProbe(machine).result()
    assert set(result.sgemm_flops_per_second) == {2 * PRODUCT_FLOPS}


def test_one_disturbed_product_does_not_move_the_ratio() -> None:
    machine = Machine(lambda product: 50.0 if product == 4 else 0.5)
    probe = UtilizationProbe(machine)
    for _ in range(3):
        probe.step(flops=PRODUCT_FLOPS, seconds=PROBE_INTERVAL * 0.5)
    assert probe.result().value == pytest.approx(0.5 / (PROBE_INTERVAL * 0.5))


def test_short_run_has_two_samples() -> None:
    assert len(UtilizationProbe(steady()).result().sgemm_flops_per_second) == 2


def test_all_products_have_one_size() -> None:
    machine = steady()
    probe = UtilizationProbe(machine)
    probe.step(1.0, 1000.0)
    probe.result()
    assert set(machine.sizes) == {PROBE_SIZE}


def test_slow_machine_with_equally_slow_steps_has_the_same_utilization() -> None:
    """That is what it is for: a busy machine must not fail an innocent change."""

    def of(slowness: float) -> float:
        probe = UtilizationProbe(steady(0.016 * slowness))
        for _ in range(50):
            probe.step(flops=1e10, seconds=0.1 * slowness)
        return probe.result().value

    assert of(1.0) == pytest.approx(of(3.0))


@given(st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=400), st.floats(1e-4, 0.1))
def test_probing_costs_about_a_hundredth_of_a_run(steps: list[float], product: float) -> None:
    machine = steady(product)
    probe = UtilizationProbe(machine)
    at_start = machine.products
    for seconds in steps:
        probe.step(1.0, seconds)
    assert (machine.products - at_start) * product <= sum(steps) / PROBE_INTERVAL * (1 + 1e-9)


def test_long_run_is_probed_all_along() -> None:
    machine = steady(0.01)
    probe = UtilizationProbe(machine)
    for _ in range(1000):
        probe.step(1.0, 0.1)
    assert machine.products >= 0.9 * 1000 * 0.1 / (PROBE_INTERVAL * 0.01)


def test_seed_without_steps_used_nothing() -> None:
    """Nothing measured is the worst value, not a good one."""
    assert UtilizationProbe(steady()).result().value == 0.0


def test_steps_of_which_no_operation_is_known_are_not_measured() -> None:
    probe = UtilizationProbe(steady())
    probe.step(flops=0.0, seconds=1.0)
    assert probe.result() is None
