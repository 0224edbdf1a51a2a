"""What a project declares, found where pytest finds it: pytest itself is asked, layout by layout."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench import project
from bertbench.errors import ProjectError
from bertbench.project import (
    SETTINGS,
    Project,
    SpeedBase,
    baselines_of,
    gated_specs_of,
    names_in,
    project_of,
    speed_base_of,
)

INI = "[{section}]\nbertbench_gated_specs = {gated}\nbertbench_baselines = rolling, reference\n"
TOML = '[{section}]\nbertbench_gated_specs = "{gated}"\nbertbench_baselines = "rolling,reference"\n'
#: In pytest's documented order; the first two and `[tool.pytest]` since pytest 9.
FILES = {
    "pytest.toml": TOML.replace("{section}", "pytest"),
    ".pytest.toml": TOML.replace("{section}", "pytest"),
    "pytest.ini": INI.replace("{section}", "pytest"),
    ".pytest.ini": INI.replace("{section}", "pytest"),
    "pyproject.toml": TOML.replace("{section}", "tool.pytest.ini_options"),
    "tox.ini": INI.replace("{section}", "pytest"),
    "setup.cfg": INI.replace("{section}", "tool:pytest"),
}
needs_pytest_9 = pytest.mark.skipif(
    pytest.version_tuple < (9,), reason="pytest.toml and [tool.pytest] are new in pytest 9"
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, and the current folder."""
    folder = tmp_path / "project"
    (folder / "benchmarks" / "specs").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs_pytest_9 if "pytest.toml" in name else ()) for name in FILES]
)
def test_every_file_that_pytest_reads_is_read_and_named(here: Path, name: str) -> None:
    (here / name).write_text(FILES[name].format(gated=3))
    found = project_of([here / "benchmarks" / "specs"])
    assert found == Project(3, ("rolling", "reference"), name, name)
    assert found.told == (f"gated specs: 3 ({name})", f"declared baselines: rolling, reference ({name})")


@needs_pytest_9
@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(FILES, 2)))
def test_of_two_files_in_one_folder_pytests_first_wins(here: Path, first: str, second: str) -> None:
    (here / first).write_text(FILES[first].format(gated=2))
    (here / second).write_text(FILES[second].format(gated=5))
    assert project_of([here]).gated_specs_from == first


def test_before_pytest_9_its_new_files_are_none(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "pytest.toml").write_text(FILES["pytest.toml"].format(gated=2))
    (here / "pyproject.toml").write_text('[tool.pytest]\nbertbench_gated_specs = "4"\n')
    (here / "tox.ini").write_text(FILES["tox.ini"].format(gated=5))
    monkeypatch.setattr(project, "version", lambda _: "8.4.2")
    assert project_of([here]).gated_specs == 5
    monkeypatch.setattr(project, "version", lambda _: "10.0.0")
    assert project_of([here]).gated_specs == 2


def test_where_no_pytest_is_installed_the_newest_is_taken(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise project.PackageNotFoundError(name)

    monkeypatch.setattr(project, "version", absent)
    (here / "pytest.toml").write_text(FILES["pytest.toml"].format(gated=2))
    assert project_of([here]).gated_specs == 2


def test_where_nobody_says_anything_it_is_one_spec_and_nothing_is_told(here: Path) -> None:
    assert project_of([here]) == Project()
    (here / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert project_of([here]).told == ()


def test_a_file_of_pytests_without_these_settings_hides_those_above_it(here: Path) -> None:
    """As for pytest: an empty pytest.ini beside the specs is the project's settings."""
    (here / "pyproject.toml").write_text(FILES["pyproject.toml"].format(gated=3))
    (here / "benchmarks" / "pytest.ini").touch()
    assert project_of([here / "benchmarks" / "specs"]) == Project()
    assert project_of([here]).gated_specs == 3


def test_the_option_wins_and_says_so_and_baselines_stay_declared(here: Path) -> None:
    (here / "pytest.ini").write_text(FILES["pytest.ini"].format(gated=3))
    found = project_of([here], gated_specs=7)
    assert found == Project(7, ("rolling", "reference"), "--gated-specs", "pytest.ini")
    assert found.gated_specs_told == "gated specs: 7 (--gated-specs)"


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), "3", True, 2.0])
def test_an_option_that_cannot_be_meant_is_refused(here: Path, wrong: float) -> None:
    with pytest.raises(ProjectError, match=r"^gated_specs: .* was given, a whole number was expected, 1 or more"):
        project_of([here], gated_specs=wrong, option="gated_specs")  # type: ignore[arg-type]


def test_a_file_elsewhere_is_named_in_full(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "pytest.ini").write_text(FILES["pytest.ini"].format(gated=3))
    monkeypatch.chdir(here / "benchmarks")
    assert project_of([Path("specs")]).gated_specs_from == str(here / "pytest.ini")


# Speed


