"""A matrix for people: table, lines, Markdown, JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from matrix_examples import failed_in, run_in, store_of

from bertbench.errors import RecordWriteError
from bertbench.matrix.building import build_matrices
from bertbench.matrix.choosing import choose
from bertbench.matrix.fields import Matrix
from bertbench.report.matrix_files import write_json, write_markdown
from bertbench.report.matrix_table import matrix_lines, matrix_table, row
from bertbench.report.terminal import rendered


@pytest.fixture
def matrix(tmp_path: Path) -> Matrix:
    """Two environments of other bits, and one that is not there."""
    store = store_of(
        tmp_path / "store",
        run_in("1"),
        run_in("2", keras="3.12.4", bits=1, step_seconds=0.25),
        failed_in("3", "keras-hub is not installed | <b>\n  remedy: install it", engine="keras-hub"),
    )
    (matrix,) = build_matrices(choose(store), store)
    return matrix


def test_what_differs_from_the_reference_has_a_star(matrix: Matrix) -> None:
    shown = rendered(matrix_table(matrix), width=160, colour=False)
    assert shown.startswith("seed_card, commit aaaaaaaaaa: 3 environments")
    lines = {line.split()[0]: line for line in shown.splitlines()[2:]}
    assert re.search(r"0\.96\d\d +2 +reference +125 ms +- +A$", lines["py311-tf2.21-keras3.15-native"].rstrip())
    assert re.search(r"\*undecided +250 ms +2\.00 +\*B$", lines["py311-tf2.21-keras3.12-native"].rstrip())
    assert re.search(r"fail +- +0 +\*fail +- +- +-$", lines["py311-tf2.21-keras3.15-keras-hub"].rstrip())


def test_bits_that_were_not_compared_have_no_star(tmp_path: Path) -> None:
    store = store_of(tmp_path, run_in("1"), run_in("2", keras="3.12.4", bits=1, hits={5: 290}))
    (matrix,) = build_matrices(choose(store), store)
    assert [row(cell)[-1] for cell in matrix.cells] == ["A", "B"]
    assert any(line.startswith("bits: no seed ran in both of A and B") for line in matrix_lines(matrix))


def test_below_stand_reasons_separations_and_what_speed_is_worth(matrix: Matrix) -> None:
    lines = list(matrix_lines(matrix))
    (missing,) = [line for line in lines if "keras-hub: " in line and "not installed" in line]
    assert "run: fail" in missing
    assert "| <b> remedy: install it" in missing  # one line
    assert any("bits: native on tensorflow: all environments with keras < 3.15.1" in line for line in lines)
    assert any("bertbench ab" in line for line in lines)


def test_what_is_said_of_several_is_said_once(tmp_path: Path) -> None:
    others = [run_in(str(number), keras=f"3.{number}.0", bits=number) for number in (2, 3)]
    store = store_of(tmp_path, run_in("1"), *others)
    (matrix,) = build_matrices(choose(store), store)
    (line,) = [line for line in matrix_lines(matrix) if "quality" in line]
    assert line.startswith("py311-tf2.21-keras3.2-native, py311-tf2.21-keras3.3-native: quality: undecided: ")
    assert "a bank of 2 seeds says nothing of quality" in line
    assert "Baseline" not in line


def test_markdown_is_a_page_that_nobody_breaks(matrix: Matrix, tmp_path: Path) -> None:
    write_markdown(tmp_path / "new" / "matrix.md", [matrix])
    page = (tmp_path / "new" / "matrix.md").read_text()
    assert "## seed_card, commit aaaaaaaaaa" in page
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert len(table) == 5
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {9}
    assert "<b>" not in page.replace("\\<b>", "")


def test_json_has_every_cell(matrix: Matrix, tmp_path: Path) -> None:
    write_json(tmp_path / "matrix.json", [matrix])
    written = json.loads((tmp_path / "matrix.json").read_text())
    assert (written["schema_version"], written["outcome"]) == (1, "fail")
    (benchmark,) = written["benchmarks"]
    assert benchmark["reference"] == "py311-tf2.21-keras3.15-native"
    cells = {cell["name"]: cell for cell in benchmark["environments"]}
    other = cells["py311-tf2.21-keras3.12-native"]
    assert (other["bits"], other["step_ratio"], other["packages"]["keras"]) == ("B", 2.0, "3.12.4")
    assert "seed 0" in other["differs"]
    assert other["quality"]["outcome"] == "no_baseline"


def test_what_cannot_be_written_is_said(matrix: Matrix, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordWriteError, match="cannot be written"):
        write_json(tmp_path / "file" / "matrix.json", [matrix])
