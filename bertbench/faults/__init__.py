"""Regressions put in on purpose, to test the verdict with: a catalogue with stable names.

No spec can switch one on; a run is asked for with one (`bertbench run SPEC --fault NAME`) and its record says so. The
spec in the record stays as written: the fault changes what is executed, so that the recipe lock, identity, quality and
speed can be tested against it.

::

    catalogue ──> of_the_spec, of_the_rows, of_the_harness, of_the_engine, of_the_machine
                      └──> fault (what one is), wrapping (an engine around another), patching (one function replaced)

Importing this package loads no library that computes.
"""

from bertbench.faults.catalogue import CATALOGUE, fault_named
from bertbench.faults.fault import NOTHING, Fault

__all__ = ["CATALOGUE", "NOTHING", "Fault", "fault_named"]
