"""The model from a checkpoint's folder, as transformers loads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import BertForSequenceClassification
from transformers.utils import logging

from bertbench.checkpoints import Checkpoint
from bertbench.engines.dropout_rates import DropoutRates


def load(checkpoint: Checkpoint, rates: DropoutRates, *, labels: int) -> BertForSequenceClassification:
    """Read `config.json` and `model.safetensors`; nothing is fetched, and no code of the checkpoint's is run.

    Attention is what transformers picks by itself (`sdpa`). Layers that the checkpoint lacks are drawn by transformers,
    to be replaced.

    Args:
        checkpoint: Its digest checked.
        rates: Dropout rates, in place of the checkpoint's own.
        labels: Classes.

    Returns:
        float32, on the host.
    """
    with _without_remarks():
        return BertForSequenceClassification.from_pretrained(
            checkpoint.folder,
            num_labels=labels,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # the head of another task, which is replaced
            hidden_dropout_prob=rates.hidden,
            attention_probs_dropout_prob=rates.attention,
            classifier_dropout=rates.classifier,
        )


def compiled(network: BertForSequenceClassification) -> Any:
    """The network under `torch.compile`, for batches of every shape; compiled when it is first called."""
    return torch.compile(network, dynamic=True)


def is_of_compiling(error: BaseException) -> bool:
    """Whether the parts of PyTorch that compile raised *error*, or what it was raised from; not what they compiled."""
    found: BaseException | None = error
    while found is not None:
        if type(found).__module__.startswith(("torch._dynamo", "torch._inductor")):
            return True
        found = found.__cause__
    return False


@contextmanager
def _without_remarks() -> Iterator[None]:
    """No progress bar and no word about a head that is drawn anew: both are as intended."""
    verbosity, had_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bar:
            logging.enable_progress_bar()
