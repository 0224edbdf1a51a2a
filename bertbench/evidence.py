"""What reaches the engine, taken down by the harness: an engine that is told something else than the spec says is seen.

The engine's own account (`Engine.recipe`) can only be as right as the engine. Rows, their order and the weights before
the first step are therefore looked at from outside, and held against the data and the checkpoint's file, both read on a
path of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.checkpoints import Checkpoint, read_tensors
from bertbench.data import PackedBatch, TokenizedSplit
from bertbench.digests import digest_arrays
from bertbench.record import Evidence, VariableFacts

_WORDS, _POSITIONS = "bert.embeddings.word_embeddings.weight", "bert.embeddings.position_embeddings.weight"
_POOLER = "bert.pooler."
#: Digits of a digest that stay in the record; 64 bits are enough to notice a change.
_DIGITS = 16
#: Differing weights that are named.
_NAMED = 5


def short_digest(values: NDArray[Any]) -> str:
    """The first 16 digits of the SHA-256 of an array: dtype, shape and values."""
    return digest_arrays([("values", values)])[:_DIGITS]


def rows_sha256(split: TokenizedSplit) -> dict[str, str]:
    """A digest of each part of the rows of *split*, in their order."""
    positions = np.arange(len(split.token_ids)) - np.repeat(split.offsets[:-1], split.lengths)
    return _parts(split.token_ids, split.segment_ids, positions, split.lengths, split.labels)


def distinct_rows(split: TokenizedSplit) -> int:
    """Rows of *split* that differ in WordPieces or segments, whatever their class: a row written twice counts once."""
    bounds = zip(split.offsets[:-1], split.offsets[1:], strict=True)
    # A digest of each row, so that a large split is not held a second time.
    return len({hashlib.sha256(_given(split, begin, end)).digest() for begin, end in bounds})


def _given(split: TokenizedSplit, begin: np.int64, end: np.int64) -> bytes:
    """What an engine is given of one row; both halves are as long, so no two rows are written alike."""
    return split.token_ids[begin:end].tobytes() + split.segment_ids[begin:end].tobytes()


def _parts(words: Any, segments: Any, positions: Any, lengths: Any, labels: Any) -> dict[str, str]:
    arrays = {"words": words, "segments": segments, "positions": positions, "lengths": lengths, "labels": labels}
    return {name: short_digest(np.asarray(values, np.int64)) for name, values in arrays.items()}


def order_sha256(rows: NDArray[np.int64]) -> str:
    """A digest of row numbers in the order of an epoch, int64 (rows,)."""
    return short_digest(np.asarray(rows, np.int64))


@dataclass(frozen=True)
class PretrainedWeights:
    """Digests of the weights that a fine-tune begins with, from the checkpoint's file alone.

    Attributes:
        sha256: Of each pretrained tensor that takes part, by its name in transformers' BertForSequenceClassification,
            sorted; of the embedding tables, the rows in use.
        longest_row_tokens: Rows of the position embeddings that are looked at.
    """

    sha256: Mapping[str, str]
    longest_row_tokens: int

    @classmethod
    def of(
        cls, checkpoint: Checkpoint, *, words: NDArray[np.int32], longest_row_tokens: int, fresh_pooler: bool
    ) -> PretrainedWeights:
        """Read the file once more.

        Args:
            checkpoint: Its digest checked.
            words: int32 (n,), ids of the WordPieces in use, in order.
            longest_row_tokens: Of any split.
            fresh_pooler: Whether the pooler is drawn, not read.
        """
        tensors = {f"bert.{name}": values for name, values in read_tensors(checkpoint).items()}
        tensors[_WORDS] = tensors[_WORDS][words]
        tensors[_POSITIONS] = tensors[_POSITIONS][:longest_row_tokens]
        taken = {name: v for name, v in sorted(tensors.items()) if not (fresh_pooler and name.startswith(_POOLER))}
        return cls({name: short_digest(values) for name, values in taken.items()}, longest_row_tokens)

    def seen_in(self, weights: Iterable[tuple[str, NDArray[Any]]]) -> dict[str, str]:
        """Digests of the same tensors in an engine, by name; what is drawn is left out."""
        return {
            name: short_digest(values[: self.longest_row_tokens] if name == _POSITIONS else values)
            for name, values in weights
            if name in self.sha256
        }


class Witness:
    """Sees what reaches the engine in one seed.

    The content of training rows is looked at in the first epoch, their order in every one.
    """

    def __init__(self, pretrained: PretrainedWeights | None = None) -> None:
        """Nothing was seen yet.

        Args:
            pretrained: What the weights should be before the first step; not looked at if None.
        """
        self._pretrained = pretrained
        self._weights: dict[str, str] = {}
        self._orders: list[str] = []
        self._batches: list[PackedBatch] = []
        self._found: dict[str, Any] = {}

    def weights_before(self, weights: Iterable[tuple[str, NDArray[Any]]]) -> None:
        """Look at the engine's weights before the first step."""
        if self._pretrained is not None:
            self._weights = self._pretrained.seen_in(weights)

    def weights_after(self, variables: Mapping[str, VariableFacts]) -> None:
        """Look at the engine's weights at the end: training moves every one of them."""
        if self._weights:
            ended = {name: facts.sha256 for name, facts in variables.items()}
            unmoved = tuple(name for name, digest in self._weights.items() if ended.get(name) == digest)
            self._found["weights_unmoved"] = unmoved

    def training_batch(self, batch: PackedBatch) -> None:
        """A batch that the engine is given to learn from."""
        self._batches.append(batch)

    def epoch_ended(self, classes: int) -> None:
        """All training batches of an epoch were given.

        Args:
            classes: Number of classes.
        """
        batches, self._batches = self._batches, []
        rows = np.concatenate([batch.rows for batch in batches])
        if not self._orders:
            self._found["train_rows"] = _content(batches, np.argsort(rows, kind="stable"))
            self._found |= _by_class(batches, classes)
        self._orders.append(order_sha256(rows))

    def validation_batches(self, batches: Sequence[PackedBatch]) -> None:
        """The batches that one epoch is validated on."""
        if "validation_rows" not in self._found:
            rows = sum(batch.row_count for batch in batches)
            self._found["validation_rows"] = _content(batches, np.arange(rows))

    def evidence(self) -> Evidence:
        """What was seen by now."""
        if self._pretrained is not None and self._weights:
            wanted = self._pretrained.sha256
            differing = [name for name in wanted if self._weights.get(name) != wanted[name]]
            self._found |= {
                "weights_prescribed": _together(wanted),
                "weights_before": _together(self._weights),
                "weights_differing": tuple(differing[:_NAMED]),
            }
        return Evidence(row_orders=tuple(self._orders), **self._found)


