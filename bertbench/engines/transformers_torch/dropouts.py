"""Where transformers' BERT drops, under the native engine's names, and whether it really draws random numbers there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

#: A dropout's place in the model, and the operation's name.
_OPERATIONS = (
    (re.compile(r"bert\.embeddings\.dropout"), "embeddings"),
    (re.compile(r"bert\.encoder\.layer\.(\d+)\.attention\.self\.dropout"), r"encoder.layer_\1.attention.probabilities"),
    (re.compile(r"bert\.encoder\.layer\.(\d+)\.attention\.output\.dropout"), r"encoder.layer_\1.attention.output"),
    (re.compile(r"bert\.encoder\.layer\.(\d+)\.output\.dropout"), r"encoder.layer_\1.feed_forward.output"),
    (re.compile(r"dropout"), "classifier"),
)


def dropouts_of(network: torch.nn.Module) -> dict[str, torch.nn.Dropout]:
    """Every dropout of the network by its operation's name; one that is not foreseen keeps its own."""
    found = ((path, module) for path, module in network.named_modules() if isinstance(module, torch.nn.Dropout))
    return {_operation(path): module for path, module in found}


def _operation(path: str) -> str:
    for place, name in _OPERATIONS:
        if match := place.fullmatch(path):
            return match.expand(name)
    return path


@contextmanager
def drawing(network: torch.nn.Module, generator: torch.Generator) -> Iterator[set[str]]:
    """Names of operations that draw random numbers while the block runs.

    Each is asked for what it does to the generator and not for its rate. Attention hands its dropout's rate to a
    function that does all of attention, so there the whole of self-attention is looked at, where nothing else draws.
    """
    drew: set[str] = set()
    hooks = []
    modules = dict(network.named_modules())
    for path, module in modules.items():
        if not isinstance(module, torch.nn.Dropout):
            continue
        name = _operation(path)
        place = modules[path.rpartition(".")[0]] if name.endswith("attention.probabilities") else module
        before, after = _hooks(name, generator, drew)
        hooks += [place.register_forward_pre_hook(before), place.register_forward_hook(after)]
    try:
        yield drew
    finally:
        for hook in hooks:
            hook.remove()


def _hooks(name: str, generator: torch.Generator, drew: set[str]) -> tuple[Any, Any]:
    """What runs before and after one operation."""
    states: list[torch.Tensor] = []

    def before(*_: Any) -> None:
        states.append(generator.get_state())

    def after(*_: Any) -> None:
        if not torch.equal(states.pop(), generator.get_state()):
            drew.add(name)

    return before, after
