"""What may be promised, and what may decide it: numbers that cannot be meant are refused when they are written."""

from __future__ import annotations

import math
from typing import Any

import pytest
from alternatives import spec_with

from bertbench.errors import SpecError
from bertbench.spec import VerdictSpec, build_spec


@pytest.mark.parametrize(
    ("promise", "reason"),
    [
        ({"quantity": "validation_accuracy", "at_least": 97}, "in percent? write 0.97"),
        ({"quantity": "validation_accuracy", "at_least": 97.5}, "in percent? write 0.975"),
        ({"quantity": "train_macro_f1", "at_least": 101}, "from 0 to 1"),
        ({"quantity": "validation_accuracy", "at_least": 1.01}, "from 0 to 1"),
        ({"quantity": "validation_accuracy", "at_least": -0.01}, "from 0 to 1"),
        ({"quantity": "validation_accuracy", "at_least": math.nan}, "nan is impossible"),
        ({"quantity": "validation_matthews_correlation", "at_least": -1.1}, "from -1 to 1"),
        ({"quantity": "validation_loss", "at_most": -0.1}, "at least 0 nats"),
        ({"quantity": "validation_loss", "at_most": math.inf}, "inf is impossible"),
        ({"quantity": "validation_loss", "at_most": math.nan}, "nan is impossible"),
        ({"quantity": "validation_loss", "at_least": 0.1}, "write at_most"),
        ({"quantity": "validation_accuracy", "at_most": 0.9}, "write at_least"),
        ({"quantity": "validation_accuracy", "at_least": 0.9, "at_most": 1.0}, "write at_least"),
        ({"quantity": "validation_accuracy"}, "a threshold needs its number"),
        ({"quantity": "accuracy", "at_least": 0.9}, "did you mean validation_accuracy?"),
        ({"quantity": "test_accuracy", "at_least": 0.9}, "unknown quantity"),
        ({"quantity": "validation_f1", "at_least": 0.9}, "did you mean validation_macro_f1?"),
        ({"at_least": 0.9}, "quantity: missing"),
    ],
)
def test_threshold_that_cannot_be_meant(promise: dict[str, Any], reason: str) -> None:
    with pytest.raises(SpecError, match=r"option: expect\.0") as caught:
        spec_with({"expect": [promise]})
    assert reason in caught.value.message


@pytest.mark.parametrize(
    ("promise", "reason"),
    [
        ({"quantity": "steps_ms", "at_most": 300.0}, "did you mean steps_seconds?"),
        ({"quantity": "peak_memory", "at_most": 300.0}, "did you mean peak_memory_mebibytes?"),
        ({"quantity": "validation_accuracy", "at_most": 1.0}, "unknown quantity"),
        ({"quantity": "utilization", "at_least": 70}, "in percent? write 0.7"),
        ({"quantity": "utilization", "at_least": 700}, "a fraction of at most 1"),
        ({"quantity": "utilization", "at_least": 0.0}, "more than 0"),
        ({"quantity": "utilization", "at_most": 0.5}, "write at_least"),
        ({"quantity": "step_seconds", "at_least": 0.5}, "write at_most"),
        ({"quantity": "step_seconds", "at_most": 0}, "more than 0 s"),
        ({"quantity": "step_seconds", "at_most": -1.0}, "more than 0 s"),
        ({"quantity": "step_seconds", "at_most": math.inf}, "inf is impossible"),
        ({"quantity": "step_seconds", "at_most": math.nan}, "nan is impossible"),
        ({"quantity": "step_seconds"}, "a budget needs its number"),
    ],
)
def test_budget_that_cannot_be_meant(promise: dict[str, Any], reason: str) -> None:
    with pytest.raises(SpecError, match=r"option: budget\.0") as caught:
        spec_with({"budget": [promise]})
    assert reason in caught.value.message


