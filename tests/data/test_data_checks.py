"""Every check: the fault it finds, the rows it names, and the sound data beside it that it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from data_examples import dataset_of, jsonl, read_text
from tiny_bert import write_tiny_bert

from bertbench.data import Dataset, Finding, Tokenizer, check, load_tokenizer, refuse_hard, tokenize
from bertbench.data.dataset import Row, build_dataset
from bertbench.errors import DataError

#: Reported for every split of every data set, for the record.
ALWAYS = {"imbalance", "cut_rows", "unknown_wordpieces"}

Pairs = list[tuple[str, str]]
TRAIN: Pairs = [("the order was late", "a"), ("i want a refund", "b"), ("still no delivery", "a"), ("money back", "b")]
VALIDATION: Pairs = [("where is it", "a"), ("please refund me", "b")]


def findings(tokenizer: Tokenizer, dataset: Dataset, *, length: int = 64) -> list[Finding]:
    return list(check(dataset, tokenize(dataset, tokenizer, max_length_tokens=length, cache_folder=None)))


def found(tokenizer: Tokenizer, name: str, **splits: Pairs) -> list[Finding]:
    dataset = dataset_of(**{"train": TRAIN, "validation": VALIDATION} | splits)
    return [finding for finding in findings(tokenizer, dataset) if finding.name == name]


def test_sound_data_has_nothing_but_the_figures_that_are_always_reported(tokenizer: Tokenizer) -> None:
    every = findings(tokenizer, dataset_of(train=TRAIN, validation=VALIDATION, test=[("hi", "a"), ("hello", "b")]))
    assert {finding.name for finding in every} == ALWAYS
    assert len(every) == 9
    assert all(finding.value is not None and finding.severity == "note" for finding in every)
    refuse_hard(every)


@pytest.mark.parametrize(("frequent", "severity"), [(3, "soft"), (2, "note")])
def test_an_imbalance_is_worth_a_look_from_one_and_a_half_times_the_even_share(
    tokenizer: Tokenizer, frequent: int, severity: str
) -> None:
    """Two classes: 3 of 4 rows are 1.5 times a half, 2 of 4 are even."""
    train = [(f"hello {number}", "a" if number < frequent else "b") for number in range(4)]
    first = found(tokenizer, "imbalance", train=train)[0]
    assert (first.severity, first.value) == (severity, frequent / 4)


def test_cut_rows_and_unknown_wordpieces_are_worth_a_look_from_one_percent(tokenizer: Tokenizer) -> None:
    long = findings(tokenizer, dataset_of(train=[*TRAIN, ("a " * 50, "a")], validation=VALIDATION), length=16)
    assert [f.severity for f in long if f.name == "cut_rows"] == ["soft", "note"]
    unknown = findings(tokenizer, dataset_of(train=[*TRAIN, ("☃", "a")], validation=VALIDATION))
    assert [f.severity for f in unknown if f.name == "unknown_wordpieces"] == ["soft", "note"]


# Classes


def test_one_class_only_is_hard(tokenizer: Tokenizer) -> None:
    [finding] = found(tokenizer, "one_class", train=[("x", "a"), ("y", "a")], validation=[("z", "a")])
    assert (finding.severity, finding.split) == ("hard", "train")
    assert "all 2 rows are of one class, 'a'" in finding.message


def test_classes_that_differ_only_in_case_and_spacing_are_worth_a_look(tokenizer: Tokenizer) -> None:
    train = [*TRAIN, ("x", "A"), ("y", "b"), ("z", "a ")]
    [finding] = found(tokenizer, "similar_labels", train=train)
    assert finding.severity == "soft"
    assert finding.message == "classes 'A', 'a', 'a ' differ only in case and spacing"
    assert finding.remedy
    assert found(tokenizer, "similar_labels", train=[*TRAIN, ("x", "ab")]) == []


def test_a_class_absent_from_train_is_hard_and_names_the_rows_that_have_it(tokenizer: Tokenizer) -> None:
    [finding] = found(tokenizer, "label_missing_from_train", validation=[*VALIDATION, ("x", "c"), ("y", "c")])
    assert finding.severity == "hard"
    assert finding.rows == ("validation.csv:3", "validation.csv:4")
    assert "no row of class 'c'" in finding.message


def test_a_class_absent_from_validation_is_soft(tokenizer: Tokenizer) -> None:
    [finding] = found(tokenizer, "label_missing_from_validation", validation=[("where is it", "a")])
    assert finding.severity == "soft"
    assert finding.rows == ("train.csv:2", "train.csv:4")


@pytest.mark.parametrize(
    ("validation", "value", "said"),
    [
        ([("x", "a"), ("y", "b")], 0.5, "1 of 2 rows are of class 'a': always answering it gives accuracy 0.5000"),
        ([("x", "b"), ("y", "b"), ("z", "b"), ("v", "a")], 0.75, "3 of 4 rows are of class 'b'"),
    ],
)
def test_imbalance_is_the_accuracy_of_always_answering_the_largest_class(
    tokenizer: Tokenizer, validation: Pairs, value: float, said: str
) -> None:
    train, other = found(tokenizer, "imbalance", validation=validation)
    assert (train.split, train.value, other.split, other.value) == ("train", 0.5, "validation", value)
    assert said in other.message


# Text


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000", "\u200b", "\ufffd"])
def test_text_without_anything_to_read_is_hard(tokenizer: Tokenizer, text: str) -> None:
    """White space, and characters that the tokenizer drops."""
    [finding] = found(tokenizer, "empty_text", train=[*TRAIN, (text, "a")])
    assert (finding.severity, finding.rows, finding.count) == ("hard", ("train.csv:5",), 1)


def test_an_empty_sentence_of_a_pair_is_hard(tokenizer: Tokenizer) -> None:
    rows = [Row("x", "y", "a", "t:1"), Row("v", " ", "b", "t:2"), Row("", "w", "b", "t:3")]
    dataset = build_dataset({"train": rows, "validation": rows[:1]}, "ab", source="files")
    [finding] = [f for f in findings(tokenizer, dataset) if f.name == "empty_text"]
    assert finding.rows == ("t:2", "t:3")


@pytest.mark.parametrize("text", ["refund\0 please", "\0", "\ud800 half a character", "a" + "\0" * 5])
def test_text_that_is_none_is_hard(tokenizer: Tokenizer, text: str) -> None:
    [finding] = found(tokenizer, "unreadable_text", validation=[*VALIDATION, (text, "a")])
    assert (finding.severity, finding.split, finding.rows) == ("hard", "validation", ("validation.csv:3",))
    assert "data.encoding" in finding.remedy


def test_nul_bytes_in_a_file_are_refused_by_line_in_every_format(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """Python 3.10's csv module refuses them when reading, all others leave them to the check."""
    contents = {
        "t.csv": "text,label\nfine,a\nre\0fund,b\n",
        "t.tsv": "text\tlabel\nfine\ta\nre\0fund\tb\n",
        "t.jsonl": "\n" + jsonl({"text": "fine", "label": "a"}, {"text": "re\0fund", "label": "b"}),
    }
    for name, content in contents.items():
        with pytest.raises(DataError, match=rf"{name}:3[\s\S]*NUL"):
            refuse_hard(findings(tokenizer, read_text(tmp_path, name, content)))


