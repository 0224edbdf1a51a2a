"""Every field of a spec changes something, and here is what.

`tests/spec/alternatives.py` has another value for each field. Here is where to look: two specs that differ in one field
alone must differ there, and the same spec must look the same twice. A field that is added must be added to both.
"""

from __future__ import annotations

import copy
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import fake_runs
import numpy as np
import pytest
from baseline_examples import BANK, ROWS, baseline_of, run_of
from numpy.typing import NDArray
from record_maker import make_live_recipe, make_record, make_seed
from small_bench import LABELS
from tiny_bert import write_tiny_bert

sys.path.insert(0, str(Path(__file__).parents[1] / "spec"))
from alternatives import ALTERNATIVES

from bertbench import runtime, suite
from bertbench.checkpoints import open_checkpoint
from bertbench.data import PackedBatch
from bertbench.engines import create_engine, entry_of
from bertbench.errors import BertbenchError, EngineError
from bertbench.evidence import Witness
from bertbench.fine_tuning import SeedProgress, fine_tune, first_batches
from bertbench.observers import Observer
from bertbench.record import CheckpointFacts, DataFacts, RunRecord, SeedRun
from bertbench.report.epoch_table import run_summary
from bertbench.report.terminal import rendered
from bertbench.report.verdict_table import verdict_table
from bertbench.spec import RuntimeSpec, Spec, build_spec, override, spec_fields, spec_fingerprint
from bertbench.store import Store
from bertbench.suite import Benchmark, run_benchmark
from bertbench.training import read_inputs
from bertbench.verdict import Candidate, compare, judge_budget, judge_recipe, judge_threshold
from bertbench.verdict.quality_gate import quality_gate


