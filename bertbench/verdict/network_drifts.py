"""The part of the recipe lock that is about the network: architecture, weights before the first step, dropout."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bertbench.checkpoints import BertConfig
from bertbench.checkpoints.config import ACTIVATIONS, Activation
from bertbench.engines.fresh_layers import prescribed_digests
from bertbench.record import DataFacts, RunRecord, SeedRun
from bertbench.seeds import operation_seed
from bertbench.verdict.drifts import Drift, held, not_recorded, unless_not_held
from bertbench.verdict.identity import network_order

#: Of the activation's values, which are float32 near 1: what rounding can do, and a hundredth of what GELU's
#: approximation by tanh does.
_ACTIVATION_TOLERANCE = 5e-6
#: Below this rate two dropout masks may well be equal by chance, and so the losses under them.
_FELT_RATE = 0.01
#: A step of this length moves a weight of the order of 1, of which float32 knows 6e-8.
_FELT_LEARNING_RATE = 1e-6
#: Where each layer of BERT drops.
_DROPPING_PARTS = ("attention.probabilities", "attention.output", "feed_forward.output")
#: As the engine counts them and `config.json` names them.
_NUMBERS = (
    "num_hidden_layers",
    "num_attention_heads",
    "hidden_size",
    "intermediate_size",
    "type_vocab_size",
    "layer_norm_eps",
)


def network_drifts(record: RunRecord, run: SeedRun) -> Iterator[Drift]:
    """What drifted or is not recorded, the first things first."""
    config = dict(record.checkpoint.config) if record.checkpoint is not None else {}
    live: dict[str, Any] = dict(run.live_recipe)
    yield from unless_not_held(live, "architecture", lambda: _architecture(config, live))
    yield from unless_not_held(live, "parameters", lambda: _parameters(record, config, live))
    yield from unless_not_held(live, "weights", lambda: _weights(run))
    yield from unless_not_held(live, "drawn_weights", lambda: _drawn_weights(record, config, run))
    yield from unless_not_held(live, "movement", lambda: _movement(record, run))
    yield from unless_not_held(live, "dropout_rates", lambda: _dropout_rates(record, config, live))
    yield from unless_not_held(live, "dropout_seen", lambda: _dropout_seen(record, run))
    yield from unless_not_held(live, "dropout_states", lambda: _dropout_states(run))


# Architecture


def _architecture(config: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Drift]:
    """Numbers of the checkpoint's `config.json`, and the activation by its values."""
    network = live.get("network")
    if not config or network is None:
        yield not_recorded("architecture")
        return
    for name in _NUMBERS:
        yield from held(name, config.get(name), network.get(name), by="the checkpoint")
    activation = ACTIVATIONS[config["hidden_act"]]
    points, values = network["activation_points"], network["activation_values"]
    for point, value in zip(points, values, strict=True):
        wanted = _FORMULAS[activation](point)
        if not abs(value - wanted) <= _ACTIVATION_TOLERANCE * max(abs(wanted), 1.0):
            yield Drift(f"activation at {point}: {wanted:.6f} by {activation} of the checkpoint, {value:.6f} live")
            return


