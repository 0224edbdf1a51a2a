"""A self-test as a page that people read: what was promised, what was seen, what there was no time for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table
from rich.text import Text

from bertbench.report.wording import with_next_step
from bertbench.selftest.fault_facts import FaultRow
from bertbench.selftest.figures import IntervalFacts, RateFacts
from bertbench.selftest.record import GateRow, PromiseFacts, SelfTest
from bertbench.stats import exact_rate
from bertbench.verdict.outcomes import TOO_FEW_SEEDS

_STYLES = {"shown": "green", "consistent": "green", "violated": "bold red"}
#: What an outcome says, in words.
OUTCOMES = {
    "pass": "nothing that was seen contradicts a promise",
    "fail": "a promise is contradicted beyond its interval",
    "undecided": "too little was measured to say",
}
_LAYERS = ("run", "lock", "identity", "quality", "speed")


def selftest_table(found: SelfTest) -> Table:
    """Promises for a terminal, one line each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("what", "promise", "seen", "standing"):
        table.add_column(heading, overflow="fold")
    for promise in found.promises:
        standing = Text(promise.standing, style=_STYLES[promise.standing])
        table.add_row(Text(promise.about), promise.promise, _seen(promise), standing)
    return table


def selftest_lines(found: SelfTest) -> list[str]:
    """In words: what was left out, and the outcome."""
    left_out = [f"{part.name}: {part.left_out}" for part in found.parts if part.left_out]
    stopped = ["interrupted: what follows had no time"] if found.interrupted else []
    seeds = [_seeds_used(found)] if found.last_seed is not None else []
    outcome = f"self-test of {found.spec.name}: {found.outcome}: {_outcome(found)}"
    return [*stopped, *left_out, *seeds, outcome]


def selftest_markdown(found: SelfTest) -> str:
    """The whole of it."""
    parts = [
        _heading(found),
        promise_lines(found.promises),
        _parts(found),
        _seeds(found),
        _processes(found),
        _gate("The quality gate, simulated on these seeds", found.quality_gate, "seeds", found.code_check),
        _gate("The speed gate, simulated on this spread of processes", found.speed_gate, "pairs", None),
        trial_lines(found),
        fault_table(found),
    ]
    return page_of(parts)


def percent(seen: RateFacts | None) -> str:
    """A rate with its exact 95 % interval."""
    if seen is None:
        return ""
    return f"{seen.count} of {seen.trials} ({100 * seen.low:.1f} to {100 * seen.high:.1f} %)"


def page_of(parts: Iterable[Iterable[str]]) -> str:
    """Parts of a page, with an empty line between those that say something."""
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"


def _outcome(found: SelfTest) -> str:
    """In words; with the budget that would do where time was too short."""
    is_short = found.outcome == "undecided" and not found.interrupted and found.enough_minutes is not None
    is_short = is_short and not list(_not_trusted(found))  # no time decides where clean runs are not cleared
    return with_next_step(OUTCOMES[found.outcome], f"--budget {found.enough_minutes}m" if is_short else "")


def _seen(promise: PromiseFacts) -> str:
    """The count, with its interval where it is one of chances; and which cases broke the promise."""
    broken = f" (not: {promise.note})" if promise.note else ""
    count = f"{promise.seen.count} of {promise.seen.trials}"
    return f"{count if promise.without_exception else percent(promise.seen)}{broken}"


def _heading(found: SelfTest) -> Iterator[str]:
    yield f"# Self-test of {found.spec.name}: {found.outcome}"
    yield ""
    said = _outcome(found)
    yield said[0].upper() + said[1:]
    yield ""
    yield from machine_lines(found)
    took = (found.finished_at - found.started_at).total_seconds()
    yield f"- bertbench {found.bertbench_version}, {found.started_at:%Y-%m-%d %H:%M} UTC"
    yield f"- {took / 60:.1f} min of a budget of {found.budget_seconds / 60:.1f} min; random seed {found.random_seed}"
    yield from question_lines(found)
    if found.last_seed is not None:
        yield f"- {_seeds_used(found)}"
    if found.faults_asked is not None:
        yield f"- asked for these faults alone: {', '.join(found.faults_asked)}"
    if found.interrupted:
        yield "- **interrupted**: this is as far as it got"


def machine_lines(found: SelfTest) -> Iterator[str]:
    """Where it was measured, with the libraries; nothing if that is not known."""
    environment = found.environment
    if environment is not None:
        libraries = environment.numerics.get("libraries", {})
        versions = ", ".join(f"{name} {version}" for name, version in libraries.items())
        yield f"- machine: {environment.machine.get('processor')}, {environment.machine.get('cores')} cores; {versions}"


def question_lines(found: SelfTest) -> Iterator[str]:
    """What was asked: rows, margin, shares of the error rate."""
    distinct = found.distinct_validation_rows or found.validation_rows
    told = f", {distinct} of them distinct" * (distinct != found.validation_rows)
    yield f"- {found.validation_rows} validation rows{told}, margin {found.margin_points:.2f} points"
    yield f"- error rates shared by {found.gated_specs} gated specs"


