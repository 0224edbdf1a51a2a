"""The optimizers of a spec, as Keras has them: a table for each, told apart by its name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from bertbench.spec.table import Count, Positive, Rate, Table, is_default


class _Optimizer(Table):
    """What every Keras optimizer takes."""

    learning_rate: Positive = 3e-5
    """Peak learning rate; `schedule` shapes it."""
    weight_decay: Positive | None = None
    """Decoupled weight decay per step, as in Keras."""
    clipnorm: Positive | None = None
    """Each variable's gradient is scaled to at most this Euclidean norm."""
    clipvalue: Positive | None = None
    """Each gradient element is clipped to plus or minus this."""
    global_clipnorm: Positive | None = None
    """All gradients together are scaled to at most this Euclidean norm."""
    use_ema: bool = False
    """Evaluate and save an exponential moving average of the weights."""
    ema_momentum: Rate = 0.99
    """Of that average."""
    ema_overwrite_frequency: Count | None = None
    """Steps after which the weights are overwritten with their average; only at the end if not given."""
    loss_scale_factor: Positive | None = None
    """Multiplies the loss before, divides the gradients after differentiation."""
    gradient_accumulation_steps: Annotated[int, Field(ge=2)] | None = None
    """Batches whose mean gradient makes one update."""

    def model_post_init(self, _context: Any) -> None:
        """Count the name as written: without it a table that is passed on reads as Adam."""
        self.model_fields_set.add("name")

    @model_validator(mode="after")
    def _one_clipping(self) -> _Optimizer:
        given = [name for name in ("clipnorm", "clipvalue", "global_clipnorm") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{given[1]}: at most one way of clipping gradients, and {given[0]} is set too")
        for name in ("ema_momentum", "ema_overwrite_frequency"):
            if not self.use_ema and not is_default(self, name):
                raise ValueError(f"{name}: has no meaning without use_ema = true")
        return self


class AdamSpec(_Optimizer):
    """Adam, with Keras' epsilon convention."""

    name: Literal["adam"] = "adam"
    """Kingma & Ba 2015."""
    beta_1: Rate = 0.9
    """Decay of the first moment."""
    beta_2: Rate = 0.999
    """Decay of the second moment."""
    epsilon: Positive = 1e-7
    """'Epsilon hat' of the paper: added before bias correction, as Keras does."""
    amsgrad: bool = False
    """Use the largest second moment seen."""


class AdamWSpec(AdamSpec):
    """Adam with decoupled weight decay, not applied to biases and layer norms."""

    name: Literal["adamw"] = "adamw"  # type: ignore[assignment]  # a narrower name is the point of the subclass
    """Loshchilov & Hutter 2019."""
    weight_decay: Positive | None = 0.004
    """Keras' default."""
    decay_excluded: tuple[str, ...] = ("bias", "layer_norm")
    """Variables whose path contains one of these are not decayed."""


class SGDSpec(_Optimizer):
    """Stochastic gradient descent."""

    name: Literal["sgd"] = "sgd"
    """Robbins & Monro 1951."""
    momentum: Rate = 0.0
    """Of the velocity."""
    nesterov: bool = False
    """Nesterov momentum."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> SGDSpec:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov: has no meaning without momentum")
        return self


def optimizer_name(table: Any) -> str:
    """Which optimizer a table means: Adam, unless it says otherwise."""
    return str(table.get("name", "adam") if isinstance(table, dict) else getattr(table, "name", table))


OptimizerSpec = Annotated[
    Annotated[AdamSpec, Tag("adam")] | Annotated[AdamWSpec, Tag("adamw")] | Annotated[SGDSpec, Tag("sgd")],
    Discriminator(
        optimizer_name,
        custom_error_type="unknown_optimizer",
        custom_error_message="unknown optimizer; known: adam, adamw, sgd",
    ),
]
