"""Runs of the store held against baselines of the repository, and each verdict counted.

What is judged is in `bertbench.verdict`, what a baseline is in `bertbench.baseline`; here they meet their files. Which
runs of a store are compared or accepted is in `bertbench.gathering`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bertbench.attempts import Attempt, Ledger, Standing
from bertbench.baseline import (
    REFERENCE,
    ROLLING,
    Baseline,
    BaselineSeed,
    baseline_files,
    different_names,
    final_wrong_rows,
    find_baseline,
    verdict_digest,
)
from bertbench.errors import BaselineError, RecordError, VerdictError
from bertbench.project import SpeedBase
from bertbench.record import Revision, RunRecord, SeedRun
from bertbench.spec import VerdictSpec
from bertbench.store import Store
from bertbench.verdict import Candidate, Check, comparable, compare, no_baseline

if TYPE_CHECKING:
    from bertbench.verdict.shown_quantities import Shown


@dataclass(frozen=True)
class Against:
    """What runs are compared with; checked when it is made.

    Attributes:
        names: Of baselines, as in `rolling`; each gives two checks. None are the declared ones, and where none are
            declared the usual ones: `rolling`, and `reference` where the spec has one.
        declared: Names that the project keeps. One whose baseline is missing is `no_baseline`, and they share the error
            rate, whichever of them are compared today.
        gated_specs: Specs whose quality the project gates: they share one error rate.
        folder: Where baselines are; None is beside the specs.
        speed: What the step of every spec is held against, too; None if the project gates no speed.
    """

    names: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    gated_specs: int = 1
    folder: Path | None = None
    speed: SpeedBase | None = None

    def __post_init__(self) -> None:
        """Refuse what names no baseline.

        Raises:
            BaselineError: If a name can be none or is given twice, or no spec is gated.
        """
        for names in (self.names, self.declared):
            different_names(names)
        if not self.gated_specs >= 1:
            raise BaselineError(f"{self.gated_specs} gated specs were given, one or more were expected")

    def names_for(self, spec: str, folder: Path) -> tuple[str, ...]:
        """Names of the baselines that a spec is compared with.

        Args:
            spec: Its name.
            folder: Of baselines, unless this says otherwise.

        Raises:
            BaselineError: If the folder of reference baselines cannot be read.
        """
        if chosen := self.names or self.declared:
            return chosen
        has_reference = bool(baseline_files(self.folder or folder, REFERENCE, spec=spec))
        return (ROLLING, REFERENCE) if has_reference else (ROLLING,)

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every name that some spec may be compared with."""
        return tuple(dict.fromkeys((*self.names, *self.declared))) or (ROLLING, REFERENCE)

    def sharing(self, names: Sequence[str]) -> int:
        """How many baselines share the error rate of a spec compared with *names*, whether they exist or not."""
        return len({*names, *self.declared})

    def refuse_more_specs(self, specs: int, *, setting: str) -> None:
        """Refuse to compare more specs than share the error rate: each would spend a share that nobody set aside.

        Args:
            specs: That are compared.
            setting: How people say how many are gated.

        Raises:
            BaselineError: If there are more.
        """
        if specs > self.gated_specs:
            raise BaselineError(
                f"{specs} specs are compared, and {self.gated_specs} gated: each would spend the error rate of one of "
                f"{self.gated_specs}",
                remedy=f"say how many specs the project gates, in all, whatever is selected today: {setting}",
            )


@dataclass(frozen=True)
class Compared:
    """Runs held against one baseline.

    Attributes:
        name: Of the baseline.
        identity: Are the bits the same?
        quality: Is it no worse?
        baseline: What was accepted; None if there is nothing to compare with.
        shown: What is shown beside the verdict; None where bits are equal or nothing could be compared.
        standing: Where this stands among the attempts at its commit; None if nobody counted.
        bound_by: The attempt whose fail it is held to, although by itself it did not fail; None if it is not.
    """

    name: str
    identity: Check
    quality: Check
    baseline: Baseline | None = None
    shown: Shown | None = None
    standing: Standing | None = field(default=None, compare=False)
    bound_by: Attempt | None = field(default=None, compare=False)

    @property
    def checks(self) -> tuple[Check, Check]:
        """Identity, quality."""
        return self.identity, self.quality


