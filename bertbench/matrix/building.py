"""From the runs of a benchmark to its matrix: every environment judged by its promises and held against one of them.

Quality is judged by the rule of any comparison, with the reference's seeds as the bank; its error rate is shared out
among all cells that are compared. Equal bits are equal quality, for certain. Speed is shown and never judged: the
processes did not run in turn. Loads scipy.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import combinations

from bertbench.baseline import Baseline, build_baseline
from bertbench.comparing import wrong_rows_of
from bertbench.errors import BaselineError, RecordError, VerdictError
from bertbench.matrix.bit_groups import all_compared, bit_groups, compared_groups
from bertbench.matrix.choosing import Chosen, InOneEnvironment
from bertbench.matrix.environment import names_of
from bertbench.matrix.fields import Cell, Matrix
from bertbench.matrix.wording import separation
from bertbench.record import Digests, RunRecord, SeedRun
from bertbench.store import Store
from bertbench.verdict import Candidate, Check, compare, hold_recipes, judge_run, locks_of
from bertbench.verdict.identity import parting

#: Of the checks that hold a cell against the reference.
_REFERENCE = "reference"
_TWO = 2


def build_matrices(
    chosen: Sequence[Chosen], store: Store, *, reference: str | None = None, gated_specs: int = 1
) -> tuple[Matrix, ...]:
    """Judge every environment of every benchmark.

    Args:
        chosen: The runs of each benchmark.
        store: Has their repeats and predictions.
        reference: Name of the environment that the others are held against, or its beginning; if None the newest of
            `native` on TensorFlow that completed, else the first that did.
        gated_specs: Specs whose quality the project gates, one or more: a benchmark spends the share of one of them.

    Raises:
        RecordError: If the reference is none of the environments of a benchmark, or several begin so.
    """
    compared = [max(len(one.environments) - 1, 0) for one in chosen]
    return tuple(
        _matrix(one, store, reference, share=max(sum(compared), gated_specs * cells, 1))
        for one, cells in zip(chosen, compared, strict=True)
    )


def _matrix(chosen: Chosen, store: Store, wanted: str | None, *, share: int) -> Matrix:
    names = dict(zip(chosen.environments, names_of([one.environment for one in chosen.environments]), strict=True))
    reference = _reference(chosen, names, wanted)
    others = [one for one in chosen.environments if one is not reference]
    ordered = [
        *([reference] if reference else []),
        *sorted(others, key=lambda one: (one.environment.engine, names[one])),
    ]
    bits = [_bits(one) for one in ordered]
    letters = bit_groups(bits)
    bank = _bank(reference, store, chosen.benchmark.fingerprint) if reference else "no environment completed"
    cells = []
    for one, letter in zip(ordered, letters, strict=True):
        cell = _cell(names[one], one, store, letter, is_reference=one is reference)
        if reference is not None and one is not reference:
            told = f"the runs of {names[reference]}"
            quality = _quality(one, bank, chosen.benchmark.fingerprint, told, (store, share))
            ratio = _step_ratio(one, reference)
            cell = replace(cell, quality=quality, step_ratio=ratio, differs=_where(one, reference))
        cells.append(cell)
    return Matrix(
        chosen.benchmark.name,
        chosen.benchmark.fingerprint,
        chosen.revision,
        tuple(cells),
        _separations(cells, compared_groups(bits, letters)),
        chosen.left_out,
    )


def _reference(chosen: Chosen, names: dict[InOneEnvironment, str], wanted: str | None) -> InOneEnvironment | None:
    if wanted is not None:
        exact = [one for one, name in names.items() if name == wanted]
        found = exact or [one for one, name in names.items() if name.startswith(wanted)]
        if len(found) != 1:
            problem = f"{len(found)} environments begin so" if found else "is no environment"
            raise RecordError(
                f"--reference {wanted}: {problem} of {chosen.benchmark.name}; there are {', '.join(names.values())}"
            )
        return found[0]
    completed = [one for one in chosen.environments if one.newest[0].outcome == "completed"]
    native = [one for one in completed if one.environment.computes == "native on tensorflow"]
    return max(native, key=lambda one: one.environment.newness) if native else next(iter(completed), None)


def _cell(name: str, one: InOneEnvironment, store: Store, letter: str | None, *, is_reference: bool) -> Cell:
    record = one.newest[0]
    accuracies = [run.final_epoch.validation.accuracy for run in one.candidate.seeds]
    return Cell(
        name=name,
        environment=one.environment,
        runs=tuple(run.run_id for run in one.candidate.records),
        is_reference=is_reference,
        promises=judge_run(record, store.repeat_of(record.run_id)),
        quality=None,
        seeds=len(accuracies),
        failed_seeds=len(one.candidate.not_finite),
        accuracy=statistics.fmean(accuracies) if accuracies else None,
        accuracy_spread=statistics.stdev(accuracies) if len(accuracies) >= _TWO else None,
        group=letter,
        step_seconds=_step_seconds(one),
        step_ratio=None,
    )


def _bits(one: InOneEnvironment) -> dict[int, Digests]:
    return {run.seed: run.digests for run in one.candidate.seeds if run.digests is not None}


def _as_of(records: Sequence[RunRecord], fingerprint: str) -> tuple[RunRecord, ...]:
    """The same runs under the recipe that all environments share: engine and runtime are what is compared."""
    return tuple(record.model_copy(update={"spec_fingerprint": fingerprint}) for record in records)


def _bank(reference: InOneEnvironment, store: Store, fingerprint: str) -> Baseline | str:
    """The reference's seeds as a bank, or why they are none, in words."""
    records = [record for record in reference.candidate.records if record.outcome == "completed"]
    if reference.candidate.problem or not records:
        return f"the reference shows nothing: {reference.candidate.problem or 'no run of it completed'}"
    for run_id, lock in locks_of(records).items():
        if lock.outcome != "pass":
            what = "its recipe drifted" if lock.outcome == "fail" else "its recipe is not shown"
            return f"the reference is no bank: {run_id}: {what}: {lock.reason}"
    try:
        return build_baseline(
            _as_of(records, fingerprint), wrong_rows=lambda record, run: wrong_rows_of(store, record, run)
        )
    except (BaselineError, RecordError) as error:
        return f"the reference is no bank: {error.message}"


