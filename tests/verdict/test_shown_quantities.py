"""What is shown beside the verdict: every quality, epochs and seconds to a target, spreads, correlation; no vote."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import pytest
from baseline_examples import BANK, ROWS, baseline_of, first_rows_wrong, run_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bertbench.baseline import Baseline, build_baseline
from bertbench.record import RunRecord
from bertbench.verdict import Candidate, Check, compare
from bertbench.verdict.quality_gate import quality_gate
from bertbench.verdict.shown_quantities import Shown, ShownQuantity, shown_beside


def quality(record: RunRecord, baseline: Baseline | None = None) -> Check:
    return compare(Candidate((record,)), baseline or baseline_of(), name="rolling", gate=quality_gate(ROWS))[1]


def shown(record: RunRecord, baseline: Baseline | None = None, margin_points: float = 1.0) -> Shown:
    baseline = baseline or baseline_of()
    judged = quality(record, baseline)
    return shown_beside(Candidate((record,)), baseline, margin_points=margin_points, quality=judged)


def named(result: Shown) -> dict[str, ShownQuantity]:
    return {quantity.name: quantity for quantity in result.quantities}


def first(count: int, shift: int = 0) -> dict[int, int]:
    return {seed: hits + shift for seed, hits in list(BANK.items())[:count]}


def with_losses(record: RunRecord, losses: Sequence[float]) -> RunRecord:
    """Validation loss of each seed at its end."""
    seeds = []
    for run, loss in zip(record.seeds, losses, strict=True):
        last = run.epochs[-1]
        last = last.model_copy(update={"validation": last.validation.model_copy(update={"loss": loss})})
        seeds.append(run.model_copy(update={"epochs": (*run.epochs[:-1], last)}))
    return record.model_copy(update={"seeds": tuple(seeds)})


def with_promise(record: RunRecord, at_least: float) -> RunRecord:
    promise = {"quantity": "validation_accuracy", "at_least": at_least}
    fields = record.spec.model_dump() | {"expect": (promise,)}
    return record.model_copy(update={"spec": type(record.spec).model_validate(fields)})


def test_every_quality_is_shown_and_accuracy_first() -> None:
    result = shown(run_of(first(4, -3), bits=1))
    assert [quantity.name for quantity in result.quantities] == [
        "validation accuracy",
        "validation macro_f1",
        "validation matthews_correlation",
        "validation loss",
        "epochs to target",
        "seconds to target",
    ]
    accuracy = result.quantities[0]
    assert (accuracy.bank_seeds, accuracy.seeds) == (20, 4)
    bank, run = [hits / ROWS for hits in BANK.values()], [hits / ROWS for hits in first(4, -3).values()]
    assert accuracy.change == pytest.approx(statistics.fmean(run) - statistics.fmean(bank))
    assert accuracy.baseline_spread == pytest.approx(statistics.stdev(bank))
    assert accuracy.spread == pytest.approx(statistics.stdev(run))


@pytest.mark.parametrize("shift", [-9, 0])
def test_what_decides_has_the_very_numbers_of_the_deciding_look(shift: int) -> None:
    """Eight seeds ran and the look of four decided: the other four have no part in its row."""
    hits = {seed: value + (shift if seed < 4 else 5) for seed, value in first(8).items()}
    check, result = quality(run_of(hits, bits=1)), shown(run_of(hits, bits=1))
    assert (check.numbers["look_seeds"], check.outcome) == (4, "fail" if shift else "pass")
    one, beside = result.decides, result.quantities[0]
    assert one is not None
    assert (one.name, one.bank_seeds, one.seeds, one.note) == ("validation accuracy", 20, 4, "decides: look of 4 seeds")
    assert one.change == -check.numbers["drop_points"] / 100
    assert one.interval == (-check.numbers["drop_high_points"] / 100, -check.numbers["drop_low_points"] / 100)
    assert one.mean == pytest.approx(statistics.fmean(list(hits.values())[:4]) / ROWS)
    assert one.baseline_mean == pytest.approx(statistics.fmean(BANK.values()) / ROWS)
    assert one.spread == pytest.approx(statistics.stdev(list(hits.values())[:4]) / ROWS)
    assert one.baseline_spread == pytest.approx(statistics.stdev(BANK.values()) / ROWS)
    assert (result.ran, beside.seeds, result.failed_seeds) == (8, 8, "")
    assert beside.mean == pytest.approx(statistics.fmean(hits.values()) / ROWS)
    assert "decides" not in beside.note


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(270, 298), min_size=4, max_size=9))
def test_change_and_interval_of_what_decides_are_of_its_own_means(hits: list[int]) -> None:
    """Whatever the numbers: the mean shown is that of the seeds that the look took."""
    result = shown(run_of(dict(enumerate(hits)), bits=1))
    one = result.decides
    assert one is not None
    assert one.change is not None
    assert one.mean is not None
    assert one.baseline_mean is not None
    assert one.change == pytest.approx(one.mean - one.baseline_mean, abs=1e-12)
    assert one.interval is not None
    assert one.interval[0] <= one.change <= one.interval[1]
    assert one.seeds <= result.ran == len(hits)


def with_confusion(record: RunRecord) -> RunRecord:
    """Half of the rows are of each class: 150 of 300 right is a failed seed."""
    seeds = tuple(run.model_copy(update={"validation_confusion": ((150, 0), (0, 150))}) for run in record.seeds)
    return record.model_copy(update={"seeds": seeds})


def test_where_the_number_of_failed_seeds_decides_accuracy_does_not() -> None:
    result = shown(with_confusion(run_of({**first(8), 1: 150, 3: 150}, bits=1)))
    assert result.decides is not None
    note = "look of 4 seeds, 2 failed; too few seeds for an interval"
    assert (result.failed_seeds, result.decides.note, result.decides.interval) == ("2 of 4", note, None)
    assert (result.decides.seeds, result.quantities[0].seeds, result.ran) == (2, 6, 8)


def test_a_failed_seed_of_the_look_is_told_where_accuracy_decides() -> None:
    result = shown(with_confusion(run_of({**first(4, -20), 2: 150}, bits=1)))
    assert result.decides is not None
    note = "decides: look of 4 seeds, 1 failed; too few seeds for an interval"
    assert (result.failed_seeds, result.decides.note, result.decides.interval) == ("", note, None)


@pytest.mark.parametrize("seeds", [1, 3])
def test_before_the_first_look_nothing_decides(seeds: int) -> None:
    result = shown(run_of(first(seeds), bits=1))
    assert (result.decides, result.failed_seeds, result.ran) == (None, "", seeds)


def test_the_interval_is_students() -> None:
    bank = [0.10 + 0.002 * (seed % 5) for seed in range(20)]
    run = [0.16, 0.15, 0.17, 0.155]
    base = with_losses(run_of(BANK), bank)
    baseline = build_baseline([base], wrong_rows=first_rows_wrong)
    loss = named(shown(with_losses(run_of(first(4), bits=1), run), baseline))["validation loss"]
    assert loss.interval is not None
    theirs = stats.ttest_ind(run, bank, equal_var=False).confidence_interval(0.99)  # the run's spread is the larger
    assert loss.interval == pytest.approx((theirs.low, theirs.high))
    assert (loss.better, loss.change) == ("lower", pytest.approx(statistics.fmean(run) - statistics.fmean(bank)))


def test_a_quantity_without_spread_has_no_interval() -> None:
    loss = named(shown(with_losses(run_of(first(4), bits=1), [0.5] * 4), with_equal_losses()))["validation loss"]
    assert (loss.interval, loss.change) == (None, pytest.approx(0.25))


def with_equal_losses() -> Baseline:
    return build_baseline([with_losses(run_of(BANK), [0.25] * 20)], wrong_rows=first_rows_wrong)


def test_the_interval_of_equal_accuracies_is_that_of_rounding_to_distinct_rows() -> None:
    alike = dict.fromkeys(range(20), 290)
    plain, copies = (
        shown(run_of(dict.fromkeys(range(4), 290), bits=1), baseline_of(alike, distinct=distinct))
        .quantities[0]
        .interval
        for distinct in (None, 30)
    )
    assert plain is not None
    assert copies == pytest.approx([10 * end for end in plain])


def test_failed_seeds_are_left_out_on_both_sides() -> None:
    record = with_confusion(run_of({**first(4), 2: 150}, bits=1))
    accuracy = shown(record, baseline_of({**BANK, 20: 140})).quantities[0]
    assert (accuracy.bank_seeds, accuracy.seeds) == (20, 3)


def test_epochs_to_the_specs_own_promise() -> None:
    """Epochs of an example end at 1/2, 3/4 and the seed's own accuracy."""
    epochs = named(shown(with_promise(run_of(first(4), bits=1), 0.75)))["epochs to target"]
    assert (epochs.baseline_mean, epochs.mean, epochs.change) == (2, 2, 0)
    assert epochs.note == "target 0.7500"
    assert epochs.interval is not None
    assert epochs.interval[1] > 0.3  # all alike, and yet no finer than whole epochs


