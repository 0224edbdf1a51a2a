"""The commit of a folder, where git knows one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from bertbench.record import Revision

#: A status of a large repository on a slow disk takes seconds.
_SECONDS = 60
#: Can change what runs although git does not track it, wherever in the repository it lies. git names a repository
#: within the repository as a folder, and nothing in it.
_CAN_CHANGE_A_RUN = (".py", ".toml", "/")


def revision_of(folder: Path) -> Revision | None:
    """The revision of the repository that *folder* is in; None without git, repository or commit.

    It is dirty if tracked files differ from the commit, or there are `*.py` or `*.toml` that are neither tracked nor
    ignored, anywhere in the repository: a module that is imported, a spec that another one extends. A repository within
    it that it does not track as a submodule counts as such a file, whatever it holds.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    untracked = _git(folder, "ls-files", "--others", "--exclude-standard", "-z", ":(top)")
    if not commit or changes is None or untracked is None:
        return None
    can_change = any(name.endswith(_CAN_CHANGE_A_RUN) for name in untracked.split("\0"))
    return Revision(commit=commit, dirty=bool(changes) or can_change)


def _git(folder: Path, *words: str) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - fixed words, no shell
            [program, "-C", str(folder), *words],
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",  # names of files are any bytes
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
