"""PyTorch's optimizers and clipping from the spec, and what they really are, under the spec's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from bertbench.checkpoints import BertConfig
from bertbench.engines.limits import refuse_optimizer_fields
from bertbench.engines.weight_decay import decayed_tensors
from bertbench.errors import EngineError
from bertbench.spec import AdamSpec, AdamWSpec, OptimizerSpec, SGDSpec, Spec

Parameters = Mapping[str, torch.nn.Parameter]

#: Fields of the spec that a plain PyTorch loop has no counterpart of.
_ABSENT = {
    "use_ema": "a plain loop keeps no average of the weights",
    "loss_scale_factor": "a plain loop scales no loss",
    "gradient_accumulation_steps": "each batch makes one update",
}
#: What they are then. The momentum of no average means nothing, and the spec lets nobody set it.
_WITHOUT = {
    "use_ema": False,
    "ema_momentum": AdamSpec.model_fields["ema_momentum"].default,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}
_NAMES = {torch.optim.Adam: "adam", torch.optim.AdamW: "adamw", torch.optim.SGD: "sgd"}


def refuse_impossible(spec: Spec) -> None:
    """Raise if the spec asks for an update that PyTorch's optimizer of that name does not make.

    Raises:
        EngineError: Names the field and what to write instead.
    """
    refuse_optimizer_fields(spec, _ABSENT)
    optimizer = spec.optimizer
    if optimizer.weight_decay is not None and not isinstance(optimizer, AdamWSpec):
        remedy = "Leave weight_decay out" + (", or write name = 'adamw'." if optimizer.name == "adam" else ".")
        raise EngineError(
            f"optimizer.weight_decay: engine {spec.engine} cannot decouple it from torch.optim's {optimizer.name}, "
            "which adds it to the gradient",
            remedy=remedy,
        )


def create_optimizer(spec: OptimizerSpec, parameters: Parameters, config: BertConfig) -> torch.optim.Optimizer:
    """PyTorch's own optimizer with the spec's numbers, each under PyTorch's convention.

    Adam adds epsilon after bias correction where Keras adds it before, see docs/engines.md. Adam and AdamW are `fused`,
    which is what transformers' Trainer takes.

    Args:
        spec: Update rule.
        parameters: By name.
        config: The architecture, to know which parameters weight decay leaves alone.
    """
    values = list(parameters.values())
    rate = spec.learning_rate
    if isinstance(spec, SGDSpec):
        return torch.optim.SGD(values, lr=rate, momentum=spec.momentum, nesterov=spec.nesterov)
    adam: dict[str, Any] = {
        "lr": rate,
        "betas": (spec.beta_1, spec.beta_2),
        "eps": spec.epsilon,
        "amsgrad": spec.amsgrad,
        "fused": True,
    }
    if not isinstance(spec, AdamWSpec):
        return torch.optim.Adam(values, **adam)
    decayed = decayed_tensors(config, spec)
    groups = [
        {"params": [p for name, p in parameters.items() if name in decayed], "weight_decay": spec.weight_decay or 0.0},
        {"params": [p for name, p in parameters.items() if name not in decayed], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], **adam)


@dataclass(frozen=True)
class Clipping:
    """How gradients are made smaller, by PyTorch's own functions; at most one field is set.

    Attributes:
        clipnorm: Each tensor's gradient is scaled to at most this Euclidean norm.
        clipvalue: Each gradient element is clipped to plus or minus this.
        global_clipnorm: All gradients together are scaled to at most this Euclidean norm.
    """

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None

    def __call__(self, parameters: Sequence[torch.nn.Parameter]) -> torch.Tensor:
        """Clip the gradients of *parameters*; the Euclidean norm of all of them before that, a scalar on the device."""
        if self.global_clipnorm is not None:
            return torch.nn.utils.clip_grad_norm_(parameters, self.global_clipnorm)
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if self.clipnorm is not None:
            for parameter in parameters:
                torch.nn.utils.clip_grad_norm_([parameter], self.clipnorm)
        if self.clipvalue is not None:
            torch.nn.utils.clip_grad_value_(parameters, self.clipvalue)
        return norm


def create_clipping(spec: OptimizerSpec) -> Clipping:
    """The spec's."""
    return Clipping(spec.clipnorm, spec.clipvalue, spec.global_clipnorm)


def live_optimizer(optimizer: torch.optim.Optimizer, clipping: Clipping) -> dict[str, Any]:
    """What the optimizer and the clipping are, under the spec's names; read from the live parameter groups."""
    groups = optimizer.param_groups
    values = {ours: _same_in_all(groups, read) for ours, read in _READ.items() if _is_in_all(groups, ours)}
    return {
        "class": type(optimizer).__name__,
        "name": _NAMES.get(type(optimizer), type(optimizer).__name__),
        **values,
        "weight_decay": _same_where_any(groups),
        **asdict(clipping),
        **_WITHOUT,
    }


def live_rate(optimizer: torch.optim.Optimizer) -> float:
    """The learning rate that the next update applies; NaN if the parameter groups disagree."""
    rates = {float(group["lr"]) for group in optimizer.param_groups}
    return rates.pop() if len(rates) == 1 else float("nan")


def updates_done(optimizer: torch.optim.Optimizer) -> int:
    """Updates that Adam has counted; SGD counts none, and has a buffer from its first on."""
    states = list(optimizer.state.values())
    return int(max((float(state.get("step", 1.0)) for state in states), default=0.0))


def decayed_by(optimizer: torch.optim.Optimizer, parameters: Parameters) -> list[str]:
    """Names of trainable parameters that weight decay acts on: those of groups in which it is another than zero."""
    decayed = {id(p) for group in optimizer.param_groups if group["weight_decay"] != 0 for p in group["params"]}
    return [name for name, parameter in parameters.items() if parameter.requires_grad and id(parameter) in decayed]


_Group = Mapping[str, Any]
_READ: dict[str, Callable[[_Group], Any]] = {
    "beta_1": lambda group: float(group["betas"][0]),
    "beta_2": lambda group: float(group["betas"][1]),
    "epsilon": lambda group: float(group["eps"]),
    "amsgrad": lambda group: bool(group["amsgrad"]),
    "momentum": lambda group: float(group["momentum"]),
    "nesterov": lambda group: bool(group["nesterov"]),
}
_THEIRS = {"beta_1": "betas", "beta_2": "betas", "epsilon": "eps"}


def _is_in_all(groups: Sequence[_Group], ours: str) -> bool:
    return all(_THEIRS.get(ours, ours) in group for group in groups)


def _same_where_any(groups: Sequence[_Group]) -> Any:
    """The weight decay of the groups that have one; None if none has, all values, sorted, if they disagree."""
    decays = sorted({float(group["weight_decay"]) for group in groups} - {0.0})
    return (decays[0] if len(decays) == 1 else decays) or None


def _same_in_all(groups: Sequence[_Group], read: Callable[[_Group], Any]) -> Any:
    """The value that all groups have; all values, sorted, if they disagree."""
    values = sorted({read(group) for group in groups})
    return values[0] if len(values) == 1 else values
