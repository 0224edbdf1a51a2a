"""From a spec to a record, on an engine of a few lines of numpy: what is recorded of what happens."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, final

import numpy as np
import pytest
from fake_engine import FakeEngine
from numpy.typing import NDArray
from small_bench import LABELS, small_spec, write_rows

from bertbench import runtime, training
from bertbench.data import PackedBatch
from bertbench.engines.protocol import StepResult, Task
from bertbench.errors import (
    BertbenchError,
    CheckpointAbsentError,
    DataError,
    EngineError,
    NonFiniteLossError,
    RecordWriteError,
    SetupError,
)
from bertbench.observers import Observer
from bertbench.record import EnvironmentFacts, RunRecord, SeedRun
from bertbench.spec import RuntimeSpec
from bertbench.store import RecordKeeper, Store
from bertbench.training import Origin, new_run_id, read_inputs, run_spec

STEPS_OF_AN_EPOCH = 3


class Bench:
    """A folder with rows, a process that loads no backend, and every state of the record that was told."""

    def __init__(self, folder: Path, checkpoint: Path) -> None:
        self.folder, self.checkpoint = folder, checkpoint
        self.told: list[RunRecord] = []
        self.engines: list[FakeEngine] = []
        self.configured: list[RuntimeSpec] = []
        self.make_engine: Callable[[Task], FakeEngine] = FakeEngine.of

    def create_engine(self, task: Task) -> FakeEngine:
        self.engines.append(self.make_engine(task))
        return self.engines[-1]

    def run(self, *observers: Observer, more: dict[str, Any] | None = None, **changes: Any) -> RunRecord:
        """Run the small spec with *changes*."""
        spec = small_spec(self.checkpoint, **changes)
        return run_spec(spec, base_folder=self.folder, observers=(_Told(self.told), *observers), **(more or {}))

    @property
    def last(self) -> RunRecord:
        """What is known after the run."""
        return self.told[-1]


class _Told(Observer):
    def __init__(self, told: list[RunRecord]) -> None:
        self._told = told

    def run_changed(self, record: RunRecord) -> None:
        self._told.append(record)


@pytest.fixture
def bench(tmp_path: Path, tiny_bert_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Real rows and checkpoint, a fake engine, no backend."""
    write_rows(tmp_path)
    bench = Bench(tmp_path, tiny_bert_folder)
    monkeypatch.setattr(training, "create_engine", bench.create_engine)
    monkeypatch.setattr(runtime, "configure", lambda spec, library, **_: bench.configured.append(spec))
    monkeypatch.setattr(runtime, "environment_facts", environment)
    return bench


def environment(spec: RuntimeSpec, library: str = "keras", *, distributions=(), workers: int = 1) -> EnvironmentFacts:
    return EnvironmentFacts(
        numerics={"backend": spec.backend},
        machine={"cores": 2},
        numerics_fingerprint="a" * 64,
        machine_fingerprint="b" * 64,
        workers=workers,
    )


# A run that completes


def test_a_completed_run_knows_what_it_ran_on_and_came_to(bench: Bench) -> None:
    record = bench.run(training__seeds=(3, 5))
    assert record.outcome == "completed"
    assert record.checkpoint is not None
    assert record.checkpoint.source == f"path:{bench.checkpoint}"
    assert record.data is not None
    assert record.data.label_names == LABELS
    assert record.data.rows == {"train": 16, "validation": 8}
    assert record.data.distinct_rows == {"train": 16, "validation": 8}
    assert record.environment == environment(record.spec.runtime)
    assert [run.seed for run in record.seeds] == [3, 5]
    assert [len(run.epochs) for run in record.seeds] == [2, 2]
    assert [run.steps.rows for run in record.seeds] == [(6, 6, 4) * 2] * 2
    assert record.finished_at is not None
    assert record.finished_at >= record.started_at


