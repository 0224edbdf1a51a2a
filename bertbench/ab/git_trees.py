"""A revision of a repository as a folder of its own, gone when it is no longer needed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bertbench.errors import SideError

#: Set where git runs a hook that runs us; they would point git at another repository than the one asked about.
_GITS_OWN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


@dataclass(frozen=True)
class Tree:
    """A revision, checked out.

    Attributes:
        folder: Where.
        commit: 40 hex digits, or 64.
    """

    folder: Path
    commit: str


def repository_of(path: Path) -> Path:
    """The folder of the repository that a file lies in.

    Raises:
        SideError: If it lies in none, or there is no git.
    """
    return Path(_git(path.resolve().parent, "rev-parse", "--show-toplevel"))


def commit_of(repository: Path, revision: str) -> str:
    """The commit of a branch, a tag or a beginning of digits: 40 hex digits, or 64.

    Raises:
        SideError: If there is no such revision.
    """
    return _git(repository, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")


@contextmanager
def checked_out(repository: Path, revision: str, *, name: str) -> Iterator[Tree]:
    """A worktree of *revision* in a temporary folder; removed afterwards, whatever happens.

    Args:
        repository: Its files, index and branches stay as they are.
        revision: A commit, branch or tag.
        name: Of the folder. Names of one length make paths of one length, which can shift times.

    Raises:
        SideError: If there is no such revision, or it cannot be checked out.
    """
    commit = commit_of(repository, revision)
    beside = Path(tempfile.mkdtemp(prefix="bertbench-ab-")).resolve()
    folder = beside / name
    try:
        _git(repository, "-c", f"core.hooksPath={os.devnull}", "worktree", "add", "--detach", str(folder), commit)
        yield Tree(folder, commit)
    finally:
        # Of this tree alone: 'prune' would forget others that lie on a disk that is not there just now.
        with contextlib.suppress(SideError):
            # Twice: git locks a tree while it is checked out, and that may be when somebody interrupts.
            _git(repository, "worktree", "remove", "--force", "--force", str(folder))
        shutil.rmtree(beside, ignore_errors=True)


def _git(folder: Path, *words: str) -> str:
    program = shutil.which("git")
    if program is None:
        raise SideError("git: is not installed, and a revision was asked for", remedy="install git")
    environment = {name: value for name, value in os.environ.items() if name not in _GITS_OWN}
    answer = subprocess.run(  # noqa: S603 - no shell, and a revision cannot be taken for an option
        [program, "-C", str(folder), *words], capture_output=True, text=True, check=False, env=environment
    )
    if answer.returncode:
        said = answer.stderr.strip().splitlines()[-1:] or [f"exit status {answer.returncode}"]
        raise SideError(
            f"{folder}: git {' '.join(words)}: {said[0]}",
            remedy="give git:REV with a commit, branch or tag of the repository that the spec lies in",
        )
    return answer.stdout.strip()
