"""Text reaches the reader as it was, whatever Markdown or HTML would make of it."""

from __future__ import annotations

import html
import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_maker import make_failed_record, make_record

from bertbench.report.tensorboard.words import plain, run_words

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # a copy of html5lib in TensorBoard warns of itself
    from tensorboard.plugin_util import markdown_to_safe_html


def shown(markdown: str) -> list[str]:
    """The lines a reader sees, tags and the spaces around lines removed."""
    page = re.sub(r"<br ?/?>|</p>", "\n", markdown_to_safe_html(markdown))
    text = html.unescape(re.sub(r"<[^>]*>", "", page))
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize(
    "text",
    [
        "accuracy 0.95 < 0.97 | seed 3 > seed 4",
        "<b>bold</b> <script>alert(1)</script>",
        "&lt; stays &lt;",
        "a *star*, an _underscore_, a `tick`, a ~tilde~, [MASK] and ![x](y)",
        "# no heading",
        "- no list",
        "1. no list either",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "```\nno code\n```",
        "> no quotation",
        "---",
        "first\nsecond\n\nafter a blank line",
        "Grüße, 你好, 🙂",
        "C:\\path\\n",
    ],
)
def test_plain_text_is_shown_as_it_is(text: str):
    assert shown(plain(text)) == [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")) | st.sampled_from("|<>&*_`~\n#-")))
def test_any_text_is_shown_as_it_is(text: str):
    assert shown(plain(text)) == [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_a_run_says_its_outcome_findings_and_environment_and_its_verdict_if_there_is_one():
    assert set(run_words(make_record(), None)) == {"outcome", "data_findings", "environment"}
    assert shown(run_words(make_record(), "pass: 0.98 >= 0.97")["verdict"]) == ["pass: 0.98 >= 0.97"]


def test_a_run_that_broke_off_early_says_what_it_knows():
    early = make_failed_record().model_copy(update={"data": None, "environment": None, "seeds": ()})
    words = run_words(early, None)
    assert set(words) == {"outcome"}
    assert "NonFiniteLossError: loss is nan" in " ".join(shown(words["outcome"]))


def test_failures_name_the_seed_the_phase_the_epoch_and_the_step():
    lines = shown(run_words(make_failed_record(), None)["outcome"])
    assert lines[0] == "failed: the card's fine-tune"
    assert "seed 1, steps, epoch 1, step 5: NonFiniteLossError: loss is nan [MASK] <b>" in lines


def test_a_finding_is_one_line_with_its_rows():
    (line,) = shown(run_words(make_record(), None)["data_findings"])
    assert line == "soft, duplicates, train: 2 rows say the same: 'a | b' <c> [MASK] Rows: 3, 7"


def test_no_findings_are_said_to_be_none():
    record = make_record()
    assert record.data is not None
    clean = record.model_copy(update={"data": record.data.model_copy(update={"findings": ()})})
    assert shown(run_words(clean, None)["data_findings"]) == ["The data checks found nothing."]


def test_the_environment_is_two_tables_whose_cells_survive_a_bar():
    page = markdown_to_safe_html(run_words(make_record(), None)["environment"])
    assert page.count("<table>") == 2
    assert html.unescape(page).count("<td>Some | Processor <R></td>") == 1
