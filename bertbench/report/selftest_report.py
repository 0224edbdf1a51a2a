"""A self-test as a page that people read: what was promised, what was seen, what there was no time for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from bertbench.report.selftest_tables import (
    class_table,
    effect_table,
    failed_percent,
    fault_table,
    gate_table,
    interval,
    is_gated,
    part_table,
    promise_table,
    trial_table,
)
from bertbench.report.wording import with_next_step
from bertbench.selftest.fault_facts import FaultRow
from bertbench.selftest.figures import RateFacts
from bertbench.selftest.record import GateRow, PromiseFacts, SelfTest

#: What an outcome says, in words.
OUTCOMES = {
    "pass": "nothing that was seen contradicts a promise",
    "fail": "a promise is contradicted beyond its interval",
    "undecided": "too little was measured to say",
}
_GATES = {
    "quality": "The quality gate, simulated on these seeds",
    "speed": "The speed gate, simulated on this spread of processes",
}
_FAULTS = "Faults put in on purpose"


def selftest_terminal(found: SelfTest) -> Group:
    """What the page has, for 80 columns: spreads, effects, gates, trials, faults by layer, and the promises last."""
    return Group(*_spaced(_in_terminal(found)))


def _in_terminal(found: SelfTest) -> Iterator[RenderableType]:
    tables = {
        "Seeds": class_table(found),
        "Class effects": effect_table(found),
        _GATES["quality"]: gate_table(found.quality_gate, "seeds"),
        _GATES["speed"]: gate_table(found.speed_gate, "pairs"),
        _FAULTS: fault_table(found),
        "Promises": promise_table(found.promises),
    }
    said = {"Class effects": _process_lines(found), _GATES["speed"]: trial_sentences(found)}
    for title, table in tables.items():
        if table.rows:
            yield table.in_terminal(title)
        if sentences := list(said.get(title, ())):
            yield Text(" ".join(sentences))


def _spaced(parts: Iterable[RenderableType]) -> Iterator[RenderableType]:
    """With an empty line after each."""
    for part in parts:
        yield part
        yield ""


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
        _gate(_GATES["quality"], found.quality_gate, "seeds", found.code_check),
        _gate(_GATES["speed"], found.speed_gate, "pairs", None),
        trial_lines(found),
        fault_lines(found),
    ]
    return page_of(parts)


def page_of(parts: Iterable[Iterable[str]]) -> str:
    """Parts of a page, with an empty line between those that say something."""
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"


def _outcome(found: SelfTest) -> str:
    """In words; with the budget that would do where time was too short."""
    is_short = found.outcome == "undecided" and not found.interrupted and found.enough_minutes is not None
    is_short = is_short and not list(_not_trusted(found))  # no time decides where clean runs are not cleared
    return with_next_step(OUTCOMES[found.outcome], f"--budget {found.enough_minutes}m" if is_short else "")


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
    yield from promise_table(promises).markdown()
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
    yield from part_table(found).markdown()


def _seeds(found: SelfTest) -> Iterator[str]:
    if not found.classes:
        return
    yield "## Seeds"
    yield ""
    yield from class_table(found).markdown()
    if not found.effects:
        return
    yield ""
    yield from effect_table(found).markdown()
    yield ""
    half = found.margin_points / 2
    yield f"A class whose effect lies within half the margin ({half:.2f} points) asks for no equal numerics."


def _processes(found: SelfTest) -> Iterator[str]:
    if found.processes is None:
        return
    yield "## Processes"
    yield ""
    yield from _process_lines(found)


def _process_lines(found: SelfTest) -> Iterator[str]:
    seen = found.processes
    if seen is None:
        return
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
    yield from gate_table(rows, samples).markdown()
    if check is not None:
        yield ""
        yield (
            f"Code check: {check.count} of {check.trials:,} random splits of the own class's seeds fail. It checks the "
            "code alone: whatever all these seeds have in common it cannot see, so it is no rate of false alarms."
        )


def trial_lines(found: SelfTest) -> Iterator[str]:
    """Every fresh comparison, and how many of each verdict."""
    if found.trials is None:
        return
    yield "## Fresh trials"
    yield ""
    yield from trial_sentences(found)
    if found.trials.counted:
        yield ""
        yield from trial_table(found).markdown()


def trial_sentences(found: SelfTest) -> Iterator[str]:
    """How many of each verdict, or why there are none."""
    seen = found.trials
    if seen is None:
        return
    if seen.note:
        yield f"{seen.note[:1].upper()}{seen.note[1:]}."
        return
    words = [trial.word for trial in seen.counted]
    counts = ", ".join(f"{words.count(word)} {word}" for word in ("fail", "undecided", "pass"))
    yield (
        f"{len(words)} comparisons of the own class with class {seen.candidate_class}, disjoint seeds, each run used "
        f"once: {counts}."
    )
    if seen.by_identity:
        yield (
            "Harmless classes with equal bits, where identity decides each comparison and none is counted: "
            f"{seen.by_identity}."
        )
    if seen.candidates_per_bank > 1:
        yield (
            f"{seen.candidates_per_bank} trials share a bank, so they are not independent, and their exact intervals "
            "are too short."
        )


def fault_lines(found: SelfTest) -> Iterator[str]:
    """Fault by layer, with what each does to accuracy and time, and what to make of it."""
    if not found.faults:
        return
    yield f"## {_FAULTS}"
    yield ""
    ran = [row for row in found.faults if row.caught_by]
    yield from fault_table(found).markdown()
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
    not_gated = [row.name for row in ran if not is_gated(row) and not row.speed]
    if not_gated:
        yield ""
        yield (
            f"{', '.join(not_gated)} change no number of a run and slow no median step, which is all that speed is "
            "gated by: not gated, and not missed. Only quantities that are shown and have no vote can tell of them."
        )


def _not_trusted(found: SelfTest) -> Iterator[str]:
    """Layers that do not clear clean runs."""
    clean = found.clean
    said, why = [], []
    if clean is not None and clean.lock != "pass":
        said.append(f"the lock says {clean.lock}")
    if clean is not None and clean.identity != "equal":
        said.append(f"bits of seeds {', '.join(map(str, clean.repeated_seeds))} differ when run again")
    if clean is not None and said:
        why.append(clean.reason)
    for unchanged in found.unchanged_speed:
        if unchanged.word == "fail":
            said.append("pairs of processes fail")
            why.append(unchanged.reason.removesuffix("."))
    if said:
        yield ""
        yield (
            f"Without a fault {' and '.join(said)}: {'; '.join(why)}. What does not clear clean runs convicts nobody, "
            "so it was asked of no fault."
        )


def _harm(found: SelfTest) -> Iterator[str]:
    """How often quality failed what was shown to be harmful, and what was shown to cost less than may fail."""
    harmful = [row for row in found.faults if row.is_harmful(found.margin_points)]
    half = found.margin_points / 2
    mild = [row for row in found.faults if row.quality and row.harm_points is not None and row not in harmful]
    groups = {
        f"cost {found.margin_points:.2f} points or more, or to make seeds fail,": harmful,
        f"cost less than {half:.2f}": [row for row in mild if row.harm_points and row.harm_points.high < half],
    }
    for words, rows in groups.items():
        if rows:
            yield ""
            shown = f"Shown to {words} by seeds that quality did not judge (95 %)"
            yield f"{shown}: {', '.join(map(_with_failed_seeds, rows))}. Quality failed {failed_percent(rows)}."


def _with_failed_seeds(row: FaultRow) -> str:
    """The name, and of a fault that makes seeds fail how many of those that quality did not judge."""
    seen = row.harm_failed
    if seen is None or not row.fails_too_often:
        return row.name
    return f"{row.name} ({seen.count} of {seen.trials} of these seeds failed)"
