"""What a training step reports and does, against NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy_bert
import pytest
from engine_backends import tensorflow_only
from engine_examples import (
    LONGEST,
    NO_DROPOUT,
    TOTAL_STEPS,
    WORD_EMBEDDINGS,
    WORDS_IN_USE,
    NumpyAdam,
    make_batch,
    make_engine,
    norm_of,
    weights_of,
)
from tiny_bert import tiny_config

from bertbench.engines.schedules import learning_rate_at
from bertbench.spec import ScheduleSpec, SGDSpec

if TYPE_CHECKING:
    from bertbench.engines.native.engine import NativeEngine

BATCH = make_batch([5, 9, 3, 40, 9], row_weights=[1.0, 0.5, 2.0, 1.5, 0.25])


def test_loss_is_the_weighted_cross_entropy_of_the_logits(plain_engine: NativeEngine) -> None:
    logits = plain_engine.logits(BATCH)
    loss = plain_engine.train_step(BATCH).loss
    assert loss == pytest.approx(numpy_bert.mean_cross_entropy(logits, BATCH), rel=1e-6)
    unweighted = make_batch([5, 9, 3, 40, 9])
    assert loss != pytest.approx(numpy_bert.mean_cross_entropy(logits, unweighted), rel=1e-3)


def test_loss_divides_by_rows_not_by_the_sum_of_weights(plain_engine: NativeEngine) -> None:
    once = plain_engine.train_step(make_batch([5, 9])).loss
    plain_engine.prepare(0)
    thrice = plain_engine.train_step(make_batch([5, 9], row_weights=[3.0, 3.0])).loss
    assert thrice == pytest.approx(3 * once, rel=1e-6)


def test_predictions_are_the_most_likely_classes_of_the_rows_in_their_order(plain_engine: NativeEngine) -> None:
    batch = make_batch([LONGEST, 3, 17, 4, 9, 3, 30, 5, 12, 8])
    expected = plain_engine.logits(batch).argmax(axis=1)
    found = plain_engine.train_step(batch).predictions
    assert found.dtype == np.int32
    assert found.tolist() == expected.tolist()
    assert len(set(expected.tolist())) > 1


def test_gradient_norm_is_that_of_the_dense_gradients(plain_engine: NativeEngine) -> None:
    norm = norm_of(plain_engine.gradients(BATCH))
    assert plain_engine.train_step(BATCH).gradient_norm == pytest.approx(norm, rel=1e-6)


def test_gradients_change_nothing_and_have_the_shapes_of_the_weights(plain_engine: NativeEngine) -> None:
    before = weights_of(plain_engine)
    gradients = plain_engine.gradients(BATCH)
    after = weights_of(plain_engine)
    assert {name: values.shape for name, values in gradients.items()} == {n: v.shape for n, v in before.items()}
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_gradients_are_the_slope_of_the_loss_written_in_numpy(plain_engine: NativeEngine) -> None:
    """Central differences in float64 along one random direction for each tensor."""
    config = tiny_config()
    gradients = plain_engine.gradients(BATCH)
    weights = {name: values.astype(np.float64) for name, values in weights_of(plain_engine).items()}
    generator, step = np.random.default_rng(1), 1e-4
    for name, values in weights.items():
        direction = generator.standard_normal(values.shape)
        ahead, behind = (
            numpy_bert.loss(weights | {name: values + sign * step * direction}, config, BATCH) for sign in (1, -1)
        )
        slope = float(np.sum(direction * gradients[name]))
        assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-3, abs=2e-6), name


def test_the_rate_applied_is_that_of_the_schedule_in_float32(plain_engine: NativeEngine) -> None:
    spec = plain_engine._spec
    for step in range(3):
        rate = learning_rate_at(
            step, peak=spec.optimizer.learning_rate, schedule=spec.schedule, total_steps=TOTAL_STEPS
        )
        assert plain_engine.train_step(BATCH).learning_rate == np.float32(rate)


def test_every_step_moves_by_its_own_rate(one_layer_folder) -> None:
    """Plain SGD shows the rate: weights move by rate times gradient, on a schedule that changes at each step."""
    engine = make_engine(
        one_layer_folder,
        model=NO_DROPOUT,
        optimizer=SGDSpec(learning_rate=0.5),
        schedule=ScheduleSpec(kind="linear", warmup_fraction=0.5),
        total_steps=4,
    )
    reported = []
    for expected in (0.25, 0.5, 0.25, 0.0):
        before, gradients = weights_of(engine), engine.gradients(BATCH)
        reported.append(engine.train_step(BATCH).learning_rate)
        for name, after in weights_of(engine).items():
            np.testing.assert_allclose(after, before[name] - expected * gradients[name], atol=1e-6)
    assert reported == [0.25, 0.5, 0.25, 0.0]


def test_three_adam_steps_on_repeated_words_equal_numpy(plain_engine: NativeEngine) -> None:
    """Every word stands several times in the batch: the second moment takes the square of the sum."""
    batch = make_batch([12, 30, 25], words=12)
    rate = plain_engine._spec.optimizer.learning_rate
    adam, expected = NumpyAdam(rate), weights_of(plain_engine)
    for _ in range(3):
        expected = adam.step(expected, plain_engine.gradients(batch))
        plain_engine.train_step(batch)
    found = weights_of(plain_engine)
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=0.01 * rate, err_msg=name)


def test_words_that_do_not_occur_stay_as_they_were(plain_engine: NativeEngine) -> None:
    before = weights_of(plain_engine)[WORD_EMBEDDINGS]
    batch = make_batch([12, 30, 25], words=12)
    for _ in range(2):
        plain_engine.train_step(batch)
    moved = (weights_of(plain_engine)[WORD_EMBEDDINGS] != before).any(axis=1)
    assert moved.tolist() == np.isin(WORDS_IN_USE, batch.token_ids).tolist()


@tensorflow_only
def test_keras_own_step_updates_repeated_words_otherwise(plain_engine: NativeEngine) -> None:
    """The same network, the same batch, Keras' Adam on what the tape gives: after one step, embeddings alone differ."""
    import keras
    import tensorflow as tf

    from bertbench.engines.native.layout import OF_LOSS
    from bertbench.engines.native.steps import weighted_loss
    from bertbench.engines.native.tensorflow_steps import _scalars, _tensors

    batch = make_batch([12, 30, 25], words=12)
    rate = plain_engine._spec.optimizer.learning_rate
    before = weights_of(plain_engine)
    plain_engine.train_step(batch)
    ours = weights_of(plain_engine)

    plain_engine.prepare(0)
    bert = plain_engine._bert
    variables = list(bert.variables.values())
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(variables)
    given = _tensors(plain_engine._lay_out(batch, training=True))
    inputs = {name: tensor for name, tensor in given.items() if name not in OF_LOSS}

    @tf.function(autograph=False)
    def keras_step() -> None:
        with tf.GradientTape() as tape:
            logits = bert.logits(**_scalars(inputs), training=True)
            loss = weighted_loss(logits, given["labels"], given["row_weights"])
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        assert any(isinstance(gradient, tf.IndexedSlices) for gradient in gradients)
        optimizer.apply(gradients, variables)

    keras_step()
    theirs = weights_of(plain_engine)
    apart = {name: float(np.abs(ours[name] - theirs[name]).max()) / rate for name in before}
    assert apart[WORD_EMBEDDINGS] > 0.1
    assert max(distance for name, distance in apart.items() if "_embeddings" not in name) < 0.01
