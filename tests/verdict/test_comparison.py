"""A run against a baseline: equal bits are certain, others lead to quality, what cannot be compared is not green."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from baseline_examples import BANK, ROWS, baseline_of, first_rows_wrong, made_by, run_of
from hypothesis import given, settings
from hypothesis import strategies as st
from record_maker import make_failed_record

from bertbench.baseline import Baseline
from bertbench.cli_baseline import _BANK
from bertbench.errors import BaselineAbsentError, VerdictError
from bertbench.record import RunRecord, VariableFacts
from bertbench.spec import VerdictSpec, override, spec_fingerprint
from bertbench.stats.sequential import SMALLEST_BANK
from bertbench.verdict import Candidate, Check, compare, no_baseline, overall
from bertbench.verdict.quality_gate import QualityGate, quality_gate


def compared(record: RunRecord, baseline: Baseline | None = None, *, gate: QualityGate | None = None) -> list[Check]:
    """Identity, quality; with the rows that flipped."""
    baseline = baseline or baseline_of()
    gate = gate or quality_gate(baseline.validation_rows)
    return list(compare(Candidate((record,)), baseline, name="rolling", gate=gate, wrong_rows=first_rows_wrong))


def shifted(rows: int, seeds: int = 20) -> dict[int, int]:
    """The bank's own seeds, each with so many rows more."""
    return {seed: hits + rows for seed, hits in list(BANK.items())[:seeds]}


def with_numerics(record: RunRecord, numerics: dict[str, Any]) -> RunRecord:
    assert record.environment is not None
    environment = record.environment.model_copy(update={"numerics": numerics, "numerics_fingerprint": "7" * 64})
    return record.model_copy(update={"environment": environment})


# The same bits


def test_equal_bits_pass_and_say_what_is_certain() -> None:
    identity, quality = compared(run_of({0: BANK[0], 1: BANK[1]}))
    assert (identity.name, identity.kind, identity.outcome) == ("identity_with_rolling", "comparison", "pass")
    assert (quality.name, quality.kind, quality.outcome) == ("quality_against_rolling", "comparison", "pass")
    assert "of seed 0, 1 are those of the baseline" in identity.reason
    assert "certain" in identity.reason
    assert "of the seeds that did not run by inference: they took the same code path" in quality.reason


def test_equal_bits_of_some_seeds_say_nothing_of_those_outside_the_bank() -> None:
    """State that leaks from one seed to the next looks like this: the first seed is equal, the others are lost."""
    hits = {0: BANK[0], **{seed: 210 + seed % 2 for seed in range(100, 119)}}
    record = run_of(hits)
    identity, quality = compared(record)
    assert (identity.outcome, identity.observed) == ("undecided", "equal bits in part")
    assert quality.outcome == "undecided"
    assert (
        "seed 0 is equal, for certain; seed 100, 101, 102, 103, 104 and 14 more is not in the baseline"
        in identity.reason
    )


def test_a_fail_that_the_guard_of_the_same_seeds_stopped_is_told() -> None:
    hits = {0: BANK[0], **{seed: 210 + seed % 2 for seed in range(100, 119)}}
    _, quality = compared(run_of(hits))
    assert quality.numbers["p_value"] < 1e-9
    assert (
        "or less would be a fail, but over the seeds that both sides ran (1) accuracy did not change" in quality.reason
    )
    assert quality.next_step.startswith(
        "run the seeds of the bank, in a run of their own: bertbench run SPEC --seeds 0,1,2"
    )
    assert "would be a fail" not in compared(run_of(shifted(-9), bits=1))[1].reason


def test_equal_bits_beside_others_are_judged_with_them() -> None:
    identity, quality = compared(run_of({**shifted(0, 4), 100: 290, 101: 291, 102: 290, 103: 289}))
    assert (identity.outcome, quality.outcome) == ("pass", "pass")
    assert quality.observed != "unchanged"
    identity, quality = compared(run_of({0: BANK[0], 1: BANK[1], 100: 290}), baseline_of({0: BANK[0], 1: BANK[1]}))
    assert (identity.outcome, quality.outcome) == ("undecided", "no_baseline")
    assert "not every seed that ran has the bits of the baseline, and a bank of 2 seeds" in quality.reason