@pytest.mark.parametrize(("installed", "recorded"), [({"keras-hub"}, ("keras-hub",)), (set(), ())])
def test_libraries_that_a_model_of_ones_own_may_use_are_recorded_where_they_are_installed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, installed: set[str], recorded: tuple[str, ...]
) -> None:
    asked = []

    def facts(spec: RuntimeSpec, library: str, *, distributions=(), workers: int = 1) -> EnvironmentFacts:
        asked.append(tuple(distributions))
        return environment(spec, library, workers=workers)

    monkeypatch.setattr(runtime, "environment_facts", facts)
    monkeypatch.setattr("bertbench.engines.catalogue._is_installed", installed.__contains__)
    bench.run(engine="python:own_train:build")
    assert asked == [recorded]


def test_the_record_grows_from_running_to_completed(bench: Bench) -> None:
    record = bench.run(training__seeds=(0, 1))
    assert [told.outcome for told in bench.told] == ["running"] * (len(bench.told) - 1) + ["completed"]
    assert bench.last == record
    assert len({told.run_id for told in bench.told}) == 1
    # Nothing yet; traced; then epoch by epoch, each seed growing and done.
    growth = [[(run.seed, len(run.epochs), run.outcome) for run in told.seeds] for told in bench.told]
    done = [(0, 2, "completed")]
    assert growth == [
        [],
        [],
        [(0, 1, "running")],
        [(0, 2, "running")],
        done,
        [*done, (1, 1, "running")],
        [*done, (1, 2, "running")],
        [*done, (1, 2, "completed")],
        [*done, (1, 2, "completed")],
    ]
    assert bench.told[0].data is None
    assert bench.told[1].data is not None
    assert all(told.finished_at is None for told in bench.told[:-1])


def test_one_engine_is_built_and_traced_once_for_all_seeds(bench: Bench) -> None:
    bench.run(training__seeds=(3, 5, 4))
    (engine,) = bench.engines
    assert [call for call in engine.calls if call.startswith(("prepare", "trace"))] == [
        "prepare 3",
        "trace",
        "prepare 3",
        "prepare 5",
        "prepare 4",
    ]


def test_a_seed_comes_to_the_same_alone_and_after_another(bench: Bench) -> None:
    both, alone = bench.run(training__seeds=(0, 1)), bench.run(training__seeds=(1,))
    assert both.seed_run(1).digests == alone.seed_run(1).digests
    assert both.seed_run(0).digests != both.seed_run(1).digests


def test_phases_add_up_to_no_more_than_the_total(bench: Bench, tmp_path: Path) -> None:
    record = bench.run(training__seeds=(0, 1), more={"save_models_to": tmp_path / "models"})
    assert set(record.phases_seconds) == {"data", "tokenize", "import", "build", "trace", "save", "total"}
    assert all(set(run.phases_seconds) == {"steps", "validation"} for run in record.seeds)
    of_process = sum(seconds for phase, seconds in record.phases_seconds.items() if phase != "total")
    of_seeds = sum(sum(run.phases_seconds.values()) for run in record.seeds)
    assert of_process + of_seeds <= record.phases_seconds["total"]


def test_a_folder_for_models_that_cannot_be_made_is_told_before_anything_is_trained(
    bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RecordWriteError, match="--save-models"):
        bench.run(more={"save_models_to": tmp_path / "file" / "models"})
    assert bench.engines == []
    assert bench.told[-1].outcome == "failed"


def test_each_seeds_model_is_saved_if_asked_for(bench: Bench, tmp_path: Path) -> None:
    bench.run(training__seeds=(0, 4), more={"save_models_to": tmp_path / "models"})
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["seed-0", "seed-4"]
    first, second = (np.load(tmp_path / "models" / f"seed-{seed}" / "weights.npy") for seed in (0, 4))
    assert not np.array_equal(first, second)


def test_nothing_is_saved_if_not(bench: Bench) -> None:
    assert "save" not in bench.run().phases_seconds


