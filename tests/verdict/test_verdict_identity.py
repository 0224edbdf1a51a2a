"""Bit for bit: equal bits pass, different bits fail and say where, and what was not repeated is undecided."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_maker import make_record, make_seed, make_spec
from verdict_examples import ended

from bertbench.record import RunRecord, SeedRun, VariableFacts
from bertbench.verdict import IDENTITY_NAME, judge_repeat
from bertbench.verdict.identity import network_order


def run_of(repeat: str = "first_seed", seeds: tuple[int, ...] = (0, 1), **changes: Any) -> RunRecord:
    spec = make_spec(identity={"repeat": repeat}, training={"epochs": 20, "batch_size": 8, "seeds": seeds})
    return make_record(spec=spec, run_id="first", **changes)


def repeat_of(*runs: SeedRun, **changes: Any) -> RunRecord:
    """A repeat of the run `first` that came to *runs*."""
    seeds = tuple(run.seed for run in runs)
    spec = make_spec(training={"epochs": 20, "batch_size": 8, "seeds": seeds})
    record = make_record(spec=spec, run_id="again", repeats="first", seeds=tuple(make_seed(seed) for seed in seeds))
    return record.model_copy(update={"seeds": runs, **changes})


def altered(run: SeedRun, **digests: str) -> SeedRun:
    assert run.digests is not None
    return run.model_copy(update={"digests": run.digests.model_copy(update=digests)})


def with_step(run: SeedRun, name: str, step: int, value: float) -> SeedRun:
    series = list(getattr(run.steps, name))
    series[step] = value
    return run.model_copy(update={"steps": run.steps.model_copy(update={name: tuple(series)})})


def test_equal_bits_pass() -> None:
    check = judge_repeat(run_of(), repeat_of(make_seed(0)))
    assert (check.name, check.kind, check.outcome, check.observed) == (IDENTITY_NAME, "identity", "pass", "equal bits")
    assert check.reason == "weights, losses and predictions of seed 0 are equal in a fresh process"
    assert check.next_step == ""


def test_every_seed_may_be_repeated() -> None:
    check = judge_repeat(run_of("every_seed"), repeat_of(make_seed(0), make_seed(1)))
    assert check.outcome == "pass"
    assert "seed 0, 1" in check.reason


# Different bits


@pytest.mark.parametrize("name", ["weights", "losses", "predictions"])
def test_each_digest_counts(name: str) -> None:
    check = judge_repeat(run_of(), repeat_of(altered(make_seed(0), **{name: "0" * 64})))
    assert (check.outcome, check.observed) == ("fail", "different bits")
    assert f"seed 0: {name} differ" in check.reason
    assert "deterministic" in check.next_step


def test_all_digests_that_differ_are_named() -> None:
    other = altered(make_seed(0), weights="0" * 64, losses="1" * 64, predictions="2" * 64)
    check = judge_repeat(run_of(), repeat_of(other))
    assert "seed 0: losses and predictions and weights differ" in check.reason


def test_one_seed_of_several_that_differs_is_named() -> None:
    check = judge_repeat(run_of("every_seed"), repeat_of(make_seed(0), altered(make_seed(1), weights="0" * 64)))
    assert check.outcome == "fail"
    assert "seed 1: weights differ" in check.reason
    assert "seed 0" not in check.reason


@pytest.mark.parametrize(("name", "step"), [("loss", 0), ("loss", 37), ("gradient_norm", 12), ("gradient_norm", 79)])
def test_first_step_that_differs_is_named_with_both_values(name: str, step: int) -> None:
    original = getattr(make_seed(0).steps, name)[step]
    other = math.nextafter(original, math.inf)
    run = altered(with_step(make_seed(0), name, step, other), losses="0" * 64)
    check = judge_repeat(run_of(), repeat_of(run))
    size = f"{other - original:.3g}"
    apart = {"loss": f"{size} apart", "gradient_norm": f"norms differ by {size}"}[name]
    assert (
        f"; first at step {step} of epoch {step // 4}: {name} {original!r} against {other!r}, {apart}" in check.reason
    )


@pytest.mark.parametrize(("name", "step"), [("loss", 37), ("gradient_norm", 12)])
def test_the_first_difference_is_there_in_numbers(name: str, step: int) -> None:
    original = getattr(make_seed(1).steps, name)[step]
    run = altered(with_step(make_seed(1), name, step, original + 1e-9), losses="0" * 64)
    check = judge_repeat(run_of("every_seed"), repeat_of(make_seed(0), run))
    numbers = dict(check.numbers)
    assert numbers.pop(f"{name}_difference") == abs(original - (original + 1e-9))
    assert numbers == {"differing_seed": 1, "first_differing_step": step, "first_differing_epoch": step // 4}


def test_of_several_seeds_that_differ_the_first_is_there_in_numbers() -> None:
    runs = [altered(with_step(make_seed(seed), "loss", 5 + seed, 9.0), losses="0" * 64) for seed in (0, 1)]
    numbers = judge_repeat(run_of("every_seed"), repeat_of(*runs)).numbers
    assert (numbers["differing_seed"], numbers["first_differing_step"]) == (0, 5)


def test_what_is_not_known_or_no_number_is_in_no_numbers() -> None:
    assert judge_repeat(run_of(), repeat_of(make_seed(0))).numbers == {}
    weights = judge_repeat(run_of(), repeat_of(altered(make_seed(0), weights="0" * 64))).numbers
    assert "first_differing_step" not in weights
    nan = altered(with_step(make_seed(0), "loss", 3, math.nan), losses="0" * 64)
    numbers = judge_repeat(run_of(), repeat_of(nan)).numbers
    assert numbers["first_differing_step"] == 3
    assert "loss_difference" not in numbers


def test_a_step_of_an_epoch_that_did_not_end_is_named_without_it() -> None:
    run = altered(with_step(make_seed(0), "loss", 37, 9.0), losses="0" * 64)
    cut = make_seed(0).model_copy(update={"epochs": make_seed(0).epochs[:9]})
    check = judge_repeat(run_of().model_copy(update={"seeds": (cut, make_seed(1))}), repeat_of(run))
    assert "; first at step 37: loss" in check.reason


def test_first_is_by_step_not_by_series() -> None:
    """A gradient norm parts at step 3, and with the weights it moved the loss at step 4."""
    run = with_step(with_step(make_seed(0), "loss", 4, 9.0), "gradient_norm", 3, 9.0)
    check = judge_repeat(run_of(), repeat_of(altered(run, losses="0" * 64)))
    assert "first at step 3 of epoch 0: gradient_norm" in check.reason


def test_loss_comes_before_the_gradient_of_the_same_step() -> None:
    run = with_step(with_step(make_seed(0), "loss", 3, 9.0), "gradient_norm", 3, 9.0)
    assert "first at step 3 of epoch 0: loss" in judge_repeat(run_of(), repeat_of(altered(run, losses="0" * 64))).reason


def test_runs_of_different_lengths_say_so() -> None:
    longer = altered(make_seed(0, epochs=21), losses="0" * 64)
    assert "80 steps against 84" in judge_repeat(run_of(), repeat_of(longer)).reason


def test_runs_of_different_lengths_that_part_earlier_say_where() -> None:
    longer = altered(with_step(make_seed(0, epochs=21), "loss", 5, 9.0), losses="0" * 64)
    assert "first at step 5 of epoch 1: loss" in judge_repeat(run_of(), repeat_of(longer)).reason


def test_weights_that_part_without_a_step_that_does() -> None:
    check = judge_repeat(run_of(), repeat_of(altered(make_seed(0), weights="0" * 64)))
    assert "every loss and gradient norm of the steps is equal" in check.reason


def test_gradient_norm_that_is_no_number_twice_is_no_difference() -> None:
    """Under loss scaling a skipped step has none."""
    first = with_step(make_seed(0), "gradient_norm", 2, math.nan)
    second = altered(with_step(first, "gradient_norm", 7, 99.0), weights="0" * 64)
    check = judge_repeat(run_of().model_copy(update={"seeds": (first, make_seed(1))}), repeat_of(second))
    assert "first at step 7 of epoch 1" in check.reason


# The environment


def with_numerics(record: RunRecord, **facts: Any) -> RunRecord:
    assert record.environment is not None
    numerics = {**record.environment.numerics, **facts}
    return record.model_copy(update={"environment": record.environment.model_copy(update={"numerics": numerics})})


PARTED = altered(make_seed(0), weights="0" * 64)


@pytest.mark.parametrize(
    ("one", "other", "named"),
    [
        ({}, {"threads": 1}, "threads: 2 against 1"),
        ({}, {"more": 3}, "more: None against 3"),
        ({"more": 3}, {}, "more: 3 against None"),
        (
            {"libraries": {"keras": "3.15.1", "numpy": "2.4"}},
            {"libraries": {"keras": "3.12.0", "numpy": "2.4"}},
            "environments differ in libraries.keras: 3.15.1 against 3.12.0",
        ),
        ({"flags": {}}, {"flags": {"XLA_FLAGS": "x"}}, "flags.XLA_FLAGS: None against x"),
    ],
)
def test_environment_that_differs_is_named(one: dict[str, Any], other: dict[str, Any], named: str) -> None:
    check = judge_repeat(with_numerics(run_of(), **one), with_numerics(repeat_of(PARTED), **other))
    assert check.outcome == "fail"
    assert named in check.reason
    assert "numpy" not in check.reason


def test_equal_environment_is_not_mentioned() -> None:
    assert "environment" not in judge_repeat(run_of(), repeat_of(PARTED)).reason


def test_equal_bits_pass_whatever_the_environments_say() -> None:
    """Equal is equal."""
    assert judge_repeat(run_of(), with_numerics(repeat_of(make_seed(0)), threads=7)).outcome == "pass"


# Variables


def with_variables(run: SeedRun, **norms: float) -> SeedRun:
    """Names with `__` for the dot; a variable's digest follows from its norm."""
    facts = {
        name.replace("__", "."): VariableFacts(sha256=f"{norm:.17g}".ljust(16, "0")[:16], norm=norm)
        for name, norm in norms.items()
    }
    return run.model_copy(update={"variables": facts})


