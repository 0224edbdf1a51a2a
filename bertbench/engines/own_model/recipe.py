"""What a user's compiled model shows of itself, read back from its live objects, and what it cannot show."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

from bertbench.engines.own_model.live_model import LiveModel, named, value_of
from bertbench.engines.weight_decay import is_decayed_by
from bertbench.spec import ScheduleSpec

#: Optimizers that a spec can describe, by their class in Keras.
_DESCRIBED = {"Adam": "adam", "AdamW": "adamw", "SGD": "sgd"}
#: Fields of a spec's optimizer that tf-keras does not have: they are as if not given.
_NOT_IN_TF_KERAS = ("loss_scale_factor", "gradient_accumulation_steps")
_OWN_NETWORK = "the model is the user's own, and neither spec nor checkpoint describes it"


def live_recipe(live: LiveModel, *, library: str, schedule: ScheduleSpec) -> dict[str, Any]:
    """Values that a spec can be held against; none of them is taken from the spec.

    Args:
        live: The model.
        library: `tensorflow`, `torch` or `tf-keras`.
        schedule: Of the spec, to know whether it means to describe the optimizer's.

    Returns:
        JSON values only; names as in `native.recipe.live_recipe`, `decayed` by the model's own paths, and
        `trainable_variables` by the same; `not_held` with the reason for each part that the lock leaves out.
    """
    model, optimizer = live.model, live.optimizer
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # on PyTorch Keras reads variables in NumPy 1's way
        config = {key: value for key, value in optimizer.get_config().items() if _is_plain(value)}
    name = type(optimizer).__name__
    if library == "tf-keras":
        config |= dict.fromkeys(_NOT_IN_TF_KERAS)
    policies = sorted({layer.dtype_policy.name for layer in layers_of(model) if layer.weights} or {"float32"})
    computing = sorted({layer.compute_dtype for layer in layers_of(model) if layer.weights} or {"float32"})
    return {
        "backend": "tensorflow" if library == "tf-keras" else library,
        "library": "tf-keras" if library == "tf-keras" else "keras",
        "optimizer": {"class": name, **config, "name": _DESCRIBED.get(name, name.lower())},
        "learning_rate": _rate_of(optimizer),
        "iterations": int(value_of(optimizer.iterations)),
        **_decayed(live),
        "dtype_policy": policies[0] if len(policies) == 1 else policies,
        "compute_dtype": computing[0] if len(computing) == 1 else computing,
        "variable_dtypes": sorted({_dtype_name(variable) for variable in model.trainable_variables}),
        "variables": len(model.weights),
        "parameters": sum(math.prod(variable.shape) for variable in model.trainable_variables),
        "loss": _loss_name(model.loss),
        "not_held": _not_held(name, optimizer, library, schedule),
    }


def _decayed(live: LiveModel) -> dict[str, list[str]]:
    """Trainable variables, and which of them are decayed; nothing of an optimizer that a spec has no words for."""
    if type(live.optimizer).__name__ not in _DESCRIBED:
        return {}
    trainable = set(map(id, live.model.trainable_variables))
    variables = {name: variable for name, variable in live.weight_variables.items() if id(variable) in trainable}
    decayed = [name for name, variable in variables.items() if is_decayed_by(live.optimizer, variable)]
    return {"trainable_variables": list(variables), "decayed": decayed}


def _not_held(name: str, optimizer: Any, library: str, schedule: ScheduleSpec) -> dict[str, str]:
    parts = ("architecture", "parameters", "weights", "drawn_weights", "movement", "dropout_rates")
    reasons = dict.fromkeys(parts, _OWN_NETWORK)
    reasons["dropout_states"] = "the factory draws its seeds itself, from the one that it is called under"
    if library == "tensorflow":
        reasons["dropout_in_training"] = "which of its layers should drop is the user's own to say"
    if name not in _DESCRIBED:
        reasons["optimizer"] = reasons["decayed"] = f"a spec has no words for {name}"
    if schedule == ScheduleSpec() and has_schedule(optimizer):
        reasons["learning_rate"] = "the optimizer has a schedule of its own, and the spec says nothing of one"
    if library == "tf-keras":
        reasons["dropout_seen"] = "tf-keras keeps the random state of its layers where nobody can look"
    if library == "torch":
        reasons["dropout_seen"] = "on PyTorch, layers of Keras that were given no seed draw from one stream for all"
    return reasons


def has_schedule(optimizer: Any) -> bool:
    """Whether the learning rate is a LearningRateSchedule rather than a number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # see above
        return isinstance(optimizer.get_config().get("learning_rate"), dict)  # the schedule's own config


def layers_of(model: Any) -> Iterator[Any]:
    """Every layer, however deep."""
    yield from model._flatten_layers()  # noqa: SLF001 - no public way, and the same in both


def random_layers(model: Any) -> dict[str, Any]:
    """Layers of Keras 3 that draw random numbers, by path, or name where a layer has none."""
    drawing = [layer for layer in layers_of(model) if hasattr(layer, "seed_generator")]
    return named(drawing, lambda layer: layer.path or layer.name)


def forgetful_layers(model: Any) -> list[str]:
    """Names of layers of tf-keras that drop or draw, whose random state is no variable and so cannot be kept."""
    return [
        layer.name
        for layer in layers_of(model)
        if any(base.__name__ == "BaseRandomLayer" for base in type(layer).__mro__) and getattr(layer, "rate", None) != 0
    ]


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _rate_of(optimizer: Any) -> float:
    rate = optimizer.learning_rate
    return float(rate) if isinstance(rate, (int, float)) else float(value_of(rate))


def _dtype_name(variable: Any) -> str:
    return str(getattr(variable.dtype, "name", variable.dtype))


def _loss_name(loss: Any) -> str:
    return loss if isinstance(loss, str) else str(getattr(loss, "name", None) or getattr(loss, "__name__", loss))
