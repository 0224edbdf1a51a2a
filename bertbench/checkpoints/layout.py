"""Which tensors a BERT encoder has, under what names, in what shapes."""

from __future__ import annotations

from bertbench.checkpoints.config import BertConfig

Shape = tuple[int, ...]

#: Left out by checkpoints that were trained without the next-sentence task.
POOLER = "pooler."

#: What begins so belongs to the encoder; such a tensor that the config does not foresee is of another architecture.
ENCODER = ("embeddings.", "encoder.", POOLER)

#: Constants that older versions of transformers stored as if they were weights.
STORED_CONSTANTS = frozenset({"embeddings.position_ids", "embeddings.token_type_ids"})


def canonical_name(name: str) -> str:
    """*name* without the prefix that models with a head give the encoder, layer norms under their names of today.

    The original TensorFlow release called a layer norm's scale and shift gamma and beta, and bert-base-uncased on
    the hub still does.
    """
    name = name.removeprefix("bert.")
    for legacy, today in ((".LayerNorm.gamma", ".LayerNorm.weight"), (".LayerNorm.beta", ".LayerNorm.bias")):
        if name.endswith(legacy):
            return name.removesuffix(legacy) + today
    return name


def tensor_shapes(bert: BertConfig) -> dict[str, Shape]:
    """Every tensor of a BertModel with pooler, by its name without prefix; dense weights are (outputs, inputs)."""
    width = bert.hidden_size
    return {
        "embeddings.word_embeddings.weight": (bert.vocab_size, width),
        "embeddings.position_embeddings.weight": (bert.max_position_embeddings, width),
        "embeddings.token_type_embeddings.weight": (bert.type_vocab_size, width),
        **_layer_norm("embeddings.LayerNorm", width),
        **{
            f"encoder.layer.{number}.{name}": shape
            for number in range(bert.num_hidden_layers)
            for name, shape in _layer(bert).items()
        },
        **_dense("pooler.dense", width, width),
    }


def _layer(bert: BertConfig) -> dict[str, Shape]:
    """One transformer layer."""
    width = bert.hidden_size
    return {
        **_dense("attention.self.query", width, width),
        **_dense("attention.self.key", width, width),
        **_dense("attention.self.value", width, width),
        **_dense("attention.output.dense", width, width),
        **_layer_norm("attention.output.LayerNorm", width),
        **_dense("intermediate.dense", bert.intermediate_size, width),
        **_dense("output.dense", width, bert.intermediate_size),
        **_layer_norm("output.LayerNorm", width),
    }


def _dense(name: str, outputs: int, inputs: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _layer_norm(name: str, width: int) -> dict[str, Shape]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