def test_the_engine_is_told_all_it_must_know(bench: Bench) -> None:
    tasks: list[Task] = []
    bench.make_engine = lambda task: tasks.append(task) or FakeEngine.of(task)
    record = bench.run()
    (task,) = tasks
    assert task.total_steps == 2 * STEPS_OF_AN_EPOCH
    assert task.label_names == LABELS
    assert task.longest_row_tokens == 8
    assert (len(task.train_lengths), len(task.validation_lengths)) == (16, 8)
    assert max(task.train_lengths.max(), task.validation_lengths.max()) == 8
    (engine,) = bench.engines
    assert set(task.vocabulary_in_use) >= {int(number) for batch in engine.trained for number in batch.token_ids}
    assert task.spec == record.spec


def test_runs_know_their_process_workers_and_what_they_repeat(bench: Bench) -> None:
    import os

    origin = Origin(repeats="before")
    record = bench.run(more={"workers": 3, "origin": origin, "run_id": "20300101T000000Z-small-1"})
    assert record.environment is not None
    assert record.environment.workers == 3
    assert (record.repeats, record.continues) == ("before", None)
    assert record.run_id == "20300101T000000Z-small-1"
    assert record.process.pid == os.getpid()


def test_run_ids_are_never_the_same_and_sort_by_time() -> None:
    ids = [new_run_id("some_spec") for _ in range(200)]
    assert len(set(ids)) == 200
    times = [name.partition("Z-some_spec-")[0] for name in ids]
    assert times == sorted(times)
    assert all(re.fullmatch(r"\d{8}T\d{6}\.\d{3}", time) for time in times)


def test_runs_that_begin_in_one_second_sort_by_time_too() -> None:
    """One that is refused takes milliseconds; 'bertbench show' must show the last."""
    ids = []
    for _ in range(5):
        ids.append(new_run_id("some_spec"))
        time.sleep(0.002)
    assert ids == sorted(ids)


def test_tokenized_rows_are_kept_where_asked(bench: Bench, tmp_path: Path) -> None:
    more = {"cache_folder": tmp_path / "cache"}
    first, again = bench.run(more=more), bench.run(more=more)
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert first.seeds[0].digests == again.seeds[0].digests


def test_compiled_programs_are_kept_there_too(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(runtime, "configure", lambda *_, cache_folder: told.append(cache_folder))
    bench.run(more={"cache_folder": tmp_path / "cache"})
    bench.run()
    assert told == [tmp_path / "cache", None]


def test_a_backend_that_is_not_installed_is_refused_before_rows_are_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "require_backend", crash(SetupError("jax is not installed")))
    monkeypatch.setattr("bertbench.training.read_dataset", crash(AssertionError("rows were read")))
    with pytest.raises(SetupError, match="jax is not installed"):
        bench.run(runtime__backend="jax")
    assert bench.last.outcome == "failed"


# A run that crashes


def crash(error: BaseException) -> Callable[..., Any]:
    def raise_it(*_: Any, **__: Any) -> Any:
        raise error

    return raise_it


class CrashesIn(FakeEngine):
    """A method fails: the training step at the fourth step of the seed, validation after the second epoch."""

    method = ""
    error: BaseException = RuntimeError()

    def _maybe(self, method: str, *, when: bool = True) -> None:
        if method == self.method and when:
            raise self.error

    def prepare(self, seed: int) -> None:
        super().prepare(seed)
        self.steps = 0

    def trace(self, train: PackedBatch, validation: PackedBatch) -> None:
        self._maybe("trace")

    def train_step(self, batch: PackedBatch) -> StepResult:
        self._maybe("train_step", when=self.steps == 4)
        self.steps += 1
        return super().train_step(batch)

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        self._maybe("logits", when=self.steps == 2 * STEPS_OF_AN_EPOCH)
        return super().logits(batch)

    def save(self, folder: Path) -> None:
        self._maybe("save")