def test_a_speed_base_is_declared_and_may_be_said_by_an_option(here: Path) -> None:
    (here / "pytest.ini").write_text("[pytest]\nbertbench_speed_base = git:main\nbertbench_speed_budget = 20m\n")
    declared = project_of([here])
    assert (declared.speed, declared.speed_from) == (SpeedBase("git:main", 1200.0), "pytest.ini")
    assert declared.told == ("speed is held against git:main (pytest.ini)",)
    other = project_of([here], speed_base="other/bin/python")
    assert (other.speed, other.speed_from) == (SpeedBase("other/bin/python", 1200.0), "--speed-base")
    assert project_of([here], speed_budget="90s").speed == SpeedBase("git:main", 90.0)
    left_out = project_of([here], speed_base="none").speed
    assert left_out is not None
    assert not left_out.is_measured


def test_an_empty_option_does_not_switch_the_gate_off(here: Path) -> None:
    (here / "pytest.ini").write_text("[pytest]\nbertbench_speed_base = git:main\n")
    with pytest.raises(ProjectError, match=r"^--speed-base: empty text was given") as caught:
        project_of([here], speed_base=" ")
    assert caught.value.remedy == "is a variable unset? --speed-base none leaves speed undecided today"


def test_a_time_without_a_side_is_refused(here: Path) -> None:
    with pytest.raises(ProjectError, match=r"^--speed-budget: 20m was given, and no side"):
        project_of([here], speed_budget="20m")


def test_without_a_declared_base_speed_is_not_gated(here: Path) -> None:
    assert project_of([here]).speed is None
    assert project_of([here], speed_base="git:main").speed == SpeedBase("git:main", 600.0)


@pytest.mark.parametrize(
    ("side", "budget", "said"),
    [
        ("old.toml", "10m", "bertbench_speed_base: 'old.toml' was given"),
        (3, "10m", "bertbench_speed_base: 3 was given"),
        ("git:main", "soon", "bertbench_speed_budget: soon: a time above 0 was expected"),
        ("git:main", "0s", "bertbench_speed_budget: 0s: a time above 0"),
        ("git:main", 10, "bertbench_speed_budget: 10: a time above 0"),
    ],
)
def test_what_is_no_speed_base_is_refused(side: object, budget: object, said: str) -> None:
    with pytest.raises(ProjectError) as caught:
        speed_base_of(side, budget)
    assert str(caught.value).startswith(said)


# What cannot be meant


@pytest.mark.parametrize(
    ("key", "meant"), [("bertbench_gate_specs", "bertbench_gated_specs"), ("bertbench_baseline", "bertbench_baselines")]
)
def test_a_setting_that_there_is_not_is_refused(here: Path, key: str, meant: str) -> None:
    """Misspelt, it would share no error rate and miss no baseline, in silence."""
    (here / "pytest.ini").write_text(f"[pytest]\naddopts = -q\n{key} = 3\n")
    with pytest.raises(ProjectError, match=rf"pytest\.ini: {key}: there is no such setting") as caught:
        project_of([here])
    assert caught.value.remedy == f"did you mean {meant}?"
    (here / "pytest.ini").write_text(f"[pytest]\nbertbench_{30 * 'q'} = 3\n")
    with pytest.raises(ProjectError, match=r"bertbench_q+: there is no such setting") as caught:
        project_of([here])
    assert caught.value.remedy == "take the line out"


def test_settings_are_those_that_the_plugin_declares(pytestconfig: pytest.Config) -> None:
    declared = {name for name in pytestconfig._parser._inidict if name.startswith("bertbench_")}
    assert declared == set(SETTINGS)


@pytest.mark.parametrize("value", ["none", "", "0", "-2", "1.5", "3  # three", 3, True, None, ["3"], "nan"])
def test_what_is_no_number_of_specs_is_refused(value: object) -> None:
    with pytest.raises(
        ProjectError, match=r"bertbench_gated_specs: .* was given, a whole number was expected, 1 or more"
    ):
        gated_specs_of(value)


@pytest.mark.parametrize("value", ["Rolling", "rolling,rolling", "rolling,", "a b", ["rolling"], 3, None])
def test_what_is_no_list_of_baselines_is_refused(value: object) -> None:
    with pytest.raises(ProjectError, match=r"^bertbench_baselines: .* expected"):
        baselines_of(value)


def test_values_are_read_with_the_space_around_them() -> None:
    assert gated_specs_of(" 12 ") == 12
    assert baselines_of(" rolling , reference") == ("rolling", "reference")
    assert baselines_of("  ") == ()


@given(st.integers(1, 10**9))
def test_any_whole_number_of_specs_comes_back(number: int) -> None:
    assert gated_specs_of(str(number)) == number