def compare_runs(
    candidate: Candidate, store: Store, folder: Path, against: Against, *, promised: VerdictSpec
) -> tuple[Compared, ...]:
    """Hold runs against each baseline.

    Args:
        candidate: The run, with the further seeds that ran for it.
        store: Has their predictions; without them rows that flipped are not shown.
        folder: Of baselines, unless *against* says otherwise.
        against: What to compare with.
        promised: The spec's table `[verdict]` as it now stands: an older run may have been asked for under another.

    Returns:
        One for each name; `no_baseline` where there is nothing to compare with.
    """
    names = against.names_for(candidate.first.spec.name, folder)
    return tuple(_compared(candidate, store, name, names, (folder, against, promised)) for name in names)


def _compared(
    candidate: Candidate, store: Store, name: str, names: Sequence[str], how: tuple[Path, Against, VerdictSpec]
) -> Compared:
    (folder, against, promised), record = how, candidate.first
    numerics = record.environment.numerics_fingerprint if record.environment else ""
    try:
        baseline = find_baseline(
            against.folder or folder,
            name,
            spec=record.spec.name,
            numerics_fingerprint=numerics,
            comparable=partial(comparable, record),
        )
        from bertbench.verdict.quality_gate import quality_gate  # loads scipy: half a second

        gate = quality_gate(
            baseline.distinct_rows,
            promised,
            gated_specs=against.gated_specs,
            baselines=against.sharing(names),
        )
    except (BaselineError, VerdictError) as problem:
        return Compared(name, *no_baseline(name, problem))

    wrong_rows: dict[int, tuple[int, ...]] = {}  # by seed, as far as they were asked for and are known

    def known(record: RunRecord, run: SeedRun) -> tuple[int, ...] | None:
        """For display: what cannot be read, or contradicts the record, is not shown."""
        try:
            wrong = wrong_rows_of(store, record, run)
        except (RecordError, BaselineError):
            return None
        rows = baseline.validation_rows
        agrees = round(run.final_epoch.validation.accuracy * rows) == rows - len(wrong)
        if not agrees or any(row >= rows for row in wrong):
            return None
        wrong_rows[run.seed] = wrong
        return wrong

    identity, quality = compare(
        candidate,
        baseline,
        name=name,
        gate=gate,
        wrong_rows=known,
        accepted_run=partial(_accepted_run, store, baseline),
    )
    shown = None
    if "drop_points" in quality.numbers:
        from bertbench.verdict.shown_quantities import shown_beside

        margin = gate.rule.margin_points
        shown = shown_beside(candidate, baseline, margin_points=margin, quality=quality, wrong_rows=wrong_rows)
    return Compared(name, identity, quality, baseline, shown)


def _accepted_run(store: Store, baseline: Baseline, seed: BaselineSeed) -> SeedRun | None:
    """The run that a seed of the baseline was made of; None if this store has it not, or another by its name."""
    for run_id in baseline.runs:
        with contextlib.suppress(RecordError):
            run = next((run for run in store.read(run_id).seeds if run.seed == seed.seed), None)
            if run is not None and run.digests == seed.digests:
                return run
    return None


def book_attempts(compared: Sequence[Compared], candidate: Candidate, store: Store) -> None:
    """Write down each verdict, so that a second attempt at the same commit is known for one.

    What was not compared is no attempt: there is no baseline, or the run broke off for another reason than a seed. Nor
    is what was made faulty on purpose: a fail that was asked for binds nobody.

    Args:
        compared: The verdicts, attempts aside.
        candidate: What was compared.
        store: Keeps them.

    Raises:
        RecordError: If what was written before cannot be read.
        RecordWriteError: If it cannot be written.
    """
    record, revision = candidate.first, _revision(candidate)
    if any(run.fault for run in candidate.records):
        return
    Ledger(store.folder).add(
        [
            Attempt(
                at=datetime.now(timezone.utc),
                spec=record.spec.name,
                spec_fingerprint=record.spec_fingerprint,
                numerics_fingerprint=record.environment.numerics_fingerprint if record.environment else "",
                baseline=one.name,
                baseline_sha256=verdict_digest(one.baseline),
                git_commit=revision.commit if revision else None,
                git_dirty=revision.dirty if revision else None,
                runs=tuple(run.run_id for run in candidate.records),
                outcome=one.quality.outcome,
                observed=one.quality.observed,
            )
            for one in compared
            if one.baseline is not None and one.quality.outcome != "no_baseline" and not candidate.broke_off
        ]
    )


