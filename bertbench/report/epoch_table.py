"""A record for a terminal of 80 columns: the epoch table, the seeds side by side, what happened and how long it took.

Everything here returns what rich can print; whether there is colour is rich's decision, which honours `NO_COLOR`. Text
from outside is never read as markup: `[MASK]` in a message stays `[MASK]`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bertbench.quantities import ALL, BUDGETS, PHASES, QUALITY
from bertbench.record import EpochRow, Failure, FindingRow, Outcome, RunRecord, SeedRun

#: The four columns of the card, in its order: split and quality.
_CARD = (("train", "loss"), ("train", "accuracy"), ("validation", "loss"), ("validation", "accuracy"))

_OUTCOME_STYLE: dict[Outcome, str] = {"completed": "green", "failed": "bold red", "interrupted": "yellow"}
#: Notes say that nothing is wrong; `bertbench data` shows them.
_SEVERITY_STYLE = {"hard": "bold red", "soft": "yellow"}
_DIGEST_DIGITS = 12


def epoch_table(seed_run: SeedRun) -> Table:
    """One line per epoch, the card's four columns; the epoch of best validation accuracy is bold.

    Args:
        seed_run: Of any outcome; one that was cut off says so under the table.
    """
    table = Table(
        box=box.SIMPLE_HEAD, title=f"seed {seed_run.seed}", caption=_cut_off(seed_run), caption_justify="left"
    )
    table.add_column("epoch", justify="right")
    for split, quality in _CARD:
        table.add_column(f"{split} {quality}", justify="right")
    best = best_epoch(seed_run)
    for row in seed_run.epochs:
        table.add_row(str(row.epoch), *_card_cells(row), style="bold" if row is best else "")
    return table


def seeds_table(record: RunRecord) -> Table:
    """One line per seed: its last epoch, its best validation accuracy and where, its time; under them the mean.

    Args:
        record: Its completed seeds enter the mean; how many they are is said beside it.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)  # the box alone leaves a blank between columns
    card = [f"{split}\n{quality}" for split, quality in _CARD]
    for heading in ("seed", "last", *card, "best\n@epoch", "steps"):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("outcome")
    for run in record.seeds:
        table.add_row(*_seed_cells(run), _outcome(run.outcome))
    completed = [run for run in record.seeds if run.outcome == "completed"]
    if completed:
        table.add_section()
        table.add_row(*_mean_cells(completed), f"{len(completed)} of {len(record.seeds)}")
    return table


def run_summary(record: RunRecord) -> RenderableType:
    """What was run, how it ended, on what, how long each phase took, what the data checks saw, and the seeds.

    Args:
        record: Of any outcome, also without a single seed.
    """
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    for name, content in _facts(record):
        facts.add_row(name, content)
    return Group(facts, "", seeds_table(record)) if record.seeds else facts


def best_epoch(seed_run: SeedRun) -> EpochRow | None:
    """The first epoch with the highest validation accuracy; None before the first epoch's end."""
    return max(seed_run.epochs, key=lambda row: row.validation.accuracy, default=None)


def _card_cells(row: EpochRow) -> list[str]:
    return [QUALITY[quality].format(_quality(row, split, quality)) for split, quality in _CARD]


def _quality(row: EpochRow, split: str, quality: str) -> float:
    value: float = getattr(getattr(row, split), quality)
    return value


def _seed_cells(run: SeedRun) -> list[str]:
    best = best_epoch(run)
    last = _card_cells(run.epochs[-1]) if run.epochs else [QUALITY[quality].format(None) for _, quality in _CARD]
    last_epoch = str(run.epochs[-1].epoch) if run.epochs else "-"
    best_text = f"{QUALITY['accuracy'].format(best.validation.accuracy)} @{best.epoch}" if best else "-"
    return [str(run.seed), last_epoch, *last, best_text, _mean_step_time([run])]


def _mean_cells(runs: Sequence[SeedRun]) -> list[str]:
    """Means over *runs*, each of which has an epoch."""
    last = [
        QUALITY[quality].format(_mean([_quality(run.epochs[-1], split, quality) for run in runs]))
        for split, quality in _CARD
    ]
    bests = [row.validation.accuracy for run in runs if (row := best_epoch(run)) is not None]
    return ["mean", "", *last, QUALITY["accuracy"].format(_mean(bests)), _mean_step_time(runs)]


