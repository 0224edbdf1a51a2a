"""Baselines that no spec answers for: a benchmark that is gone is compared by nobody."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from bertbench.baseline import baseline_files, baselines_folder
from bertbench.comparing import Against
from bertbench.errors import SpecError
from bertbench.spec import read_spec
from bertbench.suite import Result


def orphaned_baselines(results: Sequence[Result], against: Against, folders: Iterable[Path] = ()) -> tuple[Path, ...]:
    """Baselines whose spec is gone: no spec file whose baselines would lie there has its name.

    What was selected today makes no difference. A spec file that cannot be read has no name.

    Args:
        results: Of all that ran.
        against: Says which baselines.
        folders: Where specs may have been, besides those of the results: a folder whose last spec is gone has none.
    """
    bases = {result.benchmark.base_folder for result in results if result.benchmark.file is not None}
    bases |= {base for folder in folders for base in (folder, folder / "specs")}
    sources: dict[Path, set[Path]] = {}
    for base in bases:
        sources.setdefault(against.folder or baselines_folder(base), set()).add(base)
    orphans = []
    for folder, bases_of_it in sorted(sources.items()):
        if files := [path for name in against.all_names for path in baseline_files(folder, name)]:
            names = {result.benchmark.spec.name for result in results}.union(*map(_spec_names, bases_of_it))
            orphans += [path for path in files if path.name.rpartition("-")[0] not in names]
    return tuple(orphans)


def _spec_names(folder: Path) -> set[str]:
    names = set()
    for path in folder.glob("*.toml"):
        if not path.name.startswith("_"):  # a base for others and no benchmark
            with contextlib.suppress(SpecError):
                names.add(read_spec(path).name)
    return names
