"""Processes of one self-test, the time that is left for them, and what their seeds came to."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.errors import VerdictError
from bertbench.processes import Request, run_request
from bertbench.record import Digests, RunRecord, SeedRun
from bertbench.selftest.classes import NumericsClass
from bertbench.selftest.plan import Costs
from bertbench.store import Store
from bertbench.training import new_run_id
from bertbench.verdict.candidate import Candidate
from bertbench.verdict.failed_seeds import failed_candidate_seeds

#: Runs one request in a process of its own.
Runner = Callable[[Request], RunRecord]
#: Told what begins, in words.
Told = Callable[[str], None]


@dataclass(frozen=True)
class SeedOutcome:
    """What one fine-tune came to.

    Attributes:
        hits: Validation rows right at its end.
        failed: Whether it is no better than always the largest class.
        digests: Of its bits: what identity compares.
        numbers: Digest of all that the record says in numbers, step by step and epoch by epoch; taken apart from
            *digests*, so that it can contradict them.
    """

    hits: int
    failed: bool
    digests: Digests
    numbers: str


class Runs:
    """Starts processes one after the other; the records are in a store of the self-test's own."""

    def __init__(
        self,
        folder: Path,
        base_folder: Path,
        *,
        budget_seconds: float,
        runner: Runner = run_request,
        clock: Callable[[], float] = time.monotonic,
        told: Told | None = None,
    ) -> None:
        """Time runs from now.

        Args:
            folder: Of the self-test; its store.
            base_folder: Where the spec's relative paths begin.
            budget_seconds: For everything.
            runner: Runs a request; real processes if not given.
            clock: Monotonic time in seconds.
            told: Hears what begins.
        """
        self.store = Store(folder)
        self.clock = clock
        self._base_folder = base_folder
        self._runner = runner
        self.told = told or (lambda _words: None)
        self._ends = clock() + budget_seconds
        #: The largest that any process was asked for, whatever became of it; None before the first.
        self.last_seed: int | None = None

    @property
    def seconds_left(self) -> float:
        """Of the budget; below 0 where it was overdrawn."""
        return self._ends - self.clock()

    def request(self, of: NumericsClass, seeds: Sequence[int], *, fault: str | None = None) -> Request:
        """A process of these seeds."""
        wrong: dict[str, Any] = {"fault": fault} if fault else {}
        return Request(
            spec=of.of_seeds(seeds),
            run_id=new_run_id(f"{of.spec.name}-{fault or of.name}"),
            base_folder=self._base_folder,
            store=self.store.folder,
            **wrong,
        )

    def run(self, of: NumericsClass, seeds: Sequence[int], *, fault: str | None = None) -> RunRecord:
        """Run them, whatever comes of it."""
        self.told(f"{fault or f'class {of.name}'}: {_counted(len(seeds))}")
        return self.start(self.request(of, seeds, fault=fault))

    def start(self, request: Request) -> RunRecord:
        """Run one request in a process of its own."""
        self.last_seed = max((*request.spec.training.seeds, self.last_seed or 0))
        return self._runner(request)

    def clean(self, of: NumericsClass, seeds: Sequence[int]) -> RunRecord:
        """Run them without a fault.

        Raises:
            VerdictError: If the run did not complete: then there is nothing to test the verdict on.
        """
        record = self.run(of, seeds)
        if record.outcome != "completed":
            raise self._nothing_to_test(of, record)
        return record

    def each_seed(self, of: NumericsClass, seeds: Sequence[int]) -> list[RunRecord]:
        """Run them without a fault, NaN or not: it ends a process, and the seeds after it run in another.

        Raises:
            VerdictError: If a run ended in any other way.
        """
        records, left = [], list(seeds)
        while left:
            record = self.run(of, left)
            last = nan_seed(record)
            if record.outcome != "completed" and last is None:
                raise self._nothing_to_test(of, record)
            records.append(record)
            left = [] if last is None else left[left.index(last) + 1 :]
        return records

    def _nothing_to_test(self, of: NumericsClass, record: RunRecord) -> VerdictError:
        said = f"{record.failure.kind}: {record.failure.message}" if record.failure else record.outcome
        return VerdictError(
            f"self-test: a run without a fault did not complete in class {of.name}: {said}",
            remedy=f"bertbench show {record.run_id} --store {self.store.folder}",
        )


def nan_seed(record: RunRecord) -> int | None:
    """The seed that ended a run by NaN or infinity; None if none did."""
    return next((run.seed for run in Candidate((record,)).not_finite), None)


def outcomes_of(record: RunRecord) -> dict[int, SeedOutcome]:
    """Every completed seed of a run."""
    candidate = Candidate((record,))
    failed = failed_candidate_seeds(candidate)
    rows, _ = validation_rows(record)
    return {
        run.seed: SeedOutcome(
            hits=round(run.final_epoch.validation.accuracy * rows),
            failed=run.seed in failed,
            digests=run.digests,
            numbers=_numbers(run),
        )
        for run in candidate.seeds
        if run.digests is not None
    }


def validation_rows(record: RunRecord) -> tuple[int, int]:
    """Rows that every accuracy of a completed run is of, and how many of them differ."""
    return (record.data.rows["validation"], record.data.distinct("validation")) if record.data else (0, 0)


def costs_of(record: RunRecord, wall_seconds: float) -> Costs:
    """What a process and a seed take, from a process that ran some seeds in *wall_seconds*."""
    seeds = sum(sum(run.phases_seconds.values()) for run in record.seeds)
    return Costs(max(wall_seconds - seeds, 0.0), seeds / max(len(record.seeds), 1))


def _numbers(run: SeedRun) -> str:
    """Everything but times."""
    steps = run.steps.model_dump(exclude={"seconds"})
    epochs = [row.model_dump(exclude={"seconds"}) for row in run.epochs]
    return hashlib.sha256(json.dumps([steps, epochs, run.validation_confusion]).encode()).hexdigest()


def _counted(seeds: int) -> str:
    return "1 seed" if seeds == 1 else f"{seeds} seeds"
