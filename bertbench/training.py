"""From a spec to a record: the whole of a run on one page."""

from __future__ import annotations

import os
import platform
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from bertbench import runtime
from bertbench.atomic import explained
from bertbench.checkpoints import Checkpoint, open_checkpoint
from bertbench.data import (
    Dataset,
    Finding,
    TokenizedDataset,
    Tokenizer,
    check,
    load_tokenizer,
    read_dataset,
    refuse_hard,
    tokenize,
)
from bertbench.engines import create_engine, entry_of, require_libraries
from bertbench.engines.protocol import Task
from bertbench.errors import NonFiniteLossError
from bertbench.evidence import PretrainedWeights, Witness, distinct_rows, rows_sha256
from bertbench.faults import fault_named
from bertbench.fine_tuning import Rows, SeedProgress, fine_tune, first_batches, total_steps
from bertbench.observers import Observer, Observers
from bertbench.phases import PhaseClock
from bertbench.record import (
    CheckpointFacts,
    DataFacts,
    EnvironmentFacts,
    EpochRow,
    Failure,
    FindingRow,
    Outcome,
    ProcessFacts,
    Revision,
    RunRecord,
    SeedRun,
)
from bertbench.spec import Spec, spec_fingerprint
from bertbench.version import VERSION


class Origin(NamedTuple):
    """Where a run comes from: which run it belongs to, if it is none for its own sake, and the code it ran."""

    repeats: str | None = None
    """The run that is repeated in a fresh process."""
    continues: str | None = None
    """The run whose further seeds are run."""
    revision: Revision | None = None
    """Of the spec's repository when the run was asked for."""


ORIGINAL = Origin()


def run_spec(  # noqa: PLR0913 - each is one thing that a caller names
    spec: Spec,
    *,
    base_folder: Path,
    cache_folder: Path | None = None,
    observers: tuple[Observer, ...] = (),
    workers: int = 1,
    save_models_to: Path | None = None,
    run_id: str | None = None,
    origin: Origin = ORIGINAL,
    fault: str | None = None,
) -> RunRecord:
    """Fine-tune BERT as *spec* says, once per seed.

    Args:
        spec: The benchmark.
        base_folder: Where relative paths of the spec begin.
        cache_folder: Where tokenized rows and compiled programs are kept between runs; nowhere if None.
        observers: Told of every change of the record; the store and the progress bar are such.
        workers: Test workers of the session; recorded, since under more than one times say nothing.
        save_models_to: Each seed's model is saved in a folder `seed-<n>` of this one, which is made at once; not saved
            if None.
        run_id: Name of the run; a new one if None.
        origin: The run that this one repeats, or whose further seeds it runs, if it does; the code that it runs.
        fault: What to do wrong on purpose, by its name in `bertbench.faults`; the record says so.

    Returns:
        The record, completed.

    Raises:
        BertbenchError: If the run failed; the observers have been told, with the reason.
        KeyboardInterrupt: If it was interrupted; likewise.
    """
    run = _Run(spec, run_id or new_run_id(spec.name), origin, observers, fault=fault)
    try:
        run.changed()
        if save_models_to is not None:  # a folder that cannot be made is told before hours of training, not after
            with explained(save_models_to):
                save_models_to.mkdir(parents=True, exist_ok=True)
        wrong = fault_named(fault)  # nothing, unless somebody tests the verdict
        entry = entry_of(spec.engine)
        require_libraries(entry)
        runtime.require_backend(spec.runtime, entry.library)
        # What is fine-tuned, and on what
        inputs = read_inputs(spec, base_folder=base_folder, cache_folder=cache_folder, clock=run.clock)
        run.checkpoint, run.data = inputs.checkpoint_facts(), inputs.data_facts()
        refuse_hard(inputs.findings)
        executed = wrong.spec(spec)
        given = replace(inputs, tokenized=wrong.rows(inputs.tokenized, inputs.dataset, inputs.tokenizer))
        first = first_batches(given.rows, executed, spec.training.seeds[0])

        # The process: last of what can be refused, since loading a backend takes seconds
        with run.clock.phase("import"):
            runtime.configure(spec.runtime, entry.library, cache_folder=cache_folder)
        run.environment = runtime.environment_facts(
            spec.runtime, entry.library, distributions=entry.recorded(), workers=workers
        )

        with wrong.in_force():
            # The engine, traced once for all seeds
            with run.clock.phase("build"):
                pretrained = inputs.pretrained_weights(spec)
                engine = wrong.engine(create_engine(given.task(executed, base_folder=base_folder)))
            with run.clock.phase("trace"):
                engine.prepare(spec.training.seeds[0])
                engine.trace(*first)
            run.changed()

            # The seeds
            for seed in spec.training.seeds:
                run.clock.current = "steps"
                run.begin_seed(seed, Witness(pretrained))
                run.end_seed(fine_tune(engine, given.rows, executed, run.progress, run.observers))
                if save_models_to is not None:
                    with run.clock.phase("save"):
                        engine.save(save_models_to / f"seed-{seed}")
        run.complete()
    except BaseException as error:  # also Ctrl-C, also what nobody foresaw: the record says so
        run.environment = run.environment or _environment_before(spec, workers)
        run.cut_off(error)
        raise
    return run.record


