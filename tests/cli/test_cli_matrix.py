"""`bertbench matrix`: statuses and files."""

from __future__ import annotations

import json

import pytest
from baseline_examples import BANK
from cli_shell import Shell
from matrix_examples import failed_in, run_in, store_of

from bertbench import cli
from bertbench.record import RunRecord


@pytest.mark.parametrize(
    ("second", "status"),
    [
        (run_in("2", python="3.12.1"), cli.PASS),
        (run_in("2", python="3.12.1", bits=1), cli.UNDECIDED),
        (failed_in("2", "not installed", python="3.12.1"), cli.FAIL),
    ],
)
def test_the_status_is_that_of_the_worst_cell(shell: Shell, second: RunRecord, status: int) -> None:
    store_of(shell.store.folder, run_in("1"), second)
    assert shell("matrix") == status
    assert "py312-tf2.21-keras3.15-native" in shell.out


def test_files_and_a_reference_by_name(shell: Shell) -> None:
    store_of(shell.store.folder, run_in("1"), run_in("2", python="3.12.1"))
    assert shell("matrix", "seed_card", "--reference", "py311", "--json", "m.json", "--markdown", "m.md") == cli.PASS
    written = json.loads((shell.folder / "m.json").read_text())
    assert written["benchmarks"][0]["reference"] == "py311-tf2.21-keras3.15-native"
    assert "| py311-tf2.21-keras3.15-native | pass |" in (shell.folder / "m.md").read_text()


def test_a_spec_spends_its_share_of_the_projects_error_rate(shell: Shell) -> None:
    """As the project declares, or the option says."""
    store_of(shell.store.folder, run_in("1", hits=BANK), run_in("2", python="3.12.1", bits=1, hits=BANK))

    def level(*arguments: str) -> float:
        shell("matrix", "--json", "m.json", *arguments)
        (benchmark,) = json.loads((shell.folder / "m.json").read_text())["benchmarks"]
        qualities = [one["quality"] for one in benchmark["environments"] if one["quality"]]
        return float(qualities[0]["numbers"]["fail_level"])

    alone = level()
    assert "gated specs" not in shell.out
    (shell.folder / "pytest.ini").write_text("[pytest]\nbertbench_gated_specs = 5\n")
    assert level() == pytest.approx(alone / 5)
    assert "gated specs: 5 (pytest.ini)\n" in shell.out
    assert level("--gated-specs", "2") == pytest.approx(alone / 2)


def test_what_cannot_be_meant_is_a_usage_error(shell: Shell) -> None:
    assert shell("matrix") == cli.USAGE
    assert "holds no runs" in shell.err
    store_of(shell.store.folder, run_in("1"))
    assert shell("matrix", "--reference", "py27") == cli.USAGE
    assert "is no environment" in shell.err
