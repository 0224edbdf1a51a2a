"""BERT for classification on packed rows: the same function as the padded original, without what cannot change it.

No padding enters a matrix product, and in the last layer only the [CLS] tokens have queries, an output projection and
a feed-forward part, because nothing else reaches the classifier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import keras
from keras import ops

from bertbench.checkpoints import BertConfig
from bertbench.engines.native.attention import Pieces, Rectangle
from bertbench.engines.native.dropout import Dropout
from bertbench.engines.native.operations import ACTIVATIONS, Tensor, dense, layer_normalization

Shape = tuple[int, ...]


@dataclass(frozen=True)
class DropoutRates:
    """Chances of an element to be set to zero in training.

    Attributes:
        hidden: After embeddings, attention output and feed-forward.
        attention: On attention probabilities.
        classifier: Before the classifying layer.
    """

    hidden: float
    attention: float
    classifier: float


def parameter_shapes(config: BertConfig, *, words: int, positions: int, labels: int) -> dict[str, Shape]:
    """Every trainable parameter by name; kernels are (inputs, outputs).

    The three products of attention that read the same tokens are one parameter. In the last layer the query stands
    alone, because it reads [CLS] only.

    Args:
        config: The architecture.
        words: Rows of the table of word embeddings.
        positions: Rows of the table of position embeddings.
        labels: Classes.
    """
    width, wide, last = config.hidden_size, config.intermediate_size, config.num_hidden_layers - 1
    shapes: dict[str, Shape] = {
        "embeddings.word.table": (words, width),
        "embeddings.position.table": (positions, width),
        "embeddings.segment.table": (config.type_vocab_size, width),
        **_layer_norm("embeddings.layer_norm", width),
    }
    for number in range(config.num_hidden_layers):
        layer = f"encoder.layer_{number}"
        if number < last:
            shapes |= _dense(f"{layer}.attention.query_key_value", width, 3 * width)
        else:
            shapes |= _dense(f"{layer}.attention.query", width, width)
            shapes |= _dense(f"{layer}.attention.key_value", width, 2 * width)
        shapes |= _dense(f"{layer}.attention.output", width, width)
        shapes |= _layer_norm(f"{layer}.attention.layer_norm", width)
        shapes |= _dense(f"{layer}.feed_forward.inner", width, wide)
        shapes |= _dense(f"{layer}.feed_forward.outer", wide, width)
        shapes |= _layer_norm(f"{layer}.feed_forward.layer_norm", width)
    return shapes | _dense("pooler", width, width) | _dense("classifier", width, labels)


def _dense(name: str, inputs: int, outputs: int) -> dict[str, Shape]:
    return {f"{name}.kernel": (inputs, outputs), f"{name}.bias": (outputs,)}


def _layer_norm(name: str, width: int) -> dict[str, Shape]:
    return {f"{name}.scale": (width,), f"{name}.shift": (width,)}


class Bert:
    """The network: variables by name, dropouts by name, and one function from tokens to logits."""

    def __init__(
        self, config: BertConfig, shapes: Mapping[str, Shape], rates: DropoutRates, policy: keras.DTypePolicy
    ) -> None:
        """Make variables (all zero) and dropouts.

        Args:
            config: The architecture.
            shapes: As `parameter_shapes` gives them.
            rates: Of dropout.
            policy: Types of variables and of computation.
        """
        self._config = config
        self._activation = ACTIVATIONS[config.activation]
        self.policy = policy
        self.rates = rates
        self.variables = {
            name: keras.Variable(initializer="zeros", shape=shape, dtype=policy.variable_dtype, name=name)
            for name, shape in shapes.items()
        }
        self.dropouts: dict[str, Dropout] = {}
        self._add_dropout("embeddings", rates.hidden)
        for number in range(config.num_hidden_layers):
            self._add_dropout(f"encoder.layer_{number}.attention.probabilities", rates.attention)
            self._add_dropout(f"encoder.layer_{number}.attention.output", rates.hidden)
            self._add_dropout(f"encoder.layer_{number}.feed_forward.output", rates.hidden)
        self._add_dropout("classifier", rates.classifier)

    def logits(
        self,
        words: Tensor,
        segments: Tensor,
        positions: Tensor,
        token_of_cell: Tensor,
        cell_of_token: Tensor,
        first_tokens: Tensor,
        *,
        training: bool,
    ) -> Tensor:
        """Class scores of each row; the arguments are those of `layout.Layout`.

        Returns:
            float32 (rows, labels).
        """
        rows = ops.shape(first_tokens)[0]
        rectangle = Rectangle(ops.reshape(token_of_cell, (rows, -1)), cell_of_token, first_tokens)
        hidden = self._embed(words, segments, positions, training=training)  # (tokens, width)
        if (last := self._config.num_hidden_layers - 1) > 0:
            heads = self._config.num_attention_heads
            triples, singles = (Pieces(rectangle, parts=parts, heads=heads) for parts in (3, 1))
            for number in range(last):
                name = f"encoder.layer_{number}"
                hidden = self._layer(name, hidden, rectangle, triples, singles, training=training)
        hidden = self._last_layer(f"encoder.layer_{last}", hidden, rectangle, training=training)  # (rows, width)
        pooled = ops.tanh(self._dense("pooler", hidden))
        pooled = self.dropouts["classifier"](pooled, training=training)
        return ops.cast(self._dense("classifier", pooled), "float32")

    def _embed(self, words: Tensor, segments: Tensor, positions: Tensor, *, training: bool) -> Tensor:
        """(tokens, width)."""
        parts = {"word": words, "position": positions, "segment": segments}
        word, position, segment = (
            ops.take(self.variables[f"embeddings.{part}.table"], index, axis=0) for part, index in parts.items()
        )
        hidden = ops.cast(ops.add(ops.add(word, segment), position), self.policy.compute_dtype)
        hidden = self._layer_norm("embeddings.layer_norm", hidden)
        return self.dropouts["embeddings"](hidden, training=training)

    def _layer(
        self, name: str, hidden: Tensor, rectangle: Rectangle, triples: Pieces, singles: Pieces, *, training: bool
    ) -> Tensor:
        """One transformer layer, (tokens, width) to (tokens, width)."""
        packed = self._dense(f"{name}.attention.query_key_value", hidden)  # (tokens, 3 * width)
        query, key, value = ops.unstack(triples.spread(packed), 3, axis=0)  # (rows, heads, longest, size) each
        context = self._attend(name, query, key, value, rectangle, training=training)
        return self._after_attention(name, hidden, singles.collect(context), training=training)

    def _last_layer(self, name: str, hidden: Tensor, rectangle: Rectangle, *, training: bool) -> Tensor:
        """The last layer for [CLS] only, (tokens, width) to (rows, width)."""
        heads, width = self._config.num_attention_heads, self._config.hidden_size
        pieces = Pieces(rectangle, parts=2, heads=heads)
        packed = self._dense(f"{name}.attention.key_value", hidden)  # (tokens, 2 * width)
        key, value = ops.unstack(pieces.spread(packed), 2, axis=0)  # (rows, heads, longest, size) each
        first = rectangle.first_of(hidden)  # (rows, width)
        query = ops.reshape(self._dense(f"{name}.attention.query", first), (-1, heads, 1, self._config.head_size))
        context = self._attend(name, query, key, value, rectangle, training=training)  # (rows, heads, 1, size)
        return self._after_attention(name, first, ops.reshape(context, (-1, width)), training=training)

    def _attend(
        self, name: str, query: Tensor, key: Tensor, value: Tensor, rectangle: Rectangle, *, training: bool
    ) -> Tensor:
        """Softmax attention within each row; (rows, heads, queries, size)."""
        scores = ops.einsum("rhqs,rhks->rhqk", query, key)
        scores = ops.multiply(ops.cast(scores, "float32"), 1.0 / math.sqrt(self._config.head_size))
        probabilities = ops.softmax(ops.add(scores, rectangle.key_bias), axis=-1)
        probabilities = self.dropouts[f"{name}.attention.probabilities"](probabilities, training=training)
        return ops.einsum("rhqk,rhks->rhqs", ops.cast(probabilities, value.dtype), value)

    def _after_attention(self, name: str, residual: Tensor, context: Tensor, *, training: bool) -> Tensor:
        """Output projection and feed-forward part, each with its residual and layer norm."""
        attended = self._dense(f"{name}.attention.output", context)
        attended = self.dropouts[f"{name}.attention.output"](attended, training=training)
        hidden = self._layer_norm(f"{name}.attention.layer_norm", ops.add(residual, attended))
        inner = self._activation(self._dense(f"{name}.feed_forward.inner", hidden))
        outer = self._dense(f"{name}.feed_forward.outer", inner)
        outer = self.dropouts[f"{name}.feed_forward.output"](outer, training=training)
        return self._layer_norm(f"{name}.feed_forward.layer_norm", ops.add(hidden, outer))

    def _dense(self, name: str, values: Tensor) -> Tensor:
        kernel, bias = (
            ops.cast(self.variables[f"{name}.{part}"], self.policy.compute_dtype) for part in ("kernel", "bias")
        )
        return dense(values, kernel, bias)

    def _layer_norm(self, name: str, values: Tensor) -> Tensor:
        scale, shift = (ops.convert_to_tensor(self.variables[f"{name}.{part}"]) for part in ("scale", "shift"))
        return layer_normalization(values, scale, shift, self._config.layer_norm_eps)

    def _add_dropout(self, name: str, rate: float) -> None:
        self.dropouts[name] = Dropout(f"{name}.dropout", rate)
