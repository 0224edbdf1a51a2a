"""Do both sides do the same work? And what differs between them."""

from __future__ import annotations

from typing import Any

import pytest
from fake_sides import make_facts
from record_maker import make_record, make_seed, make_spec

from bertbench.ab.ground import differences, not_comparable, same_bits
from bertbench.record import RunRecord

TRAINING = {"epochs": 1, "batch_size": 8, "seeds": [0]}
SEED = make_seed(0, epochs=1)


def record(*, batch_size: int = 8, **changes: Any) -> RunRecord:
    spec = make_spec(training=TRAINING | {"batch_size": batch_size})
    return make_record(spec=spec, seeds=(SEED,)).model_copy(update=changes)


def other_data() -> RunRecord:
    data = record().data
    assert data is not None
    return record(data=data.model_copy(update={"sha256": "9" * 64, "tokenizer_sha256": "8" * 64}))


def other_weights() -> RunRecord:
    checkpoint = record().checkpoint
    assert checkpoint is not None
    return record(checkpoint=checkpoint.model_copy(update={"sha256": "9" * 64}))


PYTHONS = make_facts("base"), make_facts("cand")
SPECS = make_facts("base", kind="spec"), make_facts("cand", kind="spec")


@pytest.mark.parametrize("sides", [PYTHONS, SPECS, (PYTHONS[0], SPECS[1])])
def test_equal_work_can_be_compared(sides: Any) -> None:
    assert not_comparable(*sides, (record(), record())) == ""


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (record(batch_size=4), "recipe: training.batch_size: 8 against 4"),
        (other_data(), "data: dddddddddddd against 999999999999; tokenizer: eeeeeeeeeeee against 888888888888"),
        (other_weights(), "weights: cccccccccccc against 999999999999"),
    ],
)
def test_two_pythons_or_revisions_that_do_other_work_cannot(other: RunRecord, named: str) -> None:
    assert not_comparable(*PYTHONS, (record(), other)) == named


def test_two_specs_may_differ_in_what_they_say_and_it_is_told() -> None:
    other = record(batch_size=4)
    assert not_comparable(*SPECS, (record(), other)) == ""
    assert "recipe: training.batch_size: 8 against 4" in differences(*SPECS, (record(), other))


def test_two_specs_that_say_the_same_must_do_the_same() -> None:
    assert not_comparable(*SPECS, (record(), other_data())).startswith("data: ")


def test_two_specs_may_start_from_other_weights() -> None:
    checkpoint = other_weights().checkpoint
    fields = {"training": TRAINING, "checkpoint": {"source": "path:wide"}}
    other = make_record(spec=make_spec(**fields), seeds=(SEED,), checkpoint=checkpoint)
    assert not_comparable(*SPECS, (record(), other)) == ""
    assert "weights: cccccccccccc against 999999999999" in differences(*SPECS, (record(), other))


def test_promises_names_and_seeds_are_no_other_work() -> None:
    renamed = make_record(spec=make_spec(name="other", title="x", training=TRAINING), seeds=(SEED,))
    assert not_comparable(*PYTHONS, (record(), renamed)) == ""


def test_differences_are_told_side_by_side() -> None:
    environment = record().environment
    assert environment is not None
    numerics = environment.numerics | {"tensorflow": "2.22.0"}
    live = SEED.model_copy(update={"live_recipe": {"optimizer": {"epsilon": 1e-8}}})
    other = record(environment=environment.model_copy(update={"numerics": numerics}), seeds=(live,))
    base, cand = make_facts("base", commit="a" * 40), make_facts("cand", bertbench_version="0.2.0")
    assert differences(base, cand, (record(), other)) == (
        "bertbench: 0.1.0 against 0.2.0",
        "code: 111111111111 against 222222222222",
        "commit: aaaaaaaaaaaa against None",
        "tensorflow: 2.21.0 against 2.22.0",
        "engine: optimizer.epsilon: None against 1e-08",
    )


def test_nothing_that_differs_gives_no_words() -> None:
    assert differences(PYTHONS[0], PYTHONS[0], (record(), record())) == ()


def test_bits_are_those_of_weights_losses_and_predictions() -> None:
    assert same_bits((record(), record()))
    assert not same_bits((record(), record(seeds=(make_seed(1, epochs=1),))))
    assert not same_bits((record(seeds=(SEED.model_copy(update={"digests": None}),)), record()))


def test_which_side_found_compiled_programs_on_disk_is_no_difference() -> None:
    """The coin decides it: the first process compiles, and the other side's fetches."""

    def on_jax(from_disk: int, tokens: int) -> RunRecord:
        recipe = {"programs": {"compiled": 6, "from_disk": from_disk}, "shapes": {"train": tokens}}
        return record(seeds=(SEED.model_copy(update={"live_recipe": recipe}),))

    told = differences(*PYTHONS, (on_jax(0, 64), on_jax(6, 128)))
    assert [fact for fact in told if fact.startswith("engine")] == ["engine: shapes.train: 64 against 128"]
