"""Data sets within the package, and the one that comes with it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from data_examples import jsonl

from bertbench.data import SPLITS, Tokenizer, check, read_dataset, tokenize
from bertbench.data.embedded import read_embedded
from bertbench.errors import DataError
from bertbench.spec import DataSpec


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A package folder with a helpdesk of one row per split."""
    (tmp_path / "helpdesk").mkdir()
    for split in SPLITS:
        row = {"text": f"a row of {split}", "label": "refund"}
        (tmp_path / "helpdesk" / f"{split}.jsonl").write_text(jsonl(row))
    return tmp_path


def test_the_three_splits_are_read_with_the_line_of_each_row(stand_in: Path) -> None:
    splits = read_embedded("helpdesk", root=stand_in)
    assert list(splits) == ["train", "validation", "test"]
    assert splits["test"] == [("a row of test", None, "refund", "test.jsonl:1")]


def test_a_missing_file_of_the_package_is_named(stand_in: Path) -> None:
    (stand_in / "helpdesk" / "test.jsonl").unlink()
    with pytest.raises(DataError, match=r"test\.jsonl: this file of the package cannot be read"):
        read_embedded("helpdesk", root=stand_in)


def test_an_unknown_name_is_refused_with_the_known_one() -> None:
    with pytest.raises(DataError, match=r"'embedded:help': no such data set[\s\S]*there is embedded:helpdesk"):
        read_dataset(DataSpec(source="embedded:help"), base_folder=Path())


# The real one.


def test_helpdesk_has_six_balanced_classes() -> None:
    dataset = read_dataset(DataSpec(source="embedded:helpdesk"), base_folder=Path("/nowhere"))
    assert len(dataset.label_names) == 6
    assert {name: sorted(Counter(split.labels).values()) for name, split in dataset.splits.items()} == {
        "train": [40] * 6,
        "validation": [50] * 6,
        "test": [10] * 6,
    }


def test_helpdesk_passes_its_own_checks(tokenizer: Tokenizer) -> None:
    dataset = read_dataset(DataSpec(source="embedded:helpdesk"), base_folder=Path("/nowhere"))
    found = check(dataset, tokenize(dataset, tokenizer, max_length_tokens=512, cache_folder=None))
    assert {finding.name for finding in found} == {"imbalance", "cut_rows", "unknown_wordpieces"}
    assert {finding.value for finding in found if finding.name == "cut_rows"} == {0.0}
