"""Every drift is named, once for all seeds that have it, and none is hidden by others."""

from __future__ import annotations

from typing import Any

from record_maker import make_evidence, make_live_recipe, make_spec
from test_recipe_lock import EPOCHS, RATES, STEPS, record, seen_of

from bertbench.record import RunRecord
from bertbench.verdict import judge_recipe


def seeds_of(*lives: dict[str, Any]) -> RunRecord:
    """A run of so many seeds, each of which did what the spec says, but for its own live values."""
    numbers = list(range(len(lives)))
    spec = make_spec(training={"epochs": EPOCHS, "batch_size": 8, "seeds": numbers})
    whole = record()
    seeds = tuple(
        whole.seeds[0].model_copy(
            update={
                "seed": seed,
                "live_recipe": make_live_recipe(spec, seed) | live,
                "evidence": seen_of(spec).model_copy(update={"row_orders": make_evidence(spec, seed).row_orders}),
            }
        )
        for seed, live in zip(numbers, lives, strict=True)
    )
    return whole.model_copy(update={"seeds": seeds, "spec": spec})


def test_five_drifts_of_the_optimizer_hide_no_learning_rate() -> None:
    other = {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 0.1, "amsgrad": True, "clipnorm": 7.0}
    optimizer = make_live_recipe(make_spec())["optimizer"] | other
    check = judge_recipe(record(live={"optimizer": optimizer}, learning_rate=(6e-5,) * (EPOCHS * STEPS)))
    assert check.observed == "6 drifted"
    assert all(f"optimizer.{name}: " in check.reason for name in other)
    assert "learning rate of step 0: 3e-05 by the spec, 6e-05 applied" in check.reason
    assert check.details == ()


def test_the_same_drift_of_many_seeds_is_one_and_hides_that_of_another() -> None:
    drifted = {"iterations": 7, "dtype_policy": "mixed_float16"}
    lives: list[dict[str, Any]] = [drifted, drifted, drifted, {}, drifted, {"backend": "jax"}]
    check = judge_recipe(seeds_of(*lives))
    assert check.observed == "3 drifted"
    assert check.reason.split("; ") == [
        "seeds 0-2, 4: optimizer iterations before the first step: 0 by the spec, 7 live",
        "seeds 0-2, 4: training.precision: 'float32' by the spec, 'mixed_float16' live",
        "seed 5: runtime.backend: 'tensorflow' by the spec, 'jax' live",
    ]


def test_where_there_are_many_each_sort_is_named_and_all_are_kept() -> None:
    """A network of eight layers whose rates all drifted, and a backend that did so in the last seed alone."""
    layers = dict.fromkeys(RATES, 0.5) | {
        f"encoder.layer_{number}.{part}": 0.5
        for number in range(8)
        for part in ("attention.probabilities", "attention.output", "feed_forward.output")
    }
    check = judge_recipe(seeds_of({"dropout_rates": layers}, {"dropout_rates": layers, "backend": "jax"}))
    assert check.reason.count("dropout rate of") == 18
    assert "seed 1: runtime.backend: 'tensorflow' by the spec, 'jax' live" in check.reason
    assert check.reason.endswith("; and 8 more, all of them: bertbench show 20300102T030405Z-abc")
    assert len(check.details) == 28
    for name in layers:
        assert f"seeds 0-1: dropout rate of {name}: 0.1 by the checkpoint, 0.5 live" in check.details
