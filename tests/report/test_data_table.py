"""What the data checks saw, for a terminal."""

from __future__ import annotations

import re
from typing import Any

from record_maker import make_record

from bertbench.record import DataFacts, FindingRow
from bertbench.report.data_table import data_table
from bertbench.report.terminal import rendered


def shown(**changes: Any) -> str:
    facts = make_record().data
    assert facts is not None
    changed = DataFacts(**{**facts.model_dump(), "distinct_rows": {}, **changes})
    return rendered(data_table(changed), width=140, colour=False)


def finding(**more: Any) -> FindingRow:
    return FindingRow(**{"name": "empty_text", "severity": "hard", "split": "train", "message": "without text", **more})


def test_splits_have_rows_tokens_and_tokens_a_row() -> None:
    text = shown(rows={"train": 1600, "validation": 49}, tokens={"train": 30_000, "validation": 900})
    assert re.search(r"train +1,600 +30,000 +18\.8", text)
    assert re.search(r"validation +49 +900 +18\.4", text)


def test_a_split_without_rows_is_no_division_by_zero() -> None:
    assert re.search(r"test +0 +0 +-", shown(rows={"test": 0}, tokens={"test": 0}))


def test_classes_and_digest_are_there() -> None:
    assert "classes: billing, login" in shown()
    assert f"sha256: {'d' * 64}" in shown()


def test_every_severity_is_shown_with_its_split_and_message() -> None:
    findings = tuple(finding(severity=severity) for severity in ("hard", "soft", "note"))
    text = shown(findings=findings)
    for severity in ("hard", "soft", "note"):
        assert re.search(rf"^{severity} +train +without text$", text, re.MULTILINE)


def test_the_first_rows_are_named_and_that_there_are_more() -> None:
    rows = tuple(f"train.csv:{line}" for line in range(2, 10))
    assert "without text (train.csv:2, train.csv:3, train.csv:4, train.csv:5, train.csv:6, ...)" in shown(
        findings=(finding(rows=rows),)
    )
    assert "without text (train.csv:2)" in shown(findings=(finding(rows=rows[:1]),))


def test_text_of_the_data_is_never_read_as_markup() -> None:
    text = shown(findings=(finding(message="class '[red]x[/]'"),), label_names=("[b]", "[/b]"), source="[MASK]")
    for words in ("class '[red]x[/]'", "classes: [b], [/b]", "[MASK]"):
        assert words in text