@pytest.mark.parametrize("bound", [0, 0.0, 1, 1.0, 0.97, 0.9755, 1 / 3])
def test_any_number_is_a_threshold_not_whole_percents_alone(bound: float) -> None:
    """pytest-benchmark takes whole percents only."""
    assert spec_with({"expect": [{"quantity": "validation_accuracy", "at_least": bound}]}).expect[0].bound == bound


@pytest.mark.parametrize("bound", [0.725, 1, 1.0, 1e-6])
def test_any_fraction_is_a_utilization(bound: float) -> None:
    assert spec_with({"budget": [{"quantity": "utilization", "at_least": bound}]}).budget[0].bound == bound


ACCURACY = {"quantity": "validation_accuracy", "at_least": 0.9}


@pytest.mark.parametrize(
    ("table", "first", "second"),
    [
        ("expect", ACCURACY, {**ACCURACY, "at_least": 0.8}),
        ("expect", ACCURACY, {**ACCURACY, "epoch": "last", "over": "every_seed"}),
        ("budget", {"quantity": "step_seconds", "at_most": 1.0}, {"quantity": "step_seconds", "at_most": 2.0}),
    ],
)
def test_same_promise_twice_is_refused(table: str, first: dict[str, Any], second: dict[str, Any]) -> None:
    """They would be two checks of one name."""
    with pytest.raises(SpecError, match=f"{table}: {first['quantity']} is promised twice"):
        spec_with({table: [first, second]})


def test_promises_that_differ_in_epoch_or_seeds_stand_side_by_side() -> None:
    promises = [
        ACCURACY,
        {**ACCURACY, "epoch": "best"},
        {**ACCURACY, "over": "mean"},
        {**ACCURACY, "quantity": "train_accuracy"},
    ]
    assert len(spec_with({"expect": promises}).expect) == 4


# What decides a comparison


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"looks": []}, "looks: [] was given, rising numbers"),
        ({"looks": [8, 4, 20]}, "looks: [8, 4, 20] was given, rising numbers"),
        ({"looks": [4, 4, 20]}, "rising numbers"),
        ({"looks": [1, 4, 20]}, "looks"),
        ({"looks": [4, 20]}, "shares: 3 for 2 looks"),
        ({"shares": [0.5, 0.4, 0.3]}, "shares: they add to 1.2"),
        ({"shares": [0.0, 0.5, 0.5]}, "shares"),
        ({"margin_points": 0.0}, "margin_points"),
        ({"margin_points": 100.0}, "margin_points"),
        ({"margin_points": 1.0, "floor_points": 2.0}, "floor_points: 2 exceeds margin_points = 1"),
        ({"floor_points": 2.0}, "needs a margin_points of at least as much"),
        ({"pass_alpha": 0.0}, "pass_alpha"),
        ({"pass_alpha": 0.5}, "pass_alpha"),
        ({"smallest_bank": 1}, "smallest_bank"),
        ({"allowed_failed_rate": 0.0}, "allowed_failed_rate"),
        ({"allowed_failed_rate": 1.0}, "allowed_failed_rate"),
        ({"margin_points": float("nan")}, "margin_points"),
    ],
)
def test_a_verdict_that_could_not_keep_its_error_rates_is_refused(written: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as caught:
        build_spec({"name": "example", "verdict": written})
    assert said in str(caught.value)


def test_the_usual_verdict_is_the_one_that_docs_and_statistics_know() -> None:
    from bertbench.stats.sequential import LOOKS, PASS_ALPHA, SHARES, SMALLEST_BANK

    usual = VerdictSpec()
    assert (usual.looks, usual.shares) == (LOOKS, SHARES)
    assert (usual.pass_alpha, usual.smallest_bank) == (PASS_ALPHA, SMALLEST_BANK)
    assert VerdictSpec(shares=(0.1, 0.2, 0.7)).shares == (0.1, 0.2, 0.7)  # add to a little more than 1 in doubles
