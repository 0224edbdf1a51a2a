"""The catalogue: names that stay, what each does in a sentence, and what cannot be."""

from __future__ import annotations

import re
from contextlib import nullcontext

import pytest

from bertbench.errors import FaultError
from bertbench.faults import CATALOGUE, NOTHING, Fault, fault_named

#: Records and tables of self-tests hold these names: add to the list, change nothing in it.
NAMES = """
    batch-size-halved batch-size-doubled batching-off fewer-epochs early-stopping learning-rate-up learning-rate-down
    optimizer-changed gradient-clipping weight-regularization dropout-rate half-precision no-shuffling
    labels-changed-1 labels-changed-3 labels-changed-10 labels-changed-30 rows-removed-10 rows-removed-50
    classes-unbalanced noise-in-text classes-overlapping segment-ids-wrong sep-missing text-cut-at-16 no-lower-casing
    validation-labels-shifted training-rows-leaked validation-rows-replaced last-batch-dropped seeds-all-the-same
    initial-weights
    pooler-re-initialized activation-changed activation-removed gelu-tanh layer-norm-epsilon bias-removed
    positions-off-by-one layer-skipped embeddings-frozen dropout-in-validation attention-mask-ignored loss-changed
    adam-without-bias-correction weight-decay-everywhere steps-2-percent-slower steps-5-percent-slower
    steps-10-percent-slower slow-step-in-ten memory-leak
""".split()  # noqa: SIM905 - a paragraph reads better than fifty quoted words

#: Change time or memory and no number.
INVISIBLE = {
    "steps-2-percent-slower",
    "steps-5-percent-slower",
    "steps-10-percent-slower",
    "slow-step-in-ten",
    "memory-leak",
}

#: Of those, what pairs of processes can see, and by how much: they are judged by the median step.
SLOWS_THE_MEDIAN = {"steps-2-percent-slower": 0.02, "steps-5-percent-slower": 0.05, "steps-10-percent-slower": 0.1}


def test_names_stay() -> None:
    assert list(CATALOGUE) == NAMES


@pytest.mark.parametrize("fault", CATALOGUE.values(), ids=lambda fault: fault.name)
def test_each_says_what_it_does_in_a_sentence(fault: Fault) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", fault.name)
    assert re.fullmatch(r"[A-Z][^\n]{20,}[^.]\.", fault.does)
    assert CATALOGUE[fault.name] is fault


@pytest.mark.parametrize("fault", CATALOGUE.values(), ids=lambda fault: fault.name)
def test_each_has_a_mechanism_that_fits_its_place(fault: Fault) -> None:
    acts = {
        part for part in ("spec", "rows", "engine", "in_force") if getattr(fault, part) is not getattr(NOTHING, part)
    }
    allowed = {
        "spec": [{"spec"}],
        "rows": [{"rows"}],
        "harness": [{"in_force"}, {"engine", "in_force"}],
        "weights": [{"engine"}],
        "network": [{"engine"}, {"in_force"}],
        "optimizer": [{"engine"}],
        "machine": [{"engine"}],
    }
    assert acts in allowed[fault.place]
    assert fault.changes_numbers == (fault.name not in INVISIBLE)
    assert fault.slows_median_step == (fault.name in SLOWS_THE_MEDIAN)
    assert fault.median_step_slower_by == SLOWS_THE_MEDIAN.get(fault.name, 0.0)


def test_no_name_is_no_fault() -> None:
    assert fault_named(None) is NOTHING
    assert NOTHING.in_force is nullcontext


def test_a_name_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(FaultError, match="no fault 'gelu-tan'") as caught:
        fault_named("gelu-tan")
    assert caught.value.remedy == "did you mean gelu-tanh? bertbench run --list-faults lists them"
    with pytest.raises(FaultError) as caught:
        fault_named("")
    assert caught.value.remedy == "bertbench run --list-faults lists them"
