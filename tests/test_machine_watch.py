"""Whether the machine was quiet: what counts as ours, what as others', and what is said of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from bertbench import machine_watch
from bertbench.machine_watch import MachineWatch, Reading, disturbances

QUIET = Reading(seconds=10.0, others_share=0.0, steal_share=0.0)


def reading(**changes: Any) -> Reading:
    return QUIET.model_copy(update=changes)


# What is said


def test_a_quiet_machine_disturbs_nothing() -> None:
    assert disturbances(QUIET, QUIET) == ()
    assert disturbances(reading(others_share=0.10, steal_share=0.02), QUIET) == ()


def test_each_signal_is_named_with_its_number() -> None:
    assert disturbances(reading(others_share=0.25), QUIET) == ("other processes took 25% of the cores",)
    assert disturbances(reading(steal_share=0.05), QUIET) == ("the hypervisor took 5% of the cores",)
    slow, fast = reading(frequency_megahertz=2_000.0), reading(frequency_megahertz=2_500.0)
    assert disturbances(slow, fast) == ("the clock ran at 2,000 MHz, 2,500 for the other side",)
    assert disturbances(fast, slow) == ()


def test_what_cannot_be_read_disturbs_nothing() -> None:
    assert disturbances(reading(others_share=None), reading(frequency_megahertz=2_500.0)) == ()


def test_a_reading_knows_no_time_but_how_long_it_watched() -> None:
    """The verdict's times must not decide what is repeated."""
    assert set(Reading.model_fields) == {"seconds", "others_share", "steal_share", "frequency_megahertz"}


# What is counted


@pytest.fixture
def counters(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Counters of a machine of two cores, of which we may use the first."""
    state = SimpleNamespace(user=[0.0, 0.0], steal=[0.0, 0.0], own=0.0, children=0.0, now=0.0)

    def cores(*, percpu: bool) -> list[SimpleNamespace]:
        assert percpu
        return [
            SimpleNamespace(user=user, nice=0.0, system=0.0, idle=99.0, iowait=50.0, steal=steal, guest=user)
            for user, steal in zip(state.user, state.steal, strict=True)
        ]

    own = SimpleNamespace(
        cpu_times=lambda: SimpleNamespace(user=state.own, system=0.0, children_user=state.children, children_system=0.0)
    )
    monkeypatch.setattr(machine_watch.psutil, "cpu_times", cores)
    monkeypatch.setattr(machine_watch.psutil, "Process", lambda: own)
    monkeypatch.setattr(machine_watch, "_cores", lambda: [0])
    monkeypatch.setattr(machine_watch, "_COUNTS_CHILDREN", True)
    monkeypatch.setattr(machine_watch.time, "monotonic", lambda: state.now)
    return state


def watched(counters: SimpleNamespace, **after: Any) -> Reading:
    watch = MachineWatch(read_frequency=lambda: None)
    watch.start()
    for name, value in ({"now": 10.0} | after).items():
        setattr(counters, name, value)
    return watch.stop()


def test_what_we_and_our_processes_took_is_not_others(counters: SimpleNamespace) -> None:
    assert watched(counters, user=[8.0, 0.0], own=1.0, children=7.0).others_share == 0.0


def test_what_others_took_is_a_share_of_the_cores_we_may_use(counters: SimpleNamespace) -> None:
    seen = watched(counters, user=[8.0, 10.0], own=1.0, children=4.0)
    assert (seen.seconds, seen.others_share) == (10.0, pytest.approx(0.3))


def test_steal_is_that_of_our_cores(counters: SimpleNamespace) -> None:
    assert watched(counters, steal=[0.5, 5.0]).steal_share == pytest.approx(0.05)


def test_clocks_that_tick_apart_give_no_negative_load(counters: SimpleNamespace) -> None:
    assert watched(counters, user=[1.0, 0.0], children=1.02).others_share == 0.0


def test_where_children_are_not_counted_the_load_of_others_is_not_known(
    counters: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_watch, "_COUNTS_CHILDREN", False)
    assert watched(counters, user=[8.0, 0.0]).others_share is None


def test_the_clock_rate_is_the_median_while_it_was_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_watch, "_SECONDS_BETWEEN_FREQUENCIES", 0.001)
    rates: Iterator[float | None] = iter([1_000.0, 3_000.0, 2_000.0, None])
    watch = MachineWatch(read_frequency=lambda: next(rates))
    watch.start()
    watch._thread.join()  # ends with the first rate that cannot be read
    assert watch.stop().frequency_megahertz == 2_000.0


@pytest.mark.skipif(not machine_watch._COUNTS_CHILDREN, reason="psutil counts the time of children on Linux only")
def test_a_real_process_of_ours_counts_as_ours() -> None:
    """And not as somebody else's, once it was waited for."""
    before = machine_watch._times()
    spin = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    subprocess.run([sys.executable, "-c", spin], check=True)
    after = machine_watch._times()
    assert after[2] - before[2] >= 0.25
    assert after[0] - before[0] >= 0.25


def test_a_real_watch_gives_a_reading() -> None:
    watch = MachineWatch()
    for _ in range(2):  # one watch serves many processes
        watch.start()
        assert watch.stop().seconds >= 0
