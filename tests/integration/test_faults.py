"""Every fault of the catalogue in a whole fine-tune of a tiny BERT: does it change what it says, and who sees it?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from small_bench import small_spec
from tiny_bert import write_tiny_bert

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))
from test_fault_catalogue import INVISIBLE

from bertbench.faults import CATALOGUE
from bertbench.record import RunRecord
from bertbench.spec import AdamWSpec, Spec, override
from bertbench.training import run_spec
from bertbench.verdict import judge_recipe
from bertbench.verdict.identity import parting

pytestmark = pytest.mark.slow

#: They compute something else than BERT with the right numbers on every label: nothing that is read back shows it.
BEYOND_THE_LOCK = {
    "positions-off-by-one",
    "attention-mask-ignored",
    "loss-changed",
    "adam-without-bias-correction",
}
#: What the spec must do for there to be something to do wrong.
ASKING_FOR = {"weight-decay-everywhere": {"optimizer": AdamWSpec(weight_decay=0.1)}}
#: Losses, logits and weights are those of a normal run: identity would call it unchanged, the lock does not.
BEYOND_IDENTITY = {"validation-labels-shifted"}

_LABELS = ("delivery", "refund", "login")
_WORDS = "order late refund money package broken thanks account please my now the was and help with this".split()  # noqa: SIM905 - reads better


class Runs(NamedTuple):
    """Where the runs happen, and the one without a fault."""

    spec: Spec
    folder: Path
    normal: RunRecord

    def suited_to(self, name: str) -> Runs:
        """With another spec, where a fault asks for it."""
        if name not in ASKING_FOR:
            return self
        spec = override(self.spec, ASKING_FOR[name])
        return Runs(spec, self.folder, run_spec(spec, base_folder=self.folder))

    def faulty(self, name: str) -> RunRecord:
        return run_spec(self.spec, base_folder=self.folder, fault=name)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Three classes, capitals, rows of 5 to 26 tokens: something for every fault to change. Seed 1, not 0."""
    folder = tmp_path_factory.mktemp("faults")
    generator = np.random.default_rng(0)
    for split, rows in (("train", 20), ("validation", 12)):
        lines = []
        for number in range(rows):
            words = generator.choice(_WORDS, 3 + number)
            label = _LABELS[number % 3]
            lines.append(json.dumps({"text": " ".join([label.title(), *words]), "label": label}) + "\n")
        (folder / f"{split}.jsonl").write_text("".join(lines))
    spec = small_spec(write_tiny_bert(folder / "bert"), training__seeds=(1,))
    return Runs(spec, folder, run_spec(spec, base_folder=folder))


def test_without_a_fault_nothing_drifts_and_the_bits_are_the_same_again(runs: Runs) -> None:
    """Also in a process in which other parts of the program were replaced before."""
    assert judge_recipe(runs.normal).outcome == "pass", judge_recipe(runs.normal).reason
    runs.faulty("loss-changed")
    again = run_spec(runs.spec, base_folder=runs.folder)
    assert again.seeds[0].digests == runs.normal.seeds[0].digests
    assert again.seeds[0].variables == runs.normal.seeds[0].variables
    assert again.seeds[0].evidence == runs.normal.seeds[0].evidence


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_fault_changes_what_it_says_and_is_seen_by_lock_or_identity(runs: Runs, name: str) -> None:
    runs = runs.suited_to(name)
    record = runs.faulty(name)
    assert (record.outcome, record.fault, record.spec) == ("completed", name, runs.spec)
    (run,), (normal,) = record.seeds, runs.normal.seeds
    differs = run.digests != normal.digests
    scored = [row.validation for row in run.epochs] != [row.validation for row in normal.epochs]
    assert (differs or scored) == CATALOGUE[name].changes_numbers
    lock = judge_recipe(record)
    assert lock.outcome == ("pass" if name in BEYOND_THE_LOCK | INVISIBLE else "fail"), lock.reason
    assert differs == (name not in BEYOND_IDENTITY | INVISIBLE)
    assert differs or lock.outcome == "fail" or not CATALOGUE[name].changes_numbers


def test_identity_names_the_first_variable_that_a_fault_changed(runs: Runs) -> None:
    """Frozen embeddings alone: the layers follow."""
    faulty = runs.faulty("embeddings-frozen").seeds[0]
    parted = parting(runs.normal.seeds[0], faulty)
    assert parted is not None
    words = parted.told
    assert "variables, first bert.embeddings.word_embeddings.weight: norm " in words
    assert set(faulty.variables) == set(runs.normal.seeds[0].variables)


def test_the_lock_names_what_is_decayed_against_the_spec(runs: Runs) -> None:
    suited = runs.suited_to("weight-decay-everywhere")
    assert judge_recipe(suited.normal).outcome == "pass", judge_recipe(suited.normal).reason
    lock = judge_recipe(suited.faulty("weight-decay-everywhere"))
    assert lock.observed == "1 drifted"
    assert "decayed live alone: bert.embeddings.LayerNorm.bias, bert.embeddings.LayerNorm.weight, " in lock.reason
    assert "by the spec alone" not in lock.reason
