"""The tables of a self-test: what was measured, simulated, tried and promised, for its page and for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from bertbench.report.word_table import Loud, WordTable
from bertbench.selftest.fault_facts import FaultRow, UnchangedSpeed
from bertbench.selftest.figures import IntervalFacts, RateFacts
from bertbench.selftest.record import GateRow, PromiseFacts, SelfTest
from bertbench.stats import exact_rate
from bertbench.verdict.outcomes import TOO_FEW_SEEDS

_LAYERS = ("run", "lock", "identity", "quality", "speed")
_STANDINGS = {"shown": "green", "consistent": "green"}


def promise_table(promises: Sequence[PromiseFacts]) -> WordTable:
    """Each promise with what was seen of it."""
    return WordTable(
        ("seen where", "promise", "seen (exact 95 %)", "standing"),
        [(one.about, one.promise, _seen(one), _loud_if(one.standing, one.standing == "violated")) for one in promises],
        names=("promise", "standing"),
        styles=_STANDINGS,
    )


def part_table(found: SelfTest) -> WordTable:
    """What was planned, done and left out."""
    rows = [(one.name, one.planned, one.done, f"{one.seconds:.0f} s", one.left_out) for one in found.parts]
    return WordTable(("part", "planned", "done", "took", "left out"), rows)


def class_table(found: SelfTest) -> WordTable:
    """Spread and tail of every class."""
    headings = ("class", "changes", "seeds", "failed", "mean accuracy, %", "spread, points (95 %)", "below 2 spreads")
    rows = [
        (
            one.name,
            one.changed,
            str(len(one.hits)),
            str(len(one.failed_seeds)),
            _mean(one.hits.values(), found.validation_rows),
            interval(one.spread_points, 2) or TOO_FEW_SEEDS,
            percent(one.tail) or TOO_FEW_SEEDS,
        )
        for one in found.classes
    ]
    narrow = ("class", "seeds", "failed", "mean accuracy, %", "spread, points (95 %)")
    return WordTable(headings, rows, names=("class",), narrow=narrow)


def effect_table(found: SelfTest) -> WordTable:
    """Every harmless class against the spec's own."""
    rows = [
        (
            one.name,
            f"{one.equal_bits} of {one.shared_seeds}",
            interval(one.drop_points, 2) or "-",
            interval(one.correlation, 2) if one.correlation else one.note,
        )
        for one in found.effects
    ]
    headings = ("against own", "equal bits", "class effect: drop, points (95 %)", "same-seed correlation")
    return WordTable(headings, rows, names=("against own",))


def gate_table(rows: Sequence[GateRow], samples: str) -> WordTable:
    """How often each word comes.

    Args:
        rows: Of one gate.
        samples: What a run takes of them, such as 'seeds'.
    """
    headings = ("truth", "fail, %", "pass, %", "undecided, %", samples)
    cells = [
        (row.words, *(_share(rate) for rate in (row.fail, row.passed, row.undecided)), f"{row.samples:.1f}")
        for row in rows
    ]
    return WordTable(headings, cells, narrow=headings[:-1])


def trial_table(found: SelfTest) -> WordTable:
    """Every fresh comparison."""
    rows = [
        (
            f"{trial.bank_seeds[0]} to {trial.bank_seeds[-1]}",
            f"{trial.candidate_seeds[0]} to {trial.candidate_seeds[-1]}",
            str(trial.look),
            f"{trial.drop_points:+.2f}" if math.isfinite(trial.drop_points) else "-",
            trial.word,
        )
        for trial in (found.trials.counted if found.trials else ())
    ]
    return WordTable(("bank seeds", "candidate seeds", "look", "drop, points", "verdict"), rows)


def fault_table(found: SelfTest) -> WordTable:
    """Fault by layer, with what each does to accuracy and time; clean pairs of processes first."""
    rows = [_clean_row(one) for one in found.unchanged_speed]
    rows += [_fault_row(row) for row in found.faults if row.caught_by]
    return WordTable(
        ("fault", "what it does", *_LAYERS, "caught by", "seeds", "drop, points (95 %)", "slowdown"),
        rows,
        names=("fault", "caught by"),
        narrow=("fault", *_LAYERS, "caught by"),
    )


def _clean_row(seen: UnchangedSpeed) -> tuple[str, ...]:
    """What pairs say where they have nothing to say."""
    layers = ("-" if layer != "speed" else _loud_if(seen.word, seen.word == "fail") for layer in _LAYERS)
    return ("nothing changed", "Clean processes on both sides of the pairs.", *layers, "-", "", "-", _slowdown(seen))


def _fault_row(row: FaultRow) -> tuple[str, ...]:
    layers = (_loud_if(getattr(row, layer) or "-", row.caught_by == layer) for layer in _LAYERS)
    caught_by = "not gated" if row.caught_by == "none" and not is_gated(row) else row.caught_by
    return (row.name, row.does, *layers, caught_by, str(row.seeds or ""), _cost(row), _slowdown(row))


def _cost(row: FaultRow) -> str:
    """In points of the seeds that did not fail, and how many did."""
    drop = interval(row.drop_points, 2)
    failed = f"{row.failed_seeds} of {row.seeds} seeds failed" if row.failed_seeds else ""
    return "; ".join(filter(None, (drop, failed))) or "-"


def _slowdown(seen: FaultRow | UnchangedSpeed) -> str:
    return "" if seen.slowdown is None else f"{seen.slowdown:+.1%}"


def is_gated(row: FaultRow) -> bool:
    """Whether it changes what any layer looks at."""
    return row.changes_numbers or row.slows_median_step


def percent(seen: RateFacts | None) -> str:
    """A rate with its exact 95 % interval."""
    if seen is None:
        return ""
    return f"{seen.count} of {seen.trials} ({100 * seen.low:.1f} to {100 * seen.high:.1f} %)"


def failed_percent(rows: Sequence[FaultRow]) -> str:
    """Of how many of them quality failed."""
    return percent(RateFacts.of(exact_rate(sum(row.quality == "fail" for row in rows), len(rows))))


def interval(seen: IntervalFacts | None, digits: int) -> str:
    """An estimate with what is not excluded."""
    if seen is None:
        return ""
    high = f"{seen.high:.{digits}f}" if math.isfinite(seen.high) else "unknown"
    return f"{seen.estimate:.{digits}f} ({seen.low:.{digits}f} to {high})"


def _seen(promise: PromiseFacts) -> str:
    """The count, with its interval where it is one of chances; and which cases broke the promise."""
    broken = f" (not: {promise.note})" if promise.note else ""
    count = f"{promise.seen.count} of {promise.seen.trials}"
    return f"{count if promise.without_exception else percent(promise.seen)}{broken}"


def _loud_if(text: str, is_loud: bool) -> str:
    return Loud(text) if is_loud else text


def _share(rate: RateFacts) -> str:
    return f"{100 * rate.rate:.2f} ({100 * rate.low:.2f} to {100 * rate.high:.2f})"


def _mean(hits: Iterable[int], rows: int) -> str:
    values = list(hits)
    return f"{100 * sum(values) / (len(values) * rows):.2f}" if values else ""
