"""What is kept of a comparison of speed: one JSON file, `<store>/ab/<id>/ab.json`.

Everything that is shown of a comparison can be computed from it again. Each process has an ordinary record besides, in
the store `<store>/ab/<id>`.

Schema history:
    1: first.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field

from bertbench.machine_watch import Reading
from bertbench.record import EnvironmentFacts, Fact, Failure, Moment, Seconds
from bertbench.stats.speed_rule import PairedDifferences
from bertbench.verdict import Outcome

AB_SCHEMA_VERSION = 1

SideName = Literal["base", "cand"]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]

#: What is compared, the gated one first; names of `bertbench.quantities`.
GATED = "step_seconds"
COMPARED = (
    GATED,
    "validation_seconds",
    "tokenize_seconds",
    "import_seconds",
    "total_seconds",
    "peak_memory_mebibytes",
)


class SideFacts(Fact):
    """One of the two things that are compared."""

    given: str
    """As on the command line."""
    kind: Literal["interpreter", "revision", "spec"]
    """What sort of side."""
    interpreter: str
    """Path of the Python that runs it."""
    package: str
    """Folder of the bertbench that it loads."""
    bertbench_version: str
    """Of that."""
    code_sha256: str
    """Of that package's source files."""
    spec_file: str
    """Its spec; in a revision, relative to the repository."""
    spec_fingerprint: str
    """Of what ran: one seed, and the epochs asked for."""
    recipe_fingerprint: str | None = None
    """Of the spec itself, whatever epochs were asked for; absent in comparisons of older versions."""
    commit: str | None = None
    """Of a revision."""
    fault: str | None = None
    """What was done wrong on purpose; absent in normal processes."""
    environment: EnvironmentFacts | None = None
    """Of its first completed process; absent until there was one of each side, as are the next three."""
    data_sha256: str | None = None
    """Of the rows it read."""
    weights_sha256: str | None = None
    """Of the pretrained weights it loaded."""
    factory_sha256: str | None = None
    """Of the file of its engine's factory, `engine = "python:package.module:factory"`; absent for engines without one,
    where the file could not be read, and in comparisons of older versions."""


class Sample(Fact):
    """One process."""

    run_id: str
    """Of its record."""
    values: dict[str, Positive | None]
    """By name, as in `COMPARED`; None is 'not measured'."""
    reading: Reading
    """The machine meanwhile."""
    disturbed: tuple[str, ...] = ()
    """What the machine says against it, judged before any time was read."""


class Measurement(Fact):
    """A process of each side, one right after the other."""

    first: SideName
    """What the coin said."""
    base: Sample
    """The baseline's process."""
    cand: Sample
    """The candidate's."""

    @property
    def disturbed(self) -> bool:
        """Whether either process was."""
        return bool(self.base.disturbed or self.cand.disturbed)

    def log_ratio(self, quantity: str) -> float | None:
        """log(candidate / baseline); None if a side has no value."""
        base, cand = self.base.values.get(quantity), self.cand.values.get(quantity)
        return None if base is None or cand is None else math.log(cand / base)


class Pair(Fact):
    """A measurement, and a second one if the machine disturbed the first."""

    counted: bool = True
    """The first pair of a comparison is not, by rule: it fills caches."""
    measured: Measurement
    """The first measurement."""
    again: Measurement | None = None
    """The second, in its place."""

    @property
    def in_force(self) -> Measurement:
        """What counts."""
        return self.again or self.measured


class Crash(Fact):
    """A process that did not complete."""

    side: SideName
    """Whose."""
    run_id: str
    """Of its record, if it left one."""
    failure: Failure
    """Why."""


class Attempt(Fact):
    """One comparison of the same two things."""

    key: str
    """Names what was compared: spec and both sides, 64 hex digits."""
    ab_id: str
    """The comparison."""
    outcome: Outcome
    """What it came to by itself."""
    crashed: bool = False
    """Whether a process that did not complete ended it: then it says nothing of times."""
    finished_at: Moment
    """UTC."""