EQUAL = {"classifier__bias": 0.5, "bert__embeddings__LayerNorm__bias": 1.5}


def test_the_first_variable_that_differs_is_named_with_the_size_of_the_difference() -> None:
    """First on the way from tokens to logits, whatever the alphabet says: layer 2 comes before layer 10."""
    name = "bert__encoder__layer__{}__output__dense__bias"
    one = with_variables(make_seed(0), **EQUAL, **{name.format(2): 3.0, name.format(10): 7.0})
    other = with_variables(PARTED, **EQUAL, **{name.format(2): 3.25, name.format(10): 8.0})
    check = judge_repeat(run_of().model_copy(update={"seeds": (one, make_seed(1))}), repeat_of(other))
    assert (
        "; 2 of 4 variables, first bert.encoder.layer.2.output.dense.bias: norm 3.0 against 3.25, "
        "norms differ by 0.25" in check.reason
    )


def test_the_variables_are_there_in_numbers() -> None:
    one = with_variables(make_seed(0), **EQUAL)
    other = with_variables(PARTED, **(EQUAL | {"classifier__bias": 0.75}))
    numbers = judge_repeat(run_of().model_copy(update={"seeds": (one, make_seed(1))}), repeat_of(other)).numbers
    assert numbers == {
        "differing_seed": 0,
        "differing_variables": 1,
        "variables": 2,
        "first_variable_norm_difference": 0.25,
    }


