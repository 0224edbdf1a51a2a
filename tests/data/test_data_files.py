"""Files in, rows out; and what is said about files that cannot be used."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from data_examples import FOUR_ROWS, jsonl, read, read_text
from hypothesis import given
from hypothesis import strategies as st

from bertbench.data import Dataset, read_dataset
from bertbench.data.delimited import Layout, delimited_rows
from bertbench.data.rows import Columns
from bertbench.errors import DataAbsentError, DataError
from bertbench.spec import DataSpec

CSV = "text,label\nwhere is my parcel,delivery\ni want my money back,refund\n"


def texts(dataset: Dataset, split: str = "train") -> tuple[str, ...]:
    return dataset.splits[split].texts


def test_csv_gives_texts_class_numbers_and_the_line_of_each_row(tmp_path: Path) -> None:
    dataset = read_text(tmp_path, "train.csv", CSV)
    train = dataset.splits["train"]
    assert train.texts == ("where is my parcel", "i want my money back")
    assert train.text_pairs is None
    assert dataset.label_names == ("delivery", "refund")
    assert train.labels == (0, 1)
    assert train.origins == ("train.csv:2", "train.csv:3")
    assert dataset.source == "files"


def test_a_quoted_line_break_is_text_and_the_origin_is_the_line_where_the_record_starts(tmp_path: Path) -> None:
    content = 'text,label\n"first\nsecond",a\n\n"say ""hi"", please",b\n'
    train = read_text(tmp_path, "train.csv", content).splits["train"]
    assert train.texts == ("first\nsecond", 'say "hi", please')
    assert train.origins == ("train.csv:2", "train.csv:5")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_every_way_to_end_a_line_is_read_in_csv(tmp_path: Path, ends: str) -> None:
    dataset = read_text(tmp_path, "train.csv", CSV.replace("\n", ends))
    assert texts(dataset) == ("where is my parcel", "i want my money back")


def test_tsv_without_header_has_numbered_columns_and_no_quoting(tmp_path: Path) -> None:
    content = 'ham\t"how are you\nspam\tfree entry"\n'
    dataset = read_text(tmp_path, "messages", content, format="tsv", header=False, text=1, label=0)
    assert texts(dataset) == ('"how are you', 'free entry"')
    assert dataset.splits["train"].origins == ("messages:1", "messages:2")


def test_another_delimiter_is_used_when_given(tmp_path: Path) -> None:
    assert texts(read_text(tmp_path, "train.csv", CSV.replace(",", ";"), delimiter=";"))[0] == "where is my parcel"


def test_jsonl_is_one_object_a_line(tmp_path: Path) -> None:
    content = jsonl({"text": "a\u2028b", "label": "x", "more": 1}) + "\r\n" + jsonl({"text": "c", "label": "y"})
    train = read_text(tmp_path, "train.jsonl", content).splits["train"]
    assert train.texts == ("a\u2028b", "c")
    assert train.origins == ("train.jsonl:1", "train.jsonl:3")


def test_a_line_separator_within_a_json_string_does_not_end_the_line(tmp_path: Path) -> None:
    content = '{"text": "a\u2028b", "label": "x"}\n{"text": "c", "label": "y"}\n'
    assert texts(read_text(tmp_path, "train.jsonl", content)) == ("a\u2028b", "c")


def test_numbers_as_labels_become_their_digits(tmp_path: Path) -> None:
    dataset = read_text(tmp_path, "train.jsonl", jsonl({"text": "a", "label": 1}, {"text": "b", "label": -1}))
    assert dataset.label_names == ("-1", "1")


def test_parquet_gives_rows_counted_from_zero(tmp_path: Path) -> None:
    write_parquet(tmp_path / "train.parquet", text=["a", "b"], label=[3, 1], other=[None, None])
    dataset = read(tmp_path, train="train.parquet")
    assert texts(dataset) == ("a", "b")
    assert dataset.label_names == ("1", "3")
    assert dataset.splits["train"].origins == ("train.parquet[0]", "train.parquet[1]")


def write_parquet(path: Path, **columns: list[Any]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(columns), path)


def test_the_same_rows_give_the_same_digest_whatever_the_format_and_folder(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_parquet(
        other / "t.parquet", text=["where is my parcel", "i want my money back"], label=["delivery", "refund"]
    )
    rows = [{"text": text, "label": label} for text, label in FOUR_ROWS[:2]]
    digests = {
        read_text(tmp_path, "train.csv", CSV).sha256,
        read_text(other, "train.csv", CSV).sha256,
        read_text(tmp_path, "train.jsonl", jsonl(*rows)).sha256,
        read(other, train="t.parquet").sha256,
    }
    assert len(digests) == 1


def test_pairs_are_read_from_two_columns(tmp_path: Path) -> None:
    content = "premise,hypothesis,label\nit rains,it is wet,1\nit rains,it is dry,0\n"
    dataset = read_text(tmp_path, "train.csv", content, text="premise", text_pair="hypothesis")
    assert dataset.splits["train"].text_pairs == ("it is wet", "it is dry")


@pytest.mark.parametrize(
    ("encoding", "written"),
    [("utf-8", "utf-8-sig"), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"), ("cp1252", "cp1252")],
)
def test_encodings_are_read_and_a_byte_order_mark_is_no_text(tmp_path: Path, encoding: str, written: str) -> None:
    content = "text,label\ncafé,a\nthé,b\n".encode(written)
    assert texts(read_text(tmp_path, "train.csv", content, encoding=encoding)) == ("café", "thé")


def test_a_folder_may_name_an_environment_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "train.csv").write_text(CSV)
    monkeypatch.setenv("MY_DATA", str(tmp_path))
    spec = DataSpec(source="files", folder="${MY_DATA}/mine", train="train.csv", validation="train.csv")
    assert texts(read_dataset(spec, base_folder=Path("/nowhere")))


def test_a_relative_folder_starts_at_the_specs_own(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "train.csv").write_text(CSV)
    spec = DataSpec(source="files", folder="mine", train="train.csv", validation="train.csv")
    assert texts(read_dataset(spec, base_folder=tmp_path))


def test_the_process_wide_limit_of_the_csv_module_is_put_back(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    dataset = read_text(tmp_path, "train.csv", f"text,label\n{'word ' * 100_000},a\nb,b\n")
    assert len(texts(dataset)[0]) == 500_000
    assert csv.field_size_limit() == before


# What is not there.


def test_an_unset_variable_is_named_with_what_to_set_it_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_DATA", raising=False)
    with pytest.raises(DataAbsentError, match=r"MY_DATA is not set[^$]*export MY_DATA=/path/to/data"):
        read(Path("${MY_DATA}/mine"))


def test_a_missing_folder_is_absent_data(tmp_path: Path) -> None:
    with pytest.raises(DataAbsentError, match="missing is no folder on this machine"):
        read(tmp_path / "missing")


def test_a_missing_file_is_absent_data_and_the_nearest_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "training.csv").write_text(CSV)
    with pytest.raises(DataAbsentError, match=r"train\.csv: no such file; there is 'training\.csv'"):
        read(tmp_path)


# What cannot be used: (file name, content, fields, what the message says).
BAD_FILES: dict[str, tuple[str, str | bytes, dict[str, Any], str]] = {
    "empty": ("train.csv", "", {}, "train.csv: no rows in it"),
    "only column names": ("train.csv", "text,label\n", {}, "no rows in it"),
    "blank lines only": ("train.jsonl", "\n\n", {}, "no rows in it"),
    "not UTF-8": ("train.csv", "text,label\nok,a\ncafé,b\n".encode("cp1252"), {}, "byte 0xe9 at offset 19, line 3"),
    "not UTF-8, remedy": (
        "train.csv",
        "text,label\ncafé,b\n".encode("cp1252"),
        {},
        'data.encoding, perhaps to "cp1252"',
    ),
    "UTF-16": ("train.csv", CSV.encode("utf-16"), {}, 'perhaps to "utf-16"'),
    "UTF-8 read as ASCII": ("train.csv", "text,label\ncafé,b\n", {"encoding": "ascii"}, 'perhaps to "utf-8"'),
    "UTF-16 without mark": ("train.csv", CSV.encode("utf-16-le"), {}, "full of NUL bytes when read as 'utf-8'"),
    "UTF-16 without mark, remedy": ("train.csv", CSV.encode("utf-16-be"), {}, 'data.encoding = "utf-16-be"'),
    "half a character": (
        "train.csv",
        CSV.encode("utf-16") + b"x",
        {"encoding": "utf-16"},
        "not in the encoding 'utf-16'",
    ),
    "unknown encoding": ("train.csv", CSV, {"encoding": "utf-9"}, "'utf-9' is no text encoding"),
    "codec that is none of text": ("train.csv", CSV, {"encoding": "hex"}, "'hex' is no text encoding"),
    "codec that decodes nothing": ("train.csv", CSV, {"encoding": "undefined"}, "not in the encoding 'undefined'"),
    "wrong delimiter": ("train.csv", CSV.replace(",", ";"), {}, "one column found, 'text;label'"),
    "wrong delimiter, remedy": ("train.csv", CSV.replace(",", "\t"), {}, 'set data.delimiter = "\\t"'),
    "wrong delimiter, no guess": ("train.csv", CSV.replace(",", "~"), {}, 'set data.delimiter = "<character>"'),
    "impossible delimiter": ("train.csv", CSV, {"delimiter": '"'}, "write the character that does"),
    "missing column": ("train.csv", CSV.replace("label", "Labels"), {}, 'write data.label = "Labels"'),
    "missing column, none near": ("train.csv", "text,y\na,b\n", {}, "no column 'label'; the columns are 'text', 'y'"),
    "column twice": ("train.csv", "text,label,text\na,b,c\n", {}, "two columns are called 'text'"),
    "column for two things": ("train.csv", CSV, {"label": "text"}, "the same column cannot hold two things"),
    "number despite header": ("train.csv", CSV, {"text": 0, "label": 1}, "data.header = false if that is a row"),
    "number too large": ("train.csv", CSV, {"header": False, "text": 2, "label": 0}, "columns are numbered 0 to 1"),
    "name without header": ("train.csv", CSV, {"header": False}, "data.text as a number from 0 to 1"),
    "ragged row": ("train.csv", CSV + "one, two,refund\n", {}, "train.csv:4: 3 fields, expected 2"),
    "short row": ("train.csv", CSV + "one\n", {}, "train.csv:4: 1 fields, expected 2"),
    "open quote": ("train.csv", CSV + '"never closed,refund\nmore,refund\n', {}, "train.csv:4: the record that starts"),
    "text after a quote": ("train.csv", CSV + '"a"b,refund\n', {}, "train.csv:4: the record that starts"),
    "empty label in CSV": ("train.csv", CSV + "text without class,\n", {}, "train.csv:4: data.label is missing"),
    "blank label in CSV": ("train.csv", CSV + "text without class, \n", {}, "train.csv:4: data.label is missing"),
    "bad JSON": ("train.jsonl", jsonl({"text": "a", "label": "b"}) + "{oops\n", {}, "train.jsonl:2: no JSON"),
    "deep JSON": ("train.jsonl", "[" * 100_000, {}, "train.jsonl:1: no JSON"),
    "endless number": ("train.jsonl", '{"text": "a", "label": ' + "1" * 5_000 + "}", {}, "train.jsonl:1: no JSON"),
    "JSON list": ("train.jsonl", '["a", "b"]\n', {}, "train.jsonl:1: a JSON list, expected an object"),
    "JSON text": ("train.jsonl", '"a"\n', {}, "train.jsonl:1: a JSON str, expected an object"),
    "missing key": ("train.jsonl", jsonl({"Text": "a", "label": "b"}), {}, 'write data.text = "Text"'),
    "no keys": ("train.jsonl", "{}\n", {}, "no column 'text'; the columns are none"),
    "key by number": ("train.jsonl", jsonl({"text": "a", "label": "b"}), {"text": 0}, "columns have names here"),
    "text that is a number": (
        "train.jsonl",
        jsonl({"text": 7, "label": "b"}),
        {},
        "data.text is '7' (int), expected a string",
    ),
    "text that is null": ("train.jsonl", jsonl({"text": None, "label": "b"}), {}, "data.text is missing"),
    "label that is null": (
        "train.jsonl",
        jsonl({"text": "a", "label": None}),
        {},
        "train.jsonl:1: data.label is missing",
    ),
    "label that is NaN": ("train.jsonl", '{"text": "a", "label": NaN}\n', {}, "data.label is 'nan' (float)"),
    "label that is a list": ("train.jsonl", jsonl({"text": "a", "label": ["b"]}), {}, "(list), expected the name"),
    "not Parquet": ("train.parquet", CSV, {}, "train.parquet: not a readable Parquet file"),
    "empty Parquet": ("train.parquet", "", {}, "train.parquet: not a readable Parquet file"),
    "unknown ending": ("train.txt", CSV, {}, "the ending '.txt' does not say the format"),
    "header of JSONL": ("train.jsonl", "{}", {"header": False}, "data.header has no meaning for jsonl files"),
    "encoding of Parquet": ("train.parquet", "", {"encoding": "cp1252"}, "data.encoding has no meaning for parquet"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_cannot_be_used_is_refused_with_place_and_remedy(tmp_path: Path, case: str) -> None:
    name, content, fields, said = BAD_FILES[case]
    with pytest.raises(DataError) as caught:
        read_text(tmp_path, name, content, **fields)
    assert said in str(caught.value)
    assert caught.value.remedy
    assert not isinstance(caught.value, DataAbsentError)


def test_a_parquet_column_that_is_missing_or_of_another_type_is_named(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", sentence=["x"], label=["y"])
    with pytest.raises(DataError, match="no column 'text'; the columns are 'sentence', 'label'"):
        read(tmp_path, train="a.parquet")
    write_parquet(tmp_path / "b.parquet", text=["x", None], label=["y", "z"])
    with pytest.raises(DataError, match=r"b\.parquet\[1\]: data\.text is missing"):
        read(tmp_path, train="b.parquet")


def test_parquet_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa

    broken = pa.array([b"\xff"]).view(pa.string())
    write_parquet(tmp_path / "train.parquet", text=broken, label=["a"])
    with pytest.raises(DataError, match="not a readable Parquet file"):
        read(tmp_path, train="train.parquet")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").mkdir()
    with pytest.raises(DataError, match=r"train\.csv: cannot be read"):
        read(tmp_path)


#: Without NUL bytes, which Python 3.10's csv module neither writes nor reads, and later ones leave to the checks.
_TEXT = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
#: A blank one is a missing label, and is refused.
_LABEL = st.text(_TEXT, min_size=1).filter(str.strip)


@given(st.lists(st.tuples(st.text(_TEXT), _LABEL), min_size=1))
def test_whatever_the_csv_module_writes_is_read_back(rows: list[tuple[str, str]]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written).writerows([("text", "label"), *rows])
    columns, layout = Columns("text", None, "label"), Layout(",", quoted=True, header=True)
    read_back = delimited_rows(written.getvalue(), columns, layout, where="t.csv")
    assert [(row.text, row.label) for row in read_back] == rows
