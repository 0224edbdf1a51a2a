"""The fingerprint names the recipe: all that shapes numbers, nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from alternatives import ALTERNATIVES, NOT_THE_RECIPE, pair
from hypothesis import given
from hypothesis import strategies as st

from bertbench.spec import Spec, benchmark_fingerprint, build_spec, override, read_spec, spec_fingerprint
from bertbench.spec.fingerprint import recipe
from bertbench.verdict.recipe_difference import differing_fields

#: Of the spec that has nothing but a name. It changes with every field that is added, removed or given another default:
#: then records of the old recipe are no longer comparable, and the changelog must say so.
DEFAULT_FINGERPRINT = "917513f9b431abef03c9fcea9c020db70f79e7736151d87839cc3d7a8a411e80"


def test_default_recipe_is_pinned() -> None:
    assert spec_fingerprint(build_spec({"name": "x"})) == DEFAULT_FINGERPRINT


@pytest.mark.parametrize("name", sorted(set(ALTERNATIVES) - NOT_THE_RECIPE))
def test_every_field_of_the_recipe_changes_it(name: str) -> None:
    first, second = pair(name)
    assert spec_fingerprint(first) != spec_fingerprint(second)


@pytest.mark.parametrize("name", sorted(set(ALTERNATIVES) - NOT_THE_RECIPE))
def test_no_field_of_the_recipe_differs_without_being_named(name: str) -> None:
    told = differing_fields(*map(recipe, pair(name)))
    assert name in [field.partition(": ")[0] for field in told]


@pytest.mark.parametrize("name", sorted(NOT_THE_RECIPE))
def test_names_promises_seeds_and_places_do_not_change_it(name: str) -> None:
    first, second = pair(name)
    assert first != second
    assert spec_fingerprint(first) == spec_fingerprint(second)


def test_place_of_a_checkpoint_folder_does_not_change_it() -> None:
    here, there = (build_spec({"name": "x", "checkpoint": {"source": f"path:{place}"}}) for place in ("a", "/b/c"))
    assert spec_fingerprint(here) == spec_fingerprint(there)


def test_kind_of_checkpoint_changes_it() -> None:
    folder = build_spec({"name": "x", "checkpoint": {"source": "path:minilm-l6"}})
    assert spec_fingerprint(folder) != spec_fingerprint(build_spec({"name": "x"}))


def test_is_64_hex_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", spec_fingerprint(build_spec({"name": "x"})))


def test_layout_order_and_comments_of_the_file_do_not_change_it(tmp_path: Path) -> None:
    tidy, untidy = tmp_path / "tidy.toml", tmp_path / "untidy.toml"
    tidy.write_text(
        'name = "x"\n[training]\nepochs = 2\nbatch_size = 8\n[training.class_weights]\na = 1.0\nb = 2.0\n'
        "[optimizer]\nlearning_rate = 3e-5\n"
    )
    untidy.write_text(
        '# a comment\noptimizer = { "learning_rate" = 0.00003 }\nname = "x"\n\n[training]\n'
        "class_weights = { b = 2.0, a = 1.0 }\nbatch_size   = 0x8\nepochs = 2 # two\n"
    )
    assert spec_fingerprint(read_spec(tidy)) == spec_fingerprint(read_spec(untidy))


def test_writing_out_a_default_does_not_change_it() -> None:
    assert spec_fingerprint(build_spec({"name": "x", "optimizer": {"name": "adam", "beta_1": 0.9}})) == (
        spec_fingerprint(build_spec({"name": "x"}))
    )


def test_whole_number_for_a_rate_is_the_same_recipe_as_a_decimal_one() -> None:
    one, same = (build_spec({"name": "x", "optimizer": {"learning_rate": rate}}) for rate in (1, 1.0))
    assert spec_fingerprint(one) == spec_fingerprint(same)


def test_survives_json() -> None:
    spec = override(build_spec({"name": "x"}), {"optimizer.name": "adamw", "training.class_weights": {"a": 1, "b": 2}})
    assert spec_fingerprint(Spec.model_validate_json(spec.model_dump_json())) == spec_fingerprint(spec)


def test_engine_and_runtime_are_no_part_of_a_benchmark() -> None:
    """What a matrix of environments lays side by side."""
    usual = build_spec({"name": "x"})
    other = build_spec({"name": "x", "engine": "keras-hub", "runtime": {"backend": "jax", "threads": 1}})
    assert benchmark_fingerprint(other) == benchmark_fingerprint(usual)
    assert spec_fingerprint(other) != spec_fingerprint(usual)
    another = build_spec({"name": "x", "training": {"epochs": 4}})
    assert benchmark_fingerprint(another) != benchmark_fingerprint(usual)


@given(
    first=st.floats(min_value=1e-8, max_value=1.0, allow_nan=False),
    second=st.floats(min_value=1e-8, max_value=1.0, allow_nan=False),
)
def test_two_learning_rates_have_one_fingerprint_only_if_they_are_equal(first: float, second: float) -> None:
    """A rounding on the way would merge recipes that differ."""
    specs = [build_spec({"name": "x", "optimizer": {"learning_rate": rate}}) for rate in (first, second)]
    assert (spec_fingerprint(specs[0]) == spec_fingerprint(specs[1])) == (first == second)