def test_a_variable_that_one_run_lacks_is_named() -> None:
    one, other = with_variables(make_seed(0), **EQUAL), with_variables(PARTED, classifier__bias=0.5)
    check = judge_repeat(run_of().model_copy(update={"seeds": (one, make_seed(1))}), repeat_of(other))
    assert "1 of 2 variables, first bert.embeddings.LayerNorm.bias, which only one run has" in check.reason


def test_where_every_variable_is_equal_it_says_so() -> None:
    one, other = (with_variables(run, **EQUAL) for run in (make_seed(0), PARTED))
    check = judge_repeat(run_of().model_copy(update={"seeds": (one, make_seed(1))}), repeat_of(other))
    assert "; every variable is equal" in check.reason


def test_a_norm_alone_makes_no_difference() -> None:
    one, other = with_variables(make_seed(0), **EQUAL), with_variables(PARTED, **EQUAL)
    facts = other.variables["classifier.bias"].model_copy(update={"norm": 0.5 + 1e-16})
    other = other.model_copy(update={"variables": other.variables | {"classifier.bias": facts}})
    check = judge_repeat(run_of().model_copy(update={"seeds": (one, make_seed(1))}), repeat_of(other))
    assert "every variable is equal" in check.reason


def test_records_without_variables_say_nothing_of_them() -> None:
    assert "variable" not in judge_repeat(run_of(), repeat_of(PARTED)).reason


def test_variables_are_sorted_as_the_network_reads_them() -> None:
    layer = "bert.encoder.layer."
    in_order = [
        "bert.embeddings.word_embeddings.weight",
        "bert.embeddings.token_type_embeddings.weight",
        "bert.embeddings.position_embeddings.weight",
        "bert.embeddings.LayerNorm.weight",
        f"{layer}0.attention.self.query.weight",
        f"{layer}0.attention.self.key.bias",
        f"{layer}0.attention.self.value.weight",
        f"{layer}0.attention.output.dense.weight",
        f"{layer}0.attention.output.LayerNorm.bias",
        f"{layer}0.intermediate.dense.weight",
        f"{layer}0.output.dense.weight",
        f"{layer}0.output.LayerNorm.weight",
        f"{layer}2.output.LayerNorm.weight",
        f"{layer}10.attention.self.query.weight",
        "bert.pooler.dense.weight",
        "classifier.bias",
    ]
    assert sorted(sorted(in_order), key=network_order) == in_order


