"""Factories as a user might write them; `python:own_models:<name>` names one."""

from __future__ import annotations

from typing import Any

import numpy as np

CALLS: list[str] = []


def build(task: Any) -> Any:
    """Embedding, dropout, mean, chances."""
    import keras

    CALLS.append("build")
    ids = keras.Input((None,), dtype="int32", name="input_ids")
    mask = keras.Input((None,), dtype="int32", name="attention_mask")
    hidden = keras.layers.Embedding(400, 16)(ids)
    hidden = keras.layers.Dropout(0.2)(hidden)
    hidden = keras.layers.GlobalAveragePooling1D()(hidden, mask=keras.ops.cast(mask, "bool"))
    chances = keras.layers.Dense(len(task.label_names), activation="softmax")(hidden)
    model = keras.Model([ids, mask], chances)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build_decaying(task: Any, *spared: str) -> Any:
    """With a layer norm; decays all but the variables whose names have one of *spared* in them."""
    import keras

    ids = keras.Input((None,), dtype="int32", name="ids")
    hidden = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(400, 16)(ids))
    hidden = keras.layers.LayerNormalization()(hidden)
    model = keras.Model(ids, keras.layers.Dense(len(task.label_names), activation="softmax")(hidden))
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.1)
    if spared:
        optimizer.exclude_from_weight_decay(var_names=list(spared))
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def build_sparing(task: Any) -> Any:
    return build_decaying(task, "bias", "gamma", "beta")


def build_with_schedule(task: Any) -> Any:
    import keras

    model = build(task)
    rate = keras.optimizers.schedules.PolynomialDecay(0.01, 6, end_learning_rate=0.0)
    model.compile(keras.optimizers.RMSprop(rate), "sparse_categorical_crossentropy")
    return model


def build_subclass(task: Any) -> Any:
    """Makes its variables when it is called, says nothing of its inputs, gives logits, and has a loss of its own."""
    import keras

    class Bag(keras.Model):
        def __init__(self, classes: int) -> None:
            super().__init__()
            self.scores = keras.layers.Dense(classes)

        def call(self, inputs: Any) -> Any:
            return self.scores(inputs)

    def counts(parts: Any) -> Any:
        words = np.eye(400, dtype=np.float32)[parts["token_ids"]]
        return (words * parts["padding_mask"][..., None]).sum(axis=1)

    def loss(labels: Any, scores: Any) -> Any:
        return keras.losses.sparse_categorical_crossentropy(labels, scores, from_logits=True)

    loss.from_logits = True  # type: ignore[attr-defined]
    model = Bag(len(task.label_names))
    model.compile(keras.optimizers.SGD(0.1), loss)
    return model, counts


def build_says_nothing(task: Any) -> Any:
    """A loss of its own, and a last layer of which nobody knows what it gives."""
    import keras

    def loss(labels: Any, scores: Any) -> Any:
        return keras.losses.sparse_categorical_crossentropy(labels, scores, from_logits=True)

    ids = keras.Input((None,), dtype="int32", name="ids")
    hidden = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(400, 4)(ids))
    scores = keras.layers.Dense(len(task.label_names), activation="relu")(hidden)
    model = keras.Model(ids, scores)
    model.compile("adam", loss)
    return model


def build_drops_in_validation(task: Any) -> Any:
    """A layer that drops whatever it is told."""
    import keras

    class Restless(keras.layers.Dropout):
        def call(self, inputs: Any, training: bool = False) -> Any:
            return super().call(inputs, training=True)

    ids = keras.Input((None,), dtype="int32", name="ids")
    hidden = Restless(0.2, name="restless")(keras.layers.Embedding(400, 16)(ids))
    hidden = keras.layers.GlobalAveragePooling1D()(hidden)
    model = keras.Model(ids, keras.layers.Dense(len(task.label_names), activation="softmax")(hidden))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


def build_uncompiled(task: Any) -> Any:
    import keras

    ids = keras.Input((None,), dtype="int32", name="ids")
    hidden = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(400, 4)(ids))
    return keras.Model(ids, keras.layers.Dense(len(task.label_names))(hidden))


def build_too_narrow(task: Any) -> Any:
    model = build_uncompiled(type("Task", (), {"label_names": task.label_names[1:] * 4}))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def build_breaks_in_training(task: Any) -> Any:
    model = build(task)

    def loss(labels: Any, _scores: Any) -> Any:
        raise ValueError(f"no loss for labels of rank {len(labels.shape)}")

    model.compile("adam", loss)
    return model


def build_nothing() -> dict[str, int]:
    return {"model": 1}


class HalfAnEngine:
    """Has some of the methods."""

    name = "half"

    def prepare(self, seed: int) -> None: ...

    def train_step(self, batch: Any) -> None: ...


def build_half_an_engine() -> HalfAnEngine:
    return HalfAnEngine()


class WholeEngine(HalfAnEngine):
    """Has all of them, and says of itself what it likes."""

    def trace(self, train: Any, validation: Any) -> None: ...

    def logits(self, batch: Any) -> None: ...

    def recipe(self) -> dict[str, Any]:
        return {"backend": "tensorflow", "factory": "mine"}

    def weights(self) -> None: ...

    def state(self) -> None: ...

    def restore(self, state: Any) -> None: ...

    def matmul_seconds(self, size: int) -> None: ...

    def flops(self, batch: Any) -> None: ...

    def save(self, folder: Any) -> None: ...


def build_an_engine() -> WholeEngine:
    return WholeEngine()
