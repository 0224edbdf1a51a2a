"""Self-tests by hand."""

from __future__ import annotations

from typing import Any

from record_maker import STARTED, make_spec

from bertbench.selftest.plan import PARTS
from bertbench.selftest.record import PartFacts, SelfTest


def made_selftest(**changes: Any) -> SelfTest:
    """One in which nothing was measured, but for *changes*."""
    fields: dict[str, Any] = {
        "selftest_id": "one",
        "bertbench_version": "0.1.0",
        "spec": make_spec(),
        "spec_fingerprint": "f" * 64,
        "validation_rows": 100,
        "gated_specs": 1,
        "margin_points": 1.0,
        "started_at": STARTED,
        "finished_at": STARTED,
        "budget_seconds": 600.0,
        "random_seed": 0,
        "parts": tuple(PartFacts(name=name, planned="some") for name in PARTS),
        "outcome": "undecided",
    }
    return SelfTest(**(fields | changes))
