"""Learning rates: known answers, and what no schedule may do."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.engines.schedules import learning_rate_at
from bertbench.spec import ScheduleSpec


def rates(total: int, *, peak: float = 1.0, **schedule: object) -> list[float]:
    spec = ScheduleSpec(**schedule)
    return [learning_rate_at(step, peak=peak, schedule=spec, total_steps=total) for step in range(total)]


HALF_COSINE = [0.5 * (1.0 + math.cos(math.pi * step / 4)) for step in range(5)]

KNOWN = {
    "constant": (rates(3, kind="constant"), [1, 1, 1]),
    "constant with warm-up": (rates(8, kind="constant", warmup_fraction=0.5), [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]),
    "linear to zero at the last step": (rates(5, kind="linear"), [1, 0.75, 0.5, 0.25, 0]),
    "linear to an end": (rates(5, kind="linear", end_fraction=0.2), [1, 0.8, 0.6, 0.4, 0.2]),
    "linear with warm-up": (rates(8, kind="linear", warmup_fraction=0.5), [0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0]),
    "warm-up of one step is none": (rates(5, kind="linear", warmup_fraction=0.2), [1, 0.75, 0.5, 0.25, 0]),
    "warm-up too short for a step": (rates(5, kind="linear", warmup_fraction=0.09), [1, 0.75, 0.5, 0.25, 0]),
    "cosine": (rates(5, kind="cosine"), HALF_COSINE),
    "cosine to an end": (rates(5, kind="cosine", end_fraction=0.5), [0.5 + 0.5 * h for h in HALF_COSINE]),
    "cosine with warm-up": (rates(7, kind="cosine", warmup_fraction=0.43), [1 / 3, 2 / 3, *HALF_COSINE]),
    "an end as high as the peak": (rates(3, kind="cosine", end_fraction=1.0), [1, 1, 1]),
    "one step only, linear": (rates(1, kind="linear"), [1]),
    "one step only, cosine, all of it warm-up": (rates(1, kind="cosine", warmup_fraction=0.9), [1]),
    "nothing but warm-up": (rates(4, kind="linear", warmup_fraction=0.99), [0.25, 0.5, 0.75, 1]),
    "the peak scales all": (rates(5, peak=3e-5, kind="linear"), [3e-5, 2.25e-5, 1.5e-5, 0.75e-5, 0]),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_answers(name: str) -> None:
    found, expected = KNOWN[name]
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)


SCHEDULES = st.builds(
    ScheduleSpec,
    kind=st.sampled_from(["linear", "cosine"]),
    warmup_fraction=st.floats(0.0, 0.999),
    end_fraction=st.floats(0.0, 1.0),
)
TOTALS = st.integers(1, 300)


@given(SCHEDULES, TOTALS, st.floats(1e-8, 10.0))
def test_rises_to_the_peak_then_never_rises_again(schedule: ScheduleSpec, total: int, peak: float) -> None:
    found = [learning_rate_at(step, peak=peak, schedule=schedule, total_steps=total) for step in range(total)]
    assert max(found) == pytest.approx(peak)
    top = found.index(max(found))
    assert top == max(round(schedule.warmup_fraction * total) - 1, 0)
    slack = 1e-12 * peak
    assert all(later > earlier for earlier, later in zip(found[:top], found[1 : top + 1], strict=True))
    assert all(later <= earlier + slack for earlier, later in zip(found[top:], found[top + 1 :], strict=False))
    assert min(found[top:]) >= schedule.end_fraction * peak - slack
    if top < total - 1:
        assert found[-1] == pytest.approx(schedule.end_fraction * peak, abs=slack)


@given(SCHEDULES, TOTALS, st.integers(0, 1000))
def test_steps_past_the_end_keep_the_final_rate(schedule: ScheduleSpec, total: int, beyond: int) -> None:
    last, later = (
        learning_rate_at(step, peak=1.0, schedule=schedule, total_steps=total) for step in (total - 1, total + beyond)
    )
    assert later == last


@given(SCHEDULES.filter(lambda schedule: schedule.end_fraction > 0), TOTALS)
def test_no_step_is_wasted_unless_the_end_is_zero(schedule: ScheduleSpec, total: int) -> None:
    assert all(
        learning_rate_at(step, peak=1.0, schedule=schedule, total_steps=total) > 0 for step in range(total)
    )
