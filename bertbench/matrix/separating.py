"""Which packages set groups of environments apart: the smallest sets of packages whose versions tell the groups.

Pure functions on names and versions. A set of packages *separates* groups if any two environments of different groups
differ in the version of one of its packages: then the versions of these packages decide the group, as far as what ran
shows. Finding the smallest such sets is the hitting-set problem (Karp 1972, Reducibility among combinatorial problems);
a dozen packages are few enough to try all sets, the smallest first.

What separates need not be the cause: packages that always change together separate equally well, and are told as ties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

#: Of one environment: version of each package, None where it is not installed.
Versions = Mapping[str, str | None]


def varied(environments: Sequence[Versions]) -> tuple[str, ...]:
    """Packages of which more than one version is there, in the order in which they are first named."""
    names = dict.fromkeys(name for versions in environments for name in versions)
    return tuple(name for name in names if len({versions.get(name) for versions in environments}) > 1)


def inseparable(environments: Sequence[Versions], groups: Sequence[str]) -> tuple[int, int] | None:
    """The first two environments of different groups that agree in every package; None if there are no such two.

    Args:
        environments: Versions of each.
        groups: The group of each.
    """
    packages = varied(environments)
    for one, other in combinations(range(len(environments)), 2):
        if groups[one] != groups[other] and not _differing(packages, environments[one], environments[other]):
            return one, other
    return None


def smallest_sets(environments: Sequence[Versions], groups: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Every smallest set of packages that separates the groups, in the order of the packages.

    Args:
        environments: Versions of each.
        groups: The group of each.

    Returns:
        Sets of one size; one empty set if there is one group only, and none at all if no set of packages separates.
    """
    packages = varied(environments)
    pairs = {
        _differing(packages, environments[one], environments[other])
        for one, other in combinations(range(len(environments)), 2)
        if groups[one] != groups[other]
    }
    if frozenset() in pairs:
        return ()
    for size in range(len(packages) + 1):
        if found := [
            chosen for chosen in combinations(packages, size) if all(not pair.isdisjoint(chosen) for pair in pairs)
        ]:
            return tuple(found)
    raise AssertionError("all packages together separate whatever differs in any")


def _differing(packages: Sequence[str], one: Versions, other: Versions) -> frozenset[str]:
    return frozenset(name for name in packages if one.get(name) != other.get(name))
