"""docs/your-own-model.md, followed word for word from an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from whole_processes import PATIENCE_SECONDS, environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "your-own-model.md").read_text(encoding="utf-8")
#: A name on a line of its own, then what the file holds.
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def commands() -> list[str]:
    """What the page types, but for the installation."""
    typed = re.findall(r"^\$ (.*)$", PAGE, re.MULTILINE)
    return [line for line in typed if not line.startswith("python -m pip install")]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, and the page's files in it."""
    folder = tmp_path_factory.mktemp("empty")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def follow(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Type *line*, in a shell that finds this Python's own programs first."""
    here = str(Path(sys.executable).parent)
    path = {"PATH": os.pathsep.join((here, os.environ["PATH"])), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env=environment(**path),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


def test_the_page_has_the_files_and_the_one_command_that_it_speaks_of() -> None:
    assert list(FILES) == ["train.py", "under_test.py", "specs/queues.toml", "pytest.ini"]
    assert commands() == ["pytest"]
    added = [line for name, text in FILES.items() if name != "train.py" for line in text.splitlines() if line.strip()]
    assert len(added) <= 20


def test_the_script_itself_knows_nothing_of_bertbench() -> None:
    assert "bertbench" not in FILES["train.py"]


def test_followed_word_for_word_it_passes(project: Path) -> None:
    done = follow(project, commands()[0])
    assert done.returncode == 0, done.stdout + done.stderr
    for promise in ("run", "recipe_lock", "validation_accuracy_every_seed", "identity_on_repeat"):
        assert re.search(rf"{promise} .* pass *$", done.stdout, re.MULTILINE), done.stdout
    assert "4 promises of 1 benchmark: 4 pass" in done.stdout


def test_the_change_that_the_page_speaks_of_fails_twice(project: Path) -> None:
    path = project / "train.py"
    original = path.read_text()
    assert "Adam(3e-3)" in original
    path.write_text(original.replace("Adam(3e-3)", "Adam(3e-4)"))
    done = follow(project, commands()[0])
    path.write_text(original)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"recipe_lock .* fail *$", done.stdout, re.MULTILINE)
    assert re.search(r"validation_accuracy_every_seed .* fail *$", done.stdout, re.MULTILINE)
    assert "learning rate of step 0: 0.003 by the spec, 0.0003" in done.stdout


def test_a_threshold_that_is_missed_fails(project: Path) -> None:
    spec = project / "specs" / "queues.toml"
    original = spec.read_text()
    spec.write_text(original.replace("at_least = 0.70", "at_least = 0.99").replace("seeds = [0, 1]", "seeds = [0]"))
    done = follow(project, commands()[0])
    spec.write_text(original)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"validation_accuracy_every_seed .*0\.9900 +fail *$", done.stdout, re.MULTILINE)


def test_a_mistake_in_the_script_is_one_clear_line(project: Path) -> None:
    path = project / "train.py"
    original = path.read_text()
    path.write_text(original.replace("keras.layers.Dense(64", "keras.layers.Dens(64"))
    done = follow(project, commands()[0])
    path.write_text(original)
    assert done.returncode == 1
    line = original.splitlines().index('    hidden = keras.layers.Dense(64, activation="relu")(mean)') + 1
    assert f"train.py:{line}: AttributeError" in done.stdout
