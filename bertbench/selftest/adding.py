"""Self-tests of several days as one: fresh comparisons and faults of each, counted together.

A night of CI has time for ten trials, a promise of 1 % wants hundreds. What only runs can show adds up, as long as each
seed was in one trial and nothing else differed; every report that is given is counted, whatever it said. What was
simulated does not add up: it would be the same question again. Nor do spreads and class effects, which each report
measured anew, often on the same seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from bertbench.errors import VerdictError
from bertbench.selftest.fault_facts import CleanFacts, FaultRow
from bertbench.selftest.keeping import kept_promises, outcome_of
from bertbench.selftest.record import SelfTest, TrialsFacts
from bertbench.verdict.identity import differing_facts

#: Fields that all reports must share, in words.
_SHARED = {
    "spec_fingerprint": "recipe",
    "validation_rows": "validation rows",
    "distinct_validation_rows": "distinct validation rows",
    "margin_points": "margin in points",
    "gated_specs": "gated specs",
    "bertbench_version": "bertbench",
}


def added_up(reports: Sequence[SelfTest]) -> SelfTest:
    """Fresh trials and faults of several self-tests as one self-test, with the promises held against the sum.

    A fault that several put in has a row of each, and each row counts. Trials of reports in which banks are shared make
    the sum's interval too short, so it then shows nothing.

    Args:
        reports: In the order in which their trials and faults are to be listed.

    Returns:
        One that says nothing of spreads, processes and simulations.

    Raises:
        VerdictError: If no report is given, if reports are of different ground (recipe, rule of the verdict, whatever
            can change a bit, class of the candidates), if a seed is in trials of two of them, or if none has a trial or
            a fault.
    """
    _refuse_what_does_not_add_up(reports)
    first = reports[0]
    trials, clean = _trials(reports), _clean(reports)
    faults = _faults(reports)
    total = first.model_copy(
        update={
            "selftest_id": " + ".join(report.selftest_id for report in reports),
            "started_at": min(report.started_at for report in reports),
            "finished_at": max(report.finished_at for report in reports),
            "budget_seconds": sum(report.budget_seconds for report in reports),
            "first_seed": min(report.first_seed for report in reports),
            "last_seed": max((report.last_seed for report in reports if report.last_seed is not None), default=None),
            "faults_asked": None,
            "enough_minutes": None,
            "interrupted": False,
            "parts": (),
            "classes": (),
            "effects": (),
            "processes": None,
            "quality_gate": (),
            "speed_gate": (),
            "code_check": None,
            "trials": trials,
            "clean": clean,
            "unchanged_speed": tuple(one for report in reports for one in report.unchanged_speed),
            "faults": faults,
        }
    )
    promises = kept_promises(total)
    counted = {
        "trials": trials is not None,
        "faults": any(_ran(row) for row in faults),
        "speed": any(row.speed for row in faults),
    }
    asked = [part for part, is_counted in counted.items() if is_counted]
    return total.model_copy(update={"promises": promises, "outcome": outcome_of(promises, total, asked=asked)})


def _refuse_what_does_not_add_up(reports: Sequence[SelfTest]) -> None:
    if not reports:
        raise VerdictError("no self-test was given to add up")
    for one, other in combinations(reports, 2):
        if differing := list(_differing(one, other)):
            raise VerdictError(
                f"self-tests {one.selftest_id} and {other.selftest_id} are no samples of one thing: "
                f"{'; '.join(differing)}",
                remedy="add up those that share recipe, verdict, versions and machine; each sum apart",
            )
        if one.selftest_id == other.selftest_id:
            raise VerdictError(f"self-test {one.selftest_id} was given twice", remedy="give each report once")
        if shared := _trial_seeds(one) & _trial_seeds(other):
            raise VerdictError(
                f"self-tests {one.selftest_id} and {other.selftest_id} used the same seeds in fresh trials: "
                f"{len(shared)} of them, such as {min(shared)}; trials that share runs are not independent",
                remedy=f"run the later one with --first-seed {1 + max(_trial_seeds(one))}, or leave one out",
            )
    if not any(_counted(report) or any(_ran(row) for row in report.faults) for report in reports):
        raise VerdictError(
            "no self-test that was given has fresh trials or faults, and nothing else adds up",
            remedy="run bertbench selftest with --parts seeds,trials,faults",
        )


def _differing(one: SelfTest, other: SelfTest) -> Iterator[str]:
    """What two reports do not share, both values."""
    for field, words in _SHARED.items():
        left, right = getattr(one, field), getattr(other, field)
        if left != right:
            yield f"{words}: {str(left)[:12]} against {str(right)[:12]}"
    yield from (
        f"verdict.{fact}" for fact in differing_facts(one.spec.verdict.model_dump(), other.spec.verdict.model_dump())
    )
    if one.environment is not None and other.environment is not None:
        yield from differing_facts(one.environment.numerics, other.environment.numerics)
    classes = [seen.trials.candidate_class for seen in (one, other) if seen.trials is not None and _counted(seen)]
    if len(set(classes)) > 1:
        yield f"class of the candidates: {classes[0]} against {classes[1]}"


def _counted(report: SelfTest) -> bool:
    return report.trials is not None and bool(report.trials.counted)


def _ran(row: FaultRow) -> bool:
    """Whether any layer was asked about it."""
    return bool(row.caught_by)


def _trial_seeds(report: SelfTest) -> set[int]:
    trials = report.trials.counted if report.trials else ()
    return {seed for trial in trials for seed in (*trial.bank_seeds, *trial.candidate_seeds)}


def _trials(reports: Sequence[SelfTest]) -> TrialsFacts | None:
    """All that were counted; None if none was."""
    seen = [report.trials for report in reports if report.trials is not None and _counted(report)]
    if not seen:
        return None
    return TrialsFacts(
        candidate_class=seen[0].candidate_class,
        counted=tuple(trial for trials in seen for trial in trials.counted),
        candidates_per_bank=max(trials.candidates_per_bank for trials in seen),
        by_identity=max(trials.by_identity for trials in seen),  # of the same machine: the same classes
    )


def _faults(reports: Sequence[SelfTest]) -> tuple[FaultRow, ...]:
    """Every row that was run; of the others one each, unless another report ran that fault."""
    rows = [row for report in reports for row in report.faults]
    ran = [row for row in rows if _ran(row)]
    names = {row.name for row in ran}
    others = {row.name: row for row in rows if row.name not in names}
    return (*ran, *others.values())


def _clean(reports: Sequence[SelfTest]) -> CleanFacts | None:
    """The first that was not cleared, else any; None if no fault was put in."""
    seen = [report.clean for report in reports if report.clean is not None]
    return next((one for one in seen if one.reason), seen[0] if seen else None)
