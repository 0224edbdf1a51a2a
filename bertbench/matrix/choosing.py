"""Which runs of a store a matrix is made of: one benchmark, one commit, one candidate for each environment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bertbench.baseline.ground import parted
from bertbench.baseline.one_code import Group
from bertbench.errors import RecordError
from bertbench.gathering import groups_of, newest_candidate
from bertbench.matrix.environment import Environment
from bertbench.record import Revision, RunRecord
from bertbench.spec import Spec, benchmark_fingerprint, read_spec
from bertbench.store import Store
from bertbench.verdict import Candidate

#: Fewer digits of a commit may be those of several.
_FEWEST_DIGITS = 4


@dataclass(frozen=True)
class Benchmark:
    """What is laid side by side.

    Attributes:
        name: Of the spec.
        fingerprint: Of its recipe without engine and runtime.
    """

    name: str
    fingerprint: str

    @classmethod
    def of(cls, spec: Spec) -> Benchmark:
        """Whatever engine and runtime a spec asks for."""
        return cls(spec.name, benchmark_fingerprint(spec))


@dataclass(frozen=True, eq=False)
class InOneEnvironment:
    """What one environment came to.

    Attributes:
        environment: What it is.
        newest: The newest run with its further seeds: promises are held against its first.
        candidate: The same with every older run known to be of its code, if it completed.
    """

    environment: Environment
    newest: Group
    candidate: Candidate


@dataclass(frozen=True)
class Chosen:
    """The runs of one benchmark at one commit.

    Attributes:
        benchmark: What ran.
        revision: Where; None if the runs have none.
        environments: In the order in which they first ran.
        left_out: Runs that were not taken, and why, in words, by their ids.
    """

    benchmark: Benchmark
    revision: Revision | None
    environments: tuple[InOneEnvironment, ...]
    left_out: dict[str, str]


def choose(store: Store, specs: Sequence[str] = (), *, commit: str | None = None) -> tuple[Chosen, ...]:
    """The runs of each benchmark.

    Args:
        store: Where they are.
        specs: TOML files, or names of specs that ran, of which the newest recipe is taken; all that ran if none.
        commit: Of the spec's repository, or its beginning; that of the newest run if None.

    Raises:
        RecordError: If a benchmark has no runs, or none at that commit.
        SpecError: If a file describes no possible benchmark.
    """
    groups = [group for group in groups_of(_ended(store)) if group[0].outcome != "running"]
    wanted = [_benchmark(text, groups) for text in specs] or _newest_recipes(groups)
    if not wanted:
        raise RecordError(f"{store.folder}: holds no runs that have ended", remedy="tox -m matrix")
    return tuple(_of_one(benchmark, groups, commit, store) for benchmark in dict.fromkeys(wanted))


def _ended(store: Store) -> list[RunRecord]:
    """All that can be read; what was killed has failed, although nothing of it could write so."""
    return [record for entry in store.entries() if (record := entry.settled) is not None]


def _benchmark(text: str, groups: Sequence[Group]) -> Benchmark:
    if text.endswith(".toml"):
        return Benchmark.of(read_spec(Path(text)))
    found = [benchmark for benchmark in _newest_recipes(groups) if benchmark.name == text]
    if not found:
        ran = ", ".join(benchmark.name for benchmark in _newest_recipes(groups)) or "nothing"
        raise RecordError(
            f"{text}: no spec of that name ran; what ran: {ran}",
            remedy="give a TOML file, or the name of a spec that ran",
        )
    return found[0]


def _newest_recipes(groups: Iterable[Group]) -> list[Benchmark]:
    """The newest recipe of each name, in the order of the names."""
    by_name = {group[0].spec.name: Benchmark.of(group[0].spec) for group in groups}
    return [by_name[name] for name in sorted(by_name)]


def _of_one(benchmark: Benchmark, groups: Sequence[Group], commit: str | None, store: Store) -> Chosen:
    ran = [group for group in groups if Benchmark.of(group[0].spec) == benchmark]
    if not ran:
        raise RecordError(
            f"{store.folder}: holds no run of {benchmark.name} as the spec now stands that has ended",
            remedy="tox -m matrix",
        )
    if commit is not None and len(commit) < _FEWEST_DIGITS:
        raise RecordError(f"--commit {commit}: {_FEWEST_DIGITS} digits or more were expected")
    at = [group for group in ran if commit is None or _is_at(group[0], commit)]
    if not at:
        known = dict.fromkeys(told(group[0].revision) for group in reversed(ran))
        raise RecordError(
            f"{benchmark.name}: no run at commit {commit}; there are runs at {', '.join(list(known)[:5])}",
            remedy="bertbench show --all",
        )
    revision = at[-1][0].revision
    taken = [group for group in at if group[0].revision == revision]
    left_out = {
        record.run_id: f"ran at {told(group[0].revision)}" for group in at if group not in taken for record in group
    }
    by_environment: dict[str, list[Group]] = {}
    for group in taken:
        by_environment.setdefault(Environment.of(group[0]).key, []).append(group)
    environments = []
    for of_one in by_environment.values():
        candidate, why_not = newest_candidate(of_one)
        left_out |= why_not
        environments.append(InOneEnvironment(Environment.of(of_one[-1][0]), parted(of_one[-1])[0], candidate))
    return Chosen(benchmark, revision, tuple(environments), left_out if commit is not None else _at(left_out, taken))


def _at(left_out: dict[str, str], taken: Sequence[Group]) -> dict[str, str]:
    """Of the commit that was taken: that older commits ran too is no news, unless somebody asked for one."""
    ids = {record.run_id for group in taken for record in group}
    return {run_id: why for run_id, why in left_out.items() if run_id in ids}


def _is_at(record: RunRecord, commit: str) -> bool:
    return record.revision is not None and record.revision.commit.startswith(commit.lower())


def told(revision: Revision | None) -> str:
    """A commit in words."""
    if revision is None:
        return "no commit"
    return f"commit {revision.commit[:10]}{' with changes' * revision.dirty}"
