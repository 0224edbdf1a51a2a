"""Which of the rows that were read are used: every field of the spec's data table acts, and acts alike every time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from data_examples import dataset_of, jsonl, read, rows_of
from hypothesis import given
from hypothesis import strategies as st

from bertbench.data.dataset import Row, build_dataset
from bertbench.data.identity import fold, identity
from bertbench.data.selection import drop_duplicates, first_rows_in_turn, keep_labels, split_off_validation
from bertbench.errors import DataError

LABELS = ("a", "b", "c")
# Few different texts, so that duplicates come by themselves, in case and spacing too.
some_rows = st.lists(
    st.tuples(st.sampled_from(["x", "X", " x", "x y", "x  y", "z", "ß", "SS", ""]), st.sampled_from(LABELS))
)


def write(folder: Path, name: str, pairs: list[tuple[str, str]]) -> None:
    (folder / name).write_text(jsonl(*({"text": text, "label": label} for text, label in pairs)))


# Classes


def test_labels_keeps_these_classes_numbered_in_this_order(tmp_path: Path) -> None:
    write(tmp_path, "train.jsonl", [("1", "a"), ("2", "b"), ("3", "c"), ("4", "a")])
    every = read(tmp_path, train="train.jsonl")
    some = read(tmp_path, train="train.jsonl", labels=("c", "a"))
    assert every.label_names == ("a", "b", "c")
    assert some.label_names == ("c", "a")
    assert some.splits["train"].texts == ("1", "3", "4")
    assert some.splits["train"].labels == (1, 0, 1)


def test_a_class_that_occurs_nowhere_is_refused_with_the_nearest() -> None:
    with pytest.raises(DataError, match=r"'refunds'[\s\S]*write 'refund'"):
        keep_labels({"train": rows_of([("x", "refund"), ("y", "login")])}, ("refunds", "login"))
    with pytest.raises(DataError, match="write one of 'login', 'refund'"):
        keep_labels({"train": rows_of([("x", "refund"), ("y", "login")])}, ("0", "1"))


def test_no_row_left_of_a_split_is_refused() -> None:
    splits = {"train": rows_of([("x", "a"), ("y", "b")]), "validation": rows_of([("z", "c")])}
    with pytest.raises(
        DataError, match=r"validation: no row left of the 1; [\s\S]*remedy: keep classes that validation has too"
    ):
        keep_labels(splits, ("a", "b"))


def test_a_class_of_another_split_gets_a_number_too() -> None:
    assert dataset_of(train=[("x", "b")], validation=[("y", "a")]).label_names == ("a", "b")


# Duplicates


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Hello", "hello", True),
        (" hello  you\n", "hello you", True),
        ("Straße", "STRASSE", True),
        ("hello", "hello!", False),
        ("", " \t", True),
    ],
)
def test_folding_ignores_case_and_spacing_only(one: str, other: str, same: bool) -> None:
    assert (fold(one) == fold(other)) is same
    assert identity([one], folded=False) != identity([other], folded=False)


def test_duplicates_stay_in_validation_then_test_then_train() -> None:
    splits = {
        "train": rows_of([("one", "a"), ("TWO", "a"), ("three", "b"), ("three", "b"), ("four", "b")]),
        "validation": rows_of([("two", "a"), ("two", "a")]),
        "test": rows_of([("Two", "a"), ("one ", "b")]),
    }
    kept = drop_duplicates(splits, "folded")
    assert {split: [row.text for row in rows] for split, rows in kept.items()} == {
        "train": ["three", "four"],
        "validation": ["two"],
        "test": ["one "],
    }
    assert list(kept) == list(splits)


def test_exact_keeps_what_differs_in_case_and_no_keeps_everything() -> None:
    splits = {"train": rows_of([("x", "a"), ("X", "a"), ("x", "b")])}
    assert [row.text for row in drop_duplicates(splits, "exact")["train"]] == ["x", "X"]
    assert drop_duplicates(splits, "no") == splits


def test_a_pair_repeats_another_only_if_both_sentences_do() -> None:
    rows = [Row("x", "y", "a", "1"), Row("x", "z", "a", "2"), Row("X", "Y", "b", "3"), Row("xy", "", "b", "4")]
    assert [row.origin for row in drop_duplicates({"train": rows}, "folded")["train"]] == ["1", "2", "4"]


def test_a_split_of_nothing_but_duplicates_is_refused() -> None:
    splits = {"train": rows_of([("x", "a")]), "validation": rows_of([("X", "a")])}
    with pytest.raises(DataError, match=r"train: no row left; each of the 1 [\s\S]*data\.validation_fraction"):
        drop_duplicates(splits, "folded")


@given(train=some_rows, validation=some_rows, folded=st.booleans())
def test_deduplication_leaves_no_two_rows_alike_and_loses_no_text(
    train: list[tuple[str, str]], validation: list[tuple[str, str]], folded: bool
) -> None:
    splits = {"train": rows_of([("kept", "a"), *train]), "validation": rows_of([("kept too", "a"), *validation])}
    kept = drop_duplicates(splits, "folded" if folded else "exact")
    before = [identity(row.sentences, folded=folded) for rows in splits.values() for row in rows]
    after = [identity(row.sentences, folded=folded) for rows in kept.values() for row in rows]
    assert len(after) == len(set(after))
    assert set(after) == set(before)


# The validation share


@given(pairs=some_rows.filter(bool), fraction=st.floats(0.01, 0.99), seed=st.integers(0, 5))
def test_the_validation_share_is_drawn_within_each_class(
    pairs: list[tuple[str, str]], fraction: float, seed: int
) -> None:
    rows = rows_of(pairs)
    stay, drawn = split_off_validation(rows, fraction, seed)
    assert sorted(stay + drawn) == sorted(rows)
    assert [row for row in rows if row in stay] == stay
    assert [row for row in rows if row in drawn] == drawn
    counts, of_class = Counter(row.label for row in drawn), Counter(row.label for row in rows)
    for label, count in of_class.items():
        assert counts[label] == min(max(int(fraction * count + 0.5), 1), count - 1)


@given(st.data())
def test_the_draw_does_not_depend_on_the_order_of_the_file(data: st.DataObject) -> None:
    rows = rows_of([(f"text {n}", LABELS[n % 3]) for n in range(30)])
    shuffled = data.draw(st.permutations(rows))
    assert set(split_off_validation(rows, 0.3, 7)[1]) == set(split_off_validation(shuffled, 0.3, 7)[1])


def test_the_draw_is_fixed_by_its_seed_for_good() -> None:
    rows = rows_of([(f"text {n}", "a") for n in range(20)])
    drawn = {seed: [row.text for row in split_off_validation(rows, 0.2, seed)[1]] for seed in (0, 1)}
    assert drawn == {
        0: ["text 2", "text 3", "text 14", "text 18"],
        1: ["text 2", "text 4", "text 15", "text 19"],
    }


def test_split_seed_and_validation_fraction_reach_the_draw(tmp_path: Path) -> None:
    write(tmp_path, "train.jsonl", [(f"text {n}", LABELS[n % 2]) for n in range(40)])
    one = read(tmp_path, train="train.jsonl", validation_fraction=0.1)
    other = read(tmp_path, train="train.jsonl", validation_fraction=0.1, split_seed=1)
    more = read(tmp_path, train="train.jsonl", validation_fraction=0.5)
    assert one.splits["validation"].rows == other.splits["validation"].rows == 4
    assert set(one.splits["validation"].texts) != set(other.splits["validation"].texts)
    assert more.splits["validation"].rows == 20
    assert not set(one.splits["train"].texts) & set(one.splits["validation"].texts)


def test_duplicates_are_dropped_before_the_draw_so_none_can_leak(tmp_path: Path) -> None:
    write(tmp_path, "train.jsonl", [(f"text {n // 4}", "ab"[n // 4 % 2]) for n in range(40)])
    dataset = read(tmp_path, train="train.jsonl", validation_fraction=0.4, deduplicate="exact")
    assert {name: split.rows for name, split in dataset.splits.items()} == {"train": 6, "validation": 4}


def test_classes_of_one_row_leave_nothing_to_draw(tmp_path: Path) -> None:
    write(tmp_path, "train.jsonl", [("x", "a"), ("y", "b")])
    with pytest.raises(DataError, match="validation: no rows"):
        read(tmp_path, train="train.jsonl", validation_fraction=0.5)


# Numbers of rows


def test_rows_are_kept_class_by_class_in_turn_and_stay_in_file_order() -> None:
    rows = rows_of([("1", "a"), ("2", "a"), ("3", "a"), ("4", "b"), ("5", "c"), ("6", "b"), ("7", "a")])
    kept = {n: [row.text for row in first_rows_in_turn(rows, n, LABELS, split="train")] for n in range(1, 8)}
    assert kept == {
        1: ["1"],
        2: ["1", "4"],
        3: ["1", "4", "5"],
        4: ["1", "2", "4", "5"],
        5: ["1", "2", "4", "5", "6"],
        6: ["1", "2", "3", "4", "5", "6"],
        7: ["1", "2", "3", "4", "5", "6", "7"],
    }


def test_the_order_of_the_classes_decides_who_gets_the_odd_row() -> None:
    rows = rows_of([("1", "a"), ("2", "b"), ("3", "a"), ("4", "b")])
    assert [row.text for row in first_rows_in_turn(rows, 3, ("b", "a"), split="train")] == ["1", "2", "4"]


def test_numbers_of_rows_act_on_their_own_split(tmp_path: Path) -> None:
    write(tmp_path, "t.jsonl", [(f"text {n}", LABELS[n % 2]) for n in range(10)])
    dataset = read(tmp_path, train="t.jsonl", test="t.jsonl", train_rows=6, validation_rows=4, test_rows=3)
    assert {name: split.rows for name, split in dataset.splits.items()} == {"train": 6, "validation": 4, "test": 3}
    assert dataset.splits["test"].texts == ("text 0", "text 1", "text 2")


def test_more_rows_than_there_are_is_refused() -> None:
    with pytest.raises(DataError, match=r"data\.train_rows = 3, but there are 2 rows"):
        first_rows_in_turn(rows_of([("x", "a"), ("y", "b")]), 3, LABELS, split="train")


def test_rows_of_a_split_that_is_not_there_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "t.jsonl", [("x", "a"), ("y", "b")])
    with pytest.raises(DataError, match=r"data\.test_rows: there is no test split"):
        read(tmp_path, train="t.jsonl", test_rows=1)


# The digest


def test_the_digest_sees_texts_pairs_classes_splits_and_their_order() -> None:
    def digest(*rows: tuple[str, str | None, str], names: tuple[str, ...] = ("a", "b"), split: str = "train") -> str:
        made = [Row(*row, origin=f"{number}") for number, row in enumerate(rows)]
        return build_dataset({split: made}, names, source="files").sha256

    base = (("x", None, "a"), ("y", None, "b"))
    others = [
        digest(*base[::-1]),
        digest(base[0], ("Y", None, "b")),
        digest(base[0], ("y", None, "a")),
        digest(*base, names=("b", "a")),
        digest(*base, names=("a", "b", "c")),
        digest(*base, split="validation"),
        digest(("x", "", "a"), ("y", "", "b")),
        digest(("xy", None, "a"), ("", None, "b")),
        digest(base[0]),
    ]
    assert len({digest(*base), *others}) == len(others) + 1
    assert digest(*base) == digest(*base)


def test_the_digest_takes_text_that_no_encoding_takes() -> None:
    assert dataset_of(train=[("\ud800", "a")]).sha256 != dataset_of(train=[("\ud801", "a")]).sha256
