"""A process that runs the small benchmark with transformers-tf engines that do something else than the spec says."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from peer_process import judged, refused

from bertbench.spec import AdamSpec, AdamWSpec, SGDSpec, TrainingSpec

ENGINE = "transformers-tf"
#: Specs that the engine cannot do, by the field that it must name.
IMPOSSIBLE = {
    "optimizer.use_ema": {"optimizer": AdamSpec(use_ema=True)},
    "optimizer.loss_scale_factor": {"optimizer": SGDSpec(loss_scale_factor=2.0)},
    "optimizer.gradient_accumulation_steps": {"optimizer": AdamWSpec(gradient_accumulation_steps=2)},
    "training.precision": {"training": TrainingSpec(precision="mixed_bfloat16")},
}


def epsilon(engine: Any) -> None:
    engine._network.optimizer.epsilon = 1e-3


def second_beta(engine: Any) -> None:
    engine._network.optimizer.beta_2 = 0.99


def weight_decay(engine: Any) -> None:
    engine._network.optimizer.weight_decay = 0.01


def learning_rate(engine: Any) -> None:
    step = engine._stepper.step
    engine._stepper.step = lambda *given, learning_rate: step(*given, learning_rate=2 * learning_rate)


def clipping(engine: Any) -> None:
    engine._network.optimizer.global_clipnorm = 1.0


def dropout_rate(engine: Any) -> None:
    engine._network.dropout.rate = 0.5


def no_attention_dropout(engine: Any) -> None:
    dropout = engine._network.bert.encoder.layer[0].attention.self_attention.dropout
    dropout.call = lambda inputs, training=None: inputs


def dropout_seed(engine: Any) -> None:
    begin = engine._live.begin
    engine._live.begin = lambda values, seeds: begin(values, dict.fromkeys(seeds, 1))


def pretrained_weights(engine: Any) -> None:
    engine._pretrained["bert.encoder.layer.0.output.dense.weight"] += 1e-3


def head(engine: Any) -> None:
    import numpy as np

    shape = engine._fresh.pop("classifier.kernel")
    engine._pretrained["classifier.weight"] = np.full(shape[::-1], 0.01, np.float32)


def activation(engine: Any) -> None:
    import tensorflow as tf

    for layer in engine._network.bert.encoder.layer:
        layer.intermediate.intermediate_act_fn = tf.nn.relu


def layer_norm_epsilon(engine: Any) -> None:
    engine._network.bert.encoder.layer[0].bert_output.LayerNorm.epsilon = 1e-5


def frozen_embeddings(engine: Any) -> None:
    engine._network.bert.embeddings.trainable = False


CHANGES = {
    change.__name__: change
    for change in (
        epsilon,
        second_beta,
        weight_decay,
        learning_rate,
        clipping,
        dropout_rate,
        no_attention_dropout,
        dropout_seed,
        pretrained_weights,
        head,
        activation,
        layer_norm_epsilon,
        frozen_embeddings,
    )
}

if __name__ == "__main__":
    place = Path(sys.argv[1])
    answer = {"judged": judged(place, ENGINE, CHANGES), "refused": refused(place, ENGINE, IMPOSSIBLE)}
    print(json.dumps(answer))  # noqa: T201 - the answer