@given(st.lists(st.from_regex(r"[a-z][a-z0-9_-]{0,9}", fullmatch=True), min_size=1, max_size=5))
def test_names_come_back_in_their_order(names: list[str]) -> None:
    assert names_in(", ".join(names)) == tuple(names)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "pytest.ini",
            "[pytest]\nbertbench_gated_specs = many\n",
            "pytest.ini: bertbench_gated_specs: 'many' was given",
        ),
        ("tox.ini", "[pytest]\nbertbench_baselines = Rolling\n", "tox.ini: bertbench_baselines: 'Rolling' is no name"),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\nbertbench_baselines = ["rolling"]\n',
            "names in one text were exp",
        ),
        ("pyproject.toml", "[tool.pytest.ini_options\n", "pyproject.toml: is no TOML"),
        ("setup.cfg", "[tool:pytest]\nx = 1\nx = 2\n", "setup.cfg: is no ini file"),
        ("pytest.ini", "bertbench_gated_specs = 3\n", "pytest.ini: is no ini file"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_by_its_name(here: Path, name: str, content: str, said: str) -> None:
    (here / name).write_text(content)
    with pytest.raises(ProjectError) as caught:
        project_of([here])
    assert said in str(caught.value)
    assert "remedy: " in str(caught.value)


def test_a_file_that_is_not_utf8_is_refused(here: Path) -> None:
    (here / "pytest.ini").write_bytes(b"[pytest]\nx = \xff\n")
    with pytest.raises(ProjectError, match=r"pytest\.ini: cannot be read"):
        project_of([here])


def test_both_tables_of_pyproject_are_refused_as_by_pytest(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "version", lambda _: "9.0.0")
    (here / "pyproject.toml").write_text('[tool.pytest]\na = "1"\n[tool.pytest.ini_options]\nb = "1"\n')
    with pytest.raises(ProjectError, match="one was expected"):
        project_of([here])


def test_numbers_of_ini_options_are_text_as_for_pytest(here: Path) -> None:
    (here / "pyproject.toml").write_text("[tool.pytest.ini_options]\nbertbench_gated_specs = 4\n")
    assert project_of([here]).gated_specs == 4


# As pytest does

#: Files, and the folders that are asked about.
LAYOUTS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "beside": ({"benchmarks/specs/tox.ini": FILES["tox.ini"]}, ("benchmarks/specs",)),
    "above": ({"tox.ini": FILES["tox.ini"]}, ("benchmarks/specs",)),
    "nearest": ({"tox.ini": FILES["tox.ini"], "benchmarks/setup.cfg": FILES["setup.cfg"]}, ("benchmarks/specs",)),
    "not pytest's": ({"setup.cfg": FILES["setup.cfg"], "benchmarks/tox.ini": "[tox]\nx = 1\n"}, ("benchmarks/specs",)),
    "empty": ({"tox.ini": FILES["tox.ini"], "benchmarks/pytest.ini": ""}, ("benchmarks/specs",)),
    "empty table": (
        {"tox.ini": FILES["tox.ini"], "benchmarks/pyproject.toml": "[tool.pytest.ini_options]\n"},
        ("benchmarks/specs",),
    ),
    "in common": (
        {"a/tox.ini": FILES["tox.ini"], "pytest.ini": FILES["pytest.ini"].replace("{gated}", "9")},
        ("a", "b"),
    ),
    "first of two": ({"a/x": "", "b/tox.ini": FILES["tox.ini"], "c/pytest.ini": ""}, ("a", "b", "c")),
    "rooted by setup.py": ({"setup.py": "", "b/tox.ini": FILES["tox.ini"]}, ("a", "b")),
    "rooted by pyproject.toml": ({"pyproject.toml": "", "b/tox.ini": FILES["tox.ini"]}, ("a", "b")),
    "percent": ({"tox.ini": FILES["tox.ini"] + "log_format = %(message)s 50%\n"}, ("a",)),
    "defaults are no section": ({"tox.ini": "[DEFAULT]\nbertbench_gated_specs = 8\n[pytest]\n"}, ("a",)),
    "case": ({"tox.ini": "[pytest]\nBERTBENCH_GATED_SPECS = 8\n"}, ("a",)),
    "comments": ({"tox.ini": "# x\n[pytest]\n; bertbench_gated_specs = 8\nbertbench_gated_specs: 2\n"}, ("a",)),
}
ASK = """
import sys, pytest
class Ask:
    def pytest_configure(self, config):
        names = config.getini("bertbench_baselines").replace(" ", "")
        print(f"ASKED {config.getini('bertbench_gated_specs')} {names}|")
pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[Ask()])
"""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_is_what_pytest_itself_finds(here: Path, layout: str) -> None:
    files, folders = LAYOUTS[layout]
    for folder in folders:
        (here / folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(content.replace("{gated}", "3"))
    command = [sys.executable, "-c", ASK, *folders]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=here)
    found = project_of([Path(folder) for folder in folders])
    assert f"ASKED {found.gated_specs} {','.join(found.baselines)}|" in said.stdout, said.stderr
