"""The card's four troubles, found where they are and not where they are not."""

from __future__ import annotations

import math

import pytest
from record_maker import make_quality, make_record, make_seed, make_steps

from bertbench.record import EpochRow, SeedRun, Utilization
from bertbench.verdict.diagnosis import Diagnosis, diagnose


def diagnosed(seed: SeedRun) -> dict[str, Diagnosis]:
    return {diagnosis.trouble: diagnosis for diagnosis in diagnose(make_record().model_copy(update={"seeds": (seed,)}))}


def with_losses(*losses: tuple[float, float]) -> SeedRun:
    """A seed whose epochs have these (train, validation) losses."""
    rows = tuple(
        EpochRow(
            epoch=epoch,
            train=make_quality(1.0, epoch).model_copy(update={"loss": train}),
            validation=make_quality(1.0, epoch).model_copy(update={"loss": validation}),
            steps_end=epoch + 1,
            seconds=1.0,
        )
        for epoch, (train, validation) in enumerate(losses)
    )
    return make_seed(0).model_copy(update={"epochs": rows})


def calm() -> SeedRun:
    steps = make_steps(80).model_copy(update={"gradient_norm": (2.0,) * 80})
    return make_seed(0).model_copy(update={"steps": steps})


def test_a_sound_run_has_no_trouble() -> None:
    assert diagnosed(calm()) == {}


@pytest.mark.parametrize(
    ("losses", "overfits"),
    [
        (((0.9, 0.9), (0.5, 0.5), (0.1, 0.56)), True),
        (((0.9, 0.9), (0.5, 0.5), (0.1, 0.54)), False),  # within a tenth of the best
        (((0.9, 0.9), (0.5, 0.5), (0.6, 0.9)), False),  # both rose: it is something else
    ],
)
def test_overfitting_is_a_rising_validation_loss_under_a_falling_training_loss(losses, overfits) -> None:
    assert ("overfitting" in diagnosed(with_losses(*losses))) is overfits


@pytest.mark.parametrize(("spike", "explodes"), [(39.9, False), (40.0, True), (math.inf, True), (math.nan, True)])
def test_exploding_gradients_are_a_norm_of_twenty_times_the_median(spike, explodes) -> None:
    """NaN and infinity explode too."""
    steps = make_steps(81).model_copy(update={"gradient_norm": (*(2.0,) * 80, spike)})
    found = diagnosed(make_seed(0).model_copy(update={"steps": steps}))
    assert ("exploding gradients" in found) is explodes
    if explodes:
        assert "at step 80" in found["exploding gradients"].evidence


def test_gradients_that_are_all_zero_do_not_explode() -> None:
    still = make_steps(80).model_copy(update={"gradient_norm": (0.0,) * 80})
    assert "exploding gradients" not in diagnosed(make_seed(0).model_copy(update={"steps": still}))


@pytest.mark.parametrize(("accuracy", "poor"), [(0.5, True), (0.62, True), (0.64, False), (math.nan, True)])
def test_poor_accuracy_is_close_to_always_answering_the_largest_class(accuracy, poor) -> None:
    """24 of 49 against 25: the largest class is 0.51, a quarter of the way from there to 1 is 0.63."""
    run = calm()
    last = run.epochs[-1]
    validation = last.validation.model_copy(update={"accuracy": accuracy})
    epochs = (*run.epochs[:-1], last.model_copy(update={"validation": validation}))
    assert ("poor validation accuracy" in diagnosed(run.model_copy(update={"epochs": epochs}))) is poor


@pytest.mark.parametrize(("value", "long"), [(0.1499, True), (0.15, False)])
def test_long_training_is_a_low_utilization(value, long) -> None:
    utilization = Utilization(value=value, step_flops_per_second=1.0, sgemm_flops_per_second=(1.0,))
    assert ("long training" in diagnosed(calm().model_copy(update={"utilization": utilization}))) is long


def test_each_trouble_is_named_once_for_the_first_seed_that_has_it() -> None:
    low = Utilization(value=0.01, step_flops_per_second=1.0, sgemm_flops_per_second=(1.0,))
    seeds = [calm().model_copy(update={"seed": n, "utilization": low}) for n in (0, 1)]
    [found] = diagnose(make_record().model_copy(update={"seeds": tuple(seeds)}))
    assert found.evidence.startswith("seed 0:")
