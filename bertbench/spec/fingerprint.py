"""One short name for all that shapes a run's numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from bertbench.spec.fields import Spec

#: What people read or what is judged afterwards; it changes no number of a run.
_NOT_THE_RECIPE = ("name", "title", "expect", "budget", "identity", "verdict")


def recipe(spec: Spec) -> dict[str, Any]:
    """The part of *spec* that shapes a run's numbers: everything but names, promises, seeds and where files lie.

    Folders are left out because their content is pinned by digests in the record; seeds, because they name
    repetitions of one recipe.
    """
    fields = spec.model_dump(mode="json", exclude=set(_NOT_THE_RECIPE))
    del fields["training"]["seeds"]
    del fields["data"]["folder"]
    for table in ("data", "checkpoint"):
        del fields[table]["when_absent"]
    if fields["checkpoint"]["source"].startswith("path:"):
        fields["checkpoint"]["source"] = "path"
    if not fields["runtime"]["compile"]:  # came later: what never said it keeps its name
        del fields["runtime"]["compile"]
    return fields


def spec_fingerprint(spec: Spec) -> str:
    """SHA-256 (64 hex digits) of the recipe; the order and layout of the TOML file do not matter."""
    return recipe_fingerprint(recipe(spec))


def benchmark_fingerprint(spec: Spec) -> str:
    """SHA-256 (64 hex digits) of the recipe without the engine and how it computes.

    Runs of one such fingerprint fine-tune the same BERT on the same rows in the same way, by whatever library: that is
    what a matrix of environments lays side by side.
    """
    fields = recipe(spec)
    del fields["engine"], fields["runtime"]
    return recipe_fingerprint(fields)


def recipe_fingerprint(fields: Mapping[str, Any]) -> str:
    """SHA-256 (64 hex digits) of the fields of a recipe, as `recipe` gives them, in any order.

    Raises:
        ValueError: If a number is not finite.
    """
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