def test_equal_bits_pass_on_a_bank_of_one() -> None:
    assert [check.outcome for check in compared(run_of({0: 290}), baseline_of({0: 290}))] == ["pass", "pass"]


def test_equal_bits_are_equal_whatever_the_fingerprints_say() -> None:
    """And what differs in the environment is told."""
    run = with_numerics(run_of({0: BANK[0]}), {"tensorflow": "2.22.0", "onednn": True, "threads": 2})
    identity, quality = compared(run)
    assert (identity.outcome, quality.outcome) == ("pass", "pass")
    assert "numerics differ: tensorflow: 2.22.0 against 2.21.0" in identity.reason


@pytest.mark.parametrize("seeds", [(0, 1), (0, 100)])
def test_equal_bits_of_another_accuracy_never_pass(seeds: tuple[int, ...]) -> None:
    """The same logits were held against other labels, or counted in another way; also where more is to be judged."""
    identity, quality = compared(run_of({**dict.fromkeys(seeds, 290), 0: 100}))
    assert [(check.outcome, check.observed) for check in (identity, quality)] == [
        ("fail", "equal bits, other accuracy")
    ] * 2
    assert "seed 0: 100 of 300 validation rows right (accuracy 0.3333), 290 in the baseline (0.9667)" in quality.reason
    assert quality.reason.endswith("So the labels, or the way accuracy is counted, changed")
    assert quality.next_step == "look at the labels of the validation rows and at the code that counts accuracy"
    assert quality.seeds_wanted == ()


def test_equal_bits_of_another_accuracy_are_named_seed_by_seed() -> None:
    _, quality = compared(run_of({0: BANK[0] + 1, 1: BANK[1], 2: 150.5}))
    assert "seed 0: 291 of 300 validation rows right (accuracy 0.9700), 290 in the baseline (0.9667); seed 2: " in (
        quality.reason
    )
    assert "seed 2: 150.5 of 300 validation rows right (accuracy 0.5017), 289 in the baseline" in quality.reason
    assert "seed 1: " not in quality.reason
    _, many = compared(run_of(dict.fromkeys(range(8), 100)))
    assert "; and 3 more seeds. So the labels" in many.reason


def test_equal_bits_of_another_accuracy_in_an_epoch_before_the_last_never_pass() -> None:
    run = run_of({0: BANK[0]})
    first, *others = run.seeds[0].epochs
    changed = first.model_copy(update={"validation": first.validation.model_copy(update={"accuracy": 0.25})})
    seed = run.seeds[0].model_copy(update={"epochs": (changed, *others)})
    _, quality = compared(run.model_copy(update={"seeds": (seed,)}))
    assert quality.outcome == "fail"
    assert "seed 0: 75 of 300 validation rows right after epoch 0 (accuracy 0.2500), 150 in the baseline (0.5000)" in (
        quality.reason
    )


# Other bits


def test_first_epoch_whose_loss_differs_is_named_with_its_size() -> None:
    identity, _ = compared(run_of(shifted(0, 4), bits=1))
    assert "seed 0: losses and predictions and weights differ; first at epoch 1: train loss 0.501 against 0.5" in (
        identity.reason
    )
    assert "0.001 apart" in identity.reason
    assert identity.numbers == {
        "differing_seed": 0,
        "first_differing_epoch": 1,
        "train_loss_difference": pytest.approx(0.001),
    }


def test_where_the_runs_of_the_baseline_are_at_hand_step_and_variable_are_named() -> None:
    """The baseline's file keeps neither, and says so where there is nothing else."""
    run = run_of(shifted(0, 4), bits=1)
    accepted = run_of(BANK).seeds
    variables = {"classifier.weight": VariableFacts(sha256="1" * 16, norm=1.0)}
    moved = {"classifier.weight": VariableFacts(sha256="2" * 16, norm=1.5)}
    kept = {one.seed: one.model_copy(update={"variables": variables}) for one in accepted}
    losses = list(run.seeds[0].steps.loss)
    losses[2] += 0.25
    steps = run.seeds[0].steps.model_copy(update={"loss": tuple(losses)})
    first = run.seeds[0].model_copy(update={"steps": steps, "variables": moved})
    run = run.model_copy(update={"seeds": (first, *run.seeds[1:])})
    identity, _ = compare(
        Candidate((run,)),
        baseline_of(),
        name="rolling",
        gate=quality_gate(ROWS),
        accepted_run=lambda seed: kept.get(seed.seed),
    )
    assert "first at step 2 of epoch 0: loss" in identity.reason
    assert "0.25 apart" in identity.reason
    assert "first classifier.weight: norm 1.5 against 1.0, norms differ by 0.5" in identity.reason
    assert "not in this store" not in identity.reason
    known = ("first_differing_step", "first_differing_epoch", "loss_difference", "first_variable_norm_difference")
    assert [identity.numbers[name] for name in known] == pytest.approx([2, 0, 0.25, 0.5])
    identity, _ = compare(
        Candidate((run,)), baseline_of(), name="rolling", gate=quality_gate(ROWS), accepted_run=lambda _seed: None
    )
    assert "the runs of the baseline are not in this store" in identity.reason


