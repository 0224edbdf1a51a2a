"""Are runs of one code? The one place that answers it, for candidates, baselines and the threshold audit.

Runs are of one code where that is known: a seed came to the same bits in both, or both were made at one clean commit of
the spec's repository. A tree with changes may be another one each time, and outside any repository nobody knows. The
factory of an engine of one's own may lie outside that repository: a commit speaks only where the digest of its file is
known too, and runs whose digests differ are of two codes, whatever else agrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bertbench.record import Digests, Revision, RunRecord
from bertbench.spec.engine_names import OWN_MODEL

#: A run with the runs of its further seeds.
Group = tuple[RunRecord, ...]

OTHER_BITS = "they gave a seed other bits than newer runs"
OTHER_FACTORY = "the file of their engine's factory is another one than that of newer runs"
UNKNOWN_CODE = "nothing shows that they ran the code of newer runs: no seed of equal bits, no clean commit in common"


def factory_of(record: RunRecord) -> str | None:
    """SHA-256 of the file that the engine's factory is written in, `engine = "python:package.module:factory"`.

    None for engines without a factory, where the file could not be read, and where no seed came so far as to say.
    """
    said = [dict(run.live_recipe).get("factory") for run in record.seeds]
    digests = {str(fact["sha256"]) for fact in said if isinstance(fact, Mapping) and fact.get("sha256")}
    return ", ".join(sorted(digests)) or None


def in_groups(records: Sequence[RunRecord]) -> list[Group]:
    """Every run with the runs of its further seeds, oldest first; these alone where that run is not among *records*."""
    ids = {record.run_id for record in records}
    firsts = [record for record in records if record.continues not in ids]
    groups = [(one, *(other for other in records if other.continues == one.run_id)) for one in firsts]
    return sorted(groups, key=lambda group: group[0].run_id)


def of_one_code(groups: Sequence[Group]) -> tuple[list[Group], list[Group]]:
    """The last group with all that are known to have run its code, and the others; both in the order given.

    Known is passed on: a group that is of one code with one of these is of one code with all. One that gave a seed
    other bits than any of them, or was made by another factory, is not, whatever its commit says.
    """
    codes = [_Code.of([group]) for group in groups]
    known, taken, left = codes[-1], {len(groups) - 1}, list(range(len(groups) - 1))
    while found := [number for number in left if codes[number].is_known_in(known)][-1:]:
        known |= codes[found[0]]
        taken.add(found[0])
        left.remove(found[0])
    return [groups[number] for number in sorted(taken)], [groups[number] for number in left]


def why_not(group: Group, taken: Sequence[Group]) -> str:
    """Why a group that `of_one_code` left out is not known to have run the code of those it took, in words."""
    code, known = _Code.of([group]), _Code.of(taken)
    if code.is_of_another_factory(known):
        return OTHER_FACTORY
    return OTHER_BITS if code.gave_other_bits(known) else UNKNOWN_CODE


@dataclass(frozen=True)
class _Code:
    """What is known of the code that runs ran.

    Attributes:
        bits: Digests of each seed.
        commits: Clean ones; None stands for a tree that nobody can name.
        factories: Digests of the engine's factory; those that nobody knows are not in it.
    """

    bits: Mapping[int, Digests]
    commits: frozenset[str | None]
    factories: frozenset[str]

    @classmethod
    def of(cls, groups: Iterable[Group]) -> _Code:
        records = [record for group in groups for record in group]
        return cls(
            {run.seed: run.digests for record in records for run in record.seeds if run.digests},
            frozenset(_commit_of(record) for record in records),
            frozenset(factory for record in records if (factory := factory_of(record))),
        )

    def gave_other_bits(self, other: _Code) -> bool:
        """Whether a seed came to different bits."""
        return any(self.bits[seed] != other.bits[seed] for seed in self.bits.keys() & other.bits.keys())

    def is_of_another_factory(self, other: _Code) -> bool:
        """Whether both are known and differ."""
        return bool(self.factories and other.factories and self.factories != other.factories)

    def is_known_in(self, known: _Code) -> bool:
        """Whether this is the code of other runs: by the bits of a seed, or by one clean commit."""
        if self.gave_other_bits(known) or self.is_of_another_factory(known):
            return False
        one_commit = len(self.commits) == 1 and None not in self.commits and self.commits <= known.commits
        return one_commit or bool(self.bits.keys() & known.bits.keys())

    def __or__(self, other: _Code) -> _Code:
        return _Code({**self.bits, **other.bits}, self.commits | other.commits, self.factories | other.factories)


def _commit_of(record: RunRecord) -> str | None:
    """The clean commit that says which code ran; None if none does."""
    revision: Revision | None = record.revision
    own = record.spec.engine.startswith(f"{OWN_MODEL}:")
    if revision is None or revision.dirty or (own and factory_of(record) is None):
        return None
    return revision.commit