def _environment_before(spec: Spec, workers: int) -> EnvironmentFacts | None:
    """Where a run failed before its library was loaded: whoever lays environments side by side must know which it was.

    Versions are read from what is installed, so a library that is missing, too old or broken does not matter. None if
    not even that can be read: the failure itself is what the record is for.
    """
    try:
        entry = entry_of(spec.engine)
        return runtime.environment_facts(spec.runtime, entry.library, distributions=entry.recorded(), workers=workers)
    except BaseException:  # noqa: BLE001 - whatever happens here, the error that ended the run is the one to tell
        return None


@dataclass(frozen=True)
class Inputs:
    """What a spec is fine-tuned from and on, read and checked.

    Attributes:
        checkpoint: Pretrained weights, digest checked.
        dataset: Rows of text.
        tokenizer: The checkpoint's own.
        tokenized: Rows of WordPieces.
        findings: Of the data checks; hard ones are for the caller to refuse.
    """

    checkpoint: Checkpoint
    dataset: Dataset
    tokenizer: Tokenizer
    tokenized: TokenizedDataset
    findings: tuple[Finding, ...]

    @property
    def rows(self) -> Rows:
        """What a seed is trained and validated on."""
        splits = self.tokenized.splits
        return Rows(splits["train"], splits["validation"], self.dataset.label_names, self.tokenized.special)

    def task(self, spec: Spec, *, base_folder: Path = Path()) -> Task:
        """What an engine must know."""
        return Task(
            spec=spec,
            checkpoint=self.checkpoint,
            label_names=self.dataset.label_names,
            vocabulary_in_use=self.tokenized.vocabulary_in_use,
            total_steps=total_steps(spec, self.tokenized.splits["train"].rows),
            longest_row_tokens=self.tokenized.longest_row_tokens,
            base_folder=base_folder,
            train_lengths=self.tokenized.splits["train"].lengths,
            validation_lengths=self.tokenized.splits["validation"].lengths,
        )

    def pretrained_weights(self, spec: Spec) -> PretrainedWeights:
        """What a seed begins with, by the checkpoint's file; before the first step the engine is held against it."""
        return PretrainedWeights.of(
            self.checkpoint,
            words=self.tokenized.vocabulary_in_use,
            longest_row_tokens=self.tokenized.longest_row_tokens,
            fresh_pooler=spec.model.pooler == "fresh",
        )

    def checkpoint_facts(self) -> CheckpointFacts:
        """For the record."""
        checkpoint = self.checkpoint
        return CheckpointFacts(
            source=checkpoint.source,
            revision=checkpoint.revision,
            sha256=checkpoint.sha256,
            config=asdict(checkpoint.bert),
        )

    def data_facts(self) -> DataFacts:
        """For the record, with every finding."""
        return DataFacts(
            source=self.dataset.source,
            sha256=self.dataset.sha256,
            tokenizer_sha256=self.tokenizer.sha256,
            label_names=self.dataset.label_names,
            rows={name: split.rows for name, split in self.tokenized.splits.items()},
            tokens={name: len(split.token_ids) for name, split in self.tokenized.splits.items()},
            findings=tuple(
                FindingRow(
                    name=f.name, severity=f.severity, split=f.split, message=f.message, rows=f.rows, value=f.value
                )
                for f in self.findings
            ),
            rows_sha256={name: rows_sha256(split) for name, split in self.tokenized.splits.items()},
            words_in_use=len(self.tokenized.vocabulary_in_use),
            longest_row_tokens=self.tokenized.longest_row_tokens,
            distinct_rows={name: distinct_rows(split) for name, split in self.tokenized.splits.items()},
        )