#: Phase, what fails in it, and how far the seed was then: seed, epoch, step.
CRASHES = [
    ("data", "open_checkpoint", (None, None, None)),
    ("data", "read_dataset", (None, None, None)),
    ("tokenize", "load_tokenizer", (None, None, None)),
    ("tokenize", "tokenize", (None, None, None)),
    ("tokenize", "check", (None, None, None)),
    ("import", "runtime.configure", (None, None, None)),
    ("import", "runtime.environment_facts", (None, None, None)),
    ("build", "create_engine", (None, None, None)),
    ("trace", "engine.trace", (None, None, None)),
    ("steps", "engine.train_step", (6, 1, 4)),
    ("validation", "engine.logits", (6, 1, 6)),
    ("save", "engine.save", (None, None, None)),
]
ERRORS = [
    (EngineError("it cannot", remedy="do otherwise"), "EngineError", "it cannot\n  remedy: do otherwise", "failed"),
    (ZeroDivisionError("a bug"), "ZeroDivisionError", "a bug", "failed"),
    (MemoryError(), "MemoryError", "MemoryError", "failed"),
    (SystemExit(3), "SystemExit", "3", "failed"),
    (KeyboardInterrupt(), "KeyboardInterrupt", "KeyboardInterrupt", "interrupted"),
]


@pytest.mark.parametrize(("phase", "what", "place"), CRASHES, ids=[what for _, what, _ in CRASHES])
@pytest.mark.parametrize(("error", "kind", "message", "outcome"), ERRORS, ids=[kind for _, kind, _, _ in ERRORS])
def test_a_crash_is_recorded_with_its_place_and_raised_again(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    phase: str,
    what: str,
    place: tuple[int | None, int | None, int | None],
    error: BaseException,
    kind: str,
    message: str,
    outcome: str,
) -> None:
    """Also an interrupt, also an exception that nobody foresaw: the record says so, the caller hears of it."""
    if what.startswith("engine."):
        broken: Any = type("Broken", (CrashesIn,), {"method": what.removeprefix("engine."), "error": error})
        bench.make_engine = broken.of
    else:
        monkeypatch.setattr(f"bertbench.training.{what}", crash(error))
    with pytest.raises(type(error)) as caught:
        bench.run(training__seeds=(6,), more={"save_models_to": tmp_path / "models"})
    assert caught.value is error
    record = bench.last
    assert record.outcome == outcome
    assert record.finished_at is not None
    assert record.failure is not None
    assert (record.failure.kind, record.failure.message, record.failure.phase) == (kind, message, phase)
    assert (record.failure.seed, record.failure.epoch, record.failure.step) == place
    if place[0] is not None:
        (run,) = record.seeds
        assert run.outcome == outcome
        assert run.failure == record.failure
        assert len(run.steps.loss) == place[2]
        assert len(run.epochs) == place[1]


def test_nan_is_recorded_at_its_step_with_the_loss_that_was_seen(bench: Bench) -> None:
    class Diverges(FakeEngine):
        def train_step(self, batch: PackedBatch) -> StepResult:
            result = super().train_step(batch)
            loss = float("nan") if len(self.trained) == 5 else result.loss
            return StepResult(loss, result.gradient_norm, result.predictions, result.learning_rate)

    bench.make_engine = Diverges.of
    with pytest.raises(NonFiniteLossError):
        bench.run(training__seeds=(8, 9))
    failure = bench.last.failure
    assert failure is not None
    assert (failure.kind, failure.seed, failure.epoch, failure.step) == ("NonFiniteLossError", 8, 1, 4)
    assert (failure.phase, len(bench.last.seeds)) == ("steps", 1)  # the second seed is not begun
    assert "loss of step 4 is nan" in failure.message
    assert len(bench.last.seeds[0].steps.loss) == 5
    assert np.isnan(bench.last.seeds[0].steps.loss[-1])
    assert RunRecord.model_validate_json(bench.last.model_dump_json()).failure == failure


