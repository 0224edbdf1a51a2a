"""A record is a fact: it refuses nonsense at birth, cannot be changed, and comes back from JSON as it was."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from record_maker import (
    make_failed_record,
    make_failed_seed,
    make_quality,
    make_record,
    make_seed,
    make_spec,
    make_steps,
)

from bertbench.record import (
    SCHEMA_VERSION,
    DataFacts,
    EnvironmentFacts,
    EpochRow,
    Failure,
    ProcessFacts,
    Quality,
    RunRecord,
    SeedRun,
    StepSeries,
    Utilization,
)

FAILURE = Failure(kind="SomeError", message="why", phase="steps")


def again(record: RunRecord) -> RunRecord:
    return RunRecord.model_validate_json(record.model_dump_json(indent=1))


def rows(*numbers_and_ends: tuple[int, int]) -> tuple[EpochRow, ...]:
    return tuple(
        EpochRow(epoch=n, train=make_quality(1.0, n), validation=make_quality(1.0, n), steps_end=end, seconds=1.0)
        for n, end in numbers_and_ends
    )


def seed_with(**changes: Any) -> SeedRun:
    """A completed seed of two epochs and eight steps, with some of its fields replaced."""
    return SeedRun(**{**dict(make_seed(0, epochs=2)), **changes})


# Nonsense


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epochs": ()}, "completed without epochs or digests"),
        ({"digests": None}, "completed without epochs or digests"),
        ({"steps": StepSeries()}, "0 steps, and an epoch that ends at 8"),
        ({"steps": make_steps(7)}, "7 steps, and an epoch that ends at 8"),
        ({"steps": make_steps(9)}, "completed with steps after its last epoch"),
        ({"steps": make_steps(8, losses={3: math.nan})}, "a loss that is not finite"),
        ({"steps": make_steps(8, losses={7: math.inf})}, "a loss that is not finite"),
        ({"epochs": rows((0, 4), (2, 8))}, "epochs are not numbered from 0"),
        ({"epochs": rows((1, 4), (2, 8))}, "epochs are not numbered from 0"),
        ({"epochs": rows((0, 8), (1, 4))}, "do not end one after another"),
        ({"epochs": rows((0, 8), (1, 8))}, "do not end one after another"),
        ({"best_epoch_restored": 2}, "epoch 2 restored, and 2 epochs ran"),
        ({"best_epoch_restored": -1}, "greater than or equal to 0"),
        ({"outcome": "failed"}, "failed without a reason"),
        ({"outcome": "interrupted"}, "interrupted without a reason"),
        ({"outcome": "done"}, "'running', 'completed', 'failed' or 'interrupted'"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"phases_seconds": {"steps": -1.0}}, "greater than or equal to 0"),
        ({"phases_seconds": {"steps": math.nan}}, "finite number"),
        ({"peak_memory_mebibytes": math.nan}, "finite number"),
        ({"peak_memory_mebibytes": -1.0}, "greater than or equal to 0"),
        ({"peak_memory_mebibytes": math.inf}, "finite number"),
        ({"accuracy": 0.9}, "Extra inputs are not permitted"),
    ],
)
def test_seed_refuses_nonsense(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        seed_with(**changes)


@pytest.mark.parametrize("side", ["train", "validation"])
@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_completed_seed_has_no_epoch_whose_loss_is_no_number(side: str, loss: float) -> None:
    whole = make_seed(0, epochs=2)
    broken = make_quality(1.0, 1).model_copy(update={"loss": loss})
    epochs = (whole.epochs[0], whole.epochs[1].model_copy(update={side: broken}))
    with pytest.raises(ValidationError, match="a loss that is not finite"):
        seed_with(epochs=epochs)


@pytest.mark.parametrize("name", StepSeries.model_fields)
def test_step_series_have_one_length(name: str) -> None:
    series = dict(make_steps(3))
    with pytest.raises(ValidationError, match="step series of different lengths"):
        StepSeries(**{**series, name: series[name][:-1]})


@pytest.mark.parametrize("seconds", [-0.1, math.nan, math.inf])
def test_step_takes_a_finite_time(seconds: float) -> None:
    with pytest.raises(ValidationError):
        StepSeries(**{**dict(make_steps(1)), "seconds": (seconds,)})


@pytest.mark.parametrize(
    "changes",
    [
        {"value": -0.1},
        {"value": math.nan},
        {"value": math.inf},
        {"step_flops_per_second": math.nan},
        {"sgemm_flops_per_second": ()},
        {"sgemm_flops_per_second": (math.inf,)},
    ],
)
def test_utilization_is_a_measured_number(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Utilization(**{"value": 0.5, "step_flops_per_second": 1e9, "sgemm_flops_per_second": (2e9,), **changes})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seeds": ()}, r"the spec has \(0, 1\), completed are \(\)"),
        ({"seeds": (make_seed(0),)}, r"the spec has \(0, 1\), completed are \(0,\)"),
        ({"seeds": (make_seed(0), make_seed(0))}, r"completed are \(0, 0\)"),
        ({"seeds": (make_seed(0), make_seed(1), make_seed(2))}, r"completed are \(0, 1, 2\)"),
        ({"seeds": (make_seed(0), make_failed_seed(1))}, r"completed are \(0,\)"),
        ({"environment": None}, "completed without environment"),
        ({"data": None}, "completed without environment, data"),
        ({"checkpoint": None}, "completed without environment, data, checkpoint"),
        ({"finished_at": None}, "completed without environment, data, checkpoint or end"),
        ({"outcome": "failed"}, "failed without a reason"),
        ({"outcome": "interrupted"}, "interrupted without a reason"),
        ({"schema_version": SCHEMA_VERSION + 1}, "schema_version"),
        ({"run_id": ""}, "run_id"),
        ({"run_id": ".hidden"}, "run_id"),
        ({"run_id": ".."}, "run_id"),
        ({"run_id": "a/b"}, "run_id"),
        ({"run_id": "a\n"}, "run_id"),
        ({"verdict": "pass"}, "Extra inputs are not permitted"),
    ],
)
def test_run_refuses_nonsense(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        make_record(spec=make_spec(), **changes)


def test_crash_after_the_first_seed_is_no_success() -> None:
    """The benchmark of flax writes "succeeded": true once anything was reported."""
    crashed = make_failed_record()
    assert crashed.outcome == "failed"
    with pytest.raises(ValidationError, match="not every seed is"):
        RunRecord(**{**dict(crashed), "outcome": "completed", "failure": None})


@pytest.mark.parametrize("outcome", ["failed", "interrupted"])
def test_run_that_stopped_early_may_lack_all_but_its_reason(outcome: str) -> None:
    record = make_record(
        spec=make_spec(), outcome=outcome, failure=FAILURE, seeds=(), environment=None, data=None, checkpoint=None
    )
    assert again(record) == record


def test_seed_that_was_cut_off_is_kept_as_far_as_it_got() -> None:
    cut = seed_with(outcome="interrupted", failure=FAILURE, steps=make_steps(11), digests=None)
    assert len(cut.steps.loss) == 11
    assert cut.epochs[-1].steps_end == 8


@pytest.mark.parametrize("facts", [{"pid": -1, "host": "h", "started": 0.0}, {"pid": 1, "host": "h"}])
def test_process_facts_refuse_nonsense(facts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProcessFacts(**facts)


def test_environment_counts_one_worker_or_more() -> None:
    facts = dict(make_record().environment or ())
    with pytest.raises(ValidationError):
        EnvironmentFacts(**{**facts, "workers": 0})


@pytest.mark.parametrize("distinct", [50, 0, -1])
def test_impossible_numbers_of_distinct_rows_are_refused(distinct: int) -> None:
    facts = make_record().data.model_dump()
    with pytest.raises(ValidationError, match=f"{distinct} distinct rows of 49 in split 'validation'"):
        DataFacts(**facts | {"distinct_rows": {"validation": distinct}})
    with pytest.raises(ValidationError, match="1 distinct rows of 0 in split 'nowhere'"):
        DataFacts(**facts | {"distinct_rows": {"nowhere": 1}})


def test_distinct_rows_are_those_counted_and_else_all() -> None:
    facts = make_record().data.model_dump() | {"distinct_rows": {"validation": 40}}
    data = DataFacts(**facts)
    assert [data.distinct(split) for split in ("validation", "train", "nowhere")] == [40, 16, 0]
    assert DataFacts(**facts | {"rows": {"train": 16, "validation": 0}, "distinct_rows": {"validation": 0}})


# Immutable


def test_records_cannot_be_changed() -> None:
    record: Any = make_record()
    for fact, name in (
        (record, "outcome"),
        (record.seeds[0], "epochs"),
        (record.seeds[0].steps, "loss"),
        (record.seeds[0].epochs[0].validation, "accuracy"),
        (record.data, "rows"),
        (record.environment, "numerics_fingerprint"),
    ):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(fact, name, getattr(fact, name))


@pytest.mark.parametrize("fact", [Quality, EpochRow, StepSeries, SeedRun, DataFacts, RunRecord, Utilization, Failure])
def test_every_field_says_what_it_means(fact: Any) -> None:
    assert [name for name, field in fact.model_fields.items() if not field.description] == []


# JSON


@pytest.mark.parametrize("make", [make_record, make_failed_record])
def test_comes_back_from_json_as_it_was(make: Any) -> None:
    record = make()
    assert again(record).model_dump_json() == record.model_dump_json()


def test_completed_record_comes_back_equal() -> None:
    assert again(make_record()) == make_record()


@pytest.mark.parametrize(("loss", "word"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")])
def test_loss_that_stopped_a_run_survives_json(loss: float, word: str) -> None:
    """As a word, since JSON has no such number: what was measured is neither dropped nor made up."""
    seed = make_failed_seed(1).model_copy(update={"steps": make_steps(6, losses={5: loss})})
    record = make_failed_record().model_copy(update={"seeds": (make_seed(0), seed)})
    written = json.loads(record.model_dump_json(), parse_constant=pytest.fail)
    assert written["seeds"][1]["steps"]["loss"][5] == word
    read = again(record).seeds[1].steps.loss
    assert str(read[5]) == str(loss)
    assert read[:5] == record.seeds[1].steps.loss[:5]


def test_what_the_engine_says_of_itself_survives_json_even_where_it_is_no_number() -> None:
    seed = make_seed(0, live_recipe={"loss_scale": math.inf, "optimizer": {"name": "adam", "beta_1": 0.9}})
    read = again(make_record(seeds=(seed,))).seeds[0].live_recipe
    assert read == {"loss_scale": "Infinity", "optimizer": {"name": "adam", "beta_1": 0.9}}


@given(st.lists(st.floats(), max_size=20))
def test_every_float_survives_json_bit_for_bit(losses: list[float]) -> None:
    zeros = (0.0,) * len(losses)
    whole = (1,) * len(losses)
    series = StepSeries(
        loss=tuple(losses), gradient_norm=zeros, learning_rate=zeros, seconds=zeros, rows=whole, tokens=whole
    )
    read = StepSeries.model_validate_json(series.model_dump_json()).loss
    assert [value.hex() for value in read] == [value.hex() for value in losses]


@pytest.mark.parametrize("field", ["run_id", "spec", "spec_fingerprint", "started_at", "process", "outcome"])
def test_json_without_a_needed_field_is_no_record(field: str) -> None:
    fields = json.loads(make_record().model_dump_json())
    del fields[field]
    with pytest.raises(ValidationError, match=field):
        RunRecord.model_validate_json(json.dumps(fields))


# Time


def test_times_are_in_utc_wherever_they_were_taken() -> None:
    elsewhere = timezone(timedelta(hours=5, minutes=30))
    record = make_record(started_at=datetime(2030, 1, 2, 3, 4, 5, tzinfo=elsewhere))
    assert record.started_at == datetime(2030, 1, 1, 21, 34, 5, tzinfo=timezone.utc)
    assert record.started_at.tzinfo == timezone.utc


def test_time_without_a_zone_is_taken_to_be_utc() -> None:
    record = make_record(started_at=datetime(2030, 1, 2, 3, 4, 5))  # noqa: DTZ001 - the missing zone is the point
    assert record.started_at == datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


# Seeds by number


def test_seed_is_found_by_its_number() -> None:
    record = make_record(seeds=(make_seed(7), make_seed(3)))
    assert record.seed_run(3).seed == 3
    with pytest.raises(KeyError):
        record.seed_run(0)
