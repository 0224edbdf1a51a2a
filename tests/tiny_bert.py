"""A BERT of two layers and width eight, as a folder: real file formats, seeded weights, a few hundred WordPieces.

Any test may write one: ``from tiny_bert import write_tiny_bert``, or ask for the fixture ``tiny_bert_folder``.
"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

#: In this order, from id 0; other ids than bert-base-uncased's 100 to 103, so that nothing hard-codes those.
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

#: Whole words and word endings that short English messages are made of.
COMMON_WORDS = tuple(
    """
    the be to of and a in that have i it for not on with he as you do at this but his by from they we say her she or
    an will my one all would there their what so up out if about who get which go me when make can like time no just
    him know take people into year your good some could them see other than then now look only come its over think
    also back after use two how our work first well way even new want because any these give day most us is are was
    were been has had did does please thanks thank hello hi order refund account password invoice payment card money
    shipping delivery package arrived late broken screen phone app login error page button crash update slow great
    terrible love hate happy sad product service support help need cancel return price cost free why where still
    never always again email address name number today tomorrow week month film movie music play song book weather
    ##s ##ed ##ing ##er ##ly ##est ##tion ##ment ##ness ##able ##ful ##less ##ity ##al ##ive ##ous ##es ##en ##t
    """.split()  # noqa: SIM905 - four lines of words read better than a hundred quoted ones
)


def tiny_vocabulary(words: Sequence[str] = COMMON_WORDS) -> list[str]:
    """Special tokens, every printable ASCII character, ``##`` letters and digits, *words*; in the order of their ids.

    Lower-cased ASCII text made of these never becomes [UNK].
    """
    inner = string.ascii_lowercase + string.digits
    pieces = [*SPECIAL_TOKENS, *inner, *string.punctuation, *(f"##{character}" for character in inner), *words]
    return list(dict.fromkeys(pieces))


def tiny_config(  # each argument is one number of the architecture
    *,
    layers: int = 2,
    hidden: int = 8,
    heads: int = 2,
    intermediate: int = 16,
    vocabulary_size: int = len(tiny_vocabulary()),
    max_positions: int = 512,
    segment_types: int = 2,
    activation: str = "gelu",
    dropout: float = 0.1,
) -> dict[str, Any]:
    """A `config.json` as transformers writes it for BERT."""
    return {
        "architectures": ["BertModel"],
        "attention_probs_dropout_prob": dropout,
        "hidden_act": activation,
        "hidden_dropout_prob": dropout,
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": intermediate,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": max_positions,
        "model_type": "bert",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "type_vocab_size": segment_types,
        "vocab_size": vocabulary_size,
    }


def _shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Every tensor of a BertModel, written out independently of the package, so that it can be tested against it."""
    hidden, wide = config["hidden_size"], config["intermediate_size"]
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], hidden),
        "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], hidden),
        "embeddings.LayerNorm.weight": (hidden,),
        "embeddings.LayerNorm.bias": (hidden,),
        "pooler.dense.weight": (hidden, hidden),
        "pooler.dense.bias": (hidden,),
    }
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        for part, (outputs, inputs) in {
            "attention.self.query": (hidden, hidden),
            "attention.self.key": (hidden, hidden),
            "attention.self.value": (hidden, hidden),
            "attention.output.dense": (hidden, hidden),
            "intermediate.dense": (wide, hidden),
            "output.dense": (hidden, wide),
        }.items():
            shapes[f"{layer}.{part}.weight"] = (outputs, inputs)
            shapes[f"{layer}.{part}.bias"] = (outputs,)
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"{layer}.{part}.weight"] = (hidden,)
            shapes[f"{layer}.{part}.bias"] = (hidden,)
    return shapes


def tiny_tensors(config: Mapping[str, Any], *, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Seeded weights, all different from zero and from one, so that a forgotten or swapped tensor shows."""
    generator = np.random.default_rng(seed)
    tensors = {}
    for name, shape in sorted(_shapes(config).items()):
        values = generator.normal(0.0, 0.2, size=shape)
        tensors[name] = (values + name.endswith("LayerNorm.weight")).astype(np.float32)
    return tensors


def write_tokenizer(folder: Path, vocabulary: Sequence[str], *, pads_to: int | None = None) -> None:
    """Write `tokenizer.json`, `tokenizer_config.json` and `vocab.txt` of an uncased WordPiece tokenizer.

    Args:
        folder: Where to.
        vocabulary: WordPieces in the order of their ids, special tokens included.
        pads_to: Carry padding to, and truncation at, this many tokens in `tokenizer.json`, as MiniLM's does.
    """
    ids = {piece: number for number, piece in enumerate(vocabulary)}
    tokenizer = Tokenizer(WordPiece(vocab=ids, unk_token="[UNK]"))  # noqa: S106 - a WordPiece, no secret
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.decoder = WordPieceDecoder()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(token, ids[token]) for token in ("[CLS]", "[SEP]")],
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    if pads_to is not None:
        tokenizer.enable_padding(length=pads_to, pad_id=ids["[PAD]"])
        tokenizer.enable_truncation(max_length=pads_to)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json",
        {"do_lower_case": True, "model_max_length": 512, "tokenizer_class": "BertTokenizer"}
        | {f"{token.strip('[]').lower()}_token": token for token in SPECIAL_TOKENS},
    )
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in vocabulary), encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write *content* as people would read it."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_tiny_bert(
    folder: Path,
    *,
    layers: int = 2,
    hidden: int = 8,
    heads: int = 2,
    intermediate: int = 16,
    words: Sequence[str] = COMMON_WORDS,
    max_positions: int = 512,
    segment_types: int = 2,
    activation: str = "gelu",
    dropout: float = 0.1,
    seed: int = 0,
    pooler: bool = True,
    prefix: str = "",
    pads_to: int | None = None,
    config_changes: Mapping[str, Any] | None = None,
) -> Path:
    """Write a checkpoint that `path:`, transformers and KerasHub load; the same arguments give the same bytes.

    Args:
        folder: Where to; made if it is not there.
        layers: Transformer layers.
        hidden: Width.
        heads: Attention heads; divides *hidden*.
        intermediate: Width of the feed-forward part.
        words: Added to special tokens, ASCII characters and ``##`` characters, which any ASCII text falls back to.
        max_positions: Longest row in tokens.
        segment_types: Rows of the segment embedding.
        activation: `hidden_act` of the config.
        dropout: Both dropout rates of the config.
        seed: Of the weights.
        pooler: Whether `pooler.dense` is among the weights.
        prefix: Before every tensor name; `bert.` in fine-tuned models.
        pads_to: Padding and truncation carried by `tokenizer.json`; none if not given.
        config_changes: Put over the finished config; the weights keep fitting the arguments above.

    Returns:
        *folder*.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = tiny_vocabulary(words)
    config = tiny_config(
        layers=layers,
        hidden=hidden,
        heads=heads,
        intermediate=intermediate,
        vocabulary_size=len(vocabulary),
        max_positions=max_positions,
        segment_types=segment_types,
        activation=activation,
        dropout=dropout,
    )
    tensors = tiny_tensors(config, seed=seed)
    kept = {f"{prefix}{name}": t for name, t in tensors.items() if pooler or not name.startswith("pooler.")}
    # transformers refuses a file that does not say which library's layout it follows.
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", config | dict(config_changes or {}))
    write_tokenizer(folder, vocabulary, pads_to=pads_to)
    return folder
