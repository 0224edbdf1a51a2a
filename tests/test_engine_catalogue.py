"""An engine is asked for by name; what is wrong with its libraries is said in one line, before any work."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib import metadata
from types import ModuleType

import pytest

from bertbench.engines.catalogue import CATALOGUE, EngineEntry, Need, entry_of, maker_of, require_libraries
from bertbench.errors import EngineError
from bertbench.spec.engine_names import ENGINES, OWN_LIBRARY, OWN_MODEL, known_engine

ENTRY = EngineEntry(
    "other", "engine_of_this_test", "make", needs=(Need("lib-a", ">=2.0,<3"), Need("lib-b", ">=1")), extra="other"
)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Versions of installed distributions; a test changes them."""
    versions = {"lib-a": "2.4.1", "lib-b": "1.0"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    return versions


# Names


def test_the_catalogue_has_every_name_that_a_spec_may_say() -> None:
    assert list(CATALOGUE) == [*ENGINES, OWN_MODEL]
    assert {name for name, entry in CATALOGUE.items() if entry.library != "keras"} == set(OWN_LIBRARY)


@pytest.mark.parametrize("name", [*ENGINES, "python:train:build", "python:my_package.train:build_model"])
def test_known_names_are_taken_as_they_are(name: str) -> None:
    assert known_engine(name) == name
    assert entry_of(name).name == name.partition(":")[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("keras_hub", "did you mean keras-hub"),
        ("pytorch", "known: native, keras-hub, transformers-torch, transformers-tf"),
        ("python:train", "expected python:<package.module>:<factory>"),
        ("python:1a:build", "expected python:<package.module>:<factory>"),
        ("path:train:build", "expected python:<package.module>:<factory>"),
    ],
)
def test_unknown_names_are_refused_with_what_is_known(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        known_engine(name)


def test_an_engine_that_is_not_there_is_refused() -> None:
    with pytest.raises(EngineError, match="no engine 'other'; known: native"):
        entry_of("other")


# Libraries


def test_libraries_in_the_right_versions_are_no_complaint(installed: dict[str, str]) -> None:
    require_libraries(ENTRY)
    installed["lib-a"] = "3.0.0rc1"  # of the version that is excluded, so it is too
    with pytest.raises(EngineError):
        require_libraries(ENTRY)
    installed["lib-a"] = "2.5.0.dev1"  # people who test what is not released yet must be able to
    require_libraries(ENTRY)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"lib-a": None}, "engine other: lib-a is not installed (>=2.0,<3 is needed)"),
        ({"lib-a": "1.9"}, "engine other: lib-a 1.9 is installed, >=2.0,<3 is needed"),
        ({"lib-a": "3.0"}, "engine other: lib-a 3.0 is installed, >=2.0,<3 is needed"),
        (
            {"lib-a": "3.0", "lib-b": None},
            "engine other: lib-a 3.0 is installed, >=2.0,<3 is needed; lib-b is not installed (>=1 is needed)",
        ),
    ],
)
def test_every_library_that_is_wrong_is_named_in_one_line(
    installed: dict[str, str], changed: dict[str, str | None], words: str
) -> None:
    for name, version in changed.items():
        installed.pop(name)
        if version is not None:
            installed[name] = version
    with pytest.raises(EngineError) as caught:
        require_libraries(ENTRY)
    assert caught.value.message == words
    assert caught.value.remedy == "python -m pip install 'bertbench[other]'"


def test_what_an_engine_may_use_is_recorded_where_it_is_installed(installed: dict[str, str]) -> None:
    entry = replace(ENTRY, may_use=("lib-c", "lib-d"))
    installed["lib-d"] = "5.0"
    assert entry.recorded() == ("lib-a", "lib-b", "lib-d")
    assert entry.distributions == ("lib-a", "lib-b")
    require_libraries(entry)  # lib-c is not needed


def test_a_model_of_ones_own_may_use_what_other_engines_are_made_of(installed: dict[str, str]) -> None:
    entry = entry_of("python:train:build")
    assert entry.recorded() == ()
    installed |= {"transformers": "5.24.0", "keras-hub": "0.32.0", "tf-keras": "2.21.0"}
    assert set(entry.recorded()) == {"transformers", "keras-hub", "tf-keras"}


def test_the_maker_is_that_of_the_module(installed: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType(ENTRY.module)
    monkeypatch.setitem(sys.modules, ENTRY.module, module)
    module.make = lambda task: ("an engine of", task)  # type: ignore[attr-defined]
    assert maker_of(ENTRY)("a task") == ("an engine of", "a task")


@pytest.mark.parametrize("broken", ["raise RuntimeError('operator torchvision::nms does not exist')", "import no_such"])
def test_a_library_that_breaks_when_it_is_imported_says_which_and_why(
    installed: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path, broken: str
) -> None:
    (tmp_path / "broken_engine.py").write_text(broken)
    monkeypatch.syspath_prepend(tmp_path)
    entry = EngineEntry("other", "broken_engine", "make", needs=ENTRY.needs, extra="other")
    with pytest.raises(EngineError) as caught:
        maker_of(entry)
    assert caught.value.message.startswith("engine other: lib-a 2.4.1, lib-b 1.0 cannot be imported: ")
    assert ("nms" in caught.value.message) or ("no_such" in caught.value.message)
    assert "\n" not in caught.value.message
