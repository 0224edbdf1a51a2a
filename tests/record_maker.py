"""Records made by hand: real shapes, made-up numbers that a test can compute again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from bertbench.checkpoints import BertConfig
from bertbench.data import row_order
from bertbench.engines.fresh_layers import prescribed_digests
from bertbench.engines.weight_decay import decayed_tensors
from bertbench.evidence import order_sha256
from bertbench.record import (
    CheckpointFacts,
    DataFacts,
    Digests,
    EnvironmentFacts,
    EpochRow,
    Evidence,
    Failure,
    FindingRow,
    ProcessFacts,
    Quality,
    RunRecord,
    SeedRun,
    StepSeries,
    Utilization,
)
from bertbench.seeds import operation_seed
from bertbench.spec import Spec, build_spec, spec_fingerprint

STARTED = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
#: Random operations of a BERT of one layer.
DROPOUTS = (
    "embeddings",
    "encoder.layer_0.attention.probabilities",
    "encoder.layer_0.attention.output",
    "encoder.layer_0.feed_forward.output",
    "classifier",
)
_PARTS = ("words", "segments", "positions", "lengths", "labels")
ROWS_SHA256 = {
    split: {part: f"{number}{split[0]}".ljust(16, "0") for number, part in enumerate(_PARTS)}
    for split in ("train", "validation")
}
#: `config.json` of that BERT.
CONFIG: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 4,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "classifier_dropout": None,
    "layer_norm_eps": 1e-12,
}
PROCESS_PHASES = {"import": 3.0, "data": 0.5, "tokenize": 0.25, "build": 1.0, "trace": 6.0, "total": 40.0}


def make_quality(start: float, epoch: int) -> Quality:
    """Better with each epoch, within what a quality can be."""
    better = 1.0 - 0.5 / (epoch + 1)
    return Quality(
        loss=start / (epoch + 1), accuracy=better, macro_f1=better - 0.01, matthews_correlation=better - 0.25
    )


def make_seed(seed: int, *, epochs: int = 20, steps_per_epoch: int = 4, **changes: Any) -> SeedRun:
    """A completed seed of 8 rows a step, 0.125 s each."""
    steps = epochs * steps_per_epoch
    rows = tuple(
        EpochRow(
            epoch=epoch,
            train=make_quality(1.0 + seed, epoch),
            validation=make_quality(0.5 + seed, epoch),
            steps_end=(epoch + 1) * steps_per_epoch,
            seconds=0.125 * steps_per_epoch + 0.0625,
        )
        for epoch in range(epochs)
    )
    fields: dict[str, Any] = {
        "seed": seed,
        "outcome": "completed",
        "steps": make_steps(steps),
        "epochs": rows,
        "phases_seconds": {"steps": 0.125 * steps, "validation": 0.0625 * epochs, "save": 0.5},
        "utilization": Utilization(
            value=0.6875, step_flops_per_second=1.1e11, sgemm_flops_per_second=(1.6e11, 1.5e11, 1.7e11)
        ),
        "peak_memory_mebibytes": 1024.0 + seed,
        "digests": Digests(
            weights=f"{seed + 16:02x}" * 32, losses=f"{seed + 32:02x}" * 32, predictions=f"{seed + 48:02x}" * 32
        ),
        "validation_confusion": ((24, 1), (0, 24)),
    }
    return SeedRun(**(fields | changes))


def make_steps(steps: int, *, losses: Mapping[int, float] | None = None) -> StepSeries:
    """*steps* steps; *losses* replaces some of their losses."""
    loss = [1.0 / (step + 1) for step in range(steps)]
    for step, value in (losses or {}).items():
        loss[step] = value
    return StepSeries(
        loss=tuple(loss),
        gradient_norm=tuple(2.0 + step for step in range(steps)),
        learning_rate=(3e-5,) * steps,
        seconds=(0.125,) * steps,
        rows=(8,) * steps,
        tokens=(100,) * steps,
    )


#: Of the native engine on TensorFlow, and of all others.
_CLASSES = {"adam": ("OnePassAdam", "Adam"), "adamw": ("OnePassAdam", "AdamW"), "sgd": ("SGD", "SGD")}


def make_live_recipe(spec: Spec, seed: int = 0, *, labels: int = 2) -> dict[str, Any]:
    """What a running engine that does what *spec* says under *seed*, on the checkpoint here, would say of itself."""
    ours, usual = _CLASSES[spec.optimizer.name]
    is_ours = (spec.engine, spec.runtime.backend) == ("native", "tensorflow")
    drawn = prescribed_digests(spec.model, BertConfig(**CONFIG), labels=labels, seed=seed)
    return {
        "backend": spec.runtime.backend,
        "optimizer": {"class": ours if is_ours else usual, **spec.optimizer.model_dump()},
        "decayed": sorted(decayed_tensors(BertConfig(**CONFIG), spec.optimizer)),
        "iterations": 0,
        "dtype_policy": spec.training.precision,
        "compute_dtype": "float32",
        "variable_dtypes": ["float32"],
        "dropout_rates": dict.fromkeys(DROPOUTS, 0.1),
        "dropout_states": {name: [operation_seed(seed, f"{name}.dropout"), 0] for name in DROPOUTS},
        "dropout_seen": {
            "in_training": sorted(DROPOUTS),
            "in_inference": [],
            "inference_repeats": True,
            "loss_follows_seed": True,
        },
        "network": {
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "hidden_size": 4,
            "intermediate_size": 8,
            "type_vocab_size": 2,
            "layer_norm_eps": 1e-12,
            "activation_points": [0.0, 1.0],
            "activation_values": [0.0, 0.8413447141647339],
        },
        "embedding_rows": {"word": 60, "position": 12, "segment": 2},
        # (60 + 12 + 2 + 2) x 4 of embeddings; 80 + 40 + 36 + 16 of the layer; 20 + 10 of the head.
        "parameters": 506,
        "seed": seed,
        "drawn_weights": {name: {"live": digest} for name, digest in drawn.items()},
    }


def make_evidence(spec: Spec, seed: int = 0, *, rows: int = 32) -> Evidence:
    """What would be seen of an engine that is given what *spec* says."""
    training = spec.training
    weights = training.class_weights
    is_table = weights is not None and weights != "balanced"
    orders = (row_order(seed, epoch, rows, shuffle=training.shuffle) for epoch in range(training.epochs))
    return Evidence(
        weights_prescribed="7" * 16,
        weights_before="7" * 16,
        weights_unmoved=(),
        row_orders=tuple(map(order_sha256, orders)),
        train_rows=ROWS_SHA256["train"],
        validation_rows=ROWS_SHA256["validation"],
        rows_by_class=(rows // 2, rows - rows // 2),
        weights_by_class=tuple(weights.values()) if is_table else (1.0, 1.0),  # type: ignore[union-attr]
    )


def make_failed_seed(seed: int) -> SeedRun:
    """A seed whose loss became NaN in its second epoch, after six steps."""
    whole = make_seed(seed, epochs=1)
    failure = Failure(
        kind="NonFiniteLossError", message="loss is nan [MASK] <b>", phase="steps", seed=seed, epoch=1, step=5
    )
    return whole.model_copy(
        update={
            "outcome": "failed",
            "failure": failure,
            "steps": make_steps(6, losses={5: math.nan}),
            "digests": None,
            "utilization": None,
            "validation_confusion": None,
        }
    )


def make_spec(**fields: Any) -> Spec:
    """The card's recipe; *fields* as they would come from TOML."""
    base: dict[str, Any] = {
        "name": "seed_card",
        "title": "the card's fine-tune",
        "data": {"labels": ["billing", "login"]},
        "training": {"epochs": 20, "batch_size": 8, "seeds": [0, 1]},
    }
    return build_spec(base | fields)


