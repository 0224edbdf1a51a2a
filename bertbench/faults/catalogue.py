"""Every fault by its name."""

from __future__ import annotations

from collections.abc import Mapping

from bertbench.errors import FaultError
from bertbench.faults.fault import NOTHING, Fault
from bertbench.faults.of_the_engine import faults_of_the_engine
from bertbench.faults.of_the_harness import faults_of_the_harness
from bertbench.faults.of_the_machine import faults_of_the_machine
from bertbench.faults.of_the_rows import faults_of_the_rows
from bertbench.faults.of_the_spec import faults_of_the_spec


def _by_name(*groups: tuple[Fault, ...]) -> dict[str, Fault]:
    faults = [fault for group in groups for fault in group]
    return {fault.name: fault for fault in faults}


#: In the order in which they are listed.
CATALOGUE: Mapping[str, Fault] = _by_name(
    faults_of_the_spec(),
    faults_of_the_rows(),
    faults_of_the_harness(),
    faults_of_the_engine(),
    faults_of_the_machine(),
)


def fault_named(name: str | None) -> Fault:
    """The fault of that name; the one that does nothing for None.

    Raises:
        FaultError: If there is none; says which is nearest.
    """
    if name is None:
        return NOTHING
    if name not in CATALOGUE:
        from difflib import get_close_matches

        nearest = get_close_matches(name, CATALOGUE, n=1)
        guess = f"did you mean {nearest[0]}? " if nearest else ""
        raise FaultError(f"there is no fault {name!r}", remedy=f"{guess}bertbench run --list-faults lists them")
    return CATALOGUE[name]
