"""Rows that say the same: within a split, across splits, under different classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bertbench.data.dataset import Dataset, Split
from bertbench.data.findings import Finding, finding_of_rows
from bertbench.data.identity import Identity, identity

#: A leak is hard from one row in this many of the split that is leaked into: one percent. Below that it moves accuracy
#: by less than a point even if every leaked row were wrong before.
HARD_LEAK_ONE_IN = 100

_REMEDY = 'data.deduplicate = "folded" keeps the first of them: validation first, then test, then train'


def check_duplicates(dataset: Dataset) -> Iterator[Finding]:
    """Duplicates and contradictions within each split, then leaks from each split into a later one.

    Rows are the same if their texts are, case and spacing ignored: an uncased model cannot tell them apart.
    """
    for name, split in dataset.splits.items():
        groups = _groups(split)
        yield from _repeated(name, split, groups)
        yield from _contradictions(name, split, groups)
    for source, target in (("train", "validation"), ("train", "test"), ("validation", "test")):
        if target in dataset.splits:
            yield from _leak(dataset, source, target)


def _identity(split: Split, row: int, *, folded: bool = True) -> Identity:
    pair = () if split.text_pairs is None else (split.text_pairs[row],)
    return identity((split.texts[row], *pair), folded=folded)


def _groups(split: Split) -> list[list[int]]:
    """Rows that say the same, where there are two or more; each group in the order of the file."""
    rows_of: dict[Identity, list[int]] = defaultdict(list)
    for row in range(split.rows):
        rows_of[_identity(split, row)].append(row)
    return [rows for rows in rows_of.values() if len(rows) > 1]


def _repeated(name: str, split: Split, groups: list[list[int]]) -> Iterator[Finding]:
    later = sorted(row for rows in groups for row in rows[1:])
    if later:
        yield finding_of_rows(
            "duplicates",
            "soft",
            name,
            [split.origins[row] for row in later],
            f"{len(later)} of {split.rows} rows the same as an earlier one, case and spacing ignored",
            value=len(later) / split.rows,
            remedy=_REMEDY,
        )


def _contradictions(name: str, split: Split, groups: list[list[int]]) -> Iterator[Finding]:
    rows = [row for group in groups if len({split.labels[row] for row in group}) > 1 for row in group]
    if rows:
        yield finding_of_rows(
            "conflicting_labels",
            "soft",
            name,
            [split.origins[row] for row in rows],
            f"{len(rows)} rows with the text of another row, but another class",
            value=len(rows) / split.rows,
            remedy="decide on one class for each text",
        )


def _leak(dataset: Dataset, source: str, target: str) -> Iterator[Finding]:
    here, there = dataset.splits[source], dataset.splits[target]
    labels_here: dict[Identity, set[int]] = defaultdict(set)
    for row in range(here.rows):
        labels_here[_identity(here, row)].add(here.labels[row])
    leaked = [row for row in range(there.rows) if _identity(there, row) in labels_here]
    if not leaked:
        return
    verbatim = {_identity(here, row, folded=False) for row in range(here.rows)}
    exact = sum(_identity(there, row, folded=False) in verbatim for row in leaked)
    other = sum(labels_here[_identity(there, row)] != {there.labels[row]} for row in leaked)
    is_hard = source == "train" and len(leaked) * HARD_LEAK_ONE_IN >= there.rows
    yield finding_of_rows(
        "leak",
        "hard" if is_hard else "soft",
        target,
        [there.origins[row] for row in leaked],
        f"{len(leaked)} of {there.rows} rows also in {source}, case and spacing ignored: "
        f"{exact} of them to the letter, {other} under another class",
        value=len(leaked) / there.rows,
        remedy=_REMEDY,
    )
