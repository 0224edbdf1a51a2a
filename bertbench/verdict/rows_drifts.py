"""The part of the recipe lock that is about rows: what the engine was given, in which order, with which weight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bertbench.data import row_order
from bertbench.evidence import order_sha256
from bertbench.record import DataFacts, Evidence, RunRecord, SeedRun
from bertbench.spec import AugmentationSpec
from bertbench.verdict.drifts import Drift, held, not_recorded


def rows_drifts(record: RunRecord, run: SeedRun) -> Iterator[Drift]:
    """What drifted or is not recorded, the first things first."""
    data, seen = record.data, run.evidence
    if data is None or seen is None or not data.rows_sha256:
        yield not_recorded("rows and their order")
        return
    # Noise changes words, segments and lengths of training rows on purpose, and never their classes.
    is_plain = record.spec.augmentation == AugmentationSpec()
    yield from _content("train", data.rows_sha256["train"], seen.train_rows, () if is_plain else ("labels",))
    yield from _content("validation", data.rows_sha256["validation"], seen.validation_rows)
    yield from _order(record, run, data, seen)
    yield from _class_weights(record, data, seen)


def _content(
    split: str, wanted: Mapping[str, str], found: Mapping[str, str], only: Sequence[str] = ()
) -> Iterator[Drift]:
    for part, digest in wanted.items():
        if part in (only or wanted):
            yield from held(f"{part} of the {split} rows", digest, found.get(part), by="the data")


def _order(record: RunRecord, run: SeedRun, data: DataFacts, seen: Evidence) -> Iterator[Drift]:
    """The first epoch whose rows came in another order than its seed gives, or some of them not at all."""
    yield from held("epochs whose order was seen", len(run.epochs), len(seen.row_orders), by="the record")
    for epoch, found in enumerate(seen.row_orders):
        order = row_order(run.seed, epoch, data.rows["train"], shuffle=record.spec.training.shuffle)
        if found != (wanted := order_sha256(order)):
            yield Drift(f"order of the training rows in epoch {epoch}: {wanted!r} by the seed, {found!r} live")
            return


def _class_weights(record: RunRecord, data: DataFacts, seen: Evidence) -> Iterator[Drift]:
    """Weight of each class in the loss, of those that have rows."""
    weights, counts = record.spec.training.class_weights, seen.rows_by_class
    for number, (name, found) in enumerate(zip(data.label_names, seen.weights_by_class, strict=True)):
        if not counts[number]:
            continue
        if weights is None:
            wanted = 1.0
        elif weights == "balanced":
            wanted = float(np.float32(sum(counts) / (len(counts) * counts[number])))
        else:
            wanted = weights[name]
        yield from held(f"training.class_weights of {name!r}", wanted, found, one_of="class weights")