def test_weights_alone_may_differ() -> None:
    run = run_of(shifted(0, 4))
    digests = run.seeds[0].digests.model_copy(update={"weights": "5" * 64})
    seeds = (run.seeds[0].model_copy(update={"digests": digests}), *run.seeds[1:])
    identity, _ = compared(run.model_copy(update={"seeds": seeds}))
    assert "seed 0: weights differ; the train loss of every epoch is equal" in identity.reason
    assert "seed 1, 2, 3 is equal, for certain" in identity.reason


def test_other_bits_alone_are_no_fail_and_quality_decides() -> None:
    identity, quality = compared(run_of(shifted(0, 8), bits=1))
    assert (identity.outcome, identity.observed) == ("pass", "different bits")
    assert quality.outcome == "pass"
    assert "quality_against_rolling decides (pass)" in identity.reason


def test_identity_says_no_more_than_quality() -> None:
    identity, quality = compared(run_of(shifted(-9), bits=1))
    assert (identity.outcome, quality.outcome) == ("undecided", "fail")


def test_libraries_that_differ_are_named_side_by_side() -> None:
    run = with_numerics(run_of(shifted(0, 8), bits=1), {"tensorflow": "2.21.0", "onednn": True, "threads": 4})
    identity, quality = compared(run)
    assert "numerics differ: threads: 4 against 2" in identity.reason
    assert "threads: 4 against 2" in quality.reason


@pytest.mark.parametrize(("shift", "outcomes"), [(0, ("pass", "pass")), (-9, ("undecided", "fail"))])
def test_without_a_seed_in_common_quality_decides(shift: int, outcomes: tuple[str, str]) -> None:
    identity, quality = compared(run_of({100 + seed: hits for seed, hits in shifted(shift, 8).items()}))
    assert (identity.outcome, quality.outcome) == outcomes
    assert identity.observed == "no seed in common"
    assert "is not in the baseline, which has seed 0, 1, 2, 3, 4 and 15 more" in identity.reason


# Quality


def test_a_drop_fails_with_the_sentence_for_people() -> None:
    """Anchors, row 3: in pytest-benchmark an accuracy that falls from 0.98 to 0.10 passes."""
    _, quality = compared(run_of(shifted(-9), bits=1))
    assert quality.outcome == "fail"
    assert (
        "On these 300 validation messages, averaged over fresh seeds, accuracy fell by 2.83 points (99 % interval "
        in (quality.reason)
    )
    assert "Rows lost/won by seed: 0: 9/0, 1: 9/0, 2: 9/0, 3: 9/0." in quality.reason
    assert "For other messages like these the drop may lie between" in quality.reason
    assert "(approximate: multi-bootstrap over the 4 shared seeds)" in quality.reason
    assert "Baseline: accepted " in quality.reason
    assert quality.observed == "fell by 2.83 points"
    assert quality.observed_value == pytest.approx(17 / 6)
    assert quality.promised_value == pytest.approx(1.0)
    for never in ("unseen", "the model"):
        assert never not in quality.reason


def test_rows_that_flipped_are_told_of_every_seed_of_the_look() -> None:
    """Also at the last look: twenty numbers, one for each, and some rows won besides those that are lost."""
    mixed = {seed: BANK[seed] + (5 if seed % 2 else -5) for seed in BANK}
    _, quality = compared(run_of(mixed, bits=1))
    assert quality.numbers["look_seeds"] == 20
    by_seed = ", ".join(f"{seed}: {'0/5' if seed % 2 else '5/0'}" for seed in range(20))
    assert f"Rows lost/won by seed: {by_seed}." in quality.reason


