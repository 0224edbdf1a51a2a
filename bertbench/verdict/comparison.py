"""A run held against a baseline: are the bits the same, and where they are not, is the quality?

Two checks for each baseline. *Identity* is certain for the seeds that ran. Other bits are no regression; then *quality*
decides, and identity says no more than quality does: it passes where quality passes and is undecided otherwise.
What cannot be compared is `no_baseline`, which is never green.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from bertbench.baseline import REFERENCE, Baseline, BaselineSeed
from bertbench.baseline.ground import recipe_of
from bertbench.baseline.one_code import factory_of
from bertbench.errors import BertbenchError, message_and_remedy
from bertbench.quantities import QUALITY
from bertbench.record import RunRecord, SeedRun
from bertbench.verdict.candidate import Candidate
from bertbench.verdict.identity import Parting, differing_facts, known_numbers, parting
from bertbench.verdict.outcomes import Check, Outcome
from bertbench.verdict.recipe_difference import differing_fields

if TYPE_CHECKING:
    from bertbench.verdict.quality_gate import QualityGate

#: Numbers of the rows that a seed of a run had wrong; None if nobody knows.
WrongRows = Callable[[RunRecord, SeedRun], Sequence[int] | None]
#: The run of a baseline's seed, step by step, where it is still at hand; a baseline's file keeps epochs alone.
AcceptedRun = Callable[[BaselineSeed], SeedRun | None]

_DIGESTS = ("losses", "predictions", "weights")
#: Accuracies nearer than this are one: less than a row of a million, and more than a quotient is rounded by.
_SAME_ACCURACY = 1e-6
#: Seeds or facts named in one sentence.
_SHOWN = 5
#: Said where the runs of the baseline are not at hand.
_COARSE = " (the runs of the baseline are not in this store, which alone would know the step and the variable)"
_PROMISED = {"identity": "equal bits, else quality", "quality": "no worse"}


def identity_name(name: str) -> str:
    """Of the check that compares bits with the baseline *name*."""
    return f"identity_with_{name}"


def quality_name(name: str) -> str:
    """Of the check that compares quality with the baseline *name*."""
    return f"quality_against_{name}"


def compare(
    candidate: Candidate,
    baseline: Baseline,
    *,
    name: str,
    gate: QualityGate,
    wrong_rows: WrongRows | None = None,
    accepted_run: AcceptedRun | None = None,
    origin: str | None = None,
) -> tuple[Check, Check]:
    """Hold a run, with the further seeds that ran for it, against a baseline.

    Args:
        candidate: What ran.
        baseline: What was accepted.
        name: Of the baseline, as in `rolling`.
        gate: What decides where bits differ.
        wrong_rows: Gives the rows that a seed had wrong at its end, None if nobody knows; asked only where bits differ,
            to show which rows flipped.
        accepted_run: Gives the run that a seed of the baseline was made of, None if it is not at hand; asked where bits
            differ, to name the first step and the first variable.
        origin: What the baseline is called in reasons; when it was accepted and which code ran, if not given.

    Returns:
        Identity, quality.
    """
    show, origin = f"bertbench show {candidate.records[-1].run_id}", origin or baseline.origin()
    if candidate.problem:
        return _both(name, "fail", candidate.problem, show)
    if broken := _impossible_values(candidate):
        return _both(name, "fail", broken, show)
    if other := next((told for record in candidate.records if (told := _other_ground(record, baseline))), ""):
        replace = " --replace" if name == REFERENCE else ""
        remedy = f"bertbench baseline accept SPEC --name {name}{replace}, if the change is meant"
        return _both(name, "no_baseline", f"the baseline ({origin}) is of {other}", remedy)
    pairs = _shared(candidate, baseline)
    if contradictions := [told for pair in pairs if (told := _other_hits(*pair, rows=baseline.validation_rows))]:
        return _other_accuracy(name, contradictions, origin)
    differ = any(_differing_digests(*pair) for pair in pairs)
    if pairs and not differ and len(pairs) == len(candidate.order):
        return _identical(name, candidate, baseline, pairs, origin)
    from bertbench.verdict.quality_comparison import judge_quality  # loads scipy: half a second, and only needed here

    known = _known_wrong_rows(candidate, wrong_rows)
    told = f" Baseline: {origin}{_environments(candidate.first, baseline)}."
    quality = judge_quality(
        candidate,
        baseline,
        name=quality_name(name),
        gate=gate,
        wrong_rows=known,
        context=told,
        doubt="bits differ" if differ else "not every seed that ran has the bits of the baseline",
    )
    parted = [
        _where(run, seed, accepted_run(seed) if accepted_run else None)
        for run, seed in pairs
        if _differing_digests(run, seed)
    ]
    return _different(name, candidate, baseline, pairs, parted, quality), quality


def _known_wrong_rows(candidate: Candidate, wrong_rows: WrongRows | None) -> dict[int, Sequence[int]]:
    """By seed, as the first run that had it knows."""
    if wrong_rows is None:
        return {}
    seeds = {run.seed: run for run in candidate.seeds}
    known: dict[int, Sequence[int]] = {}
    for record in candidate.records:
        for run in record.seeds:
            if seeds.get(run.seed) is run and (rows := wrong_rows(record, run)) is not None:
                known[run.seed] = rows
    return known


def comparable(record: RunRecord, baseline: Baseline) -> bool:
    """Whether a run can be held against a baseline: both are of one recipe, data, labels, tokenizer and weights."""
    return not _other_ground(record, baseline)


def skipped_comparison(name: str, skipped: str) -> tuple[Check, Check]:
    """Both checks where the spec was skipped: a comparison was asked for and not made, and nobody knows what it is.

    Args:
        name: Of the baseline.
        skipped: Why, with what to do on a line of its own.
    """
    why, remedy = message_and_remedy(skipped)
    reason = f"the spec was skipped, so there is nothing to compare: {why}"
    return _both(name, "undecided", reason, remedy or "bring what is missing, or compare other specs only")


def no_baseline(name: str, problem: BertbenchError) -> tuple[Check, Check]:
    """Both checks where there is nothing to compare with: it is missing, or cannot be read."""
    return _both(name, "no_baseline", problem.message, problem.remedy)


def _impossible_values(candidate: Candidate) -> str:
    """Final qualities that cannot have been measured, NaN among them; empty if there are none."""
    broken = [
        f"seed {run.seed}: validation {quantity.name} {value}"
        for run in candidate.seeds
        for quantity in QUALITY.values()
        if not quantity.is_valid(value := getattr(run.final_epoch.validation, quantity.name))
    ]
    return f"no possible value: {', '.join(broken)}" if broken else ""


def _other_ground(record: RunRecord, baseline: Baseline) -> str:
    """What the baseline is of that the run is not; empty if they can be compared."""
    data, checkpoint = record.data, record.checkpoint
    counted = baseline.distinct_validation_rows is not None and data is not None and bool(data.distinct_rows)
    facts: tuple[tuple[str, object, object], ...] = (
        ("spec", baseline.spec, record.spec.name),
        ("recipe", baseline.spec_fingerprint, record.spec_fingerprint),
        ("data", baseline.data_sha256, data.sha256 if data else None),
        ("label names", baseline.label_names, data.label_names if data else None),
        ("number of validation rows", baseline.validation_rows, data.rows.get("validation", 0) if data else None),
        (
            "number of distinct validation rows",
            baseline.distinct_rows if counted else None,
            data.distinct("validation") if data and counted else None,
        ),
        ("tokenizer", baseline.tokenizer_sha256, data.tokenizer_sha256 if data else None),
        ("pretrained weights", baseline.weights_sha256, checkpoint.sha256 if checkpoint else None),
    )
    differing = {what: f"{_short(ours)}; the run: {_short(its)}" for what, ours, its in facts if ours != its}
    if "recipe" in differing and (fields := differing_fields(baseline.recipe, recipe_of(record))):
        differing["recipe"] = "; ".join(fields)
    return " and ".join(f"another {what} ({told})" for what, told in differing.items())


def _short(value: object) -> str:
    """A digest by its beginning; anything else as it is."""
    text = str(value)
    return text[:12] if len(text) == 64 else text  # noqa: PLR2004 - hex digits of a SHA-256


def _shared(candidate: Candidate, baseline: Baseline) -> list[tuple[SeedRun, BaselineSeed]]:
    pairs = ((run, baseline.seed_of(run.seed)) for run in candidate.seeds)
    return [(run, seed) for run, seed in pairs if seed is not None]


def _differing_digests(run: SeedRun, seed: BaselineSeed) -> list[str]:
    """Names of the digests that differ; a run without digests differs in all."""
    return [name for name in _DIGESTS if getattr(run.digests, name, None) != getattr(seed.digests, name)]


def _other_hits(run: SeedRun, seed: BaselineSeed, *, rows: int) -> str:
    """Where a seed of equal bits has other rows right than the baseline; empty where it has not, or bits differ."""
    if _differing_digests(run, seed):
        return ""
    counts = [("", run.final_epoch.validation.accuracy, seed.hits)]
    counts += [  # of schema 1 the last one alone
        (f" after epoch {row.epoch}", row.validation.accuracy, hits)
        for row, hits in zip(run.epochs, seed.validation_hits, strict=False)
    ]
    for when, accuracy, hits in counts:
        if not abs(accuracy - hits / rows) <= _SAME_ACCURACY:
            ours = f"{accuracy * rows:g} of {rows} validation rows right{when} (accuracy {accuracy:.4f})"
            return f"seed {run.seed}: {ours}, {hits} in the baseline ({hits / rows:.4f})"
    return ""


def _other_accuracy(name: str, contradictions: Sequence[str], origin: str) -> tuple[Check, Check]:
    """Equal logits give equal answers, so what they were held against is another, or how that was counted."""
    more = f"; and {len(contradictions) - _SHOWN} more seeds" if len(contradictions) > _SHOWN else ""
    reason = (
        f"weights, losses and predictions are those of the baseline ({origin}), accuracy is not: "
        f"{'; '.join(contradictions[:_SHOWN])}{more}. So the labels, or the way accuracy is counted, changed"
    )
    next_step = "look at the labels of the validation rows and at the code that counts accuracy"
    observed = "equal bits, other accuracy"
    return (
        _check(identity_name(name), "fail", observed, reason, next_step=next_step),
        _check(quality_name(name), "fail", observed, reason, next_step=next_step, promised=_PROMISED["quality"]),
    )


def _identical(
    name: str,
    candidate: Candidate,
    baseline: Baseline,
    pairs: Sequence[tuple[SeedRun, BaselineSeed]],
    origin: str,
) -> tuple[Check, Check]:
    """Every seed that ran is the baseline's: equal bits are equal, whatever the fingerprints say."""
    listed = _listed(run.seed for run, _ in pairs)
    same = f"weights, losses and predictions of seed {listed} are those of the baseline ({origin}): certain"
    unchanged = (
        f"quality of seed {listed} is unchanged, for certain; of the seeds that did not run by inference: they took "
        "the same code path"
    )
    return (
        _check(identity_name(name), "pass", "equal bits", same + _environments(candidate.first, baseline)),
        _check(quality_name(name), "pass", "unchanged", unchanged, promised=_PROMISED["quality"]),
    )


