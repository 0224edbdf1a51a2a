"""Which numbers of a record are drawn under which tag."""

from __future__ import annotations

import math

from record_maker import PROCESS_PHASES, make_failed_record, make_failed_seed, make_record, make_seed, make_steps

from bertbench.quantities import QUALITY
from bertbench.record import RunRecord
from bertbench.report.tensorboard.scalars import Series, quality_tag, run_series, seed_series
from bertbench.report.tensorboard.timeline import timelines


def series_of(record: RunRecord, index: int) -> dict[str, Series]:
    """The series of one seed by tag."""
    all_series = seed_series(record.seeds[index], timelines(record)[index])
    by_tag = {series.tag: series for series in all_series}
    assert len(by_tag) == len(all_series)
    return by_tag


def test_a_completed_seed_has_these_tags_and_no_others():
    assert set(series_of(make_record(), 0)) == {
        "step/loss",
        "step/gradient_norm",
        "step/learning_rate",
        "step/step_seconds",
        "step/rows_per_second",
        *(quality_tag(split, name) for split in ("train", "validation") for name in QUALITY),
        "phases/steps_seconds",
        "phases/validation_seconds",
        "phases/save_seconds",
        "run/utilization",
        "run/peak_memory_mebibytes",
    }


def test_every_step_is_a_point_at_its_number_and_its_time():
    record = make_record()
    losses = series_of(record, 0)["step/loss"].points
    assert [point.step for point in losses] == list(range(80))
    assert [point.value for point in losses] == list(record.seeds[0].steps.loss)
    assert [point.wall_time for point in losses] == list(timelines(record)[0].step_ends)


def test_rows_per_second_are_the_rows_of_a_step_by_its_seconds():
    assert {point.value for point in series_of(make_record(), 0)["step/rows_per_second"].points} == {8 / 0.125}


def test_a_step_that_took_no_time_has_no_rate():
    steps = make_steps(4).model_copy(update={"seconds": (0.0,) * 4})
    record = make_record(seeds=(make_seed(0, epochs=1, steps=steps),))
    assert all(math.isnan(point.value) for point in series_of(record, 0)["step/rows_per_second"].points)


def test_every_epoch_is_a_point_of_each_split_and_quality():
    record = make_record()
    for split in ("train", "validation"):
        for name in QUALITY:
            points = series_of(record, 1)[quality_tag(split, name)].points
            assert [point.step for point in points] == list(range(20))
            assert [point.value for point in points] == [
                getattr(getattr(row, split), name) for row in record.seeds[1].epochs
            ]


def test_a_seed_that_failed_is_drawn_as_far_as_it_got_with_its_nan():
    failed = series_of(make_failed_record(), 1)
    assert [point.step for point in failed["step/loss"].points] == list(range(6))
    assert math.isnan(failed["step/loss"].points[-1].value)
    assert [point.step for point in failed["validation/accuracy"].points] == [0]
    assert "run/utilization" not in failed


def test_a_seed_that_did_nothing_has_no_empty_series():
    nothing = make_failed_seed(0).model_copy(update={"steps": make_steps(0), "epochs": (), "phases_seconds": {}})
    record = make_failed_record().model_copy(update={"seeds": (nothing,)})
    assert set(series_of(record, 0)) == {"run/peak_memory_mebibytes"}


def test_the_phases_of_the_process_belong_to_the_run():
    record = make_record()
    values = {series.tag: [point.value for point in series.points] for series in run_series(record)}
    assert values == {f"phases/{phase}_seconds": [seconds] for phase, seconds in PROCESS_PHASES.items()}


def test_descriptions_say_the_unit_and_which_direction_is_better():
    series = series_of(make_record(), 0)
    assert series["validation/loss"].description == "loss in nats, validation, per epoch; better when lower"
    assert series["validation/accuracy"].description == "accuracy, validation, per epoch; better when higher"


def test_a_phase_that_the_registry_does_not_know_is_still_a_time():
    (series,) = run_series(make_record(outcome="running", phases_seconds={"warming": 2.0}))
    assert series.tag == "phases/warming_seconds"
    assert "in s" in series.description
