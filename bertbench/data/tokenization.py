"""From rows of text to rows of WordPieces: framed, cut at the longest length, counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertbench.data.batches import TokenizedSplit
from bertbench.data.dataset import Dataset, Split
from bertbench.data.token_cache import CutSplit, cache_file, digest_splits, load_splits, save_splits
from bertbench.data.tokenizer import SpecialTokenIds, Tokenizer


@dataclass(frozen=True)
class TokenizedDataset:
    """All rows of a benchmark as WordPieces, and what tokenization did to them.

    Attributes:
        splits: Rows of each split, in the order of the data set.
        vocabulary_in_use: int32 (n,), sorted ids of all WordPieces of any split and the five special ones.
        cut_rows: int64 (n,) for each split, numbers of the rows that were longer than `max_length_tokens`.
        unknown_tokens: Number of [UNK] in each split.
        special: Ids of the special tokens.
        max_length_tokens: Longest length of a row, special tokens included.
        sha256: Digest of the ids, segments, offsets and class numbers of all splits.
        from_cache: Whether they were read from the cache instead of tokenized.
    """

    splits: Mapping[str, TokenizedSplit]
    vocabulary_in_use: NDArray[np.int32]
    cut_rows: Mapping[str, NDArray[np.int64]]
    unknown_tokens: Mapping[str, int]
    special: SpecialTokenIds
    max_length_tokens: int
    sha256: str
    from_cache: bool

    @property
    def longest_row_tokens(self) -> int:
        """Tokens of the longest row of any split, special tokens included."""
        return max(int(split.lengths.max()) for split in self.splits.values())


def tokenize(
    dataset: Dataset, tokenizer: Tokenizer, *, max_length_tokens: int, cache_folder: Path | None
) -> TokenizedDataset:
    """Tokenize all splits, or read them from the cache.

    Single sentences become [CLS] a [SEP], with *a* cut at its end; pairs become [CLS] a [SEP] b [SEP], cut as
    `kept_lengths` says.

    Args:
        dataset: The rows.
        tokenizer: The checkpoint's own.
        max_length_tokens: Longest length of a row, special tokens included; 3 or more.
        cache_folder: Where tokenized data sets are kept, one file for each tokenizer, data set and length; made if it
            is not there. None keeps nothing.
    """
    file = cache_file(cache_folder, dataset, tokenizer, max_length_tokens) if cache_folder is not None else None
    cached = load_splits(file) if file is not None else None
    if cached is not None:
        return _counted(cached, tokenizer.special, max_length_tokens, from_cache=True)
    splits = {name: tokenize_split(split, tokenizer, max_length_tokens) for name, split in dataset.splits.items()}
    if file is not None:
        save_splits(file, splits)
    return _counted(splits, tokenizer.special, max_length_tokens, from_cache=False)


def _counted(
    cut: Mapping[str, CutSplit], special: SpecialTokenIds, max_length_tokens: int, *, from_cache: bool
) -> TokenizedDataset:
    splits = {name: split.rows for name, split in cut.items()}
    used = [split.token_ids for split in splits.values()]
    return TokenizedDataset(
        splits=splits,
        vocabulary_in_use=np.unique(np.concatenate([*used, np.array(special, dtype=np.int32)])),
        cut_rows={name: split.cut_rows for name, split in cut.items()},
        unknown_tokens={name: int(np.sum(split.token_ids == special.unk)) for name, split in splits.items()},
        special=special,
        max_length_tokens=max_length_tokens,
        sha256=digest_splits(splits),
        from_cache=from_cache,
    )


def tokenize_split(split: Split, tokenizer: Tokenizer, max_length_tokens: int) -> CutSplit:
    """Tokenize, cut and frame the rows of one split."""
    texts = (split.texts,) if split.text_pairs is None else (split.texts, split.text_pairs)
    sentences = [tokenizer.wordpieces(column) for column in texts]
    lengths = [np.array([len(ids) for ids in column], dtype=np.int64) for column in sentences]
    kept = kept_lengths(lengths, max_length_tokens - 1 - len(sentences))
    cut_rows = np.flatnonzero(sum(kept) < sum(lengths))
    return CutSplit(_framed(sentences, kept, split.labels, tokenizer.special), cut_rows)


def kept_lengths(lengths: Sequence[NDArray[np.int64]], budget: int) -> list[NDArray[np.int64]]:
    """How many WordPieces of each sentence stay.

    Of two sentences the longer is cut first, to no less than the shorter; then both, the first to the smaller half (the
    longer one to the larger half, where they differ): the rule of `longest_first` in transformers' fast tokenizers.

    Args:
        lengths: int64 (rows,) for each of the one or two sentences of a row.
        budget: WordPieces a row may have, special tokens not counted; 0 or more.

    Returns:
        As *lengths*.
    """
    if len(lengths) == 1:
        return [np.minimum(lengths[0], budget)]
    first, second = lengths
    fits = first + second <= budget
    shorter, longer = np.minimum(first, second), np.maximum(first, second)
    shorter = np.where(fits, shorter, np.minimum(shorter, budget // 2))
    longer = np.where(fits, longer, budget - shorter)
    return [np.where(first > second, longer, shorter), np.where(first > second, shorter, longer)]


def _framed(
    sentences: Sequence[Sequence[Sequence[int]]],
    kept: Sequence[NDArray[np.int64]],
    labels: Sequence[int],
    special: SpecialTokenIds,
) -> TokenizedSplit:
    """One stream of [CLS] a [SEP] or [CLS] a [SEP] b [SEP]."""
    stream: list[int] = []
    for row in range(len(labels)):
        stream.append(special.cls)
        for ids, count in zip(sentences, kept, strict=True):
            stream += ids[row][: count[row]]
            stream.append(special.sep)
    # [CLS] belongs to the first sentence, each [SEP] to the sentence before it.
    lengths = np.stack([count + 1 + (place == 0) for place, count in enumerate(kept)], axis=1)  # (rows, sentences)
    segments = np.tile(np.arange(len(kept), dtype=np.int32), len(labels))  # (rows * sentences,)
    return TokenizedSplit(
        token_ids=np.array(stream, dtype=np.int32),
        segment_ids=np.repeat(segments, lengths.ravel()),
        offsets=np.concatenate(([0], np.cumsum(lengths.sum(axis=1)))),
        labels=np.array(labels, dtype=np.int32),
    )