def test_finished_seeds_are_kept_when_a_later_one_is_interrupted(bench: Bench) -> None:
    class Interrupted(FakeEngine):
        def train_step(self, batch: PackedBatch) -> StepResult:
            if len(self.trained) == 2 * STEPS_OF_AN_EPOCH + 4:
                raise KeyboardInterrupt
            return super().train_step(batch)

    bench.make_engine = Interrupted.of
    with pytest.raises(KeyboardInterrupt):
        bench.run(training__seeds=(0, 1, 2))
    record = bench.last
    assert record.outcome == "interrupted"
    assert [run.outcome for run in record.seeds] == ["completed", "interrupted"]
    assert record.seeds[0].digests is not None
    assert (len(record.seeds[1].epochs), len(record.seeds[1].steps.loss)) == (1, 4)


def test_an_interrupt_after_the_last_epoch_of_a_seed_loses_nothing_of_it(bench: Bench) -> None:
    class Interrupts(Observer):
        def seed_finished(self, run: SeedRun, logits: NDArray[np.float32], labels: NDArray[np.int32]) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run(Interrupts())
    (run,) = bench.last.seeds
    assert (run.outcome, len(run.epochs)) == ("interrupted", 2)


# What is refused before any backend is loaded


def test_hard_data_faults_refuse_before_any_backend_is_loaded(bench: Bench) -> None:
    row = json.dumps({"text": "  ", "label": "refund"})
    with (bench.folder / "train.jsonl").open("a") as stream:
        stream.write(f"{row}\n")
    with pytest.raises(DataError, match=r"without text.*train\.jsonl:17"):
        bench.run()
    assert (bench.configured, bench.engines) == ([], [])
    assert bench.last.data is not None  # the findings are in the record
    assert [finding.name for finding in bench.last.data.findings if finding.severity == "hard"] == ["empty_text"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"checkpoint__source": "path:/nowhere"}, CheckpointAbsentError),
        ({"data__train": "absent.jsonl"}, DataError),
        ({"data__labels": ("delivery", "refunds")}, DataError),
        ({"data__train_rows": 17}, DataError),
        ({"training__class_weights": {"delivery": 1.0, "money": 2.0}}, DataError),
    ],
)
def test_what_cannot_be_used_refuses_before_any_backend_is_loaded(
    bench: Bench, changes: dict[str, Any], error: type[BertbenchError]
) -> None:
    with pytest.raises(error):
        bench.run(**changes)
    assert (bench.configured, bench.engines) == ([], [])
    assert bench.last.failure is not None
    assert bench.last.failure.kind == error.__name__ or issubclass(error, DataError)


def test_a_missing_library_is_told_with_the_environment_that_lacks_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "require_libraries", crash(EngineError("keras-hub is not installed")))
    with pytest.raises(EngineError):
        bench.run()
    assert bench.configured == []
    assert bench.last.environment == environment(bench.last.spec.runtime)


def test_what_hides_the_environment_does_not_hide_the_failure(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "require_libraries", crash(EngineError("keras-hub is not installed")))
    monkeypatch.setattr(runtime, "environment_facts", crash(OSError("no such thing")))
    with pytest.raises(EngineError):
        bench.run()
    assert bench.last.environment is None
    assert bench.last.failure is not None
    assert "keras-hub" in bench.last.failure.message


def test_a_process_that_cannot_compute_as_asked_refuses_before_an_engine_is_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "configure", crash(SetupError("no GPU")))
    with pytest.raises(SetupError):
        bench.run()
    assert bench.engines == []
    assert bench.last.environment == environment(bench.last.spec.runtime)  # whoever lays environments side by side asks


# With the store


