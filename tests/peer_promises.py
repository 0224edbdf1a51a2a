"""What every engine besides the native one is held to; a test file of each inherits this and says what its peer is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from peer_process import OPTIMIZERS, answers_of


class PeerPromises:
    """Tests on the answers of two processes, `peer` and `native`, each a fixture; `saved` is where the peer saved."""

    engine: ClassVar[str]
    #: Of losses in nats over 20 steps, by optimizer.
    tolerances: ClassVar[dict[str, float]]

    def test_logits_are_the_native_engines(self, peer: dict[str, Any], native: dict[str, Any]) -> None:
        for ours, theirs in zip(native["logits"], peer["logits"], strict=True):
            assert np.ptp(ours, axis=0).max() > 1e-2  # rows do not look alike
            np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-5)

    def test_weights_begin_alike_under_the_same_names(self, peer: dict[str, Any], native: dict[str, Any]) -> None:
        assert peer["weights before"] == native["weights before"]

    @pytest.mark.parametrize("optimizer", OPTIMIZERS)
    def test_steps_are_alike_without_dropout(
        self, peer: dict[str, Any], native: dict[str, Any], optimizer: str
    ) -> None:
        theirs, ours, tolerance = peer[optimizer], native[optimizer], self.tolerances[optimizer]
        assert np.ptp(ours["losses"]) > 0.1  # the steps did something
        np.testing.assert_allclose(theirs["losses"], ours["losses"], rtol=0, atol=tolerance)
        np.testing.assert_allclose(theirs["rates"], ours["rates"], rtol=1e-6)
        np.testing.assert_allclose(theirs["norms"], ours["norms"], rtol=100 * tolerance)
        assert theirs["predictions"][0] == ours["predictions"][0]

    def test_operations_are_counted_alike(self, peer: dict[str, Any], native: dict[str, Any]) -> None:
        assert peer["flops"] == native["flops"]

    def test_a_seed_gives_its_bits_again_after_another(self, peer: dict[str, Any]) -> None:
        first, other, again = peer["seeds 0, 1, 0"]
        assert first == again
        assert first != other

    def test_a_restored_state_goes_on_to_the_same_bits(self, peer: dict[str, Any]) -> None:
        assert peer["state is a copy"]
        assert peer["resumed"] == peer["seeds 0, 1, 0"][0]
        assert peer["resumed digest"] == peer["digest"]

    def test_another_state_is_refused(self, peer: dict[str, Any]) -> None:
        assert "cannot continue from this state" in peer["another state"]

    def test_a_fresh_process_gives_the_same_bits(
        self, peer: dict[str, Any], tiny_bert_folder: Path, tmp_path: Path
    ) -> None:
        again = answers_of(tiny_bert_folder, self.engine, tmp_path / "saved")
        assert again["seeds 0, 1, 0"] == peer["seeds 0, 1, 0"]
        assert again["digest"] == peer["digest"]

    def test_the_native_engine_computes_the_same_from_what_it_saved(
        self, peer: dict[str, Any], saved: Path, tmp_path: Path
    ) -> None:
        """The head is drawn again, by the same seed."""
        loaded = answers_of(saved, "native", tmp_path / "saved", only="logits")
        for ours, theirs in zip(loaded["logits"], peer["logits"], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)

    def test_the_recipe_lock_passes_and_holds_every_part(self, judged: dict[str, list[str]]) -> None:
        outcome, reason = judged["nothing"]
        assert outcome == "pass", reason
        assert "Not held" not in reason

    def test_what_is_decayed_is_what_the_spec_says(self, peer: dict[str, Any]) -> None:
        """Without weight decay nothing, else all but biases and layer norms."""
        matrices = {name for name in peer["weights before"] if not name.endswith(".bias") and "LayerNorm" not in name}
        assert set(peer["adamw"]["decayed"]) == matrices
        assert peer["adam"]["decayed"] == []

    def test_what_it_cannot_do_is_refused_by_name(self, refused: dict[str, str]) -> None:
        assert refused
        for field, said in refused.items():
            assert said.startswith(f"EngineError: {field}: "), said
            assert "remedy: " in said
            assert "weight_decay" in field or self.engine in said
