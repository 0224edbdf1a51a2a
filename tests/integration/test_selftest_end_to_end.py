"""A self-test with real processes and a tiny BERT; only its clock is ours, so that no machine is too slow for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_bench import write_small_bench

from bertbench.faults import CATALOGUE
from bertbench.processes import Request, run_request
from bertbench.record import RunRecord
from bertbench.selftest.session import self_test
from bertbench.selftest.settings import Settings
from bertbench.suite import load_benchmark

NAMES = ("labels-changed-30", "learning-rate-up", "steps-10-percent-slower")


@pytest.mark.slow
def test_real_processes_agree_and_real_faults_are_seen(tmp_path: Path, tiny_bert_folder: Path) -> None:
    """Five processes of one seed, one more before faults are put in, and one for each of three faults."""
    now = [0.0]

    def runner(request: Request) -> RunRecord:
        now[0] += 10.0 + len(request.spec.training.seeds)
        return run_request(request)

    found, folder = self_test(
        load_benchmark(write_small_bench(tmp_path, tiny_bert_folder, runtime__threads=1)),
        tmp_path / "out",
        Settings(400.0, parts=("processes", "faults"), simulated_speed_runs=20, fault_seeds=2),
        faults=[CATALOGUE[name] for name in NAMES],
        runner=runner,
        clock=lambda: now[0],
    )
    assert found.processes is not None
    assert (found.processes.processes, found.processes.other_bits) == (5, ())
    rows = {row.name: row for row in found.faults}
    assert rows["labels-changed-30"].identity == "differs"
    assert rows["learning-rate-up"].caught_by == "lock"
    assert (rows["steps-10-percent-slower"].identity, rows["steps-10-percent-slower"].lock) == ("equal", "pass")
    assert {row.changed_numbers for row in found.faults if row.changes_numbers} == {True}
    assert found.outcome == "pass"
    assert len(list((folder / "runs").iterdir())) == 9