def row_counts(*, train: int = 16, validation: int = 49, distinct: int | None = None) -> dict[str, Any]:
    """Fields of the data: rows of each split, all distinct, but of the validation rows only *distinct* if given."""
    rows = {"train": train, "validation": validation}
    return {"rows": rows, "distinct_rows": {"train": train, "validation": validation if distinct is None else distinct}}


def make_record(**changes: Any) -> RunRecord:
    """A completed run of two seeds, 20 epochs each; with *spec* or *seeds* given, the other follows."""
    given_spec: Spec | None = changes.pop("spec", None)
    seeds = changes.pop("seeds", None)
    if seeds is None:
        seeds = tuple(make_seed(seed) for seed in (given_spec.training.seeds if given_spec else (0, 1)))
    training = {"epochs": 20, "batch_size": 8, "seeds": [run.seed for run in seeds] or [0, 1]}
    spec = given_spec or make_spec(training=training)
    fields: dict[str, Any] = {
        "run_id": "20300102T030405Z-abc",
        "bertbench_version": "0.1.0",
        "spec": spec,
        "spec_fingerprint": spec_fingerprint(spec),
        "started_at": STARTED,
        "finished_at": STARTED + timedelta(seconds=40),
        "process": ProcessFacts(pid=1, host="here", started=STARTED.timestamp()),
        "outcome": "completed",
        "environment": EnvironmentFacts(
            numerics={"tensorflow": "2.21.0", "onednn": True, "threads": 2},
            machine={"processor": "Some | Processor <R>", "cores": 2},
            numerics_fingerprint="a" * 64,
            machine_fingerprint="b" * 64,
        ),
        "data": DataFacts(
            source="embedded:helpdesk",
            sha256="d" * 64,
            tokenizer_sha256="e" * 64,
            label_names=("billing", "login"),
            **row_counts(),
            tokens={"train": 300, "validation": 900},
            findings=(
                FindingRow(
                    name="duplicates",
                    severity="soft",
                    split="train",
                    message="2 rows say the same: 'a | b' <c> [MASK]",
                    rows=("3", "7"),
                ),
            ),
            rows_sha256=ROWS_SHA256,
            words_in_use=60,
            longest_row_tokens=12,
        ),
        "checkpoint": CheckpointFacts(source="embedded:minilm-l6", revision="0.1.0", sha256="c" * 64, config=CONFIG),
        "phases_seconds": PROCESS_PHASES,
        "seeds": seeds,
    }
    return RunRecord(**(fields | changes))


def make_failed_record() -> RunRecord:
    """A run whose first seed completed and whose second became NaN."""
    return make_record(
        outcome="failed",
        failure=Failure(kind="NonFiniteLossError", message="loss is nan", phase="steps", seed=1, epoch=1, step=5),
        seeds=(make_seed(0), make_failed_seed(1)),
    )
