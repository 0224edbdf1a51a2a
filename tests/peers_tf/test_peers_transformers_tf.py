"""The engine transformers-tf against the native one, and against what every engine promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_changes
from peer_process import OPTIMIZERS, answers_of, run
from peer_promises import PeerPromises
from tiny_bert import write_tiny_bert

pytestmark = pytest.mark.peers_tf

PEER = tf_changes.ENGINE


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the peer saves its untrained model."""
    return tmp_path_factory.mktemp("saved") / PEER


@pytest.fixture(scope="module")
def peer(tiny_bert_folder: Path, saved: Path) -> dict[str, Any]:
    return answers_of(tiny_bert_folder, PEER, saved)


@pytest.fixture(scope="module")
def native(tiny_bert_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return answers_of(tiny_bert_folder, "native", tmp_path_factory.mktemp("saved") / "native")


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Whole runs of engines that were changed behind the spec's back, and refusals."""
    return run(tf_changes.__file__, write_tiny_bert(tmp_path_factory.mktemp("lock") / "bert", layers=1))


@pytest.fixture
def judged(changed: dict[str, Any]) -> dict[str, list[str]]:
    """What the recipe lock says, by what was changed."""
    return changed["judged"]


@pytest.fixture
def refused(changed: dict[str, Any]) -> dict[str, str]:
    """What the engine says to specs that it cannot do, by field."""
    return changed["refused"]


class TestTransformersTf(PeerPromises):
    """tf-keras has Keras 3's conventions, and adds up the rows of repeated words before Adam squares them."""

    engine = PEER
    tolerances = dict.fromkeys(OPTIMIZERS, 1e-4) | {"global_clipnorm": 1e-2, "clipvalue": 1e-2}


@pytest.mark.parametrize("optimizer", ["global_clipnorm", "clipvalue"])
def test_clipping_differs_by_repeated_words(peer: dict[str, Any], native: dict[str, Any], optimizer: str) -> None:
    """It comes before their rows are added up: shown, not hidden in a tolerance."""
    clipped, plain = (
        float(np.abs(np.subtract(peer[name]["losses"], native[name]["losses"])).max())
        for name in (optimizer, "adam without epsilon")
    )
    print(f"losses of 20 steps: {clipped:.1e} apart with {optimizer}, {plain:.1e} without")  # noqa: T201 - to be read
    assert clipped > 2 * plain


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("epsilon", "optimizer.epsilon: 1e-07 by the spec, 0.001 live"),
        ("second_beta", "optimizer.beta_2: 0.999 by the spec, 0.99 live"),
        ("weight_decay", "optimizer.weight_decay: None by the spec, 0.01 live"),
        ("weight_decay", "decayed variables: 0 by the spec, 25 live"),
        ("learning_rate", "learning rate of step 0"),
        ("clipping", "optimizer.global_clipnorm: None by the spec, 1.0 live"),
        ("dropout_rate", "dropout rate of classifier: 0.1 by the checkpoint, 0.5 live"),
        ("no_attention_dropout", "operations that drop in training"),
        ("dropout_seed", "seed and draws of the dropout"),
        ("pretrained_weights", "weights before the first step"),
        ("head", "classifier.kernel before the first step"),
        ("activation", "activation at"),
        ("layer_norm_epsilon", "layer_norm_eps"),
        ("frozen_embeddings", "trainable parameters"),
    ],
)
def test_the_recipe_lock_sees_what_was_changed(judged: dict[str, list[str]], change: str, said: str) -> None:
    outcome, reason = judged[change]
    assert outcome == "fail"
    assert said in reason
