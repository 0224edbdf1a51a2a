"""What stands on either side: a Python, a revision, or a spec; and how a process of it is started."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from bertbench.ab.fields import SideFacts, SideName
from bertbench.ab.git_trees import checked_out, commit_of, repository_of
from bertbench.errors import SideError
from bertbench.spec import Spec, override, read_spec, spec_fingerprint

#: Epochs and fields of the recipe in place of a spec's own.
_Instead = tuple[int | None, Mapping[str, object]]

_REVISION = "git:"
_SPEC = ".toml"

#: Run by a side's own Python, so that what is described is what runs.
_DESCRIBE = """
import hashlib, json, pathlib, bertbench
from bertbench.version import VERSION
folder = pathlib.Path(bertbench.__file__).parent
digest = hashlib.sha256()
for path in sorted(folder.rglob("*.py")):
    digest.update(path.relative_to(folder).as_posix().encode() + b"\\0" + path.read_bytes() + b"\\0")
print(json.dumps({"package": str(folder), "bertbench_version": VERSION, "code_sha256": digest.hexdigest()}))
"""
_WORK = "from bertbench.worker import main; sys.exit(main())"
#: The current folder is left off the path: a file of the user's called tokenize.py must not be taken for a library.
_PATH = "import sys; sys.path[:] = [*{first!r}, *(p for p in sys.path if p)]; "


@dataclass(frozen=True)
class Side:
    """One of the two things that are compared, ready to run.

    Attributes:
        facts: What it is; without an environment until a process has told.
        spec: What every process of it runs: one seed, no promises.
        base_folder: Where the spec's relative paths begin.
        command: Starts a process that takes a request on standard input.
        environment: Of that process; None is this one's.
        fault: What it does wrong on purpose, by its name in `bertbench.faults`.
    """

    facts: SideFacts
    spec: Spec
    base_folder: Path
    command: tuple[str, ...]
    environment: Mapping[str, str] | None
    fault: str | None = None


@contextmanager
def open_sides(
    *,
    base: str,
    cand: str | Path,
    spec: Path | None,
    epochs: int | None = None,
    changes: Mapping[str, object] = MappingProxyType({}),
) -> Iterator[dict[SideName, Side]]:
    """Both sides, described by their own Pythons; trees of revisions exist as long as this does.

    Args:
        base: `path/to/python`, `git:REV` or `SPEC.toml`.
        cand: Likewise; a path is a spec, whatever its name ends with.
        spec: For sides that are no spec themselves.
        epochs: In place of the specs' own.
        changes: Fields of the recipe in place of the specs' own on both sides, such as `engine`.

    Raises:
        SideError: If a side cannot be had.
        SpecError: If a spec describes no possible benchmark.
    """
    given: dict[SideName, str | Path] = {"base": base, "cand": cand}
    if spec is None and (lacking := [name for name, side in given.items() if not _is_spec(side)]):
        raise SideError(
            f"--{lacking[0]} {given[lacking[0]]}: a spec to run is missing",
            remedy="bertbench ab --base SIDE --cand SIDE SPEC; only where both sides are specs it is not needed",
        )
    with ExitStack() as trees:
        yield {name: _open(name, side, spec, (epochs, changes), trees) for name, side in given.items()}


def for_speed(spec: Spec, *, epochs: int | None, where: str) -> Spec:
    """What a process runs: the first seed, without promises, which are for the run that keeps them.

    Raises:
        SpecError: If there can be no such number of epochs.
    """
    changes: dict[str, object] = {"training.seeds": spec.training.seeds[:1], "expect": (), "budget": ()}
    if epochs is not None:
        changes["training.epochs"] = epochs
    return override(spec, changes, where=where)


def refuse_missing_side(base: str, spec: Path) -> None:
    """Refuse, before anything is run, a revision or a Python that there is not.

    Args:
        base: `path/to/python` or `git:REV`.
        spec: In whose repository the revision is.

    Raises:
        SideError: If it cannot be had.
    """
    if base.startswith(_REVISION):
        commit_of(repository_of(spec), base.removeprefix(_REVISION))
    else:
        _interpreter("base", base)


def _is_spec(given: str | Path) -> bool:
    return isinstance(given, Path) or given.endswith(_SPEC)


def _open(name: SideName, given: str | Path, spec: Path | None, instead: _Instead, trees: ExitStack) -> Side:
    if _is_spec(given):
        return _side(str(given), "spec", sys.executable, Path(given), instead=instead, spec_file=str(given))
    given = str(given)
    if spec is None:
        raise SideError(f"--{name} {given}: a spec to run is missing")
    if given.startswith(_REVISION):
        repository = repository_of(spec)
        tree = trees.enter_context(checked_out(repository, given.removeprefix(_REVISION), name=name))
        within = _within(spec, repository)
        first = tuple(str(folder) for folder in (tree.folder, tree.folder / "src") if folder.is_dir())
        side = _side(
            given,
            "revision",
            sys.executable,
            tree.folder / within,
            instead=instead,
            spec_file=str(within),
            first=first,
            commit=tree.commit,
        )
        _require_own_code(side, first)
        return side
    return _side(given, "interpreter", _interpreter(name, given), spec, instead=instead, spec_file=str(spec))


def _within(spec: Path, repository: Path) -> Path:
    """Where a spec lies in its repository; a link may lead out of it."""
    file, root = spec.resolve(), repository.resolve()
    if not file.is_relative_to(root):
        raise SideError(f"{spec}: lies outside of {root}, by a link", remedy="give the path of the file itself")
    return file.relative_to(root)


def _side(
    given: str,
    kind: Literal["interpreter", "revision", "spec"],
    python: str,
    file: Path,
    *,
    instead: _Instead,
    spec_file: str,
    first: tuple[str, ...] = (),
    commit: str | None = None,
) -> Side:
    epochs, changes = instead
    own = read_spec(file)
    if changes:
        own = override(own, changes, where=f"{file} with another {' and another '.join(changes)}")
    spec = for_speed(own, epochs=epochs, where=f"{file} with one seed")
    path, environment = _PATH.format(first=first), _environment(kind)
    described = _described(given, python, path, environment)
    facts = SideFacts(
        given=given,
        kind=kind,
        interpreter=python,
        package=described["package"],
        bertbench_version=described["bertbench_version"],
        code_sha256=described["code_sha256"],
        spec_file=spec_file,
        spec_fingerprint=spec_fingerprint(spec),
        recipe_fingerprint=spec_fingerprint(own),
        commit=commit,
    )
    return Side(facts, spec, file.resolve().parent, (python, "-c", path + _WORK), environment)


def _interpreter(name: SideName, given: str) -> str:
    """Its path, links kept: a virtual environment is known by the link that it was started through."""
    found = shutil.which(given)
    if found is None:
        raise SideError(
            f"--{name} {given}: is no program, and it is neither git:REV nor a spec ({_SPEC})",
            remedy="give path/to/venv/bin/python, git:REV or SPEC.toml",
        )
    return str(Path(found).absolute())


def _environment(kind: str) -> dict[str, str] | None:
    """An interpreter is compared with its own packages: those on PYTHONPATH would be the same on both sides."""
    if kind != "interpreter":
        return None
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _described(given: str, python: str, path: str, environment: Mapping[str, str] | None) -> dict[str, str]:
    """What the side's Python says of the bertbench it loads."""
    try:
        answer = subprocess.run(  # noqa: S603 - the program that the user named, without a shell
            [python, "-c", path + _DESCRIBE], capture_output=True, text=True, check=False, env=environment
        )
    except OSError as error:
        raise SideError(f"{given}: {python} cannot be started: {error.strerror}", remedy="give a Python") from None
    if answer.returncode:
        said = answer.stderr.strip().splitlines()[-1:] or [f"exit status {answer.returncode}"]
        raise SideError(
            f"{given}: {python} cannot load bertbench: {said[0]}",
            remedy=f"{python} -m pip install 'bertbench[tensorflow]'",
        )
    try:
        described: dict[str, str] = json.loads(answer.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise SideError(
            f"{given}: {python} was asked for its bertbench and did not answer", remedy="give a Python"
        ) from None
    return described


def _require_own_code(side: Side, first: tuple[str, ...]) -> None:
    """A revision that has a bertbench of its own must run it, or the installed one would be compared with itself."""
    own = [Path(folder) / "bertbench" for folder in first if (Path(folder) / "bertbench" / "__init__.py").exists()]
    if own and Path(side.facts.package).resolve() not in [folder.resolve() for folder in own]:
        raise SideError(
            f"{side.facts.given}: loads bertbench from {side.facts.package} and not from its own tree",
            remedy="give two interpreters, each with its revision installed",
        )