def test_the_same_verdict_comes_again() -> None:
    run, baseline = run_of(shifted(-9), bits=1), baseline_of()
    assert compared(run, baseline) == compared(run, baseline)


def test_rows_that_nobody_knows_are_not_told() -> None:
    run, baseline = run_of(shifted(-9), bits=1), baseline_of()
    _, quality = compare(
        Candidate((run,)), baseline, name="rolling", gate=quality_gate(ROWS), wrong_rows=lambda _record, _run: None
    )
    assert quality.outcome == "fail"
    assert "lost/won" not in quality.reason
    assert "other messages" not in quality.reason


@pytest.mark.parametrize(("left", "said"), [(3, "too few seeds for an interval"), (4, "99 % interval ")])
def test_where_failed_seeds_leave_too_few_no_interval_is_told(left: int, said: str) -> None:
    """The bound that a pass rests on is told all the same."""
    hits = {seed: value if seed < left else 150 for seed, value in shifted(-9, 4).items()}
    run = run_of(hits, bits=1)
    seeds = tuple(one.model_copy(update={"validation_confusion": ((150, 0), (0, 150))}) for one in run.seeds)
    _, quality = compared(run.model_copy(update={"seeds": seeds}))
    assert f"points ({said}" in quality.reason
    assert ("drop_low_points" in quality.numbers) is (left == 4)
    assert math.isfinite(quality.numbers["drop_upper_bound_points"])
    assert all(math.isfinite(number) for number in quality.numbers.values())
    others = "Nothing is said of other messages (multi-bootstrap: 3 seeds and 300 rows were given"
    assert (others in quality.reason) is (left == 3)


def test_copies_of_rows_say_nothing_of_other_messages() -> None:
    """Resampled as rows of their own they would say more than they know."""
    run, baseline = run_of(shifted(-9), distinct=290, bits=1), baseline_of(distinct=290)
    _, quality = compared(run, baseline)
    assert "Nothing is said of other messages (10 of 300 validation rows are copies of others)." in quality.reason
    assert "may lie between" not in quality.reason


def test_less_stable_is_said_of_a_spread_that_grew_alone() -> None:
    """Of two times 20 seeds Welch's interval is taken whichever side has the larger variance."""
    wild, tame = ({seed: 290 + width * (seed % 5) for seed in range(20)} for width in (-4, 0))
    assert "Notice: less stable" in compared(run_of(wild, bits=1), baseline_of(tame))[1].reason
    assert "less stable" not in compared(run_of(tame, bits=1), baseline_of(wild))[1].reason


def test_better_passes_with_a_notice() -> None:
    """Anchors, row 13: suspiciously good is told too, since a leak looks like this."""
    _, quality = compared(run_of(shifted(7), bits=1))
    assert quality.outcome == "pass"
    assert "accuracy rose by 2.50 points" in quality.reason
    assert "Notice: better than chance explains; make sure that no validation row leaked" in quality.reason


def test_no_change_has_no_notice() -> None:
    _, quality = compared(run_of(shifted(0, 8), bits=1))
    assert "Notice" not in quality.reason


@pytest.mark.parametrize(("seeds", "needed"), [(1, 4), (3, 4)])
def test_too_few_seeds_are_undecided_and_say_how_many_to_run(seeds: int, needed: int) -> None:
    """However large the drop: pyperf calls one value against one significant."""
    identity, quality = compared(run_of(shifted(-100, seeds), bits=1))
    assert (identity.outcome, quality.outcome) == ("undecided", "undecided")
    assert f"{seeds} seeds ran; the first look needs {needed}" in quality.reason
    assert "run 4 seeds: bertbench run SPEC --seeds 0,1,2,3" in quality.next_step


def test_a_look_beyond_the_seeds_at_hand_is_undecided_and_names_the_seeds() -> None:
    """A loss that four seeds can neither call nor exclude."""
    _, quality = compared(run_of({0: 288, 1: 289, 2: 287, 3: 290}, bits=1))
    assert quality.outcome == "undecided"
    assert "run 8 seeds: bertbench run SPEC --seeds 0,1,2,3,4,5,6,7" in quality.next_step