class Place:
    """Files that the specs of this module are about."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bert = write_tiny_bert(folder / "bert", layers=1, hidden=4, intermediate=4)
        self.other_bert = write_tiny_bert(folder / "other", layers=1, hidden=4, intermediate=4, seed=1)
        _write_csv(folder)
        (folder / "elsewhere").mkdir()
        _write_csv(folder / "elsewhere", more="here")
        self._numbers: dict[str, SeedRun] = {}
        self.facts: dict[str, tuple[DataFacts, CheckpointFacts]] = {}

    @property
    def spec(self) -> Spec:
        """Four steps of four or three rows, five of one class and two of the other."""
        fields = {
            "name": "example",
            "checkpoint": {"source": f"path:{self.bert}"},
            "data": {"source": "files", "train": "train.csv", "validation": "validation.csv"},
            "training": {"epochs": 2, "batch_size": 4},
        }
        return build_spec(fields)

    def pair(self, name: str) -> tuple[Spec, Spec]:
        """Two specs that differ in one field, about the files here."""
        alternative = ALTERNATIVES[name]
        first = self.spec
        if name.startswith("data."):  # the table writes the whole source
            first = override(build_spec({"name": "example"}), {"checkpoint.source": f"path:{self.bert}"})
        first = override(first, {**alternative.given, **GIVEN.get(name, {})})
        value = f"path:{self.other_bert}" if name == "checkpoint.source" else alternative.value
        return first, override(first, alternative.changed or {name: value})

    def numbers(self, spec: Spec) -> SeedRun:
        """A real fine-tune, run once for each recipe."""
        key = spec_fingerprint(spec)
        if key not in self._numbers:
            runtime.configure(RuntimeSpec())
            inputs = read_inputs(spec, base_folder=self.folder)
            engine = create_engine(inputs.task(spec))
            engine.prepare(0)
            engine.trace(*first_batches(inputs.rows, spec, 0))
            progress = SeedProgress(0, Witness(inputs.pretrained_weights(spec)))
            self._numbers[key] = fine_tune(engine, inputs.rows, spec, progress, Observer())
            self.facts[key] = inputs.data_facts(), inputs.checkpoint_facts()
        return self._numbers[key]


#: What a spec needs besides for its field to have a meaning on the files here.
GIVEN: dict[str, dict[str, Any]] = {
    "checkpoint.when_absent": {"checkpoint.source": "path:nowhere"},
    "data.when_absent": {"data.source": "files", "data.train": "absent.csv", "data.validation": "validation.csv"},
    "data.split_seed": {"data.train": "many.csv"},  # of few rows two seeds may draw the same
    "data.deduplicate": {"data.source": "files", "data.train": "train.csv", "data.validation": "validation.csv"},
}


def _write_csv(folder: Path, more: str = "") -> None:
    """Files with every column that the alternatives name; the last train row is the first in capitals."""
    words = ("late", "broken", "crash", "refund", "cancel", "price", "LATE")
    labels = (*LABELS, *LABELS, LABELS[0], LABELS[0], LABELS[0])
    rows = [
        f"my order {word} at the café {more},{label},please {word},{'ab'[number % 2]},thanks {number}"
        for number, (word, label) in enumerate(zip(words, labels, strict=True))
    ]
    many = [f"order {number},{LABELS[number % 2]},,," for number in range(60)]
    header = "text,label,message,class,answer"
    files = {
        "train": rows,
        "more": rows[:5],
        "validation": rows[1:5],
        "other": rows[2:6],
        "test": rows[3:6],
        "many": many,
    }
    for name, content in files.items():
        text = "\n".join([header, *(line.replace("my", f"my {name}") for line in content)]) + "\n"
        (folder / f"{name}.csv").write_text(text.replace("train", "") if name == "train" else text, encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("every_field"))


@pytest.fixture(autouse=True)
def instant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of whole benchmarks are made by hand; those looked at for their numbers are real."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)


# Where to look


def at_numbers(place: Place, spec: Spec) -> Any:
    """Losses, weights and predictions of a real fine-tune."""
    return place.numbers(spec).digests


def at_reading(place: Place, spec: Spec) -> Any:
    """Texts, labels and WordPieces, or why there are none."""
    with _hub():
        try:
            inputs = read_inputs(spec, base_folder=place.folder)
        except BertbenchError as error:
            return str(error)
    return inputs.dataset.sha256, inputs.tokenized.sha256


def _hub() -> Any:
    """A stand-in for `datasets`: what it gives depends on name, configuration and revision."""
    datasets, exceptions = ModuleType("datasets"), ModuleType("datasets.exceptions")

    def load_dataset_builder(name: str, configuration: str, *, revision: str) -> Any:
        columns = {"text": ["order late", "refund money"], "label": list(LABELS)}
        columns["text"] = [f"{text} {name} {configuration} {revision}" for text in columns["text"]]
        dataset = mock.MagicMock(column_names=list(columns), features=dict.fromkeys(columns))
        dataset.__getitem__.side_effect = columns.__getitem__
        return SimpleNamespace(
            hash=None,
            info=SimpleNamespace(splits={"train": None, "validation": None}),
            download_and_prepare=lambda: None,
            as_dataset=lambda split: dataset,
        )

    datasets.load_dataset_builder = load_dataset_builder
    datasets.ClassLabel = type("ClassLabel", (), {})
    exceptions.DatasetNotFoundError = type("DatasetNotFoundError", (Exception,), {})
    exceptions.DatasetsError = type("DatasetsError", (Exception,), {})
    return mock.patch.dict(sys.modules, {"datasets": datasets, "datasets.exceptions": exceptions})


def at_weights(place: Place, spec: Spec) -> Any:
    """The checkpoint that is opened, or why none is."""
    try:
        return open_checkpoint(spec.checkpoint, base_folder=place.folder).sha256
    except BertbenchError as error:
        return str(error)


def at_absence(place: Place, spec: Spec) -> Any:
    """Whether what is not there fails or is skipped; the run is real, and ends before a backend is loaded."""
    return run_benchmark(Benchmark(spec, place.folder), Store(Path("store")), here=True).outcome


def at_seeds(place: Place, spec: Spec) -> Any:
    """Which seeds run."""
    record = run_benchmark(Benchmark(spec, place.folder), Store(Path("store"))).record
    assert record is not None
    return [run.seed for run in record.seeds]


def at_repeats(place: Place, spec: Spec) -> Any:
    """How many runs there are, and what is judged."""
    store = Store(Path(tempfile.mkdtemp(dir=".")))
    result = run_benchmark(Benchmark(spec, place.folder), store)
    runs = [len(entry.record.seeds) for entry in store.entries() if entry.record is not None and entry.record.repeats]
    return runs, [check.name for check in result.checks]


def at_stopping(place: Place, spec: Spec) -> Any:
    """How many epochs run, and what is restored, where validation accuracy peaks late and loss early."""
    inputs = read_inputs(spec, base_folder=place.folder)
    long = override(spec, {"training.epochs": len(_Scripted.epochs)})
    run = fine_tune(_Scripted(), inputs.rows, long, SeedProgress(0), Observer())
    return len(run.epochs), run.best_epoch_restored


def at_checks(_: Place, spec: Spec) -> Any:
    """Every threshold and budget, judged on one and the same record."""
    record = _judged_record()
    return [judge_threshold(promise, record) for promise in spec.expect] + [
        judge_budget(promise, record) for promise in spec.budget
    ]


def at_comparison(_: Place, spec: Spec) -> Any:
    """One and the same run, one of whose seeds failed, held against one and the same bank."""
    hits = {**dict(list(BANK.items())[:8]), 2: 100}
    confused = [
        run.model_copy(update={"validation_confusion": ((150, 0), (0, 150))}) for run in run_of(hits, bits=1).seeds
    ]
    candidate = Candidate((run_of(hits, bits=1).model_copy(update={"seeds": tuple(confused)}),))
    checks = compare(candidate, baseline_of(), name="rolling", gate=quality_gate(ROWS, spec.verdict))
    return [(check.outcome, check.numbers, check.next_step) for check in checks]


def at_process(_: Place, spec: Spec) -> Any:
    """What a process is told before it computes, and what is written down of it."""
    return _configured(spec.runtime)


def at_choice(_: Place, spec: Spec) -> Any:
    """What is imported to compute, and under which name results are kept; each engine's own tests run it."""
    return entry_of(spec.engine), spec_fingerprint(spec)


