"""What engines share: fresh layers, padding, which tensors weight decay acts on, refusals. No library computes here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_examples import make_batch, make_task, select_rows
from hypothesis import given
from hypothesis import strategies as st
from tiny_bert import write_tiny_bert

from bertbench.engines.dropout_rates import dropout_rates
from bertbench.engines.fresh_layers import (
    draw_under,
    drawn_digests,
    drawn_digests_of_tensors,
    fresh_layers,
    fresh_shapes,
    prescribed_digests,
    tensors_of,
)
from bertbench.engines.limits import (
    refuse_absent_pooler,
    refuse_long_rows,
    refuse_optimizer_fields,
    refuse_other_state,
    refuse_unknown_segments,
    refuse_unknown_words,
)
from bertbench.engines.padding import pad
from bertbench.engines.weight_decay import decayed_tensors
from bertbench.errors import EngineError
from bertbench.seeds import operation_seed
from bertbench.spec import AdamSpec, AdamWSpec, ModelSpec


@pytest.fixture(scope="module")
def config(one_layer_folder: Path):
    """Width 8, feed-forward 16, one layer."""
    return make_task(one_layer_folder).checkpoint.bert


# Fresh layers


def test_the_head_is_drawn_and_the_pooler_where_the_spec_says_so(config) -> None:
    assert fresh_layers(ModelSpec()) == {"classifier"}
    assert fresh_shapes(ModelSpec(), config, labels=3) == {"classifier.kernel": (8, 3), "classifier.bias": (3,)}
    fresh = fresh_shapes(ModelSpec(pooler="fresh"), config, labels=3)
    assert fresh.keys() == {"pooler.kernel", "pooler.bias", "classifier.kernel", "classifier.bias"}
    assert fresh["pooler.kernel"] == (8, 8)


def test_a_kernel_is_drawn_from_its_own_seed_and_a_bias_is_zero() -> None:
    drawn = draw_under(7, {"classifier.kernel": (8, 3), "classifier.bias": (3,)}, deviation=0.5)
    wanted = np.random.default_rng(operation_seed(7, "classifier.kernel")).normal(0.0, 0.5, (8, 3))
    np.testing.assert_array_equal(drawn["classifier.kernel"], wanted.astype(np.float32))
    assert not drawn["classifier.bias"].any()


def test_tensors_lie_the_other_way_round() -> None:
    drawn = draw_under(0, {"classifier.kernel": (8, 3), "pooler.kernel": (8, 8), "pooler.bias": (8,)}, deviation=1.0)
    tensors = tensors_of(drawn)
    assert tensors.keys() == {"classifier.weight", "bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    np.testing.assert_array_equal(tensors["bert.pooler.dense.weight"], drawn["pooler.kernel"].T)
    assert tensors["classifier.weight"].flags["C_CONTIGUOUS"]


def test_digests_tell_a_drawn_layer_from_another(config) -> None:
    model, names = ModelSpec(), ("classifier.kernel", "classifier.bias")
    prescribed = prescribed_digests(model, config, labels=3, seed=3)
    shapes = fresh_shapes(model, config, labels=3)
    drawn = draw_under(3, shapes, deviation=0.02)
    live = drawn_digests(drawn)
    assert {name: live[name]["live"] for name in names} == prescribed
    assert {len(digest) for digest in prescribed.values()} == {16}
    wider = drawn_digests(draw_under(3, shapes, deviation=0.03))
    for other in (wider, drawn_digests(draw_under(4, shapes, deviation=0.02))):
        assert other["classifier.kernel"]["live"] != prescribed["classifier.kernel"]
    assert prescribed_digests(ModelSpec(head_standard_deviation=0.03), config, labels=3, seed=3) == {
        name: wider[name]["live"] for name in names
    }
    moved = drawn_digests(drawn | {"classifier.bias": np.ones(3, np.float32)})
    assert moved["classifier.bias"]["live"] != prescribed["classifier.bias"]


def test_the_standard_deviation_beside_a_digest_is_that_of_the_values() -> None:
    kernel = np.array([[1.0, 3.0], [1.0, 3.0]], np.float32)
    assert drawn_digests({"classifier.kernel": kernel})["classifier.kernel"]["standard_deviation"] == 1.0


def test_digests_are_the_same_by_either_name(config) -> None:
    model = ModelSpec(pooler="fresh")
    drawn = draw_under(3, fresh_shapes(model, config, labels=3), deviation=model.head_standard_deviation)
    assert drawn_digests_of_tensors(tensors_of(drawn), model) == drawn_digests(drawn)
    assert drawn_digests_of_tensors(tensors_of(drawn), ModelSpec()).keys() == {"classifier.kernel", "classifier.bias"}


# Padding


@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6))
def test_padding_keeps_every_row_and_goes_no_further_than_the_longest(lengths: list[int]) -> None:
    batch = make_batch(lengths, pairs=True)
    padded = pad(batch)
    assert padded.input_ids.shape == (len(lengths), max(lengths))
    np.testing.assert_array_equal(padded.attention_mask.sum(axis=1), lengths)
    for row, length in enumerate(lengths):
        alone = select_rows(batch, [row])
        np.testing.assert_array_equal(padded.input_ids[row, :length], alone.token_ids)
        np.testing.assert_array_equal(padded.token_type_ids[row, :length], alone.segment_ids)
        for part in (padded.input_ids, padded.token_type_ids, padded.attention_mask):
            assert not part[row, length:].any()


# Weight decay


def test_nothing_is_decayed_without_weight_decay(config) -> None:
    assert decayed_tensors(config, AdamSpec()) == frozenset()


def test_adamw_spares_biases_and_layer_norms(config) -> None:
    decayed = decayed_tensors(config, AdamWSpec())
    assert len(decayed) == 3 + 6 + 2  # tables; matrices of the layer; pooler and classifier
    assert all(name.endswith(".weight") and "LayerNorm" not in name for name in decayed)


def test_what_is_spared_is_said_in_the_native_names(config) -> None:
    decayed = decayed_tensors(config, AdamWSpec(decay_excluded=("query_key_value", "key_value")))
    spared = {name for name in decayed_tensors(config, AdamSpec(weight_decay=0.1)) if name not in decayed}
    parts = ("key.weight", "key.bias", "value.weight", "value.bias")
    assert spared == {f"bert.encoder.layer.0.attention.self.{part}" for part in parts}


# Dropout rates and refusals


def test_rates_of_the_spec_stand_before_the_checkpoints(config) -> None:
    own = dropout_rates(ModelSpec(), config)
    assert (own.hidden, own.attention, own.classifier) == (0.1, 0.1, 0.1)
    spec = dropout_rates(ModelSpec(hidden_dropout_rate=0.3, attention_dropout_rate=0.0), config)
    assert (spec.hidden, spec.attention, spec.classifier) == (0.3, 0.0, 0.3)


def test_a_field_that_the_library_lacks_is_refused_where_it_is_set(one_layer_folder: Path) -> None:
    absent = {"use_ema": "it keeps none", "weight_decay": "it has none"}
    spec = make_task(one_layer_folder).spec
    refuse_optimizer_fields(spec, absent)
    averaged = spec.model_copy(update={"optimizer": AdamSpec(use_ema=True)})
    with pytest.raises(EngineError, match=r"optimizer\.use_ema: engine native has none: it keeps none") as refusal:
        refuse_optimizer_fields(averaged, absent)
    assert "Leave use_ema out" in refusal.value.remedy


def test_rows_and_words_beyond_the_tables_are_refused(one_layer_folder: Path, config) -> None:
    refuse_long_rows(make_task(one_layer_folder, longest=512))
    with pytest.raises(EngineError, match="the longest row has 513 tokens"):
        refuse_long_rows(make_task(one_layer_folder, longest=513))
    refuse_unknown_words(np.array([0, 9], np.int32), vocabulary_size=10, engine="peer")
    with pytest.raises(EngineError, match="peer engine: WordPiece ids from 0 to 10"):
        refuse_unknown_words(np.array([0, 10], np.int32), vocabulary_size=10, engine="peer")
    refuse_unknown_segments(make_batch([4], pairs=True), config, engine="peer")


def test_a_pooler_that_is_not_there_is_refused_unless_it_is_drawn(tmp_path: Path) -> None:
    folder = write_tiny_bert(tmp_path, layers=1, pooler=False)
    refuse_absent_pooler(make_task(folder, model=ModelSpec(pooler="fresh")), present=False)
    with pytest.raises(EngineError, match=r"model\.pooler") as refusal:
        refuse_absent_pooler(make_task(folder), present=False)
    assert "pooler = 'fresh'" in refusal.value.remedy


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"a": np.zeros(3)}, r"a has shape \(3,\), expected \(2,\) \(1 of 2 differ\)"),
        ({"a": None}, r"a has shape none, expected \(2,\)"),
        ({"c": np.zeros(1)}, r"c has shape \(1,\), expected none"),
        ({"a": None, "b": None}, r"2 of 2 differ"),
    ],
)
def test_a_state_of_something_else_is_refused_with_the_first_difference(changed: dict[str, Any], words: str) -> None:
    shapes = {"a": (2,), "b": ()}
    state = {"a": np.zeros(2), "b": np.zeros(())}
    refuse_other_state(state, shapes, engine="some")
    state = {name: values for name, values in (state | changed).items() if values is not None}
    with pytest.raises(EngineError, match=f"some engine: cannot continue from this state: .*{words}"):
        refuse_other_state(state, shapes, engine="some")