class RuleFacts(Fact):
    """What decided."""

    alpha: float
    """Of this check, over all its looks."""
    gated_specs: Annotated[int, Field(ge=1)]
    """Specs that share the project's error rate."""
    floor: float
    """Smallest slowdown that may fail, as a share."""
    margin: float
    """Slowdown that a pass excludes, as a share."""
    pass_alpha: float
    """Chance to pass a slowdown of the margin."""
    looks: int
    """At most."""


class CheckFacts(Fact):
    """The verdict, as it was told."""

    name: str
    """Of the check."""
    outcome: Outcome
    """The verdict, earlier attempts included."""
    observed: str
    """What was seen."""
    promised: str
    """What was held against it."""
    reason: str
    """In words."""
    next_step: str = ""
    """What to do."""
    observed_value: float | None = None
    """Slowdown, as a share."""
    promised_value: float | None = None
    """Margin, as a share."""
    numbers: dict[str, float] = Field(default_factory=dict)
    """What it rests on: shares, p and pairs; absent in comparisons of older versions."""


class AbRecord(Fact):
    """One comparison."""

    schema_version: Literal[1] = 1
    """See the history above."""
    ab_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]*$")]
    """Name of its folder; begins with the UTC time."""
    bertbench_version: str
    """Of the package that compared."""
    spec: str
    """Name of the spec; of two, the candidate's."""
    seed: Annotated[int, Field(ge=0)]
    """The one seed that every process ran."""
    epochs: Annotated[int, Field(ge=1)] | None = None
    """In place of the spec's own, if asked for."""
    started_at: Moment
    """UTC."""
    finished_at: Moment
    """UTC."""
    budget_seconds: Seconds
    """Time there was."""
    spent_seconds: Seconds
    """Time it took."""
    coin_seed: Annotated[int, Field(ge=0)]
    """Where the coins that order pairs come from."""
    rule: RuleFacts
    """What decided."""
    base: SideFacts
    """The baseline."""
    cand: SideFacts
    """The candidate."""
    differences: tuple[str, ...] = ()
    """What differs between the two, side by side."""
    pairs: tuple[Pair, ...] = ()
    """In the order of measurement, the discarded one included."""
    crashes: tuple[Crash, ...] = ()
    """Processes that did not complete; they end a comparison."""
    interrupted: bool = False
    """Whether somebody ended it before it was decided."""
    planned_pairs: tuple[int | None, ...] = ()
    """By look; None is more than any plan has."""
    check: CheckFacts
    """The verdict."""
    attempts: tuple[Attempt, ...] = ()
    """Earlier comparisons of the same two things, oldest first."""


def counted(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """Pairs that have a vote."""
    return tuple(pair for pair in pairs if pair.counted)


def paired_differences(pairs: tuple[Pair, ...], quantity: str = GATED) -> PairedDifferences:
    """Log ratios of the counted pairs; a pair in which a side has no value of *quantity* has none, on either count."""
    both = [(pair.in_force.log_ratio(quantity), pair.measured.log_ratio(quantity)) for pair in counted(pairs)]
    known = [(now, first) for now, first in both if now is not None and first is not None]
    return PairedDifferences(tuple(now for now, _ in known), tuple(first for _, first in known))


def identity_of(side: SideFacts) -> dict[str, Any]:
    """What a side is, wherever it lies: two attempts with equal sides compare the same things.

    The factory is named only where there is one, so that without one older attempts are found under the key they have.
    """
    factory = {"factory": side.factory_sha256} if side.factory_sha256 else {}
    return factory | {
        "recipe": side.recipe_fingerprint or side.spec_fingerprint,
        "data": side.data_sha256,
        "weights": side.weights_sha256,
        "code": side.code_sha256,
        "commit": side.commit,
        "numerics": side.environment.numerics_fingerprint if side.environment else None,
    }