# What was not repeated


def test_seed_that_should_have_been_repeated_leaves_it_undecided() -> None:
    check = judge_repeat(run_of("every_seed"), repeat_of(make_seed(0)))
    assert check.outcome == "undecided"
    assert check.reason == "seed 1 was to be repeated and was not"
    assert check.next_step


def test_seed_that_differs_counts_more_than_one_that_is_missing() -> None:
    assert judge_repeat(run_of("every_seed"), repeat_of(PARTED)).outcome == "fail"


def test_seed_that_the_run_never_had_shows_nothing() -> None:
    assert judge_repeat(run_of(), repeat_of(make_seed(7))).outcome == "undecided"
    assert judge_repeat(run_of("no"), repeat_of(make_seed(7))).outcome == "undecided"


def test_run_held_against_itself_shows_nothing() -> None:
    assert judge_repeat(run_of(), run_of()).outcome == "undecided"


def test_repeat_of_another_run_shows_nothing() -> None:
    check = judge_repeat(run_of(), repeat_of(make_seed(0), repeats="another"))
    assert check.outcome == "undecided"
    assert check.reason == "again is no repeat of first"


def test_repeat_with_another_recipe_shows_nothing() -> None:
    check = judge_repeat(run_of(), repeat_of(make_seed(0), spec_fingerprint="0" * 64))
    assert check.outcome == "undecided"
    assert "another recipe" in check.reason


def test_nothing_that_ran_is_undecided() -> None:
    assert judge_repeat(run_of(), repeat_of(make_seed(0)).model_copy(update={"seeds": ()})).outcome == "undecided"


def test_seed_without_digests_is_undecided() -> None:
    check = judge_repeat(run_of(), repeat_of(make_seed(0).model_copy(update={"digests": None})))
    assert check.outcome == "undecided"


@pytest.mark.parametrize(
    ("which", "outcome"),
    [
        ("run", "running"),
        ("run", "failed"),
        ("run", "interrupted"),
        ("repeat", "failed"),
        ("repeat", "interrupted"),
    ],
)
def test_run_or_repeat_that_did_not_complete_fails(which: str, outcome: str) -> None:
    first, repeat = run_of(), repeat_of(make_seed(0))
    first, repeat = (ended(first, outcome), repeat) if which == "run" else (first, ended(repeat, outcome))
    check = judge_repeat(first, repeat)
    assert (check.outcome, check.observed) == ("fail", f"the {which} is {outcome}")
    assert check.next_step == f"bertbench show {(first if which == 'run' else repeat).run_id}"


@pytest.mark.parametrize("runs", [(), (make_seed(0),), (PARTED,)])
def test_a_repeat_that_still_runs_is_undecided_whatever_it_came_to_so_far(runs: tuple[SeedRun, ...]) -> None:
    check = judge_repeat(run_of(), ended(repeat_of(make_seed(0)), "running").model_copy(update={"seeds": runs}))
    assert (check.outcome, check.observed) == ("undecided", "the repeat still runs")
    assert check.reason == "the repeat still runs (again), so nothing was shown yet"
    assert check.next_step == "wait until it has ended, then: bertbench show first"


def test_a_run_that_still_runs_fails_whatever_its_repeat_does() -> None:
    check = judge_repeat(ended(run_of(), "running"), ended(repeat_of(make_seed(0)), "running"))
    assert (check.outcome, check.observed) == ("fail", "the run is running")


# Properties


@given(st.sampled_from(["weights", "losses", "predictions"]), st.integers(0, 63), st.sampled_from("0123456789abcdef"))
def test_passes_only_if_every_digit_of_every_digest_is_equal(name: str, place: int, digit: str) -> None:
    run = make_seed(0)
    digest = getattr(run.digests, name)
    other = digest[:place] + digit + digest[place + 1 :]
    check = judge_repeat(run_of(), repeat_of(altered(run, **{name: other})))
    assert (check.outcome == "pass") == (other == digest)


@given(st.permutations([0, 1, 2]))
def test_order_of_seeds_changes_nothing(order: list[int]) -> None:
    first = run_of("every_seed", (0, 1, 2))
    runs = [make_seed(0), altered(make_seed(1), weights="0" * 64), make_seed(2)]
    assert judge_repeat(first, repeat_of(*(runs[place] for place in order))).outcome == "fail"
    assert judge_repeat(first, repeat_of(*(make_seed(seed) for seed in order))).outcome == "pass"
