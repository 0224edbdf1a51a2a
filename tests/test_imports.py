"""Imports go one way: rooms stand on floors, and every import goes down. And light things stay light.

The floors are those of docs and design: what is measured knows nothing of who asks, the verdict knows nothing of
TensorFlow, and training knows nothing of pytest or the store.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bertbench"

#: From the ground up. A room may import rooms of lower floors only, so rooms of one floor know nothing of each other.
FLOORS: tuple[frozenset[str], ...] = tuple(
    map(
        frozenset,
        (
            {"banners", "errors", "parent_watch", "sigterm", "time_spans", "version"},
            {"atomic", "digests", "phases", "quantities", "seed_list", "seeds", "stats", "versioned"},
            {"spec"},
            {"append_only", "record"},
            {"baseline", "checkpoints", "data", "machine_watch", "metrics", "observers", "runtime", "utilization"},
            {"engines", "evidence", "project"},
            {"fine_tuning", "verdict"},
            {"faults"},
            {"attempts", "store", "training"},
            {"comparing", "processes"},
            {"ab", "gathering"},
            {"gated_speed"},
            {"suite"},
            {"matrix", "orphans", "selftest", "session"},
            {"report"},
            {"api"},
            {"cli_shared", "pytest_plugin", "worker"},
            {"cli_ab", "cli_baseline", "cli_faults", "cli_matrix", "cli_views"},
            {"cli_run", "cli_selftest"},
            {"cli"},
            {"__main__"},
        ),
    )
)

#: Libraries that take seconds to load. Loaded at import time by the engines that compute with them, and by nobody else.
HEAVY = ("tensorflow", "keras", "torch", "jax", "keras_hub", "transformers", "datasets", "pyarrow")
#: Each engine has a package of its own, loaded when it is created.
COMPUTES = re.compile(r"bertbench\.engines\.\w+\.")


#: What lies beside the packages: the protocol and what engines share.
LIGHT_ENGINE_MODULES = [
    f"bertbench.engines.{path.stem}" for path in (ROOT / "bertbench" / "engines").glob("*.py") if path.stem[0] != "_"
]


def computes(module: str) -> bool:
    """Whether a module belongs to an engine, and may load what it computes with."""
    return bool(COMPUTES.match(f"{module}.")) and module not in LIGHT_ENGINE_MODULES


class Import(NamedTuple):
    """One import of one of our modules, or of a library."""

    where: str
    importer: str
    imported: str
    type_only: bool
    at_import_time: bool


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(module: str) -> str:
    """The part of the package that a module belongs to; empty for the package itself."""
    return module.split(".")[1] if "." in module else ""


def imports_of(module: str, path: Path) -> Iterator[Import]:
    """Everything a module imports, also inside functions."""
    yield from _walk(ast.parse(path.read_text(encoding="utf-8")), module, path, type_only=False, at_import_time=True)


def _walk(node: ast.AST, module: str, path: Path, *, type_only: bool, at_import_time: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        for imported in _imported(child):
            yield Import(f"{path.relative_to(ROOT)}:{child.lineno}", module, imported, type_only, at_import_time)
        yield from _walk(
            child,
            module,
            path,
            type_only=type_only or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)),
            at_import_time=at_import_time and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)),
        )


def _imported(node: ast.AST) -> list[str]:
    """Modules that a statement imports; of `from bertbench import runtime`, the module `bertbench.runtime`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = "." * node.level + (node.module or "")
    below = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in MODULES else base for name in below]


def ours(imports: Iterator[Import] | list[Import]) -> list[Import]:
    return [found for found in imports if found.imported.split(".")[0] in ("bertbench", "")]


EVERY_IMPORT = [found for module, path in MODULES.items() for found in imports_of(module, path)]


# One way


def floor_of(room: str) -> int:
    for number, floor in enumerate(FLOORS):
        if room in floor:
            return number
    pytest.fail(f"bertbench/{room} stands on no floor: give it one in tests/test_imports.py")


