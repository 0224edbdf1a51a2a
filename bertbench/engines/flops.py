"""Floating-point operations that a training step needs, whatever an engine really spends."""

from __future__ import annotations

import numpy as np

from bertbench.checkpoints import BertConfig
from bertbench.data.batches import PackedBatch


def training_step_flops(config: BertConfig, batch: PackedBatch, *, labels: int) -> float:
    """Effective operations of one training step on *batch*: three forward passes of all dense products.

    One forward pass multiplies and adds, per token or row, with width w, feed-forward width f, tokens T, rows B, row
    lengths l and L layers::

        each layer but the last   T (4 w^2 + 2 w f) + 2 w sum(l^2)     products; scores and weighted values
        the last layer            T 2 w^2                              keys and values of all tokens
                                  + B (2 w^2 + 2 w f) + 2 w sum(l)     the rest for [CLS]
        head                      B (w^2 + w labels)                   pooler and classifier

    Each counts as 2 operations (a product and a sum), and a training step as 3 forward passes: the gradients towards
    values and towards weights are a product of the same size each. Padding, recomputation, embeddings, layer norms,
    activations, dropout and the optimizer's update count nothing: they are what utilization is lost to.

    Args:
        config: The architecture.
        batch: The rows.
        labels: Classes.
    """
    width, wide = config.hidden_size, config.intermediate_size
    tokens, rows = batch.token_count, batch.row_count
    lengths = np.diff(batch.offsets).astype(np.float64)
    layer = tokens * (4 * width**2 + 2 * width * wide) + 2 * width * float(np.sum(lengths**2))
    last = tokens * 2 * width**2 + rows * (2 * width**2 + 2 * width * wide) + 2 * width * tokens
    head = rows * (width**2 + width * labels)
    return 3.0 * 2.0 * ((config.num_hidden_layers - 1) * layer + last + head)
