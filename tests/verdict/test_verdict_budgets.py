"""Promises about time and memory: what is measured is compared, what is not is undecided."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_maker import make_record, make_seed, make_steps
from verdict_examples import budget, ended

from bertbench.quantities import BUDGETS, PHASES
from bertbench.record import RunRecord, Utilization
from bertbench.verdict import budget_name, judge_budget

#: Of `make_record`: two seeds of 80 steps of 0.125 s, 20 epochs of 0.0625 s validation.
MEASURED = {
    "import_seconds": 3.0,
    "data_seconds": 0.5,
    "tokenize_seconds": 0.25,
    "build_seconds": 1.0,
    "trace_seconds": 6.0,
    "steps_seconds": 10.0,
    "validation_seconds": 1.25,
    "total_seconds": 40.0,
    "step_seconds": 0.125,
    "utilization": 0.6875,
    "peak_memory_mebibytes": 1025.0,
}


def with_seeds(*changes: dict[str, Any]) -> RunRecord:
    """A run of as many seeds, each with some fields replaced."""
    runs = tuple(make_seed(seed).model_copy(update=update) for seed, update in enumerate(changes))
    return make_record(seeds=tuple(make_seed(seed) for seed in range(len(runs)))).model_copy(update={"seeds": runs})


def with_workers(workers: int) -> RunRecord:
    record = make_record()
    assert record.environment is not None
    return record.model_copy(update={"environment": record.environment.model_copy(update={"workers": workers})})


@pytest.mark.parametrize(("name", "value"), MEASURED.items())
def test_each_quantity_is_read_from_its_place(name: str, value: float) -> None:
    check = judge_budget(budget(name, 0.5), make_record())
    assert check.observed_value == pytest.approx(value)
    assert check.observed == BUDGETS[name].format(value)
    assert check.name == f"budget_{name}" == budget_name(budget(name, 0.5))


def test_every_budget_is_tried_above_or_is_known_to_be_absent() -> None:
    assert set(BUDGETS) == set(MEASURED) | {"save_seconds"}
    assert {f"{phase}_seconds" for phase in PHASES} <= set(BUDGETS)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, v in MEASURED.items() if n != "utilization"])
def test_upper_bound_holds_up_to_itself(name: str, value: float) -> None:
    assert judge_budget(budget(name, value), make_record()).outcome == "pass"
    missed = judge_budget(budget(name, math.nextafter(value, 0)), make_record())
    assert (missed.outcome, missed.next_step[:14]) == ("fail", "compare phases")


def test_lower_bound_holds_down_to_itself() -> None:
    assert judge_budget(budget("utilization", 0.6875), make_record()).outcome == "pass"
    check = judge_budget(budget("utilization", 0.69), make_record())
    assert (check.outcome, check.observed, check.promised) == ("fail", "68.8%", ">= 69.0%")
    assert check.next_step


@pytest.mark.parametrize(
    ("name", "field", "values", "worst"),
    [
        ("peak_memory_mebibytes", "peak_memory_mebibytes", [100.0, 300.0, 200.0], 300.0),
        ("steps_seconds", "phases_seconds", [{"steps": 1.0}, {"steps": 3.0}, {"steps": 2.0}], 3.0),
        ("validation_seconds", "phases_seconds", [{"validation": 5.0}, {"validation": 3.0}], 5.0),
    ],
)
def test_slowest_or_largest_seed_counts(name: str, field: str, values: list[Any], worst: float) -> None:
    check = judge_budget(budget(name, 1e9), with_seeds(*({field: value} for value in values)))
    assert check.observed_value == worst
    assert check.reason == f"worst of {len(values)} seeds"


def test_least_used_seed_counts() -> None:
    used = [Utilization(value=v, step_flops_per_second=1.0, sgemm_flops_per_second=(1.0,)) for v in (0.8, 0.6, 0.7)]
    record = with_seeds(*({"utilization": value} for value in used))
    assert judge_budget(budget("utilization", 0.1), record).observed_value == 0.6


def test_step_is_the_median_step_of_the_slowest_seed() -> None:
    """One slow step, the first for instance, is no slow run."""
    series = [
        make_steps(5).model_copy(update={"seconds": seconds})
        for seconds in ((9.0, 0.1, 0.2, 0.1, 0.3), (0.3, 0.3, 0.3, 0.3, 0.3))
    ]
    record = with_seeds(*({"steps": steps} for steps in series))
    assert judge_budget(budget("step_seconds", 0.3), record).observed_value == 0.3


# Doubt


def test_phase_that_did_not_happen_is_undecided_and_says_how_to_measure_it() -> None:
    check = judge_budget(budget("save_seconds", 1e9), make_record())
    assert (check.outcome, check.observed, check.observed_value) == ("undecided", "-", None)
    assert "save_seconds was not measured" in check.reason
    assert "--save-models" in check.next_step


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("utilization", {"utilization": None}),
        ("peak_memory_mebibytes", {"peak_memory_mebibytes": None}),
        ("steps_seconds", {"phases_seconds": {}}),
        ("validation_seconds", {"phases_seconds": {"steps": 1.0}}),
        ("step_seconds", {"steps": make_steps(0)}),
    ],
)
def test_what_one_seed_lacks_is_undecided_for_all(name: str, absent: dict[str, Any]) -> None:
    """The seed that was not measured may be the one that broke the budget."""
    for record in (with_seeds(absent), with_seeds({}, absent), with_seeds(absent, {})):
        check = judge_budget(budget(name, 0.1 if name == "utilization" else 1e9), record)
        assert (check.outcome, check.observed) == ("undecided", "-")
        assert name in check.reason
        assert name in check.next_step


@pytest.mark.parametrize("name", sorted(set(MEASURED) - {"peak_memory_mebibytes"}))
@pytest.mark.parametrize("bound", [1e-9, 1.0])
def test_times_of_a_shared_machine_are_undecided_either_way(name: str, bound: float) -> None:
    check = judge_budget(budget(name, bound), with_workers(2))
    assert check.outcome == "undecided"
    assert check.observed_value == pytest.approx(MEASURED[name]), "shown all the same"
    assert "2 test workers" in check.reason
    assert "-n 0" in check.next_step


@pytest.mark.parametrize(("bound", "outcome"), [(2000.0, "pass"), (1000.0, "fail")])
def test_memory_of_a_shared_machine_is_ones_own(bound: float, outcome: str) -> None:
    assert judge_budget(budget("peak_memory_mebibytes", bound), with_workers(8)).outcome == outcome


def test_one_worker_is_nobody_to_share_with() -> None:
    assert judge_budget(budget("step_seconds", 1.0), with_workers(1)).outcome == "pass"


# What no number may do


@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("name", ["steps_seconds", "peak_memory_mebibytes", "utilization"])
def test_impossible_measurement_fails_wherever_it_stands(name: str, place: int, broken: float) -> None:
    """max([1, nan]) is 1 and max([nan, 1]) is nan."""
    changes = {
        "steps_seconds": {"phases_seconds": {"steps": broken}},
        "peak_memory_mebibytes": {"peak_memory_mebibytes": broken},
        "utilization": {
            "utilization": Utilization.model_construct(
                value=broken, step_flops_per_second=1.0, sgemm_flops_per_second=(1.0,)
            )
        },
    }[name]
    updates: list[dict[str, Any]] = [{}, {}]
    updates[place] = changes
    assert judge_budget(budget(name, 1e-9 if name == "utilization" else 1e9), with_seeds(*updates)).outcome == "fail"


@pytest.mark.parametrize("outcome", ["running", "failed", "interrupted"])
@pytest.mark.parametrize("name", ["total_seconds", "utilization", "peak_memory_mebibytes"])
def test_run_that_did_not_complete_keeps_no_budget(name: str, outcome: str) -> None:
    """A crash is fast."""
    check = judge_budget(budget(name, 1e-9 if name == "utilization" else 1e9), ended(make_record(), outcome))
    assert (check.outcome, check.observed) == ("fail", "-")
    assert outcome in check.reason
    assert check.next_step == f"bertbench show {make_record().run_id}"


@given(first=st.floats(1e-6, 1e6), second=st.floats(1e-6, 1e6), name=st.sampled_from(sorted(MEASURED)))
def test_stricter_budget_never_turns_fail_into_pass(first: float, second: float, name: str) -> None:
    easy, strict = sorted((first, second), reverse=True)
    if name == "utilization":
        easy, strict = min(1.0, strict), min(1.0, easy)
    outcomes = [judge_budget(budget(name, bound), make_record()).outcome for bound in (easy, strict)]
    assert outcomes != ["fail", "pass"]


@given(st.permutations(range(4)))
def test_order_of_seeds_changes_nothing(order: list[int]) -> None:
    memory = [{"peak_memory_mebibytes": 100.0 * (seed + 1)} for seed in range(4)]
    one, other = (
        judge_budget(budget("peak_memory_mebibytes", 350.0), with_seeds(*changes))
        for changes in (memory, [memory[place] for place in order])
    )
    assert one == other