def upward(imports: list[Import]) -> list[str]:
    """Drawings of imports that do not go down."""
    drawings = []
    for found in imports:
        importer, imported = room_of(found.importer), room_of(found.imported)
        if importer and importer != imported and floor_of(imported) >= floor_of(importer):
            drawings.append(
                f"{found.where}: {importer} (floor {floor_of(importer)}) -> {imported} (floor {floor_of(imported)})"
            )
    return drawings


def test_every_import_goes_down() -> None:
    assert upward([found for found in ours(EVERY_IMPORT) if room_of(found.imported)]) == []


def test_every_room_stands_on_one_floor() -> None:
    rooms = {room_of(module) for module in MODULES} - {""}
    floors = [room for floor in FLOORS for room in floor]
    assert rooms == set(floors)
    assert len(floors) == len(set(floors))


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("bertbench.spec.fields", "bertbench.record"),
        ("bertbench.training", "bertbench.store"),
        ("bertbench.training", "bertbench.pytest_plugin"),
        ("bertbench.verdict.thresholds", "bertbench.training"),
        ("bertbench.data.rows", "bertbench.checkpoints.files"),
    ],
)
def test_import_that_goes_up_or_sideways_is_drawn(importer: str, imported: str) -> None:
    """The walk itself: it must be able to find something."""
    (drawing,) = upward([Import("bertbench/x.py:7", importer, imported, type_only=False, at_import_time=True)])
    assert drawing.startswith("bertbench/x.py:7: ")
    assert f"{room_of(importer)} (floor " in drawing
    assert f"-> {room_of(imported)} (floor " in drawing


def test_nobody_imports_the_package_itself() -> None:
    """It loads public names from everywhere, so whoever imports it imports everything."""
    assert [found.where for found in ours(EVERY_IMPORT) if found.imported == "bertbench"] == []


def test_imports_are_written_out() -> None:
    assert [found.where for found in EVERY_IMPORT if found.imported.startswith(".")] == []


# No circle


def circle(edges: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle; empty if there is none."""
    done: set[str] = set()

    def visit(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return []
        for imported in sorted(edges.get(module, ())):
            if found := visit(imported, [*trail, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(edges) if (found := visit(module, []))), [])


def test_no_modules_import_each_other_in_a_circle() -> None:
    edges: dict[str, set[str]] = {}
    for found in ours(EVERY_IMPORT):
        if not found.type_only:
            edges.setdefault(found.importer, set()).add(found.imported)
    assert " -> ".join(circle(edges)) == ""


def test_circle_is_drawn() -> None:
    assert circle({"a": {"b"}, "b": {"c", "d"}, "c": {"d"}, "d": {"b"}}) == ["b", "c", "d", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


# Light


def test_heavy_libraries_are_loaded_by_engines_alone() -> None:
    eager = [
        f"{found.where}: {found.imported}"
        for found in EVERY_IMPORT
        if found.imported.split(".")[0] in HEAVY and found.at_import_time and not found.type_only
        if not computes(found.importer)
    ]
    assert eager == []


#: Printed by each process below: the heavy libraries it has loaded.
LOADED = f"print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}} & {set(HEAVY)!r})), file=sys.stderr)"


def heavy_after(code: str, *, folder: Path = ROOT) -> list[str]:
    """The heavy libraries that a fresh process has loaded after *code*."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    finished = subprocess.run(
        [sys.executable, "-c", f"import json, sys\ntry:\n    {code}\nfinally:\n    {LOADED}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return json.loads(finished.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    "code",
    [
        "import bertbench; assert 'run' in dir(bertbench)",
        "import bertbench; bertbench.RunRecord, bertbench.read_spec, bertbench.Store, bertbench.run, bertbench.Check",
        "import bertbench; bertbench.compare, bertbench.Verdict",
        "import bertbench.cli",
        "from bertbench.cli import run; run(['--version'])",
        "from bertbench.cli import run; run(['--help'])",
        "from bertbench.cli import run; run(['run', '--help'])",
        "import bertbench.ab.comparing, bertbench.ab.sides, bertbench.report.ab_table",
        "import bertbench.matrix.building, bertbench.report.matrix_table",
        "import bertbench.pytest_plugin",
        "import bertbench.suite, bertbench.verdict, bertbench.report.verdict_table, bertbench.runtime",
    ],
)
def test_light_things_load_nothing_heavy(code: str) -> None:
    assert heavy_after(code) == []


def test_collecting_specs_loads_nothing_heavy() -> None:
    """Whoever asks what tests there are does not wait for TensorFlow."""
    code = "import pytest; assert pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider', 'benchmarks']) == 0"
    assert heavy_after(code) == []


def test_heavy_library_would_be_seen(tmp_path: Path) -> None:
    """The check itself, with a module of that name that loads at once."""
    (tmp_path / "keras.py").write_text("")
    assert heavy_after("sys.path.insert(0, '.'); import keras", folder=tmp_path) == ["keras"]


WITHOUT_TENSORFLOW = f"""
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {HEAVY!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
"""


def without_tensorflow(code: str) -> str:
    """What *code* prints where no heavy library can be imported."""
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW + code], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_all_but_the_engines_can_be_imported_without_tensorflow() -> None:
    light = [name for name in MODULES if not computes(name) and not name.endswith("__main__")]
    printed = without_tensorflow(f"for name in {light!r}: importlib.import_module(name)\nprint('all')")
    assert printed == "all\n"