def test_seeds_between_two_looks_wait_for_the_next() -> None:
    """Six seeds are judged at the look of four: peeking in between would cost error rate."""
    _, four = compared(run_of(shifted(-9, 4), bits=1))
    _, six = compared(run_of(shifted(-9, 6), bits=1))
    assert four.observed_value == six.observed_value
    assert "4 seeds against a bank of 20" in six.reason


def test_after_the_last_look_the_plan_says_what_would_decide() -> None:
    wide = {seed: 270 + (20 if seed % 2 else -20) for seed in range(20)}
    _, quality = compared(run_of({seed: hits - 2 for seed, hits in wide.items()}, bits=1), baseline_of(wide))
    assert quality.outcome == "undecided"
    assert "bank" in quality.next_step or "rows" in quality.next_step


def test_a_look_that_cannot_fail_waits_and_says_what_would_let_it_decide() -> None:
    """Eight gated specs leave 1e-4 for the first look, which 4 seeds against 20 reach (9.4e-5); ten leave 8e-5."""
    same = run_of(shifted(0, 4), bits=1)
    assert compared(same, gate=quality_gate(ROWS, gated_specs=8))[1].outcome == "pass"
    _, quality = compared(same, gate=quality_gate(ROWS, gated_specs=10))
    assert (quality.outcome, quality.seeds_wanted) == ("undecided", (4, 5, 6, 7))
    assert "below the margin of 1.00" in quality.reason
    smallest = "the smallest possible p is 9.4e-05, and 8e-05 or less is needed"
    assert f"This look can neither fail nor pass: {smallest}" in quality.reason
    assert quality.next_step.startswith("run 8 seeds: bertbench run SPEC --seeds 0,1,2,3,4,5,6,7 ")
    assert quality.next_step.endswith(
        "; or accept a bank of 21 seeds, or gate fewer specs or baselines, and 4 seeds can decide"
    )


def test_a_last_look_that_cannot_fail_is_undecided_with_a_plan() -> None:
    settings = VerdictSpec(looks=(4,), shares=(1.0,))
    _, quality = compared(run_of(shifted(0, 4), bits=1), gate=quality_gate(ROWS, settings, gated_specs=50))
    assert (quality.outcome, quality.seeds_wanted) == ("undecided", ())
    assert "5 seeds would pass if nothing changed" in quality.next_step
    assert "accept a bank of " in quality.next_step
    assert "gate fewer specs or baselines" in quality.next_step
    bold = compared(run_of(shifted(-100, 4), bits=1), gate=quality_gate(ROWS, settings, gated_specs=50))[1]
    assert bold.outcome == "undecided"  # nothing accuses either


def test_margin_is_one_row_at_least() -> None:
    assert quality_gate(49).rule.margin_points == pytest.approx(100 / 49)
    assert quality_gate(300).rule.margin_points == 1.0
    hits = dict.fromkeys(range(20), 48)
    _, quality = compared(run_of(hits, rows=49, bits=1), baseline_of(hits, rows=49))
    assert quality.outcome == "pass"


def test_margin_is_one_distinct_row_at_least() -> None:
    """300 rows, 50 of them distinct: one distinct row is two points."""
    baseline = baseline_of(distinct=50)
    gate = quality_gate(baseline.distinct_rows)
    assert gate.rule.margin_points == 2.0
    _, quality = compared(run_of(shifted(-3), distinct=50, bits=1), baseline, gate=gate)
    assert (quality.outcome, quality.promised) == ("pass", "drop < 2.00 points")
    assert "On these 300 validation messages, 50 of them distinct, averaged over fresh seeds" in quality.reason
    _, quality = compared(run_of(shifted(-3), bits=1))
    assert "On these 300 validation messages, averaged" in quality.reason


def test_a_margin_below_one_distinct_row_decides_nothing() -> None:
    _, quality = compared(run_of(shifted(0), distinct=50, bits=1), baseline_of(distinct=50), gate=quality_gate(300))
    assert quality.outcome == "undecided"
    assert "1 points of 300 rows, 50 of them distinct are less than one distinct row (2 points)" in quality.reason


