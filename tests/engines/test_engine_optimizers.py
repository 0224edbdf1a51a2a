"""Every optimizer of the spec against a few lines of NumPy, on two small variables and given gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine_backends import host, tensorflow_only
from engine_examples import NumpyAdam, norm_of
from numpy.typing import NDArray

from bertbench.spec import AdamSpec, AdamWSpec, OptimizerSpec, SGDSpec

WEIGHT, BIAS = "encoder.layer_0.feed_forward.inner.weight", "encoder.layer_0.feed_forward.inner.bias"
RATE, STEPS = 0.1, 3
Arrays = dict[str, NDArray[Any]]


def beginning() -> Arrays:
    generator = np.random.default_rng(0)
    return {WEIGHT: generator.standard_normal((3, 2)).astype(np.float32), BIAS: np.array([0.5, -0.5], np.float32)}


def given_gradients(steps: int = STEPS) -> list[Arrays]:
    """Of falling size, so that AMSGrad's maximum differs from the moment of the day."""
    generator = np.random.default_rng(1)
    return [
        {
            name: (generator.standard_normal(values.shape) / 10**step).astype(np.float32)
            for name, values in beginning().items()
        }
        for step in range(steps)
    ]


def updated(spec: OptimizerSpec, *, steps: int = STEPS, averaged: bool = False) -> list[Arrays]:
    """Variables after each step of the engine's optimizer."""
    import keras

    from bertbench.engines.native.optimizers import create_optimizer

    variables = {name: keras.Variable(values, name=name) for name, values in beginning().items()}
    optimizer = create_optimizer(spec, list(variables.values()), precision="float32")
    after = []
    for gradients in given_gradients(steps):
        scale = float(optimizer.scale_loss(1.0))
        scaled = [keras.ops.convert_to_tensor(values * np.float32(scale)) for values in gradients.values()]
        optimizer.apply(scaled, list(variables.values()))
        after.append({name: host(variable.value) for name, variable in variables.items()})
    if averaged:
        optimizer.finalize_variable_values(list(variables.values()))
        after.append({name: host(variable.value) for name, variable in variables.items()})
    return after


def assert_same(found: Arrays, expected: Arrays) -> None:
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=2e-5, atol=2e-6, err_msg=name)


def adam_in_numpy(
    change: Callable[[Arrays], Arrays] = lambda gradients: gradients, decayed: tuple[str, ...] = (), decay: float = 0.0
) -> Arrays:
    """Adam after `STEPS` steps, each gradient put through *change*, the variables *decayed* before each update."""
    adam, values = NumpyAdam(RATE), beginning()
    for gradients in given_gradients():
        shrunk = {name: v * (1 - RATE * decay) if name in decayed else v for name, v in values.items()}
        values = adam.step(shrunk, change(gradients))
    return values


def clipped_by_value(limit: float) -> Callable[[Arrays], Arrays]:
    return lambda gradients: {name: np.clip(g, -limit, limit) for name, g in gradients.items()}


def clipped_by_norm(limit: float) -> Callable[[Arrays], Arrays]:
    return lambda gradients: {name: g * min(1.0, limit / np.linalg.norm(g)) for name, g in gradients.items()}


def clipped_by_global_norm(limit: float) -> Callable[[Arrays], Arrays]:
    return lambda gradients: {name: g * min(1.0, limit / norm_of(gradients)) for name, g in gradients.items()}


ADAM_KINDS: dict[str, tuple[OptimizerSpec, Arrays]] = {
    "adam": (AdamSpec(learning_rate=RATE), adam_in_numpy()),
    "clipvalue": (AdamSpec(learning_rate=RATE, clipvalue=0.05), adam_in_numpy(clipped_by_value(0.05))),
    "clipnorm": (AdamSpec(learning_rate=RATE, clipnorm=0.2), adam_in_numpy(clipped_by_norm(0.2))),
    "global_clipnorm": (
        AdamSpec(learning_rate=RATE, global_clipnorm=0.2),
        adam_in_numpy(clipped_by_global_norm(0.2)),
    ),
    "adam with weight decay, on all": (
        AdamSpec(learning_rate=RATE, weight_decay=0.5),
        adam_in_numpy(decayed=(WEIGHT, BIAS), decay=0.5),
    ),
    "adamw, not on biases": (
        AdamWSpec(learning_rate=RATE, weight_decay=0.5),
        adam_in_numpy(decayed=(WEIGHT,), decay=0.5),
    ),
    "adamw, nothing excluded": (
        AdamWSpec(learning_rate=RATE, weight_decay=0.5, decay_excluded=()),
        adam_in_numpy(decayed=(WEIGHT, BIAS), decay=0.5),
    ),
    "adamw, weights excluded": (
        AdamWSpec(learning_rate=RATE, weight_decay=0.5, decay_excluded=("weight",)),
        adam_in_numpy(decayed=(BIAS,), decay=0.5),
    ),
    "loss_scale_factor changes nothing": (AdamSpec(learning_rate=RATE, loss_scale_factor=1024.0), adam_in_numpy()),
}


