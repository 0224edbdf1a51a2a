"""What the running engine really computes, read back from its live objects."""

from __future__ import annotations

import math
from typing import Any

import keras

from bertbench.engines.native.bert import Bert


def live_recipe(bert: Bert, optimizer: Any) -> dict[str, Any]:
    """Values that a spec can be held against; none of them is taken from the spec.

    Args:
        bert: The network.
        optimizer: Built on its variables.

    Returns:
        JSON values only: `backend`; `optimizer` (Keras' `get_config`), its `learning_rate` and `iterations` as they
        are now; `weight_decay_excluded`, the parameters that decay leaves alone; `loss_scale`, 1 if the loss is not
        scaled; `dtype_policy`, `compute_dtype`, `variable_dtypes`; `dropout_rates` by operation; the numbers of
        `variables` and of trainable `parameters`, and rows of the tables of embeddings; `loss_reduction`.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    variables = bert.variables
    return {
        "backend": keras.backend.backend(),
        "optimizer": {"class": type(inner).__name__, **inner.get_config()},
        "learning_rate": float(inner.learning_rate),
        "iterations": int(inner.iterations),
        "weight_decay_excluded": [name for name, variable in variables.items() if _is_excluded(inner, variable)],
        "loss_scale": float(optimizer.scale_loss(1.0)),
        "dtype_policy": bert.policy.name,
        "compute_dtype": bert.policy.compute_dtype,
        "variable_dtypes": sorted({variable.dtype for variable in variables.values()}),
        "dropout_rates": {name: dropout.rate for name, dropout in bert.dropouts.items()},
        "variables": len(variables),
        "parameters": sum(math.prod(variable.shape) for variable in variables.values()),
        "embedding_rows": {name.split(".")[1]: v.shape[0] for name, v in variables.items() if name.endswith(".table")},
        "loss_reduction": "sum over rows of weight times cross-entropy, divided by rows",
    }


def _is_excluded(optimizer: Any, variable: keras.Variable) -> bool:
    """Whether weight decay leaves *variable* alone; the optimizer has no public way to be asked."""
    return optimizer.weight_decay is not None and not optimizer._use_weight_decay(variable)  # noqa: SLF001 - see above
