"""Two files are one baseline if no verdict can tell them apart: every field is on one side or the other."""

from __future__ import annotations

from typing import Any

import pytest
from baseline_examples import baseline_of, digests

from bertbench.baseline import Baseline, BaselineSeed, verdict_digest
from bertbench.record import Quality

#: Of each field another value, and whether a verdict can rest on it.
FIELDS: dict[str, tuple[Any, bool]] = {
    "schema_version": (3, False),
    "spec": ("other", True),
    "spec_fingerprint": ("0" * 64, True),
    "recipe": (None, False),  # its fingerprint says the same
    "numerics_fingerprint": ("0" * 64, False),
    "numerics": ({}, False),
    "machine_fingerprints": (("0" * 64,), False),
    "data_sha256": ("0" * 64, True),
    "weights_sha256": ("0" * 64, True),
    "tokenizer_sha256": ("0" * 64, True),
    "label_names": (("login", "billing"), True),
    "validation_rows": (301, True),
    "distinct_validation_rows": (299, True),
    "git_commit": ("0" * 40, False),
    "git_dirty": (True, False),
    "factory_sha256": ("0" * 64, False),
    "bertbench_version": ("0.0.0", False),
    "accepted_at": (None, False),
    "runs": (("another-run",), False),
    "seeds": (baseline_of({0: 290}).seeds, True),
}
SEED_FIELDS: dict[str, tuple[Any, bool]] = {
    "seed": (7, True),
    "quality": (Quality(loss=0.1, accuracy=0.1, macro_f1=0.1, matthews_correlation=0.1), False),
    "hits": (289, True),
    "wrong_rows": ((0,), False),
    "train_loss": ((0.1,), False),
    "validation_hits": ((), False),
    "epoch_seconds": ((9.0,), False),
    "digests": (digests(77), True),
}


def baseline() -> Baseline:
    return baseline_of({0: 290, 1: 291}, distinct=300)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_makes_another_baseline_if_a_verdict_can_rest_on_it(name: str) -> None:
    value, counts = FIELDS[name]
    changed = baseline().model_copy(update={name: value})
    assert changed != baseline()
    assert (verdict_digest(changed) != verdict_digest(baseline())) == counts


@pytest.mark.parametrize("name", SEED_FIELDS)
def test_so_does_a_field_of_a_seed(name: str) -> None:
    value, counts = SEED_FIELDS[name]
    first, *rest = baseline().seeds
    changed = baseline().model_copy(update={"seeds": (first.model_copy(update={name: value}), *rest)})
    assert changed != baseline()
    assert (verdict_digest(changed) != verdict_digest(baseline())) == counts


def test_every_field_is_on_one_side_or_the_other() -> None:
    assert set(FIELDS) == set(Baseline.model_fields)
    assert set(SEED_FIELDS) == set(BaselineSeed.model_fields)


def test_rows_that_nobody_counted_are_as_many_as_the_rule_takes_them_for() -> None:
    older = baseline().model_copy(update={"distinct_validation_rows": None})
    assert verdict_digest(older) == verdict_digest(baseline())