def with_attempts(compared: Sequence[Compared], candidate: Candidate, store: Store) -> tuple[Compared, ...]:
    """The verdicts with the number of the attempt; what failed at the same clean commit stays failed.

    Raises:
        RecordError: If what was written before cannot be read.
    """
    ledger = Ledger(store.folder)
    runs = [record.run_id for record in candidate.records]
    return tuple(_with_attempt(one, runs, ledger) for one in compared)


def _with_attempt(one: Compared, runs: Sequence[str], ledger: Ledger) -> Compared:
    standing = ledger.standing(runs, one.name, verdict_digest(one.baseline)) if one.baseline else None
    if standing is None:
        return one
    commit = standing.attempt.git_commit
    dirty = " with changes (counted, not binding)" if standing.attempt.git_dirty else ""
    where = f"at commit {commit[:10]}{dirty}" if commit else "outside any repository (counted, not binding)"
    told = f"Attempt {standing.number} {where}."
    quality = replace(one.quality, numbers={**one.quality.numbers, "attempt": standing.number})
    failed = standing.failed
    if failed is not None and quality.outcome != "fail":
        told = (
            f"Attempt {standing.number} {where}: {_which(failed, standing.attempt)} failed ({failed.runs[0]}, "
            f"{failed.at:%Y-%m-%d %H:%M} UTC: {failed.observed}), and trying again does not erase a fail. By itself "
            f"this one is {quality.outcome}."
        )
        quality = replace(
            quality,
            outcome="fail",
            next_step="find out what differs between the attempts; then make a new commit, or accept a new baseline",
        )
    bound = quality.outcome != one.quality.outcome
    quality = replace(quality, reason=f"{told} {quality.reason}" if bound else f"{quality.reason}. {told}".rstrip("."))
    identity = one.identity
    if quality.outcome == "fail" and identity.outcome == "pass" and identity.observed != "equal bits":
        identity = replace(identity, outcome="undecided", next_step=f"see {quality.name}")
    return replace(one, identity=identity, quality=quality, standing=standing, bound_by=failed if bound else None)


def _which(failed: Attempt, attempt: Attempt) -> str:
    """The attempt that failed, as seen from another."""
    if failed.is_of_the_same_runs(attempt):
        return "the same runs, judged before,"
    which = "an earlier one" if failed.at <= attempt.at else "a later one"
    return f"{which}{' under other numerics' * (failed.numerics_fingerprint != attempt.numerics_fingerprint)}"


def _revision(candidate: Candidate) -> Revision | None:
    """Of the spec's repository when the newest run and its further seeds were asked for; None if they differ.

    Older runs of a candidate are of its code, whatever commit or changes they say: they add seeds to what the newest
    run stands for, and cannot free it from a fail at its commit.
    """
    newest = max((record.run_id for record in candidate.records if not record.continues), default="")
    revisions = {record.revision for record in candidate.records if newest in (record.run_id, record.continues)}
    return revisions.pop() if len(revisions) == 1 else None


def wrong_rows_of(store: Store, record: RunRecord, run: SeedRun) -> tuple[int, ...]:
    """Numbers of the validation rows that a seed had wrong at its end.

    Raises:
        RecordError: If its predictions are absent or damaged.
        BaselineError: If they are not of as many epochs as the seed has.
    """
    logits, labels = store.read_predictions(record.run_id, run.seed)
    return final_wrong_rows(logits, labels, run)
