"""The checkpoint's own WordPiece tokenizer, through `tokenizers` alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bertbench.errors import CheckpointError

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

#: The part of `tokenizer.json` that decides a sentence's ids; padding, truncation and decoder do not.
_DECIDES_IDS = ("model", "normalizer", "pre_tokenizer", "added_tokens")

#: Classes of transformers whose tokenizer a `vocab.txt` describes completely.
_PLAIN_BERT = (None, "BertTokenizer", "BertTokenizerFast")

#: Texts encoded at once; bounds what the library keeps in memory besides the ids.
_CHUNK_ROWS = 2_000

_LONE_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


class SpecialTokenIds(NamedTuple):
    """Ids of the five WordPieces that are no text: [PAD], [UNK], [CLS], [SEP], [MASK]."""

    pad: int
    unk: int
    cls: int
    sep: int
    mask: int


class Tokenizer:
    """Text to WordPiece ids, nothing padded, nothing cut, nothing framed.

    Attributes:
        sha256: Digest of what decides a sentence's ids: vocabulary, normalizer, pre-tokenizer, added tokens.
        special: Ids of the special tokens.
    """

    def __init__(self, backend: Backend, *, sha256: str, special: SpecialTokenIds) -> None:
        self._backend = backend
        self.sha256 = sha256
        self.special = special

    def wordpieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, without special tokens around them.

        Lone surrogates, which no encoding takes, are read as U+FFFD; the checks refuse such text.
        """
        ids: list[list[int]] = []
        for start in range(0, len(texts), _CHUNK_ROWS):
            chunk = [_encodable(text) for text in texts[start : start + _CHUNK_ROWS]]
            ids += [encoding.ids for encoding in self._backend.encode_batch_fast(chunk, add_special_tokens=False)]
        return ids


def _encodable(text: str) -> str:
    return text if text.isascii() else text.translate(_LONE_SURROGATES)


def load_tokenizer(folder: Path) -> Tokenizer:
    """Load `tokenizer.json`, or else build the tokenizer that `vocab.txt` and `tokenizer_config.json` describe.

    Args:
        folder: Folder of a checkpoint.

    Raises:
        CheckpointError: If neither is there, one cannot be read, a special token is missing, or sentences are framed in
            another way than BERT's.
    """
    from tokenizers import Tokenizer as Backend

    description = _description(folder)
    try:
        backend = Backend.from_str(json.dumps(description))
    except Exception as error:  # tokenizers raises nothing narrower
        raise CheckpointError(f"{folder}: the tokenizer cannot be built ({error})") from error
    backend.no_padding()
    backend.no_truncation()
    special = _special(backend, folder)
    _refuse_other_frames(backend, special, folder)
    return Tokenizer(backend, sha256=_sha256(description), special=special)


def _sha256(description: dict[str, Any]) -> str:
    decisive = {part: description.get(part) for part in _DECIDES_IDS}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _special(backend: Backend, folder: Path) -> SpecialTokenIds:
    names = [f"[{name.upper()}]" for name in SpecialTokenIds._fields]
    ids = [backend.token_to_id(name) for name in names]
    missing = [name for name, number in zip(names, ids, strict=True) if number is None]
    if missing:
        raise CheckpointError(f"{folder}: the vocabulary has no {', '.join(missing)}, which BERT needs")
    return SpecialTokenIds(*(number for number in ids if number is not None))


def _refuse_other_frames(backend: Backend, special: SpecialTokenIds, folder: Path) -> None:
    """Sentences are framed here, as BERT was trained; a tokenizer that frames otherwise belongs to another model."""
    if backend.post_processor is None:
        return
    (first,), (second,) = ([backend.encode(word, add_special_tokens=False).ids] for word in ("a", "b"))
    framed = backend.encode("a", "b")
    expected = [special.cls, *first, special.sep, *second, special.sep]
    segments = [0] * (len(first) + 2) + [1] * (len(second) + 1)
    if framed.ids != expected or framed.type_ids != segments:
        raise CheckpointError(
            f"{folder}: tokenizer.json frames two sentences as ids {framed.ids}, segments {framed.type_ids}; "
            f"BERT's frame [CLS] a [SEP] b [SEP] is ids {expected}, segments {segments}"
        )


def _description(folder: Path) -> dict[str, Any]:
    """`tokenizer.json` as read, or as `vocab.txt` implies it."""
    if (folder / "tokenizer.json").is_file():
        return _json_object(folder / "tokenizer.json")
    if not (folder / "vocab.txt").is_file():
        raise CheckpointError(
            f"{folder}: neither tokenizer.json nor vocab.txt",
            remedy="put the model's tokenizer files beside its weights",
        )
    config_file = folder / "tokenizer_config.json"
    config = _json_object(config_file) if config_file.is_file() else {}
    _refuse_more_than_vocabulary(config, config_file)
    return _bert_description(_vocabulary(folder / "vocab.txt"), config)


def _json_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON ({error})", remedy="get the file again") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: a JSON {type(content).__name__}, expected an object")
    return content


def _vocabulary(path: Path) -> dict[str, int]:
    """Id of each WordPiece: the number of its line, from 0."""
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})", remedy="get the file again") from error
    return {piece: number for number, piece in enumerate(lines)}


def _refuse_more_than_vocabulary(config: dict[str, Any], path: Path) -> None:
    name = config.get("tokenizer_class")
    if name not in _PLAIN_BERT or config.get("do_basic_tokenize", True) is not True:
        raise CheckpointError(
            f"{path}: vocab.txt alone does not describe this tokenizer "
            f"(tokenizer_class {name!r}, do_basic_tokenize {config.get('do_basic_tokenize', True)!r})",
            remedy="save it with transformers' save_pretrained, which writes tokenizer.json",
        )


def _bert_description(vocabulary: dict[str, int], config: dict[str, Any]) -> dict[str, Any]:
    """What `tokenizer.json` would hold, with BERT's own values where *config* gives none."""
    special = [f"[{name.upper()}]" for name in SpecialTokenIds._fields]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "added_tokens": [{"id": vocabulary[t], "content": t, **flags} for t in special if t in vocabulary],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": config.get("tokenize_chinese_chars", True),
            "strip_accents": config.get("strip_accents"),
            "lowercase": config.get("do_lower_case", True),
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    }
