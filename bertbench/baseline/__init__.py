"""The small part of some records that a comparison needs: lives in the user's repository, reviewed like code.

::

    fields.py        what a baseline is, and what it refuses to be
    one_code.py      are runs of one code?
    ground.py        what else runs of one baseline have in common
    building.py      one baseline from the records of all its seeds
    layout.py        its text: sorted, stable, one change per line
    files.py         where it lies; which one a run is held against; read back or refused
    one_baseline.py  when two files are one baseline
    revision.py      the commit of a folder
"""

from bertbench.baseline.building import build_baseline, final_wrong_rows
from bertbench.baseline.fields import Baseline, BaselineSeed
from bertbench.baseline.files import (
    REFERENCE,
    ROLLING,
    baseline_files,
    baseline_name,
    baseline_path,
    baselines_folder,
    different_names,
    find_baseline,
    read_baseline,
    refuse_second_reference,
    write_baseline,
)
from bertbench.baseline.layout import baseline_text
from bertbench.baseline.one_baseline import verdict_digest
from bertbench.baseline.revision import revision_of

__all__ = [
    "REFERENCE",
    "ROLLING",
    "Baseline",
    "BaselineSeed",
    "baseline_files",
    "baseline_name",
    "baseline_path",
    "baseline_text",
    "baselines_folder",
    "build_baseline",
    "different_names",
    "final_wrong_rows",
    "find_baseline",
    "read_baseline",
    "refuse_second_reference",
    "revision_of",
    "verdict_digest",
    "write_baseline",
]
