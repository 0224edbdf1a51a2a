"""A process that runs the small benchmark with transformers-torch engines that do something else than the spec says."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from peer_process import judged, refused

from bertbench.spec import AdamSpec, AdamWSpec, SGDSpec, TrainingSpec

ENGINE = "transformers-torch"
#: Specs that the engine cannot do, by the field that it must name.
IMPOSSIBLE = {
    "optimizer.use_ema": {"optimizer": AdamSpec(use_ema=True)},
    "optimizer.loss_scale_factor": {"optimizer": SGDSpec(loss_scale_factor=2.0)},
    "optimizer.gradient_accumulation_steps": {"optimizer": AdamWSpec(gradient_accumulation_steps=2)},
    "optimizer.weight_decay": {"optimizer": AdamSpec(weight_decay=0.01)},
    "training.precision": {"training": TrainingSpec(precision="mixed_float16")},
}


def epsilon(engine: Any) -> None:
    engine._optimizer.param_groups[0]["eps"] = 1e-3


def second_beta(engine: Any) -> None:
    engine._optimizer.param_groups[0]["betas"] = (0.9, 0.99)


def weight_decay(engine: Any) -> None:
    engine._optimizer.param_groups[0]["weight_decay"] = 0.01


def weight_decay_of_one(engine: Any) -> None:
    _decay_apart(engine, "classifier.weight", 0.01)


def two_weight_decays(engine: Any) -> None:
    weight_decay(engine)
    _decay_apart(engine, "classifier.weight", 0.02)


def _decay_apart(engine: Any, name: str, value: float) -> None:
    """A group of parameters of its own for one of them."""
    (group, *_) = engine._optimizer.param_groups
    alone = engine._parameters[name]
    group["params"] = [parameter for parameter in group["params"] if parameter is not alone]
    engine._optimizer.param_groups.append({**group, "params": [alone], "weight_decay": value})


def learning_rate(engine: Any) -> None:
    step = engine._optimizer.step

    def twice() -> None:
        for group in engine._optimizer.param_groups:
            group["lr"] *= 2
        step()

    engine._optimizer.step = twice


def clipping(engine: Any) -> None:
    from bertbench.engines.transformers_torch.updates import Clipping

    engine._clipping = Clipping(clipnorm=None, clipvalue=None, global_clipnorm=1.0)


def dropout_rate(engine: Any) -> None:
    engine._network.dropout.p = 0.5


def attention_dropout_rate(engine: Any) -> None:
    engine._network.bert.encoder.layer[1].attention.self.dropout.p = 0.0


def no_dropout_in_training(engine: Any) -> None:
    engine._network.train = lambda mode=True: type(engine._network).train(engine._network, mode=False)


def dropout_in_validation(engine: Any) -> None:
    engine._network.eval = engine._network.train


def dropout_seed(engine: Any) -> None:
    import torch

    begin = engine._live.begin
    engine._live.begin = lambda values, *, seed: (begin(values, seed=seed), torch.manual_seed(1))


def pretrained_weights(engine: Any) -> None:
    engine._pretrained["bert.encoder.layer.0.output.dense.weight"] += 1e-3


def head(engine: Any) -> None:
    shapes = engine._fresh
    engine._fresh = {}
    engine._pretrained["classifier.weight"].normal_()
    assert shapes


def precision(engine: Any) -> None:
    import torch

    engine._autocast = torch.autocast("cpu", dtype=torch.bfloat16)


def activation(engine: Any) -> None:
    import torch

    engine._network.bert.encoder.layer[0].intermediate.intermediate_act_fn = torch.nn.ReLU()


def layer_norm_epsilon(engine: Any) -> None:
    engine._network.bert.encoder.layer[0].output.LayerNorm.eps = 1e-5


def frozen_embeddings(engine: Any) -> None:
    engine._network.bert.embeddings.word_embeddings.weight.requires_grad_(False)


CHANGES = {
    change.__name__: change
    for change in (
        epsilon,
        second_beta,
        weight_decay,
        weight_decay_of_one,
        two_weight_decays,
        learning_rate,
        clipping,
        dropout_rate,
        attention_dropout_rate,
        no_dropout_in_training,
        dropout_in_validation,
        dropout_seed,
        pretrained_weights,
        head,
        precision,
        activation,
        layer_norm_epsilon,
        frozen_embeddings,
    )
}

if __name__ == "__main__":
    place = Path(sys.argv[1])
    answer = {"judged": judged(place, ENGINE, CHANGES), "refused": refused(place, ENGINE, IMPOSSIBLE)}
    print(json.dumps(answer))  # noqa: T201 - the answer
