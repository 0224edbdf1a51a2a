"""A self-test on disk: whole, versioned, read back as it was."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from selftest_examples import made_selftest

from bertbench.errors import RecordError, RecordWriteError
from bertbench.selftest.fault_facts import FaultRow
from bertbench.selftest.figures import IntervalFacts, RateFacts
from bertbench.selftest.record import ClassFacts, read_selftest, write_selftest
from bertbench.stats import Interval, exact_rate


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Infinite ends too: a spread of seeds that are all alike excludes nothing."""
    spread = IntervalFacts.of(Interval(0.0, 0.0, math.inf, 8, 0.95))
    seeds = ClassFacts(name="own", changed="nothing", numerics_fingerprint="a", hits={0: 9, 1: 9}, spread_points=spread)
    record = made_selftest(classes=(seeds,), code_check=RateFacts.of(exact_rate(3, 2_000)))
    path = write_selftest(tmp_path / "deep" / "folder", record)
    assert path.name == "selftest.json"
    assert read_selftest(path) == record
    assert json.loads(path.read_text())["schema_version"] == 3


def test_a_self_test_of_schema_1_is_read(tmp_path: Path) -> None:
    """Its seeds were numbered from 1, it asked for all faults; where seeds ended it did not say."""
    faults = (FaultRow(name="memory-leak", does="Leaks.", changes_numbers=False),)
    written = made_selftest(schema_version=1, faults=faults).model_dump(mode="json")
    for later in ("first_seed", "last_seed", "faults_asked", "distinct_validation_rows"):
        del written[later]
    del written["faults"][0]["slows_median_step"]
    path = tmp_path / "selftest.json"
    path.write_text(json.dumps(written))
    found = read_selftest(path)
    assert (found.first_seed, found.last_seed, found.faults_asked) == (1, None, None)
    assert found.distinct_validation_rows is None
    assert found.faults == faults


def test_a_self_test_of_schema_2_is_read(tmp_path: Path) -> None:
    """It compared no clean processes, and did not say by how much a fault slows."""
    slow = FaultRow(name="slow", does="Slow.", changes_numbers=False, slows_median_step=True, speed="fail")
    written = made_selftest(schema_version=2, faults=(slow,)).model_dump(mode="json")
    del written["unchanged_speed"]
    for later in ("median_step_slower_by", "failed_seeds", "harm_failed", "fails_too_often"):
        del written["faults"][0][later]
    path = tmp_path / "selftest.json"
    path.write_text(json.dumps(written))
    found = read_selftest(path)
    assert (found.faults, found.unchanged_speed) == ((slow,), ())


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordWriteError, match="file"):
        write_selftest(tmp_path / "file", made_selftest())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no self-test can be read"),
        ("{}", "is no self-test"),
        ('{"schema_version": 1}', "is no self-test: "),
        ('{"schema_version": 4}', "schema version 4; this bertbench reads 1, 2 and 3"),
    ],
)
def test_what_is_no_self_test_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "selftest.json"
    path.write_text(content)
    with pytest.raises(RecordError, match=said):
        read_selftest(path)


def test_one_that_is_absent_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"no self-test can be read: .*No such file"):
        read_selftest(tmp_path / "selftest.json")
