"""What a project declares once for all its commands: what is gated, and who shares its error rate.

It stands in the settings file of the project's pytest.

The file is found as pytest finds it: in the folder that all specs have in common and in those above it, in each the
first of the names below that has a section of pytest's (https://docs.pytest.org/en/stable/reference/customize.html).
pytest itself is not imported. What its own command line changes (`-c`, `-o`, `--rootdir`) is not known here.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bertbench.baseline import different_names
from bertbench.errors import BaselineError, ProjectError
from bertbench.spec.nearest import nearest
from bertbench.time_spans import seconds_in

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GATED_SPECS = "bertbench_gated_specs"
BASELINES = "bertbench_baselines"
SPEED_BASE = "bertbench_speed_base"
SPEED_BUDGET = "bertbench_speed_budget"
#: Time for the pairs of one spec, if nobody says.
USUAL_SPEED_BUDGET = "10m"
#: In place of a side: speed is not measured today, so that it is undecided.
NO_SPEED = "none"

#: All that the pytest plugin reads.
SETTINGS = (
    GATED_SPECS,
    BASELINES,
    SPEED_BASE,
    SPEED_BUDGET,
    "bertbench_audit",
    "bertbench_logdir",
    "bertbench_store",
)
_OURS = "bertbench_"

#: The first pytest that knows `pytest.toml` and `[tool.pytest]`, where numbers and lists keep their types.
_NATIVE_TOML_SINCE = 9

#: Files that make a folder the root of a project, whatever stands in them.
_ROOTS = ("pyproject.toml", "setup.py")

Settings = Mapping[str, object]


@dataclass(frozen=True)
class SpeedBase:
    """What the step of every spec is held against.

    Attributes:
        side: `git:REV` or `path/to/python`, as for `bertbench ab --base`; `none` is not measured, and so undecided.
        budget_seconds: For all processes of one spec, above 0.
    """

    side: str
    budget_seconds: float

    @property
    def is_measured(self) -> bool:
        """Whether there is a side to measure."""
        return self.side != NO_SPEED


@dataclass(frozen=True)
class Project:
    """What is gated, and who shares the project's error rate.

    Attributes:
        gated_specs: Specs whose quality and speed the project gates, one or more; 1 if nobody says.
        baselines: Names that the project keeps; empty if it declares none.
        gated_specs_from: Who says how many, such as `pyproject.toml` or `--gated-specs`; empty if nobody does.
        baselines_from: The file that declares baselines; empty if none does.
        speed: What speed is held against; None if the project gates none.
        speed_from: Who says so, such as `pyproject.toml` or `--speed-base`; empty if nobody does.
    """

    gated_specs: int = 1
    baselines: tuple[str, ...] = ()
    gated_specs_from: str = ""
    baselines_from: str = ""
    speed: SpeedBase | None = None
    speed_from: str = ""

    @property
    def gated_specs_told(self) -> str:
        """In words, such as 'gated specs: 3 (pyproject.toml)'; empty if nobody says."""
        return f"gated specs: {self.gated_specs} ({self.gated_specs_from})" if self.gated_specs_from else ""

    @property
    def told(self) -> tuple[str, ...]:
        """All that is said by somebody, in words, a line each."""
        names = f"declared baselines: {', '.join(self.baselines)} ({self.baselines_from})" if self.baselines else ""
        speed = f"speed is held against {self.speed.side} ({self.speed_from})" if self.speed else ""
        return tuple(filter(None, (self.gated_specs_told, names, speed)))


def gated_specs_of(value: object) -> int:
    """The value of `bertbench_gated_specs`, wherever it stands.

    Raises:
        ProjectError: If it is no text of a whole number of 1 or more; pytest, too, takes no other type for it.
    """
    try:
        number = int(value) if isinstance(value, str) else 0
    except ValueError:
        number = 0
    if number < 1:
        raise ProjectError(
            f"{GATED_SPECS}: {value!r} was given, a whole number was expected, 1 or more, as text",
            remedy=f'{GATED_SPECS} = 3 in an ini file, {GATED_SPECS} = "3" in TOML',
        )
    return number


def baselines_of(value: object) -> tuple[str, ...]:
    """The value of `bertbench_baselines`, wherever it stands; empty text declares none.

    Raises:
        ProjectError: If it is no text of different names with commas between them.
    """
    remedy = f"{BASELINES} = rolling,reference in an ini file, in quotes in TOML"
    if not isinstance(value, str):
        raise ProjectError(f"{BASELINES}: {value!r} was given, names in one text were expected", remedy=remedy)
    try:
        return different_names(names_in(value))
    except BaselineError as error:
        raise ProjectError(f"{BASELINES}: {error.message}", remedy=remedy) from None


def speed_base_of(
    side: object, budget: object, *, names: tuple[str, str] = (SPEED_BASE, SPEED_BUDGET)
) -> SpeedBase | None:
    """The values of `bertbench_speed_base` and `bertbench_speed_budget`, wherever they stand.

    Args:
        side: Empty text gates no speed.
        budget: A time such as `10m`.
        names: What whoever gave them calls them.

    Returns:
        None if speed is not gated.

    Raises:
        ProjectError: If they are no texts of a side that every spec has, and of a time above 0.
    """
    if not isinstance(side, str) or side.strip().endswith(".toml"):
        raise ProjectError(
            f"{names[0]}: {side!r} was given, a side that every spec has was expected: git:REV or path/to/python",
            remedy=f"{names[0]} = git:main, in quotes in TOML; two specs are compared by bertbench ab",
        )
    try:
        budget_seconds = seconds_in(budget if isinstance(budget, str) else repr(budget))
    except ValueError as error:
        raise ProjectError(f"{names[1]}: {error}", remedy=f"{names[1]} = {USUAL_SPEED_BUDGET}") from None
    return SpeedBase(side.strip(), budget_seconds) if side.strip() else None


def refuse_no_side(side: str | None, budget: str | None, *, declared: bool, names: tuple[str, str]) -> None:
    """An option that is empty, or a time for nothing, would leave speed ungated in silence.

    Args:
        side: As an option gives it; None if it is not given.
        budget: Likewise.
        declared: Whether the project declares a side.
        names: Of the two options.

    Raises:
        ProjectError: If the side is empty, or there is none for the time.
    """
    if side is not None and not side.strip():
        raise ProjectError(
            f"{names[0]}: empty text was given, git:REV or path/to/python was expected",
            remedy=f"is a variable unset? {names[0]} {NO_SPEED} leaves speed undecided today",
        )
    if budget is not None and side is None and not declared:
        raise ProjectError(
            f"{names[1]}: {budget} was given, and no side to hold speed against", remedy=f"give {names[0]}, too"
        )


def names_in(text: str) -> tuple[str, ...]:
    """What stands between commas; nothing in empty text."""
    return tuple(name.strip() for name in text.split(",")) if text.strip() else ()


def project_of(
    folders: Iterable[Path],
    *,
    gated_specs: int | None = None,
    option: str = "--gated-specs",
    speed_base: str | None = None,
    speed_budget: str | None = None,
) -> Project:
    """What the project of some specs declares; some of it may be said by the caller instead.

    Args:
        folders: In which the specs are; the current one if there are none.
        gated_specs: In place of what the project declares.
        option: What the caller calls it.
        speed_base: In place of what the project declares.
        speed_budget: Likewise.

    Raises:
        ProjectError: If a file that pytest would read cannot be read, or holds or is given what cannot be meant.
    """
    project = _with_speed(_declared(folders), speed_base, speed_budget)
    if gated_specs is None:
        return project
    if type(gated_specs) is not int or not gated_specs >= 1:
        raise ProjectError(f"{option}: {gated_specs!r} was given, a whole number was expected, 1 or more")
    return replace(project, gated_specs=gated_specs, gated_specs_from=option)


def _declared(folders: Iterable[Path]) -> Project:
    path, settings = _settings_file(folders)
    shown = _shown(path) if path else ""
    _refuse_unknown(settings, shown)
    try:
        declared = Project(
            gated_specs=gated_specs_of(settings.get(GATED_SPECS, "1")),
            baselines=baselines_of(settings.get(BASELINES, "")),
            gated_specs_from=shown if GATED_SPECS in settings else "",
            baselines_from=shown if BASELINES in settings else "",
            speed=speed_base_of(settings.get(SPEED_BASE, ""), settings.get(SPEED_BUDGET, USUAL_SPEED_BUDGET)),
        )
    except ProjectError as error:
        raise ProjectError(f"{shown}: {error.message}", remedy=error.remedy) from None
    return replace(declared, speed_from=shown if declared.speed else "")


def _with_speed(project: Project, side: str | None, budget: str | None) -> Project:
    """What the caller says in place of what the project declares."""
    if side is None and budget is None:
        return project
    refuse_no_side(side, budget, declared=bool(project.speed), names=("--speed-base", "--speed-budget"))
    declared = project.speed or SpeedBase("", seconds_in(USUAL_SPEED_BUDGET))
    chosen = speed_base_of(
        declared.side if side is None else side,
        f"{declared.budget_seconds}s" if budget is None else budget,
        names=("--speed-base", "--speed-budget"),
    )
    return replace(project, speed=chosen, speed_from=project.speed_from if side is None else "--speed-base")


def refuse_unknown_in(path: Path) -> None:
    """What looks like a setting of ours and is none would change nothing in silence.

    Args:
        path: The file that pytest took; one of a name that is none of pytest's, as with `-c`, is not looked into.

    Raises:
        ProjectError: If one begins like ours and is none, or the file cannot be read.
    """
    reader = _readers().get(path.name)
    if reader is not None:
        _refuse_unknown(reader(path) or {}, _shown(path))


def _refuse_unknown(settings: Settings, shown: str) -> None:
    unknown = [key for key in settings if key.startswith(_OURS) and key not in SETTINGS]
    if unknown:
        raise ProjectError(
            f"{shown}: {', '.join(unknown)}: there is no such setting; there are {', '.join(SETTINGS)}",
            remedy=f"did you mean {guess}?" if (guess := nearest(unknown[0], SETTINGS)) else "take the line out",
        )


def _settings_file(folders: Iterable[Path]) -> tuple[Path | None, Settings]:
    """As pytest looks: from the folder that all have in common upwards, then from each, unless a root is known."""
    # Links stay as they are, for pytest and for us.
    own = [Path(os.path.abspath(folder)) for folder in folders] or [Path.cwd()]  # noqa: PTH100 - resolve() follows them
    common = Path(os.path.commonpath(own))
    is_rooted = any((above / name).is_file() for above in (common, *common.parents) for name in _ROOTS)
    for start in (common, *(() if is_rooted else own)):
        for folder in (start, *start.parents):
            for name, sections in _readers().items():
                path = folder / name
                if path.is_file() and (settings := sections(path)) is not None:
                    return path, settings
    return None, {}


def _readers() -> dict[str, Callable[[Path], Settings | None]]:
    """Names in pytest's order; each reader gives None where the file has no section of pytest's."""
    newer = {"pytest.toml": _pytest_toml, ".pytest.toml": _pytest_toml} if _knows_native_toml() else {}
    return {
        **newer,
        "pytest.ini": _pytest_ini,
        ".pytest.ini": _pytest_ini,
        "pyproject.toml": _pyproject,
        "tox.ini": lambda path: _ini_section(path, "pytest"),
        "setup.cfg": lambda path: _ini_section(path, "tool:pytest"),
    }


def _knows_native_toml() -> bool:
    """Whether the pytest that is installed does; where there is none, a newest one is taken to be used elsewhere."""
    try:
        return int(version("pytest").partition(".")[0]) >= _NATIVE_TOML_SINCE
    except PackageNotFoundError:
        return True


def _pytest_toml(path: Path) -> Settings:
    """Of a file that is always pytest's, even if it is empty."""
    return _table(_toml(path), "pytest")


