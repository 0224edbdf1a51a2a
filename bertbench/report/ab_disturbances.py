"""Which processes of a comparison of speed the machine disturbed: pair, side, signal and size, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from bertbench.ab.fields import AbRecord, Measurement, Pair, counted

#: Disturbed pairs that are told; ab.json has all.
_SHOWN = 10


def disturbance_lines(record: AbRecord) -> Iterator[str]:
    """One line for each disturbed pair that counts, numbered from 1 in the order of measurement."""
    pairs = enumerate(counted(record.pairs), start=1)
    lines = [_line(number, pair) for number, pair in pairs if pair.measured.disturbed]
    yield from lines[:_SHOWN]
    if (more := len(lines) - _SHOWN) > 0:
        yield f"Disturbed, and {more} more: see ab.json."


def _line(number: int, pair: Pair) -> str:
    return f"Disturbed, pair {number}: {_said(pair.measured)}; {_again(pair.again)}."


def _again(again: Measurement | None) -> str:
    if again is None:
        return "not measured again"
    return f"measured again, and disturbed again: {_said(again)}" if again.disturbed else "measured again, undisturbed"


def _said(measurement: Measurement) -> str:
    """What the machine said against each side."""
    sides = (("baseline", measurement.base.disturbed), ("candidate", measurement.cand.disturbed))
    return "; ".join(f"{side}: {', '.join(signals)}" for side, signals in sides if signals)