def test_without_a_promise_the_target_is_the_banks_mean_less_the_margin() -> None:
    mean = sum(BANK.values()) / (20 * ROWS)
    epochs = named(shown(run_of(first(4), bits=1), margin_points=2.0))["epochs to target"]
    assert epochs.note == f"target {mean - 0.02:.4f}"
    assert epochs.mean == 3


def test_where_a_seed_never_reaches_the_target_it_is_counted_and_no_mean_is_shown() -> None:
    result = named(shown(with_promise(run_of({**first(4), 1: 200}, bits=1), 0.96)))
    for name in ("epochs to target", "seconds to target"):
        assert (result[name].mean, result[name].change, result[name].interval) == (None, None, None)
        assert "reached by 20 of 20 seeds of the bank and 3 of 4 of the run" in result[name].note


def test_seconds_are_those_of_the_epochs_until_then() -> None:
    seconds = named(shown(with_promise(run_of(first(4), bits=1), 0.75)))["seconds to target"]
    assert seconds.mean == pytest.approx(2 * (0.125 * 4 + 0.0625))
    assert seconds.baseline_mean == pytest.approx(seconds.mean, abs=1e-3)  # a baseline keeps milliseconds


@pytest.mark.parametrize("change", [{"machine_fingerprint": "0" * 64}, {"workers": 2}])
def test_seconds_of_another_or_a_shared_machine_are_not_shown(change: dict[str, Any]) -> None:
    record = run_of(first(4), bits=1)
    assert record.environment is not None
    environment = record.environment.model_copy(update=change)
    moved = record.model_copy(update={"environment": environment})
    assert "seconds to target" not in named(shown(moved))
    assert "epochs to target" in named(shown(moved))
    if "workers" in change:
        bank = run_of(BANK).model_copy(update={"environment": environment})
        assert baseline_epochs(build_baseline([bank], wrong_rows=first_rows_wrong)) == [()] * 20