def _quality(
    one: InOneEnvironment, bank: Baseline | str, fingerprint: str, told: str, shared: tuple[Store, int]
) -> Check:
    from bertbench.verdict.quality_gate import quality_gate

    store, share = shared
    if isinstance(bank, str):
        return _undecided(bank)
    try:
        gate = quality_gate(bank.distinct_rows, one.newest[0].spec.verdict, gated_specs=share)
    except VerdictError as error:
        return _undecided(error.message)

    def wrong_rows(record: RunRecord, run: SeedRun) -> tuple[int, ...] | None:
        try:
            return wrong_rows_of(store, record, run)
        except (RecordError, BaselineError):  # for display alone
            return None

    candidate = Candidate(_as_of(one.candidate.records, fingerprint))
    identity, quality = compare(candidate, bank, name=_REFERENCE, gate=gate, wrong_rows=wrong_rows, origin=told)
    _, quality = hold_recipes(identity, _with_next_step(quality), locks_of(one.candidate.records))
    return quality


def _with_next_step(quality: Check) -> Check:
    """What to do, where nobody accepts a baseline and each environment runs its own seeds."""
    wanted = quality.seeds_wanted
    smallest = quality.numbers.get("smallest_bank_seeds")
    if quality.outcome == "no_baseline":
        step = f"run the seeds in both environments: --bertbench-seeds 0-{smallest - 1:g}" if smallest else ""
    elif quality.outcome == "undecided" and wanted:
        step = f"run seeds {','.join(map(str, wanted))} in this environment too: --bertbench-seeds"
    elif quality.outcome == "fail":
        step = "look at what differs between the two environments"
    else:
        return quality
    return replace(quality, next_step=step)


