"""Metrics against tables, and against scikit-learn's as a second opinion."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as second_opinion

from bertbench import metrics

CLASSES = 4
PAIRS = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=60)


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    truth, predicted = np.array(pairs, np.int32).T
    return truth, predicted


def counts_of(pairs: list[tuple[int, int]]) -> np.ndarray:
    return metrics.confusion(*columns(pairs), CLASSES)


# Known answers


@pytest.mark.parametrize(
    ("counts", "accuracy", "macro_f1", "matthews"),
    [
        ([[25, 0], [0, 24]], 1.0, 1.0, 1.0),
        ([[0, 25], [24, 0]], 0.0, 0.0, -1.0),
        ([[24, 1], [0, 24]], 48 / 49, (48 / 49 + 48 / 49) / 2, 24 * 24 / math.sqrt(24 * 25 * 25 * 24)),
        ([[90, 0], [10, 0]], 0.9, (180 / 190 + 0) / 2, 0.0),
        ([[0, 0], [0, 7]], 1.0, 1.0, 0.0),
        ([[5, 5], [5, 5]], 0.5, 0.5, 0.0),
        ([[2, 1, 0], [0, 3, 0], [0, 0, 4]], 0.9, (4 / 5 + 6 / 7 + 1) / 3, None),
    ],
    ids=["all right", "all wrong", "card's last epoch", "majority class", "one class only", "coin", "three classes"],
)
def test_known_answers(counts: list[list[int]], accuracy: float, macro_f1: float, matthews: float | None) -> None:
    table = np.array(counts)
    assert metrics.accuracy(table) == pytest.approx(accuracy, abs=1e-15)
    assert metrics.macro_f1(table) == pytest.approx(macro_f1, abs=1e-15)
    if matthews is not None:
        assert metrics.matthews_correlation(table) == pytest.approx(matthews, abs=1e-15)


def test_the_cards_accuracies_are_whole_rows() -> None:
    assert [
        round(metrics.accuracy(np.diag([hits, 0]) + np.array([[0, 49 - hits], [0, 0]])), 4) for hits in (18, 40, 48)
    ] == ([0.3673, 0.8163, 0.9796])


def test_confusion_has_truth_in_rows_and_prediction_in_columns() -> None:
    assert counts_of([(0, 1), (0, 1), (2, 0)]).tolist() == [[0, 2, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_no_rows_give_no_number() -> None:
    """Nothing measured is never a good value."""
    nothing = np.zeros((2, 2), np.int64)
    assert math.isnan(metrics.accuracy(nothing))
    assert math.isnan(metrics.macro_f1(nothing))


def test_class_neither_present_nor_predicted_does_not_count() -> None:
    two = np.array([[3, 1], [0, 4]])
    three = np.zeros((3, 3), np.int64)
    three[:2, :2] = two
    assert metrics.macro_f1(three) == metrics.macro_f1(two)


def test_class_predicted_but_absent_counts_as_wrong() -> None:
    assert metrics.macro_f1(np.array([[3, 1], [0, 0]])) == pytest.approx((6 / 7 + 0) / 2)


# A second opinion


@given(PAIRS)
def test_scikit_learn_agrees(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = columns(pairs)
    counts = counts_of(pairs)
    with warnings.catch_warnings():  # of one class only: our answer to that is in the table above
        warnings.simplefilter("ignore")
        assert counts.tolist() == second_opinion.confusion_matrix(truth, predicted, labels=range(CLASSES)).tolist()
        assert metrics.accuracy(counts) == pytest.approx(second_opinion.accuracy_score(truth, predicted), abs=1e-12)
        f1 = second_opinion.f1_score(truth, predicted, average="macro")
        assert metrics.macro_f1(counts) == pytest.approx(f1, abs=1e-12)
        matthews = second_opinion.matthews_corrcoef(truth, predicted)
        assert metrics.matthews_correlation(counts) == pytest.approx(matthews, abs=1e-12)


LOGITS = st.lists(st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=3), min_size=1, max_size=20)


@given(LOGITS, st.data())
def test_scikit_learn_agrees_on_the_loss(rows: list[list[float]], data: st.DataObject) -> None:
    logits = np.array(rows, np.float32)
    labels = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows))), np.int32)
    exponents = np.exp(logits.astype(np.float64))
    probabilities = exponents / exponents.sum(axis=1, keepdims=True)
    expected = second_opinion.log_loss(labels, probabilities, labels=range(3))
    ours = metrics.mean_cross_entropy(logits, labels, np.ones(len(rows), np.float32))
    # scikit-learn cuts probabilities off at the precision of float64, which is 36 nats
    assert ours == pytest.approx(expected, abs=1e-9) or ours > 36 / len(rows)


# Properties


@given(PAIRS, st.permutations(range(CLASSES)))
def test_names_of_classes_do_not_matter(pairs: list[tuple[int, int]], order: list[int]) -> None:
    renamed = [(order[truth], order[predicted]) for truth, predicted in pairs]
    for measure in (metrics.accuracy, metrics.macro_f1, metrics.matthews_correlation):
        assert measure(counts_of(renamed)) == pytest.approx(measure(counts_of(pairs)), abs=1e-12)


@given(PAIRS, st.randoms())
def test_order_of_rows_does_not_matter(pairs: list[tuple[int, int]], random: object) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert counts_of(shuffled).tolist() == counts_of(pairs).tolist()


@given(PAIRS)
def test_every_measure_is_a_possible_value(pairs: list[tuple[int, int]]) -> None:
    counts = counts_of(pairs)
    assert 0.0 <= metrics.accuracy(counts) <= 1.0
    assert 0.0 <= metrics.macro_f1(counts) <= 1.0
    assert -1.0 <= metrics.matthews_correlation(counts) <= 1.0


@given(st.lists(st.integers(1, 10**9), min_size=2, max_size=9))
def test_perfect_prediction_has_a_correlation_of_one_and_no_rounding_beyond(rows: list[int]) -> None:
    """One row of each of three classes gave 1.0000000000000002 in floating point."""
    assert metrics.matthews_correlation(np.diag(rows)) == pytest.approx(1.0, abs=1e-15)
    assert metrics.matthews_correlation(np.diag(rows)) <= 1.0


@given(st.lists(st.integers(0, 10**9), min_size=4, max_size=4))
def test_correlation_stays_within_one_for_any_number_of_rows(cells: list[int]) -> None:
    """A value past 1 by rounding would be refused as impossible."""
    assert -1.0 <= metrics.matthews_correlation(np.array(cells, np.int64).reshape(2, 2)) <= 1.0


# Loss


@pytest.mark.parametrize(
    ("logits", "label", "nats"),
    [
        ([0.0, 0.0], 0, math.log(2)),
        ([0.0, 0.0, 0.0, 0.0], 3, math.log(4)),
        ([math.log(3.0), 0.0], 0, math.log(4 / 3)),
        ([1000.0, 0.0], 0, 0.0),
        ([1000.0, 0.0], 1, 1000.0),
        ([-3e38, 3e38], 1, 0.0),
        ([-math.inf, 0.0], 1, 0.0),
        ([-math.inf, 0.0], 0, math.inf),
    ],
)
def test_cross_entropy_of_one_row(logits: list[float], label: int, nats: float) -> None:
    row = np.array([logits], np.float32)
    assert metrics.mean_cross_entropy(row, np.array([label], np.int32), np.ones(1, np.float32)) == pytest.approx(nats)


@pytest.mark.parametrize("logits", [[math.nan, 0.0], [math.inf, 0.0], [math.inf, math.inf], [-math.inf, -math.inf]])
@pytest.mark.parametrize("label", [0, 1])
def test_logits_that_are_no_numbers_give_a_loss_that_is_none(logits: list[float], label: int) -> None:
    """Quietly: the run stops on the loss, and a warning beside it would only hide where."""
    row = np.array([logits], np.float32)
    assert math.isnan(metrics.mean_cross_entropy(row, np.array([label], np.int32), np.ones(1, np.float32)))


def test_loss_of_no_rows_is_no_number() -> None:
    empty = np.zeros((0, 2), np.float32)
    assert math.isnan(metrics.mean_cross_entropy(empty, np.zeros(0, np.int32), np.zeros(0, np.float32)))


def test_loss_is_over_rows_not_over_weights() -> None:
    """Two rows of log 2, weights 1 and 3: (1 + 3) / 2 times log 2."""
    rows, labels = np.zeros((2, 2), np.float32), np.zeros(2, np.int32)
    loss = metrics.mean_cross_entropy(rows, labels, np.array([1.0, 3.0], np.float32))
    assert loss == pytest.approx(2 * math.log(2))


def test_loss_of_batches_adds_up_to_the_loss_of_all_rows() -> None:
    """Keras' fit weights the loss of a batch by the length of the first input (library-facts, fault B)."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(13, 3)).astype(np.float32)
    labels, weights = generator.integers(0, 3, 13).astype(np.int32), np.ones(13, np.float32)
    parts = [slice(0, 8), slice(8, 13)]
    sums = [metrics.mean_cross_entropy(logits[p], labels[p], weights[p]) * len(labels[p]) for p in parts]
    assert sum(sums) / 13 == pytest.approx(metrics.mean_cross_entropy(logits, labels, weights), rel=1e-12)


def test_quality_gathers_all_measures() -> None:
    counts = np.array([[24, 1], [0, 24]])
    quality = metrics.quality(counts, 0.1514)
    assert quality.model_dump() == {
        "loss": 0.1514,
        "accuracy": metrics.accuracy(counts),
        "macro_f1": metrics.macro_f1(counts),
        "matthews_correlation": metrics.matthews_correlation(counts),
    }