def _together(digests: Mapping[str, str]) -> str:
    lines = "".join(f"{name} {digests[name]}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()[:_DIGITS]


def _content(batches: Sequence[PackedBatch], order: NDArray[np.int64]) -> dict[str, str]:
    """Digests of the parts of all rows of *batches*, taken in *order*."""
    lengths = np.concatenate([np.diff(batch.offsets) for batch in batches]).astype(np.int64)
    begins = (np.cumsum(lengths) - lengths)[order]
    in_order = lengths[order]
    places = np.arange(in_order.sum()) + np.repeat(begins - (np.cumsum(in_order) - in_order), in_order)
    words, segments, positions = (
        np.concatenate([getattr(batch, name) for batch in batches])[places]
        for name in ("token_ids", "segment_ids", "positions")
    )
    labels = np.concatenate([batch.labels for batch in batches])[order]
    return _parts(words, segments, positions, in_order, labels)


def _by_class(batches: Sequence[PackedBatch], classes: int) -> dict[str, Any]:
    """Rows and weight of each class."""
    labels = np.concatenate([batch.labels for batch in batches])
    weights = np.concatenate([batch.row_weights for batch in batches])
    distinct = [np.unique(weights[labels == number]) for number in range(classes)]
    return {
        "rows_by_class": tuple(np.bincount(labels, minlength=classes).tolist()),
        "weights_by_class": tuple(float(values[0]) if len(values) == 1 else None for values in distinct),
    }


def weights_and_facts(
    weights: Iterable[tuple[str, NDArray[Any]]], facts: dict[str, VariableFacts]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """*weights* as they come, each noted in *facts* on its way: they are walked once, since copies cost time."""
    for name, values in weights:
        facts[name] = VariableFacts(sha256=short_digest(values), norm=_norm(values))
        yield name, values


def _norm(values: NDArray[Any]) -> float:
    """Euclidean norm, added up in float64: without a copy, and without BLAS, whose order threads may change."""
    flat = values.reshape(-1)
    return float(np.sqrt(np.einsum("i,i->", flat, flat, dtype=np.float64)))