def _different(
    name: str,
    candidate: Candidate,
    baseline: Baseline,
    pairs: Sequence[tuple[SeedRun, BaselineSeed]],
    parted: Sequence[Parting],
    quality: Check,
) -> Check:
    """Identity says no more than quality, and what is known of each seed; in numbers, of the first that differs."""
    told = [one.told for one in parted[:_SHOWN]]
    if len(parted) > _SHOWN:
        told.append(f"and {len(parted) - _SHOWN} more seeds differ")
    if equal := _listed(run.seed for run, seed in pairs if not _differing_digests(run, seed)):
        told.append(f"seed {equal} is equal, for certain")
    if outside := _listed(seed for seed in candidate.order if baseline.seed_of(seed) is None):
        told.append(f"seed {outside} is not in the baseline, which has seed {_listed(s.seed for s in baseline.seeds)}")
    passes = quality.outcome == "pass"
    decides = f". Other bits alone are no regression: {quality.name} decides ({quality.outcome})"
    return _check(
        identity_name(name),
        "pass" if passes else "undecided",
        "different bits" if parted else "equal bits in part" if equal else "no seed in common",
        "; ".join(told) + _environments(candidate.first, baseline) + decides,
        next_step="" if passes else f"see {quality.name}",
        numbers=parted[0].numbers if parted else None,
    )


