"""The embedded set, held to what its datasheet says of it."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bertbench.checkpoints import open_checkpoint
from bertbench.data import SPLITS, Dataset, check, load_tokenizer, read_dataset, tokenize
from bertbench.data.identity import identity
from bertbench.spec import CheckpointSpec, DataSpec

CLASSES = ("charges", "defect", "delivery", "jobs", "privacy", "sign_in")
ROWS = {"train": 240, "validation": 300, "test": 60}
#: Words that would give a class away, with everything that is formed from them.
GIVEAWAYS = {
    "charges": r"\bcharg(e|ed|es|ing)\b",
    "defect": r"\bdefect",
    "delivery": r"\bdeliver",
    "jobs": r"\bjobs?\b",
    "privacy": r"\bprivacy\b",
    "sign_in": r"\bsign(s|ed|ing)?[ -]?in\b",
}
#: Of the 100 messages of a class, so many may hold its own name.
A_HANDFUL = 5


@pytest.fixture(scope="module")
def helpdesk() -> Dataset:
    """All 600 messages."""
    return read_dataset(DataSpec(), base_folder=Path())


@pytest.fixture(scope="module")
def messages(helpdesk: Dataset) -> list[tuple[str, str, str]]:
    """Split, text and class name of each."""
    return [
        (name, text, helpdesk.label_names[label])
        for name, split in helpdesk.splits.items()
        for text, label in zip(split.texts, split.labels, strict=True)
    ]


def test_rows_are_240_300_and_60_all_classes_alike(helpdesk: Dataset) -> None:
    assert helpdesk.label_names == CLASSES
    assert {name: split.rows for name, split in helpdesk.splits.items()} == ROWS
    for name, split in helpdesk.splits.items():
        assert Counter(split.labels) == dict.fromkeys(range(6), ROWS[name] // 6)


def test_messages_are_of_3_to_60_words(messages: list[tuple[str, str, str]]) -> None:
    lengths = [len(text.split()) for _, text, _ in messages]
    assert min(lengths) >= 3
    assert max(lengths) <= 60


def test_short_and_long_messages_are_in_every_split_and_class(messages: list[tuple[str, str, str]]) -> None:
    """Else length would tell the class, or one split be harder than another."""
    for split, label in itertools.product(SPLITS, CLASSES):
        lengths = [len(text.split()) for where, text, name in messages if (where, name) == (split, label)]
        assert min(lengths) <= 12
        assert max(lengths) >= 30


def test_no_two_messages_are_the_same(messages: list[tuple[str, str, str]]) -> None:
    assert len({identity((text,), folded=True) for _, text, _ in messages}) == 600


def test_no_two_messages_are_nearly_the_same(messages: list[tuple[str, str, str]]) -> None:
    """Over all splits, since a rewording in another split is a leak too. No template could pass."""
    words = [frozenset(re.findall(r"[a-z0-9']+", text.lower())) for _, text, _ in messages]
    near = [
        (messages[a][1], messages[b][1])
        for a, b in itertools.combinations(range(len(words)), 2)
        if len(words[a] & words[b]) > 0.5 * len(words[a] | words[b])
    ]
    assert near == []


@pytest.mark.parametrize("label", CLASSES)
def test_no_class_is_given_away_by_its_name(messages: list[tuple[str, str, str]], label: str) -> None:
    own = [text for _, text, name in messages if name == label and re.search(GIVEAWAYS[label], text.lower())]
    assert len(own) <= A_HANDFUL


def test_no_single_word_gives_a_class_away(messages: list[tuple[str, str, str]]) -> None:
    """A word of one class alone is in fewer than a quarter of its messages."""
    holding: dict[str, Counter[str]] = {}
    for _, text, label in messages:
        for word in set(re.findall(r"[a-z']+", text.lower())):
            holding.setdefault(word, Counter())[label] += 1
    telling = {word: counts for word, counts in holding.items() if len(counts) == 1 and max(counts.values()) >= 25}
    assert telling == {}


def test_nothing_in_it_looks_like_personal_data(messages: list[tuple[str, str, str]]) -> None:
    """No address of a person or a site, no number as long as a telephone's, a card's or an account's."""
    signs = re.compile(r"\S@\S|https?:|www\.|(?:\d[ -]?){10,}")
    assert [text for _, text, _ in messages if signs.search(text)] == []


def test_the_data_checks_find_no_fault(helpdesk: Dataset) -> None:
    """Also with the tokenizer of the weights it is used with: nothing cut, nothing unknown."""
    tokenizer = load_tokenizer(open_checkpoint(CheckpointSpec(), base_folder=Path()).folder)
    tokenized = tokenize(helpdesk, tokenizer, max_length_tokens=128, cache_folder=None)
    found = check(helpdesk, tokenized)
    assert {finding.severity for finding in found} == {"note"}
    assert tokenized.longest_row_tokens < 128


def linear_accuracy(helpdesk: Dataset, **how: object) -> float:
    """Tf-idf and logistic regression: fit on the 240, measured on the 300."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    train, validation = helpdesk.splits["train"], helpdesk.splits["validation"]
    vectorizer = TfidfVectorizer(**how)
    model = LogisticRegression(max_iter=2000).fit(vectorizer.fit_transform(train.texts), train.labels)
    return float(model.score(vectorizer.transform(validation.texts), validation.labels))


def test_a_bag_of_words_stays_clearly_below_bert(
    helpdesk: Dataset, record_property: Callable[[str, object], None]
) -> None:
    """BERT reaches 0.97 and more. It is what the datasheet says, within a message that another version may tip over."""
    accuracy = linear_accuracy(helpdesk)
    record_property("bag_of_words_accuracy", accuracy)  # into JUnit
    assert 0.75 < accuracy < 0.90
    assert abs(accuracy - _figure("scikit-learn's defaults")) < 1.5 / 300


def test_a_bag_of_pieces_of_words_is_what_the_datasheet_says(helpdesk: Dataset) -> None:
    """Better than words, and still below BERT."""
    accuracy = linear_accuracy(helpdesk, analyzer="char_wb", ngram_range=(2, 5))
    assert accuracy < 0.95
    assert abs(accuracy - _figure("pieces of words, 2 to 5 characters")) < 1.5 / 300


def _figure(of: str) -> float:
    """The number in the datasheet's line that ends so."""
    (figure,) = re.findall(rf"{of} \| ([\d.]+) \|", _DATASHEET.read_text(encoding="utf-8"))
    return float(figure)


_DATASHEET = Path(__file__).parents[1] / "bertbench" / "data" / "helpdesk" / "DATASHEET.md"


def test_the_datasheet_names_every_class_and_every_split() -> None:
    text = _DATASHEET.read_text(encoding="utf-8")
    for name in CLASSES:
        assert f"| `{name}` |" in text
    for split, rows in ROWS.items():
        assert f"| {split} | {rows} |" in text


def test_the_datasheet_is_part_of_the_package() -> None:
    """Beside the rows, so that whoever has them has it."""
    assert {path.name for path in _DATASHEET.parent.iterdir()} >= {"DATASHEET.md", *(f"{s}.jsonl" for s in SPLITS)}
