"""Wall times: computed from what the record measured, never from when the view is written."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_maker import STARTED, make_failed_record, make_record, make_seed

from bertbench.report.tensorboard.timeline import run_ended, run_started, timelines

START = STARTED.timestamp()
BEFORE_SEEDS = 3.0 + 0.5 + 0.25 + 1.0 + 6.0  # import, data, tokenize, build, trace; not their total


def test_the_first_step_ends_after_the_phases_of_the_process_and_its_own_duration():
    first, _ = timelines(make_record())
    assert first.started == START + BEFORE_SEEDS
    assert first.step_ends[0] == first.started + 0.125


def test_an_epoch_ends_after_its_steps_and_its_validation_and_the_next_begins_there():
    first, _ = timelines(make_record())
    assert first.epoch_ends[0] == first.started + 4 * 0.125 + 0.0625
    assert first.step_ends[4] == first.epoch_ends[0] + 0.125


def test_the_second_seed_begins_when_the_first_has_been_saved():
    first, second = timelines(make_record())
    assert first.ended == first.epoch_ends[-1] + 0.5
    assert second.started == first.ended


def test_steps_after_the_last_whole_epoch_are_timed_too():
    _, failed = timelines(make_failed_record())
    assert len(failed.step_ends) == 6
    assert len(failed.epoch_ends) == 1
    assert failed.step_ends[5] == failed.epoch_ends[0] + 2 * 0.125
    assert failed.ended == failed.step_ends[5] + 0.5  # the phase 'save' that the maker gives to every seed


def test_a_date_without_a_zone_is_utc():
    naive = make_record(started_at=datetime(2030, 1, 2, 3, 4, 5))  # noqa: DTZ001 - the naive date is the point
    assert run_started(naive) == START


def test_a_run_ends_when_it_says_so_or_with_the_last_thing_it_recorded():
    ended = make_record(finished_at=STARTED + timedelta(seconds=99))
    killed = make_record(outcome="running", finished_at=None)
    nothing = make_record(outcome="running", finished_at=None, seeds=())
    assert run_ended(ended) == START + 99
    assert run_ended(killed) == timelines(killed)[-1].ended
    assert run_ended(nothing) == START


@given(epochs=st.integers(1, 6), steps_per_epoch=st.integers(1, 5), seeds=st.integers(1, 3))
def test_time_never_runs_backwards_and_every_step_and_epoch_has_its_time(epochs: int, steps_per_epoch: int, seeds: int):
    runs = tuple(make_seed(seed, epochs=epochs, steps_per_epoch=steps_per_epoch) for seed in range(seeds))
    now = START
    for line in timelines(make_record(seeds=runs)):
        assert line.started >= now
        assert len(line.step_ends) == epochs * steps_per_epoch
        assert len(line.epoch_ends) == epochs
        moments = [line.started, *sorted((*line.step_ends, *line.epoch_ends)), line.ended]
        assert moments == sorted(moments)
        assert list(line.step_ends) == sorted(line.step_ends)
        now = line.ended


@pytest.mark.parametrize("seeds", [(), (0,)])
def test_there_are_as_many_timelines_as_seeds(seeds: tuple[int, ...]):
    record = make_record(outcome="running", seeds=tuple(make_seed(seed) for seed in seeds))
    assert len(timelines(record)) == len(seeds)