def at_screen(place: Place, spec: Spec) -> Any:
    """What people read."""
    result = run_benchmark(Benchmark(spec, place.folder), Store(Path("store")))
    summary = run_summary(make_record(spec=spec, seeds=(make_seed(0),)))
    return [rendered(part, width=120, colour=False) for part in (summary, verdict_table([result]))]


Look = Callable[[Place, Spec], Any]

#: Where each field shows; a table stands for all of its fields that are not named themselves.
LOOKS: dict[str, Look] = {
    "name": at_screen,
    "title": at_screen,
    "checkpoint": at_weights,
    "checkpoint.when_absent": at_absence,
    "data": at_reading,
    "data.when_absent": at_absence,
    "model": at_numbers,
    "optimizer": at_numbers,
    "schedule": at_numbers,
    "augmentation": at_numbers,
    "training": at_numbers,
    "training.seeds": at_seeds,
    "training.early_stopping": at_stopping,
    "runtime": at_process,
    "identity.repeat": at_repeats,
    "verdict": at_comparison,
    "engine": at_choice,
    "runtime.compile": at_choice,
    "expect": at_checks,
    "budget": at_checks,
}


def look_of(name: str) -> Look | None:
    """Where to look for a field: its own entry, else that of the nearest table."""
    while name:
        if name in LOOKS:
            return LOOKS[name]
        name = name.rpartition(".")[0]
    return None


REAL = [name for name in ALTERNATIVES if look_of(name) is at_numbers]
IMAGINED = [name for name in ALTERNATIVES if look_of(name) is not at_numbers]


# The tests


def test_every_field_has_another_value_and_a_place_to_look() -> None:
    assert set(ALTERNATIVES) == set(spec_fields())
    assert [name for name in spec_fields() if look_of(name) is None] == []


@pytest.mark.parametrize("name", IMAGINED)
def test_a_field_changes_something(place: Place, name: str) -> None:
    look = look_of(name)
    assert look is not None
    first, second = place.pair(name)
    seen = look(place, first)
    assert look(place, first) == seen, "the same spec looks different twice, so a difference says nothing"
    assert look(place, second) != seen


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_a_field_of_the_recipe_changes_the_numbers_of_a_real_run(place: Place, name: str) -> None:
    first, second = place.pair(name)
    assert place.numbers(first).digests != place.numbers(second).digests


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_the_recipe_lock_finds_no_drift_in_a_run_that_did_as_told(place: Place, name: str) -> None:
    """Whatever the recipe is: the lock must not cry wolf."""
    for spec in place.pair(name):
        record = _recorded(place, place.numbers(spec), spec)
        check = judge_recipe(record)
        assert check.outcome == "pass", check.reason


@pytest.mark.slow
def test_the_recipe_lock_notices_a_run_of_another_recipe(place: Place) -> None:
    """The same run, held against what it was not told."""
    told, untold = place.pair("optimizer.beta_1")
    assert "optimizer.beta_1" in judge_recipe(_recorded(place, place.numbers(untold), told)).reason


