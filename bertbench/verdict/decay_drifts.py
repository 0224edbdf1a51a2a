"""The part of the recipe lock that is about weight decay: which variables it acts on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bertbench.checkpoints import BertConfig
from bertbench.engines.weight_decay import parameters_of_tensors
from bertbench.record import RunRecord, SeedRun
from bertbench.spec import AdamWSpec, OptimizerSpec
from bertbench.spec.engine_names import OWN_MODEL
from bertbench.verdict.drifts import Drift, not_recorded, unless_not_held
from bertbench.verdict.identity import network_order

#: Variables named of each side.
_SHOWN = 3


def decay_drifts(record: RunRecord, run: SeedRun) -> Iterator[Drift]:
    """Trainable variables that are decayed and should not be, or should be and are not."""
    live: dict[str, Any] = dict(run.live_recipe)
    yield from unless_not_held(live, "decayed", lambda: _decayed(record, live))


def _decayed(record: RunRecord, live: Mapping[str, Any]) -> Iterator[Drift]:
    """Names of all that are decayed, against all trainable ones but those that the spec excludes."""
    decayed, paths = live.get("decayed"), _paths(record, live)
    if decayed is None and _decays_nothing(live) and record.spec.optimizer.weight_decay is None:
        return  # as records of before had it: the optimizer itself said that it decays nothing
    if decayed is None or not paths:
        yield not_recorded("decayed variables")
        return
    wanted = {name for name, path in paths.items() if _is_prescribed(path, record.spec.optimizer)}
    found = set(decayed)
    if wanted != found:
        sides = (("decayed live alone", found - wanted), ("by the spec alone", wanted - found))
        told = "".join(f"; {side}: {_named(names)}" for side, names in sides if names)
        yield Drift(f"decayed variables: {len(wanted)} by the spec, {len(found)} live{told}")


def _decays_nothing(live: Mapping[str, Any]) -> bool:
    """Whether the live optimizer has a weight decay to show, and it is none."""
    optimizer = live.get("optimizer") or {}
    return "weight_decay" in optimizer and optimizer["weight_decay"] is None


def _paths(record: RunRecord, live: Mapping[str, Any]) -> Mapping[str, str]:
    """What `decay_excluded` looks at, by the name of each trainable variable: the native engine's name of it.

    A model of the user's own that names its variables has paths of its own; an engine of the user's own that names none
    trains BERT's. Empty if the record does not say what there is to be trained.
    """
    own = live.get("trainable_variables")
    if own is not None and record.spec.engine.startswith(f"{OWN_MODEL}:"):
        return {name: name for name in own}
    config = dict(record.checkpoint.config) if record.checkpoint is not None else {}
    return parameters_of_tensors(BertConfig(**config)) if config else {}


def _is_prescribed(path: str, optimizer: OptimizerSpec) -> bool:
    """Written out here: the engine's own would agree with itself."""
    excluded = optimizer.decay_excluded if isinstance(optimizer, AdamWSpec) else ()
    return optimizer.weight_decay is not None and not any(part in path for part in excluded)


def _named(names: set[str]) -> str:
    """The first few on the way from tokens to logits."""
    ordered = sorted(names, key=network_order)
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(ordered[:_SHOWN]) + more
