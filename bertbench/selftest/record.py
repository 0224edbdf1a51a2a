"""What a self-test found, as it is written: everything measured, everything counted, and what there was no time for.

Schema history:
    1: first.
    2: which faults slow the median step, the first and the last seed, the faults that were asked for,
       `distinct_validation_rows`, `enough_minutes`. Version 1 is still read; how many of its rows differ is not known.
    3: clean processes in pairs, by how much faults slow the median step, seeds that failed with a fault, harmless
       classes that were not measured. Version 2 is still read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bertbench.atomic import explained, write_atomically
from bertbench.errors import RecordError
from bertbench.record import EnvironmentFacts, Fact, Moment
from bertbench.selftest.fault_facts import CleanFacts, FaultRow, UnchangedSpeed
from bertbench.selftest.figures import Count, IntervalFacts, RateFacts
from bertbench.spec import Spec
from bertbench.stats import GateRates
from bertbench.versioned import Versioned

SCHEMA_VERSION = 3
#: Within the self-test's folder.
FILE_NAME = "selftest.json"

PartOutcome = Literal["pass", "fail", "undecided"]


class PartFacts(Fact):
    """One part of the self-test: what was planned, what was done."""

    name: str
    """Such as `faults`."""
    planned: str
    """In words, with the time it was expected to take."""
    done: str = ""
    """In words; empty if nothing was."""
    seconds: float = 0.0
    """Taken."""
    left_out: str = ""
    """What did not fit the budget, or was not asked for, and what would be needed; empty if all was done."""


class ClassFacts(Fact):
    """Seeds run in one numerics class."""

    name: str
    """`own` is the spec's own."""
    changed: str
    """How it differs from the own class, in words."""
    numerics_fingerprint: str
    """Of what can change bits."""
    hits: dict[int, int]
    """Validation rows right, by seed, of seeds that did not fail."""
    failed_seeds: tuple[int, ...] = ()
    """No better than always the largest class."""
    spread_points: IntervalFacts | None = None
    """Standard deviation over seeds; None with fewer than five."""
    tail: RateFacts | None = None
    """Share of seeds more than two spreads below the mean; None with fewer than seventeen."""
    runs: tuple[str, ...] = ()
    """Records it rests on."""


class EffectFacts(Fact):
    """A harmless class against the spec's own."""

    name: str
    """Of the class."""
    equal_bits: Count
    """Of the seeds that both ran."""
    shared_seeds: Count
    """Seeds that both ran."""
    drop_points: IntervalFacts | None = None
    """Mean of the own class minus that of this one; None with fewer than five seeds a side (two
    before schema 2)."""
    correlation: IntervalFacts | None = None
    """Of the same seeds; 1 for certain where bits are equal; None if a side has no spread, or with fewer than five."""
    note: str = ""
    """Why something is not known."""


class ProcessFacts(Fact):
    """One seed again and again, each time in a fresh process."""

    seed: Count
    """Which."""
    processes: Annotated[int, Field(ge=1)]
    """All."""
    other_bits: tuple[int, ...] = ()
    """Numbers of the processes, from 1, that came to other bits than the first."""
    step_seconds: tuple[float, ...]
    """Median step of each process."""
    spread: IntervalFacts | None = None
    """Standard deviation of the logarithm of those: a share; None with fewer than five."""


class GateRow(Fact):
    """One truth under which the gate was simulated."""

    words: str
    """What is true."""
    truth: str
    """What it is held against, as in `promises`; empty for nothing."""
    fail: RateFacts
    """Share of runs."""
    passed: RateFacts
    """Likewise."""
    undecided: RateFacts
    """Likewise."""
    samples: float
    """Candidate seeds, or pairs of processes, that a run took in the mean."""

    @classmethod
    def of(cls, words: str, truth: str, rates: GateRates) -> GateRow:
        """As simulated."""
        fail, passed, undecided = (RateFacts.of(rate) for rate in (rates.fail, rates.passed, rates.undecided))
        return cls(words=words, truth=truth, fail=fail, passed=passed, undecided=undecided, samples=rates.mean_seeds)


class TrialFacts(Fact):
    """One fresh comparison of the own class with a harmless one."""

    bank_seeds: tuple[int, ...]
    """Of the own class."""
    candidate_seeds: tuple[int, ...]
    """Of the other class, as far as the looks went."""
    look: Count
    """At which it was decided."""
    word: Literal["fail", "pass", "undecided"]
    """The verdict."""
    drop_points: float
    """Mean of the bank minus mean of the candidate, failed seeds left out; NaN if all failed."""