def test_where_one_side_did_not_count_its_distinct_rows_the_baseline_says_what_is_known() -> None:
    run, bank = run_of(shifted(0, 4), distinct=90, bits=1), baseline_of(distinct=90)
    old_bank = bank.model_copy(update={"distinct_validation_rows": None, "schema_version": 3})
    old_run = changed_data(run, distinct_rows={})
    assert "300 validation messages, averaged" in compared(run, old_bank)[1].reason
    gate = quality_gate(bank.distinct_rows)
    assert "300 validation messages, 90 of them distinct" in compared(old_run, bank, gate=gate)[1].reason


def test_specs_share_the_error_rate() -> None:
    """Four fifths for the mean, a fifth for failed seeds; together the quality half of one per cent."""
    for specs, baselines in ((1, 1), (5, 1), (5, 2)):
        gate = quality_gate(300, gated_specs=specs, baselines=baselines)
        assert specs * (baselines * gate.rule.alpha + gate.failed_alpha) == pytest.approx(0.005)
    assert quality_gate(300).rule.alpha == pytest.approx(0.004)


@pytest.mark.parametrize(("rows", "specs"), [(0, 1), (300, 0), (1, 1)])
def test_a_rule_that_cannot_be_is_refused(rows: int, specs: int) -> None:
    with pytest.raises(VerdictError):
        quality_gate(rows, gated_specs=specs)


# Fail closed


def test_nan_fails() -> None:
    """Anchors, row 11: NaN passes `value > limit`."""
    identity, quality = compared(run_of({**shifted(0, 4), 2: float("nan")}, bits=1))
    assert (identity.outcome, quality.outcome) == ("fail", "fail")
    assert "seed 2: validation accuracy nan" in quality.reason


def test_a_run_that_failed_fails() -> None:
    """Anchors, row 12: a crash is no success."""
    assert [check.outcome for check in compared(make_failed_record())] == ["fail", "fail"]


def changed_data(record: RunRecord, **changes: Any) -> RunRecord:
    assert record.data is not None
    return record.model_copy(update={"data": record.data.model_copy(update=changes)})


def grounds() -> Mapping[str, RunRecord]:
    run = run_of(shifted(0, 4))
    assert run.checkpoint is not None
    weights = run.checkpoint.model_copy(update={"sha256": "0" * 64})
    return {
        "recipe": run.model_copy(update={"spec_fingerprint": "0" * 64}),
        "spec": run.model_copy(update={"spec": run.spec.model_copy(update={"name": "other"})}),
        "data": changed_data(run, sha256="0" * 64),
        "tokenizer": changed_data(run, tokenizer_sha256="0" * 64),
        "label names": changed_data(run, label_names=("login", "billing")),
        "number of validation rows": changed_data(run, rows={"train": 16, "validation": 299}),
        "number of distinct validation rows": changed_data(run, distinct_rows={"train": 16, "validation": 299}),
        "pretrained weights": run.model_copy(update={"checkpoint": weights}),
    }


def test_a_baseline_of_another_factory_is_compared_and_the_difference_told() -> None:
    """What is under test is the user's own model: that its code changed is why it is compared."""
    baseline = baseline_of().model_copy(update={"factory_sha256": "e" * 64})
    for record in (run_of(shifted(0, 4)), run_of(shifted(0, 4), bits=1)):
        identity, quality = compared(made_by(record, "f" * 64), baseline)
        assert quality.outcome != "no_baseline"
        told = f"the engine's factory differs: its file is {'f' * 12} against {'e' * 12}"
        assert told in identity.reason
        assert told in quality.reason or quality.observed == "unchanged"


@pytest.mark.parametrize("factory", ["e" * 64, None])
def test_a_factory_that_is_the_same_or_not_known_is_no_difference(factory: str | None) -> None:
    baseline = baseline_of().model_copy(update={"factory_sha256": "e" * 64})
    identity, _ = compared(made_by(run_of(shifted(0, 4)), factory), baseline)
    assert "factory" not in identity.reason


@pytest.mark.parametrize("what", list(grounds()))
def test_another_ground_is_no_baseline(what: str) -> None:
    """Anchors, row 5, where a changed machine only warns. Equal digests do not help."""
    checks = compared(grounds()[what])
    assert [check.outcome for check in checks] == ["no_baseline", "no_baseline"]
    assert f"another {what} (" in checks[1].reason
    assert "accept" in checks[1].next_step


def with_recipe(record: RunRecord, **fields: Any) -> RunRecord:
    spec = override(record.spec, {name.replace("__", "."): value for name, value in fields.items()})
    return record.model_copy(update={"spec": spec, "spec_fingerprint": spec_fingerprint(spec)})