def test_replacement_characters_are_soft(tokenizer: Tokenizer) -> None:
    [finding] = found(tokenizer, "replacement_character", train=[*TRAIN, ("caf\ufffd", "a")])
    assert (finding.severity, finding.rows) == ("soft", ("train.csv:5",))


def test_a_row_of_a_hundred_thousand_characters_is_soft_and_cut(tokenizer: Tokenizer, tmp_path: Path) -> None:
    longest, longer = "refund " * 14_285 + "notes", "refund " * 14_285 + "please"
    assert (len(longest), len(longer)) == (100_000, 100_001)
    content = jsonl({"text": longest, "label": "a"}, {"text": longer, "label": "b"})
    every = findings(tokenizer, read_text(tmp_path, "t.jsonl", content))
    [finding, _] = [finding for finding in every if finding.name == "long_text"]
    assert (finding.severity, finding.rows) == ("soft", ("t.jsonl:2",))
    assert [finding.count for finding in every if finding.name == "cut_rows"] == [2, 2]


# WordPieces


def test_the_share_of_rows_cut_is_reported_with_the_rows(tokenizer: Tokenizer) -> None:
    every = findings(tokenizer, dataset_of(train=TRAIN, validation=VALIDATION), length=5)
    train, validation = [finding for finding in every if finding.name == "cut_rows"]
    assert (train.value, train.rows, train.count) == (0.5, ("train.csv:1", "train.csv:2"), 2)
    assert train.message == "2 of 4 rows cut to 5 tokens"
    assert train.remedy == "raise data.max_length_tokens"
    assert (validation.value, validation.rows, validation.remedy) == (0.0, (), "")


def test_the_share_of_unknown_wordpieces_leaves_special_tokens_out(tokenizer: Tokenizer) -> None:
    train, validation = found(tokenizer, "unknown_wordpieces", train=[("☃ ☃ late", "a"), ("hi", "b")])
    assert train.value == 2 / 4
    assert (train.rows, train.count) == (("train.csv:1",), 1)
    assert validation.value == 0.0


def test_all_wordpieces_may_be_unknown(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write_tiny_bert(tmp_path))
    dataset = dataset_of(train=[("☃", "a"), ("☂", "b")], validation=[("☁", "a")])
    unknown = [finding for finding in findings(tokenizer, dataset) if finding.name == "unknown_wordpieces"]
    assert [finding.value for finding in unknown] == [1.0, 1.0]


# Duplicates and leaks


