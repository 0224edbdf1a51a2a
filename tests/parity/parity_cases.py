"""The same network twice: the native engine, and transformers' PyTorch BERT on the same files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tiny_bert import tiny_config, tiny_tensors, tiny_vocabulary, write_json, write_tokenizer

from bertbench.checkpoints import Checkpoint, open_checkpoint
from bertbench.data.batches import PackedBatch
from bertbench.engines import Task
from bertbench.spec import CheckpointSpec, ModelSpec, Spec

if TYPE_CHECKING:
    from bertbench.engines.native.engine import NativeEngine

LABELS = 3
LONGEST = 48
TOTAL_STEPS = 20


def write_random_bert_base(folder: Path) -> Path:
    """bert-base's layers with random weights of its initializer's size; a small vocabulary saves memory."""
    vocabulary = tiny_vocabulary()
    config = tiny_config(
        layers=12, hidden=768, heads=12, intermediate=3072, vocabulary_size=len(vocabulary), max_positions=64
    )
    # Of deviation 0.2; layer norms stay near one.
    tensors = tiny_tensors(config)
    scaled = {name: values if "LayerNorm" in name else values * np.float32(0.1) for name, values in tensors.items()}
    folder.mkdir(parents=True)
    save_file(scaled, folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", config)
    write_tokenizer(folder, vocabulary)
    return folder


def open_source(source: str) -> Checkpoint:
    return open_checkpoint(CheckpointSpec(source=source), base_folder=Path())


def native_engine(checkpoint: Checkpoint, words: NDArray[np.int32]) -> NativeEngine:
    """The engine without dropout, prepared for seed 0."""
    from bertbench.engines.native.engine import NativeEngine

    model = ModelSpec(hidden_dropout_rate=0.0, attention_dropout_rate=0.0, classifier_dropout_rate=0.0)
    engine = NativeEngine(
        Task(
            spec=Spec(name="parity", checkpoint=CheckpointSpec(source=checkpoint.source), model=model),
            checkpoint=checkpoint,
            label_names=tuple(f"class {number}" for number in range(LABELS)),
            vocabulary_in_use=words,
            total_steps=TOTAL_STEPS,
            longest_row_tokens=LONGEST,
        )
    )
    engine.prepare(0)
    return engine


def reference(checkpoint: Checkpoint, engine: NativeEngine) -> Any:
    """BertForSequenceClassification with the checkpoint's own encoder and the head that the engine drew."""
    import torch
    from transformers import BertForSequenceClassification

    model = BertForSequenceClassification.from_pretrained(checkpoint.folder, num_labels=LABELS, dtype=torch.float32)
    model.eval()  # no dropout; gradients flow all the same
    weights = dict(engine.weights())
    with torch.no_grad():
        model.classifier.weight.copy_(torch.from_numpy(weights["classifier.weight"]))
        model.classifier.bias.copy_(torch.from_numpy(weights["classifier.bias"]))
    return model


def mixed_rows(vocabulary: int, *, seed: int, pairs: bool, lengths: Sequence[int]) -> PackedBatch:
    """Rows of mixed length in which most WordPieces stand several times."""
    generator = np.random.default_rng(seed)
    few = np.sort(generator.choice(np.arange(5, vocabulary), 40, replace=False))
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    positions = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    return PackedBatch(
        token_ids=generator.choice(few, offsets[-1]).astype(np.int32),
        segment_ids=((positions >= np.repeat(lengths, lengths) / 2) & pairs).astype(np.int32),
        positions=positions.astype(np.int32),
        offsets=offsets,
        labels=generator.integers(0, LABELS, len(lengths)).astype(np.int32),
        row_weights=np.ones(len(lengths), np.float32),
        rows=np.arange(len(lengths)),
    )


def padded(batch: PackedBatch) -> dict[str, NDArray[np.int64]]:
    """`input_ids`, `token_type_ids` and `attention_mask`, each (rows, longest), as everybody else wants them."""
    lengths = np.diff(batch.offsets)
    mask = np.arange(lengths.max()) < lengths[:, None]
    words, segments = np.zeros((2, *mask.shape), np.int64)
    words[mask], segments[mask] = batch.token_ids, batch.segment_ids
    return {"input_ids": words, "token_type_ids": segments, "attention_mask": mask.astype(np.int64)}


def torch_inputs(batch: PackedBatch) -> dict[str, Any]:
    import torch

    return {name: torch.from_numpy(values) for name, values in padded(batch).items()}
