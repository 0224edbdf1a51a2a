"""The comparison for people: every quantity on both sides, what differs in the environments, one sentence for all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bertbench.baseline import Baseline
from bertbench.baseline.one_code import factory_of
from bertbench.comparing import Compared
from bertbench.record import RunRecord
from bertbench.report.ab_table import ab_table
from bertbench.report.wording import counted, with_next_step
from bertbench.suite import Result
from bertbench.verdict import PRECEDENCE, Check
from bertbench.verdict.identity import side_by_side
from bertbench.verdict.outcomes import TOO_FEW_SEEDS, change_of_accuracy

if TYPE_CHECKING:
    from bertbench.ab.fields import AbRecord
    from bertbench.verdict.shown_quantities import ShownQuantity

#: Libraries whose versions say 'since when' in one sentence; the table has them all.
_HEADLINE_LIBRARIES = ("tensorflow", "jax", "torch", "keras")
#: Differences named in one sentence; the table has them all.
_NAMED = 3


def comparison_tables(results: Sequence[Result]) -> list[Table]:
    """What stands below the verdict: quantities on both sides, and what differs between the environments."""
    tables = [
        quantities_table(result, compared) for result in results for compared in result.compared if compared.shown
    ]
    tables += [ab_table(result.speed.record) for result in results if result.speed and result.speed.record]
    differing = environment_table(results)
    return [*tables, differing] if differing else tables


def quantities_table(result: Result, compared: Compared) -> Table:
    """Accuracy as the deciding look saw it; below it, over all seeds, what has no vote.

    Where the look took all seeds their accuracy is that of the look, and stands there once.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.title = f"{result.benchmark.spec.name} against {compared.name}"
    table.title_justify = "left"
    table.add_column("over seeds that did not fail", overflow="fold")
    for heading in ("baseline", "run", "change", "99 % interval"):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("", overflow="fold")
    if compared.shown is None:
        return table
    shown, rest = compared.shown, compared.shown.quantities
    if shown.failed_seeds:
        table.add_row("failed seeds", "", shown.failed_seeds, "", "", "decides")
    if shown.decides is not None:
        table.add_row(*_cells(shown.decides))
        rest = rest[1:] if shown.decides.seeds == rest[0].seeds else rest
    table.add_row(f"all {counted(shown.ran, 'seed')}, without a vote:")
    for quantity in rest:
        table.add_row(*_cells(quantity))
    if shown.correlation is not None:
        pairs = f"of {shown.pairs} seeds that both ran"
        table.add_row("correlation of same seeds", "", f"{shown.correlation:+.2f}", "", "", pairs)
    return table


def _cells(quantity: ShownQuantity) -> tuple[str, ...]:
    """One line of the table."""
    return (
        quantity.name,
        _with_spread(quantity.baseline_mean, quantity.baseline_spread),
        _with_spread(quantity.mean, quantity.spread),
        "-" if quantity.change is None else _signed(quantity.change),
        " to ".join(map(_signed, quantity.interval)) if quantity.interval else "-",
        quantity.note,
    )


def _signed(value: float) -> str:
    """Four decimals with their sign; what rounds to zero has a plus."""
    return f"{round(value, 4) + 0.0:+.4f}"


def _with_spread(mean: float | None, spread: float | None) -> str:
    if mean is None:
        return "-"
    return f"{mean:.4f}" if spread is None else f"{mean:.4f} ± {spread:.4f}"