def baseline_epochs(baseline: Baseline) -> list[tuple[float, ...]]:
    return [seed.epoch_seconds for seed in baseline.seeds]


def test_a_baseline_of_the_first_schema_knows_no_epochs() -> None:
    baseline = baseline_of()
    old = [seed.model_copy(update={"validation_hits": (), "epoch_seconds": ()}) for seed in baseline.seeds]
    result = shown(run_of(first(4), bits=1), baseline.model_copy(update={"seeds": tuple(old), "schema_version": 1}))
    assert len(result.quantities) == 4


def test_correlation_of_the_seeds_that_both_ran() -> None:
    result = shown(run_of(first(8, -3), bits=1))
    assert (result.correlation, result.pairs) == (pytest.approx(1.0), 8)
    assert shown(run_of(first(2), bits=1)).correlation is None
    assert shown(run_of(dict.fromkeys(range(8), 290), bits=1)).correlation is None  # no spread
    assert shown(run_of({100: 290, 101: 291, 102: 289}, bits=1)).pairs == 0


@settings(max_examples=25)
@given(st.lists(st.integers(250, 300), min_size=2, max_size=8), st.permutations(range(8)))
def test_the_order_of_seeds_changes_nothing(hits: list[int], order: list[int]) -> None:
    seeds = dict(enumerate(hits))
    shuffled = {seed: seeds[seed] for seed in order if seed in seeds}
    one, other = (shown(run_of(side, bits=1)) for side in (seeds, shuffled))
    for left, right in zip(one.quantities[:1], other.quantities[:1], strict=True):
        assert left == right


@pytest.mark.parametrize(("seeds", "said"), [(2, True), (3, True), (4, False)])
def test_too_few_seeds_have_a_change_and_no_interval(seeds: int, said: bool) -> None:
    accuracy = shown(run_of(first(seeds, -3), bits=1)).quantities[0]
    assert accuracy.change is not None
    assert (accuracy.interval is None) is said
    assert accuracy.note == ("too few seeds for an interval" if said else "")


def test_one_seed_has_a_mean_and_no_interval() -> None:
    accuracy = shown(run_of({0: 280}, bits=1)).quantities[0]
    assert (accuracy.mean, accuracy.interval) == (pytest.approx(280 / ROWS), None)
    assert accuracy.note == "too few seeds for an interval"
    assert not math.isnan(accuracy.baseline_mean or math.nan)