def _pytest_ini(path: Path) -> Settings:
    """Of a file that is always pytest's, even if it is empty."""
    return _ini_section(path, "pytest") or {}


def _pyproject(path: Path) -> Settings | None:
    tool = _table(_table(_toml(path), "tool"), "pytest")
    native = {key: value for key, value in tool.items() if key != "ini_options"} if _knows_native_toml() else {}
    if native and _table(tool, "ini_options"):
        raise ProjectError(
            f"{_shown(path)}: has both [tool.pytest] and [tool.pytest.ini_options], one was expected",
            remedy="move all settings into one of them, as pytest asks for",
        )
    if native:
        return native
    if "ini_options" not in tool:
        return None
    # As in an ini file, all but lists are text.
    return {k: v if isinstance(v, list) else str(v) for k, v in _table(tool, "ini_options").items()}


def _ini_section(path: Path, section: str) -> Settings | None:
    """Values as they stand: no interpolation, no defaults, names with their case."""
    parser = configparser.RawConfigParser(default_section="")
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # the way that the library documents
    try:
        parser.read_string(_text(path), source=_shown(path))
    except configparser.Error as error:
        raise ProjectError(f"{_shown(path)}: is no ini file: {error}", remedy="correct the file") from None
    return dict(parser[section]) if parser.has_section(section) else None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(f"{_shown(path)}: is no TOML: {error}", remedy="correct the file") from None


def _table(above: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table of a table; empty if there is none."""
    found = above.get(name, {})
    return found if isinstance(found, Mapping) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{_shown(path)}: cannot be read: {error}", remedy="make it a readable UTF-8 file") from None


def _shown(path: Path) -> str:
    """From the current folder on, if it lies there."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