@pytest.mark.parametrize("kind", ADAM_KINDS)
def test_adam_equals_numpy(kind: str) -> None:
    spec, expected = ADAM_KINDS[kind]
    assert_same(updated(spec)[-1], expected)


@pytest.mark.parametrize("kind", [kind for kind in ADAM_KINDS if kind != "adam" and "nothing" not in kind])
def test_every_variant_of_adam_shows(kind: str) -> None:
    spec, _ = ADAM_KINDS[kind]
    plain = updated(AdamSpec(learning_rate=RATE))[-1]
    assert max(np.abs(updated(spec)[-1][name] - plain[name]).max() for name in plain) > 1e-4


@pytest.mark.parametrize("changed", [{"beta_1": 0.5}, {"beta_2": 0.9}, {"epsilon": 1e-2}])
def test_the_numbers_of_adam_are_the_specs(changed: dict[str, float]) -> None:
    adam, expected = NumpyAdam(RATE, **changed), beginning()
    for gradients in given_gradients():
        expected = adam.step(expected, gradients)
    assert_same(updated(AdamSpec(learning_rate=RATE, **changed))[-1], expected)


def test_adam_in_one_pass_is_keras_adam() -> None:
    import keras

    variables = {name: keras.Variable(values, name=name) for name, values in beginning().items()}
    optimizer = keras.optimizers.Adam(RATE)
    for gradients in given_gradients():
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients.values()], list(variables.values()))
    assert_same(updated(AdamSpec(learning_rate=RATE))[-1], {n: host(v.value) for n, v in variables.items()})


def test_amsgrad_keeps_the_largest_second_moment() -> None:
    mean, square, largest, values = 0.0, 0.0, 0.0, beginning()[WEIGHT]
    for step, gradients in enumerate(given_gradients(), start=1):
        gradient = gradients[WEIGHT].astype(np.float64)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.5 * square + 0.5 * gradient**2
        largest = np.maximum(largest, square)
        rate = RATE * np.sqrt(1 - 0.5**step) / (1 - 0.9**step)
        values = values - rate * mean / (np.sqrt(largest) + 1e-7)
    found = updated(AdamSpec(learning_rate=RATE, amsgrad=True, beta_2=0.5))[-1][WEIGHT]
    np.testing.assert_allclose(found, values, rtol=2e-5, atol=2e-6)
    assert np.abs(updated(AdamSpec(learning_rate=RATE, beta_2=0.5))[-1][WEIGHT] - found).max() > 1e-4


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_sgd_equals_numpy(momentum: float, nesterov: bool) -> None:
    velocity: Any = 0.0
    values = beginning()[WEIGHT].astype(np.float64)
    for gradients in given_gradients():
        velocity = momentum * velocity - RATE * gradients[WEIGHT]
        values = values + (momentum * velocity - RATE * gradients[WEIGHT] if nesterov else velocity)
    found = updated(SGDSpec(learning_rate=RATE, momentum=momentum, nesterov=nesterov))[-1][WEIGHT]
    np.testing.assert_allclose(found, values, rtol=2e-5, atol=2e-6)


def test_the_moving_average_is_shown_at_the_end_only() -> None:
    plain = updated(SGDSpec(learning_rate=RATE))
    *training, shown = updated(SGDSpec(learning_rate=RATE, use_ema=True, ema_momentum=0.7), averaged=True)
    average = plain[0]  # it begins with the first values after a step
    for values in plain[1:]:
        average = {name: 0.7 * average[name] + 0.3 * values[name] for name in values}
    for found, expected in zip(training, plain, strict=True):
        assert_same(found, expected)
    assert_same(shown, average)
    assert np.abs(shown[WEIGHT] - plain[-1][WEIGHT]).max() > 1e-3


