"""Units, directions, validity and formats of everything that is measured."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.quantities import (
    ALL,
    BUDGETS,
    PHASES,
    QUALITY,
    SHOWN,
    THRESHOLD_QUANTITIES,
    Quantity,
    quality_of,
)
from bertbench.record import Quality


def test_every_quality_of_a_record_is_a_quantity_and_the_other_way_round() -> None:
    assert set(QUALITY) == set(Quality.model_fields)


def test_names_are_their_keys_and_nobody_has_two_meanings() -> None:
    assert all(name == quantity.name for name, quantity in ALL.items())
    assert len(ALL) == len(QUALITY) + len(BUDGETS) + len(SHOWN)


def test_every_phase_has_a_budget() -> None:
    assert {f"{phase}_seconds" for phase in PHASES} <= set(BUDGETS)


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "matthews_correlation", "utilization", "rows_per_second"])
def test_more_is_better(name: str) -> None:
    assert ALL[name].better == "higher"


@pytest.mark.parametrize("name", ["loss", "step_seconds", "total_seconds", "peak_memory_mebibytes"])
def test_less_is_better(name: str) -> None:
    assert ALL[name].better == "lower"


def test_accuracy_alone_is_a_share_of_rows() -> None:
    assert [name for name, quantity in ALL.items() if quantity.is_share_of_rows] == ["accuracy"]


# Validity


@pytest.mark.parametrize("quantity", ALL.values(), ids=ALL.keys())
@pytest.mark.parametrize("impossible", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_were_never_measured(quantity: Quantity, impossible: float) -> None:
    assert not quantity.is_valid(impossible)


@pytest.mark.parametrize(
    ("name", "possible", "impossible"),
    [
        ("accuracy", [0.0, 0.5, 1.0], [-1e-12, 1 + 1e-12, 97.0]),
        ("macro_f1", [0.0, 1.0], [-0.1, 1.1]),
        ("matthews_correlation", [-1.0, 0.0, 1.0], [-1.01, 1.01]),
        ("loss", [0.0, 0.7, 1e6], [-1e-12]),
        ("step_seconds", [0.0, 1e6], [-1e-12]),
        ("utilization", [0.0, 0.7, 1.05], [-0.1]),
    ],
)
def test_range(name: str, possible: list[float], impossible: list[float]) -> None:
    assert all(ALL[name].is_valid(value) for value in possible)
    assert not any(ALL[name].is_valid(value) for value in impossible)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("accuracy", "a number from 0 to 1"),
        ("matthews_correlation", "a number from -1 to 1"),
        ("loss", "a number of at least 0 nats"),
        ("step_seconds", "a number of at least 0 s"),
        ("utilization", "a number of at least 0"),
    ],
)
def test_range_in_words(name: str, words: str) -> None:
    assert ALL[name].allowed() == words


# Formats


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("accuracy", 48 / 49, "0.9796"),
        ("loss", 0.1514, "0.1514"),
        ("matthews_correlation", -1.0, "-1.0000"),
        ("step_seconds", 0.0, "0 µs"),
        ("step_seconds", 0.0000314, "31 µs"),
        ("step_seconds", 0.001, "1 ms"),
        ("step_seconds", 0.1234, "123 ms"),
        ("step_seconds", 0.01234, "12.3 ms"),
        ("step_seconds", 1.0, "1.0 s"),
        ("total_seconds", 599.9, "599.9 s"),
        ("total_seconds", 600.0, "10.0 min"),
        ("utilization", 0.725, "72.5%"),
        ("peak_memory_mebibytes", 1234.5, "1,234 MiB"),
        ("gradient_norm", 12.34567, "12.35"),
        ("learning_rate", 3e-5, "3e-05"),
        ("rows_per_second", 1234.56, "1,234.6 rows/s"),
        ("sgemm_gigaflops_per_second", 120.4, "120 GFLOP/s"),
    ],
)
def test_format(name: str, value: float, text: str) -> None:
    assert ALL[name].format(value) == text


@pytest.mark.parametrize("quantity", ALL.values(), ids=ALL.keys())
def test_what_is_missing_or_no_number_is_shown_as_such(quantity: Quantity) -> None:
    assert quantity.format(None) == "-"
    assert quantity.format(math.nan) == "nan"
    assert quantity.format(math.inf) == "inf"


@given(value=st.floats(min_value=0, allow_infinity=False, allow_nan=False))
def test_every_possible_value_has_a_text(value: float) -> None:
    assert all(quantity.format(value) for quantity in ALL.values())


# Names of thresholds


def test_thresholds_name_each_quality_for_both_splits_validation_first() -> None:
    assert len(THRESHOLD_QUANTITIES) == 2 * len(QUALITY)
    assert THRESHOLD_QUANTITIES[0] == "validation_accuracy"


@pytest.mark.parametrize("name", THRESHOLD_QUANTITIES)
def test_name_of_a_threshold_splits_into_split_and_quality(name: str) -> None:
    split, quantity = quality_of(name)
    assert f"{split}_{quantity.name}" == name


@pytest.mark.parametrize("name", ["accuracy", "test_accuracy", "validation", "validation_", "train_speed", "", "_loss"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(KeyError):
        quality_of(name)


@pytest.mark.parametrize(
    ("quantity", "bound", "words", "kept", "missed"),
    [
        (QUALITY["accuracy"], 0.97, ">= 0.9700", (0.97, 1.0), (0.9699999, math.nan)),
        (QUALITY["loss"], 0.2, "<= 0.2000", (0.2, 0.0), (0.2000001, math.nan)),
        (BUDGETS["utilization"], 0.3, ">= 30.0%", (0.3, 0.9), (0.29, math.nan)),
        (BUDGETS["step_seconds"], 0.25, "<= 250 ms", (0.25, 1e-9), (0.2500001, math.nan, math.inf)),
    ],
)
def test_a_promise_is_kept_on_the_better_side_and_on_the_bound(
    quantity: Quantity, bound: float, words: str, kept: tuple[float, ...], missed: tuple[float, ...]
) -> None:
    assert quantity.promised(bound) == words
    assert all(quantity.keeps(value, bound) for value in kept)
    assert not any(quantity.keeps(value, bound) for value in missed)