def _mean_step_time(runs: Sequence[SeedRun]) -> str:
    """Of all training steps of a seed together."""
    seconds = [run.phases_seconds["steps"] for run in runs if "steps" in run.phases_seconds]
    return BUDGETS["steps_seconds"].format(_mean(seconds))


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _cut_off(run: SeedRun) -> Text | None:
    return None if run.failure is None else Text.assemble(_outcome(run.outcome), " ", _failure(run.failure))


def _outcome(outcome: Outcome) -> Text:
    return Text(outcome, style=_OUTCOME_STYLE.get(outcome, ""))


def _failure(failure: Failure) -> Text:
    places = (("seed", failure.seed), ("epoch", failure.epoch), ("step", failure.step))
    where = "".join(f", {name} {number}" for name, number in places if number is not None)
    return Text(f"in {failure.phase}{where}: {failure.kind}: {failure.message}")


def _facts(record: RunRecord) -> Iterator[tuple[str, RenderableType]]:
    """Name and content of each line of the summary, those that are known."""
    yield "benchmark", Text(f"{record.spec.name}: {record.spec.title}" if record.spec.title else record.spec.name)
    yield "run", Text(f"{record.run_id}, bertbench {record.bertbench_version}")
    yield "outcome", _outcome(record.outcome)
    if record.fault is not None:
        yield "fault", Text(f"{record.fault}, put in on purpose", style="bold magenta")
    if record.failure is not None:
        yield "because", _failure(record.failure)
    yield "recipe", _digest(record.spec_fingerprint)
    if record.checkpoint is not None:
        yield "checkpoint", Text.assemble(record.checkpoint.source, " ", _digest(record.checkpoint.sha256))
    if record.data is not None:
        rows = ", ".join(f"{split} {count:,}" for split, count in record.data.rows.items())
        yield "data", Text.assemble(record.data.source, " ", _digest(record.data.sha256))
        yield "rows", Text(f"{rows}; {len(record.data.label_names)} classes")
    if record.environment is not None:
        numerics, machine = record.environment.numerics_fingerprint, record.environment.machine_fingerprint
        yield "environment", Text.assemble("numerics ", _digest(numerics), ", machine ", _digest(machine))
    if weights := [run.digests.weights for run in record.seeds if run.digests is not None]:
        yield "weights", Text(" ").join(map(_digest, weights))
    if times := _time_by_phase(record):
        yield "time", Columns(times, padding=(0, 3, 0, 0))
    yield from _costs(record.seeds)
    yield from _findings(record.data.findings if record.data is not None else ())


def _digest(sha256: str) -> Text:
    return Text(sha256[:_DIGEST_DIGITS], style="cyan")


def _time_by_phase(record: RunRecord) -> list[str]:
    """Each phase of the process and, summed over seeds, of the seeds; the total, which holds them all, last."""
    seconds = dict(record.phases_seconds)
    for run in record.seeds:
        for phase, value in run.phases_seconds.items():
            seconds[phase] = seconds.get(phase, 0.0) + value
    order = [phase for phase in PHASES if phase in seconds]
    return [f"{phase} {BUDGETS[f'{phase}_seconds'].format(seconds[phase])}" for phase in order]


def _costs(runs: Iterable[SeedRun]) -> Iterator[tuple[str, Text]]:
    probed = [run.utilization for run in runs if run.utilization is not None]
    if probed:
        value = BUDGETS["utilization"].format(_mean([probe.value for probe in probed]))
        rates = [rate / 1e9 for probe in probed for rate in probe.sgemm_flops_per_second]
        sgemm = ALL["sgemm_gigaflops_per_second"].format(statistics.median(rates) if rates else None)
        yield "utilization", Text(f"{value} of this machine's matrix-product rate, {sgemm}")
    peaks = [run.peak_memory_mebibytes for run in runs if run.peak_memory_mebibytes is not None]
    if peaks:
        yield "peak memory", Text(BUDGETS["peak_memory_mebibytes"].format(max(peaks)))


def _findings(findings: Iterable[FindingRow]) -> Iterator[tuple[str, Text]]:
    for finding in findings:
        if finding.severity not in _SEVERITY_STYLE:
            continue
        severity = Text(finding.severity, style=_SEVERITY_STYLE[finding.severity])
        yield "finding", Text.assemble(severity, f" {finding.name} ({finding.split}): {finding.message}")