def test_the_average_overwrites_the_weights_every_second_step() -> None:
    found = updated(SGDSpec(learning_rate=RATE, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=2), steps=3)
    values = beginning()
    steps: list[Arrays] = []
    average: Arrays = {}
    for step, gradients in enumerate(given_gradients(3)):
        values = {name: values[name] - RATE * gradients[name] for name in values}
        average = {name: 0.7 * average[name] + 0.3 * values[name] for name in values} if step else values
        if step % 2:
            values = average
        steps.append(values)
    for after, expected in zip(found, steps, strict=True):
        assert_same(after, expected)


@pytest.mark.parametrize("spec", [SGDSpec, AdamSpec])
def test_accumulation_updates_with_the_mean_of_batches(spec: type) -> None:
    found = updated(spec(learning_rate=RATE, gradient_accumulation_steps=2), steps=4)
    gradients = given_gradients(4)
    means = [{n: (gradients[k][n] + gradients[k + 1][n]) / 2 for n in gradients[k]} for k in (0, 2)]
    adam, values = NumpyAdam(RATE), beginning()
    assert_same(found[0], values)
    for number, mean in enumerate(means):
        values = adam.step(values, mean) if spec is AdamSpec else {n: values[n] - RATE * mean[n] for n in values}
        assert_same(found[2 * number + 1], values)
    assert_same(found[2], found[1])


@tensorflow_only
def test_keras_own_adam_squares_the_rows_of_repeated_words_one_by_one() -> None:
    """Why gradients are made dense before Adam sees them: v takes 1 + 4 + 16 where 7 * 7 is meant."""
    import keras
    import tensorflow as tf

    from bertbench.engines.native.optimizers import create_optimizer

    def trained(*, dense: bool) -> float:
        table = keras.Variable(np.ones((2, 1), np.float32), name="table")
        spec = AdamSpec(learning_rate=RATE)
        optimizer = create_optimizer(spec, [table], precision="float32") if dense else keras.optimizers.Adam(RATE)
        for _ in range(3):
            with tf.GradientTape() as tape:
                words = tf.gather(table.value, [0, 0, 0])
                loss = tf.reduce_sum(words * tf.constant([[1.0], [2.0], [4.0]]))
            gradient = tape.gradient(loss, table.value)
            assert isinstance(gradient, tf.IndexedSlices)
            optimizer.apply([tf.convert_to_tensor(gradient) if dense else gradient], [table])
        assert table.numpy()[1, 0] == 1.0
        return float(table.numpy()[0, 0])

    adam, values = NumpyAdam(RATE), {"table": np.ones(1)}
    for _ in range(3):
        values = adam.step(values, {"table": np.array([7.0])})
    assert values["table"][0] == pytest.approx(0.7, abs=1e-6)
    assert trained(dense=True) == pytest.approx(0.7, abs=1e-6)
    assert trained(dense=False) == pytest.approx(1 - 0.3 * 7 / np.sqrt(21), abs=1e-5)  # 0.542


@tensorflow_only
@pytest.mark.parametrize("clipping", [{"clipnorm": 1.0}, {"global_clipnorm": 1.0}, {"clipvalue": 1.5}])
def test_keras_own_clipping_sees_repeated_words_one_by_one(clipping: dict[str, float]) -> None:
    """Rows 1, 2, 4 of one word sum to 7; clipped before they are added, they come to something else."""
    import keras
    import tensorflow as tf

    from bertbench.engines.native.optimizers import create_optimizer

    def moved(*, dense: bool) -> float:
        table = keras.Variable(np.zeros((1, 1), np.float32), name="table")
        own = create_optimizer(SGDSpec(learning_rate=1.0, **clipping), [table], precision="float32")
        optimizer = own if dense else keras.optimizers.SGD(1.0, **clipping)
        rows = tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([0, 0, 0]), tf.constant([1, 1]))
        optimizer.apply([tf.convert_to_tensor(rows) if dense else rows], [table])
        return -float(table.numpy()[0, 0])

    limit = next(iter(clipping.values()))
    assert moved(dense=True) == pytest.approx(limit)
    assert moved(dense=False) > 1.2 * limit
