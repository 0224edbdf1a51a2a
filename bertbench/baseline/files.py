"""Where baselines lie: `<folder>/<NAME>/<spec>-<8 hex of the numerics>.json`. What cannot be read is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from bertbench.atomic import explained, write_atomically
from bertbench.baseline.fields import READABLE_VERSIONS, Baseline
from bertbench.baseline.layout import baseline_text
from bertbench.errors import BaselineAbsentError, BaselineError
from bertbench.versioned import Versioned

#: Replaced whenever a change is accepted.
ROLLING = "rolling"
#: Accepted once and kept, so that many small accepted drops are seen together.
REFERENCE = "reference"

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_FILE = re.compile(r"([a-z][a-z0-9_]*)-([0-9a-f]{8})\.json")
_RESTORE = "restore the file from version control, or accept a baseline again"
_BASELINES = Versioned(
    Baseline,
    noun="baseline",
    readable=READABLE_VERSIONS,
    error=BaselineError,
    damaged=_RESTORE,
    other_version="use the bertbench that wrote it, or accept a baseline again",
    no_key_twice=True,
)


def baseline_name(text: str) -> str:
    """*text*, if it can be the name of a baseline.

    Raises:
        BaselineError: If it cannot, or is a path: an option that may stand alone takes the next word as its own.
    """
    if not _NAME.fullmatch(text) or (text not in (ROLLING, REFERENCE) and Path(text).exists()):
        raise BaselineError(
            f"{text!r} is no name of a baseline: lower case letters, digits, '-' and '_' were expected, and no path",
            remedy=f"write --compare={ROLLING} (pytest: --bertbench-compare={ROLLING}) where a path follows",
        )
    return text


def different_names(names: Sequence[str]) -> tuple[str, ...]:
    """*names*, if each can be that of a baseline of its own.

    Raises:
        BaselineError: If one cannot, or is given twice.
    """
    for name in names:
        baseline_name(name)
    if len(set(names)) < len(names):
        raise BaselineError(f"{','.join(names)!r}: different names of baselines were expected, one or more")
    return tuple(names)


def baselines_folder(base_folder: Path) -> Path:
    """Where the baselines of the specs in a folder are: beside a folder `specs`, else within the folder itself."""
    folder = base_folder.resolve()
    return (folder.parent if folder.name == "specs" else folder) / "baselines"


def baseline_path(folder: Path, name: str, *, spec: str, numerics_fingerprint: str) -> Path:
    """The file of one spec under one numerics."""
    return folder / name / f"{spec}-{numerics_fingerprint[:8]}.json"


def write_baseline(folder: Path, name: str, baseline: Baseline) -> Path:
    """Put *baseline* in place of the one of the same name, spec and numerics.

    Returns:
        The file.

    Raises:
        RecordWriteError: If it cannot be written; what was there stays.
    """
    path = baseline_path(folder, name, spec=baseline.spec, numerics_fingerprint=baseline.numerics_fingerprint)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    content = baseline_text(baseline).encode()
    write_atomically(path, lambda stream: stream.write(content))
    return path


def refuse_second_reference(path: Path, *, spec: str) -> None:
    """Refuse to accept a reference where a spec has one: it is accepted once and kept.

    One of other numerics is one too: runs of all numerics are held against it, and a second one, accepted after a
    library has changed, would forget what was lost before.

    Args:
        path: Where it would lie.
        spec: Whose it is.

    Raises:
        BaselineError: If there is one, readable or not; says of which commit it is and when it was accepted.
    """
    kept = [path] if path.exists() else list(baseline_files(path.parents[1], path.parent.name, spec=spec))
    if not kept:
        return
    try:
        there = read_baseline(kept[0]).origin()
    except BaselineError as error:
        there = f"which cannot be read ({error.message})"
    numerics = "" if kept[0] == path else ", of other numerics, and runs of these are held against it too"
    raise BaselineError(
        f"{kept[0]}: is there already, {there}{numerics}; a {REFERENCE} is accepted once and kept, so that many small "
        "accepted drops are seen together",
        remedy=f"accept what changes as {ROLLING} (--name {ROLLING}); to begin anew on purpose: --replace",
    )


def baseline_files(folder: Path, name: str, *, spec: str | None = None) -> tuple[Path, ...]:
    """The files of one name, sorted; of one spec only, if given. Other files in the folder are not ours.

    Raises:
        BaselineError: If the folder cannot be read.
    """
    try:
        paths = sorted((folder / name).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise BaselineError(f"{folder / name}: cannot be read: {error.strerror}") from None
    found = [(path, _FILE.fullmatch(path.name)) for path in paths]
    return tuple(path for path, match in found if match and spec in (None, match[1]))


def find_baseline(
    folder: Path,
    name: str,
    *,
    spec: str,
    numerics_fingerprint: str,
    comparable: Callable[[Baseline], bool] = lambda _: True,
) -> Baseline:
    """The one baseline of a name that a run is held against, one that it can be compared with where there is any.

    That of its own numerics if it is comparable; else, of those of other numerics that are, the one accepted last.
    Where none is, the one of its own numerics all the same, else the one accepted last, so that the verdict tells what
    differs.

    Args:
        folder: Of baselines.
        name: Such as `rolling`.
        spec: Whose.
        numerics_fingerprint: Of the run.
        comparable: Whether a run can be held against a baseline at all; against any, if not given.

    Raises:
        BaselineAbsentError: If there is none of this name for the spec; says what the folder holds instead.
        BaselineError: If the file of these numerics cannot be read; or, where that is none to compare with, any other
            of the spec: it might be the one to choose, whatever the others hold.
    """
    same = baseline_path(folder, name, spec=spec, numerics_fingerprint=numerics_fingerprint)
    own = read_baseline(same) if same.exists() else None
    if own is not None and comparable(own):
        return own
    every = [read_baseline(path) for path in baseline_files(folder, name, spec=spec)]
    if not every:
        held = sorted({path.name.rpartition("-")[0] for path in baseline_files(folder, name)})
        raise BaselineAbsentError(
            f"{folder / name}: holds no baseline of {spec}; it holds {', '.join(held) or 'none at all'}",
            remedy=f"bertbench baseline accept SPEC --name {name}, and commit the file",
        )
    if others := [baseline for baseline in every if comparable(baseline)]:
        return _accepted_last(others)
    return own or _accepted_last(every)


def _accepted_last(baselines: Sequence[Baseline]) -> Baseline:
    return max(baselines, key=lambda baseline: baseline.accepted_at)


def read_baseline(path: Path) -> Baseline:
    """The baseline of one file.

    Raises:
        BaselineError: If it is absent, damaged, of another schema, contradicts itself, or is not what its name says.
    """
    baseline = _BASELINES.read(path)
    if path.name != f"{baseline.spec}-{baseline.numerics_fingerprint[:8]}.json":
        raise BaselineError(
            f"{path}: holds the baseline of {baseline.spec} under numerics {baseline.numerics_fingerprint[:8]}, "
            "which its name does not say",
            remedy=_RESTORE,
        )
    return baseline