def _seeds_used(found: SelfTest) -> str:
    """All that ran are among them, so that the next self-test can have others."""
    next_seed = 1 + (found.last_seed or 0)
    return f"seeds {found.first_seed} to {found.last_seed}; others begin with --first-seed {next_seed}"


def promise_lines(promises: Sequence[PromiseFacts]) -> Iterator[str]:
    """Each promise with what was seen of it."""
    yield "## Promises"
    yield ""
    rows = (
        (one.about, one.promise, _seen(one), _bold_if(one.standing, one.standing == "violated")) for one in promises
    )
    yield from table_lines(("seen where", "promise", "seen (exact 95 %)", "standing"), rows)
    yield ""
    yield (
        "*shown*: the whole interval keeps the promise; *consistent*: a part of it does; *violated*: none of it does. "
        "What was simulated is consistent at best: it shows the arithmetic of the rule, and only runs can show that "
        "real seeds behave as it takes them to. So are trials that share a bank, since their exact interval is too "
        "short. Promises without exception, such as equal bits, are broken by a single case and never shown."
    )


def _parts(found: SelfTest) -> Iterator[str]:
    yield "## What was planned, done and left out"
    yield ""
    rows = ((one.name, one.planned, one.done, f"{one.seconds:.0f} s", one.left_out) for one in found.parts)
    yield from table_lines(("part", "planned", "done", "took", "left out"), rows)


def _seeds(found: SelfTest) -> Iterator[str]:
    if not found.classes:
        return
    yield "## Seeds"
    yield ""
    rows = (
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
    )
    headings = ("class", "changes", "seeds", "failed", "mean accuracy, %", "spread, points (95 %)", "below 2 spreads")
    yield from table_lines(headings, rows)
    if not found.effects:
        return
    yield ""
    effects = (
        (
            one.name,
            f"{one.equal_bits} of {one.shared_seeds}",
            interval(one.drop_points, 2) or "-",
            interval(one.correlation, 2) if one.correlation else one.note,
        )
        for one in found.effects
    )
    yield from table_lines(
        ("against own", "equal bits", "class effect: drop, points (95 %)", "same-seed correlation"), effects
    )
    yield ""
    half = found.margin_points / 2
    yield f"A class whose effect lies within half the margin ({half:.2f} points) asks for no equal numerics."


def _processes(found: SelfTest) -> Iterator[str]:
    seen = found.processes
    if seen is None:
        return
    yield "## Processes"
    yield ""
    medians = ", ".join(f"{1000 * seconds:.1f}" for seconds in seen.step_seconds)
    equal = seen.processes - len(seen.other_bits)
    yield f"Seed {seen.seed} in {seen.processes} fresh processes: equal bits in {equal}."
    yield f"Median step of each, ms: {medians}."
    if seen.spread is not None:
        scaled = seen.spread.model_copy(
            update={name: 100 * getattr(seen.spread, name) for name in ("estimate", "low", "high")}
        )
        yield f"Spread of a process's step time: {interval(scaled, 1)} % (95 %)."


def _gate(title: str, rows: Sequence[GateRow], samples: str, check: RateFacts | None) -> Iterator[str]:
    if not rows:
        return
    yield f"## {title}"
    yield ""
    cells = (
        (row.words, *(_share(rate) for rate in (row.fail, row.passed, row.undecided)), f"{row.samples:.1f}")
        for row in rows
    )
    yield from table_lines(("truth", "fail, %", "pass, %", "undecided, %", samples), cells)
    if check is not None:
        yield ""
        yield (
            f"Code check: {check.count} of {check.trials:,} random splits of the own class's seeds fail. It checks the "
            "code alone: whatever all these seeds have in common it cannot see, so it is no rate of false alarms."
        )


def trial_lines(found: SelfTest) -> Iterator[str]:
    """Every fresh comparison, and how many of each verdict."""
    seen = found.trials
    if seen is None:
        return
    yield "## Fresh trials"
    yield ""
    if seen.note:
        yield f"{seen.note[:1].upper()}{seen.note[1:]}."
        return
    words = [trial.word for trial in seen.counted]
    counts = ", ".join(f"{words.count(word)} {word}" for word in ("fail", "undecided", "pass"))
    yield (
        f"{len(words)} comparisons of the own class with class {seen.candidate_class}, disjoint seeds, each run used "
        f"once: {counts}. By identity, not counted: {seen.by_identity}."
    )
    if seen.candidates_per_bank > 1:
        yield (
            f"{seen.candidates_per_bank} trials share a bank, so they are not independent, and the exact intervals "
            "above are too short."
        )
    if not words:
        return
    yield ""
    rows = (
        (
            f"{trial.bank_seeds[0]} to {trial.bank_seeds[-1]}",
            f"{trial.candidate_seeds[0]} to {trial.candidate_seeds[-1]}",
            str(trial.look),
            f"{trial.drop_points:+.2f}" if math.isfinite(trial.drop_points) else "-",
            trial.word,
        )
        for trial in seen.counted
    )
    yield from table_lines(("bank seeds", "candidate seeds", "look", "drop, points", "verdict"), rows)