def _undecided(reason: str) -> Check:
    return Check(
        name=f"quality_against_{_REFERENCE}",
        kind="comparison",
        outcome="undecided",
        observed="nothing was shown",
        promised="no worse",
        reason=reason,
        next_step="bertbench show --all",
    )


def _step_seconds(one: InOneEnvironment) -> float | None:
    """Of runs that had the machine to themselves, as far as is known."""
    runs = {
        run.seed: run
        for record in one.candidate.records
        if record.environment is not None and record.environment.workers == 1
        for run in record.seeds
        if run.outcome == "completed" and run.steps.seconds
    }
    medians = [statistics.median(run.steps.seconds) for run in runs.values()]
    return statistics.median(medians) if medians else None


def _step_ratio(one: InOneEnvironment, reference: InOneEnvironment) -> float | None:
    ours, theirs = (side.newest[0].environment for side in (one, reference))
    seconds, base = _step_seconds(one), _step_seconds(reference)
    same = ours is not None and theirs is not None and ours.machine_fingerprint == theirs.machine_fingerprint
    return seconds / base if same and seconds is not None and base else None


def _where(one: InOneEnvironment, reference: InOneEnvironment) -> str:
    """Where the first seed that both ran parts from the reference's."""
    runs = {run.seed: run for run in reference.candidate.seeds}
    shared = [run for run in one.candidate.seeds if run.seed in runs]
    return next((parted.told for run in shared if (parted := parting(runs[run.seed], run))), "")


def _separations(cells: Sequence[Cell], compared: AbstractSet[frozenset[str]]) -> tuple[str, ...]:
    """Environments of one engine and backend are set apart by packages; engines and backends by what computes.

    Groups that share no seed are not set apart: nothing is known of them.

    Args:
        cells: All environments.
        compared: Pairs of groups that share a seed.
    """
    by_what: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.group is not None:
            by_what.setdefault(cell.environment.computes, []).append(cell)
    told = [said for what, alike in by_what.items() for said in _within(what, alike, compared)]
    groups = {what: list(dict.fromkeys(str(cell.group) for cell in alike)) for what, alike in by_what.items()}
    known = [
        f"{what} {', '.join(letters)}"
        for what, letters in groups.items()
        if any(_shares_a_seed(letters, others, compared) for other, others in groups.items() if other != what)
    ]
    if known:
        told.append(f"between engines and backends no package decides, but what computes: {'; '.join(known)}")
    every = dict.fromkeys(letter for letters in groups.values() for letter in letters)
    apart = [" and ".join(pair) for pair in combinations(every, 2) if frozenset(pair) not in compared]
    if apart:
        told.append(f"no seed ran in both of {', nor of '.join(apart)}, so whether their bits differ is not known")
    return tuple(told)


def _within(what: str, alike: Sequence[Cell], compared: AbstractSet[frozenset[str]]) -> list[str]:
    lists = all_compared([str(cell.group) for cell in alike], compared)
    told = []
    for letters in lists:
        known = [cell for cell in alike if cell.group in letters]
        of_these = "" if len(lists) == 1 else f", of {' and '.join(letters)}"
        told += [
            f"{what}{of_these}: {said}"
            for said in separation(
                [cell.name for cell in known],
                [cell.environment.packages for cell in known],
                [str(cell.group) for cell in known],
                settings=[cell.environment.settings for cell in known],
            )
        ]
    return told


def _shares_a_seed(one: Sequence[str], other: Sequence[str], compared: AbstractSet[frozenset[str]]) -> bool:
    return any(mine == theirs or frozenset((mine, theirs)) in compared for mine in one for theirs in other)
