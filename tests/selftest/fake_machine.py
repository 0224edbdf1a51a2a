"""A machine that fine-tunes in no time: seeds with a known spread, classes that change bits, faults that act or hide.

Its clock goes on only while a run 'computes', so a budget is spent as planned or not at all.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import fake_runs
import numpy as np
from record_maker import make_record, row_counts

from bertbench.errors import FaultError
from bertbench.processes import Request
from bertbench.record import Failure, RunRecord
from bertbench.spec import Spec, build_spec, spec_fingerprint
from bertbench.store import Store

ROWS = fake_runs.VALIDATION_ROWS


@dataclass(frozen=True)
class FakeFault:
    """One entry of a catalogue, and what it does on this machine."""

    name: str
    place: str = "rows"
    changes_numbers: bool = True
    median_step_slower_by: float = 0.0
    does: str = "Something | wrong."
    drop_rows: int = 0
    live: dict[str, Any] = field(default_factory=dict)
    crashes: bool = False
    dies: bool = False
    refused: bool = False
    new_bits: bool = True
    slower: float = 0.0
    copies: bool = False
    fits_no_spec: str = ""

    @property
    def slows_median_step(self) -> bool:
        """Whether pairs of processes can see it."""
        return self.median_step_slower_by > 0

    def check_spec(self, _spec: Spec) -> None:
        """Whether the spec shows by itself that this would do nothing."""
        if self.fits_no_spec:
            raise FaultError(self.fits_no_spec)


@dataclass
class FakeMachine:
    """Call it with a request, as `run_request` would be."""

    process_seconds: float = 10.0
    seed_seconds: float = 1.0
    mean_hits: float = 96.0
    spread_hits: float = 0.6
    same_bits: tuple[str, ...] = ()
    class_drop_rows: int = 0
    faults: tuple[FakeFault, ...] = ()
    stop_after: int | None = None
    breaks_in: str = ""
    irreproducible: bool = False
    live: dict[str, Any] = field(default_factory=dict)
    leaks: bool = False
    dies_after: int | None = None
    nan_seeds: tuple[int, ...] = ()
    noise: float = 0.01
    slower_in: dict[str, float] = field(default_factory=dict)
    now: float = 0.0
    requests: list[Request] = field(default_factory=list)

    def clock(self) -> float:
        """Seconds."""
        return self.now

    def __call__(self, request: Request) -> RunRecord:
        """One process."""
        if self.stop_after is not None and len(self.requests) >= self.stop_after:
            raise KeyboardInterrupt
        self.requests.append(request)
        seeds = request.spec.training.seeds
        pace = self.slower_in.get(_class_of(request.spec), 1.0)
        self.now += self.process_seconds + pace * self.seed_seconds * len(seeds)
        fault = next((one for one in self.faults if one.name == request.fault), FakeFault("", new_bits=False))
        of_class = _class_of(request.spec)
        crashes = fault.crashes or of_class == self.breaks_in
        failure = Failure(kind="NonFiniteLossError", message="loss is nan", phase="steps") if crashes else None
        if fault.dies or (self.dies_after is not None and len(self.requests) > self.dies_after):
            failure = Failure(kind="ProcessDied", message="signal SIGKILL", phase="unknown")
        if fault.refused:
            failure = Failure(kind="FaultError", message="one batch an epoch", phase="data")
        record = make_record(
            run_id=request.run_id,
            fault=request.fault,
            spec=request.spec,
            spec_fingerprint=spec_fingerprint(request.spec),
            outcome="failed" if failure else "completed",
            failure=failure,
            finished_at=datetime.now(timezone.utc),
            environment=_environment(of_class),
            data=_data(),
            seeds=()
            if failure
            else tuple(self._seed(request.spec, seed, fault, of_class, after) for after, seed in enumerate(seeds)),
        )
        record = self._stopped_by_nan(record)
        store = Store(request.store)
        store.write(record)
        for run in record.seeds:
            if run.outcome != "completed":
                continue
            store.write_predictions(record.run_id, run.seed, *fake_runs._predictions(run))
        return record

    def _stopped_by_nan(self, record: RunRecord) -> RunRecord:
        """As a real run: the seed that ends in NaN is its last."""
        stop = next((number for number, run in enumerate(record.seeds) if run.seed in self.nan_seeds), None)
        if stop is None:
            return record
        failure = Failure(kind="NonFiniteLossError", message="loss is nan", phase="steps")
        broken = record.seeds[stop].model_copy(
            update={"outcome": "failed", "failure": failure, "digests": None, "validation_confusion": ()}
        )
        return record.model_copy(
            update={"outcome": "failed", "failure": failure, "seeds": (*record.seeds[:stop], broken)}
        )

    def _seed(self, spec: Spec, seed: int, fault: FakeFault, of_class: str, after: int) -> Any:
        changes = of_class != "own" and of_class not in self.same_bits
        bits = 1 + sum(of_class.encode()) if changes else 0
        bits = 1 + sum(fault.name.encode()) if fault.new_bits else bits
        bits = len(self.requests) if self.irreproducible else bits
        bits += 1_000 * (after > 0) if self.leaks else 0
        drawn = 0 if fault.copies else seed
        generator = np.random.default_rng([drawn, bits])
        hits = round(generator.normal(self.mean_hits, self.spread_hits)) - fault.drop_rows
        hits -= self.class_drop_rows if changes else 0
        fake = {
            "bits": bits,
            "live": self.live | fault.live,
            "accuracy": {str(drawn): float(np.clip(hits, 0, ROWS)) / ROWS},
        }
        run = fake_runs._seed(spec, drawn, fake, 0).model_copy(update={"seed": seed})
        noise = np.random.default_rng(len(self.requests)).normal(0, self.noise)
        pace = 0.1 * (1 + fault.slower) * float(np.exp(noise))
        steps = run.steps.model_copy(update={"seconds": (pace,) * len(run.steps.seconds)})
        share = {"steps": 0.6 * self.seed_seconds, "validation": 0.4 * self.seed_seconds}
        return run.model_copy(update={"steps": steps, "phases_seconds": share})


def slower_steps(percent: int, *, really: float | None = None) -> FakeFault:
    """A fault that pairs of processes can see; *really* slows by another share than it says."""
    return FakeFault(
        f"steps-{percent}-percent-slower",
        place="machine",
        changes_numbers=False,
        median_step_slower_by=percent / 100,
        new_bits=False,
        slower=percent / 100 if really is None else really,
    )


def small_spec(**fields: Any) -> Spec:
    """What the machine is asked to run."""
    training = {"epochs": 2, "batch_size": 8, "seeds": [0]}
    return build_spec({"name": "probe", "training": training, "runtime": {"threads": 2}} | fields)


def _class_of(spec: Spec) -> str:
    return "threads" if spec.runtime.threads == 1 else "onednn" if not spec.runtime.onednn else "own"


def _environment(of_class: str) -> Any:
    usual = make_record().environment
    assert usual is not None
    digest = hashlib.sha256(of_class.encode()).hexdigest()
    return usual.model_copy(update={"numerics_fingerprint": digest})


def _data() -> Any:
    data = make_record().data
    assert data is not None
    return data.model_copy(update=row_counts(train=fake_runs.TRAIN_ROWS, validation=ROWS))