def test_a_kept_run_can_be_read_at_any_time_and_holds_its_predictions(bench: Bench, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    seen: list[str] = []

    class Reads(Observer):
        def epoch_finished(self, seed: int, row: Any) -> None:
            seen.append(store.entries()[-1].status)

    record = bench.run(RecordKeeper(store), Reads())
    assert seen == ["running", "running"]
    assert store.read(record.run_id) == record
    logits, labels = store.read_predictions(record.run_id, 0)
    assert (logits.shape, labels.tolist()) == ((2, 8, 2), [0, 1] * 4)
    accuracies = [(epoch.argmax(axis=1) == labels).mean() for epoch in logits]
    assert accuracies == [row.validation.accuracy for row in record.seeds[0].epochs]


def test_a_store_that_cannot_be_written_stops_the_run_at_once(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file is no folder")
    with pytest.raises(RecordWriteError, match="cannot be written"):
        bench.run(RecordKeeper(Store(tmp_path / "store")))
    assert bench.engines == []


def test_a_disk_that_fills_up_stops_the_run_and_says_so(bench: Bench) -> None:
    """The observers that still can are told."""
    calls = itertools.count()

    class Full(Observer):
        def epoch_finished(self, seed: int, row: Any) -> None:
            if next(calls) == 1:
                raise RecordWriteError("record.json: cannot be written: No space left on device")

    with pytest.raises(RecordWriteError):
        bench.run(Full())
    assert bench.last.outcome == "failed"
    assert bench.last.failure is not None
    assert bench.last.failure.kind == "RecordWriteError"


# Reading alone


def test_reading_inputs_loads_no_backend_and_refuses_no_finding(bench: Bench) -> None:
    """`bertbench data` shows hard faults; it is the run that refuses them."""
    (bench.folder / "train.jsonl").write_text('{"text": "", "label": "delivery"}\n{"text": "a", "label": "refund"}\n')
    inputs = read_inputs(small_spec(bench.checkpoint), base_folder=bench.folder)
    assert [finding.name for finding in inputs.findings if finding.severity == "hard"] == ["empty_text"]
    facts = inputs.data_facts()
    assert [finding.rows for finding in facts.findings if finding.severity == "hard"] == [("train.jsonl:1",)]
    assert bench.configured == []


# Ctrl-C may come between any two lines


@final
class InterruptAt:
    """Traces this process and raises KeyboardInterrupt before the nth line of the training page and the fine-tune.

    Lines count from the first record that was told until the last; before and after there is nothing to lose.
    """

    FILES = ("training.py", "fine_tuning.py")
    #: A second Ctrl-C while the first is written down is what a person does who wants to lose the record.
    LAST_WORDS = ("cut_off", "_failure", "_tell", "_as_record")

    def __init__(self, line: int, told: list[RunRecord]) -> None:
        self.left, self._told, self.fired = line, told, False

    def __enter__(self) -> InterruptAt:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if Path(frame.f_code.co_filename).name not in self.FILES or frame.f_code.co_name in self.LAST_WORDS:
            return None
        if event == "line" and self._told and self._told[-1].outcome == "running":
            self.left -= 1
            if self.left == 0:
                self.fired = True
                raise KeyboardInterrupt
        return self._trace


def test_an_interrupt_between_any_two_lines_is_recorded_and_nothing_is_lost(bench: Bench) -> None:
    """Each step and epoch is in the record whole or not at all, so that there always is a record."""
    seen = set()
    for line in itertools.count(1, 5):
        bench.told.clear()
        with InterruptAt(line, bench.told) as interrupt, contextlib.suppress(KeyboardInterrupt):
            bench.run(training__seeds=(0, 1), training__epochs=1, training__batch_size=16)
        if not interrupt.fired:
            break
        assert bench.last.outcome == "interrupted", line
        assert [run.seed for run in bench.last.seeds] in ([], [0], [0, 1])
        seen.add(tuple((len(run.epochs), len(run.steps.loss), run.outcome) for run in bench.last.seeds))
    done = (1, 1, "completed")
    for state in ((), ((0, 0, "interrupted"),), ((1, 1, "interrupted"),), (done, (0, 0, "interrupted")), (done, done)):
        assert state in seen