def fault_table(found: SelfTest) -> Iterator[str]:
    """Fault by layer, with what each does to accuracy and time."""
    if not found.faults:
        return
    yield "## Faults put in on purpose"
    yield ""
    headings = ("fault", "what it does", *_LAYERS, "caught by", "seeds", "drop, points (95 %)", "slowdown")
    ran = [row for row in found.faults if row.caught_by]
    yield from table_lines(headings, (_fault(row) for row in ran))
    yield from _not_trusted(found)
    yield from _harm(found)
    broken = [f"{row.name} ({row.broke_off})" for row in found.faults if row.broke_off]
    if broken:
        yield ""
        yield f"Broke off, so nothing is said of them there: {'; '.join(broken)}."
    refused = [row.name for row in found.faults if row.is_refused]
    if refused:
        yield ""
        yield (
            f"Refused by this spec, of which they would change nothing, and counted nowhere: {', '.join(refused)}. "
            "The record has the reason of each."
        )
    late = [row.name for row in found.faults if not (row.caught_by or row.reason or row.broke_off)]
    if late:
        yield ""
        yield f"Not run: {', '.join(late)}."
    idle = [row.name for row in ran if row.changes_numbers and row.changed_numbers is False]
    if idle:
        yield ""
        yield f"Changed no number of this spec's runs, so there was nothing to see: {', '.join(idle)}."
    slow = [row.name for row in ran if row.slows_median_step]
    if slow:
        yield ""
        yield (
            f"{', '.join(slow)} change no number of a run: invisible to lock, identity and quality by construction; "
            "speed alone can see them."
        )
    not_gated = [row.name for row in ran if not _is_gated(row) and not row.speed]
    if not_gated:
        yield ""
        yield (
            f"{', '.join(not_gated)} change no number of a run and slow no median step, which is all that speed is "
            "gated by: not gated, and not missed. Only quantities that are shown and have no vote can tell of them."
        )


def _is_gated(row: FaultRow) -> bool:
    """Whether it changes what any layer looks at."""
    return row.changes_numbers or row.slows_median_step


def _not_trusted(found: SelfTest) -> Iterator[str]:
    """Layers that do not clear clean runs."""
    clean = found.clean
    if clean is None or (clean.lock, clean.identity) == ("pass", "equal"):
        return
    seeds = ", ".join(map(str, clean.repeated_seeds))
    said = [f"the lock says {clean.lock}"] if clean.lock != "pass" else []
    said += [f"bits of seeds {seeds} differ when run again"] if clean.identity != "equal" else []
    yield ""
    yield (
        f"Without a fault {' and '.join(said)}: {clean.reason}. What does not clear clean runs convicts nobody, so it "
        "was asked of no fault."
    )


def _harm(found: SelfTest) -> Iterator[str]:
    """How often quality failed what was shown to cost the margin, and what was shown to cost less than may fail."""
    known = [(row, row.harm_points) for row in found.faults if row.quality and row.harm_points is not None]
    groups = {
        f"cost {found.margin_points:.2f} points or more": [row for row, d in known if d.low >= found.margin_points],
        f"cost less than {found.margin_points / 2:.2f}": [row for row, d in known if d.high < found.margin_points / 2],
    }
    for words, rows in groups.items():
        if rows:
            fails = RateFacts.of(exact_rate(sum(row.quality == "fail" for row in rows), len(rows)))
            yield ""
            shown = f"Shown to {words} by seeds that quality did not judge (95 %)"
            yield f"{shown}: {', '.join(row.name for row in rows)}. Quality failed {percent(fails)}."


def _fault(row: FaultRow) -> Iterable[str]:
    slowdown = "" if row.slowdown is None else f"{row.slowdown:+.1%}"
    drop = interval(row.drop_points, 2) or "-"
    layers = (_bold_if(getattr(row, layer) or "-", row.caught_by == layer) for layer in _LAYERS)
    caught_by = "not gated" if row.caught_by == "none" and not _is_gated(row) else row.caught_by
    return (row.name, row.does, *layers, caught_by, str(row.seeds or ""), drop, slowdown)


def _bold_if(text: str, is_bold: bool) -> str:
    return f"**{text}**" if is_bold else text


def interval(seen: IntervalFacts | None, digits: int) -> str:
    """An estimate with what is not excluded."""
    if seen is None:
        return ""
    high = f"{seen.high:.{digits}f}" if math.isfinite(seen.high) else "unknown"
    return f"{seen.estimate:.{digits}f} ({seen.low:.{digits}f} to {high})"


def _share(rate: RateFacts) -> str:
    return f"{100 * rate.rate:.2f} ({100 * rate.low:.2f} to {100 * rate.high:.2f})"


def _mean(hits: Iterable[int], rows: int) -> str:
    values = list(hits)
    return f"{100 * sum(values) / (len(values) * rows):.2f}" if values else ""


def table_lines(headings: Sequence[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Markdown; a bar within a cell is no border."""
    yield f"| {' | '.join(headings)} |"
    yield "|---" * len(headings) + "|"
    for row in rows:
        cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in row)
        yield f"| {' | '.join(cells)} |"
