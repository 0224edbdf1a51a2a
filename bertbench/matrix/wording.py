"""What sets groups of environments apart, in words: 'all environments with keras < 3.13 share one digest'.

A bound names a version that ran, never one in between: nothing is known of what did not run.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from packaging.version import InvalidVersion, Version

from bertbench.matrix.separating import Versions, inseparable, smallest_sets, varied

#: What people suspect first is told first; of the others the order in which the facts are recorded.
_SUSPECTS = (
    "tensorflow",
    "keras",
    "jax",
    "jaxlib",
    "torch",
    "tf-keras",
    "transformers",
    "keras-hub",
    "numpy",
    "bertbench",
)
#: Sets that do as well, named in one sentence.
_SHOWN = 5
_TWO = 2


def separation(
    names: Sequence[str], environments: Sequence[Versions], groups: Sequence[str], *, settings: Sequence[Versions]
) -> list[str]:
    """Sentences on environments of one engine and backend: what sets the groups of equal bits apart.

    Args:
        names: Of the environments.
        environments: Versions of the packages of each.
        groups: The group of each.
        settings: What else of each may change bits: threads, flags, instruction sets. Looked at only where the same
            packages gave different bits.
    """
    letters = list(dict.fromkeys(groups))
    if len(environments) < _TWO:
        return []
    if len(letters) == 1:
        differing = varied(environments)
        whatever = f", whatever their {_listed(differing)}" if differing else ""
        return [f"all {len(environments)} environments share one digest ({letters[0]}){whatever}"]
    ordered = [_suspects_first(versions) for versions in environments]
    sets = smallest_sets(ordered, groups)
    if sets:
        return [*_told(ordered, groups, sets[0]), *_ties(ordered, groups, sets)]
    return _not_by_packages(names, ordered, groups, settings)


def _not_by_packages(
    names: Sequence[str], environments: Sequence[Versions], groups: Sequence[str], settings: Sequence[Versions]
) -> list[str]:
    pair = inseparable(environments, groups)
    assert pair is not None  # noqa: S101 - for mypy: else a set of packages would separate
    one, other = pair
    said = (
        f"no set of packages separates the groups: {names[one]} ({groups[one]}) and {names[other]} ({groups[other]}) "
        "have the same versions"
    )
    both = [{**versions, **more} for versions, more in zip(environments, settings, strict=True)]
    differing = varied([settings[one], settings[other]])
    if not differing:
        return [f"{said} and settings, so the same environment does not come to the same bits"]
    facts = "; ".join(f"{name} {settings[one].get(name)} against {settings[other].get(name)}" for name in differing)
    sets = smallest_sets(both, groups)
    return [
        f"{said}, and differ in {facts}",
        *(_told(both, groups, sets[0]) + _ties(both, groups, sets) if sets else []),
    ]


def _told(environments: Sequence[Versions], groups: Sequence[str], packages: Sequence[str]) -> list[str]:
    if len(packages) == 1:
        return [_by_one(packages[0], [versions.get(packages[0]) for versions in environments], groups)]
    told = []
    for letter in dict.fromkeys(groups):
        combined = dict.fromkeys(
            " with ".join(f"{name} {_shown(versions.get(name))}" for name in packages)
            for versions, group in zip(environments, groups, strict=True)
            if group == letter
        )
        told.append(f"{letter}: {', or '.join(combined)}")
    return [f"{_listed(packages)} together decide which environments share a digest: {'; '.join(told)}"]


def _by_one(package: str, versions: Sequence[str | None], groups: Sequence[str]) -> str:
    """One package decides: where its versions are in a row by bounds, else one by one."""
    group_of = dict(zip(versions, groups, strict=True))
    counts = {letter: groups.count(letter) for letter in dict.fromkeys(groups)}
    ordered = _in_order(group_of)
    if ordered is None:
        told = [
            f"{package} {_or([_shown(version) for version in group_of if group_of[version] == letter])}: "
            f"{letter} ({_environments(count)})"
            for letter, count in counts.items()
        ]
        return f"{package} decides which environments share a digest: {'; '.join(told)}"
    stretches = [
        (letter, list(run)) for letter, run in itertools.groupby(ordered, key=lambda version: group_of[version])
    ]
    phrases = []
    for place, (letter, run) in enumerate(stretches):
        low = run[0] if place else None
        high = stretches[place + 1][1][0] if place + 1 < len(stretches) else None
        phrases.append(
            f"{_bounds(package, run, low, high)} share one digest ({letter}: {_environments(counts[letter])})"
        )
    gaps = [f"{before[-1]} and {after[0]}" for (_, before), (_, after) in itertools.pairwise(stretches)]
    return f"all environments with {', all with '.join(phrases)}; nothing between {_listed(gaps)} ran"


def _bounds(package: str, run: Sequence[str], low: str | None, high: str | None) -> str:
    if low is None:
        return f"{package} < {high}"
    if high is None:
        return f"{package} >= {low}"
    return f"{package} {run[0]}" if len(run) == 1 else f"{package} >= {low} and < {high}"


def _in_order(group_of: dict[str | None, str]) -> list[str] | None:
    """The versions, rising, if every group has versions in a row; None if not, or if one is no version."""
    versions = [version for version in group_of if version is not None]
    try:
        ordered = sorted(versions, key=Version)
    except InvalidVersion:
        return None
    if len(versions) < len(group_of):
        return None
    stretches = [letter for letter, _ in itertools.groupby(ordered, key=lambda version: group_of[version])]
    return ordered if len(set(stretches)) == len(stretches) else None


def _ties(environments: Sequence[Versions], groups: Sequence[str], sets: Sequence[Sequence[str]]) -> list[str]:
    """Other sets of the same size do as well; of single packages, which environment would tell the first two apart."""
    if len(sets) == 1:
        return []
    others = [" with ".join(chosen) for chosen in sets[1:]]
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    said = f"{_or(others[:_SHOWN])}{more} would do as well"
    return [f"{said}; {wanted}" if (wanted := _wanted(environments, groups, sets)) else said]


def _wanted(environments: Sequence[Versions], groups: Sequence[str], sets: Sequence[Sequence[str]]) -> str:
    """An environment whose bits would say which of the first two it is."""
    if len(sets[0]) != 1:
        return ""
    (one,), (two,) = sets[0], sets[1]
    first = environments[0]
    other = next(versions for versions, group in zip(environments, groups, strict=True) if group != groups[0])
    return (
        f"an environment with {one} {_shown(first.get(one))} and {two} {_shown(other.get(two))} would tell them apart"
    )


def _suspects_first(versions: Versions) -> Versions:
    known = [name for name in _SUSPECTS if name in versions]
    return {name: versions[name] for name in (*known, *(name for name in versions if name not in known))}


def _environments(number: int) -> str:
    return "1 environment" if number == 1 else f"{number} environments"


def _shown(version: str | None) -> str:
    return version or "absent"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _or(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
