"""Was the machine quiet while a process ran? Seen from the machine alone, never from the process's own times.

Three signals: processor time that *other* processes took, processor time that the hypervisor took (steal), and the
clock rate where it can be read. A verdict about speed repeats what they flag; so they must not know the times, and they
leave out this process and all it started.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Annotated

import psutil
from pydantic import Field

from bertbench.record import Fact, NotNegative, Seconds

#: A tenth of the cores taken by others shows in the times of a process that uses all of them.
OTHERS_LIMIT = 0.10
#: Of the cores' time; what the hypervisor gave to another machine.
STEAL_LIMIT = 0.02
#: Two processes of a pair at clock rates further apart than this were not on the same machine, in a manner of speaking.
FREQUENCY_LIMIT = 0.03

_SECONDS_BETWEEN_FREQUENCIES = 1.0
#: Elsewhere psutil gives 0 for the time of processes that were started and waited for.
_COUNTS_CHILDREN = sys.platform.startswith("linux")


class Reading(Fact):
    """What the machine did while one process ran."""

    seconds: Seconds
    """From before its start until after its end."""
    others_share: NotNegative | None
    """Time that other processes took, as a share of all cores that this one may use; absent where the system does not
    say what the processes that one started took."""
    steal_share: NotNegative
    """Time that the hypervisor took, likewise; 0 where it cannot be read."""
    frequency_megahertz: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Median clock rate; absent where it cannot be read."""


class MachineWatch:
    """Watches from `start` to `stop`; what was started in between must have been waited for, or it counts as other."""

    def __init__(self, *, read_frequency: Callable[[], float | None] | None = None) -> None:
        """Prepare to watch.

        Args:
            read_frequency: Gives the clock rate in MHz, None where it cannot be read; psutil's if not given.
        """
        self._read_frequency = read_frequency or _frequency_megahertz
        self._frequencies: list[float] = []
        self._over = threading.Event()

    def start(self) -> None:
        """Begin; a thread looks at the clock rate once a second, if there is one to look at."""
        self._over.clear()
        self._frequencies = []
        self._thread = threading.Thread(target=self._follow_frequency, daemon=True)
        self._thread.start()
        self._began, self._before = time.monotonic(), _times()

    def stop(self) -> Reading:
        """End, and say what was seen."""
        seconds, after = time.monotonic() - self._began, _times()
        self._over.set()
        self._thread.join()
        busy, steal, own = (late - early for early, late in zip(self._before, after, strict=True))
        capacity = max(seconds * len(_cores()), 1e-9)
        return Reading(
            seconds=seconds,
            others_share=max(busy - own, 0.0) / capacity if _COUNTS_CHILDREN else None,
            steal_share=max(steal, 0.0) / capacity,
            frequency_megahertz=statistics.median(self._frequencies) if self._frequencies else None,
        )

    def _follow_frequency(self) -> None:
        while not self._over.wait(_SECONDS_BETWEEN_FREQUENCIES):
            frequency = self._read_frequency()
            if frequency is None:
                return
            self._frequencies.append(frequency)


def disturbances(reading: Reading, partner: Reading) -> tuple[str, ...]:
    """What disturbed a process, in words; nothing if it ran undisturbed.

    Args:
        reading: Of the process.
        partner: Of the other process of its pair; the one with the lower clock rate is the disturbed one.
    """
    found = []
    if reading.others_share is not None and not reading.others_share <= OTHERS_LIMIT:
        found.append(f"other processes took {reading.others_share:.0%} of the cores")
    if not reading.steal_share <= STEAL_LIMIT:
        found.append(f"the hypervisor took {reading.steal_share:.0%} of the cores")
    mine, other = reading.frequency_megahertz, partner.frequency_megahertz
    if mine is not None and other is not None and not mine >= other * (1 - FREQUENCY_LIMIT):
        found.append(f"the clock ran at {mine:,.0f} MHz, {other:,.0f} for the other side")
    return tuple(found)


def _times() -> tuple[float, float, float]:
    """Processor seconds so far, on the cores we may use: of everybody, of the hypervisor, of us and our children."""
    cores = set(_cores())
    each = [times for core, times in enumerate(psutil.cpu_times(percpu=True)) if core in cores]
    # Guests are in user and nice already; waiting for a disk is idle.
    busy = sum(
        getattr(times, name, 0.0) for times in each for name in ("user", "nice", "system", "irq", "softirq", "dpc")
    )
    own = psutil.Process().cpu_times()
    ours = own.user + own.system + own.children_user + own.children_system
    return busy, sum(getattr(times, "steal", 0.0) for times in each), ours


def _cores() -> list[int]:
    """Numbers of the cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return sorted(affinity(0)) if affinity else list(range(os.cpu_count() or 1))


def _frequency_megahertz() -> float | None:
    with contextlib.suppress(OSError, NotImplementedError, AttributeError, RuntimeError):
        frequency = psutil.cpu_freq()
        if frequency is not None and frequency.current > 0:
            return float(frequency.current)
    return None
