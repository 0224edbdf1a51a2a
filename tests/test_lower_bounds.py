"""What `tox -e oldest` installs are the lower bounds of pyproject.toml, each of them."""

from __future__ import annotations

from pathlib import Path

from packaging.requirements import Requirement

from bertbench.spec.reading import tomllib

ROOT = Path(__file__).parents[1]
#: Extras that `oldest` installs.
EXTRAS = ("tensorflow", "pytest", "tensorboard", "datasets")


def test_the_oldest_environment_has_exactly_the_lower_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [
        *project["dependencies"],
        *(line for extra in EXTRAS for line in project["optional-dependencies"][extra]),
    ]
    lowest = {}
    for requirement in map(Requirement, declared):
        (bound,) = [one.version for one in requirement.specifier if one.operator == ">="]
        lowest[requirement.name] = bound
    lines = (ROOT / "requirements" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    pinned = {}
    for requirement in (Requirement(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()):
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        pinned[requirement.name] = pin.version
    padded = {name: version.split(".") for name, version in lowest.items()}
    assert {name: version.split(".")[: len(padded[name])] for name, version in pinned.items()} == padded
    assert all(set(version.split(".")[len(padded[name]) :]) <= {"0"} for name, version in pinned.items())
