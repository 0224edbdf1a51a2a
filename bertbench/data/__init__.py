"""Text in, packed batches out, without TensorFlow: rows are read, checked, tokenized, ordered and packed.

Importing this room reads no large library; `datasets`, `pyarrow` and `tokenizers` are loaded by what needs them.
"""

from bertbench.data.augmentation import augment
from bertbench.data.batches import PackedBatch, TokenizedSplit
from bertbench.data.checks import check
from bertbench.data.dataset import SPLITS, Dataset, Split
from bertbench.data.findings import Finding, refuse_hard, remedies
from bertbench.data.packing import class_weights, epoch_batches, row_order, steps_per_epoch, validation_batch_size
from bertbench.data.sources import read_dataset
from bertbench.data.tokenization import TokenizedDataset, tokenize
from bertbench.data.tokenizer import SpecialTokenIds, Tokenizer, load_tokenizer

__all__ = [
    "SPLITS",
    "Dataset",
    "Finding",
    "PackedBatch",
    "SpecialTokenIds",
    "Split",
    "TokenizedDataset",
    "TokenizedSplit",
    "Tokenizer",
    "augment",
    "check",
    "class_weights",
    "epoch_batches",
    "load_tokenizer",
    "read_dataset",
    "refuse_hard",
    "remedies",
    "row_order",
    "steps_per_epoch",
    "tokenize",
    "validation_batch_size",
]