#: Written out here: the engine's own would agree with itself.
_FORMULAS: dict[Activation, Callable[[float], float]] = {
    "gelu": lambda x: x * 0.5 * (1.0 + math.erf(x / math.sqrt(2.0))),
    "gelu_tanh": lambda x: 0.5 * x * (1.0 + math.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: max(x, 0.0),
    "silu": lambda x: x / (1.0 + math.exp(-x)),
    "tanh": math.tanh,
}


def _parameters(record: RunRecord, config: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Drift]:
    """Rows of the tables of embeddings, and the number of trainable parameters."""
    data, tables = record.data, live.get("embedding_rows")
    if data is None or data.words_in_use is None or data.longest_row_tokens is None or tables is None or not config:
        yield not_recorded("number of parameters")
        return
    rows = {
        "word": (data.words_in_use, config["vocab_size"]),
        "position": (data.longest_row_tokens, config["max_position_embeddings"]),
    }
    always_whole = live.get("embedding_tables") == "whole"  # so engines other than native keep them
    decays = record.spec.optimizer.weight_decay is not None  # then whole tables may take part
    for table, (in_use, whole) in rows.items():
        if always_whole:
            yield from held(f"rows of the {table} embeddings", whole, tables.get(table), by="the checkpoint")
        elif not (decays and tables.get(table) == whole):
            yield from held(f"rows of the {table} embeddings", in_use, tables.get(table), by="the data")
    wanted = _count(config, tables, data)
    yield from held("trainable parameters", wanted, live.get("parameters"), by="the checkpoint")


def _count(config: Mapping[str, Any], tables: Mapping[str, int], data: DataFacts) -> int:
    """Weights and biases of a BERT for classification whose tables have so many rows."""
    width, wide, classes = config["hidden_size"], config["intermediate_size"], len(data.label_names)
    norm = 2 * width
    layer = 4 * (width * width + width) + (width * wide + wide) + (wide * width + width) + 2 * norm
    embeddings = (tables["word"] + tables["position"] + config["type_vocab_size"]) * width + norm
    head = (width * width + width) + (width * classes + classes)
    return int(embeddings + config["num_hidden_layers"] * layer + head)


# Weights before the first step


def _weights(run: SeedRun) -> Iterator[Drift]:
    """Pretrained ones against the checkpoint's file."""
    seen = run.evidence
    if seen is None or seen.weights_before is None:
        yield not_recorded("weights before the first step")
    elif seen.weights_before != seen.weights_prescribed or seen.weights_differing:
        names = ", ".join(seen.weights_differing) or "other variables"
        yield Drift(
            f"weights before the first step: {seen.weights_prescribed!r} by the checkpoint's file, "
            f"{seen.weights_before!r} live; first {names}"
        )


def _drawn_weights(record: RunRecord, config: Mapping[str, Any], run: SeedRun) -> Iterator[Drift]:
    """Fresh layers against what the run's seed and the spec's standard deviation give, drawn here once more."""
    live, model, data = dict(run.live_recipe), record.spec.model, record.data
    drawn = live.get("drawn_weights")
    if drawn is None or not config or data is None:
        yield not_recorded("drawn weights")
        return
    wanted = prescribed_digests(model, BertConfig(**config), labels=len(data.label_names), seed=run.seed)
    layers, found = (sorted({name.rpartition(".")[0] for name in names}) for names in (wanted, drawn))
    yield from held("drawn layers", layers, found)
    yield from held("seed of the drawn layers", run.seed, live.get("seed"))
    for name in (name for name in drawn if name in wanted):
        yield from _drawn(name, wanted[name], drawn[name], deviation=model.head_standard_deviation)


def _drawn(name: str, wanted: str, found: Mapping[str, Any], *, deviation: float) -> Iterator[Drift]:
    """A digest says that values differ; their standard deviation says whether they were drawn wider."""
    if found["live"] == wanted:
        return
    spread = found.get("standard_deviation")
    theirs = "" if spread is None else f", of standard deviation {spread:.4g}"
    ours = f"model.head_standard_deviation = {deviation!r}" if name.endswith(".kernel") else "zeros"
    yield Drift(f"{name} before the first step: {wanted!r} by the seed and {ours}, {found['live']!r} live{theirs}")


def _movement(record: RunRecord, run: SeedRun) -> Iterator[Drift]:
    """Training moves every pretrained weight, but for keys' biases, whose gradient is zero by symmetry of softmax.

    Under plain gradient descent a gradient may be too small to move a bias or a layer norm in float32, so matrices
    alone are held; Adam's steps are as long as the learning rate, whatever the gradient.
    """
    if run.evidence is None or run.evidence.weights_unmoved is None:
        yield not_recorded("movement of the weights")
        return
    updates = len(run.steps.loss) // (record.spec.optimizer.gradient_accumulation_steps or 1)
    if not updates or not max(run.steps.learning_rate, default=0.0) >= _FELT_LEARNING_RATE:
        return
    names = sorted(run.evidence.weights_unmoved, key=network_order)
    if record.spec.optimizer.name == "sgd":
        names = [name for name in names if name.endswith(".weight") and "LayerNorm" not in name]
    if still := [name for name in names if not name.endswith(".self.key.bias")]:
        yield Drift(f"weights that training left as they were: none by the spec, {len(still)} live; first {still[0]}")


# Dropout


def _dropout_rates(record: RunRecord, config: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Drift]:
    """Of every operation; where the spec gives none, the checkpoint's own."""
    wanted = _prescribed_rates(record, config)
    if (rates := live.get("dropout_rates")) is None:  # told with what was seen of dropout
        return
    for name in _places_of_dropout(config):
        prescribed, by = wanted[_kind(name, wanted)]
        if prescribed and name not in rates:
            told = f"dropout rate of {name}: {prescribed} by {by}, no such dropout live"
            yield Drift(told, one_of="dropout rates")
    for name, rate in rates.items():
        prescribed, by = wanted[_kind(name, wanted)]
        if prescribed is not None:
            yield from held(f"dropout rate of {name}", prescribed, rate, by=by, one_of="dropout rates")


def _places_of_dropout(config: Mapping[str, Any]) -> Iterator[str]:
    """Where BERT drops."""
    yield "embeddings"
    for number in range(config.get("num_hidden_layers", 0)):
        yield from (f"encoder.layer_{number}.{part}" for part in _DROPPING_PARTS)
    yield "classifier"


def _kind(name: str, wanted: Mapping[str, Any]) -> str:
    """The first ending of *wanted* that the operation's name has."""
    return next(ending for ending in wanted if name.endswith(ending))


def _prescribed_rates(record: RunRecord, config: Mapping[str, Any]) -> dict[str, tuple[float | None, str]]:
    """By the ending of an operation's name: its rate, and who says so."""
    model = record.spec.model
    hidden = _first((model.hidden_dropout_rate, "the spec"), (config.get("hidden_dropout_prob"), "the checkpoint"))
    attention = (config.get("attention_probs_dropout_prob"), "the checkpoint")
    classifier = (config.get("classifier_dropout"), "the checkpoint")
    return {
        "attention.probabilities": _first((model.attention_dropout_rate, "the spec"), attention),
        "classifier": _first((model.classifier_dropout_rate, "the spec"), classifier, hidden),
        "": hidden,
    }


def _first(*rates: tuple[float | None, str]) -> tuple[float | None, str]:
    return next((rate for rate in rates if rate[0] is not None), rates[-1])


def _dropout_seen(record: RunRecord, run: SeedRun) -> Iterator[Drift]:
    """Active in training, with its own seeds, and at rest in inference."""
    live = dict(run.live_recipe)
    rates, seen = (live.get(name) for name in ("dropout_rates", "dropout_seen"))
    if rates is None or not seen:
        yield not_recorded("dropout in training and validation")
        return
    active = sorted(name for name, rate in rates.items() if rate)
    in_training = seen["in_training"]
    yield from unless_not_held(
        live, "dropout_in_training", lambda: held("operations that drop in training", active, in_training)
    )
    yield from held("operations that drop in validation", [], seen["in_inference"])
    if record.spec.runtime.deterministic:
        yield from held("validation is the same twice", True, seen["inference_repeats"])
        if not active or max(rates.values()) >= _FELT_RATE:
            yield from held("train loss follows the dropout seed", bool(active), seen["loss_follows_seed"])


def _dropout_states(run: SeedRun) -> Iterator[Drift]:
    """Every operation begins with its own seed and no draw."""
    states = dict(run.live_recipe).get("dropout_states")
    if states is None:
        yield not_recorded("seeds of dropout")
        return
    for name, state in states.items():
        wanted = [operation_seed(run.seed, f"{name}.dropout"), 0]
        what = f"seed and draws of the dropout {name} before the first step"
        yield from held(what, wanted, state, by="the seed", one_of="seeds of dropout")
