"""Faults of the data: rows are changed after they were read, digested and recorded, before the engine is given them.

Which rows is drawn from a fixed stream of its own, the same in every run and for every seed. WordPieces in use stay
those of the rows as read, and what is new joins them, so that weights can be compared variable by variable.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.data import Dataset, SpecialTokenIds, TokenizedDataset, TokenizedSplit, Tokenizer, tokenize
from bertbench.data.draws import raw_draws, uniform_draws
from bertbench.data.token_cache import digest_splits
from bertbench.errors import FaultError
from bertbench.faults.fault import Fault
from bertbench.spec import Spec

Ints = NDArray[np.int64]
#: Changes one split; the other arguments are the special ids and the ids in use.
Edit = Callable[[TokenizedSplit, SpecialTokenIds, NDArray[np.int32]], TokenizedSplit]

#: The seed of all draws of this file, and the stream's epoch.
_SEED, _EPOCH = 0, 0
_LONGEST_CUT = 16


def faults_of_the_rows() -> tuple[Fault, ...]:
    """All of them."""
    return (
        *(
            _train(
                f"labels-changed-{percent}",
                f"Gives {percent} % of the training rows the number of the next class.",
                _labels_changed(percent / 100.0),
            )
            for percent in (1, 3, 10, 30)
        ),
        *(
            _train(
                f"rows-removed-{percent}", f"Leaves out {percent} % of the training rows.", _removed(percent / 100.0)
            )
            for percent in (10, 50)
        ),
        _train("classes-unbalanced", "Leaves out three of four training rows of the first class.", _unbalanced),
        _train("noise-in-text", "Replaces one in five WordPieces of the training rows by a random one.", _noise),
        _train(
            "classes-overlapping",
            "Adds each second training row of the first class once more as a row of the second.",
            _overlapping,
        ),
        _both(
            "segment-ids-wrong",
            "Gives the first sentence the segment of the second, and the other way round.",
            _segments,
        ),
        _both("sep-missing", "Leaves out every [SEP].", _without_sep),
        replace(
            _both("text-cut-at-16", "Cuts every row at 16 tokens, [CLS] and [SEP] included.", _cut),
            check_spec=_refuse_short_rows,
        ),
        _of("no-lower-casing", "Reads capital letters as such, whatever the tokenizer's files say.", _cased),
        _edits(
            "validation-labels-shifted",
            "Gives each validation row the class of the row before it.",
            _shifted,
            lambda _: ("validation",),
        ),
        _of("training-rows-leaked", "Trains on the validation rows too.", _leaked),
        _of("validation-rows-replaced", "Puts training rows in the place of one in five validation rows.", _replaced),
    )


def _train(name: str, does: str, edit: Edit) -> Fault:
    return _edits(name, does, edit, lambda _: ("train",))


def _both(name: str, does: str, edit: Edit) -> Fault:
    return _edits(name, does, edit, lambda tokenized: tuple(tokenized.splits))


def _edits(name: str, does: str, edit: Edit, of: Callable[[TokenizedDataset], tuple[str, ...]]) -> Fault:
    def rows(tokenized: TokenizedDataset, *_: Any) -> TokenizedDataset:
        splits, special, in_use = dict(tokenized.splits), tokenized.special, tokenized.vocabulary_in_use
        return _with_splits(
            tokenized, splits | {split: edit(splits[split], special, in_use) for split in of(tokenized)}
        )

    return _of(name, does, rows)


def _of(name: str, does: str, rows: Callable[[TokenizedDataset, Dataset, Tokenizer], TokenizedDataset]) -> Fault:
    def refusing(tokenized: TokenizedDataset, dataset: Dataset, tokenizer: Tokenizer) -> TokenizedDataset:
        changed = rows(tokenized, dataset, tokenizer)
        if digest_splits(changed.splits) == digest_splits(tokenized.splits):
            raise FaultError(
                f"{name}: the rows of {dataset.source} are the same with it; {does[0].lower()}{does[1:]}",
                remedy="use another spec, or another fault",
            )
        return changed

    return Fault(name, does, "rows", rows=refusing)


def _refuse_short_rows(spec: Spec) -> None:
    longest = spec.data.max_length_tokens
    if longest <= _LONGEST_CUT:
        raise FaultError(
            f"text-cut-at-16: {spec.name} has no row of more than {longest} tokens",
            remedy=f"use a spec with data.max_length_tokens above {_LONGEST_CUT}, or another fault",
        )


def _with_splits(tokenized: TokenizedDataset, splits: dict[str, TokenizedSplit]) -> TokenizedDataset:
    words = [split.token_ids for split in splits.values()]
    in_use = np.unique(np.concatenate([tokenized.vocabulary_in_use, *words])).astype(np.int32)
    return replace(tokenized, splits=splits, vocabulary_in_use=in_use)


# Tools


def _drawn(name: str, count: int, share: float) -> Ints:
    """Numbers below *count*, ascending: *share* of them, one at least."""
    order = np.argsort(raw_draws(_SEED, f"fault {name}", _EPOCH, count), kind="stable")
    return np.sort(order[: max(round(share * count), 1)])


def _rows(split: TokenizedSplit, rows: Ints) -> TokenizedSplit:
    """The given *rows*, in the given order."""
    spans = [slice(split.offsets[row], split.offsets[row + 1]) for row in rows]
    return TokenizedSplit(
        token_ids=np.concatenate([split.token_ids[span] for span in spans]),
        segment_ids=np.concatenate([split.segment_ids[span] for span in spans]),
        offsets=np.concatenate(([0], np.cumsum(split.lengths[rows]))).astype(np.int64),
        labels=split.labels[rows],
    )


def _joined(first: TokenizedSplit, second: TokenizedSplit) -> TokenizedSplit:
    """All rows of the one, then all of the other."""
    return TokenizedSplit(
        token_ids=np.concatenate((first.token_ids, second.token_ids)),
        segment_ids=np.concatenate((first.segment_ids, second.segment_ids)),
        offsets=np.concatenate((first.offsets, first.offsets[-1] + second.offsets[1:])),
        labels=np.concatenate((first.labels, second.labels)),
    )


def _tokens(split: TokenizedSplit, kept: NDArray[np.bool_]) -> TokenizedSplit:
    """The rows with the *kept* tokens only, (tokens,)."""
    count = np.concatenate(([0], np.cumsum(kept)))
    return TokenizedSplit(
        token_ids=split.token_ids[kept],
        segment_ids=split.segment_ids[kept],
        offsets=count[split.offsets].astype(np.int64),
        labels=split.labels,
    )


def _positions(split: TokenizedSplit) -> Ints:
    positions: Ints = np.arange(len(split.token_ids)) - np.repeat(split.offsets[:-1], split.lengths)
    return positions


def _classes(split: TokenizedSplit) -> int:
    return int(split.labels.max()) + 1


# Edits


def _labels_changed(share: float) -> Edit:
    def edit(split: TokenizedSplit, *_: Any) -> TokenizedSplit:
        labels = split.labels.copy()
        rows = _drawn("labels-changed", split.rows, share)
        labels[rows] = (labels[rows] + 1) % _classes(split)
        return replace(split, labels=labels)

    return edit


def _removed(share: float) -> Edit:
    def edit(split: TokenizedSplit, *_: Any) -> TokenizedSplit:
        return _rows(split, np.delete(np.arange(split.rows), _drawn("rows-removed", split.rows, share)))

    return edit


def _unbalanced(split: TokenizedSplit, *_: Any) -> TokenizedSplit:
    first = np.flatnonzero(split.labels == 0)
    left_out = np.delete(first, np.arange(0, len(first), 4))
    return _rows(split, np.delete(np.arange(split.rows), left_out))


def _noise(split: TokenizedSplit, special: SpecialTokenIds, in_use: NDArray[np.int32]) -> TokenizedSplit:
    words = np.setdiff1d(in_use, np.array(special))
    count = len(split.token_ids)
    is_word = ~np.isin(split.token_ids, np.array(special))
    is_hit = (uniform_draws(_SEED, "fault noise-in-text", _EPOCH, count) < 0.2) & is_word  # noqa: PLR2004 - one in five
    choice = raw_draws(_SEED, "fault noise-in-text words", _EPOCH, count) % np.uint64(len(words))
    return replace(split, token_ids=np.where(is_hit, words[choice.astype(np.int64)], split.token_ids).astype(np.int32))


def _overlapping(split: TokenizedSplit, *_: Any) -> TokenizedSplit:
    again = np.flatnonzero(split.labels == 0)[::2]
    both = _rows(split, np.concatenate((np.arange(split.rows), again)))
    labels = both.labels.copy()
    labels[split.rows :] = 1
    return replace(both, labels=labels)


def _segments(split: TokenizedSplit, *_: Any) -> TokenizedSplit:
    return replace(split, segment_ids=(1 - split.segment_ids).astype(np.int32))


def _without_sep(split: TokenizedSplit, special: SpecialTokenIds, _in_use: Any) -> TokenizedSplit:
    return _tokens(split, split.token_ids != special.sep)


def _cut(split: TokenizedSplit, *_: Any) -> TokenizedSplit:
    lengths = np.repeat(split.lengths, split.lengths)
    positions = _positions(split)
    is_last = positions == lengths - 1  # a [SEP]
    return _tokens(split, (positions < _LONGEST_CUT - 1) | is_last)


def _shifted(split: TokenizedSplit, *_: Any) -> TokenizedSplit:
    return replace(split, labels=np.roll(split.labels, 1))


def _leaked(tokenized: TokenizedDataset, *_: Any) -> TokenizedDataset:
    train, validation = tokenized.splits["train"], tokenized.splits["validation"]
    return _with_splits(tokenized, {**tokenized.splits, "train": _joined(train, validation)})


def _replaced(tokenized: TokenizedDataset, *_: Any) -> TokenizedDataset:
    """As many validation rows as before: a count would give it away."""
    train, validation = tokenized.splits["train"], tokenized.splits["validation"]
    rows = np.arange(validation.rows)
    places = _drawn("validation-rows-replaced", validation.rows, 0.2)
    rows[places] = validation.rows + np.arange(len(places)) % train.rows
    return _with_splits(tokenized, {**tokenized.splits, "validation": _rows(_joined(validation, train), rows)})


def _cased(tokenized: TokenizedDataset, dataset: Dataset, tokenizer: Tokenizer) -> TokenizedDataset:
    """The same rows by a tokenizer that does not lower capitals; the cache of tokenized rows is left alone."""
    again = tokenize(
        dataset, _case_sensitive(tokenizer), max_length_tokens=tokenized.max_length_tokens, cache_folder=None
    )
    return _with_splits(tokenized, dict(again.splits))


def _case_sensitive(tokenizer: Tokenizer) -> Tokenizer:
    from tokenizers import Tokenizer as Backend

    description = json.loads(tokenizer._backend.to_str())  # noqa: SLF001 - nobody else wants to take a tokenizer apart
    normalizer = description.get("normalizer")
    if not isinstance(normalizer, dict) or not normalizer.get("lowercase"):
        raise FaultError(
            "no-lower-casing: this checkpoint's tokenizer lowers no capitals, or not by BERT's own normalizer",
            remedy="use an uncased checkpoint, or another fault",
        )
    # BERT's normalizer strips accents where it lowers capitals, unless told otherwise; accents are not the matter here.
    accents = normalizer.get("strip_accents")
    normalizer |= {"lowercase": False, "strip_accents": True if accents is None else accents}
    return Tokenizer(
        Backend.from_str(json.dumps(description)), sha256=f"{tokenizer.sha256} cased", special=tokenizer.special
    )
