"""Noise on the WordPieces of training rows: deletion, then swaps, then masking."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from bertbench.data.batches import TokenizedSplit
from bertbench.data.draws import uniform_draws
from bertbench.data.tokenizer import SpecialTokenIds
from bertbench.spec import AugmentationSpec


def augment(
    split: TokenizedSplit,
    augmentation: AugmentationSpec,
    *,
    seed: int,
    epoch: int,
    special: SpecialTokenIds,
) -> TokenizedSplit:
    """Draw one epoch's noise.

    Args:
        split: The rows as they were read.
        augmentation: The rates, each 0 or more and below 1.
        seed: Seed of the run.
        epoch: Epoch, from 0; each has its own noise.
        special: Ids that are never touched: [PAD], [UNK], [CLS], [SEP], [MASK].

    Returns:
        New rows; *split* itself where all rates are 0.
    """

    def draws(purpose: str) -> NDArray[np.float64]:
        return uniform_draws(seed, f"augmentation: {purpose}", epoch, len(split.token_ids))

    if augmentation.deletion_rate and split.rows:
        split = _delete(split, _ordinary(split, special), draws("deletion"), augmentation.deletion_rate)
    if augmentation.swap_rate:
        split = _swap(split, _ordinary(split, special), draws("swap"), augmentation.swap_rate)
    if augmentation.masking_rate:
        masked = _ordinary(split, special) & (draws("masking") < augmentation.masking_rate)
        ids = np.where(masked, np.int32(special.mask), split.token_ids)
        split = dataclasses.replace(split, token_ids=ids)
    return split


def _ordinary(split: TokenizedSplit, special: SpecialTokenIds) -> NDArray[np.bool_]:
    """Which tokens are WordPieces of text: bool (tokens,)."""
    return ~np.isin(split.token_ids, special)


def _delete(
    split: TokenizedSplit, ordinary: NDArray[np.bool_], draws: NDArray[np.float64], rate: float
) -> TokenizedSplit:
    """Leave out WordPieces that drew less than *rate*, but for the row's highest draw: so one always stays."""
    own = np.where(ordinary, draws, -1.0)  # (tokens,)
    highest = np.maximum.reduceat(own, split.offsets[:-1])  # (rows,); every row holds [CLS] at least
    keep = ~ordinary | (draws >= rate) | (draws == np.repeat(highest, split.lengths))
    kept_before = np.concatenate(([0], np.cumsum(keep)))  # (tokens + 1,)
    return dataclasses.replace(
        split,
        token_ids=split.token_ids[keep],
        segment_ids=split.segment_ids[keep],
        offsets=kept_before[split.offsets],
    )


def _swap(
    split: TokenizedSplit, ordinary: NDArray[np.bool_], draws: NDArray[np.float64], rate: float
) -> TokenizedSplit:
    """Go from left to right; a WordPiece that drew less than *rate* changes places with its right neighbour.

    [CLS] and [SEP] stand between rows and between sentences, so neighbours are always of one sentence. A run of swaps
    carries one WordPiece to the run's end and moves the others one place to the left: that is how it is computed.
    """
    places = np.arange(len(draws))
    has_neighbour = np.append(ordinary[:-1] & ordinary[1:], False)[: len(draws)]
    swaps = has_neighbour & (draws < rate)
    after_swap = np.append(False, swaps[:-1])[: len(draws)]
    run_start = np.maximum.accumulate(np.where(after_swap, 0, places))  # (tokens,), where the run around a place begins
    source = np.where(swaps, places + 1, np.where(after_swap, run_start, places))
    return dataclasses.replace(split, token_ids=split.token_ids[source])