@pytest.mark.slow
def test_a_real_run_is_the_same_twice(place: Place) -> None:
    """Else every recipe would seem to change something."""
    assert place.numbers(place.spec).digests == _without_memory(place).numbers(place.spec).digests


def test_an_engine_that_is_not_there_is_refused(place: Place) -> None:
    task = read_inputs(place.spec, base_folder=place.folder).task(place.spec.model_copy(update={"engine": "other"}))
    with pytest.raises(EngineError, match="no engine 'other'"):
        create_engine(task)


# Helpers of the looks


def _without_memory(place: Place) -> Place:
    other = copy.copy(place)
    other._numbers = {}
    return other


def _recorded(place: Place, run: SeedRun, spec: Spec) -> RunRecord:
    place.numbers(spec)  # also reads what it is about
    data, checkpoint = place.facts[spec_fingerprint(spec)]
    return make_record(spec=spec, seeds=(run,), data=data, checkpoint=checkpoint)


def _judged_record() -> RunRecord:
    """Two seeds of three epochs, the last not the best; train and validation, and the seeds, differ."""
    seeds = []
    for seed in (0, 1):
        run = make_seed(seed, epochs=3)
        last = run.epochs[-1]
        worse = last.validation.model_copy(update={"accuracy": 0.6 + 0.1 * seed, "loss": 0.9})
        train = last.train.model_copy(update={"loss": 0.3 + seed})
        epochs = (*run.epochs[:-1], last.model_copy(update={"validation": worse, "train": train}))
        seeds.append(run.model_copy(update={"epochs": epochs}))
    spec = build_spec({"name": "example", "training": {"seeds": [0, 1], "epochs": 3}})
    return make_record(spec=spec, seeds=tuple(seeds))


def _configured(spec: RuntimeSpec) -> Any:
    """Calls, environment and fingerprint, with libraries that only listen."""
    libraries = {name: mock.MagicMock(name=name) for name in ("tensorflow", "jax", "torch", "keras")}
    for library in libraries.values():
        library.config.list_physical_devices.return_value = []
        library.default_backend.return_value = "cpu"
    with (
        mock.patch.dict(os.environ),
        mock.patch.dict(sys.modules),
        mock.patch.object(runtime, "_loaded", {}),
        mock.patch.object(runtime, "_import", libraries.__getitem__),
    ):
        for name in libraries:
            sys.modules.pop(name, None)
        before = dict(os.environ)
        runtime.configure(spec)
        facts = runtime.environment_facts(spec).numerics
        told = {key: value for key, value in os.environ.items() if before.get(key) != value}
    calls = {name: [str(call) for call in library.mock_calls] for name, library in libraries.items()}
    return json.dumps([calls, told, facts], sort_keys=True)


class _Scripted:
    """An engine whose validation gets better and surer, then worse by a little."""

    #: Rows right of four, and how sure the wrong answers are: accuracy is best in epoch 3, loss in epoch 1.
    epochs = ((1, 1.0), (2, 0.1), (2, 3.0), (3, 9.0), (3, 9.5), (2, 9.0), (2, 9.0), (2, 9.0))

    def __init__(self) -> None:
        self.epoch = 0

    def prepare(self, seed: int) -> None:
        pass

    def recipe(self) -> dict[str, Any]:
        return {}

    def matmul_seconds(self, size: int) -> float:
        return 1.0

    def flops(self, batch: PackedBatch) -> float:
        return 1.0

    def train_step(self, batch: PackedBatch) -> Any:
        zeros = np.zeros(batch.row_count, np.int32)
        return SimpleNamespace(loss=1.0, gradient_norm=1.0, predictions=zeros, learning_rate=1.0)

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        right, sure = self.epochs[self.epoch]
        self.epoch += 1
        answers = np.where(np.arange(batch.row_count) < right, batch.labels, 1 - batch.labels)
        logits: NDArray[np.float32] = np.eye(2, dtype=np.float32)[answers] * np.float32(sure)
        return logits

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        yield "epoch", np.array([self.epoch])

    def state(self) -> dict[str, NDArray[Any]]:
        return {"epoch": np.array(self.epoch)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        self.epoch = int(state["epoch"])


@pytest.mark.slow
def test_live_recipes_made_by_hand_are_what_an_engine_says(place: Place) -> None:
    """`record_maker` and the fake runs stand on it."""
    live = place.numbers(place.spec).live_recipe
    assert set(make_live_recipe(place.spec)) <= set(live)
