"""A fine-tuned model as a folder that transformers and KerasHub load."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save_file

from bertbench.atomic import explained
from bertbench.engines.dropout_rates import DropoutRates
from bertbench.engines.protocol import Task

#: Copied as they are, those that the checkpoint has.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "special_tokens_map.json",
    "added_tokens.json",
)


def write_folder(folder: Path, task: Task, tensors: dict[str, NDArray[np.float32]], rates: DropoutRates) -> None:
    """Write `config.json`, `model.safetensors` and the tokenizer's files.

    Args:
        folder: Made if it is not there; files of the same names are replaced.
        task: What was fine-tuned.
        tensors: All tensors of BertForSequenceClassification, by name.
        rates: Dropout rates that it was fine-tuned with.

    Raises:
        RecordWriteError: If the disk is full or the folder cannot be written.
    """
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _write_tensors(folder / "model.safetensors", tensors)
        config = json.dumps(_config(task, rates), indent=2, ensure_ascii=False)
        (folder / "config.json").write_text(f"{config}\n", encoding="utf-8")
        for name in TOKENIZER_FILES:
            if (file := task.checkpoint.folder / name).is_file():
                shutil.copyfile(file, folder / name)


def _write_tensors(path: Path, tensors: dict[str, NDArray[np.float32]]) -> None:
    try:
        # transformers refuses a file that does not say which library's layout its tensors follow.
        save_file(tensors, path, metadata={"format": "pt"})
    except SafetensorError as error:  # also what the operating system said
        raise OSError(str(error)) from error


def _config(task: Task, rates: DropoutRates) -> dict[str, Any]:
    labels = task.label_names
    config = task.checkpoint.config | {
        "architectures": ["BertForSequenceClassification"],
        "id2label": {str(number): name for number, name in enumerate(labels)},
        "label2id": {name: number for number, name in enumerate(labels)},
        "problem_type": "single_label_classification",
        "dtype": "float32",
        "hidden_dropout_prob": rates.hidden,
        "attention_probs_dropout_prob": rates.attention,
        "classifier_dropout": rates.classifier,
    }
    config.pop("torch_dtype", None)  # the older name of dtype
    return config