class TrialsFacts(Fact):
    """All fresh comparisons."""

    candidate_class: str
    """Name of the harmless class; empty if none changed a bit."""
    counted: tuple[TrialFacts, ...] = ()
    """Each seed in one trial, on one side."""
    candidates_per_bank: Annotated[int, Field(ge=1)] = 1
    """More than one share a bank, and are then not independent."""
    by_identity: Count = 0
    """Harmless classes that gave equal bits in every seed: identity decides each comparison with them, so none is
    tried or counted."""
    not_measured: tuple[str, ...] = ()
    """Harmless classes of which it is not known whether they change a bit; empty before schema 3."""
    note: str = ""
    """Why there are none."""

    @property
    def identity_decides(self) -> bool:
        """Whether every harmless class was measured and gives equal bits: that answers what trials would ask."""
        return not self.candidate_class and bool(self.by_identity) and not self.not_measured


class PromiseFacts(Fact):
    """A promise held against what was seen."""

    about: str
    """Where it was seen."""
    promise: str
    """In words."""
    seen: RateFacts
    """The count."""
    without_exception: bool = False
    """Whether a single case breaks it, as with equal bits; then the rate's interval means nothing."""
    standing: Literal["shown", "consistent", "violated"]
    """Whether all of the interval keeps it, some of it, or none; since schema 2 a simulation shows none."""
    note: str = ""
    """Which cases broke it."""


class SelfTest(Fact):
    """One self-test."""

    schema_version: Literal[1, 2, 3] = 3
    """See the history above."""
    selftest_id: str
    """Name of its folder; begins with the UTC time."""
    bertbench_version: str
    """Of the package."""
    spec: Spec
    """What was measured."""
    spec_fingerprint: str
    """Of its recipe."""
    validation_rows: Annotated[int, Field(ge=1)]
    """That every accuracy is of."""
    distinct_validation_rows: Annotated[int, Field(ge=1)] | None = None
    """How many of these differ: the margin is one of them at least; None in schema 1."""
    environment: EnvironmentFacts | None = None
    """Of the own class's first process."""
    gated_specs: Annotated[int, Field(ge=1)]
    """Specs that share the error rates."""
    margin_points: float
    """That a pass excludes."""
    started_at: Moment
    """UTC."""
    finished_at: Moment
    """UTC."""
    budget_seconds: float
    """Given."""
    random_seed: Count
    """Of every simulated draw."""
    first_seed: Count = 1
    """No smaller seed was run; always 1 before schema 2."""
    last_seed: Count | None = None
    """No larger seed was run: a self-test of fresh seeds begins after it. None before schema 2."""
    faults_asked: tuple[str, ...] | None = None
    """Names of the only faults that were asked for; None for all that there are."""
    enough_minutes: Annotated[int, Field(ge=1)] | None = None
    """Budget in which each part that was asked for would be done, if time was too short for that; None if it was not,
    and before schema 2."""
    interrupted: bool = False
    """Whether somebody stopped it; what was measured until then is here."""
    parts: tuple[PartFacts, ...]
    """Planned and done."""
    classes: tuple[ClassFacts, ...] = ()
    """Own class first."""
    effects: tuple[EffectFacts, ...] = ()
    """Of the other classes."""
    processes: ProcessFacts | None = None
    """The same seed in fresh processes."""
    quality_gate: tuple[GateRow, ...] = ()
    """Simulated on the measured seeds."""
    speed_gate: tuple[GateRow, ...] = ()
    """Simulated on the measured spread of processes."""
    code_check: RateFacts | None = None
    """Fails among random splits of the own class's seeds: a check of the code, without a claim about fresh seeds."""
    trials: TrialsFacts | None = None
    """Fresh comparisons."""
    clean: CleanFacts | None = None
    """What the faults are held against; None if none was put in."""
    unchanged_speed: tuple[UnchangedSpeed, ...] = ()
    """Pairs of clean processes, run before those with faults: one comparison, of a sum one of each report."""
    faults: tuple[FaultRow, ...] = ()
    """The matrix."""
    promises: tuple[PromiseFacts, ...] = ()
    """Held against everything above."""
    outcome: PartOutcome
    """Fail if a promise is violated; undecided if too little was measured to say."""


_SELF_TESTS = Versioned(
    SelfTest,
    noun="self-test",
    readable=(1, 2, SCHEMA_VERSION),
    error=RecordError,
    damaged="bertbench selftest",
    other_version="use the bertbench that wrote it, or bertbench selftest",
)


def write_selftest(folder: Path, record: SelfTest) -> Path:
    """Put it into *folder*, whole or not at all.

    Raises:
        RecordWriteError: If that is not possible.
    """
    content = record.model_dump_json(indent=1).encode()
    path = folder / FILE_NAME
    with explained(path):
        folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda stream: stream.write(content))
    return path


def read_selftest(path: Path) -> SelfTest:
    """One self-test again.

    Raises:
        RecordError: If it is absent, damaged, or of a newer schema.
    """
    return _SELF_TESTS.read(path)
