"""The commands that make the tables of docs/method.md: they run, they say what they did, they write only their part."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
COMMANDS = ("gate_rates.py", "interval_coverage.py")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """Gives a command as a module, with its neighbours to be found."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))

    def module(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"tables_{name}", BENCHMARKS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, made)  # dataclasses look their module up
        spec.loader.exec_module(made)
        return made

    return module


def lines_of(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]


def test_gate_rates_add_up_and_repeat(load, capsys: pytest.CaptureFixture[str]) -> None:
    command = load("gate_rates")
    arguments = ["--trials", "20", "--banks", "3", "--bank-trials", "10"]
    command.main(arguments)
    printed = capsys.readouterr().out
    rows = [cells for cells in lines_of(printed) if len(cells) == 6 and cells[0] != "truth"]
    assert len(rows) == 34
    for cells in rows:
        rates = [float(cell.split(" ")[0]) for cell in cells[1:4]]
        assert sum(rates) == pytest.approx(100, abs=0.1)
        assert 4 <= float(cells[4]) <= 20
    command.main(arguments)
    assert capsys.readouterr().out == printed


def test_a_missed_promise_is_said(load) -> None:
    """On twenty runs nothing is close: a margin lost by a spec without spread always fails, and never passes."""
    command = load("gate_rates")
    certain = command.one("one row", 3.0, "same", spread_points=0.1)
    seen = command.simulate_runs(certain.checks, trials=20, generator=command.np.random.default_rng(0))
    assert command.kept(command.Case("", certain.checks, "same"), seen).startswith("**missed: fail <= 1 %, pass >= 95")
    assert command.kept(command.Case("", certain.checks, "point"), seen) == "kept"
    assert command.kept(command.Case("", certain.checks), seen) == "no goal"


def test_coverage_names_interval_sample_and_truth(load, capsys: pytest.CaptureFixture[str]) -> None:
    command = load("interval_coverage")
    command.mean_of = lambda draw: float(draw(command.np.random.default_rng(1), 20_000).mean())
    command.main(["--cases", "20"])
    rows = [cells for cells in lines_of(capsys.readouterr().out) if cells[0] != "interval"]
    assert len(rows) > 30
    for cells in rows:
        assert re.search(r"\(.*\d+ (seeds|pairs|trials)\)", cells[0])
        assert float(cells[3].split(" ")[0]) >= 50


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_without_marks_is_refused_before_anything_is_counted(name: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no marks\n")
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / name), "--out", str(page)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"made by benchmarks/{name}" in done.stderr
    assert page.read_text() == "no marks\n"


def test_what_people_wrote_stays(load) -> None:
    between = load("marked").between_marks
    page = "before\n<!-- made by x -->\nold\n<!-- end of what x made -->\nafter\n"
    made = between(page, "new", mark="x")
    assert made == "before\n<!-- made by x -->\n\nnew\n<!-- end of what x made -->\nafter\n"
    assert between(made, "new", mark="x") == made


@pytest.mark.parametrize("name", COMMANDS)
def test_method_has_the_tables(name: str) -> None:
    """As made by the command, at full size."""
    page = (ROOT / "docs/method.md").read_text(encoding="utf-8")
    _, begin, rest = page.partition(f"<!-- made by benchmarks/{name} -->")
    table, end, _ = rest.partition(f"<!-- end of what benchmarks/{name} made -->")
    assert begin
    assert end
    assert f"`python benchmarks/{name} --" in table
    assert ("--trials 20000" in table) or ("--cases 10000" in table)