def test_records_are_judged_and_shown_without_tensorflow(tmp_path: Path) -> None:
    """Baselines can be read, compared and reported on where nothing can be trained."""
    printed = without_tensorflow(f"""
from pathlib import Path
from record_maker import make_record, make_spec
from bertbench.report.epoch_table import epoch_table, run_summary
from bertbench.report.run_list import run_list
from bertbench.report.summary import write_summary
from bertbench.report.terminal import rendered
from bertbench.report.verdict_table import verdict_sentence, verdict_table
from bertbench.store import Store
from bertbench.suite import Benchmark, Result
from bertbench.verdict import judge_run

spec = make_spec(
    training={{"seeds": [0, 1]}},
    expect=[{{"quantity": "validation_accuracy", "at_least": 0.9, "over": "lower_bound"}}],
    budget=[{{"quantity": "step_seconds", "at_most": 1.0}}],
)
store = Store(Path({str(tmp_path)!r}))
store.write(make_record(run_id="one", spec=spec))
repeat = make_record(run_id="two", repeats="one", spec=make_spec(training={{"seeds": [0]}}))
record = store.read("one")
result = Result(Benchmark(record.spec, Path()), record, repeat, judge_run(record, repeat))
for table in (verdict_table([result]), run_list(store.entries()), run_summary(record), epoch_table(record.seeds[0])):
    print(rendered(table, width=200, colour=False))
print(verdict_sentence([result]))
write_summary(Path({str(tmp_path)!r}) / "summary.json", [result])
""")
    assert "validation_accuracy_lower_bound" in printed
    assert "budget_step_seconds" in printed
    assert "identity_on_repeat" in printed
    assert json.loads((tmp_path / "summary.json").read_text())


def test_runs_are_compared_with_baselines_without_tensorflow(tmp_path: Path) -> None:
    """Also where bits differ, and quality is judged."""
    printed = without_tensorflow(f"""
from pathlib import Path
from baseline_examples import BANK, baseline_of, run_of
from bertbench.baseline import write_baseline
from bertbench.comparing import Against
from bertbench.store import Store
from bertbench.suite import Benchmark, Result, with_comparison

folder = Path({str(tmp_path)!r})
write_baseline(folder / "baselines", "rolling", baseline_of())
run = run_of(dict(list(BANK.items())[:8]), bits=1)
result = with_comparison(Result(Benchmark(run.spec, folder), run, None, ()), Store(folder), Against(("rolling",)))
print(*(f"{{check.name}}={{check.outcome}}" for check in result.checks))
""")
    assert printed == "identity_with_rolling=pass quality_against_rolling=pass\n"
