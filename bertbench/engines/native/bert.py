"""BERT for classification on packed rows: the same function as the padded original, without what cannot change it.

No padding enters a matrix product, and in the last layer only the [CLS] tokens have queries, an output projection and
a feed-forward part, because nothing else reaches the classifier.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import keras
from keras import ops

from bertbench.checkpoints import BertConfig
from bertbench.engines.dropout_rates import DropoutRates
from bertbench.engines.native.attention import Rectangles
from bertbench.engines.native.dropout import Dropout
from bertbench.engines.native.operations import ACTIVATIONS, Operations, Tensor, layer_normalization
from bertbench.engines.native.parameters import Shape


class Bert:
    """The network: variables by name, dropouts by name, and one function from tokens to logits."""

    def __init__(
        self,
        config: BertConfig,
        shapes: Mapping[str, Shape],
        rates: DropoutRates,
        policy: keras.DTypePolicy,
        do: Operations,
    ) -> None:
        """Make variables (all zero) and dropouts.

        Args:
            config: The architecture.
            shapes: As `parameter_shapes` gives them.
            rates: Of dropout.
            policy: Types of variables and of computation.
            do: The backend's operations.
        """
        self._config = config
        self._do = do
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

    @property
    def config(self) -> BertConfig:
        """The architecture that is computed."""
        return self._config

    @property
    def activation(self) -> Callable[[Tensor], Tensor]:
        """The activation that is computed."""
        return self._activation

    def logits(
        self,
        words: Tensor,
        segments: Tensor,
        positions: Tensor,
        first_tokens: Tensor,
        cell_of_piece: Tensor,
        piece_of_cell: Tensor,
        rectangles: Sequence[Tensor],
        *,
        training: bool,
    ) -> Tensor:
        """Class scores of each row; the arguments are those of `layout.Inputs`, rectangles as scalars.

        Returns:
            float32 (rows, labels), rows as in the inputs.
        """
        cells = Rectangles(
            self._do,
            cell_of_piece=cell_of_piece,
            piece_of_cell=piece_of_cell,
            rectangles=rectangles,
            heads=self._config.num_attention_heads,
        )
        hidden = self._embed(words, segments, positions, training=training)  # (tokens, width)
        last = self._config.num_hidden_layers - 1
        for number in range(last):
            hidden = self._layer(f"encoder.layer_{number}", hidden, cells, training=training)
        first = self._first_of_each_row(hidden, positions, first_tokens)  # (rows, width)
        first = self._last_layer(f"encoder.layer_{last}", hidden, first, cells, training=training)
        pooled = ops.tanh(self._dense("pooler", first))
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

    def _layer(self, name: str, hidden: Tensor, cells: Rectangles, *, training: bool) -> Tensor:
        """One transformer layer, (tokens, width) to (tokens, width)."""
        packed = self._dense(f"{name}.attention.query_key_value", hidden)  # (tokens, 3 * width)
        queries, keys, values = cells.spread(packed, 3)
        contexts = self._attend(name, queries, keys, values, cells, training=training)
        return self._after_attention(name, hidden, cells.collect(contexts), training=training)

    def _last_layer(self, name: str, hidden: Tensor, first: Tensor, cells: Rectangles, *, training: bool) -> Tensor:
        """The last layer for [CLS] alone, (tokens, width) and (rows, width) to (rows, width)."""
        packed = self._dense(f"{name}.attention.key_value", hidden)  # (tokens, 2 * width)
        keys, values = cells.spread(packed, 2)
        query = self._dense(f"{name}.attention.query", first)
        query = ops.reshape(query, (-1, self._config.num_attention_heads, 1, self._config.head_size))
        contexts = self._attend(name, self._do.split(query, cells.rows), keys, values, cells, training=training)
        context = ops.reshape(ops.concatenate(contexts), (-1, self._config.hidden_size))
        return self._after_attention(name, first, context, training=training)

    def _first_of_each_row(self, hidden: Tensor, positions: Tensor, first_tokens: Tensor) -> Tensor:
        """The [CLS] tokens, (rows, width)."""
        is_first = ops.equal(positions, 0)
        row = ops.subtract(ops.cumsum(ops.cast(is_first, "int32")), 1)
        row_or_none = ops.where(is_first, row, ops.shape(first_tokens)[0])
        return self._do.gather(hidden, first_tokens, row_or_none, some_unused=True)

    def _attend(
        self,
        name: str,
        queries: Sequence[Tensor],
        keys: Sequence[Tensor],
        values: Sequence[Tensor],
        cells: Rectangles,
        *,
        training: bool,
    ) -> list[Tensor]:
        """Softmax attention within each row, group by group; (rows, heads, queries, size) each."""
        dropout = self.dropouts[f"{name}.attention.probabilities"]
        contexts = []
        for query, key, value, bias in zip(queries, keys, values, cells.key_biases, strict=True):
            scores = ops.cast(self._do.inner_products(query, key), "float32")
            scores = ops.add(ops.multiply(scores, 1.0 / math.sqrt(self._config.head_size)), bias)
            probabilities = dropout(ops.cast(ops.softmax(scores, axis=-1), value.dtype), training=training)
            contexts.append(ops.matmul(probabilities, value))
        return contexts

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
        """A dense layer, whichever way its matrix is kept."""
        if f"{name}.weight" in self.variables:
            products = self._do.inner_products(values, self._cast(f"{name}.weight"))
        else:
            products = ops.matmul(values, self._cast(f"{name}.kernel"))
        return ops.add(products, self._cast(f"{name}.bias"))

    def _cast(self, name: str) -> Tensor:
        return ops.cast(self.variables[name], self.policy.compute_dtype)

    def _layer_norm(self, name: str, values: Tensor) -> Tensor:
        scale, shift = (ops.convert_to_tensor(self.variables[f"{name}.{part}"]) for part in ("scale", "shift"))
        return layer_normalization(values, scale, shift, self._config.layer_norm_eps)

    def _add_dropout(self, name: str, rate: float) -> None:
        self.dropouts[name] = Dropout(f"{name}.dropout", rate, self._do)
