"""Did validation rows reach the training? What the records themselves say, checked without statistics.

Better than chance explains is what a leak looks like, so the notice of it comes with these. They fail nothing of their
own: rows that are not those read fail the recipe lock, leaks from a hundredth of the rows on stop the run at its data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bertbench.baseline import Baseline
from bertbench.record import RunRecord, SeedRun
from bertbench.spec import AugmentationSpec
from bertbench.verdict.candidate import Candidate

Found = Literal["found", "checked", "not known"]

#: In the order in which they are told: what matters first.
_ORDER: tuple[Found, ...] = ("found", "checked", "not known")
_LABELS = "labels"
#: Seeds named in one sentence.
_SHOWN = 5
#: Names of the parts of a split's rows that are held, of one run.
_Parts = Callable[[RunRecord, str], Sequence[str]]


@dataclass(frozen=True)
class LeakCheck:
    """One check.

    Attributes:
        result: `found` something, `checked` and found nothing, or `not known`, since a record lacks it.
        text: What, in words that go on after the result.
    """

    result: Found
    text: str


def leak_checks(candidate: Candidate, baseline: Baseline) -> tuple[LeakCheck, ...]:
    """All checks: rows in both splits, labels, rows given to the engine, the baseline's data.

    Args:
        candidate: What ran.
        baseline: What it is held against.
    """
    return (
        _both_splits(candidate),
        _held(candidate, _labels, clean="labels as read", unknown="whether labels are as read"),
        _held(
            candidate,
            _content,
            clean=_given(candidate),
            unknown="whether the rows given to the engine are those read",
        ),
        _same_data(candidate, baseline),
    )


def leak_checks_told(checks: Sequence[LeakCheck]) -> str:
    """In one or more sentences, what was found first."""
    by_result = {result: [check.text for check in checks if check.result == result] for result in _ORDER}
    return " ".join(f"{result.capitalize()}: {'; '.join(texts)}." for result, texts in by_result.items() if texts)


def loss_told(bank: Sequence[float], run: Sequence[float]) -> str:
    """The change of validation loss, which shows a leak sooner than accuracy; nothing if a side has no seed.

    Args:
        bank: Validation loss of the baseline's seeds, in nats.
        run: Likewise of the run's.
    """
    if not bank or not run:
        return ""
    before, now = (math.fsum(side) / len(side) for side in (bank, run))
    if not math.isfinite(before) or not math.isfinite(now):
        return ""
    if f"{before:.4f}" == f"{now:.4f}":
        change = f"did not change ({now:.4f} nats)"
    else:
        verb = "fell" if now < before else "rose"
        change = f"{verb} by {abs(now - before):.4f} nats ({before:.4f} to {now:.4f})"
    return f"Validation loss, which shows a leak sooner, {change}."


# The checks


def _both_splits(candidate: Candidate) -> LeakCheck:
    """Of the data checks; they always note something, so a record without a finding has not written them down."""
    findings = [finding for record in candidate.records if record.data for finding in record.data.findings]
    if not findings:
        return LeakCheck("not known", "whether a row is in both splits")
    leaks = [finding for finding in findings if (finding.name, finding.split) == ("leak", "validation")]
    if not leaks:
        return LeakCheck("checked", "no row is in both splits")
    rows = f" ({', '.join(leaks[0].rows[:_SHOWN])})" if leaks[0].rows else ""
    return LeakCheck("found", f"validation: {leaks[0].message}{rows}")


def _held(candidate: Candidate, parts: _Parts, *, clean: str, unknown: str) -> LeakCheck:
    """Digests of the rows that the engine was given against those of the rows as read, in every seed."""
    differing: dict[str, list[tuple[int, str]]] = {}
    is_known = bool(candidate.seeds)
    for record, run in _seeds(candidate):
        for split, part, wanted, found in _digests(record, run, parts):
            if wanted is None or found is None:
                is_known = False
            elif wanted != found:
                differing.setdefault(f"{part} of the {split} rows", []).append((run.seed, record.run_id))
    if differing:
        seeds = sorted({seen for seeds in differing.values() for seen in seeds})
        more = f" and {len(seeds) - _SHOWN} more" if len(seeds) > _SHOWN else ""
        named = f"seed {', '.join(str(seed) for seed, _ in seeds[:_SHOWN])}{more}"
        what = f"{', '.join(differing)} given to the engine are not those read"
        return LeakCheck("found", f"{what} ({named}; recipe_lock fails on it: bertbench show {seeds[0][1]})")
    return LeakCheck("checked", clean) if is_known else LeakCheck("not known", unknown)


def _same_data(candidate: Candidate, baseline: Baseline) -> LeakCheck:
    """Texts, labels and splits, by their digest."""
    read = {record.data.sha256 for record in candidate.records if record.data}
    if not read:
        return LeakCheck("not known", "whether the data are the baseline's")
    if read == {baseline.data_sha256}:
        return LeakCheck("checked", "the data are the baseline's")
    return LeakCheck("found", "the data are not the baseline's")


# What they look at


def _seeds(candidate: Candidate) -> Iterator[tuple[RunRecord, SeedRun]]:
    """Completed seeds that count, each with the run it belongs to."""
    counting = {run.seed: run for run in candidate.seeds}
    for record in candidate.records:
        for run in record.seeds:
            if counting.get(run.seed) is run:
                yield record, run


def _digests(record: RunRecord, run: SeedRun, parts: _Parts) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Split, part, the digest as read and the digest as given; None for one that nobody wrote down."""
    read, seen = record.data.rows_sha256 if record.data else {}, run.evidence
    given = {"train": seen.train_rows, "validation": seen.validation_rows} if seen else {}
    for split in ("train", "validation"):
        for part in parts(record, split):
            yield split, part, read.get(split, {}).get(part), given.get(split, {}).get(part)


def _labels(_record: RunRecord, _split: str) -> Sequence[str]:
    return (_LABELS,)


def _content(record: RunRecord, split: str) -> Sequence[str]:
    """All but the labels; of training rows that are changed on purpose nothing."""
    changed = split == "train" and record.spec.augmentation != AugmentationSpec()
    return () if changed else ("words", "segments", "positions", "lengths")


def _given(candidate: Candidate) -> str:
    if candidate.first.spec.augmentation == AugmentationSpec():
        return "the rows given to the engine are those read"
    return "the validation rows given to the engine are those read (training rows are changed on purpose: augmentation)"
