"""The checkpoint's tokenizer: loaded from either kind of folder, framed and cut by us, never padded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from data_examples import dataset_of, ids_of
from hypothesis import given
from hypothesis import strategies as st
from tiny_bert import SPECIAL_TOKENS, tiny_vocabulary, write_tiny_bert, write_tokenizer
from tokenizers import Tokenizer as Backend

from bertbench.data import Tokenizer, load_tokenizer, tokenize
from bertbench.data.dataset import Split
from bertbench.data.tokenization import kept_lengths, tokenize_split
from bertbench.errors import CheckpointError

VOCABULARY = {piece: number for number, piece in enumerate(tiny_vocabulary())}
CLS, SEP, UNK = VOCABULARY["[CLS]"], VOCABULARY["[SEP]"], VOCABULARY["[UNK]"]


def ids(*pieces: str) -> list[int]:
    return [VOCABULARY[piece] for piece in pieces]


def split_of(*texts: str, pairs: tuple[str, ...] | None = None) -> Split:
    return Split(texts, pairs, (0,) * len(texts), tuple(map(str, range(len(texts)))))


def rewrite(folder: Path, **changes: object) -> None:
    """Change parts of `tokenizer.json`."""
    file = folder / "tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def plain_folder(folder: Path, **config: object) -> Path:
    """A folder with `vocab.txt` and `tokenizer_config.json` alone."""
    folder.mkdir(exist_ok=True)
    write_tokenizer(folder, list(VOCABULARY))
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


# Loading


def test_the_special_tokens_are_found_by_name(tokenizer: Tokenizer) -> None:
    assert tokenizer.special == tuple(VOCABULARY[token] for token in SPECIAL_TOKENS)
    assert tokenizer.special.mask == VOCABULARY["[MASK]"]


def test_text_becomes_wordpieces(tokenizer: Tokenizer) -> None:
    assert tokenizer.wordpieces(["Refunded orders!", "", "☃"]) == [
        ids("refund", "##ed", "order", "##s", "!"),
        [],
        ids("[UNK]"),
    ]


def test_padding_and_truncation_that_the_file_carries_are_switched_off(tmp_path: Path, tokenizer: Tokenizer) -> None:
    carrying = load_tokenizer(write_tiny_bert(tmp_path / "carrying", pads_to=8))
    texts = ["hi", "the order was late " * 5]
    assert [len(row) for row in carrying.wordpieces(texts)] == [1, 20]
    assert carrying.wordpieces(texts) == tokenizer.wordpieces(texts)
    assert carrying.sha256 == tokenizer.sha256


def test_a_folder_of_vocabulary_and_config_gives_the_same_tokenizer(tmp_path: Path, tokenizer: Tokenizer) -> None:
    built = load_tokenizer(plain_folder(tmp_path / "plain", tokenizer_class="BertTokenizer", do_lower_case=True))
    texts = ["Refunded ORDERS!", "café 中文 naïve", "[MASK] in text, [SEP]", "a\0b\ufffdc\u200b", "x" * 101]
    assert built.wordpieces(texts) == tokenizer.wordpieces(texts)
    assert built.special == tokenizer.special


def test_a_vocabulary_without_config_is_berts_own(tmp_path: Path, tokenizer: Tokenizer) -> None:
    folder = plain_folder(tmp_path / "plain")
    (folder / "tokenizer_config.json").unlink()
    assert load_tokenizer(folder).wordpieces(["CAFÉ"]) == tokenizer.wordpieces(["cafe"])


@pytest.mark.parametrize(
    ("config", "text", "pieces"),
    [
        ({"do_lower_case": False}, "Hi", ["[UNK]"]),
        ({"do_lower_case": True}, "Hi", ["hi"]),
        ({"strip_accents": False}, "é", ["[UNK]"]),
        ({"do_lower_case": False, "strip_accents": True}, "é", ["e"]),
        ({"tokenize_chinese_chars": True}, "a中a", ["a", "[UNK]", "a"]),
        ({"tokenize_chinese_chars": False}, "a中a", ["[UNK]"]),
    ],
)
def test_each_option_of_the_config_acts(tmp_path: Path, config: dict[str, bool], text: str, pieces: list[str]) -> None:
    assert load_tokenizer(plain_folder(tmp_path / "plain", **config)).wordpieces([text]) == [ids(*pieces)]


def test_the_digest_follows_what_decides_ids_and_nothing_else(tmp_path: Path, tokenizer: Tokenizer) -> None:
    folder = write_tiny_bert(tmp_path / "a")
    rewrite(folder, decoder=None, padding=None)
    assert load_tokenizer(folder).sha256 == tokenizer.sha256
    more = load_tokenizer(write_tiny_bert(tmp_path / "b", words=["one", "more"]))
    cased = write_tiny_bert(tmp_path / "c")
    normalizer = json.loads((cased / "tokenizer.json").read_text())["normalizer"] | {"lowercase": False}
    rewrite(cased, normalizer=normalizer)
    assert len({tokenizer.sha256, more.sha256, load_tokenizer(cased).sha256}) == 3


# Loading what cannot be used


def test_a_folder_without_tokenizer_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"neither tokenizer\.json nor vocab\.txt"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{oops", "cannot be read as JSON"),
        (b"\xff", "cannot be read as JSON"),
        (b"[]", "a JSON list, expected an object"),
        (b"{}", "the tokenizer cannot be built"),
    ],
)
def test_a_damaged_tokenizer_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=said):
        load_tokenizer(tmp_path)


def test_a_damaged_vocabulary_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(CheckpointError, match=r"vocab\.txt: cannot be read"):
        load_tokenizer(tmp_path)


def test_a_vocabulary_without_special_tokens_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[SEP]\nhello\n")
    with pytest.raises(CheckpointError, match=r"has no \[CLS\], \[MASK\]"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("config", [{"tokenizer_class": "BertJapaneseTokenizer"}, {"do_basic_tokenize": False}])
def test_a_tokenizer_that_a_vocabulary_does_not_describe_is_refused(tmp_path: Path, config: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match=r"vocab\.txt alone does not describe this tokenizer"):
        load_tokenizer(plain_folder(tmp_path / "plain", **config))


def test_a_tokenizer_that_frames_sentences_otherwise_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_bert(tmp_path / "bert")
    processor = json.loads((folder / "tokenizer.json").read_text())["post_processor"]
    processor["pair"] = [part for part in processor["pair"] if part.get("SpecialToken", {}).get("id") != "[CLS]"]
    rewrite(folder, post_processor=processor)
    with pytest.raises(CheckpointError, match=r"BERT's frame \[CLS\] a \[SEP\] b \[SEP\]"):
        load_tokenizer(folder)


def test_a_tokenizer_that_leaves_framing_open_is_framed_as_bert(tmp_path: Path, tokenizer: Tokenizer) -> None:
    folder = write_tiny_bert(tmp_path / "bert")
    rewrite(folder, post_processor=None)
    assert load_tokenizer(folder).sha256 == tokenizer.sha256


# Framing and cutting


def test_single_sentences_are_framed_and_cut_at_their_end(tokenizer: Tokenizer) -> None:
    cut = tokenize_split(split_of("the order was late", "hi", ""), tokenizer, 5)
    assert ids_of(cut.rows) == [[CLS, *ids("the", "order", "was"), SEP], [CLS, *ids("hi"), SEP], [CLS, SEP]]
    assert cut.rows.segment_ids.tolist() == [0] * 10
    assert cut.cut_rows.tolist() == [0]


def test_pairs_are_framed_in_two_segments(tokenizer: Tokenizer) -> None:
    cut = tokenize_split(split_of("the order", "hi", pairs=("was late", "")), tokenizer, 16)
    assert ids_of(cut.rows) == [
        [CLS, *ids("the", "order"), SEP, *ids("was", "late"), SEP],
        [CLS, *ids("hi"), SEP, SEP],
    ]
    assert cut.rows.segment_ids.tolist() == [0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1]
    assert cut.cut_rows.tolist() == []


@pytest.mark.parametrize(
    ("first", "second", "budget", "kept"),
    [
        (4, 4, 8, (4, 4)),
        (9, 2, 8, (6, 2)),
        (2, 9, 8, (2, 6)),
        (9, 9, 8, (4, 4)),
        (9, 9, 7, (3, 4)),
        (9, 8, 7, (4, 3)),
        (8, 9, 7, (3, 4)),
        (9, 3, 7, (4, 3)),
        (3, 9, 7, (3, 4)),
        (5, 5, 0, (0, 0)),
        (5, 0, 1, (1, 0)),
    ],
)
def test_the_longer_sentence_is_cut_first(first: int, second: int, budget: int, kept: tuple[int, int]) -> None:
    lengths = [np.array([first]), np.array([second])]
    assert tuple(int(n[0]) for n in kept_lengths(lengths, budget)) == kept


@given(first=st.integers(0, 20), second=st.integers(0, 20), length=st.integers(3, 30))
def test_pairs_are_cut_as_longest_first_of_the_tokenizers_library(
    tiny_bert_folder: Path, tokenizer: Tokenizer, first: int, second: int, length: int
) -> None:
    backend = Backend.from_file(str(tiny_bert_folder / "tokenizer.json"))
    backend.no_padding()
    backend.enable_truncation(length, strategy="longest_first")
    texts = "order " * first, "late " * second
    reference = backend.encode(*texts)
    cut = tokenize_split(split_of(texts[0], pairs=(texts[1],)), tokenizer, length)
    assert cut.rows.token_ids.tolist() == reference.ids
    assert cut.rows.segment_ids.tolist() == reference.type_ids
    assert (cut.cut_rows.tolist() == [0]) is (first + second + 3 > length)


@given(texts=st.lists(st.text(), min_size=1, max_size=5), length=st.integers(3, 40))
def test_any_text_gives_rows_within_the_length_as_the_library_itself_would(
    tiny_bert_folder: Path, tokenizer: Tokenizer, texts: list[str], length: int
) -> None:
    backend = Backend.from_file(str(tiny_bert_folder / "tokenizer.json"))
    backend.enable_truncation(length)
    cut = tokenize_split(split_of(*texts), tokenizer, length)
    assert ids_of(cut.rows) == [backend.encode(text).ids for text in texts]
    assert int(cut.rows.lengths.max()) <= length


def test_text_that_no_encoding_takes_is_tokenized_all_the_same(tokenizer: Tokenizer) -> None:
    """The checks refuse it by name; tokenization must get that far."""
    assert tokenizer.wordpieces(["\ud800 hi", "hi\0"]) == tokenizer.wordpieces(["\ufffd hi", "hi"])


@pytest.mark.parametrize("text", ["a" * 100_000, "ab " * 40_000, "中" * 100_000, "é" * 100_000])
def test_a_row_of_a_hundred_thousand_characters_is_cut_like_any_other(tokenizer: Tokenizer, text: str) -> None:
    tokenized = tokenize(
        dataset_of(train=[(text, "a"), ("hi", "b")]), tokenizer, max_length_tokens=512, cache_folder=None
    )
    assert tokenized.longest_row_tokens <= 512


# The whole data set


def test_counts_and_the_vocabulary_in_use_cover_all_splits(tokenizer: Tokenizer) -> None:
    dataset = dataset_of(
        train=[("the order was late", "a"), ("☃ ☃", "b")], validation=[("☃ refund", "a")], test=[("hi", "b")]
    )
    tokenized = tokenize(dataset, tokenizer, max_length_tokens=4, cache_folder=None)
    used = {VOCABULARY[piece] for piece in (*SPECIAL_TOKENS, "the", "order", "refund", "hi")}
    assert tokenized.vocabulary_in_use.tolist() == sorted(used)
    assert tokenized.vocabulary_in_use.dtype == np.int32
    assert tokenized.unknown_tokens == {"train": 2, "validation": 1, "test": 0}
    assert {name: rows.tolist() for name, rows in tokenized.cut_rows.items()} == {
        "train": [0],
        "validation": [],
        "test": [],
    }
    assert list(tokenized.splits) == ["train", "validation", "test"]
    assert tokenized.longest_row_tokens == 4
    train = tokenized.splits["train"]
    assert train.labels.tolist() == [0, 1]
    arrays = (train.token_ids, train.segment_ids, train.offsets, train.labels)
    assert [array.dtype.name for array in arrays] == ["int32", "int32", "int64", "int32"]


def test_many_rows_are_tokenized_in_chunks_without_a_seam(tokenizer: Tokenizer) -> None:
    texts = [f"order {number}" for number in range(4_001)]
    rows = tokenizer.wordpieces(texts)
    assert len(rows) == 4_001
    assert rows[1_999:2_001] == [*tokenizer.wordpieces(texts[1_999:2_000]), *tokenizer.wordpieces(texts[2_000:2_001])]