def _where(run: SeedRun, seed: BaselineSeed, accepted: SeedRun | None) -> Parting:
    """Which digests of one seed differ, and the first step and variable, or the first epoch if that is all there is."""
    if accepted is not None and (known := parting(run, accepted)):
        return known
    differ = f"seed {run.seed}: {' and '.join(_differing_digests(run, seed))} differ"
    of_seed: dict[str, float] = {"differing_seed": run.seed}
    losses = [row.train.loss for row in run.epochs]
    for epoch, (ours, its) in enumerate(zip(losses, seed.train_loss, strict=False)):
        if ours != its:
            apart = f"train loss {ours!r} against {its!r}, {abs(ours - its):.3g} apart"
            numbers = known_numbers(first_differing_epoch=epoch, train_loss_difference=abs(ours - its))
            return Parting(f"{differ}; first at epoch {epoch}: {apart}{_COARSE}", of_seed | numbers)
    if len(losses) != len(seed.train_loss):
        return Parting(f"{differ}; {len(losses)} epochs against {len(seed.train_loss)}", of_seed)
    return Parting(f"{differ}; the train loss of every epoch is equal", of_seed)


def _environments(record: RunRecord, baseline: Baseline) -> str:
    """What can change bits and differs, the run's side first: numerics, and the file of an engine's factory."""
    told = ""
    if record.environment is not None and record.environment.numerics_fingerprint != baseline.numerics_fingerprint:
        differing = differing_facts(record.environment.numerics, baseline.numerics)
        told = f"; numerics differ: {', '.join(differing) or 'by fingerprint alone'}"
    ours, its = factory_of(record), baseline.factory_sha256
    if ours and its and ours != its:
        told += f"; the engine's factory differs: its file is {_short(ours)} against {_short(its)}"
    return told


def _listed(seeds: Iterable[int]) -> str:
    numbers = list(seeds)
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return ", ".join(map(str, numbers[:_SHOWN])) + more


def _both(name: str, outcome: Outcome, reason: str, next_step: str) -> tuple[Check, Check]:
    """The same of both checks."""
    observed = "nothing to compare" if outcome == "no_baseline" else "nothing was shown"
    return (
        _check(identity_name(name), outcome, observed, reason, next_step=next_step),
        _check(quality_name(name), outcome, observed, reason, next_step=next_step, promised=_PROMISED["quality"]),
    )


def _check(
    name: str,
    outcome: Outcome,
    observed: str,
    reason: str,
    *,
    next_step: str = "",
    promised: str = _PROMISED["identity"],
    numbers: Mapping[str, float] | None = None,
) -> Check:
    return Check(
        name=name,
        kind="comparison",
        outcome=outcome,
        observed=observed,
        promised=promised,
        reason=reason,
        next_step=next_step,
        numbers=numbers or {},
    )