def test_duplicates_within_a_split_are_soft_and_the_later_rows_are_named(tokenizer: Tokenizer) -> None:
    train = [*TRAIN, ("THE order  was late", "a"), ("the order was late", "a")]
    [finding] = found(tokenizer, "duplicates", train=train)
    assert (finding.severity, finding.split) == ("soft", "train")
    assert (finding.rows, finding.count, finding.value) == (("train.csv:5", "train.csv:6"), 2, 2 / 6)
    assert 'data.deduplicate = "folded"' in finding.remedy
    assert found(tokenizer, "conflicting_labels", train=train) == []


def test_the_same_text_under_another_class_is_named(tokenizer: Tokenizer) -> None:
    [finding] = found(tokenizer, "conflicting_labels", train=[*TRAIN, ("Money back", "a")])
    assert (finding.severity, finding.rows) == ("soft", ("train.csv:4", "train.csv:5"))


def many(count: int) -> Pairs:
    return [(f"message {number}", "ab"[number % 2]) for number in range(count)]


@pytest.mark.parametrize(
    ("leaked", "rows", "severity"),
    [(1, 100, "hard"), (1, 101, "soft"), (2, 199, "hard"), (11, 700, "hard"), (1, 1, "hard")],
)
def test_a_leak_into_validation_is_hard_from_one_percent(
    tokenizer: Tokenizer, leaked: int, rows: int, severity: str
) -> None:
    validation = [(f"other {number}", "ab"[number % 2]) for number in range(rows - leaked)] + many(leaked)
    [finding] = found(tokenizer, "leak", train=many(30), validation=validation)
    assert (finding.severity, finding.split, finding.count) == (severity, "validation", leaked)
    assert finding.value == leaked / rows


def test_a_leak_is_seen_through_case_and_spacing_and_says_what_is_to_the_letter(tokenizer: Tokenizer) -> None:
    validation = [("The order was late", "b"), (" i want a refund", "b"), ("money back", "b"), ("new", "a")]
    [finding] = found(tokenizer, "leak", validation=validation)
    assert finding.rows == ("validation.csv:1", "validation.csv:2", "validation.csv:3")
    assert finding.message == (
        "3 of 4 rows also in train, case and spacing ignored: 1 of them to the letter, 1 under another class"
    )
    assert 'data.deduplicate = "folded"' in finding.remedy


def test_a_test_split_is_held_against_train_and_validation(tokenizer: Tokenizer) -> None:
    from_train, from_validation = found(tokenizer, "leak", test=[TRAIN[0], VALIDATION[0], ("new", "b")])
    assert (from_train.severity, from_train.split, from_train.rows) == ("hard", "test", ("test.csv:1",))
    assert (from_validation.severity, from_validation.split, from_validation.rows) == ("soft", "test", ("test.csv:2",))


def test_a_pair_leaks_only_if_both_sentences_do(tokenizer: Tokenizer) -> None:
    def leaks(second: str) -> list[Finding]:
        train = [Row("x", "y", "a", "t:1"), Row("v", "w", "b", "t:2")]
        dataset = build_dataset({"train": train, "validation": [Row("x", second, "a", "v:1")]}, "ab", source="files")
        return [finding for finding in findings(tokenizer, dataset) if finding.name == "leak"]

    assert leaks("w") == []
    assert [finding.rows for finding in leaks("Y")] == [("v:1",)]


def test_deduplicated_data_has_neither_duplicates_nor_leaks(tokenizer: Tokenizer, tmp_path: Path) -> None:
    rows = [{"text": f"Message {n // 3} {'  ' * (n % 2)}", "label": "ab"[n // 3 % 2]} for n in range(60)]
    clean = read_text(tmp_path, "t.jsonl", jsonl(*rows), validation_fraction=0.3, deduplicate="folded")
    assert {finding.name for finding in findings(tokenizer, clean)} == ALWAYS
    dirty = read_text(tmp_path, "t.jsonl", jsonl(*rows), validation_fraction=0.3)
    assert {"duplicates", "leak"} < {finding.name for finding in findings(tokenizer, dirty)}


# Findings


def test_twenty_rows_are_kept_and_all_are_counted(tokenizer: Tokenizer) -> None:
    [finding] = found(tokenizer, "duplicates", train=[*TRAIN, *[("the order was late", "a")] * 30])
    assert len(finding.rows) == 20
    assert finding.count == 30
    assert "(train.csv:5, train.csv:6, train.csv:7, train.csv:8, train.csv:9 and 25 more)" in str(finding)


def example(**fields: Any) -> Finding:
    return Finding(**{"name": "leak", "severity": "hard", "split": "validation", "message": "rows leak"} | fields)


def test_all_hard_faults_are_listed_with_rows_and_remedies() -> None:
    hard = [example(rows=("v:1",), count=1, remedy="drop them"), example(split="test", message="more leak")]
    with pytest.raises(DataError) as caught:
        refuse_hard([*hard, example(severity="soft", message="only soft")])
    assert "2 hard faults:" in str(caught.value)
    assert "\n  - validation: rows leak (v:1); drop them" in str(caught.value)
    assert "\n  - test: more leak" in str(caught.value)
    assert "only soft" not in str(caught.value)


def test_soft_findings_stop_nothing() -> None:
    refuse_hard([example(severity="soft")])
    refuse_hard([])
