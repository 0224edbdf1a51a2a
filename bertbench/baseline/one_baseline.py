"""When are two files one baseline? When no verdict can tell them apart, whoever accepted them, when, and where."""

from __future__ import annotations

import hashlib
import json

from bertbench.baseline.fields import Baseline


def verdict_digest(baseline: Baseline) -> str:
    """SHA-256 (64 hex digits) of all that a verdict can rest on: what the runs are of, and what each seed came to.

    Left out is what is only told or shown, and would be another if the same seeds were run and accepted again: names of
    runs, dates, commit, versions, seconds, machine. So are numerics and the factory: seeds of equal bits are one bank
    wherever they ran, and seeds of other bits have other digests. What follows from bits and rows (wrong rows, losses,
    other quality) adds nothing to them. Distinct rows are counted as the rule counts them, so that a baseline of an
    older schema, which does not know their number, is no other one where all rows differ.
    """
    rests_on = {
        "spec": baseline.spec,
        "spec_fingerprint": baseline.spec_fingerprint,
        "data_sha256": baseline.data_sha256,
        "tokenizer_sha256": baseline.tokenizer_sha256,
        "weights_sha256": baseline.weights_sha256,
        "label_names": baseline.label_names,
        "validation_rows": baseline.validation_rows,
        "distinct_rows": baseline.distinct_rows,
        "seeds": [[seed.seed, seed.hits, seed.digests.model_dump()] for seed in baseline.seeds],
    }
    return hashlib.sha256(json.dumps(rests_on, sort_keys=True).encode()).hexdigest()
