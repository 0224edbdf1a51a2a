"""A whole run with a fault, on an engine of a few lines of numpy: what is executed, and what the record says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from record_maker import make_record
from small_bench import small_spec, write_rows

from bertbench import fine_tuning, runtime, training
from bertbench.data import row_order
from bertbench.engines.protocol import Task
from bertbench.errors import FaultError
from bertbench.faults import CATALOGUE
from bertbench.observers import Observer
from bertbench.record import RunRecord
from bertbench.training import run_spec


class Bench:
    """Runs the small spec with a fault; keeps the engine."""

    def __init__(self, folder: Path, checkpoint: Path) -> None:
        self.folder, self.checkpoint = folder, checkpoint
        self.engine: FakeEngine
        self.told: list[RunRecord] = []

    def create_engine(self, task: Task) -> FakeEngine:
        self.engine = FakeEngine.of(task)
        return self.engine

    def run(self, fault: str | None, **changes: Any) -> RunRecord:
        bench = self

        class Told(Observer):
            def run_changed(self, record: RunRecord) -> None:
                bench.told.append(record)

        spec = small_spec(self.checkpoint, **changes)
        cache = self.folder / "cache"
        return run_spec(spec, base_folder=self.folder, cache_folder=cache, observers=(Told(),), fault=fault)


@pytest.fixture
def bench(tmp_path: Path, tiny_bert_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    write_rows(tmp_path)
    bench = Bench(tmp_path, tiny_bert_folder)
    monkeypatch.setattr(training, "create_engine", bench.create_engine)
    monkeypatch.setattr(runtime, "configure", lambda _spec, _library, **_: None)
    monkeypatch.setattr(runtime, "environment_facts", lambda *_, **__: make_record().environment)
    return bench


def test_the_record_says_so_and_keeps_the_spec_and_the_data_as_they_were(bench: Bench) -> None:
    normal, faulty = bench.run(None), bench.run("fewer-epochs")
    assert (normal.fault, faulty.fault) == (None, "fewer-epochs")
    assert {record.fault for record in bench.told[-4:]} == {"fewer-epochs"}  # from its first word on
    assert (faulty.spec, faulty.spec_fingerprint) == (normal.spec, normal.spec_fingerprint)
    assert [len(record.seeds[0].epochs) for record in (normal, faulty)] == [2, 1]
    leaked = bench.run("training-rows-leaked")
    assert leaked.data == normal.data
    assert [sum(record.seeds[0].steps.rows) for record in (normal, leaked)] == [32, 48]


def test_tokenized_rows_that_are_kept_are_those_as_read(bench: Bench) -> None:
    bench.run("noise-in-text")
    kept = {path.name: path.read_bytes() for path in (bench.folder / "cache").iterdir()}
    assert kept
    bench.run(None)
    assert {path.name: path.read_bytes() for path in (bench.folder / "cache").iterdir()} == kept


def test_the_last_batch_is_dropped(bench: Bench) -> None:
    """16 rows in batches of 6, 6 and 4."""
    assert bench.run("last-batch-dropped").seeds[0].steps.rows == (6, 6, 6, 6)
    assert bench.run(None).seeds[0].steps.rows == (6, 6, 4, 6, 6, 4)


def test_a_single_batch_is_not_dropped(bench: Bench) -> None:
    assert bench.run("last-batch-dropped", training__batch_size=16).seeds[0].steps.rows == (16, 16)


def test_every_seed_is_the_same(bench: Bench) -> None:
    same = bench.run("seeds-all-the-same", training__seeds=(3, 5))
    assert [run.seed for run in same.seeds] == [3, 5]
    assert same.seeds[0].digests == same.seeds[1].digests
    assert [call for call in bench.engine.calls if call.startswith("prepare")] == ["prepare 0"] * 3
    taken = np.concatenate([batch.rows for batch in bench.engine.trained[:3]])
    assert np.array_equal(taken, row_order(0, 0, 16, shuffle=True))
    different = bench.run(None, training__seeds=(3, 5))
    assert different.seeds[0].digests != different.seeds[1].digests


@pytest.mark.parametrize("name", ["last-batch-dropped", "seeds-all-the-same"])
def test_the_program_is_as_before_afterwards_also_after_a_crash(bench: Bench, name: str) -> None:
    parts = fine_tuning._training_batches, fine_tuning.row_order
    bench.run(name)
    assert (fine_tuning._training_batches, fine_tuning.row_order) == parts

    def crash() -> None:
        with CATALOGUE[name].in_force():
            assert (fine_tuning._training_batches, fine_tuning.row_order) != parts
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        crash()
    assert (fine_tuning._training_batches, fine_tuning.row_order) == parts


def test_a_spec_that_leaves_no_room_for_the_fault_fails_with_the_reason(bench: Bench) -> None:
    with pytest.raises(FaultError, match="fewer-epochs"):
        bench.run("fewer-epochs", training__epochs=1)
    last = bench.told[-1]
    assert last.failure is not None
    assert (last.outcome, last.failure.kind, last.fault) == ("failed", "FaultError", "fewer-epochs")


def test_an_engine_that_is_not_ours_has_no_insides_to_change(bench: Bench) -> None:
    with pytest.raises(FaultError, match="acts inside the native engine, and this run has 'fake'"):
        bench.run("gelu-tanh")


def test_a_fault_that_is_none_is_recorded_as_such(bench: Bench) -> None:
    with pytest.raises(FaultError, match="no fault 'nonsense'"):
        bench.run("nonsense")
    assert bench.told[-1].outcome == "failed"


def test_the_fault_survives_json(bench: Bench) -> None:
    record = bench.run("no-shuffling")
    again = RunRecord.model_validate_json(record.model_dump_json())
    assert again.fault == "no-shuffling"
    first_schema = json.loads(record.model_dump_json(exclude={"fault", "schema_version"})) | {"schema_version": 1}
    assert RunRecord.model_validate_json(json.dumps(first_schema)).fault is None
