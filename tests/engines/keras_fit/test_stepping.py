"""Steps of Keras' own fit: what each measured, and that they are the steps that fit takes."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from engine_backends import tensorflow_only
from fit_examples import batches, blind_step, expected_step, make_model, own_step

from bertbench.errors import EngineError

if TYPE_CHECKING:
    from bertbench.engines.keras_fit import FitStepper

pytestmark = tensorflow_only

BATCHES = batches()


@pytest.fixture(scope="module")
def keras() -> ModuleType:
    """Loaded after the process was configured."""
    import keras

    return keras


def new_stepper(model: Any, *, total_steps: int = len(BATCHES)) -> FitStepper:
    from bertbench.engines.keras_fit import FitStepper

    return FitStepper(model, total_steps=total_steps)


@pytest.fixture(scope="module")
def shared(keras: ModuleType) -> FitStepper:
    return new_stepper(make_model(keras))


@pytest.fixture
def stepper(shared: FitStepper) -> Iterator[FitStepper]:
    """Of the plain model, at its beginning; traced once for all tests."""
    begin = getattr(shared, "begin", None) or [v.numpy() for v in everything(shared._model)]
    shared.begin = begin
    shared.end()
    for variable, value in zip(everything(shared._model), begin, strict=True):
        variable.assign(value)
    yield shared
    shared.end()


def everything(model: Any) -> list[Any]:
    model.optimizer.build(model.trainable_variables)
    return [v.value for v in (*model.variables, *model.optimizer.variables)]


def steps(stepper: FitStepper, **how: Any) -> list[Any]:
    return [stepper.step(*batch, **how) for batch in BATCHES]


def test_a_step_measures_loss_norm_and_predictions_of_its_own_batch(stepper: FitStepper) -> None:
    for batch in BATCHES:
        loss, norm, predictions = expected_step(stepper._model, batch)
        step = stepper.step(*batch)
        assert step.loss == pytest.approx(loss, rel=1e-5)
        assert step.gradient_norm == pytest.approx(norm, rel=1e-5)
        assert step.predictions.tolist() == predictions.tolist()
        assert step.predictions.dtype == np.int32
        assert step.learning_rate == np.float32(0.1)


def test_row_weights_weigh_the_loss_and_are_divided_by_rows(keras: ModuleType) -> None:
    stepper = new_stepper(make_model(keras))
    for batch in batches(weighted=True):
        loss, norm, _ = expected_step(stepper._model, batch)
        step = stepper.step(*batch)
        assert step.loss == pytest.approx(loss, rel=1e-5)
        assert step.gradient_norm == pytest.approx(norm, rel=1e-5)
    stepper.end()


def test_steps_are_those_of_fit_itself(stepper: FitStepper, keras: ModuleType) -> None:
    """Same weights, bit for bit, as the same model fitted without us."""
    import tensorflow as tf

    steps(stepper)
    alone = make_model(keras)

    def generate() -> Iterator[tuple[Any, ...]]:
        yield from BATCHES

    signature = tf.nest.map_structure(lambda array: tf.TensorSpec([None] * array.ndim, array.dtype), BATCHES[0])
    data = tf.data.Dataset.from_generator(generate, output_signature=signature)
    alone.fit(data, epochs=1, shuffle=False, steps_per_epoch=len(BATCHES), verbose=0)
    for one, other in zip(stepper._model.weights, alone.weights, strict=True):
        assert np.array_equal(one.numpy(), other.numpy())


def test_the_learning_rate_of_a_step_is_set_before_it(stepper: FitStepper) -> None:
    rates = [0.1, 0.01, 0.0, 0.2]
    before = [v.numpy() for v in stepper._model.weights]
    applied = [
        stepper.step(*batch, learning_rate=rate).learning_rate for batch, rate in zip(BATCHES, rates, strict=True)
    ]
    assert applied == [float(np.float32(rate)) for rate in rates]
    assert not np.array_equal(before[0], stepper._model.weights[0].numpy())


def test_a_rate_of_zero_moves_nothing(stepper: FitStepper) -> None:
    before = [v.numpy() for v in stepper._model.weights]
    stepper.step(*BATCHES[0], learning_rate=0.0)
    assert all(np.array_equal(one, v.numpy()) for one, v in zip(before, stepper._model.weights, strict=True))


def test_nothing_of_fit_runs_between_two_steps(stepper: FitStepper) -> None:
    """Weights written between two steps are those that the next step sees."""
    stepper.step(*BATCHES[0])
    values = [v.numpy() for v in stepper._model.weights]
    for variable, value in zip(stepper._model.weights, values, strict=True):
        variable.assign(value * 0.5)
    loss, _, _ = expected_step(stepper._model, BATCHES[1])
    assert stepper.step(*BATCHES[1]).loss == pytest.approx(loss, rel=1e-5)


def test_after_the_last_step_fit_has_ended_and_another_begins(stepper: FitStepper) -> None:
    first = [step.loss for step in steps(stepper)]
    assert first != [step.loss for step in steps(stepper)]  # it goes on with the weights it had
    assert int(stepper._model.optimizer.iterations) == 2 * len(BATCHES)


def test_ended_in_the_middle_it_begins_again_without_tracing_again(stepper: FitStepper) -> None:
    first = [step.loss for step in steps(stepper)]
    traces = stepper._watch.calls
    stepper.end()
    for variable, value in zip(everything(stepper._model), stepper.begin, strict=True):
        variable.assign(value)
    stepper.step(*BATCHES[0])
    stepper.end()
    stepper.end()
    for variable, value in zip(everything(stepper._model), stepper.begin, strict=True):
        variable.assign(value)
    assert [step.loss for step in steps(stepper)] == first
    assert stepper._watch.calls == traces


def test_what_is_called_between_two_steps_runs_in_the_thread_of_fit(stepper: FitStepper) -> None:
    stepper.step(*BATCHES[0])
    inside = stepper.call(threading.current_thread)
    assert inside is not threading.current_thread()
    assert stepper.call(lambda: stepper.call(threading.current_thread)) is inside
    stepper.step(*BATCHES[1])
    with pytest.raises(KeyError, match="of the caller"):
        stepper.call(lambda: {}["of the caller"])
    stepper.step(*BATCHES[2])


def test_what_the_library_raises_is_raised_here_and_fit_begins_again(stepper: FitStepper) -> None:
    stepper.step(*BATCHES[0])
    inputs, labels = BATCHES[1]
    with pytest.raises(Exception, match=r"indices|label|range|Invalid"):
        stepper.step({"ids": inputs["ids"] + 1000}, labels)
    assert np.isfinite(stepper.step(*BATCHES[1]).loss)


def test_dropout_and_metrics_of_the_model_are_left_to_it(keras: ModuleType) -> None:
    model = make_model(keras, rate=0.5, metrics=["accuracy"])
    stepper = new_stepper(model, total_steps=8)
    one, other = stepper.step(*BATCHES[0], learning_rate=0.0), stepper.step(*BATCHES[0], learning_rate=0.0)
    assert one.loss != other.loss
    stepper.end()


def test_loss_scaling_is_undone_in_the_norm(keras: ModuleType) -> None:
    norms = []
    for scaled in (False, True):
        optimizer = keras.optimizers.Adam(0.1)
        model = make_model(keras, keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer)
        stepper = new_stepper(model)
        norms.append(stepper.step(*BATCHES[0], learning_rate=0.05))
        stepper.end()
    assert norms[0].gradient_norm == pytest.approx(norms[1].gradient_norm, rel=1e-5)
    assert norms[1].learning_rate == np.float32(0.05)


def test_a_training_step_of_the_users_own_is_seen_through_its_logs(keras: ModuleType) -> None:
    """Its loss is a running mean, which is reset before each step."""
    stepper = new_stepper(make_model(keras, cls=own_step(keras)))
    for batch in BATCHES:
        loss, norm, predictions = expected_step(stepper._model, batch)
        step = stepper.step(*batch)
        assert step.loss == pytest.approx(loss, rel=1e-5)
        assert step.gradient_norm == pytest.approx(norm, rel=1e-5)
        assert step.predictions.tolist() == predictions.tolist()
    stepper.end()


def test_a_training_step_past_everything_is_refused_with_what_was_not_seen(keras: ModuleType) -> None:
    stepper = new_stepper(make_model(keras, cls=blind_step(keras)))
    with pytest.raises(
        EngineError, match=r"Blind.train_step: nothing was seen of loss, gradient_norm, learning_rate, out"
    ):
        stepper.step(*BATCHES[0])


def test_data_that_is_fetched_ahead_is_an_error_and_no_step(stepper: FitStepper) -> None:
    stepper.step(*BATCHES[0])
    with pytest.raises(RuntimeError, match="before its step"):
        stepper._batch_once()


def test_an_uncompiled_model_is_refused(keras: ModuleType) -> None:
    model = keras.Sequential([keras.layers.Dense(2)])
    with pytest.raises(EngineError, match="Sequential: the model is not compiled"):
        new_stepper(model)


def test_several_steps_at_once_are_refused(keras: ModuleType) -> None:
    with pytest.raises(EngineError, match="compiled for 4 steps at once"):
        new_stepper(make_model(keras, steps_per_execution=4))


def test_what_is_no_model_is_refused(keras: ModuleType) -> None:
    with pytest.raises(EngineError, match=r"expected a model of Keras 3 or tf-keras, and got builtins.dict"):
        new_stepper({})


def test_the_thread_ends_with_its_stepper(keras: ModuleType) -> None:
    stepper = new_stepper(make_model(keras))
    stepper.step(*BATCHES[0])
    thread = stepper.call(threading.current_thread)
    stepper.end()
    gone = weakref.ref(stepper), weakref.ref(stepper._model)
    del stepper
    gc.collect()
    assert [reference() for reference in gone] == [None, None]
    thread.join()
