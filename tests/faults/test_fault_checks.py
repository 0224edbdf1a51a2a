"""What a spec shows by itself: which faults would do nothing to it, known before any process is started."""

from __future__ import annotations

from typing import Any

import pytest

from bertbench.errors import FaultError
from bertbench.faults import CATALOGUE, Fault
from bertbench.spec import Spec, build_spec

NO_DROPOUT = {f"{which}_dropout_rate": 0.0 for which in ("hidden", "attention", "classifier")}
#: Leaves room for every fault, as far as a spec can tell.
ROOM: dict[str, Any] = {"optimizer": {"name": "adamw"}, "training": {"seeds": [0, 1]}}
#: Act inside the native engine.
INSIDE = [fault for fault in CATALOGUE.values() if fault.place in ("weights", "network", "optimizer")]


def spec_of(**tables: Any) -> Spec:
    return build_spec({"name": "toy", **tables})


@pytest.mark.parametrize("fault", CATALOGUE.values(), ids=lambda fault: fault.name)
def test_a_spec_that_may_leave_room_is_let_through(fault: Fault) -> None:
    fault.check_spec(spec_of(**ROOM))


@pytest.mark.parametrize(
    ("name", "tables", "said"),
    [
        ("weight-decay-everywhere", {}, "toy has no weight decay"),
        ("weight-decay-everywhere", {"optimizer": {"name": "adam", "weight_decay": 0.1}}, "decays every variable"),
        ("weight-decay-everywhere", {"optimizer": {"name": "adamw", "decay_excluded": []}}, "decays every variable"),
        ("adam-without-bias-correction", {"optimizer": {"name": "sgd"}}, "needs Adam without amsgrad"),
        ("adam-without-bias-correction", {"optimizer": {"amsgrad": True}}, "needs Adam without amsgrad"),
        ("adam-without-bias-correction", {"runtime": {"backend": "jax"}}, "on the tensorflow backend"),
        ("pooler-re-initialized", {"model": {"pooler": "fresh"}}, "toy draws the pooler anew as it is"),
        ("dropout-in-validation", {"model": NO_DROPOUT}, "toy has no dropout"),
        ("seeds-all-the-same", {}, "draws everything from seed 0, and toy runs no other"),
        ("text-cut-at-16", {"data": {"max_length_tokens": 16}}, "toy has no row of more than 16 tokens"),
    ],
)
def test_a_spec_that_leaves_none_is_refused_by_name(name: str, tables: dict[str, Any], said: str) -> None:
    with pytest.raises(FaultError, match=f"^{name}: .*{said}") as caught:
        CATALOGUE[name].check_spec(spec_of(**tables))
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        ("weight-decay-everywhere", {"optimizer": {"name": "adamw", "decay_excluded": ["no such name"]}}),
        ("dropout-in-validation", {"model": NO_DROPOUT | {"classifier_dropout_rate": 0.1}}),
        ("dropout-in-validation", {"model": {"hidden_dropout_rate": 0.0, "attention_dropout_rate": 0.0}}),
        ("seeds-all-the-same", {"training": {"seeds": [1]}}),
        ("text-cut-at-16", {"data": {"max_length_tokens": 17}}),
        ("last-batch-dropped", {"training": {"batch_size": 1_000_000}}),
    ],
)
def test_what_only_rows_checkpoint_or_engine_can_tell_is_not_refused_here(name: str, tables: dict[str, Any]) -> None:
    CATALOGUE[name].check_spec(spec_of(**tables))


@pytest.mark.parametrize("fault", INSIDE, ids=lambda fault: fault.name)
def test_what_acts_inside_the_native_engine_is_refused_by_a_spec_of_another(fault: Fault) -> None:
    with pytest.raises(FaultError, match=f"^{fault.name}: acts inside the native engine, and this run has 'keras-hub'"):
        fault.check_spec(spec_of(engine="keras-hub", **ROOM))


@pytest.mark.parametrize("name", ["fewer-epochs", "noise-in-text", "memory-leak", "last-batch-dropped"])
def test_what_acts_outside_of_it_is_not(name: str) -> None:
    CATALOGUE[name].check_spec(spec_of(engine="keras-hub", **ROOM))
