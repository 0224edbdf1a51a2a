"""Every trainable parameter of the network: its name and its shape."""

from __future__ import annotations

from bertbench.checkpoints import BertConfig

Shape = tuple[int, ...]


def parameter_shapes(config: BertConfig, *, words: int, positions: int, labels: int) -> dict[str, Shape]:
    """Every trainable parameter by name: a `kernel` is (inputs, outputs), a `weight` (outputs, inputs).

    The three products of attention that read the same tokens are one parameter; clipping by `clipnorm` sees them as
    one. In the last layer the query stands alone, because it reads [CLS] only.

    The longer axis comes first: products with lines of 1,536 numbers took a tenth longer.

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
            shapes |= _widening(f"{layer}.attention.query_key_value", width, 3 * width)
        else:
            shapes |= _dense(f"{layer}.attention.query", width, width)
            shapes |= _widening(f"{layer}.attention.key_value", width, 2 * width)
        shapes |= _dense(f"{layer}.attention.output", width, width)
        shapes |= _layer_norm(f"{layer}.attention.layer_norm", width)
        shapes |= _widening(f"{layer}.feed_forward.inner", width, wide)
        shapes |= _dense(f"{layer}.feed_forward.outer", wide, width)
        shapes |= _layer_norm(f"{layer}.feed_forward.layer_norm", width)
    return shapes | _dense("pooler", width, width) | _dense("classifier", width, labels)


def _dense(name: str, inputs: int, outputs: int) -> dict[str, Shape]:
    return {f"{name}.kernel": (inputs, outputs), f"{name}.bias": (outputs,)}


def _widening(name: str, inputs: int, outputs: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _layer_norm(name: str, width: int) -> dict[str, Shape]:
    return {f"{name}.scale": (width,), f"{name}.shift": (width,)}
