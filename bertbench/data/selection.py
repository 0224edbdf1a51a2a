"""Which of the rows that were read make the benchmark: pure functions on rows.

They are applied in the order of this file: classes, duplicates, validation share, number of rows.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from bertbench.data.dataset import Row
from bertbench.data.identity import Identity, identity
from bertbench.errors import DataError

Splits = dict[str, list[Row]]

#: Rows of an earlier split win: training rows are the ones that can be spared.
_DUPLICATES_STAY_IN = ("validation", "test", "train")


def keep_labels(splits: Mapping[str, Sequence[Row]], labels: Sequence[str]) -> Splits:
    """Only the rows of these classes.

    Raises:
        DataError: If a class occurs in no split, or a split has no row left.
    """
    there = {row.label for rows in splits.values() for row in rows}
    for label in labels:
        if label not in there:
            raise _unknown_label(label, there)
    kept = {split: [row for row in rows if row.label in labels] for split, rows in splits.items()}
    for split, rows in kept.items():
        if not rows:
            raise DataError(
                f"{split}: no row left of the {len(splits[split])}; none is of a class in data.labels",
                remedy=f"keep classes that {split} has too, or add rows of these to it",
            )
    return kept


def _unknown_label(label: str, there: Iterable[str]) -> DataError:
    nearest = difflib.get_close_matches(label, there, n=1)
    shown = f"{nearest[0]!r}" if nearest else "one of " + ", ".join(map(repr, sorted(there)[:20]))
    return DataError(f"data.labels: no row of any split is of class {label!r}", remedy=f"write {shown}")


def drop_duplicates(splits: Mapping[str, Sequence[Row]], how: Literal["no", "exact", "folded"]) -> Splits:
    """Only the first row of each text, over all splits; validation first, then test, then train.

    A row of two sentences repeats another if both sentences do. The class does not matter: the same text under another
    class is a duplicate too.

    Raises:
        DataError: If a split has no row left.
    """
    if how == "no":
        return {split: list(rows) for split, rows in splits.items()}
    seen: set[Identity] = set()
    kept = {}
    for split in _DUPLICATES_STAY_IN:
        if split in splits:
            kept[split] = _unseen(splits[split], seen, folded=how == "folded")
    for split, rows in kept.items():
        if not rows:
            raise DataError(
                f"{split}: no row left; each of the {len(splits[split])} repeats one of another split",
                remedy="is one file given for two splits? write its own, or data.validation_fraction in its place",
            )
    return {split: kept[split] for split in splits}


def _unseen(rows: Iterable[Row], seen: set[Identity], *, folded: bool) -> list[Row]:
    """Rows whose text is not in *seen*, which grows."""
    kept = []
    for row in rows:
        key = identity(row.sentences, folded=folded)
        if key not in seen:
            seen.add(key)
            kept.append(row)
    return kept


def split_off_validation(rows: Sequence[Row], fraction: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Draw a share of each class.

    Whether a row is drawn depends on its text, its class and *seed*, and on how many rows of its class there are; not
    on where in the file it stands. A class of n rows gives the nearest whole number to fraction * n, but at least one
    and never all; a class of one row gives none.

    Args:
        rows: All rows.
        fraction: Share of rows to draw, between 0 and 1.
        seed: Of the draw.

    Returns:
        The rows that stay, and those drawn; both in the order of the file.
    """
    by_label: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        by_label[row.label].append(number)
    drawn: set[int] = set()
    for numbers in by_label.values():
        ranked = sorted(numbers, key=lambda number: _rank(rows[number], seed))
        drawn.update(ranked[: _share(len(numbers), fraction)])
    stay = [row for number, row in enumerate(rows) if number not in drawn]
    return stay, [rows[number] for number in sorted(drawn)]


def _rank(row: Row, seed: int) -> str:
    """A number drawn for the row's content, as hex digits."""
    return hashlib.sha256(json.dumps([seed, *row.sentences]).encode()).hexdigest()


def _share(rows: int, fraction: float) -> int:
    return min(max(math.floor(fraction * rows + 0.5), 1), rows - 1)


def first_rows_in_turn(rows: Sequence[Row], count: int, label_names: Sequence[str], *, split: str) -> list[Row]:
    """Keep *count* rows: the first of each class in turn, then the second of each, and so on.

    Args:
        rows: In the order of the file.
        count: How many to keep.
        label_names: Order of the classes within a turn; a class that has no row left is passed over.
        split: Name of the split, for messages.

    Returns:
        The rows kept, in the order of the file.

    Raises:
        DataError: If there are fewer.
    """
    if count > len(rows):
        raise DataError(
            f"data.{split}_rows = {count}, but there are {len(rows)} rows",
            remedy=f"ask for {len(rows)} or fewer, or leave data.{split}_rows out to have them all",
        )
    turn_of_label = dict.fromkeys(label_names, 0)
    place_of_label = {name: place for place, name in enumerate(label_names)}
    order: list[tuple[int, int, int]] = []
    for number, row in enumerate(rows):
        order.append((turn_of_label[row.label], place_of_label[row.label], number))
        turn_of_label[row.label] += 1
    return [rows[number] for number in sorted(number for *_, number in sorted(order)[:count])]
