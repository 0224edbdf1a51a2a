"""Faults of the rows, on twenty rows made by hand: exactly what changes, and that nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_bert import write_tiny_bert

from bertbench.data import Dataset, SpecialTokenIds, TokenizedDataset, TokenizedSplit, load_tokenizer, tokenize
from bertbench.data.dataset import Row, build_dataset
from bertbench.errors import FaultError
from bertbench.faults import CATALOGUE

SPECIAL = SpecialTokenIds(pad=0, unk=1, cls=2, sep=3, mask=4)
NOWHERE = Dataset(("a", "b", "c"), {}, "0" * 64, "by hand")


def split_of(rows: Sequence[Sequence[int]], labels: Sequence[int], *, second: Sequence[int] = ()) -> TokenizedSplit:
    """Rows of WordPieces between [CLS] and [SEP]; of those in *second*, all but the first two are a second sentence."""
    framed = [[SPECIAL.cls, *row, SPECIAL.sep] for row in rows]
    segments = [[0, 0, *[int(number in second)] * (len(row) - 2)] for number, row in enumerate(framed)]
    return TokenizedSplit(
        token_ids=np.concatenate(framed).astype(np.int32),
        segment_ids=np.concatenate(segments).astype(np.int32),
        offsets=np.cumsum([0, *map(len, framed)]).astype(np.int64),
        labels=np.array(labels, np.int32),
    )


TRAIN = split_of([[10 + row] * (1 + row) for row in range(20)], [row % 3 for row in range(20)], second=(3, 4))
VALIDATION = split_of([[40, 41], [42], [43, 44, 45]], [0, 1, 2])


def tokenized_of(train: TokenizedSplit = TRAIN, validation: TokenizedSplit = VALIDATION) -> TokenizedDataset:
    splits = {"train": train, "validation": validation}
    words = np.concatenate([split.token_ids for split in splits.values()] + [np.array(SPECIAL)])
    none = dict.fromkeys(splits, np.zeros(0, np.int64))
    return TokenizedDataset(
        splits, np.unique(words).astype(np.int32), none, {}, SPECIAL, 64, "0" * 64, from_cache=False
    )


def faulty(name: str, tokenized: TokenizedDataset | None = None) -> TokenizedDataset:
    return CATALOGUE[name].rows(tokenized or tokenized_of(), NOWHERE, None)  # type: ignore[arg-type]


def rows_of(split: TokenizedSplit) -> list[list[int]]:
    return [split.token_ids[a:b].tolist() for a, b in zip(split.offsets, split.offsets[1:], strict=False)]


def same(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other)


FIELDS = ("token_ids", "segment_ids", "offsets", "labels")


def changed_fields(name: str, split: str) -> set[str]:
    before, after = tokenized_of().splits[split], faulty(name).splits[split]
    return {field for field in FIELDS if not same(getattr(before, field), getattr(after, field))}


@pytest.mark.parametrize(
    ("name", "train", "validation"),
    [
        ("labels-changed-1", {"labels"}, set()),
        ("labels-changed-30", {"labels"}, set()),
        ("rows-removed-10", set(FIELDS), set()),
        ("classes-unbalanced", set(FIELDS), set()),
        ("noise-in-text", {"token_ids"}, set()),
        ("classes-overlapping", set(FIELDS), set()),
        ("segment-ids-wrong", {"segment_ids"}, {"segment_ids"}),
        ("sep-missing", {"token_ids", "segment_ids", "offsets"}, {"token_ids", "segment_ids", "offsets"}),
        ("text-cut-at-16", {"token_ids", "segment_ids", "offsets"}, set()),
        ("validation-labels-shifted", set(), {"labels"}),
        ("training-rows-leaked", set(FIELDS), set()),
        ("validation-rows-replaced", set(), {"token_ids", "labels"}),  # of one length by chance
    ],
)
def test_which_parts_of_which_rows_change(name: str, train: set[str], validation: set[str]) -> None:
    assert (changed_fields(name, "train"), changed_fields(name, "validation")) == (train, validation)


@pytest.mark.parametrize("name", [name for name, fault in CATALOGUE.items() if fault.place == "rows"])
def test_the_rows_as_read_stay_as_they_were(name: str) -> None:
    before, fields = tokenized_of(), {}
    for split in before.splits:
        fields[split] = {field: getattr(before.splits[split], field).copy() for field in FIELDS}
    if name != "no-lower-casing":  # needs texts; see below
        faulty(name, before)
    for split, values in fields.items():
        assert all(same(values[field], getattr(before.splits[split], field)) for field in FIELDS)


@pytest.mark.parametrize(
    "name", [name for name in CATALOGUE if CATALOGUE[name].place == "rows" and "casing" not in name]
)
def test_the_same_rows_change_in_every_run(name: str) -> None:
    one, other = faulty(name), faulty(name)
    for split in one.splits:
        assert all(same(getattr(one.splits[split], field), getattr(other.splits[split], field)) for field in FIELDS)
        assert one.splits[split].offsets[-1] == len(one.splits[split].token_ids) == len(one.splits[split].segment_ids)
        assert one.splits[split].rows == len(one.splits[split].offsets) - 1
    assert set(tokenized_of().vocabulary_in_use) <= set(one.vocabulary_in_use)


@pytest.mark.parametrize(("percent", "rows"), [(1, 1), (3, 1), (10, 2), (30, 6)])
def test_labels_become_those_of_the_next_class(percent: int, rows: int) -> None:
    labels = faulty(f"labels-changed-{percent}").splits["train"].labels
    hit = labels != TRAIN.labels
    assert hit.sum() == rows
    assert np.array_equal(labels[hit], (TRAIN.labels[hit] + 1) % 3)


def test_a_larger_share_of_labels_holds_the_smaller_one() -> None:
    """So that more is never easier."""
    few, many = (faulty(f"labels-changed-{percent}").splits["train"].labels for percent in (10, 30))
    assert np.all((few == TRAIN.labels) | (few == many))


@pytest.mark.parametrize(("percent", "left"), [(10, 18), (50, 10)])
def test_rows_are_left_out_whole(percent: int, left: int) -> None:
    split = faulty(f"rows-removed-{percent}").splits["train"]
    before = list(zip(rows_of(TRAIN), TRAIN.labels.tolist(), strict=True))
    after = list(zip(rows_of(split), split.labels.tolist(), strict=True))
    assert len(after) == left
    assert after == [row for row in before if row in after]  # each as it was, in the same order


def test_three_of_four_rows_of_the_first_class_are_left_out() -> None:
    """Of seven, those numbered 0 and 4 stay."""
    labels = faulty("classes-unbalanced").splits["train"].labels
    assert np.bincount(labels).tolist() == [2, 7, 6]


def test_each_second_row_of_the_first_class_comes_again_as_the_second() -> None:
    split = faulty("classes-overlapping").splits["train"]
    assert rows_of(split)[:20] == rows_of(TRAIN)
    assert rows_of(split)[20:] == [rows_of(TRAIN)[row] for row in (0, 6, 12, 18)]
    assert split.labels[20:].tolist() == [1, 1, 1, 1]


def test_noise_hits_a_fifth_of_the_words_and_no_special_token() -> None:
    long = split_of([[10, 11, 12, 13] * 500] * 3, [0, 1, 2])
    after = faulty("noise-in-text", tokenized_of(long)).splits["train"].token_ids
    is_special = np.isin(long.token_ids, SPECIAL)
    assert same(after[is_special], long.token_ids[is_special])
    assert not np.isin(after[~is_special], SPECIAL).any()
    # One in five is drawn, and one in ten of those by its own number: 0.2 x 9 / 10 of 6,000, four deviations aside.
    assert np.mean(after[~is_special] != long.token_ids[~is_special]) == pytest.approx(0.18, abs=0.02)


def test_segments_change_places() -> None:
    assert np.array_equal(faulty("segment-ids-wrong").splits["train"].segment_ids, 1 - TRAIN.segment_ids)


def test_rows_without_sep_keep_all_else() -> None:
    split = faulty("sep-missing").splits["train"]
    assert rows_of(split) == [[word for word in row if word != SPECIAL.sep] for row in rows_of(TRAIN)]


def test_long_rows_are_cut_and_closed() -> None:
    """Rows of 3 to 22 tokens; of those over 16, the first 15 and the [SEP] stay."""
    split = faulty("text-cut-at-16").splits["train"]
    assert rows_of(split) == [row if len(row) <= 16 else [*row[:15], SPECIAL.sep] for row in rows_of(TRAIN)]


def test_validation_rows_have_the_class_of_the_row_before() -> None:
    assert faulty("validation-labels-shifted").splits["validation"].labels.tolist() == [2, 0, 1]


def test_validation_rows_are_trained_on() -> None:
    both = faulty("training-rows-leaked")
    assert rows_of(both.splits["train"]) == rows_of(TRAIN) + rows_of(VALIDATION)
    assert both.splits["train"].labels.tolist() == [*TRAIN.labels.tolist(), 0, 1, 2]
    assert same(both.splits["validation"].token_ids, VALIDATION.token_ids)


def test_training_rows_take_the_place_of_validation_rows() -> None:
    many = split_of([[200 + row, 7] for row in range(20)], [row % 3 for row in range(20)])
    validation = faulty("validation-rows-replaced", tokenized_of(TRAIN, many)).splits["validation"]
    new = [number for number, row in enumerate(rows_of(validation)) if row != rows_of(many)[number]]
    assert (validation.rows, len(new)) == (20, 4)
    assert [rows_of(validation)[number] for number in new] == rows_of(TRAIN)[:4]
    assert validation.labels[new].tolist() == TRAIN.labels[:4].tolist()
    kept = np.setdiff1d(np.arange(20), new)
    assert same(validation.labels[kept], many.labels[kept])


@pytest.mark.parametrize(
    ("name", "train"),
    [
        ("text-cut-at-16", split_of([[10], [11]], [0, 1])),
        ("classes-unbalanced", split_of([[10], [11]], [0, 1])),
        ("validation-labels-shifted", TRAIN),
    ],
)
def test_rows_that_stay_the_same_are_refused(name: str, train: TokenizedSplit) -> None:
    """A fault that changes nothing cannot be caught, and must not be counted."""
    with pytest.raises(FaultError, match=f"^{name}: the rows of by hand are the same with it"):
        faulty(name, tokenized_of(train, split_of([[10], [11]], [1, 1])))


# With a tokenizer


def texts(*rows: str) -> Dataset:
    split = [Row(text, None, "ab"[number % 2], f"row {number}") for number, text in enumerate(rows)]
    return build_dataset({"train": split, "validation": split}, ("a", "b"), source="two rows")


def test_capitals_are_read_as_such(tmp_path: Path) -> None:
    """An uncased vocabulary has no capitals: such words become [UNK]; the cache of the rows as read is left alone."""
    tokenizer = load_tokenizer(write_tiny_bert(tmp_path / "bert"))
    dataset, cache = texts("My Order", "my order"), tmp_path / "cache"
    as_read = tokenize(dataset, tokenizer, max_length_tokens=64, cache_folder=cache)
    kept = {path: path.read_bytes() for path in cache.iterdir()}
    cased = CATALOGUE["no-lower-casing"].rows(as_read, dataset, tokenizer).splits["train"]
    (first, second), (lowered, _) = rows_of(cased), rows_of(as_read.splits["train"])
    assert second == lowered
    unknown = tokenizer.special.unk
    assert first == [lowered[0], unknown, unknown, lowered[-1]]
    assert {path: path.read_bytes() for path in cache.iterdir()} == kept
    assert rows_of(tokenize(dataset, tokenizer, max_length_tokens=64, cache_folder=cache).splits["train"])[0] == lowered


def test_rows_without_capitals_are_refused(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write_tiny_bert(tmp_path / "bert"))
    dataset = texts("my order", "my money")
    as_read = tokenize(dataset, tokenizer, max_length_tokens=64, cache_folder=None)
    with pytest.raises(FaultError, match="the rows of two rows are the same with it"):
        CATALOGUE["no-lower-casing"].rows(as_read, dataset, tokenizer)


def test_a_cased_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_bert(tmp_path / "bert")
    (folder / "tokenizer.json").write_text(
        (folder / "tokenizer.json").read_text().replace('"lowercase": true', '"lowercase": false')
    )
    tokenizer = load_tokenizer(folder)
    dataset = texts("My order", "my order")
    as_read = tokenize(dataset, tokenizer, max_length_tokens=64, cache_folder=None)
    with pytest.raises(FaultError, match="lowers no capitals"):
        CATALOGUE["no-lower-casing"].rows(as_read, dataset, tokenizer)