def test_of_another_recipe_every_field_that_differs_is_named_with_both_values() -> None:
    """Equal digests do not help."""
    other = with_recipe(run_of(shifted(0, 4)), optimizer__learning_rate=1e-06, training__class_weights="balanced")
    (identity, quality) = compared(other)
    assert (identity.outcome, quality.outcome) == ("no_baseline", "no_baseline")
    assert identity.reason == quality.reason
    assert identity.reason.endswith(
        " is of another recipe (optimizer.learning_rate: 3e-05 in the baseline, 1e-06 now; "
        'training.class_weights: not given in the baseline, "balanced" now)'
    )


def test_names_and_promises_are_no_other_recipe() -> None:
    other = with_recipe(
        run_of(shifted(0, 4)), title="other", expect=[{"quantity": "validation_accuracy", "at_least": 0.5}]
    )
    assert overall(compared(other)) == "pass"


def test_where_a_recipe_is_not_known_its_fingerprints_are_told() -> None:
    """Baselines before schema 4; records whose spec no longer gives the fingerprint of their run."""
    baseline, other = baseline_of(), with_recipe(run_of(shifted(0, 4)), optimizer__learning_rate=1e-06)
    ours, its = baseline.spec_fingerprint[:12], other.spec_fingerprint[:12]
    old = compared(other, baseline.model_copy(update={"recipe": None}))
    assert [check.outcome for check in old] == ["no_baseline", "no_baseline"]
    assert old[0].reason.endswith(f" is of another recipe ({ours}; the run: {its})")
    unknown = compared(other.model_copy(update={"spec_fingerprint": "0" * 64}))
    assert unknown[0].reason.endswith(f" is of another recipe ({ours}; the run: 000000000000)")


def test_another_machine_is_compared() -> None:
    run = run_of(shifted(0, 4))
    assert run.environment is not None
    machine = run.environment.model_copy(update={"machine_fingerprint": "0" * 64})
    assert overall(compared(run.model_copy(update={"environment": machine}))) == "pass"


def test_a_bank_that_is_too_small_is_no_baseline_where_bits_differ() -> None:
    identity, quality = compared(run_of(shifted(0, 4), bits=1), baseline_of({s: BANK[s] for s in range(19)}))
    assert (identity.outcome, quality.outcome) == ("undecided", "no_baseline")
    assert "a bank of 19 seeds says nothing of quality: 20 are needed" in quality.reason
    assert quality.numbers == {"bank_seeds": 19, "smallest_bank_seeds": 20}
    assert "--seeds 0-19" in quality.next_step


def test_an_accuracy_that_is_no_share_of_the_rows_never_passes() -> None:
    for seeds in (1, 4):
        _, quality = compared(run_of(dict.fromkeys(range(seeds), 290.5), bits=1))
        assert quality.outcome == "undecided"
        assert "no share of 300 rows" in quality.reason


def test_a_missing_baseline_is_never_green() -> None:
    checks = no_baseline("reference", BaselineAbsentError("holds none", remedy="accept one"))
    assert [(check.name, check.outcome) for check in checks] == [
        ("identity_with_reference", "no_baseline"),
        ("quality_against_reference", "no_baseline"),
    ]
    assert (checks[0].reason, checks[0].next_step) == ("holds none", "accept one")


def test_the_bank_that_accept_asks_for_is_the_one_that_the_rule_needs() -> None:
    assert _BANK == SMALLEST_BANK


# Any run


@given(st.sets(st.integers(0, 19), min_size=1))
def test_any_seeds_with_equal_bits_pass(seeds: set[int]) -> None:
    assert overall(compared(run_of({seed: BANK[seed] for seed in seeds}))) == "pass"


@given(st.integers(0, 7), st.sampled_from([math.nan, math.inf, -math.inf, -1.0]))
def test_a_value_that_cannot_be_fails_wherever_it_is(seed: int, hits: float) -> None:
    assert overall(compared(run_of({**shifted(0, 8), seed: hits}, bits=1))) == "fail"


@settings(max_examples=25)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=3))
def test_fewer_seeds_than_the_first_look_never_decide(hits: list[int]) -> None:
    assert overall(compared(run_of(dict(enumerate(hits)), bits=1))) == "undecided"