def read_inputs(
    spec: Spec, *, base_folder: Path, cache_folder: Path | None = None, clock: PhaseClock | None = None
) -> Inputs:
    """Open the checkpoint; read, tokenize and check the rows. Loads no backend.

    Args:
        spec: The benchmark.
        base_folder: Where relative paths of the spec begin.
        cache_folder: Where tokenized rows are kept between runs; nowhere if None.
        clock: Counts the phases 'data' and 'tokenize'.

    Raises:
        CheckpointError: If the weights cannot be used.
        DataError: If the rows cannot be read.
    """
    clock = clock or PhaseClock()
    with clock.phase("data"):
        checkpoint = open_checkpoint(spec.checkpoint, base_folder=base_folder)
        dataset = read_dataset(spec.data, base_folder=base_folder)
    with clock.phase("tokenize"):
        tokenizer = load_tokenizer(checkpoint.folder)
        tokenized = tokenize(
            dataset, tokenizer, max_length_tokens=spec.data.max_length_tokens, cache_folder=cache_folder
        )
        findings = check(dataset, tokenized)
    return Inputs(checkpoint, dataset, tokenizer, tokenized, findings)


def new_run_id(name: str) -> str:
    """A name that sorts by UTC time, to the millisecond, and that no other process chooses."""
    now = datetime.now(timezone.utc)
    return f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z-{name}-{uuid.uuid4().hex[:8]}"


class _Run(Observer):
    """The record while it grows; hears of its own epochs, so that observers know of a seed that is not done yet."""

    def __init__(
        self, spec: Spec, run_id: str, origin: Origin, observers: tuple[Observer, ...], *, fault: str | None
    ) -> None:
        self.observers = Observers((*observers, self))
        self._told = Observers(observers)
        self.clock = PhaseClock()
        self.environment: EnvironmentFacts | None = None
        self.data: DataFacts | None = None
        self.checkpoint: CheckpointFacts | None = None
        self.progress: SeedProgress
        self._seeds: list[SeedRun] = []
        self._unfinished: SeedProgress | None = None
        self._fixed: dict[str, Any] = {
            "run_id": run_id,
            "repeats": origin.repeats,
            "continues": origin.continues,
            "revision": origin.revision,
            "fault": fault,
            "bertbench_version": VERSION,
            "spec": spec,
            "spec_fingerprint": spec_fingerprint(spec),
            "started_at": datetime.now(timezone.utc),
            "process": _this_process(),
        }
        self.record = self._as_record("running")

    def complete(self) -> None:
        """Everything was done."""
        self._tell("completed")

    def cut_off(self, error: BaseException) -> None:
        """It ended before its end."""
        outcome: Outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        self._tell(outcome, self._failure(error))

    def begin_seed(self, seed: int, witness: Witness) -> None:
        self.progress = self._unfinished = SeedProgress(seed, witness)

    def end_seed(self, run: SeedRun) -> None:
        self._seeds.append(run)
        self._unfinished = None
        self.changed()

    def epoch_finished(self, seed: int, row: EpochRow) -> None:  # noqa: ARG002 - the progress holds both
        """An epoch is part of the record."""
        self.changed()

    def changed(self) -> None:
        """Tell the observers what is known by now."""
        self._tell("running")

    def _tell(self, outcome: Outcome, failure: Failure | None = None) -> None:
        self.record = self._as_record(outcome, failure)
        self._told.run_changed(self.record)

    def _as_record(self, outcome: Outcome, failure: Failure | None = None) -> RunRecord:
        ended = outcome != "running"
        seed = self._unfinished
        # Between the two lines that end a seed it is both; Ctrl-C may come there.
        is_ended = seed is not None and seed.seed in [run.seed for run in self._seeds]
        unfinished = (seed.as_run(outcome, failure=failure),) if seed is not None and not is_ended else ()
        return RunRecord(
            **self._fixed,
            finished_at=datetime.now(timezone.utc) if ended else None,
            outcome=outcome,
            failure=failure,
            environment=self.environment,
            data=self.data,
            checkpoint=self.checkpoint,
            phases_seconds={**self.clock.seconds, "total": self.clock.total()},
            seeds=(*self._seeds, *unfinished),
        )

    def _failure(self, error: BaseException) -> Failure:
        seed = self._unfinished
        return Failure(
            kind=type(error).__name__,
            message=str(error) or type(error).__name__,
            phase=seed.clock.current if seed else self.clock.current,
            seed=seed.seed if seed else None,
            epoch=seed.epoch if seed else None,
            step=error.step if isinstance(error, NonFiniteLossError) else (seed.step if seed else None),
        )


def _this_process() -> ProcessFacts:
    return ProcessFacts(pid=os.getpid(), host=platform.node(), started=psutil.Process().create_time())
