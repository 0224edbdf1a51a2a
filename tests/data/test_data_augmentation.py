"""Noise that is drawn by seed and epoch, leaves special tokens alone, and never empties a row."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from data_examples import ids_of, tokenized_rows
from hypothesis import given
from hypothesis import strategies as st

from bertbench.data import SpecialTokenIds, TokenizedSplit, augment
from bertbench.data.augmentation import _swap
from bertbench.spec import AugmentationSpec

SPECIAL = SpecialTokenIds(pad=0, unk=1, cls=2, sep=3, mask=4)


def noisy(split: TokenizedSplit, *, seed: int = 0, epoch: int = 0, **rates: float) -> TokenizedSplit:
    return augment(split, AugmentationSpec(**rates), seed=seed, epoch=epoch, special=SPECIAL)


def framed(rows: list[tuple[list[int], list[int] | None]]) -> TokenizedSplit:
    """Rows of one or two sentences in their frames."""
    ids = [[2, *a, 3, *([] if b is None else [*b, 3])] for a, b in rows]
    segments = [[0] * (len(a) + 2) + [1] * (0 if b is None else len(b) + 1) for a, b in rows]
    return tokenized_rows(ids, segments)


sentences = st.lists(st.sampled_from([1, 4, *range(5, 30)]), max_size=8)
splits = st.lists(st.tuples(sentences, st.none() | sentences), max_size=8).map(framed)
rates = st.floats(0.01, 0.99)


def ordinary(row: list[int]) -> list[int]:
    return [token for token in row if token >= 5]


LONG = framed([(list(range(5, 205)), None), (list(range(5, 105)), list(range(105, 205)))])


def test_rates_of_zero_give_the_same_object() -> None:
    assert noisy(LONG) is LONG


@given(split=splits, deletion=rates, swap=rates, masking=rates, seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_special_tokens_classes_and_input_are_untouched(
    split: TokenizedSplit, deletion: float, swap: float, masking: float, seed: int, epoch: int
) -> None:
    before = ids_of(split)
    changed = noisy(split, seed=seed, epoch=epoch, deletion_rate=deletion, swap_rate=swap, masking_rate=masking)
    assert ids_of(split) == before
    assert changed.labels.tolist() == split.labels.tolist()
    assert [array.dtype for array in (changed.token_ids, changed.segment_ids, changed.offsets)] == [
        np.int32,
        np.int32,
        np.int64,
    ]
    for old, new in zip(before, ids_of(changed), strict=True):
        # Masking adds [MASK]: leave it out on both sides.
        assert [t for t in new if t in (1, 2, 3)] == [t for t in old if t in (1, 2, 3)]
        assert new.count(4) >= old.count(4)


@given(split=splits, rate=rates, seed=st.integers(0, 9))
def test_deletion_keeps_the_order_and_at_least_one_wordpiece(split: TokenizedSplit, rate: float, seed: int) -> None:
    changed = noisy(split, seed=seed, deletion_rate=rate)
    for old, new in zip(ids_of(split), ids_of(changed), strict=True):
        remaining = iter(old)
        assert all(token in remaining for token in new)
        assert bool(ordinary(new)) is bool(ordinary(old))
        assert [t for t in new if t < 5] == [t for t in old if t < 5]


def test_deletion_leaves_exactly_one_of_a_row_that_drew_nothing_but_deletions() -> None:
    rows = framed([([5, 6, 7], None)] * 200)
    lengths = Counter(len(ordinary(row)) for row in ids_of(noisy(rows, deletion_rate=0.999)))
    assert lengths[1] > 190
    assert set(lengths) <= {1, 2}
    assert len({tuple(row) for row in ids_of(noisy(rows, deletion_rate=0.999))}) >= 3  # which one is drawn too


@given(split=splits, rate=rates, seed=st.integers(0, 9))
def test_segments_follow_their_wordpieces(split: TokenizedSplit, rate: float, seed: int) -> None:
    """Each [SEP] closes its sentence, so the segment of a token is the number of [SEP] before it in its row."""
    changed = noisy(split, seed=seed, deletion_rate=rate, swap_rate=rate, masking_rate=rate)
    for row, start in zip(ids_of(changed), changed.offsets.tolist(), strict=False):
        before = np.cumsum([0, *(token == 3 for token in row[:-1])])
        assert changed.segment_ids[start : start + len(row)].tolist() == before.tolist()


@given(split=splits, rate=rates, seed=st.integers(0, 9))
def test_swaps_move_wordpieces_within_their_sentence_only(split: TokenizedSplit, rate: float, seed: int) -> None:
    changed = noisy(split, seed=seed, swap_rate=rate)
    assert changed.offsets.tolist() == split.offsets.tolist()
    assert changed.segment_ids.tolist() == split.segment_ids.tolist()
    fixed = np.isin(split.token_ids, SPECIAL)
    assert changed.token_ids[fixed].tolist() == split.token_ids[fixed].tolist()
    assert np.isin(changed.token_ids, SPECIAL).tolist() == fixed.tolist()
    stretch = np.cumsum(fixed)  # WordPieces between two special tokens
    for number in set(stretch.tolist()):
        assert Counter(changed.token_ids[stretch == number]) == Counter(split.token_ids[stretch == number])


@given(swaps=st.lists(st.booleans(), min_size=2, max_size=12))
def test_swaps_are_those_made_one_by_one_from_left_to_right(swaps: list[bool]) -> None:
    row = list(range(10, 10 + len(swaps)))
    split = tokenized_rows([row])
    draws = np.where(swaps, 0.0, 0.9)
    changed = _swap(split, np.ones(len(row), dtype=np.bool_), draws, 0.5)
    for place, swap in enumerate(swaps[:-1]):
        if swap:
            row[place], row[place + 1] = row[place + 1], row[place]
    assert changed.token_ids.tolist() == row


@given(split=splits, rate=rates, seed=st.integers(0, 9))
def test_masking_replaces_wordpieces_in_place(split: TokenizedSplit, rate: float, seed: int) -> None:
    changed = noisy(split, seed=seed, masking_rate=rate)
    assert changed.offsets.tolist() == split.offsets.tolist()
    differs = changed.token_ids != split.token_ids
    assert set(changed.token_ids[differs].tolist()) <= {SPECIAL.mask}
    assert not np.any(np.isin(split.token_ids[differs], SPECIAL))


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_rates_are_met_on_the_average(rate: float) -> None:
    """Four standard errors of 20,000 WordPieces; the draw is fixed."""
    many = framed([(list(range(5, 205)), None)] * 100)
    margin = 4 * (rate * (1 - rate) / 20_000) ** 0.5
    deleted = 1 - (len(noisy(many, deletion_rate=rate).token_ids) - 200) / 20_000
    masked = float(np.mean(noisy(many, masking_rate=rate).token_ids == SPECIAL.mask)) * 202 / 200
    unmoved = float(np.mean(noisy(many, swap_rate=rate).token_ids == many.token_ids))
    assert abs(deleted - rate) < margin
    assert abs(masked - rate) < margin
    assert unmoved < 1 - rate  # a swap moves two


def test_noise_depends_on_seed_and_epoch_alone() -> None:
    def ids(seed: int, epoch: int) -> tuple[int, ...]:
        changed = noisy(LONG, seed=seed, epoch=epoch, deletion_rate=0.2, swap_rate=0.2, masking_rate=0.2)
        return tuple(changed.token_ids.tolist())

    assert ids(0, 0) == ids(0, 0)
    assert len({ids(0, 0), ids(1, 0), ids(0, 1)}) == 3


def test_each_kind_of_noise_has_its_own_draws() -> None:
    deleted = set(LONG.token_ids.tolist()) - set(noisy(LONG, deletion_rate=0.3).token_ids.tolist())
    masked = set(LONG.token_ids.tolist()) - set(noisy(LONG, masking_rate=0.3).token_ids.tolist())
    assert deleted != masked


def test_a_split_without_rows_stays_empty() -> None:
    empty = tokenized_rows([])
    changed = noisy(empty, deletion_rate=0.5, swap_rate=0.5, masking_rate=0.5)
    assert changed.rows == len(changed.token_ids) == 0