def environment_table(results: Sequence[Result]) -> Table | None:
    """Facts that differ from a baseline's, both sides beside each other; None if none does."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for result in results:
        for compared in result.compared:
            if result.record is not None and compared.baseline is not None:
                for name, here, there in differences(result.record, compared.baseline):
                    named = rows.setdefault((name, str(here), str(there)), [])
                    named += [compared.name] if compared.name not in named else []
    if not rows:
        return None
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("what differs", "here", "in the baseline", ""):
        table.add_column(heading, overflow="fold")
    for (name, here, there), names in rows.items():
        table.add_row(Text(name), Text(here), Text(there), ", ".join(names))
    return table


def differences(record: RunRecord, baseline: Baseline) -> list[tuple[str, object, object]]:
    """Facts that can change bits and differ: name, the run's, the baseline's."""
    numerics = record.environment.numerics if record.environment else {}
    found: list[tuple[str, object, object]] = list(side_by_side(numerics, baseline.numerics))
    if record.bertbench_version != baseline.bertbench_version:
        found.insert(0, ("bertbench", record.bertbench_version, baseline.bertbench_version))
    if None not in (factory := (factory_of(record), baseline.factory_sha256)) and len(set(factory)) > 1:
        found.insert(0, ("factory of the engine", *factory))
    return found


def one_sentence(results: Sequence[Result]) -> str:
    """What got worse, by how much, how sure, since when, what differs, what next; of several the first of the worst."""
    for outcome in PRECEDENCE:
        told = next((said for result in results for said in _told(result, outcome)), "")
        if told:
            others = sum(check.outcome == outcome for result in results for check in result.checks) - 1
            more = f" And {others} more: {outcome}." if others and outcome != "pass" else ""
            return told + more
    return ""


def _told(result: Result, outcome: str) -> Iterator[str]:
    """Comparisons of quality first: they say by how much."""
    name = result.benchmark.spec.name
    for compared in result.compared:
        if compared.quality.outcome == outcome:
            yield _comparison(name, result, compared)
    if result.speed and result.speed.record and result.speed.check.outcome == outcome:
        yield _speed(name, result.speed.check, result.speed.record)
    for check in result.checks:
        if check.outcome == outcome != "pass":
            yield f"{name}: {check.name}: {outcome}: {with_next_step(check.reason, check.next_step)}"


def _comparison(name: str, result: Result, compared: Compared) -> str:
    check, baseline = compared.quality, compared.baseline
    if baseline is None or result.record is None or not _is_about_quality(check):
        words = {"fail": "failed", "undecided": "is not decided", "no_baseline": "has no baseline"}
        return f"{name} {words.get(check.outcome, check.outcome)}: {with_next_step(check.reason, check.next_step)}"
    words = {"fail": "got worse", "pass": "is no worse", "undecided": "is not decided"}
    said = f"{words.get(check.outcome, check.outcome)}: "
    if compared.bound_by is not None:
        failed = compared.bound_by
        said = f"stays failed, as {failed.runs[0]} of the same commit did ({failed.observed}); by itself this run: "
    parts = [f"{name} {said}{_how_much(check)}, since {compared.name} {_since(baseline)}"]
    found = differences(result.record, baseline)
    if found:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        parts.append(f"what differs: {', '.join(f'{n} {h} (was {t})' for n, h, t in found[:_NAMED])}{more}")
    elif check.outcome != "pass":
        parts.append("no library, flag or setting differs: look at the code")
    if check.next_step:
        parts.append(f"next: {check.next_step}")
    return "; ".join(parts) + "."


def _speed(name: str, check: Check, record: AbRecord) -> str:
    """What got slower, by how much, how sure, since when, what differs, what next."""
    words = {"fail": "got slower", "pass": "is no slower", "undecided": "is not decided in speed"}
    base = record.base
    commit = f"commit {base.commit[:10]}, " if base.commit else ""
    since = f"since {base.given} ({commit}bertbench {base.bertbench_version})"
    parts = [f"{name} {words.get(check.outcome, check.outcome)}: {check.reason}", since]
    if found := record.differences:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        parts.append(f"what differs: {', '.join(found[:_NAMED])}{more}")
    if check.next_step:
        parts.append(f"next: {check.next_step}")
    return "; ".join(parts) + "."


def _is_about_quality(check: Check) -> bool:
    """Whether quality was looked at; else only the reason says anything, such as that a run broke off."""
    return "look_seeds" in check.numbers or check.observed == "unchanged"


def _how_much(check: Check) -> str:
    numbers = check.numbers
    if "look_seeds" not in numbers:
        return "quality unchanged"
    too_many = numbers["failed_seeds"] >= numbers["failed_seeds_limit"]
    count = f"{numbers['failed_seeds']:g} of {numbers['look_seeds']:g} seeds failed"
    if "drop_points" not in numbers:
        return count
    sure = f"p = {numbers['p_value']:.2g}, " if math.isfinite(numbers["p_value"]) else ""
    sides = f"{numbers['seeds']:g} seeds against a bank of {numbers['bank_seeds']:g}"
    change = change_of_accuracy(numbers["drop_points"])
    mean = f"accuracy {change} ({_interval_of_the_drop(check)}; {sure}{sides})"
    return f"{count}; of the others {mean}" if too_many else mean


def _interval_of_the_drop(check: Check) -> str:
    """In the direction of the verb; a comparison of too few seeds has none."""
    numbers = check.numbers
    if "drop_low_points" not in numbers:
        return TOO_FEW_SEEDS
    low, high = numbers["drop_low_points"], numbers["drop_high_points"]
    low, high = (-high, -low) if numbers["drop_points"] < 0 else (low, high)
    return f"99 % interval {low:.2f} to {high:.2f}"


def _since(baseline: Baseline) -> str:
    libraries = baseline.numerics.get("libraries", {})
    versions = [f"{name} {libraries[name]}" for name in _HEADLINE_LIBRARIES if libraries.get(name)]
    return f"({', '.join([baseline.origin(), f'bertbench {baseline.bertbench_version}', *versions])})"
