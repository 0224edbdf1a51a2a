"""The checks that run before training, each saying which rows.

Hard faults make every number measured on the data wrong or meaningless; soft ones are for a person to weigh. Shares (of
the largest class, of rows cut, of unknown WordPieces) are always reported, so that the record has them; where they are
harmless they are notes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bertbench.data.batches import TokenizedSplit
from bertbench.data.dataset import Dataset, Split
from bertbench.data.duplicates import check_duplicates
from bertbench.data.findings import Finding, Severity, finding_of_rows
from bertbench.data.identity import fold
from bertbench.data.tokenization import TokenizedDataset
from bertbench.quantities import QUALITY

#: Longer texts are no sentences; they are cut like any other.
LONG_TEXT_CHARACTERS = 100_000
#: A class this many times as frequent as it would be among equals is an imbalance worth a look; below, a note.
IMBALANCE_RATIO = 1.5
#: Cut rows, or unknown WordPieces, from this share on are worth a look; below, a note.
WORTH_A_LOOK_SHARE = 0.01


def check(dataset: Dataset, tokenized: TokenizedDataset) -> tuple[Finding, ...]:
    """Run all checks.

    Args:
        dataset: The rows.
        tokenized: The same rows, tokenized.

    Returns:
        What was found, in the order of the checks.
    """
    return (
        *_check_classes(dataset),
        *(finding for name, split in dataset.splits.items() for finding in _check_text(name, split)),
        *(finding for name in dataset.splits for finding in _check_wordpieces(name, dataset, tokenized)),
        *check_duplicates(dataset),
    )


def _check_classes(dataset: Dataset) -> Iterator[Finding]:
    train, names = dataset.splits["train"], dataset.label_names
    if len(set(train.labels)) == 1:
        message = f"all {train.rows} rows are of one class, {names[train.labels[0]]!r}; there is nothing to learn"
        yield Finding("one_class", "hard", "train", message, remedy="give rows of two classes or more")
    yield from _similar_labels(dataset)
    yield from _missing_labels(dataset, "train", "hard")
    yield from _missing_labels(dataset, "validation", "soft")
    for split, rows in dataset.splits.items():
        yield _imbalance(split, rows, names)


def _similar_labels(dataset: Dataset) -> Iterator[Finding]:
    """Names that differ only in case and spacing: a slip of the hand more often than two classes."""
    alike: dict[str, list[str]] = {}
    for name in dataset.label_names:
        alike.setdefault(fold(name), []).append(name)
    for names in alike.values():
        if len(names) > 1:
            yield Finding(
                "similar_labels",
                "soft",
                "train",
                f"classes {', '.join(map(repr, names))} differ only in case and spacing",
                remedy="write one name if they are one class",
            )


def _missing_labels(dataset: Dataset, split: str, severity: Severity) -> Iterator[Finding]:
    there = set(dataset.splits[split].labels)
    missing = [number for number in range(len(dataset.label_names)) if number not in there]
    if missing:
        elsewhere = [
            origin
            for other in dataset.splits.values()
            for origin, label in zip(other.origins, other.labels, strict=True)
            if label in missing
        ]
        listed = ", ".join(repr(dataset.label_names[number]) for number in missing)
        yield finding_of_rows(
            f"label_missing_from_{split}",
            severity,
            split,
            elsewhere,
            f"no row of class {listed}, which other splits have",
            remedy="add rows of it, or keep other classes only: data.labels",
        )


def _imbalance(split: str, rows: Split, names: Sequence[str]) -> Finding:
    label, count = Counter(rows.labels).most_common(1)[0]
    accuracy = count / rows.rows
    return Finding(
        "imbalance",
        "soft" if accuracy >= IMBALANCE_RATIO / len(names) else "note",
        split,
        f"{count} of {rows.rows} rows are of class {names[label]!r}: always answering it gives accuracy "
        f"{QUALITY['accuracy'].format(accuracy)}",
        value=accuracy,
    )


def _check_text(name: str, split: Split) -> Iterator[Finding]:
    unreadable = [row for row in range(split.rows) if any(map(_is_unreadable, _sentences(split, row)))]
    if unreadable:
        message = "with NUL bytes or lone surrogates, which are no text"
        remedy = "NUL bytes often come from UTF-16 read as something else: see data.encoding"
        yield _of(name, split, unreadable, check="unreadable_text", severity="hard", message=message, remedy=remedy)
    replaced = [row for row in range(split.rows) if any("\ufffd" in text for text in _sentences(split, row))]
    if replaced:
        message = "with U+FFFD, put there by a program that could not decode a character"
        yield _of(name, split, replaced, check="replacement_character", severity="soft", message=message)
    long = [row for row in range(split.rows) if max(map(len, _sentences(split, row))) > LONG_TEXT_CHARACTERS]
    if long:
        message = f"with more than {LONG_TEXT_CHARACTERS:,} characters; perhaps a quote was never closed"
        yield _of(name, split, long, check="long_text", severity="soft", message=message)


def _sentences(split: Split, row: int) -> tuple[str, ...]:
    return (split.texts[row],) if split.text_pairs is None else (split.texts[row], split.text_pairs[row])


def _is_unreadable(text: str) -> bool:
    return "\0" in text or (not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text))


def _check_wordpieces(name: str, dataset: Dataset, tokenized: TokenizedDataset) -> Iterator[Finding]:
    split, tokens = dataset.splits[name], tokenized.splits[name]
    framing = 2 if split.text_pairs is None else 3  # [CLS] and one [SEP] after each sentence
    blank = {row for row in range(split.rows) if not all(text.strip() for text in _sentences(split, row))}
    empty = sorted(blank | set(np.flatnonzero(tokens.lengths == framing).tolist()))
    if empty:
        message = "without text: nothing, white space, or only characters that the tokenizer drops"
        yield _of(
            name, split, empty, check="empty_text", severity="hard", message=message, remedy="leave these rows out"
        )
    cut = tokenized.cut_rows[name]
    yield _of(
        name,
        split,
        cut.tolist(),
        check="cut_rows",
        severity=_severity_of_share(len(cut) / split.rows),
        message=f"cut to {tokenized.max_length_tokens} tokens",
        value=len(cut) / split.rows,
        remedy="raise data.max_length_tokens" if len(cut) else "",
    )
    yield _unknown(name, split, tokens, tokenized, framing)


def _unknown(name: str, split: Split, tokens: TokenizedSplit, tokenized: TokenizedDataset, framing: int) -> Finding:
    unknown, pieces = tokenized.unknown_tokens[name], len(tokens.token_ids) - framing * split.rows
    rows = np.flatnonzero(np.add.reduceat(tokens.token_ids == tokenized.special.unk, tokens.offsets[:-1], dtype=int))
    share = unknown / pieces if pieces else 0.0
    return _of(
        name,
        split,
        rows.tolist(),
        check="unknown_wordpieces",
        severity=_severity_of_share(share),
        message=f"with [UNK], {unknown} of {pieces} WordPieces: the vocabulary lacks their characters",
        value=share,
    )


def _severity_of_share(share: float) -> Severity:
    return "soft" if share >= WORTH_A_LOOK_SHARE else "note"


def _of(
    name: str,
    split: Split,
    rows: Sequence[int],
    *,
    check: str,
    severity: Severity,
    message: str,
    **more: Any,
) -> Finding:
    """A finding about rows, given by number; *message* goes on after how many there are."""
    origins = [split.origins[row] for row in rows]
    return finding_of_rows(check, severity, name, origins, f"{len(rows)} of {split.rows} rows {message}", **more)
