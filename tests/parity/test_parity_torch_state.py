"""transformers-torch: which states it continues from, and which errors it takes for those of torch.compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bertbench.errors import EngineError

pytestmark = pytest.mark.parity

#: By name: what makes the optimizer, and what it keeps of a parameter after a step.
OPTIMIZERS: dict[str, tuple[Callable[[Any, Any], Any], set[str]]] = {
    "adam": (lambda torch, values: torch.optim.Adam(values), {"step", "exp_avg", "exp_avg_sq"}),
    "amsgrad": (
        lambda torch, values: torch.optim.AdamW(values, amsgrad=True),
        {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    ),
    "sgd": (lambda torch, values: torch.optim.SGD(values, lr=0.1), set()),
    "momentum": (lambda torch, values: torch.optim.SGD(values, lr=0.1, momentum=0.9), {"momentum_buffer"}),
}


class Live:
    """A layer of two parameters under training; another is frozen."""

    def __init__(self, optimizer: str) -> None:
        import torch

        from bertbench.engines.transformers_torch.state import LiveState

        torch.manual_seed(0)
        self.layer = torch.nn.Linear(3, 2)
        frozen = torch.nn.Parameter(torch.ones(4), requires_grad=False)
        parameters = {**dict(self.layer.named_parameters()), "frozen": frozen}
        self.optimizer = OPTIMIZERS[optimizer][0](torch, list(parameters.values()))
        self.state = LiveState(parameters, self.optimizer, torch.default_generator)

    def step(self) -> float:
        import torch

        self.optimizer.zero_grad()
        loss = (self.layer(torch.rand(5, 3)) ** 2).sum()
        loss.backward()
        self.optimizer.step()
        self.state.steps_done += 1
        return float(loss.detach())


def refusal(live: Live, state: dict[str, Any]) -> str:
    with pytest.raises(EngineError, match="cannot continue from this state") as refused:
        live.state.load(state)
    return refused.value.message


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_whole_state_goes_on_to_the_same_bits(optimizer: str) -> None:
    live = Live(optimizer)
    for _ in range(2):
        state = live.state.save()
        expected = [live.step(), live.step()]
        live.state.load(state)
        assert [live.step(), live.step()] == expected
    kept = {name.rpartition("/")[2] for name in state if name.startswith("optimizer/")}
    assert kept == OPTIMIZERS[optimizer][1]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_whatever_is_missing_is_named(optimizer: str) -> None:
    live = Live(optimizer)
    live.step()
    state = live.state.save()
    for name in state:
        assert name in refusal(live, {key: value for key, value in state.items() if key != name})


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_moments_that_the_optimizer_does_not_keep_are_refused(optimizer: str) -> None:
    live = Live(optimizer)
    beginning = live.state.save()
    live.step()
    state = live.state.save()
    assert "optimizer/weight/other" in refusal(live, {**state, "optimizer/weight/other": np.zeros((2, 3))})
    for name in (name for name in state if name.startswith("optimizer/")):  # of no step that was made
        assert name in refusal(live, {**beginning, name: state[name]})


def test_all_moments_lost_at_once_are_missed() -> None:
    live = Live("adam")
    live.step()
    state = {name: value for name, value in live.state.save().items() if not name.startswith("optimizer/")}
    # Three parameters, three moments of each of the two that learn, the generator, the number of steps.
    assert "(6 of 11 differ)" in refusal(live, state)


def test_errors_of_torch_compile_are_told_from_those_of_what_it_compiled() -> None:
    from torch._dynamo.exc import BackendCompilerFailed
    from torch._inductor.exc import InvalidCxxCompiler

    from bertbench.engines.transformers_torch.network import is_of_compiling

    assert is_of_compiling(InvalidCxxCompiler())
    assert is_of_compiling(BackendCompilerFailed(lambda: None, RuntimeError("no compiler"), None))
    wrapped = RuntimeError("compiling failed")
    wrapped.__cause__ = InvalidCxxCompiler()
    assert is_of_compiling(wrapped)
    assert not is_of_compiling(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
