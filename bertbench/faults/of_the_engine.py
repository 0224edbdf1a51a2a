"""Faults inside the native engine: its weights, its network, its optimizer. They act before anything is traced.

Each is a mistake that somebody could make in the engine's own code, put in from outside, so that the engine has no code
for faults. What is skipped is multiplied by zero instead of left out: its gradients are zero, not absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from bertbench.data.draws import raw_draws
from bertbench.engines import Engine
from bertbench.errors import FaultError
from bertbench.faults.fault import Fault, Place
from bertbench.faults.patching import replaced
from bertbench.spec import AdamSpec, AdamWSpec, Spec

if TYPE_CHECKING:
    from bertbench.engines.native.bert import Bert
    from bertbench.engines.native.engine import NativeEngine

# ruff: noqa: SLF001 - a fault reaches into the engine, where nobody else may

#: Of redrawn layers, BERT's initializer_range.
_DEVIATION = 0.02
#: What Keras' layer normalization adds to the variance unless told otherwise; BERT adds 1e-12.
_KERAS_EPSILON = 1e-3


def faults_of_the_engine() -> tuple[Fault, ...]:
    """All of them."""
    return (
        _of(
            "initial-weights",
            "Draws the whole encoder anew, as if nothing had been pretrained.",
            "weights",
            _redraw(""),
        ),
        _of(
            "pooler-re-initialized",
            "Draws the pretrained pooler anew.",
            "weights",
            _redraw("pooler."),
            _refuse_fresh_pooler,
        ),
        _of("activation-changed", "Uses ReLU in the feed-forward parts.", "network", _activation("relu")),
        _of("activation-removed", "Uses no activation in the feed-forward parts.", "network", _activation("linear")),
        _of("gelu-tanh", "Approximates GELU by tanh.", "network", _activation("gelu_tanh")),
        _of(
            "layer-norm-epsilon",
            f"Adds {_KERAS_EPSILON} to the variance in layer norms.",
            "network",
            _layer_norm_epsilon,
        ),
        _of("bias-removed", "Leaves the biases out of all dense layers.", "network", _without_biases),
        _of(
            "positions-off-by-one",
            "Reads each token's position embedding from the next row.",
            "network",
            _next_position,
        ),
        _of("layer-skipped", "Leaves out the first of two or more layers.", "network", _without_first_layer),
        _of("embeddings-frozen", "Lets no gradient through to the embeddings.", "network", _frozen_embeddings),
        _of(
            "dropout-in-validation",
            "Leaves dropout on in validation.",
            "network",
            _dropout_always,
            _refuse_no_dropout,
        ),
        Fault(
            "attention-mask-ignored",
            "Attends to what fills a row up to the longest of its group as if it were words.",
            "network",
            in_force=_without_mask,
            check_spec=_native_only("attention-mask-ignored"),
        ),
        Fault(
            "loss-changed",
            "Trains on the squared error of the class probabilities instead of cross-entropy.",
            "network",
            in_force=_squared_error,
            check_spec=_native_only("loss-changed"),
        ),
        _of(
            "adam-without-bias-correction",
            "Leaves Adam's moments as they are in the first steps, when they are too small.",
            "optimizer",
            _without_bias_correction,
            _refuse_all_but_one_pass_adam,
        ),
        _of(
            "weight-decay-everywhere",
            "Decays every variable, biases and layer norms too.",
            "optimizer",
            _decay_everywhere,
            _refuse_none_or_all_decayed,
        ),
    )


def _of(
    name: str,
    does: str,
    place: Place,
    change: Callable[[NativeEngine], None],
    check: Callable[[Spec], None] = lambda _spec: None,
) -> Fault:
    def changed(engine: Engine) -> Engine:
        from bertbench.engines.native.engine import NativeEngine

        if not isinstance(engine, NativeEngine):
            raise _not_inside(name, engine.name)
        check(engine._spec)
        change(engine)
        return engine

    return Fault(name, does, place, engine=changed, check_spec=_native_only(name, check))


def _native_only(name: str, check: Callable[[Spec], None] = lambda _spec: None) -> Callable[[Spec], None]:
    """Refuses a spec of another engine, whose insides are its own, and then what *check* refuses."""

    def refusing(spec: Spec) -> None:
        if spec.engine != "native":
            raise _not_inside(name, spec.engine)
        check(spec)

    return refusing


def _not_inside(name: str, engine: str) -> FaultError:
    return FaultError(
        f"{name}: acts inside the native engine, and this run has {engine!r}",
        remedy="use a spec with engine = 'native', or another fault",
    )


# Weights


def _redraw(beginning: str) -> Callable[[NativeEngine], None]:
    """All pretrained parameters whose names begin so: kernels and tables from a normal distribution, biases zero."""

    def change(engine: NativeEngine) -> None:
        for name in [name for name in engine._pretrained if name.startswith(beginning)]:
            engine._pretrained[name] = _drawn(name, engine._pretrained[name].shape)

    return change


def _refuse_fresh_pooler(spec: Spec) -> None:
    if spec.model.pooler == "fresh":
        raise FaultError(
            f"pooler-re-initialized: {spec.name} draws the pooler anew as it is",
            remedy="use a spec with model.pooler = 'pretrained', or another fault",
        )


def _drawn(name: str, shape: tuple[int, ...]) -> Any:
    ending = name.rpartition(".")[2]
    if ending in ("bias", "shift"):
        return np.zeros(shape, np.float32)
    if ending == "scale":
        return np.ones(shape, np.float32)
    seed = int(raw_draws(0, f"fault initial-weights {name}", 0, 1)[0])
    return np.random.default_rng(seed).normal(0.0, _DEVIATION, shape).astype(np.float32)


# Network


def _activation(name: str) -> Callable[[NativeEngine], None]:
    def change(engine: NativeEngine) -> None:
        from bertbench.engines.native.operations import ACTIVATIONS

        others: dict[Any, Callable[[Any], Any]] = {**ACTIVATIONS, "linear": lambda values: values}
        if name == engine._config.activation:
            raise FaultError(f"{name} is this checkpoint's own activation", remedy="use another fault")
        engine._bert._activation = others[name]

    return change


def _layer_norm_epsilon(engine: NativeEngine) -> None:
    engine._bert._config = replace(engine._bert._config, layer_norm_eps=_KERAS_EPSILON)


def _without_biases(engine: NativeEngine) -> None:
    def wrap(cast: Callable[[str], Any]) -> Callable[[str], Any]:
        return lambda name: 0.0 * cast(name) if name.endswith(".bias") else cast(name)

    _rewire(engine, "_cast", wrap)


def _next_position(engine: NativeEngine) -> None:
    from keras import ops

    last = engine._positions - 1

    def wrap(embed: Callable[..., Any]) -> Callable[..., Any]:
        def shifted(words: Any, segments: Any, positions: Any, *, training: bool) -> Any:
            return embed(words, segments, ops.minimum(positions + 1, last), training=training)

        return shifted

    _rewire(engine, "_embed", wrap)


def _without_first_layer(engine: NativeEngine) -> None:
    if engine._config.num_hidden_layers == 1:
        raise FaultError("layer-skipped: this checkpoint has one layer only", remedy="use another fault")

    def wrap(layer: Callable[..., Any]) -> Callable[..., Any]:
        def skipping(name: str, hidden: Any, cells: Any, *, training: bool) -> Any:
            out = layer(name, hidden, cells, training=training)
            return hidden + 0.0 * out if name == "encoder.layer_0" else out

        return skipping

    _rewire(engine, "_layer", wrap)


def _frozen_embeddings(engine: NativeEngine) -> None:
    from keras import ops

    def wrap(embed: Callable[..., Any]) -> Callable[..., Any]:
        def frozen(*given: Any, training: bool) -> Any:
            hidden = embed(*given, training=training)
            return ops.stop_gradient(hidden) + 0.0 * hidden

        return frozen

    _rewire(engine, "_embed", wrap)


def _dropout_always(engine: NativeEngine) -> None:
    def wrap(logits: Callable[..., Any]) -> Callable[..., Any]:
        return lambda **inputs: logits(**{**inputs, "training": True})

    _rewire(engine, "logits", wrap)


def _refuse_no_dropout(spec: Spec) -> None:
    model = spec.model
    if (model.hidden_dropout_rate, model.attention_dropout_rate, model.classifier_dropout_rate) == (0.0, 0.0, 0.0):
        raise FaultError(
            f"dropout-in-validation: {spec.name} has no dropout", remedy="use a spec with dropout, or another fault"
        )


def _rewire(engine: NativeEngine, method: str, wrap: Callable[[Any], Any]) -> None:
    """Put *wrap* of a method of this one network in its place."""
    bert: Bert = engine._bert
    setattr(bert, method, wrap(getattr(bert, method)))


def _without_mask() -> AbstractContextManager[None]:
    from bertbench.engines.native.attention import Rectangles

    def wrap(key_bias: Callable[[Rectangles, int], Any]) -> Callable[[Rectangles, int], Any]:
        return lambda cells, group: 0.0 * key_bias(cells, group)

    return replaced(Rectangles, "_key_bias", wrap)


@contextmanager
def _squared_error() -> Iterator[None]:
    import keras
    from keras import ops

    def brier(logits: Any, labels: Any, row_weights: Any) -> Any:
        probabilities = ops.softmax(logits, axis=-1)
        truth = ops.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
        return ops.mean(ops.sum(ops.square(probabilities - truth), axis=-1) * row_weights)

    with ExitStack() as stack:
        steps = import_module(f"bertbench.engines.native.{keras.backend.backend()}_steps")
        stack.enter_context(replaced(steps, "weighted_loss", lambda _: brier))
        yield


# Optimizer


def _without_bias_correction(engine: NativeEngine) -> None:
    """The powers of both betas count as zero, so that what divides by one minus them divides by one."""
    import tensorflow as tf

    optimizer = _updating(engine)
    update_step = optimizer.update_step

    def uncorrected(gradient: Any, variable: Any, learning_rate: Any) -> None:
        optimizer._powers = tf.constant(0.0), tf.constant(0.0)
        update_step(gradient, variable, learning_rate)

    optimizer.update_step = uncorrected


def _refuse_all_but_one_pass_adam(spec: Spec) -> None:
    optimizer = spec.optimizer
    if not isinstance(optimizer, AdamSpec) or optimizer.amsgrad or spec.runtime.backend != "tensorflow":
        raise FaultError(
            "adam-without-bias-correction: needs Adam without amsgrad on the tensorflow backend",
            remedy="use another spec, or another fault",
        )


def _decay_everywhere(engine: NativeEngine) -> None:
    """As if `exclude_from_weight_decay` had been forgotten."""
    optimizer = _updating(engine)
    if all(map(optimizer._use_weight_decay, engine._bert.variables.values())):  # none has an excluded name
        raise _all_decayed(engine._spec)
    optimizer._use_weight_decay = lambda _variable: True


def _refuse_none_or_all_decayed(spec: Spec) -> None:
    optimizer = spec.optimizer
    if optimizer.weight_decay is None:
        raise FaultError(
            f"weight-decay-everywhere: {spec.name} has no weight decay",
            remedy="use a spec with optimizer.name = 'adamw', or another fault",
        )
    if not isinstance(optimizer, AdamWSpec) or not optimizer.decay_excluded:
        raise _all_decayed(spec)


def _all_decayed(spec: Spec) -> FaultError:
    return FaultError(
        f"weight-decay-everywhere: {spec.name} decays every variable as it is",
        remedy="use a spec with names in optimizer.decay_excluded, or another fault",
    )


def _updating(engine: NativeEngine) -> Any:
    """The optimizer that updates; in float16 another one, which scales the loss, is around it."""
    return getattr(engine._optimizer, "inner_optimizer", engine._optimizer)
