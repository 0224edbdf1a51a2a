"""Finding and calling a factory of the user's own: what is wrong is told in one line, with the user's own line."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bertbench.engines.own_model.factory import find_factory, search_folders
from bertbench.errors import EngineError, SpecError

TASK: Any = SimpleNamespace(label_names=("one", "two"))


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """No module and no folder of a test stays behind."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With a `pyproject.toml`, specs two folders down, and a package in `src`."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "benchmarks" / "specs").mkdir(parents=True)
    (tmp_path / "src" / "own_package").mkdir(parents=True)
    return tmp_path


def write(folder: Path, text: str, name: str = "own_train.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("place", ["benchmarks/specs", "benchmarks", "."])
def test_it_is_found_beside_the_spec_and_above(repository: Path, place: str) -> None:
    path = write(repository / place, "def build():\n    return 'the model'\n")
    factory = find_factory("python:own_train:build", repository / "benchmarks" / "specs")
    assert factory(TASK) == "the model"
    assert factory.file == path


def test_it_is_found_in_a_package_in_src(repository: Path) -> None:
    write(repository / "src" / "own_package", "def build():\n    return 7\n", "deep.py")
    assert find_factory("python:own_package.deep:build", repository / "benchmarks")(TASK) == 7


def test_nothing_is_looked_for_above_the_top_of_the_repository(repository: Path) -> None:
    folders = search_folders(repository / "benchmarks" / "specs")
    assert folders == [
        repository / "benchmarks" / "specs",
        repository / "benchmarks",
        repository,
        repository / "src",
    ]


def test_without_a_repository_only_the_specs_own_folder_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    assert search_folders(tmp_path / "specs") == [tmp_path / "specs"]


def test_installed_libraries_come_first(repository: Path) -> None:
    """A file of the user's called json.py is not taken for the library."""
    write(repository, "raise SystemExit\n", "colorsys.py")
    assert find_factory("python:colorsys:rgb_to_hsv", repository).file != repository / "colorsys.py"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def build(task):\n    return len(task.label_names)\n", 2),
        ("def build():\n    return 3\n", 3),
        ("def build(layers=4):\n    return layers\n", 4),
        ("def build(*, layers=5):\n    return layers\n", 5),
        ("class Maker:\n    def __call__(self, task):\n        return 6\nbuild = Maker()\n", 6),
    ],
)
def test_it_gets_the_task_if_it_takes_an_argument(repository: Path, text: str, expected: int) -> None:
    write(repository, text)
    assert find_factory("python:own_train:build", repository)(TASK) == expected


def test_the_digest_is_that_of_the_file(repository: Path) -> None:
    write(repository, "def build():\n    pass\n")
    digest = find_factory("python:own_train:build", repository).sha256
    write(repository, "def build():\n    pass  # changed\n")
    assert digest != find_factory("python:own_train:build", repository).sha256


def test_the_digest_is_that_of_the_users_own_file_under_a_decorator_of_a_library(repository: Path) -> None:
    plain = write(repository, "def build():\n    return 1\n")
    write(
        repository,
        "import contextlib\n@contextlib.contextmanager\ndef build():\n    yield 1\n",
        "own_decorated.py",
    )
    assert find_factory("python:own_train:build", repository).file == plain
    factory = find_factory("python:own_decorated:build", repository)
    assert factory.file == repository / "own_decorated.py"
    assert factory.facts() == {"name": "python:own_decorated:build", "sha256": factory.sha256}


def test_the_digest_stays_that_of_the_file_that_was_found(repository: Path) -> None:
    """Somebody edits while a run goes on; what runs is what was imported."""
    write(repository, "def build():\n    return 1\n")
    factory = find_factory("python:own_train:build", repository)
    before = factory.facts()
    write(repository, "def build():\n    return 2\n")
    assert factory.facts() == before


def test_a_factory_in_an_archive_has_no_digest_and_is_called_all_the_same(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(repository / "packed.zip", "w") as archive:
        archive.writestr("own_packed.py", "def build():\n    return 8\n")
    monkeypatch.syspath_prepend(repository / "packed.zip")
    factory = find_factory("python:own_packed:build", repository)
    assert (factory(TASK), factory.sha256) == (8, None)


# What goes wrong


def refusal(folder: Path, name: str = "python:own_train:build") -> str:
    with pytest.raises(EngineError) as refused:
        find_factory(name, folder)(TASK)
    assert "\n" not in refused.value.message
    assert refused.value.message.startswith(f"engine {name}: ")
    return refused.value.message


@pytest.mark.parametrize("name", ["python:absent:build", "python:absent.deeper:build"])
def test_no_such_module(repository: Path, name: str) -> None:
    said = refusal(repository / "benchmarks", name)
    assert "there is no module absent, neither installed nor in" in said
    assert str(repository / "src") in said


def test_no_such_module_in_a_package_that_is_there(repository: Path) -> None:
    said = refusal(repository, "python:own_package.absent:build")
    assert "there is no module own_package.absent" in said


def test_no_such_function(repository: Path) -> None:
    write(repository, "def build_model():\n    pass\n")
    assert "own_train.py) has no 'build'; did you mean build_model?" in refusal(repository)


def test_no_function(repository: Path) -> None:
    write(repository, "build = 3\n")
    assert "build is a int, expected a function that returns the model" in refusal(repository)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("import no_such_library\n", 1, "ModuleNotFoundError: No module named 'no_such_library'"),
        ("x = 1\ny = 1 / 0\n", 2, "ZeroDivisionError: division by zero"),
        ("def build():\n    return {}['key']\n", 2, "KeyError: 'key'"),
        ("def build():\n    import json\n\n    json.loads('{')\n", 4, "JSONDecodeError: Expecting property name"),
        ("def build():\n    raise ValueError('first\\nsecond')\n", 2, "ValueError: first"),
        ("def build():\n    raise RuntimeError\n", 2, "RuntimeError"),
        ("def build(task, other):\n    pass\n", None, "TypeError: build() missing 1 required positional argument"),
    ],
)
def test_what_is_raised_is_told_with_the_users_own_line(
    repository: Path, text: str, line: int | None, words: str
) -> None:
    path = write(repository, text)
    said = refusal(repository)
    assert words in said
    if line is not None:
        assert f"{path}:{line}: " in said


def test_a_broken_file_is_told_with_its_line(repository: Path) -> None:
    write(repository, "x = 1\ndef build(:\n")
    assert "SyntaxError" in refusal(repository)


def test_our_own_errors_pass_as_they_are(repository: Path) -> None:
    write(repository, "from bertbench.errors import SpecError\n\n\ndef build():\n    raise SpecError('mine')\n")
    with pytest.raises(SpecError, match=r"^mine$"):
        find_factory("python:own_train:build", repository)(TASK)
