"""The commit of a folder, where git knows one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from bertbench.record import Revision

#: A status of a large repository on a slow disk takes seconds.
_SECONDS = 60


def revision_of(folder: Path) -> Revision | None:
    """The revision of the repository that *folder* is in; None without git, repository or commit."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if not commit or changes is None:
        return None
    return Revision(commit=commit, dirty=bool(changes))


def _git(folder: Path, *words: str) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - fixed words, no shell
            [program, "-C", str(folder), *words], capture_output=True, text=True, timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
